"""Dense Hessians of a batch: steps downhill, and whether states of rest are minima."""

from __future__ import annotations

import numpy as np
import scipy

from neurosc.ideal.reduction import Reduction
from neurosc.network import FloatArray, IntArray
from neurosc.substrate import Status

LAPACK_FROM = 48
"""Oscillators from which LAPACK's factorisation is faster than the compiled loops."""
PIVOT = 1e-11
"""Smallest squared pivot, relative to the largest diagonal entry, that counts as positive."""
CHUNK = 2**20
"""Entries of the Hessians that are held at a time."""


def cost_curvature(
    problem: Reduction, theta: FloatArray, samples: IntArray
) -> tuple[IntArray, FloatArray]:
    """The oscillators on which a nudge acts that is no static field, and beta d2C there."""
    if problem.feedback is None:
        return np.zeros(0, dtype=np.intp), np.zeros((len(theta), 0, 0))
    return problem.feedback.rows, problem.feedback.hessian(theta, samples)


def hessians(problem: Reduction, theta: FloatArray, samples: IntArray) -> FloatArray:
    """d2(E + beta C)/dtheta2 (rows, m, m), in the lower triangles.

    A projector on the rotation of each floating part is added, so that they are positive definite
    exactly if the Hessians are so on the complement of the rotations.
    """
    from neurosc.ideal.kernels.newton import batch_hessian

    p, out = problem, np.zeros((*theta.shape, theta.shape[1]))
    batch_hessian(
        theta, *p.couplings, p.member[samples], *p.split_field(samples),
        p.second_harmonic[samples], p.parts, *cost_curvature(p, theta, samples), out,
    )  # fmt: skip
    return out


def newton_steps(each: FloatArray, torque: FloatArray, longest: float) -> FloatArray:
    """Solve (H + shift) step = torque, no oscillator moving further than `longest`.

    The shift is zero where H is positive; elsewhere it grows until it can be factorised.
    """
    if each.shape[1] < LAPACK_FROM:
        from neurosc.ideal.kernels.newton import directions

        step = np.empty_like(torque)
        directions(each, torque, longest, step)
        return step
    return np.stack([_by_lapack(*pair, longest) for pair in zip(each, torque, strict=True)])


def _by_lapack(hessian: FloatArray, torque: FloatArray, longest: float) -> FloatArray:
    largest = float(np.abs(hessian.diagonal()).max())
    shift = 0.0
    while (factor := _factor(hessian + shift * np.eye(len(hessian)))) is None:
        shift = max(4.0 * shift, 0.01 * largest + 1e-300)
    step, _ = scipy.linalg.lapack.dpotrs(factor, torque, lower=0)
    return np.asarray(step * min(1.0, longest / max(np.abs(step).max(), 1e-300)))


def _factor(hessian: FloatArray) -> FloatArray | None:
    """Its Cholesky factor, in place; None if it is not positive definite."""
    floor = PIVOT * max(float(np.abs(hessian.diagonal()).max()), 1e-300)
    factor, failed = scipy.linalg.lapack.dpotrf(hessian.T, lower=0, clean=0, overwrite_a=1)
    return factor if not failed and factor.diagonal().min() ** 2 > floor else None


def certify(problem: Reduction, theta: FloatArray, status: np.ndarray) -> None:
    """Turn LOCKED into UNSTABLE where the Hessian is not positive off the rotations.

    In a real network that floats, without negative couplings and second harmonic, all phases
    within less than a quarter turn are enough. Elsewhere a Cholesky factorisation decides.
    """
    unproven = np.flatnonzero(status == Status.LOCKED)
    if unproven.size and _only_attracts(problem):
        spread = np.ptp(theta[unproven], axis=1)
        unproven = unproven[spread >= 0.5 * np.pi]
    rows = max(1, CHUNK // theta.shape[1] ** 2)
    for first in range(0, unproven.size, rows):
        samples = unproven[first : first + rows]
        stable = are_positive(hessians(problem, theta[samples], samples))
        status[samples[~stable]] = Status.UNSTABLE


def _only_attracts(problem: Reduction) -> bool:
    real, imaginary = problem.couplings
    return bool(
        problem.feedback is None
        and imaginary.size == 0
        and (problem.parts >= 0).all()
        and real.min() >= 0
    )


def are_positive(each: FloatArray) -> np.ndarray:
    if each.shape[1] >= LAPACK_FROM:
        return np.array([_factor(hessian) is not None for hessian in each])
    from neurosc.ideal.kernels.newton import positive

    verdict = np.empty(len(each), dtype=bool)
    positive(each, verdict)
    return verdict
