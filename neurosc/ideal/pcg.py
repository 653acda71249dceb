"""Newton descent of whole batches by conjugate gradients, in nothing but matrix products."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from neurosc.ideal import descent
from neurosc.ideal.hessians import certify, cost_curvature
from neurosc.ideal.newton import Dense
from neurosc.ideal.products import Panels, panels, real_product
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.threads import one_blas_thread, over_chunks
from neurosc.network import FloatArray, IntArray, PhaseNetwork
from neurosc.substrate import Relaxation, Status

CHUNK = 32768
"""Phases that are relaxed together: what the second-level cache holds."""
INNER_STEPS = 20
OUTER_STEPS = 40
"""Newton steps after which a sample is handed to the dense factorisation."""


def pcg(problem: Reduction, tolerance: float, max_steps: int) -> Relaxation:
    """Minimise E (+ beta C) by H step = torque, solved by Jacobi-preconditioned CG.

    The inner iterations run in single precision, to a residual that tightens with the torque, and
    leave along a direction of negative curvature; torque, line search and certificate are in
    double precision. Samples share nothing but the matrix products. Those that need more than
    `OUTER_STEPS` are finished by `newton`.
    """
    limit = descent.torque_limit(problem, tolerance)
    theta, residual = descent.cold_start(problem), np.empty(problem.batch)
    status = np.empty(problem.batch, dtype=np.int8)
    model = Products(problem)

    def run(rows: slice) -> None:
        samples = np.arange(problem.batch)[rows]
        theta[rows], residual[rows], status[rows] = descent.descend(
            model, theta[rows], samples, limit[rows], min(max_steps, OUTER_STEPS)
        )

    with one_blas_thread():
        over_chunks(run, problem.batch, max(1, CHUNK // theta.shape[1]))
        left = np.flatnonzero(status == Status.STEP_LIMIT)
        if left.size and max_steps > OUTER_STEPS:
            theta[left], residual[left], status[left] = descent.descend(
                Dense(problem), theta[left], left, limit[left], max_steps - OUTER_STEPS
            )
        certify(problem, theta, status)
    return descent.ending(problem, theta, residual, status)


class _Matrices(NamedTuple):
    """Re J and Im J in both precisions; Im J is empty for a real network."""

    double: tuple[Panels, Panels]
    single: tuple[Panels, Panels]

    @classmethod
    def of(cls, real: FloatArray, imaginary: FloatArray) -> _Matrices:
        return cls(
            (panels(real), panels(imaginary)),
            (panels(real, np.float32), panels(imaginary, np.float32)),
        )


_PREPARED: WeakKeyDictionary[PhaseNetwork, _Matrices] = WeakKeyDictionary()
"""Of the networks in use: both relaxations of a gradient take the same."""


@dataclasses.dataclass(frozen=True, eq=False)
class Products:
    """A batch as rows of matrices; see `descent.Model`."""

    problem: Reduction

    @cached_property
    def _matrices(self) -> _Matrices:
        network = self.problem.network
        if network not in _PREPARED:
            _PREPARED[network] = _Matrices.of(*self.problem.coupling)
        return _PREPARED[network]

    @cached_property
    def _members(self) -> npt.NDArray[np.float32]:
        """One row for each floating part: 1 / sqrt(size) at its oscillators."""
        parts = self.problem.parts
        rows = np.arange(parts.max(initial=-1) + 1)[:, None] == parts
        rows = rows / np.sqrt(np.maximum(rows.sum(axis=1, keepdims=True), 1))
        return np.asarray(rows, dtype=np.float32)

    def evaluate(self, theta: FloatArray, samples: IntArray) -> descent.State:
        """The state at phases (rows, m)."""
        from neurosc.ideal.kernels.pcg import assess, rotors

        p, (rows, m) = self.problem, theta.shape
        z = np.empty((rows, 2, m))
        rotors(theta, z)
        diagonal, torque, energy = np.empty_like(theta), np.empty_like(theta), np.empty(rows)
        assess(
            theta, z, *(real_product(z, J) for J in self._matrices.double), p.frequency[samples],
            *p.split_field(samples), p.second_harmonic[samples], diagonal, torque, energy,
        )  # fmt: skip
        if p.feedback is not None:
            energy += p.feedback.energy(theta, samples)
            torque[:, p.feedback.rows] -= p.feedback.gradient(theta, samples)
        return descent.State(theta, energy, torque, diagonal, z)

    def direction(self, state: descent.State, samples: IntArray) -> FloatArray:
        """A step (rows, m) downhill."""
        from neurosc.ideal.kernels.pcg import Work, advance, begin

        rows, m = state.theta.shape
        scale = np.abs(state.torque).max(axis=1)
        work = Work.empty(rows, m)
        relative = scale / self.problem.strengths.max(axis=1)[self.problem.member[samples]]
        work.forcing[:] = np.clip(relative, 1e-4, 0.1)
        work.reach[:] = descent.LONGEST_STEP / scale
        begin(state.torque, state.rotors, state.diagonal, self._members, scale, work)
        curvature = cost_curvature(self.problem, state.theta, samples)
        going = rows
        for _ in range(INNER_STEPS):
            products = [real_product(work.zp[:going], J) for J in self._matrices.single]
            going = advance(*products, state.diagonal, self._members, *curvature, work)
            if not going:
                break
        step = work.x * scale[:, None]
        longest = np.maximum(np.abs(step).max(axis=1, keepdims=True), descent.LONGEST_STEP)
        return np.asarray(step * (descent.LONGEST_STEP / longest))
