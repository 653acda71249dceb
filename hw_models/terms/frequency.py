"""Frequencies that fabrication scatters."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from neurosc.hw_models.terms.base import (
    SHARE,
    ImplausibleValueWarning,
    NetworkTerm,
    Quantity,
    Site,
)
from neurosc.network import FloatArray, PhaseNetwork


@dataclasses.dataclass(frozen=True)
class FrequencyMismatch(NetworkTerm):
    """omega_i <- omega_i + x_i, x ~ N(0, sigma^2), frozen on each chip.

    Neighbours may be alike: <x_i x_j> = sigma^2 exp(-d_ij / l), with d_ij the distance along the
    chip, or the sum of distances along rows and columns.

    Parameters
    ----------
    sigma_rad_per_s
        Standard deviation from oscillator to oscillator, rad/s. On a `Device` whose
        `coupling_rad_per_s` is 1 this is the share of the coupling scale.
    correlation_length_pitches
        l in distances between neighbours; 0 for independent oscillators.
    per_row
        Oscillators in a row of the chip, on which they lie row by row; 0 for a single row.
    """

    sigma_rad_per_s: Annotated[float, Quantity("sigma", "rad/s", strength=True)]
    correlation_length_pitches: Annotated[float, Quantity("l", "pitches")] = 0.0
    per_row: Annotated[int, Quantity("w", "oscillators", whole=True)] = 0
    order: ClassVar[int] = 30

    @classmethod
    def from_relative(cls, sigma_relative: float, frequency_hz: float, **others: Any) -> Self:
        """sigma = 2 pi f0 sigma_relative; a share, so 0.01 is 1 % of the frequency."""
        if sigma_relative > 0.5:
            warnings.warn(
                f"sigma_relative: {sigma_relative} is above 0.5; its unit is {SHARE}",
                ImplausibleValueWarning,
                stacklevel=2,
            )
        return cls(2 * np.pi * frequency_hz * sigma_relative, **others)

    @property
    def detuning_rad_per_s(self) -> float:
        """sigma."""
        return self.sigma_rad_per_s

    def on_network(self, network: PhaseNetwork, site: Site) -> PhaseNetwork:
        scatter = self._scatter(network.n, site.frozen(self))
        offset = self.sigma_rad_per_s / site.coupling_rad_per_s * scatter
        return network.with_parameters(frequency=network.frequency + offset)

    def _scatter(self, n: int, draw: np.random.Generator) -> FloatArray:
        """Standard normal numbers (n,) with the correlation of places on the chip."""
        if self.correlation_length_pitches == 0:
            return draw.standard_normal(n)
        width = int(self.per_row) or n
        field = draw.standard_normal((-(-n // width), width))
        for axis in (0, 1):
            field = self._correlate(field, axis)
        return field.ravel()[:n]

    def _correlate(self, field: FloatArray, axis: int) -> FloatArray:
        """x_k = rho x_{k-1} + sqrt(1 - rho^2) xi_k from a stationary start."""
        from scipy.signal import lfilter

        rho = np.exp(-1 / self.correlation_length_pitches)
        new = np.moveaxis(field, axis, 0) * np.sqrt(1 - rho**2)
        new[0] /= np.sqrt(1 - rho**2)
        return np.moveaxis(lfilter([1.0], [1.0, -rho], new, axis=0), 0, axis)
