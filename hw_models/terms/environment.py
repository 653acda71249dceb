"""What changes all oscillators together from one run to the next."""

from __future__ import annotations

import abc
import dataclasses
from typing import Annotated, ClassVar

import numpy as np

from neurosc.hw_models.terms.base import SHARE, NetworkTerm, Quantity, Scope, Site
from neurosc.network import PhaseNetwork


@dataclasses.dataclass(frozen=True)
class CommonShift(NetworkTerm):
    """omega_i <- omega_i + sigma (1 + rho xi_i) X, X ~ N(0, 1) per run, xi_i frozen on each chip.

    Held oscillators and fields come from outside and keep their frequency; among free ones alone
    the common part of the shift changes nothing.
    """

    scope: ClassVar[Scope] = "per run"

    @property
    @abc.abstractmethod
    def shift_rad_per_s(self) -> float:
        """sigma."""

    @property
    @abc.abstractmethod
    def spread(self) -> float:
        """rho."""

    @property
    def detuning_rad_per_s(self) -> float:
        """sigma sqrt(1 + rho^2)."""
        return float(self.shift_rad_per_s * np.sqrt(1 + self.spread**2))

    def on_network(self, network: PhaseNetwork, site: Site) -> PhaseNetwork:
        common = site.of_run(self).standard_normal()
        own = 1 + self.spread * site.frozen(self).standard_normal(network.n)
        shift = self.shift_rad_per_s / site.coupling_rad_per_s * common * own
        return network.with_parameters(frequency=network.frequency + shift)


@dataclasses.dataclass(frozen=True)
class Temperature(CommonShift):
    """sigma = 2 pi f0 tempco sigma_T: the temperature of each run.

    Parameters
    ----------
    sigma_celsius
        Standard deviation of the temperature from run to run, degrees Celsius.
    tempco_ppm_per_celsius
        Change of frequency, 1e-6 of f0 per degree.
    frequency_hz
        f0.
    spread_relative
        rho: standard deviation of the coefficient between oscillators, as a share of it.
    """

    sigma_celsius: Annotated[float, Quantity("sigma_T", "degrees C", strength=True, sane=150)]
    tempco_ppm_per_celsius: Annotated[float, Quantity("tempco", "ppm/degree C", sane=1e5)]
    frequency_hz: Annotated[float, Quantity("f0", "Hz")]
    spread_relative: Annotated[float, Quantity("rho", SHARE, sane=0.5)] = 0.05
    order: ClassVar[int] = 32

    @property
    def shift_rad_per_s(self) -> float:
        """sigma."""
        share = 1e-6 * self.tempco_ppm_per_celsius * self.sigma_celsius
        return 2 * np.pi * self.frequency_hz * share

    @property
    def spread(self) -> float:
        """rho."""
        return self.spread_relative


@dataclasses.dataclass(frozen=True)
class SupplyNoise(CommonShift):
    """sigma = 2 pi pushing sigma_V: the supply voltage of each run.

    Parameters
    ----------
    sigma_volt
        Standard deviation of the supply from run to run, V.
    pushing_hz_per_volt
        Change of frequency per volt.
    spread_relative
        rho: standard deviation of the pushing between oscillators, as a share of it.
    """

    sigma_volt: Annotated[float, Quantity("sigma_V", "V", strength=True, sane=5)]
    pushing_hz_per_volt: Annotated[float, Quantity("pushing", "Hz/V")]
    spread_relative: Annotated[float, Quantity("rho", SHARE, sane=0.5)] = 0.05
    order: ClassVar[int] = 34

    @property
    def shift_rad_per_s(self) -> float:
        """sigma."""
        return 2 * np.pi * self.pushing_hz_per_volt * self.sigma_volt

    @property
    def spread(self) -> float:
        """rho."""
        return self.spread_relative
