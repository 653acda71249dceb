"""Newton descent with Jacobi-preconditioned conjugate gradients, for sparse couplings."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy

from neurosc.ideal.descent import ARMIJO, LONGEST_STEP, RUNAWAY, SMALLEST_FRACTION, cannot_lock
from neurosc.ideal.reduction import Reduction
from neurosc.network import ComplexArray, FloatArray, IntArray
from neurosc.substrate import Relaxation, Status

DENSE_CERTIFICATE = 2000
"""Most oscillators whose stability is decided by a dense Cholesky factorisation."""
INNER_STEPS = 2000


def sparse_newton(problem: Reduction, tolerance: float, max_steps: int) -> Relaxation:
    """As `newton`, one sample after the other, with memory and time linear in the edges.

    Each step solves H step = torque to a relative residual that tightens with the torque, or
    leaves along a direction of negative curvature. The certificate: H is a graph Laplacian with
    weights w_ij = Re(conj(z_i) J_ij z_j) plus a diagonal; where neither is negative it is positive
    definite, up to rotation, exactly if the edges with w > 0 and the diagonal leave no further
    part free. Elsewhere the lowest eigenvalue decides.
    """
    samples = [Sample(problem, b) for b in range(problem.batch)]
    limit = tolerance * max(1.0, float(problem.network.strength[problem.network.free].max()))
    ends = [_descend(sample, limit, max_steps) for sample in samples]
    status = np.array([end.status for end in ends], dtype=np.int8)
    status[cannot_lock(problem) & (status == Status.STEP_LIMIT)] = Status.NOT_LOCKED
    phases = problem.full(np.stack([end.theta for end in ends]))
    return Relaxation(phases, status, np.array([end.residual for end in ends]))


class _NegativeCurvatureError(Exception):
    """Ends the conjugate gradients."""

    def __init__(self, direction: FloatArray) -> None:
        super().__init__()
        self.direction = direction.copy()


@dataclasses.dataclass(frozen=True, eq=False)
class Hessian:
    """d2E/dtheta2 = diag - W, and a cost's own small block.

    Attributes
    ----------
    diagonal, weights
        (m,), and w_ij = Re(conj(z_i) J_ij z_j) on the edges.
    rows, block
        Oscillators on which a cost acts, and its Hessian there.
    parts
        The floating part of each oscillator, -1 if anchored.
    """

    diagonal: FloatArray
    weights: Any
    rows: IntArray
    block: FloatArray
    parts: IntArray

    def __matmul__(self, v: FloatArray) -> FloatArray:
        out = self.diagonal * v - self.weights @ v
        out[self.rows] += self.block @ v[self.rows]
        return np.asarray(out)

    @property
    def scale(self) -> float:
        """The largest diagonal entry."""
        return max(float(np.abs(self.diagonal).max()), 1e-300)

    def members(self) -> list[IntArray]:
        """The oscillators of each floating part."""
        return [np.flatnonzero(self.parts == p) for p in range(self.parts.max(initial=-1) + 1)]

    def solve(self, torque: FloatArray, tolerance: float) -> FloatArray:
        """H^-1 torque on the complement of rotation, by Jacobi-preconditioned CG.

        On a direction of negative curvature it ends as Steihaug's method does: with the longest
        step along that direction, away from the saddle.
        """
        shape, kind = (torque.size, torque.size), np.dtype(np.float64)
        inverse = 1 / np.maximum(np.abs(self.diagonal), 1e-12 * self.scale)
        reached = np.zeros(torque.size)

        def product(v: FloatArray) -> FloatArray:
            out = self @ v
            if not v @ out > 0:
                raise _NegativeCurvatureError(v)
            return out

        def keep(x: FloatArray) -> None:
            reached[:] = x

        try:
            step, _ = scipy.sparse.linalg.cg(
                scipy.sparse.linalg.LinearOperator(shape, matvec=product, dtype=kind),
                torque,
                rtol=tolerance,
                atol=0.0,
                maxiter=INNER_STEPS,
                M=scipy.sparse.linalg.LinearOperator(shape, matvec=inverse.__mul__, dtype=kind),
                callback=keep,
            )
        except _NegativeCurvatureError as found:
            along = found.direction
            step = reached + along * (LONGEST_STEP / np.abs(along).max())
        for mine in self.members():
            step[mine] -= step[mine].mean()
        return np.asarray(step)

    def is_positive(self) -> bool:
        """Whether it is positive definite on the complement of the rotations."""
        rounding = 1e-12 * self.scale
        surplus = self @ np.ones(self.diagonal.size)
        laplacian = self.weights.data.min(initial=0.0) >= 0 and surplus.min() >= -rounding
        if laplacian and self.rows.size == 0:
            strong = self.weights > rounding
            count, label = scipy.sparse.csgraph.connected_components(strong, directed=False)
            anchored = np.unique(label[surplus > rounding]).size
            return bool(count - anchored == len(self.members()))
        return self._lowest_eigenvalue() > rounding

    def _lowest_eigenvalue(self) -> float:
        """On the complement of the rotations, which projectors lift out of the way."""
        size, members = self.diagonal.size, self.members()

        def lifted(v: FloatArray) -> FloatArray:
            out = self @ v.ravel()
            for mine in members:
                out[mine] += self.scale * v.ravel()[mine].mean()
            return out

        if size <= DENSE_CERTIFICATE:
            dense = np.stack([lifted(e) for e in np.eye(size)])
            return float(scipy.linalg.eigvalsh(dense, subset_by_index=[0, 0])[0])
        operator = scipy.sparse.linalg.LinearOperator((size, size), matvec=lifted, dtype=np.float64)
        first = np.cos(np.arange(size))  # ARPACK's own start is random
        return float(
            scipy.sparse.linalg.eigsh(
                operator, k=1, which="SA", tol=1e-6, v0=first, return_eigenvectors=False
            )[0]
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _End:
    theta: FloatArray
    status: Status
    residual: float


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """One sample's energy, torque and Hessian."""

    problem: Reduction
    b: int

    def start(self) -> FloatArray:
        """The given start, or each oscillator along its own field."""
        if self.problem.start is not None:
            return np.array(self.problem.start[self.b])
        return np.asarray(np.angle(self.problem.field[self.b]), dtype=np.float64)

    def evaluate(self, theta: FloatArray) -> tuple[float, FloatArray, ComplexArray]:
        """Energy, torque, and u = J z + h."""
        p, b = self.problem, self.b
        z = np.exp(1j * theta)
        pull = self._pull(z)
        omega, s, h = p.frequency[b], p.second_harmonic[b], p.field[b]
        energy = -0.5 * np.vdot(z, pull).real - np.vdot(h, z).real
        energy -= omega @ theta + 0.5 * s @ np.cos(2 * theta)
        u = pull + h
        torque = omega + (z.conj() * u).imag - s * np.sin(2 * theta)
        if p.feedback is not None:
            here, sample = theta[None], np.array([b])
            energy += float(p.feedback.energy(here, sample)[0])
            torque[p.feedback.rows] -= p.feedback.gradient(here, sample)[0]
        return float(energy), torque, u

    def _pull(self, z: ComplexArray) -> ComplexArray:
        edges = self.problem.edges
        if self.problem.network.is_complex:
            return np.asarray(edges @ z)
        return np.asarray(edges @ z.real + 1j * (edges @ z.imag))

    def hessian(self, theta: FloatArray, u: ComplexArray) -> Hessian:
        """d2E/dtheta2."""
        p, b = self.problem, self.b
        diagonal = (np.exp(-1j * theta) * u).real
        diagonal = diagonal + 2 * p.second_harmonic[b] * np.cos(2 * theta)
        rows, block = np.zeros(0, dtype=np.intp), np.zeros((0, 0))
        if p.feedback is not None:
            rows = p.feedback.rows
            block = p.feedback.hessian(theta[None], np.array([b]))[0]
        return Hessian(diagonal, self._weights(theta), rows, block, p.parts)

    def _weights(self, theta: FloatArray) -> Any:
        edges = scipy.sparse.csr_array(self.problem.edges)
        lag = theta[edges.indices] - np.repeat(theta, np.diff(edges.indptr))
        if self.problem.network.is_complex:
            data = (edges.data * np.exp(1j * lag)).real
        else:
            data = edges.data * np.cos(lag)
        return scipy.sparse.csr_array((data, edges.indices, edges.indptr), shape=edges.shape)


