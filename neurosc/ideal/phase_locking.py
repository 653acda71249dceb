"""Phase-locked states of oscillators whose interaction is no sine: a damped Newton method."""

from __future__ import annotations

import numpy as np
import scipy

from neurosc.ideal.descent import LONGEST_STEP, torque_limit
from neurosc.ideal.interaction import Interaction
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.stability import DENSE_MODES, SLOWEST, growth
from neurosc.ideal.steps import SLIP, STEP, TURNS, WATCH
from neurosc.ideal.waves import Waves
from neurosc.network import ComplexArray, FloatArray, IntArray
from neurosc.substrate import Relaxation, Status

CHUNK = 1 << 22
"""Numbers of the waves and Jacobians that are held at a time: 32 MiB."""
NEWTON_STEPS = 60
"""After which a sample is followed through time instead."""
MOST_TIME_STEPS = 20_000
"""Of a sample whose frequencies exceed its couplings by far: it turns in far less."""


def phase_locked(
    problem: Reduction,
    injected: ComplexArray,
    interaction: Interaction,
    tolerance: float,
    max_steps: int,
) -> Relaxation:
    """Where the torque of `Waves`, less its mean over each floating part, vanishes.

    Newton steps (1/dt - T') step = T with the Jacobian T': implicit steps in time, of the length in
    which the fastest phase moves one radian at most, and half that in which the fastest growing
    disturbance grows by e, so that they leave saddles as the oscillators do. Samples that they do
    not bring to rest are followed through time from their start, and finished by such steps.

    A sample is LOCKED if its largest torque is below `tolerance` times the largest that can act (at
    least 1) and no eigenvalue of the Jacobian has a positive real part off the rotations, UNSTABLE
    if one has. It is NOT_LOCKED if, left to itself for 300 over the strength, some phase has made a
    turn (against the mean of its part where that floats) and still moves by more than half a radian
    in the last tenth; else STEP_LIMIT.

    Parameters
    ----------
    problem
        The samples with plain sines, and with a start.
    injected
        Fields that arrive through the interaction, (batch, m); see `neurosc.ideal.waves.injected`.

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
    start = np.zeros((problem.batch, m)) if problem.start is None else problem.start
    limit = torque_limit(problem, tolerance)
    theta, residual = np.empty_like(start), np.empty(problem.batch)
    status = np.empty(problem.batch, dtype=np.int8)
    size = max(1, CHUNK // (m * (2 * m + 8 * interaction.orders.size)))
    for first in range(0, problem.batch, size):
        rows = np.arange(first, min(first + size, problem.batch))
        model = Waves(problem.take(rows, start[rows]), injected[rows], interaction)
        theta[rows], residual[rows], status[rows] = _solve(
            model, start[rows], limit[rows], max_steps
        )
    return Relaxation(problem.full(theta), status, residual)


def _solve(
    model: Waves, start: FloatArray, limit: FloatArray, max_steps: int
) -> tuple[FloatArray, FloatArray, np.ndarray]:
    """Phases, residual and status of the samples of a model."""
    every = np.arange(len(start))
    at_rest = _residual(model, start, every) <= limit
    theta, residual = _newton(model, start, every, limit, min(max_steps, NEWTON_STEPS))
    status = _verdicts(model, theta, residual, limit)
    left = np.flatnonzero((status != Status.LOCKED) & ~at_rest)
    if left.size == 0:
        return theta, residual, status
    theta[left], turns = _follow(model, start[left], left, limit[left])
    theta[left[~turns]], _ = _newton(
        model, theta[left[~turns]], left[~turns], limit[left[~turns]], max_steps
    )
    residual[left] = _residual(model, theta[left], left)
    status = _verdicts(model, theta, residual, limit)
    status[left[turns]] = Status.NOT_LOCKED
    return theta, residual, status


def _residual(model: Waves, theta: FloatArray, samples: IntArray) -> FloatArray:
    return np.asarray(np.abs(model.torque(theta, samples)).max(axis=1, initial=0.0))


def _newton(
    model: Waves, start: FloatArray, samples: IntArray, limit: FloatArray, max_steps: int
) -> tuple[FloatArray, FloatArray]:
    """Phases and residual after steps from `start` (rows, m)."""
    theta, residual = start.copy(), np.full(len(start), np.inf)
    parts = model.problem.parts
    off = _off_rotations(parts)
    active = np.arange(len(start))
    for left in range(max_steps, -1, -1):
        torque = model.torque(theta[active], samples[active])
        residual[active] = np.abs(torque).max(axis=1)
        going = residual[active] > limit[active]
        active, torque = active[going], torque[going]
        if active.size == 0 or left == 0:
            break
        slopes = model.jacobian(theta[active], samples[active])
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


def _follow(
    model: Waves, start: FloatArray, samples: IntArray, limit: FloatArray
) -> tuple[FloatArray, np.ndarray]:
    """Phases (rows, m) after d theta = torque dt, by Euler's method, and which still turn."""
    problem = model.problem
    strength = np.maximum(problem.strengths[problem.member[samples]].max(axis=1), 1e-12)
    steepest = np.sqrt(2) * strength * max(1.0, model.interaction.steepness)
    dt = STEP / np.maximum(steepest, np.abs(problem.frequency[samples]).max(axis=1))
    count = np.minimum(MOST_TIME_STEPS, np.ceil(TURNS / (strength * dt))).astype(np.intp)
    watched = np.maximum(1, np.rint(WATCH * count)).astype(np.intp)
    theta, before = start.copy(), start.copy()
    active = np.arange(len(start))
    for done in range(int(count.max())):
        due = active[count[active] - watched[active] == done]
        before[due] = theta[due]
        torque = model.torque(theta[active], samples[active])
        resting = np.abs(torque).max(axis=1) <= limit[active]
        before[active[resting]] = theta[active[resting]]
        going = ~resting & (done < count[active])
        active, torque = active[going], torque[going]
        if active.size == 0:
            break
        theta[active] += dt[active, None] * torque
    moved, lately = np.abs(theta - start).max(axis=1), np.abs(theta - before).max(axis=1)
    return theta, (moved > 2 * np.pi) & (lately > SLIP)


def _verdicts(
    model: Waves, theta: FloatArray, residual: FloatArray, limit: FloatArray
) -> np.ndarray:
    """The status of samples (batch,) that ended at theta (batch, m)."""
    problem = model.problem
    status = np.full(len(theta), Status.STEP_LIMIT, dtype=np.int8)
    resting = np.flatnonzero(residual <= limit)
    status[resting] = Status.LOCKED
    strength = problem.strengths.max(axis=1)[problem.member]
    jacobians = model.jacobian(theta[resting], resting)
    for sample, jacobian in zip(resting, jacobians, strict=True):
        if growth(jacobian, problem.parts) > SLOWEST * max(1.0, strength[sample]):
            status[sample] = Status.UNSTABLE
    return status
