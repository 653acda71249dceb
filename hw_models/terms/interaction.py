"""Interactions of oscillators that are no plain sine."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from neurosc.hw_models.terms.base import RATIO, DriftTerm, Quantity, Site
from neurosc.hw_models.terms.edges import Directed
from neurosc.network import PhaseNetwork

HARMONICS = ("second", "third", "fourth")


def _lagged(directed: Directed, lag_rad: float, sigma_rad: float, xi: Any) -> Directed:
    """With a lag more, and its spread from pair to pair."""
    return directed._replace(lag=directed.lag + lag_rad + sigma_rad * xi)


@dataclasses.dataclass(frozen=True)
class PhaseLag(DriftTerm):
    """sum_j J_ij sin(theta_j - theta_i - alpha_ij), alpha_ij = alpha_ji = alpha + sigma xi_ij.

    The lag of Sakaguchi and Kuramoto, the same in both directions of a pair: it turns a floating
    network as a whole and leaves it without an energy. (A lag of opposite signs is the phase of a
    complex coupling.) It acts on couplings, from held oscillators too; a field is a reference whose
    phase is set where it arrives.

    Parameters
    ----------
    lag_rad
        alpha; negative for a lead.
    sigma_rad
        Standard deviation from pair to pair, frozen on each chip.

    Notes
    -----
    Source: Sakaguchi and Kuramoto, Prog. Theor. Phys. 76:576 (1986).
    """

    lag_rad: Annotated[float, Quantity("alpha", "rad", strength=True, least=-2 * np.pi, sane=np.pi)]
    sigma_rad: Annotated[float, Quantity("sigma", "rad", strength=True, sane=np.pi)] = 0.0
    order: ClassVar[int] = 26

    def on_directed(self, directed: Directed, site: Site) -> Directed:
        xi = site.frozen(self).standard_normal(directed.lag.shape[1])
        return _lagged(directed, self.lag_rad, self.sigma_rad, xi)


@dataclasses.dataclass(frozen=True)
class CouplingDelay(DriftTerm):
    """sum_j J_ij sin(theta_j(t - tau_ij) - theta_i), as the lag alpha_ij = 2 pi f0 tau_ij.

    A delay turns the carrier and leaves the slow phases alone: this holds where they hardly move
    within a delay, sum_j |J_ij| tau << 1 and detuning tau << 1, J in rad/s (.05 of f0 and a delay
    of a tenth of a period give .03). Longer delays have dynamics of their own, which a lag has not.

    Parameters
    ----------
    delay_s
        tau from one oscillator to another, seconds.
    frequency_hz
        f0 of the oscillators.
    sigma_s
        Standard deviation of the delay from pair to pair, frozen on each chip.

    Notes
    -----
    Source: Izhikevich, Phys. Rev. E 58:905 (1998).
    """

    delay_s: Annotated[float, Quantity("tau", "s", strength=True)]
    frequency_hz: Annotated[float, Quantity("f0", "Hz")]
    sigma_s: Annotated[float, Quantity("sigma", "s", strength=True)] = 0.0
    order: ClassVar[int] = 27

    @property
    def lag_rad(self) -> float:
        """alpha."""
        return 2 * np.pi * self.frequency_hz * self.delay_s

    def on_directed(self, directed: Directed, site: Site) -> Directed:
        xi = site.frozen(self).standard_normal(directed.lag.shape[1])
        return _lagged(directed, self.lag_rad, 2 * np.pi * self.frequency_hz * self.sigma_s, xi)


@dataclasses.dataclass(frozen=True)
class CouplingHarmonics(DriftTerm):
    """sin phi <- sin phi + sum_k a_k sin(k phi + psi_k), k = 2, 3, 4, of each coupling.

    Waves and phase responses that are no sines make such interactions. A negative coupling turns
    the sign of the whole, and the imaginary part of a complex one acts on phi + pi/2. Fields stay
    sines.

    Parameters
    ----------
    second_relative, third_relative, fourth_relative
        a_k as shares of the first harmonic.
    second_phase_rad, third_phase_rad, fourth_phase_rad
        psi_k.
    """

    second_relative: Annotated[float, Quantity("a2", RATIO, strength=True, least=-10, sane=1)] = 0.0
    third_relative: Annotated[float, Quantity("a3", RATIO, strength=True, least=-10, sane=1)] = 0.0
    fourth_relative: Annotated[float, Quantity("a4", RATIO, strength=True, least=-10, sane=1)] = 0.0
    second_phase_rad: Annotated[float, Quantity("psi2", "rad", least=-2 * np.pi)] = 0.0
    third_phase_rad: Annotated[float, Quantity("psi3", "rad", least=-2 * np.pi)] = 0.0
    fourth_phase_rad: Annotated[float, Quantity("psi4", "rad", least=-2 * np.pi)] = 0.0
    order: ClassVar[int] = 28

    @classmethod
    def from_interaction(cls, torques: npt.ArrayLike, **others: Any) -> Self:
        """From samples (n,) of the measured interaction at phi = 0, 2 pi / n, ...

        Its first harmonic, b sin(phi - alpha), is left to the couplings and to
        `PhaseLag(alpha)`; what is beyond the fourth is left out.

        Raises
        ------
        ValueError
            For fewer than ten samples, numbers that are not finite, and no first harmonic.
        """
        samples = np.asarray(torques, dtype=np.float64)
        if samples.ndim != 1 or samples.size < 10 or not np.isfinite(samples).all():
            raise ValueError(
                f"torques: shape {samples.shape} is no period of an interaction; give ten finite "
                "samples or more of one"
            )
        parts = 2j * np.fft.rfft(samples)[:5] / samples.size  # b_k e^{i psi_k} of b_k sin(...)
        if abs(parts[1]) <= 1e-9 * np.abs(samples).max(initial=0.0):
            raise ValueError("torques: have no first harmonic to relate the others to; check them")
        turn = parts[1] / abs(parts[1])
        numbers: dict[str, Any] = {}
        for k, name in enumerate(HARMONICS, 2):
            relative = parts[k] / abs(parts[1]) / turn**k
            numbers[f"{name}_relative"] = abs(relative)
            numbers[f"{name}_phase_rad"] = float(np.angle(relative))
        return cls(**numbers, **others)

    def on_directed(self, directed: Directed, site: Site) -> Directed:
        given = [
            (getattr(self, f"{k}_relative"), getattr(self, f"{k}_phase_rad")) for k in HARMONICS
        ]
        last = max(k for k, (relative, _) in enumerate(given) if relative) + 1
        shape = [a * np.exp(1j * psi) if psi else a for a, psi in given[:last]]
        return directed._replace(shape=(1.0, *shape))


@dataclasses.dataclass(frozen=True)
class NonlinearFrequencyShift(DriftTerm):
    """The frequency depends on the amplitude, as in spin-torque oscillators.

    What pulls the amplitude turns the phase nu times as much: couplings and fields pull
    sqrt(1 + nu^2) times as strongly with the lag arctan(nu), J <- (1 - i nu) J and b likewise, and
    amplitude noise adds to phase noise, D <- D (1 + nu^2). So the D of other terms is that of a
    linear oscillator here: of a measured linewidth, which has both parts, `PhaseNoise` must be
    given the share 1 / (1 + nu^2).

    Parameters
    ----------
    nu
        Dimensionless; 0 for a linear oscillator, some units for a spin-torque oscillator; negative
        where the frequency falls with the amplitude.

    Notes
    -----
    For couplings well below the rate at which amplitudes relax. Source: Slavin and Tiberkevich,
    IEEE Trans. Magn. 45:1875 (2009).
    """

    nu: Annotated[float, Quantity("nu", RATIO, strength=True, least=-1000, sane=100)]
    order: ClassVar[int] = 36

    @classmethod
    def from_linewidths(cls, fwhm_hz: float, linear_fwhm_hz: float, **others: Any) -> Self:
        """nu = sqrt(fwhm / linear - 1), of the line and that without amplitude noise."""
        Quantity("fwhm", "Hz").check("fwhm_hz", fwhm_hz)
        Quantity("linear", "Hz").check("linear_fwhm_hz", linear_fwhm_hz)
        if not 0 < linear_fwhm_hz <= fwhm_hz:
            raise ValueError(
                f"linear_fwhm_hz: {linear_fwhm_hz:g} is not between 0 and the {fwhm_hz:g} of the "
                "whole line; give the linewidth of the linear oscillator in Hz"
            )
        return cls(float(np.sqrt(fwhm_hz / linear_fwhm_hz - 1)), **others)

    @classmethod
    def from_rates(cls, shift_rad_per_s: float, damping_rad_per_s: float, **others: Any) -> Self:
        """nu = p domega/dp / Gamma_p.

        `shift_rad_per_s` is the change of frequency per relative change of the power p, and
        `damping_rad_per_s` the rate Gamma_p at which changes of the power decay.
        """
        if not 0 < damping_rad_per_s < np.inf:
            raise ValueError(
                f"damping_rad_per_s: {damping_rad_per_s} is no rate; give a positive one in rad/s"
            )
        return cls(shift_rad_per_s / damping_rad_per_s, **others)

    @property
    def lag_rad(self) -> float:
        """arctan(nu)."""
        return float(np.arctan(self.nu))

    @property
    def noise_factor(self) -> float:
        return 1 + self.nu**2

    def check_network(self, network: PhaseNetwork) -> None:
        if network.second_harmonic.any():
            raise ValueError(
                "NonlinearFrequencyShift: the network has a second harmonic, whose pull on an "
                "amplitude is not known; set second_harmonic=0, or leave the term out"
            )

    def on_directed(self, directed: Directed, site: Site) -> Directed:
        return directed._replace(response=directed.response * (1 - 1j * self.nu))
