"""The kinds of terms: what each may change, and when its randomness is drawn."""

from __future__ import annotations

import abc
from typing import ClassVar, Literal

import numpy as np

from neurosc.network import FloatArray, PhaseNetwork

Scope = Literal["frozen", "dynamic"]


class Term(abc.ABC):
    """One effect of a device.

    `scope` says when its randomness is drawn: "frozen" once for each chip at fabrication,
    "dynamic" anew in each relaxation. `order` is its place in the signal path, whatever the
    order in which a device is written down.
    """

    scope: ClassVar[Scope]
    order: ClassVar[int]


class NetworkTerm(Term):
    """An effect on the parameters, frozen on each chip."""

    scope: ClassVar[Scope] = "frozen"

    @abc.abstractmethod
    def on_network(
        self, network: PhaseNetwork, draw: np.random.Generator, coupling_rad_per_s: float
    ) -> PhaseNetwork:
        """The network as this chip realises it.

        `draw` restarts at the same place on each call for one chip, and what is drawn depends on
        the number of oscillators only, so that reprogramming does not redraw the chip.
        """


class NoiseTerm(Term):
    """White phase noise while the network runs."""

    scope: ClassVar[Scope] = "dynamic"

    @abc.abstractmethod
    def diffusion(self) -> float:
        """D in rad^2/s of d theta = ... + sqrt(2 D) dW."""


class ReadoutTerm(Term):
    """An effect on the phases as they are read."""

    scope: ClassVar[Scope] = "dynamic"

    @abc.abstractmethod
    def on_phases(self, phases: FloatArray) -> FloatArray:
        """The phases (..., n) in radians as they are read."""


def check_strength(name: str, value: float, unit: str) -> None:
    """Raise unless `value` is a number >= 0."""
    if not 0 <= value < np.inf:
        raise ValueError(f"{name}: {value} is not a number >= 0; give it in {unit}")


def check_bits(value: int, least: int) -> None:
    """Raise unless `value` is a sensible number of bits."""
    if int(value) != value or not least <= value <= 32:
        raise ValueError(f"bits: {value} is no whole number from {least} to 32")
