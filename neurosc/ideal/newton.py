"""Newton descent by one dense Cholesky factorisation a sample and step."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurosc.ideal import descent
from neurosc.ideal.hessians import CHUNK, certify, hessians, newton_steps
from neurosc.ideal.reduction import Reduction
from neurosc.network import FloatArray, IntArray
from neurosc.substrate import Relaxation


def newton(problem: Reduction, tolerance: float, max_steps: int) -> Relaxation:
    """Minimise E (+ beta C) by (H + shift) step = torque with an Armijo line search on the energy.

    The shift is zero where H is positive on the complement of rotation; elsewhere it grows until
    the Cholesky factorisation succeeds. A sample is LOCKED if at its end the largest torque is
    below `tolerance` times the largest that can act (at least 1), and H is positive.
    """
    limit = descent.torque_limit(problem, tolerance)
    samples = np.arange(len(limit))
    theta, residual, status = descent.descend(
        Dense(problem), descent.cold_start(problem), samples, limit, max_steps
    )
    certify(problem, theta, status)
    return descent.ending(problem, theta, residual, status)


@dataclasses.dataclass(frozen=True, eq=False)
class Dense:
    """A batch under compiled kernels that see one sample at a time; see `descent.Model`."""

    problem: Reduction

    def evaluate(self, theta: FloatArray, samples: IntArray) -> descent.State:
        """The state at phases (rows, m)."""
        from neurosc.ideal.kernels.torque import batch_torque

        p = self.problem
        energy, torque = np.empty(len(theta)), np.empty_like(theta)
        batch_torque(
            theta, *p.couplings, p.member[samples], p.frequency[samples], *p.split_field(samples),
            p.second_harmonic[samples], energy, torque,
        )  # fmt: skip
        if p.feedback is not None:
            energy += p.feedback.energy(theta, samples)
            torque[:, p.feedback.rows] -= p.feedback.gradient(theta, samples)
        return descent.State(theta, energy, torque, np.empty_like(theta[:, :0]), theta[:, :0])

    def direction(self, state: descent.State, samples: IntArray) -> FloatArray:
        """A step (rows, m) downhill."""
        rows = max(1, CHUNK // state.theta.shape[1] ** 2)
        parts = [slice(a, a + rows) for a in range(0, len(samples), rows)]
        return np.concatenate([self._steps(state.take(part), samples[part]) for part in parts])

    def _steps(self, state: descent.State, samples: IntArray) -> FloatArray:
        each = hessians(self.problem, state.theta, samples)
        return newton_steps(each, state.torque, descent.LONGEST_STEP)
