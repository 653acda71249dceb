"""Sinusoidal coupling out of delayed spikes between leaky integrate-and-fire (LIF) oscillators.

Time is counted in free periods T0 = 1, so a delay d shifts a phase by 2 pi d. In each cycle an
oscillator gains eps (omega_i + sum_j K_ij H(theta_j - theta_i)): one cycle is eps units of the
time of the phase network, and H is to be the sine.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.ideal import Interaction
from neurosc.network import ComplexArray, FloatArray

DRIVE = 1.2
"""Input current over threshold: the best compromise between speed and a smooth response."""
ORDERS = 400
"""Harmonics of an interaction that are computed; with one pole the last are 1e-5 of the first."""


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


@dataclasses.dataclass(frozen=True)
class Taps:
    """Delayed copies of a spike, filtered by poles, whose sum couples like a sine.

    Attributes
    ----------
    neuron
        The LIF oscillator for which they are made.
    pole
        Time constant of each pole in periods; a pole has unit gain at zero frequency.
    poles
        Their number.
    delays
        In periods, in [0, 1).
    weights
        In volts (threshold 1) per unit of eps K_ij; they sum to zero.
    """

    neuron: LIF
    pole: float
    poles: int
    delays: tuple[float, ...]
    weights: tuple[float, ...]

    @property
    def interaction(self) -> Interaction:
        """H(phi) = sum_n z_n conj(F_n) W_n exp(-i n phi), phi = theta_j - theta_i in radians.

        W_n = sum_m w_m exp(2 pi i n d_m) and F_n = (1 + 2 pi i n pole)^-poles, up to order 400.
        """
        n = np.arange(1, ORDERS + 1)
        turned = np.exp(2j * np.pi * np.outer(n, self.delays))
        coefficient = self.neuron.harmonics(n) * np.conj(_filter(n, self.pole, self.poles))
        coefficient = coefficient * (turned @ np.asarray(self.weights))
        mean = float(self.neuron.harmonics(0).real * sum(self.weights))
        return Interaction.trimmed(2j * coefficient.conj(), mean)


def pair_design(
    pairs: int = 3, poles: int = 2, *, drive: float = DRIVE, steps_per_cycle: int | None = None
) -> Taps:
    """Taps at d0 + k/(2(P + 1)) periods and, with opposite weights, at their antipodes.

    With k = -(P - 1)/2 ... (P - 1)/2 and weights A cos(k pi/(P + 1)), of all harmonics of H only
    2(P + 1) m +- 1 survive, the first of which is the sine.

    Parameters
    ----------
    pairs
        P, 1 or more; there are 2 P taps.
    poles
        First-order filters of a synapse, 1 or more.
    drive
        Input current of the LIF neurons.
    steps_per_cycle
        For a simulation on a time grid: a multiple of 2(P + 1). The poles are tuned so that each
        delay is a whole number of steps plus one half, the mean lateness of a spike on the grid.

    Raises
    ------
    ValueError
        For numbers out of range.
    """
    if pairs < 1 or poles < 1:
        raise ValueError(f"pairs, poles: {pairs} and {poles} must both be 1 or more")
    neuron = LIF(drive)
    pole = 1 / (2 * np.pi)
    if steps_per_cycle is not None:
        if steps_per_cycle < 1 or steps_per_cycle % (2 * (pairs + 1)):
            raise ValueError(
                f"steps_per_cycle: {steps_per_cycle} is no multiple of {2 * (pairs + 1)}, so the "
                f"taps of {pairs} pairs miss the grid; choose a multiple"
            )
        pole = _tune(neuron, poles, pole, steps_per_cycle)
    first = _first_harmonic(neuron, pole, poles)
    centre = np.angle(first) % np.pi
    amplitude = float((first * np.exp(-1j * centre)).real) / (pairs + 1)
    k = np.arange(pairs) - (pairs - 1) / 2
    near = (centre + k * np.pi / (pairs + 1)) / (2 * np.pi)
    weights = amplitude * np.cos(k * np.pi / (pairs + 1))
    delays = np.concatenate([near, near + 0.5]) % 1.0
    signed = np.concatenate([weights, -weights])
    order = np.argsort(delays)
    return Taps(
        neuron,
        float(pole),
        poles,
        tuple(delays[order].tolist()),
        tuple(signed[order].tolist()),
    )


def round_down(value: float) -> float:
    """Three digits that do not exceed a positive `value`: a limit that a message can quote."""
    unit = 10.0 ** (np.floor(np.log10(value)) - 2)
    return float(f"{np.floor(value / unit) * unit:.3g}")


def _filter(n: npt.ArrayLike, pole: float, poles: int) -> ComplexArray:
    return np.asarray((1 + 2j * np.pi * np.asarray(n) * pole) ** -poles)


def _first_harmonic(neuron: LIF, pole: float, poles: int) -> complex:
    """W_1 for which the first harmonic of H is the sine."""
    return complex(0.5j / (neuron.harmonics(1) * np.conj(_filter(1, pole, poles))))


def _tune(neuron: LIF, poles: int, pole: float, steps: int) -> float:
    """The time constant next to `pole` that puts the centre of the taps half past a step."""

    def past(tau: float) -> float:
        angle = np.angle(_first_harmonic(neuron, tau, poles) / _first_harmonic(neuron, pole, poles))
        return float(angle) * steps / (2 * np.pi)

    centre = np.angle(_first_harmonic(neuron, pole, poles)) % np.pi * steps / (2 * np.pi)
    wanted = np.floor(centre) + 0.5 - centre
    low, high = 0.5 * pole, 2 * pole
    if not past(high) < wanted < past(low):
        raise ValueError(f"steps_per_cycle: {steps} is too coarse to tune the poles; give more")
    return float(scipy.optimize.brentq(lambda tau: past(tau) - wanted, low, high, xtol=1e-15))
