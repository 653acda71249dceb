"""Newton descent of whole batches by conjugate gradients, in nothing but matrix products."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from neurosc.ideal import descent
from neurosc.ideal.hessians import certify, cost_curvature
from neurosc.ideal.newton import Dense
from neurosc.ideal.products import COLUMNS, ROWS, up
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.threads import one_blas_thread, over_chunks
from neurosc.network import FloatArray, IntArray, PhaseNetwork
from neurosc.substrate import Relaxation, Status

Float32Array = npt.NDArray[np.float32]

CHUNK = 32768
"""Phases that are relaxed together: what the second-level cache holds."""
PAIRS = ROWS // 2
"""Samples are padded to multiples: each gives two rows to a product."""
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
        over_chunks(run, problem.batch, max(PAIRS, CHUNK // model.width))
        left = np.flatnonzero(status == Status.STEP_LIMIT)
        if left.size and max_steps > OUTER_STEPS:
            theta[left], residual[left], status[left] = descent.descend(
                Dense(problem), theta[left], left, limit[left], max_steps - OUTER_STEPS
            )
        certify(problem, theta, status)
    return descent.ending(problem, theta, residual, status)


class _Matrices(NamedTuple):
    """Re J and Im J, padded, in both precisions; Im J is empty for a real network."""

    double: tuple[FloatArray, FloatArray]
    single: tuple[Float32Array, Float32Array]

    @classmethod
    def of(cls, real: FloatArray, imaginary: FloatArray) -> _Matrices:
        grown = -len(real) % COLUMNS
        double = np.pad(real, (0, grown)), np.pad(imaginary, (0, grown if imaginary.size else 0))
        return cls(double, (double[0].astype(np.float32), double[1].astype(np.float32)))


_PREPARED: WeakKeyDictionary[PhaseNetwork, _Matrices] = WeakKeyDictionary()
"""Of the networks in use: both relaxations of a gradient take the same."""


@dataclasses.dataclass(frozen=True, eq=False)
class Products:
    """A batch as rows of matrices, padded to the product's multiples; see `descent.Model`."""

    problem: Reduction

    @cached_property
    def _matrices(self) -> _Matrices:
        network = self.problem.network
        if network not in _PREPARED:
            _PREPARED[network] = _Matrices.of(*self.problem.coupling)
        return _PREPARED[network]

    @cached_property
    def _members(self) -> Float32Array:
        """One row for each floating part: 1 / sqrt(size) at its oscillators."""
        parts = self.problem.parts
        rows = np.arange(parts.max(initial=-1) + 1)[:, None] == parts
        rows = rows / np.sqrt(np.maximum(rows.sum(axis=1, keepdims=True), 1))
        return np.asarray(rows, dtype=np.float32)

    @property
    def width(self) -> int:
        """Columns of the padded matrices."""
        return len(self._matrices.double[0])

    def evaluate(self, theta: FloatArray, samples: IntArray) -> descent.State:
        """The state at phases (rows, m)."""
        from neurosc.ideal.kernels.pcg import assess, rotors

        p, (rows, m) = self.problem, theta.shape
        z = np.zeros((up(rows, PAIRS), 2, self.width))
        rotors(theta, z)
        diagonal, torque, energy = np.empty_like(theta), np.empty_like(theta), np.empty(rows)
        assess(
            theta, z, *_products(z, self._matrices.double), p.frequency[samples],
            *p.split_field(samples), p.second_harmonic[samples], diagonal, torque, energy,
        )  # fmt: skip
        if p.feedback is not None:
            energy += p.feedback.energy(theta, samples)
            torque[:, p.feedback.rows] -= p.feedback.gradient(theta, samples)
        rotors_ = np.ascontiguousarray(z[:rows, :, :m])
        return descent.State(theta, energy, torque, diagonal, rotors_)

    def direction(self, state: descent.State, samples: IntArray) -> FloatArray:
        """A step (rows, m) downhill."""
        from neurosc.ideal.kernels.pcg import Work, advance, begin

        rows, m = state.theta.shape
        scale = np.abs(state.torque).max(axis=1)
        work = Work.empty(rows, m, (up(rows, PAIRS), self.width))
        relative = scale / self.problem.strengths.max(axis=1)[self.problem.member[samples]]
        work.forcing[:] = np.clip(relative, 1e-4, 0.1)
        work.reach[:] = descent.LONGEST_STEP / scale
        begin(state.torque, state.rotors, state.diagonal, self._members, scale, work)
        curvature = cost_curvature(self.problem, state.theta, samples)
        for _ in range(INNER_STEPS):
            products = _products(work.zp, self._matrices.single)
            if not advance(*products, state.diagonal, self._members, *curvature, work):
                break
        step = work.x * scale[:, None]
        longest = np.maximum(np.abs(step).max(axis=1, keepdims=True), descent.LONGEST_STEP)
        return np.asarray(step * (descent.LONGEST_STEP / longest))


def _products(
    z: npt.NDArray[Any], matrices: tuple[npt.NDArray[Any], npt.NDArray[Any]]
) -> list[npt.NDArray[Any]]:
    """z (rows, 2, width) times each matrix; empty for an empty one."""
    flat = z.reshape(-1, z.shape[-1])
    return [(flat @ a).reshape(z.shape) if a.size else a.reshape(0, 0, 0) for a in matrices]
