"""Whether a state at rest is stable where the torque is not the gradient of an energy."""

from __future__ import annotations

import numpy as np
import scipy

from neurosc.ideal.reduction import Reduction
from neurosc.network import FloatArray, IntArray
from neurosc.parameters import dense

DENSE_MODES = 1500
"""Most free oscillators whose Jacobian is examined."""
ENTRIES = 1 << 20
"""Of the Jacobians that are made at once."""
SLOWEST = 1e-9
"""A rate of growth that counts as none, in units of the strength."""


def grows(problem: Reduction, theta: FloatArray, samples: IntArray) -> IntArray:
    """Those of some samples, at rest at `theta` (batch, m), that a disturbance leads away.

    Stable where the symmetric part of the Jacobian is negative definite off the rotations, which a
    Cholesky factorisation tells, or else if no eigenvalue has a positive real part.
    """
    m = len(problem.parts)
    if m > DENSE_MODES:
        return samples[:0]
    some, away = max(1, ENTRIES // m**2), []
    for first in range(0, len(samples), some):
        mine = samples[first : first + some]
        for sample, jacobian in zip(mine, jacobians(problem, theta[mine], mine), strict=True):
            strength = float(problem.strengths[problem.member[sample]].max())
            away.append(growth(jacobian, problem.parts) > SLOWEST * max(1.0, strength))
    return np.asarray(samples[np.array(away, dtype=bool)])


def growth(jacobian: FloatArray, parts: IntArray) -> float:
    """The rate at which a disturbance grows most, or at most 0 where none does.

    `jacobian` is d torque_i / d theta_j, (m, m).
    """
    return 0.0 if _damped(jacobian, parts) else _fastest(jacobian, parts)[0]


def fastest_mode(problem: Reduction, theta: FloatArray, sample: int) -> tuple[float, FloatArray]:
    """The rate at which a disturbance of phases (m,) grows most, and its size (m,)."""
    jacobian = jacobians(problem, theta[None], np.array([sample]))[0]
    return _fastest(jacobian, problem.parts)


def jacobians(problem: Reduction, theta: FloatArray, samples: IntArray) -> FloatArray:
    """d torque_i / d theta_j (samples, m, m) at theta (samples, m)."""
    m = theta.shape[1]
    total = np.zeros((len(samples), m, m))
    diagonal = np.zeros((len(samples), m))
    parts = [(problem.members, problem.field)]
    parts += [(harmonic.members, harmonic.field) for harmonic in problem.harmonics]
    for k, (members, field) in enumerate(parts, 1):
        z = np.exp(1j * k * theta)
        w = np.stack([dense(members[member]) for member in problem.member[samples]])
        pull = k * (z.conj()[:, :, None] * w * z[:, None, :]).real
        total += pull
        diagonal -= pull.sum(axis=2) + k * (z.conj() * field[samples]).real
    diagonal -= 2 * problem.second_harmonic[samples] * np.cos(2 * theta)
    index = np.arange(m)
    total[:, index, index] += diagonal
    if problem.feedback is not None:
        rows = problem.feedback.rows
        total[:, rows[:, None], rows] -= problem.feedback.hessian(theta, samples)
    return total


def _turnless(matrix: FloatArray, parts: IntArray) -> tuple[FloatArray, FloatArray]:
    """The matrix off the rotations of floating parts, and the projector on these."""
    turns = np.zeros_like(matrix)
    for part in range(parts.max(initial=-1) + 1):
        mine = parts == part
        turns[np.ix_(mine, mine)] = 1 / mine.sum()
    off = np.eye(len(matrix)) - turns
    return off @ matrix @ off, turns


def _damped(jacobian: FloatArray, parts: IntArray) -> bool:
    """Whether the symmetric part is negative definite off the rotations."""
    symmetric = -(jacobian + jacobian.T) / 2
    if (parts >= 0).any():
        symmetric, turns = _turnless(symmetric, parts)
        symmetric += max(1.0, float(np.abs(jacobian).max())) * turns
    return int(scipy.linalg.lapack.dpotrf(symmetric, lower=1, clean=0)[1]) == 0


def _fastest(jacobian: FloatArray, parts: IntArray) -> tuple[float, FloatArray]:
    """The largest real part of an eigenvalue off the rotations, and its vector's moduli."""
    kept = _turnless(jacobian, parts)[0] if (parts >= 0).any() else jacobian
    values, modes = np.linalg.eig(kept)
    first = int(values.real.argmax())
    return float(values.real[first]), np.abs(modes[:, first])
