"""Sinusoidal coupling out of delayed spikes between neurons that fire once a cycle.

Time is counted in free periods T0 = 1, so a delay d shifts a phase by 2 pi d. In each cycle an
oscillator gains eps (omega_i + sum_j K_ij H(theta_j - theta_i)): one cycle is eps units of the
time of the phase network, and H is to be the sine.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.hw_models.spiking.lif import LIF
from neurosc.ideal import Interaction
from neurosc.network import ComplexArray

if TYPE_CHECKING:
    from neurosc.hw_models.spiking.neuron import Neuron

ORDERS = 400
"""Harmonics of an interaction that are computed; with one pole the last are 1e-5 of the first."""
OFF_GRID = 1e-6
"""Steps by which a delay may miss the grid."""


@dataclasses.dataclass(frozen=True)
class Taps:
    """Delayed copies of a spike, filtered by poles, whose sum couples like a sine.

    Attributes
    ----------
    neuron
        The oscillator for which they are made.
    pole
        Time constant of each pole in periods; a pole has unit gain at zero frequency.
    poles
        Their number.
    delays
        In periods, in [0, 1).
    weights
        Per unit of eps K_ij, of a LIF in volts (threshold 1), of a `Neuron` in drive (SI) times
        period; they sum to zero.
    """

    neuron: LIF | Neuron
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

    @property
    def deviation(self) -> float:
        """max |H - sin|, over 1440 phases."""
        phases = np.linspace(0, 2 * np.pi, 1440, endpoint=False)
        return float(np.abs(self.interaction(phases) - np.sin(phases)).max())

    def on_grid(
        self, steps: int, lags: bool
    ) -> tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...]]:
        """Delays (taps,) in steps, weights (taps,) for Re J, and for Im J if there are lags.

        Im(J e^{i phi}) = Re J H(phi) + Im J H(phi + pi/2), and the latter is H with each delay a
        quarter of a period shorter. Spikes come half a step late on average, so a delay that was
        tuned to half past a step is the whole step before.

        Parameters
        ----------
        steps
            In a period, those that the taps were made for; with lags a multiple of 4.
        lags
            Whether couplings are complex. The taps are then those of both parts.

        Raises
        ------
        ValueError
            If a delay misses the grid.
        """
        exact = np.asarray(self.delays) * steps - 0.5
        whole = np.rint(exact).astype(np.intp)
        if np.abs(exact - whole).max() > OFF_GRID:
            raise ValueError(
                f"steps: the delays are not half past a step of {steps}; make the taps with "
                f"pair_design(steps_per_cycle={steps})"
            )
        straight = dict(zip((whole % steps).tolist(), self.weights, strict=True))
        if not lags:
            return tuple(straight), tuple(straight.values()), ()
        if steps % 4:
            raise ValueError(
                f"steps: {steps} is no multiple of 4, so a lag of a quarter of a period misses the "
                "grid; choose one"
            )
        earlier = ((whole - steps // 4) % steps).tolist()
        turned = dict(zip(earlier, self.weights, strict=True))
        union = sorted({*straight, *turned})
        return (
            tuple(union),
            tuple(straight.get(d, 0.0) for d in union),
            tuple(turned.get(d, 0.0) for d in union),
        )


def pair_design(
    pairs: int = 3,
    poles: int = 2,
    *,
    neuron: LIF | Neuron | None = None,
    steps_per_cycle: int | None = None,
) -> Taps:
    """Taps at d0 + k/(2(P + 1)) periods and, with opposite weights, at their antipodes.

    With k = -(P - 1)/2 ... (P - 1)/2 and weights A cos(k pi/(P + 1)), of all harmonics of H only
    2(P + 1) m +- 1 survive, the first of which is the sine.

    Parameters
    ----------
    pairs
        P, 1 or more; there are 2 P taps.
    poles
        First-order filters of a synapse, 1 or more; for a `Neuron` 2 or more, so that the drive
        does not jump.
    neuron
        The oscillators, `LIF()` by default.
    steps_per_cycle
        For a simulation on a time grid: a multiple of 2(P + 1). The poles are tuned so that each
        delay is a whole number of steps plus one half, the mean lateness of a spike on the grid.

    Raises
    ------
    ValueError
        For numbers out of range, and where a `Neuron` needs a finer time grid.
    """
    if pairs < 1 or poles < 1:
        raise ValueError(f"pairs, poles: {pairs} and {poles} must both be 1 or more")
    neuron = LIF() if neuron is None else neuron
    if poles < 2 and not isinstance(neuron, LIF):
        raise ValueError(
            "poles: with 1 the drive of a neuron of own equations would jump; give 2 or more"
        )
    pole = 1 / (2 * np.pi)
    if steps_per_cycle is not None:
        if steps_per_cycle < 1 or steps_per_cycle % (2 * (pairs + 1)):
            raise ValueError(
                f"steps_per_cycle: {steps_per_cycle} is no multiple of {2 * (pairs + 1)}, so the "
                f"taps of {pairs} pairs miss the grid; choose a multiple"
            )
        if not isinstance(neuron, LIF):
            neuron.check_grid(steps_per_cycle)
        pole = _tune(neuron, pairs, poles, pole, steps_per_cycle)
    return place(neuron, pairs, poles, pole)


def place(neuron: LIF | Neuron, pairs: int, poles: int, pole: float) -> Taps:
    """The taps of `pair_design` for poles of any time constant, in periods."""
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


def _filter(n: npt.ArrayLike, pole: float, poles: int) -> ComplexArray:
    return np.asarray((1 + 2j * np.pi * np.asarray(n) * pole) ** -poles)


def _first_harmonic(neuron: LIF | Neuron, pole: float, poles: int) -> complex:
    """W_1 for which the first harmonic of H is the sine."""
    return complex(0.5j / (neuron.harmonics(1) * np.conj(_filter(1, pole, poles))))


def _tune(neuron: LIF | Neuron, pairs: int, poles: int, pole: float, steps: int) -> float:
    """The time constant next to `pole` that puts the first tap, so all, half past a step."""

    def past(tau: float) -> float:
        angle = np.angle(_first_harmonic(neuron, tau, poles) / _first_harmonic(neuron, pole, poles))
        return float(angle) * steps / (2 * np.pi)

    centre = np.angle(_first_harmonic(neuron, pole, poles)) % np.pi * steps / (2 * np.pi)
    first = centre - (pairs - 1) / 2 * steps / (2 * (pairs + 1))
    wanted = np.floor(first) + 0.5 - first
    low, high = 0.5 * pole, 2 * pole
    if not past(high) < wanted < past(low):
        raise ValueError(f"steps_per_cycle: {steps} is too coarse to tune the poles; give more")
    return float(scipy.optimize.brentq(lambda tau: past(tau) - wanted, low, high, xtol=1e-15))
