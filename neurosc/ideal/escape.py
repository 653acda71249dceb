"""Descent from saddles to minima."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurosc.ideal.descent import ending
from neurosc.ideal.diagnosis import lowest_mode
from neurosc.ideal.reduction import Reduction
from neurosc.network import FloatArray
from neurosc.substrate import Relaxation, Status

ROUNDS = 20
"""Saddles that a sample may leave before it is given up: a descent can end on another one."""
PUSH = 0.1
"""Radians by which the first step off a saddle moves its most active oscillator."""


def leave_saddles(
    problem: Reduction, found: Relaxation, solve: Callable[[Reduction], Relaxation]
) -> Relaxation:
    """Push UNSTABLE samples along their lowest mode and let them descend again.

    To either side of a saddle the energy falls, so that the sign is free: the most active
    oscillator moves ahead.
    """
    free = problem.network.free
    theta = np.ascontiguousarray(found.phases[:, free])
    status, residual = found.status.copy(), found.residual.copy()
    for _ in range(ROUNDS):
        rows = np.flatnonzero(status == Status.UNSTABLE)
        if rows.size == 0:
            break
        start = np.stack([theta[b] + PUSH * _ahead(problem, theta[b], int(b)) for b in rows])
        again = solve(problem.take(rows, start))
        theta[rows], status[rows] = again.phases[:, free], again.status
        residual[rows] = again.residual
    return ending(problem, theta, residual, status)


def _ahead(problem: Reduction, theta: FloatArray, sample: int) -> FloatArray:
    _, mode = lowest_mode(problem, theta, sample)
    return np.asarray(mode / mode[np.argmax(np.abs(mode))])
