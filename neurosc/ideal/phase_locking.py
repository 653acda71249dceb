"""Phase-locked states of oscillators whose interaction is no sine: a damped Newton method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy

from neurosc.ideal.descent import LONGEST_STEP, torque_limit
from neurosc.ideal.interaction import Interaction
from neurosc.ideal.methods import Solver
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.stability import DENSE_MODES, SLOWEST, growth
from neurosc.ideal.steps import SLIP, STEP, TURNS, WATCH
from neurosc.ideal.threads import one_blas_thread, over_chunks
from neurosc.ideal.waves import Waves, injected
from neurosc.network import FloatArray, IntArray
from neurosc.substrate import Nudge, Relaxation, Status

CHUNK = 1 << 20
"""Numbers of the waves and Jacobians that a thread holds at a time: 8 MiB."""
NEWTON_STEPS = 60
"""After which a sample is followed through time instead."""
LOOKS = (0.05, 0.15, 0.4, 1 - WATCH)
"""Shares of the time after which a sample that is followed may be near enough to its rest."""
MOST_TIME_STEPS = 20_000
"""Of a sample whose frequencies exceed its couplings by far: it turns in far less."""

Solved = tuple[FloatArray, FloatArray, np.ndarray]
"""Phases (rows, m), residual and status."""


def phase_locked(
    problem: Reduction,
    nudge: Nudge | None,
    interaction: Interaction,
    tolerance: float,
    max_steps: int,
    plain: Solver,
) -> Relaxation:
    """Where the torque of `Waves`, less its mean over each floating part, vanishes.

    Newton steps (1/dt - T') step = T with the Jacobian T': implicit steps in time, of the length in
    which the fastest phase moves one radian at most, and half that in which the fastest growing
    disturbance grows by e, so that they leave saddles as the oscillators do. Samples that 60 of
    them do not bring to rest are followed through time from their start by Euler's method, and the
    steps are tried again on the way and at the end.

    A sample is LOCKED if its largest torque is below `tolerance` times the largest that can act (at
    least 1) and no eigenvalue of the Jacobian has a positive real part off the rotations, UNSTABLE
    if one has. It is NOT_LOCKED if, left to itself for 300 over the strength, some phase has made a
    turn (against the mean of its part where that floats) and still moves by more than half a radian
    in the last tenth; else STEP_LIMIT.

    Parameters
    ----------
    problem
        The samples with plain sines.
    nudge
        That of the problem: a static one arrives through the interaction, any other as it is.
    plain
        Finds the equilibrium with plain sines, where samples without a start begin.

    Raises
    ------
    ValueError
        For more than 1,500 free oscillators, as stability takes all eigenvalues.

    Notes
    -----
    Source: pseudo-transient continuation, Kelley, Keyes, SIAM J. Numer. Anal. 35:508 (1998).
    """
    m = len(problem.parts)
    if m > DENSE_MODES:
        raise ValueError(
            f"network: {m} free oscillators exceed the {DENSE_MODES} whose stability with an "
            "interaction= is examined; leave it out, or take a smaller network"
        )
    start, field = problem.start, injected(problem, nudge)
    if start is None:
        phases = plain(problem, tolerance, max_steps).phases
        start = np.ascontiguousarray(phases[:, problem.network.free])
    limit = torque_limit(problem, tolerance)
    theta, residual = np.empty_like(start), np.empty(problem.batch)
    status = np.empty(problem.batch, dtype=np.int8)
    size = max(1, CHUNK // (m * (2 * m + 8 * interaction.orders.size)))

    def each(solve: Callable[[Waves, FloatArray, FloatArray, int], Solved], rows: IntArray) -> None:
        def run(some: slice) -> None:
            mine = rows[some]
            model = Waves(problem.take(mine, start[mine]), field[mine], interaction)
            theta[mine], residual[mine], status[mine] = solve(
                model, start[mine], limit[mine], max_steps
            )

        over_chunks(run, len(rows), size)

    with one_blas_thread():
        each(_settle, np.arange(problem.batch))
        began_at_rest = (theta == start).all(axis=1)
        each(_follow, np.flatnonzero((status != Status.LOCKED) & ~began_at_rest))
    return Relaxation(problem.full(theta), status, residual)


def _settle(model: Waves, start: FloatArray, limit: FloatArray, max_steps: int) -> Solved:
    """Where few Newton steps lead."""
    steps = min(max_steps, NEWTON_STEPS)
    theta, residual = _newton(model, start, np.arange(len(start)), limit, steps)
    return theta, residual, _verdicts(model, theta, np.arange(len(start)), residual <= limit)


def _newton(
    model: Waves, start: FloatArray, samples: IntArray, limit: FloatArray, max_steps: int
) -> tuple[FloatArray, FloatArray]:
    """Phases and residual after steps from `start` (rows, m)."""
    theta, residual = start.copy(), np.full(len(start), np.inf)
    parts = model.problem.parts
    off = _off_rotations(parts)
    active = np.arange(len(start))
    for left in range(max_steps, -1, -1):
        torque, slopes = model.linearised(theta[active], samples[active])
        residual[active] = np.abs(torque).max(axis=1)
        going = residual[active] > limit[active]
        active, torque, slopes = active[going], torque[going], slopes[going]
        if active.size == 0 or left == 0:
            break
        if (parts >= 0).any():
            slopes = off @ slopes - (np.eye(len(off)) - off) * np.abs(slopes).max(
                axis=(1, 2), keepdims=True
            )
        for row, slope, pull in zip(active, slopes, torque, strict=True):
            damping = max(float(np.abs(pull).max()), 2 * growth(slope, parts))
            theta[row] += _step(slope, pull, damping)
    return theta, residual


def _step(slope: FloatArray, torque: FloatArray, damping: float) -> FloatArray:
    """(damping - T') step = T, no oscillator moving further than `LONGEST_STEP`."""
    _, _, step, singular = scipy.linalg.lapack.dgesv(damping * np.eye(len(slope)) - slope, torque)
    if singular or not np.isfinite(step).all():
        step = torque / damping
    return np.asarray(step * min(1.0, LONGEST_STEP / max(float(np.abs(step).max()), 1e-300)))


def _off_rotations(parts: IntArray) -> FloatArray:
    """The projector (m, m) on what is no rotation of a floating part."""
    same = np.equal.outer(parts, parts) & (parts >= 0)
    return np.asarray(np.eye(len(parts)) - same / np.maximum(same.sum(axis=1), 1))


def _follow(model: Waves, start: FloatArray, limit: FloatArray, max_steps: int) -> Solved:
    """Where time leads, or Newton steps on the way."""
    dt, count = _clock(model)
    theta, residual = start.copy(), np.full(len(start), np.inf)
    status = np.full(len(start), Status.STEP_LIMIT, dtype=np.int8)
    now, going, done = start.copy(), np.arange(len(start)), np.zeros(len(start), dtype=np.intp)
    for share in LOOKS:
        until = np.rint(share * count).astype(np.intp)
        now[going] = _march(model, now[going], going, dt[going], (until - done)[going])
        done = until
        steps = min(max_steps, NEWTON_STEPS)
        theta[going], residual[going] = _newton(model, now[going], going, limit[going], steps)
        status[going] = _verdicts(model, theta[going], going, residual[going] <= limit[going])
        going = going[status[going] != Status.LOCKED]
    end = _march(model, now[going], going, dt[going], (count - done)[going])
    moved, lately = np.abs(end - start[going]), np.abs(end - now[going])
    turns = (moved.max(axis=1) > 2 * np.pi) & (lately.max(axis=1) > SLIP)
    turning, others = going[turns], going[~turns]
    theta[turning], status[turning] = end[turns], Status.NOT_LOCKED
    residual[turning] = np.abs(model.torque(end[turns], turning)).max(axis=1)
    theta[others], residual[others] = _newton(model, end[~turns], others, limit[others], max_steps)
    status[others] = _verdicts(model, theta[others], others, residual[others] <= limit[others])
    return theta, residual, status


def _clock(model: Waves) -> tuple[FloatArray, IntArray]:
    """The step in time and how many a sample may take, (batch,) each."""
    problem = model.problem
    strength = np.maximum(problem.strengths[problem.member].max(axis=1), 1e-12)
    steepest = np.sqrt(2) * strength * max(1.0, model.interaction.steepness)
    dt = STEP / np.maximum(steepest, np.abs(problem.frequency).max(axis=1))
    count = np.minimum(MOST_TIME_STEPS, np.ceil(TURNS / (strength * dt)))
    return np.asarray(dt), count.astype(np.intp)


def _march(
    model: Waves, start: FloatArray, samples: IntArray, dt: FloatArray, count: IntArray
) -> FloatArray:
    """Phases (rows, m) after `count` (rows,) steps d theta = torque dt."""
    theta = start.copy()
    for done in range(int(count.max(initial=0))):
        going = np.flatnonzero(done < count)
        theta[going] += dt[going, None] * model.torque(theta[going], samples[going])
    return theta


def _verdicts(
    model: Waves, theta: FloatArray, samples: IntArray, resting: np.ndarray
) -> np.ndarray:
    """The status (rows,) of some samples at theta (rows, m)."""
    problem = model.problem
    status = np.full(len(theta), Status.STEP_LIMIT, dtype=np.int8)
    rows = np.flatnonzero(resting)
    status[rows] = Status.LOCKED
    strength = np.maximum(1.0, problem.strengths.max(axis=1)[problem.member[samples]])
    _, jacobians = model.linearised(theta[rows], samples[rows])
    for row, jacobian in zip(rows, jacobians, strict=True):
        if growth(jacobian, problem.parts) > SLOWEST * strength[row]:
            status[row] = Status.UNSTABLE
    return status
