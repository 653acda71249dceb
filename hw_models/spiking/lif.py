"""The leaky integrate-and-fire (LIF) neuron as an oscillator, in closed form."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from neurosc.network import ComplexArray, FloatArray

DRIVE = 1.2
"""Input current over threshold: the best compromise between speed and a smooth response."""


@dataclasses.dataclass(frozen=True)
class LIF:
    """tau dv/dt = I - v, spike and v = 0 at v = 1; free period 1.

    Parameters
    ----------
    drive
        I > 1, in units of the threshold.
    """

    drive: float = DRIVE

    def __post_init__(self) -> None:
        if not 1 < self.drive < np.inf:
            raise ValueError(
                f"drive: {self.drive} never reaches the threshold 1; give more, 1.2 by default"
            )

    @property
    def tau(self) -> float:
        """Membrane time constant in periods: 1 / ln(I / (I - 1))."""
        return float(1 / np.log(self.drive / (self.drive - 1)))

    @property
    def slope(self) -> float:
        """a = T0 / (2 pi tau), the exponent of the phase response."""
        return float(1 / (2 * np.pi * self.tau))

    def phase_response(self, theta: npt.ArrayLike) -> FloatArray:
        """Z(theta) = exp(a theta) / (a I): radians per unit of voltage, theta in [0, 2 pi)."""
        return np.asarray(np.exp(self.slope * np.asarray(theta)) / (self.slope * self.drive))

    def harmonics(self, order: npt.ArrayLike) -> ComplexArray:
        """Fourier coefficients z_n = 1 / [2 pi a I (I - 1) (a - i n)] of the phase response."""
        n = np.asarray(order)
        a, drive = self.slope, self.drive
        return np.asarray(1 / (2 * np.pi * a * drive * (drive - 1) * (a - 1j * n)))

    def current(self, omega: npt.ArrayLike, eps: float) -> FloatArray:
        """The drive of a neuron of frequency 1 + eps omega / 2 pi per period."""
        frequency = 1 + eps * np.asarray(omega, dtype=np.float64) / (2 * np.pi)
        return np.asarray(1 / (1 - np.exp(-1 / (frequency * self.tau))))

    @property
    def strongest(self) -> float:
        """4 / (I sqrt(1 + a^2)): the empirical bound on eps max_i sum_j |J_ij| + |b_i|."""
        return float(4 / (self.drive * np.hypot(1, self.slope)))

    def largest_eps(self, pull: float) -> float:
        """The largest eps, to three digits, for a network whose strongest pull is `pull`."""
        return round_down(self.strongest / pull)


def round_down(value: float) -> float:
    """Three digits that do not exceed a positive `value`: a limit that a message can quote."""
    unit = 10.0 ** (np.floor(np.log10(value)) - 2)
    return float(f"{np.floor(value / unit) * unit:.3g}")
