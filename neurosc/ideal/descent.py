"""The descent that all Newton methods share: line search, step limits and verdicts."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from neurosc.ideal.diagnosis import explain
from neurosc.ideal.reduction import Reduction
from neurosc.network import FloatArray, IntArray
from neurosc.substrate import Relaxation, Status

COLD_SWEEPS = 4
LONGEST_STEP = 1.0
"""Radians that one oscillator may move in one Newton step."""
RUNAWAY = 6 * np.pi
"""Radians after which a sample that still slides downhill counts as not locked."""
SMALLEST_FRACTION = 2.0**-30
ARMIJO = 1e-4
ROUNDING = 1e-14
"""Of an energy, per oscillator, by which it may rise."""


class State(NamedTuple):
    """Some samples on their way, rows first: phases (rows, m), energy (rows,), torque (rows, m).

    `diagonal` (rows, m), of the Hessian, and `rotors` (rows, 2, m), cosines and sines, are what a
    method wants to keep of the evaluation; others leave them empty.
    """

    theta: FloatArray
    energy: FloatArray
    torque: FloatArray
    diagonal: FloatArray
    rotors: FloatArray

    def take(self, rows: IntArray | np.ndarray | slice) -> State:
        """A part of the samples."""
        return State(*(part[rows] for part in self))

    def put(self, rows: IntArray, other: State) -> None:
        """Replace a part of the samples."""
        for mine, new in zip(self, other, strict=True):
            mine[rows] = new


class Model(Protocol):
    """How a method sees a batch; `samples` are rows of the problem."""

    def evaluate(self, theta: FloatArray, samples: IntArray) -> State:
        """The state at phases (rows, m)."""
        ...

    def direction(self, state: State, samples: IntArray) -> FloatArray:
        """A step (rows, m) downhill, of `LONGEST_STEP` at most."""
        ...


def torque_limit(problem: Reduction, tolerance: float) -> FloatArray:
    """The torque (batch,) below which a sample is at rest."""
    return np.asarray(tolerance * np.maximum(1.0, problem.strengths.max(axis=1))[problem.member])


def cold_start(problem: Reduction) -> FloatArray:
    """The given start, or each oscillator along the pull of those before it."""
    from neurosc.ideal.kernels.newton import sweep

    if problem.start is not None:
        return problem.start.copy()
    theta = np.zeros(problem.frequency.shape)
    if problem.field.any():
        sweep(
            theta, *problem.couplings, problem.member, problem.frequency,
            *problem.split_field(), COLD_SWEEPS,
        )  # fmt: skip
    return theta


def descend(
    model: Model, theta: FloatArray, samples: IntArray, limit: FloatArray, max_steps: int
) -> tuple[FloatArray, FloatArray, np.ndarray]:
    """Phases, residual and status of samples that start at theta (rows, m).

    A sample is at rest once its largest torque is below `limit` (rows,). LOCKED stands for that
    alone: whether the place is a minimum is left to the certificate.
    """
    theta, origin = theta.copy(), theta
    status = np.full(len(theta), Status.STEP_LIMIT, dtype=np.int8)
    residual = np.full(len(theta), np.inf)
    active = np.arange(len(theta))
    state = model.evaluate(theta, samples)
    for left in range(max_steps, -1, -1):
        residual[active] = np.abs(state.torque).max(axis=1)
        resting = residual[active] <= limit[active]
        status[active[resting]] = Status.LOCKED
        slid = ~resting & (np.abs(state.theta - origin[active]).max(axis=1) > RUNAWAY)
        status[active[slid]] = Status.NOT_LOCKED
        going = ~(resting | slid)
        if not going.all():
            active, state = active[going], state.take(going)
        if active.size == 0 or left == 0:
            break
        step = model.direction(state, samples[active])
        state, found = _search(model, state, step, samples[active])
        theta[active] = state.theta
        if not found.all():
            residual[active[~found]] = np.abs(state.torque[~found]).max(axis=1)
            active, state = active[found], state.take(found)
    return theta, residual, status


def _search(
    model: Model, state: State, step: FloatArray, samples: IntArray
) -> tuple[State, np.ndarray]:
    """Halve the steps of those samples whose energy does not fall enough; tell which found one."""
    slope = ARMIJO * (state.torque * step).sum(axis=1)
    rounding = ROUNDING * (1 + np.abs(state.energy)) * step.shape[1]
    trial = model.evaluate(state.theta + step, samples)
    waiting = np.flatnonzero(trial.energy > state.energy - slope + rounding)
    fraction = 1.0
    while waiting.size and fraction > SMALLEST_FRACTION:
        fraction *= 0.5
        theta = state.theta[waiting] + fraction * step[waiting]
        shorter = model.evaluate(theta, samples[waiting])
        target = state.energy - fraction * slope + rounding
        enough = shorter.energy <= target[waiting]
        trial.put(waiting[enough], shorter.take(enough))
        waiting = waiting[~enough]
    found = np.ones(len(step), dtype=bool)
    if waiting.size:
        trial.put(waiting, state.take(waiting))
        found[waiting] = False
    return trial, found


def ending(
    problem: Reduction, theta: FloatArray, residual: FloatArray, status: np.ndarray
) -> Relaxation:
    """The relaxation, with samples that ran out of steps told from those that cannot lock."""
    stuck = status == Status.STEP_LIMIT
    if stuck.any():
        status[stuck & cannot_lock(problem)] = Status.NOT_LOCKED
    reasons = partial(explain, problem, theta, status)
    return Relaxation(problem.full(theta), status, residual, reasons)


def cannot_lock(problem: Reduction) -> np.ndarray:
    """Samples with an oscillator whose frequency exceeds every torque that could hold it."""
    return np.asarray((np.abs(problem.frequency) > problem.holding).any(axis=1))
