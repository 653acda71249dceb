"""Noise while the network runs."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from neurosc.hw_models.terms.base import SHARE, NoiseTerm, Quantity


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
