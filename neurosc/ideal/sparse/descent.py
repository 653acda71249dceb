"""The descent of one sample, and the linear response of its state at rest."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurosc.ideal.descent import (
    ARMIJO,
    COLD_SWEEPS,
    LONGEST_STEP,
    RUNAWAY,
    SMALLEST_FRACTION,
    ending,
    torque_limit,
)
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.sparse import preconditioners
from neurosc.ideal.sparse.certificate import is_minimum
from neurosc.ideal.sparse.hessian import Sample, State, samples
from neurosc.ideal.sparse.preconditioners import Choice
from neurosc.ideal.sparse.solver import Solution, Solver
from neurosc.network import FloatArray
from neurosc.randomness import stream
from neurosc.substrate import Relaxation, Status

COARSEST_SOLVE, FINEST_SOLVE = 1e-2, 1e-4
"""Relative residuals of the linear systems, far from rest and close to it."""
LAST_SOLVE = 0.2
"""Share of the limit to which the last of them goes."""
SWEEPS = 4
"""Times that each oscillator turns on its own after a step along negative curvature."""
ROTATION = 1e-3
"""A direction that loses all but this share with its rotation is rounding, not curvature."""
INVERSE_STEPS, INVERSE_SOLVE, SETTLED = 30, 1e-2, 3e-3
"""Most inverse iterations, their relative residuals, and the relative change that ends them."""


def descend_all(
    problem: Reduction, tolerance: float, max_steps: int, choice: Choice, *, patient: bool = True
) -> Relaxation:
    """Minimise E (+ beta C); `choice` and `patient` as in `Solver`."""
    ends = [
        _descend(sample, Solver(sample, choice, patient=patient), float(limit), max_steps)
        for sample, limit in zip(samples(problem), torque_limit(problem, tolerance), strict=True)
    ]
    theta = np.stack([end.theta for end in ends])
    status = np.array([end.status for end in ends], dtype=np.int8)
    return ending(problem, theta, np.array([end.residual for end in ends]), status)


def response(problem: Reduction, phases: FloatArray, force: FloatArray) -> FloatArray:
    """H^-1 force (batch, m) at phases (batch, m), on the complement of rotation, to 1e-12."""
    found = np.empty_like(force)
    for sample, theta, f, out in zip(samples(problem), phases, force, found, strict=True):
        state = sample.evaluate(theta)
        solver = Solver(sample, preconditioners.best, patient=True)
        out[:] = sample.parts.centre(solver.solve(state, f, 1e-12).x)
    return found


def lowest_curvature(problem: Reduction, phases: FloatArray) -> FloatArray:
    """The smallest eigenvalue of H (batch,) at phases (batch, m), on the complement of rotation.

    By inverse iteration from a random vector: from above, to about a percent, where H is positive.
    """
    found = np.empty(problem.batch)
    for b, (sample, theta) in enumerate(zip(samples(problem), phases, strict=True)):
        state = sample.evaluate(theta)
        solver = Solver(sample, preconditioners.best, patient=True)
        v = sample.parts.centre(stream(0, "lowest curvature").standard_normal(theta.size))
        found[b], before = np.nan, np.nan
        for _ in range(INVERSE_STEPS):
            v = sample.parts.centre(solver.solve(state, v / np.linalg.norm(v), INVERSE_SOLVE).x)
            before, found[b] = found[b], v @ (state.hessian @ v) / (v @ v)
            if abs(before - found[b]) < SETTLED * found[b]:
                break
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class _End:
    theta: FloatArray
    status: Status
    residual: float


def _descend(sample: Sample, solver: Solver, limit: float, max_steps: int) -> _End:
    origin = sample.start(COLD_SWEEPS)
    state = sample.evaluate(origin, solver.dtype)
    forcing, before = COARSEST_SOLVE, np.nan
    for _ in range(max_steps):
        residual, size = float(np.abs(state.torque).max()), float(np.linalg.norm(state.torque))
        if residual <= limit:
            break
        if _slides(sample, state.theta - origin):
            return _End(state.theta, Status.NOT_LOCKED, residual)
        if size < before:
            forcing = float(np.clip(0.5 * (size / before) ** 1.5, FINEST_SOLVE, COARSEST_SOLVE))
        goal = max(forcing, min(LAST_SOLVE * limit / residual, 0.5))
        found = solver.solve(state, sample.parts.centre(state.torque), goal)
        moved = _shorten(sample, state, _step(sample, found), solver)
        if moved is None:
            break
        before = size
        state = moved if found.direction is None else _smooth(sample, moved, solver)
    residual = float(np.abs(state.torque).max())
    if residual > limit:
        return _End(state.theta, Status.STEP_LIMIT, residual)
    stable = is_minimum(sample, state, solver)
    return _End(state.theta, Status.LOCKED if stable else Status.UNSTABLE, residual)


def _slides(sample: Sample, way: FloatArray) -> bool:
    """Whether neighbours have turned past each other; on a grid phases alone may go far."""
    return bool(np.abs(way).max() > 0.5 * RUNAWAY) and sample.largest_lag(way) > RUNAWAY


def _step(sample: Sample, found: Solution) -> FloatArray:
    """A step downhill that changes no phase difference by more than `LONGEST_STEP`."""
    centre = sample.parts.centre
    step = centre(found.x)
    if found.direction is not None:
        along = centre(found.direction)
        if np.abs(along).max() > ROTATION * np.abs(found.direction).max():
            step += along * (LONGEST_STEP / sample.largest_lag(along))
    if 2 * np.abs(step).max() > LONGEST_STEP:
        step *= min(1.0, LONGEST_STEP / max(sample.largest_lag(step), LONGEST_STEP))
    return step


def _smooth(sample: Sample, state: State, solver: Solver) -> State:
    """Where the energy curves down in many places: sweeps settle them all, if it falls by them."""
    swept = sample.evaluate(sample.swept(state.theta, SWEEPS), solver.dtype)
    return swept if swept.energy < state.energy else state


def _shorten(sample: Sample, state: State, step: FloatArray, solver: Solver) -> State | None:
    """Halve the step until the energy falls enough; None if it never does."""
    slope = float(state.torque @ step)
    rounding = 1e-13 * (1 + abs(state.energy))
    fraction = 1.0
    while fraction >= SMALLEST_FRACTION:
        trial = sample.evaluate(state.theta + fraction * step, solver.dtype)
        if trial.energy <= state.energy - ARMIJO * fraction * slope + rounding:
            return trial
        fraction *= 0.5
    return None
