"""Batched Newton descent of the energy, with a certificate of stability."""

from __future__ import annotations

import numpy as np

from neurosc.ideal.reduction import Feedback, Reduction
from neurosc.network import FloatArray, IntArray
from neurosc.substrate import Relaxation, Status

COLD_SWEEPS = 4
LONGEST_STEP = 1.0
"""Radians that one oscillator may move in one Newton step."""
RUNAWAY = 6 * np.pi
"""Radians after which a sample that still slides downhill counts as not locked."""
SMALLEST_FRACTION = 2.0**-30
ARMIJO = 1e-4


def newton(problem: Reduction, tolerance: float, max_steps: int) -> Relaxation:
    """Minimise E (+ beta C) by (H + shift) step = torque with an Armijo line search on the energy.

    The shift is zero where H is positive on the complement of rotation; elsewhere it grows until
    the Cholesky factorisation succeeds. A sample is LOCKED if at its end the largest torque is
    below `tolerance` times the largest that can act (at least 1), and the shift was zero.
    """
    from neurosc.ideal.kernels.newton import directions, sweep

    A, B = problem.coupling
    hr, hi = _split(problem.field)
    if problem.start is None:
        theta = np.zeros(hr.shape)
        sweep(theta, A, B, problem.frequency, hr, hi, COLD_SWEEPS, True)
    else:
        theta = problem.start.copy()
    origin = theta.copy()
    status = np.full(len(theta), Status.STEP_LIMIT, dtype=np.int8)
    residual = np.full(len(theta), np.inf)
    limit = tolerance * max(1.0, float(problem.network.strength[problem.network.free].max()))
    active = np.arange(len(theta))
    for _ in range(max_steps + 1):
        here, energy, torque = theta[active], *evaluate(problem, theta[active], active)
        residual[active] = np.abs(torque).max(axis=1)
        rows, extra = _curvature(problem.feedback, here, active)
        step, stable = np.empty_like(here), np.empty(active.size)
        directions(
            here, torque, A, B, hr[active], hi[active], problem.second_harmonic[active],
            problem.parts, rows, extra, LONGEST_STEP, step, stable,
        )  # fmt: skip
        resting = residual[active] <= limit
        status[active[resting]] = np.where(stable[resting] > 0, Status.LOCKED, Status.UNSTABLE)
        slid = ~resting & (np.abs(here - origin[active]).max(axis=1) > RUNAWAY)
        status[active[slid]] = Status.NOT_LOCKED
        go = ~(resting | slid)
        active = active[go]
        if active.size == 0:
            break
        moved, found = _line_search(problem, active, here[go], energy[go], torque[go], step[go])
        theta[active] = moved
        active = active[found]
    status[cannot_lock(problem) & (status == Status.STEP_LIMIT)] = Status.NOT_LOCKED
    return Relaxation(problem.full(theta), status, residual)


def _split(field: np.ndarray) -> tuple[FloatArray, FloatArray]:
    return np.ascontiguousarray(field.real), np.ascontiguousarray(field.imag)


def evaluate(
    problem: Reduction, theta: FloatArray, samples: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Energy (rows,) and torque (rows, m), with the feedback's share."""
    from neurosc.ideal.kernels.torque import batch_torque

    energy, torque = np.empty(len(theta)), np.empty_like(theta)
    hr, hi = _split(problem.field[samples])
    batch_torque(
        theta, *problem.coupling, problem.frequency[samples], hr, hi,
        problem.second_harmonic[samples], energy, torque,
    )  # fmt: skip
    if problem.feedback is not None:
        energy += problem.feedback.energy(theta, samples)
        torque[:, problem.feedback.rows] -= problem.feedback.gradient(theta, samples)
    return energy, torque


def _curvature(
    feedback: Feedback | None, theta: FloatArray, samples: IntArray
) -> tuple[IntArray, FloatArray]:
    if feedback is None:
        return np.zeros(0, dtype=np.intp), np.zeros((len(theta), 0, 0))
    return feedback.rows, feedback.hessian(theta, samples)


def _line_search(
    problem: Reduction,
    active: IntArray,
    here: FloatArray,
    energy: FloatArray,
    torque: FloatArray,
    step: FloatArray,
) -> tuple[FloatArray, np.ndarray]:
    """Halve the steps of those rows whose energy does not fall enough; tell which found one."""
    moved = here.copy()
    fraction = np.ones(len(here))
    slope = (torque * step).sum(axis=1)
    rounding = 1e-14 * (1 + np.abs(energy)) * here.shape[1]
    waiting = np.arange(len(here))
    while waiting.size and fraction[waiting[0]] >= SMALLEST_FRACTION:
        trial = here[waiting] + fraction[waiting, None] * step[waiting]
        reached, _ = evaluate(problem, trial, active[waiting])
        target = energy[waiting] - ARMIJO * fraction[waiting] * slope[waiting] + rounding[waiting]
        enough = reached <= target
        moved[waiting[enough]] = trial[enough]
        waiting = waiting[~enough]
        fraction[waiting] *= 0.5
    found = np.ones(len(here), dtype=bool)
    found[waiting] = False
    return moved, found


def cannot_lock(problem: Reduction) -> np.ndarray:
    """Samples with an oscillator whose frequency exceeds every torque that could hold it."""
    magnitude = np.asarray(abs(problem.edges).sum(axis=1)).ravel()
    holding = magnitude + np.abs(problem.field) + np.abs(problem.second_harmonic)
    return np.asarray((np.abs(problem.frequency) > holding).any(axis=1))