def _descend(sample: Sample, limit: float, max_steps: int) -> _End:
    theta = sample.start()
    origin = theta.copy()
    energy, torque, u = sample.evaluate(theta)
    for _ in range(max_steps):
        residual = float(np.abs(torque).max())
        if residual <= limit:
            break
        if np.abs(theta - origin).max() > RUNAWAY:
            return _End(theta, Status.NOT_LOCKED, residual)
        hessian = sample.hessian(theta, u)
        step = hessian.solve(torque, float(np.clip(residual, 1e-6, 0.1)))
        step *= min(1.0, LONGEST_STEP / np.abs(step).max())
        moved = _shorten(sample, theta, energy, float(torque @ step), step)
        if moved is None:
            break
        theta, energy, torque, u = moved
    residual = float(np.abs(torque).max())
    if residual > limit:
        return _End(theta, Status.STEP_LIMIT, residual)
    stable = sample.hessian(theta, u).is_positive()
    return _End(theta, Status.LOCKED if stable else Status.UNSTABLE, residual)


def _shorten(
    sample: Sample, theta: FloatArray, energy: float, slope: float, step: FloatArray
) -> tuple[FloatArray, float, FloatArray, ComplexArray] | None:
    """Halve the step until the energy falls enough; None if it never does."""
    rounding = 1e-13 * (1 + abs(energy))
    fraction = 1.0
    while fraction >= SMALLEST_FRACTION:
        trial = theta + fraction * step
        reached, torque, u = sample.evaluate(trial)
        if reached <= energy - ARMIJO * fraction * slope + rounding:
            return trial, reached, torque, u
        fraction *= 0.5
    return None
