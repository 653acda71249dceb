"""Noise while the network runs."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from neurosc.hw_models.terms.base import NoiseTerm, check_strength


@dataclasses.dataclass(frozen=True)
class PhaseNoise(NoiseTerm):
    """d theta_i = ... + sqrt(2 D) dW_i, white and independent, drawn anew in each relaxation.

    Parameters
    ----------
    diffusion_rad2_per_s
        D, rad^2/s: a free oscillator's phase has variance 2 D t. On a `Device` whose
        `coupling_rad_per_s` is 1 this is D/K.
    """

    diffusion_rad2_per_s: float
    order: ClassVar[int] = 40

    def __post_init__(self) -> None:
        check_strength("diffusion_rad2_per_s", self.diffusion_rad2_per_s, "rad^2/s")

    def diffusion(self) -> float:
        """D in rad^2/s."""
        return self.diffusion_rad2_per_s
