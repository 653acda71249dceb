"""Noise while the network runs."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from neurosc.hw_models.terms.base import SHARE, NoiseTerm, Quantity, Scope, Term
from neurosc.ideal.flicker import Flicker


@dataclasses.dataclass(frozen=True)
class PhaseNoise(NoiseTerm):
    """d theta_i = ... + sqrt(2 D) dW_i, white and independent, drawn anew in each relaxation.

    The other constructors give D from what a lab measures of one free oscillator; keywords such
    as `source=` pass through.

    Parameters
    ----------
    diffusion_rad2_per_s
        D, rad^2/s: a free oscillator's phase has variance 2 D t. On a `Device` whose
        `coupling_rad_per_s` is 1 this is D/K.

    Notes
    -----
    Source: Demir, Mehrotra, Roychowdhury, IEEE Trans. Circuits Syst. I 47:655 (2000).
    """

    diffusion_rad2_per_s: Annotated[float, Quantity("D", "rad^2/s", strength=True)]
    order: ClassVar[int] = 40

    @classmethod
    def from_linewidth_hz(cls, fwhm_hz: float, **others: Any) -> Self:
        """D = pi fwhm, of the Lorentzian line of its power spectrum."""
        Quantity("fwhm", "Hz").check("fwhm_hz", fwhm_hz)
        return cls(np.pi * fwhm_hz, **others)

    @classmethod
    def from_dbc(cls, dbc_per_hz: float, offset_hz: float, **others: Any) -> Self:
        """D = 2 pi^2 f_m^2 10^(L/10), of phase noise L < 0 at an offset f_m, -20 dB a decade."""
        Quantity("f_m", "Hz").check("offset_hz", offset_hz)
        if not -300 < dbc_per_hz < 0:
            raise ValueError(
                f"dbc_per_hz: {dbc_per_hz} is no phase noise in dBc/Hz; give one such as -100"
            )
        return cls(2 * np.pi**2 * offset_hz**2 * 10 ** (dbc_per_hz / 10), **others)

    @classmethod
    def from_jitter(cls, sigma_relative: float, frequency_hz: float, **others: Any) -> Self:
        """D = 2 pi^2 f0 (sigma_T / T)^2, of independent jitter of the period T = 1 / f0.

        `sigma_relative` is a share of the period: 0.001 is .1 %.
        """
        Quantity("sigma_T / T", SHARE, sane=0.2).check("sigma_relative", sigma_relative)
        Quantity("f0", "Hz").check("frequency_hz", frequency_hz)
        return cls(2 * np.pi**2 * frequency_hz * sigma_relative**2, **others)

    @classmethod
    def from_allan(cls, sigma_y: float, tau_s: float, frequency_hz: float, **others: Any) -> Self:
        """D = sigma_y^2 (2 pi f0)^2 tau / 2, of the Allan deviation sigma_y at tau."""
        Quantity("sigma_y", SHARE, sane=0.2).check("sigma_y", sigma_y)
        Quantity("tau", "s").check("tau_s", tau_s)
        Quantity("f0", "Hz").check("frequency_hz", frequency_hz)
        return cls(0.5 * sigma_y**2 * (2 * np.pi * frequency_hz) ** 2 * tau_s, **others)

    def diffusion(self) -> float:
        """D in rad^2/s."""
        return self.diffusion_rad2_per_s


@dataclasses.dataclass(frozen=True)
class SpikeTimeJitter(Term):
    """t_k <- t_k + sigma T xi_k: each spike leaves at another time, drawn anew in each relaxation.

    The oscillator itself goes on in time, so the phase does not diffuse: what it sends to others,
    and what is read, scatters around its phase. Only a `Device` with `oscillators=` has spikes.

    Parameters
    ----------
    sigma_relative
        sigma as a share of the free period T: 0.001 is .1 %.
    """

    sigma_relative: Annotated[float, Quantity("sigma / T", SHARE, strength=True, sane=0.2)]
    scope: ClassVar[Scope] = "dynamic"
    order: ClassVar[int] = 44


@dataclasses.dataclass(frozen=True)
class FlickerFrequencyNoise(Term):
    """omega_i <- omega_i + x_i(t), x_i with the one-sided spectrum C / f, new in each relaxation.

    x_i is a sum of Ornstein-Uhlenbeck processes whose corner frequencies lie between `lowest_hz`
    and `highest_hz`, evenly in their logarithm, updated exactly; independent from oscillator to
    oscillator. At two per decade the spectrum follows C / f within .01 dB, at one within .48 dB;
    below the lowest corner it is white, above the highest it falls as 1 / f^2, and at both it is
    3 dB down. What is slower than a relaxation is an offset that each sample draws anew.

    Parameters
    ----------
    floor_rad_per_s
        The Allan deviation of the frequency where it is flat, sqrt(2 ln 2 C). On a `Device` whose
        `coupling_rad_per_s` is 1 it is a share of the coupling, and frequencies are per unit of
        time.
    lowest_hz, highest_hz
        The band. What is slower than the record of a lab, or faster than the couplings (a step is
        a quarter of their strongest time), does not matter here.
    per_decade
        Processes; the time that the noise costs grows with their number.

    Notes
    -----
    Source: Milotti, arXiv physics/0204033 (2002); IEEE Std 1139 for the conversions.
    """

    floor_rad_per_s: Annotated[float, Quantity("sigma_A", "rad/s", strength=True)]
    lowest_hz: Annotated[float, Quantity("f_min", "Hz")]
    highest_hz: Annotated[float, Quantity("f_max", "Hz")]
    per_decade: Annotated[int, Quantity("m", "processes", whole=True, least=1, most=10)] = 2
    scope: ClassVar[Scope] = "dynamic"
    order: ClassVar[int] = 42

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.lowest_hz < self.highest_hz:
            raise ValueError(
                f"lowest_hz, highest_hz: {self.lowest_hz:g} to {self.highest_hz:g} is no band; "
                "give two positive frequencies in Hz, the lower first"
            )

    @classmethod
    def from_corner(
        cls,
        corner_hz: float,
        diffusion_rad2_per_s: float,
        lowest_hz: float,
        highest_hz: float,
        **others: Any,
    ) -> Self:
        """C = 4 D f_c: it equals the white noise of D at the corner f_c.

        D is that of `PhaseNoise`, which stays a term of its own.
        """
        Quantity("f_c", "Hz").check("corner_hz", corner_hz)
        Quantity("D", "rad^2/s").check("diffusion_rad2_per_s", diffusion_rad2_per_s)
        floor = np.sqrt(8 * np.log(2) * diffusion_rad2_per_s * corner_hz)
        return cls(float(floor), lowest_hz, highest_hz, **others)

    @classmethod
    def from_allan(
        cls,
        sigma_y: float,
        frequency_hz: float,
        lowest_hz: float,
        highest_hz: float,
        **others: Any,
    ) -> Self:
        """Of the floor sigma_y of the Allan deviation, relative to the frequency f0."""
        Quantity("sigma_y", SHARE, sane=0.2).check("sigma_y", sigma_y)
        Quantity("f0", "Hz").check("frequency_hz", frequency_hz)
        return cls(2 * np.pi * frequency_hz * sigma_y, lowest_hz, highest_hz, **others)

    def processes(self, coupling_rad_per_s: float = 1.0) -> Flicker:
        """The processes in units of the coupling."""
        steps = np.ceil(self.per_decade * np.log10(self.highest_hz / self.lowest_hz) - 1e-9)
        corners = self.highest_hz * 10 ** (-np.arange(steps + 1) / self.per_decade)
        level = self.floor_rad_per_s**2 / (2 * np.log(2))  # C
        sigma = np.sqrt(level * np.log(10) / self.per_decade)
        times = coupling_rad_per_s / (2 * np.pi * corners)
        return Flicker(float(sigma) / coupling_rad_per_s, tuple(times.tolist()))
