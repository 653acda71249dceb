"""Frequencies that fabrication scatters."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from neurosc.hw_models.terms.base import NetworkTerm, check_strength
from neurosc.network import PhaseNetwork


@dataclasses.dataclass(frozen=True)
class FrequencyMismatch(NetworkTerm):
    """omega_i <- omega_i + N(0, sigma^2), frozen on each chip.

    Parameters
    ----------
    sigma_rad_per_s
        Standard deviation from oscillator to oscillator, rad/s. On a `Device` whose
        `coupling_rad_per_s` is 1 this is the share of the coupling scale.
    """

    sigma_rad_per_s: float
    order: ClassVar[int] = 30

    def __post_init__(self) -> None:
        check_strength("sigma_rad_per_s", self.sigma_rad_per_s, "rad/s")

    def on_network(
        self, network: PhaseNetwork, draw: np.random.Generator, coupling_rad_per_s: float
    ) -> PhaseNetwork:
        offset = self.sigma_rad_per_s / coupling_rad_per_s * draw.standard_normal(network.n)
        return network.replace(frequency=network.frequency + offset)
