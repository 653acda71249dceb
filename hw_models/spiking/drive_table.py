"""The drive at which a neuron has a given frequency."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import Chebyshev

from neurosc.network import FloatArray

ATTEMPTS = 20
"""Drives that are tried for a frequency."""


def tabulate_drive(
    rate: Callable[[float], float], drive: float, slope: float, low: float, high: float
) -> Chebyshev:
    """The drive as a function of the frequency, in units of that at `drive`.

    A polynomial through points near the Chebyshev nodes of the frequency, of which the drive is
    smooth where the period, as a function of the drive, diverges.

    Parameters
    ----------
    rate
        Frequency at a drive, zero where the neuron is silent.
    drive, slope
        Where the rate is 1, and its derivative there.
    low, high
        The frequencies between which to tabulate, low < 1 < high.

    Raises
    ------
    ValueError
        If the neuron cannot fire at one of them.
    """
    for degree in (6, 12, 24, 48, 96):
        roots = Chebyshev.basis(degree + 1, domain=[low, high]).roots()
        nodes = np.sort(np.asarray(roots, dtype=np.float64))
        room = 0.1 * np.diff(nodes).min()
        falling, rising = nodes[nodes < 1][::-1], nodes[nodes >= 1]
        found = np.concatenate(
            [_follow(rate, drive, slope, goals, room) for goals in (falling, rising)]
        )
        table = Chebyshev.fit(found[:, 0], found[:, 1], degree, domain=[low, high])
        if np.abs(table.coef[-2:]).max() <= 1e-10 * np.abs(table.coef).max():
            return table
    raise ValueError(
        f"omega: the drive between {low:.4g} and {high:.4g} of the free frequency is not smooth; "
        "lower eps"
    )


def _follow(
    rate: Callable[[float], float], drive: float, slope: float, goals: FloatArray, room: float
) -> FloatArray:
    """Frequencies within `room` of goals ever farther from 1, and their drives: (goals, 2)."""
    found = np.empty((goals.size, 2))
    frequency = 1.0
    for k, goal in enumerate(goals.tolist()):
        frequency, drive, slope = _approach(rate, (frequency, drive, slope), goal, room)
        found[k] = frequency, drive
    return found


def _approach(
    rate: Callable[[float], float], known: tuple[float, float, float], goal: float, room: float
) -> tuple[float, float, float]:
    """A frequency within `room` of the goal, its drive and the slope there, by secants.

    A step into silence is halved.
    """
    frequency, drive, slope = known
    step = (goal - frequency) / slope if slope else 0.0
    for _ in range(ATTEMPTS):
        reached = rate(drive + step) if step else 0.0
        if reached == 0:
            step /= 2
            continue
        slope, drive = (reached - frequency) / step, drive + step
        frequency = reached
        if abs(goal - frequency) <= room:
            return frequency, drive, slope
        step = (goal - frequency) / slope if slope else 0.0
    raise ValueError(f"omega: the neuron cannot fire at {goal:.6g} of its rate; lower eps")
