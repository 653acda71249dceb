"""Newton descent of many small samples or networks abreast."""

from __future__ import annotations

from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from neurosc.ideal import descent, elimination
from neurosc.ideal.feedback import RelativeDrive
from neurosc.ideal.newton import newton
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.threads import over_chunks
from neurosc.network import FloatArray, IntArray
from neurosc.substrate import Relaxation, Status

if TYPE_CHECKING:
    from neurosc.ideal.kernels.abreast import Plan

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
    from neurosc.ideal.kernels.abreast import Lanes

    m = len(problem.parts)
    if m > LARGEST:
        raise ValueError(f'network: {m} free oscillators exceed the {LARGEST} of method="lanes"')
    if problem.feedback is not None and problem.feedback.drive is None:
        return newton(problem, tolerance, max_steps)
    drive = _drive(problem)
    plan = _plan(*(tuple(a.tolist()) for a in (problem.parts, drive.outputs, drive.references)))
    limit = descent.torque_limit(problem, tolerance)
    theta = np.zeros((problem.batch, m)) if problem.start is None else problem.start.copy()
    origin, residual = theta.copy(), np.full(problem.batch, np.inf)
    end = np.full(problem.batch, kernels.MOVING)
    acting = (problem.frequency, *problem.split_field(), problem.second_harmonic)
    couplings = tuple(_below(part) for part in problem.couplings)
    nudge = (drive.real, drive.imaginary, drive.second_harmonic)
    cold = problem.start is None and bool(problem.field.any())

    def run(moving: IntArray, sweeps: int, steps: int, part: slice) -> None:
        work = Lanes.empty(plan, problem.network.is_complex)
        kernels.batch_descend(
            plan, work, theta, moving[part], couplings, problem.member, acting, nudge, limit,
            sweeps, descent.LONGEST_STEP, steps, residual, end,
        )  # fmt: skip

    status = np.full(problem.batch, Status.STEP_LIMIT, dtype=np.int8)
    moving = np.arange(problem.batch)
    for done in range(0, max_steps + 1, ROUND):
        if moving.size == 0:
            break
        sweeps = descent.COLD_SWEEPS if cold and done == 0 else 0
        steps = min(ROUND, max_steps - done)
        over_chunks(partial(run, moving, sweeps, steps), moving.size, max(64, CHUNK // m**2))
        astray = moving[end[moving] >= kernels.MOVING]
        slid = (np.abs(theta[astray] - origin[astray]) > descent.RUNAWAY).any(axis=1)
        status[astray[slid]] = Status.NOT_LOCKED
        moving = astray[~slid & (end[astray] == kernels.MOVING)]
    status[end == kernels.RESTING] = Status.LOCKED
    status[end == kernels.SADDLE] = Status.UNSTABLE
    return descent.ending(problem, theta, residual, status)


@lru_cache(64)
def _plan(parts: tuple[int, ...], outputs: tuple[int, ...], references: tuple[int, ...]) -> Plan:
    """Dense, whatever couplings are zero: a network's bits know no other network's edges."""
    from neurosc.ideal.kernels.abreast import Plan

    m, nobody = len(parts), np.zeros((2, 0), dtype=np.intp)
    later, sooner = _pairs(m)
    found = elimination.pattern(m, zip(later.tolist(), sooner.tolist(), strict=True))
    number = np.zeros((2, m, m), dtype=np.intp)
    number[:, later, sooner] = np.arange(later.size), found.entries(later, sooner)
    number[:, sooner, later] = np.arange(later.size), np.full(later.size, -1)
    own, other = np.nonzero(~np.eye(m, dtype=bool))
    pinned = [part >= 0 and part not in parts[i + 1 :] for i, part in enumerate(parts)]
    pairs = np.array([outputs, references], dtype=np.intp)
    indices = (
        np.stack([parts, pinned, np.full(m, -1)]),
        np.arange(m + 1) * (m - 1),
        np.stack([other, *number[:, own, other]]),
        *found,
        nobody,
        np.stack([*pairs, found.entries(pairs.max(axis=0), pairs.min(axis=0))]),
        nobody[0],
    )
    return Plan(0, 0, 0.0, *(np.ascontiguousarray(each, dtype=np.intp) for each in indices))


def _below(couplings: FloatArray) -> FloatArray:
    """Entries below the diagonal (members, edges) of (members, m, m), row by row."""
    return np.ascontiguousarray(couplings[:, *_pairs(couplings.shape[1])])


@cache
def _pairs(m: int) -> tuple[IntArray, IntArray]:
    return np.tril_indices(m, -1)


def _drive(problem: Reduction) -> RelativeDrive:
    """The nudges between two oscillators; on one from itself it does nothing."""
    if problem.feedback is None or problem.feedback.drive is None:
        nobody, nothing = np.zeros(0, dtype=np.intp), np.zeros((problem.batch, 0))
        return RelativeDrive(nobody, nobody, nothing, nothing, nothing)
    outputs, references, *nudge = problem.feedback.drive
    felt = outputs != references
    return RelativeDrive(
        outputs[felt], references[felt], *(np.ascontiguousarray(part[:, felt]) for part in nudge)
    )
