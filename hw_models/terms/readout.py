"""Phases as instruments read them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, ClassVar

import numpy as np

from neurosc.hw_models.terms.base import Quantity, ReadoutTerm
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

    bits: Annotated[int, Quantity("b", "bits", whole=True, least=1, most=32)]
    order: ClassVar[int] = 50

    def on_phases(self, phases: FloatArray, draw: np.random.Generator | None = None) -> FloatArray:
        step = 2 * np.pi / 2**self.bits
        return wrap(step * np.round(phases / step))
