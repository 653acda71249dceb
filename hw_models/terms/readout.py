"""Phases as instruments read them."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from neurosc.hw_models.terms.base import ReadoutTerm, check_bits
from neurosc.network import FloatArray, wrap


@dataclasses.dataclass(frozen=True)
class PhaseQuantization(ReadoutTerm):
    """theta <- step round(theta / step), step = 2 pi / 2^bits, around the circle.

    The error has variance step^2 / 12, and turning all phases by a step turns the result by one.

    Parameters
    ----------
    bits
        2^bits levels on the circle; 1 to 32.
    """

    bits: int
    order: ClassVar[int] = 50

    def __post_init__(self) -> None:
        check_bits(self.bits, 1)

    def on_phases(self, phases: FloatArray) -> FloatArray:
        step = 2 * np.pi / 2**self.bits
        return wrap(step * np.round(phases / step))
