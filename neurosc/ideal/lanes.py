"""Newton descent of many small samples or networks abreast."""

from __future__ import annotations

from functools import partial

import numpy as np

from neurosc.ideal import descent
from neurosc.ideal.feedback import RelativeDrive
from neurosc.ideal.newton import newton
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.threads import over_chunks
from neurosc.network import IntArray
from neurosc.substrate import Relaxation, Status

LARGEST = 32
"""Most free oscillators: more, and the lanes' Hessians leave the cache."""
CHUNK = 2**20
"""Matrix entries to a task: tens of milliseconds, so that a second thread pays."""
ROUND = 10
"""Newton steps after which lanes that still move are packed together anew."""


def lanes(problem: Reduction, tolerance: float, max_steps: int) -> Relaxation:
    """As `newton`, with up to 32 free oscillators and a lane of a vector register for each sample.

    H = L D L^T without pivoting; its pivots at the end are the certificate. Networks of one
    topology relax together, each lane with couplings of its own. Nudges that follow the phases,
    such as that of a cross-entropy, are left to `newton`.
    """
    from neurosc.ideal.kernels import lanes as kernels

    m = len(problem.parts)
    if m > LARGEST:
        raise ValueError(f'network: {m} free oscillators exceed the {LARGEST} of method="lanes"')
    if problem.feedback is not None and problem.feedback.drive is None:
        return newton(problem, tolerance, max_steps)
    limit = descent.torque_limit(problem, tolerance)
    theta = np.zeros((problem.batch, m)) if problem.start is None else problem.start.copy()
    origin, residual = theta.copy(), np.full(problem.batch, np.inf)
    end = np.full(problem.batch, kernels.MOVING)
    rows = (problem.frequency, *problem.split_field(), problem.second_harmonic)
    outputs, references, *drives = _drive(problem)
    cold = problem.start is None and bool(problem.field.any())

    def run(moving: IntArray, sweeps: int, steps: int, part: slice) -> None:
        kernels.batch_descend(
            theta, moving[part], *problem.couplings, problem.member, rows, tuple(drives),
            problem.parts, outputs, references, limit, sweeps, descent.LONGEST_STEP, steps,
            kernels.Lanes.empty(m, outputs.size, problem.network.is_complex), residual, end,
        )  # fmt: skip

    status = np.full(problem.batch, Status.STEP_LIMIT, dtype=np.int8)
    for done in range(0, max_steps + 1, ROUND):
        moving = np.flatnonzero((end == kernels.MOVING) & (status == Status.STEP_LIMIT))
        if moving.size == 0:
            break
        sweeps = descent.COLD_SWEEPS if cold and done == 0 else 0
        steps = min(ROUND, max_steps - done)
        over_chunks(partial(run, moving, sweeps, steps), moving.size, max(64, CHUNK // m**2))
        status[(np.abs(theta - origin) > descent.RUNAWAY).any(axis=1)] = Status.NOT_LOCKED
    status[end == kernels.RESTING] = Status.LOCKED
    status[end == kernels.SADDLE] = Status.UNSTABLE
    return descent.ending(problem, theta, residual, status)


def _drive(problem: Reduction) -> RelativeDrive:
    if problem.feedback is not None and problem.feedback.drive is not None:
        return problem.feedback.drive
    nobody, nothing = np.zeros(0, dtype=np.intp), np.zeros((problem.batch, 0))
    return RelativeDrive(nobody, nobody, nothing, nothing, nothing)
