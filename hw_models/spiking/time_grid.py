"""How far a neuron's cycle is off on a time grid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurosc.hw_models.spiking.limit_cycle import Cycle
from neurosc.network import FloatArray

PLACES = 16
"""In a step where a cycle begins."""


def timing_error(cycle: Cycle, steps: int) -> float:
    """The largest error of a spike time, in periods; infinite if the neuron is lost.

    A cycle in `steps` steps of Runge and Kutta's method and one to the threshold, as `custom` has
    them in Brian2, from starts all over a step.
    """
    dynamics, drive = cycle.dynamics, cycle.drive
    dt = cycle.period / steps
    begun = np.arange(PLACES) / PLACES * dt
    state, worst = cycle.orbit(begun), np.zeros(PLACES)
    waiting = np.ones(PLACES, dtype=bool)

    def by_time(x: FloatArray) -> FloatArray:
        return dynamics.velocity(x, drive)

    def by_height(x: FloatArray) -> FloatArray:
        """Of the state and of the time below it."""
        rates = dynamics.velocity(x[:-1], drive)
        rise = (dynamics.normal(x[:-1], drive) * rates).sum(axis=0)
        return np.asarray(np.concatenate([rates, np.ones_like(rise)[None]]) / rise)

    with np.errstate(all="ignore"):  # where the grid is too coarse; that is the answer
        for step in range(1, 2 * steps):
            state = _advanced(by_time, state, dt)
            height = dynamics.height(state, drive)[0]
            over = waiting & ~(height < 0)
            if over.any():
                ended = np.concatenate([state[:, over], np.zeros((1, int(over.sum())))])
                late = -_advanced(by_height, ended, -height[over])[-1]
                worst[over] = np.abs(begun[over] + step * dt - late - cycle.period)
                waiting &= ~over
            if not waiting.any():
                break
    worst[waiting | ~np.isfinite(worst)] = np.inf
    return float(worst.max() / cycle.period)


def _advanced(
    slope: Callable[[FloatArray], FloatArray], x: FloatArray, step: FloatArray | float
) -> FloatArray:
    """x after a step of Runge and Kutta's method."""
    first = slope(x)
    second = slope(x + 0.5 * step * first)
    third = slope(x + 0.5 * step * second)
    last = slope(x + step * third)
    return x + step / 6 * (first + 2 * second + 2 * third + last)
