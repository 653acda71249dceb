"""One sample of a sparse network: its energy, torque and Hessian, in memory linear in the edges."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.ideal.reduction import Reduction
from neurosc.network import FloatArray

Reals = npt.NDArray[np.floating[Any]]
Index = npt.NDArray[np.int32]
TINY = 1e-12
"""Share of the largest diagonal entry that counts as zero."""


class Edges(NamedTuple):
    """J among the free oscillators in compressed rows; the imaginary part is empty if J is real."""

    indptr: Index
    indices: Index
    real: FloatArray
    imaginary: FloatArray

    @classmethod
    def of(cls, problem: Reduction) -> Edges:
        """The edges of a problem, without a copy where the network stores them so."""
        csr = scipy.sparse.csr_array(problem.edges)
        imaginary = csr.data.imag if np.iscomplexobj(csr.data) else np.zeros(0)
        return cls(
            csr.indptr.astype(np.int32, copy=False),
            csr.indices.astype(np.int32, copy=False),
            np.ascontiguousarray(csr.data.real),
            np.ascontiguousarray(imaginary),
        )


class Parts(NamedTuple):
    """The floating parts, as the kernels take them."""

    label: Index
    """Number of each oscillator's part, from 1; 0 if it is anchored."""
    share: FloatArray
    """1 / size of each part, 0 for number 0."""

    @classmethod
    def of(cls, problem: Reduction) -> Parts:
        """The parts of a problem."""
        label = (problem.parts + 1).astype(np.int32)
        size = np.bincount(label).astype(np.float64)
        return cls(label, np.concatenate([[0.0], 1 / size[1:]]))

    def centre(self, v: FloatArray) -> FloatArray:
        """v less its mean over each part: the complement of the rotations."""
        if self.share.size == 1:
            return v
        mean = np.bincount(self.label, weights=v, minlength=self.share.size) * self.share
        return np.asarray(v - mean[self.label])


class State(NamedTuple):
    """Where a sample stands."""

    theta: FloatArray
    energy: float
    torque: FloatArray
    hessian: Hessian


@dataclasses.dataclass(frozen=True, eq=False)
class Hessian:
    """d2E/dtheta2 = Laplacian of the weights + diag anchor + a cost's own, P C P.

    Attributes
    ----------
    edges, parts
        Those of the sample.
    weights, lowest
        w_ij = Re(conj(z_i) J_ij z_j) of each edge, and the smallest.
    anchor
        (m,): Re(conj(z_i) h_i) + 2 s_i cos 2 theta_i.
    bound
        (m,): sum_j |w_ij| + |anchor_i|.
    cost
        C (m, m) in compressed rows, None if there is none.
    centred
        Whether P takes away the mean of each floating part; else it is the identity.
    """

    edges: Edges
    parts: Parts
    weights: Reals
    lowest: float
    anchor: Reals
    bound: Reals
    cost: Any
    centred: bool

    @property
    def size(self) -> int:
        """Number of free oscillators, m."""
        return self.anchor.size

    @cached_property
    def scale(self) -> float:
        """The largest diagonal entry."""
        return max(float(self.bound.max()), 1e-300)

    @cached_property
    def diagonal(self) -> FloatArray:
        """(m,) positive: the diagonal of the same matrix with absolute values for entries."""
        own = 0.0 if self.cost is None else np.abs(self.cost.diagonal())
        return np.asarray(np.maximum(self.bound + own, TINY * self.scale), dtype=np.float64)

    @cached_property
    def operands(self) -> tuple[npt.NDArray[Any], ...]:
        """What the kernels take of it, in the precision of the weights."""
        none = np.zeros(0, dtype=np.int32)
        cost: tuple[npt.NDArray[Any], ...] = (none, none, np.zeros(0, self.weights.dtype))
        if self.cost is not None:
            c = self.cost
            indices = (c.indptr.astype(np.int32), c.indices.astype(np.int32))
            cost = (*indices, c.data.astype(self.weights.dtype))
        label = self.parts.label if self.centred else none
        edges = (self.edges.indptr, self.edges.indices, self.weights, self.anchor)
        return (*edges, *cost, label, self.parts.share)

    def __matmul__(self, v: FloatArray) -> FloatArray:
        from neurosc.ideal.kernels.sparse import product

        out = np.empty_like(v)
        product(v, out, *self.operands)
        return out


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """One sample of a batch."""

    problem: Reduction
    b: int
    edges: Edges
    parts: Parts

    @cached_property
    def _rotors(self) -> FloatArray:
        return np.empty((self.parts.label.size, 2))

    def start(self, sweeps: int) -> FloatArray:
        """The given start, or each oscillator along the local field of those before it."""
        p = self.problem
        if p.start is not None:
            return np.array(p.start[self.b])
        theta = np.zeros(self.parts.label.size)
        if p.field[self.b].any():
            self._sweep(theta, np.zeros((theta.size, 2)), np.zeros(theta.size), sweeps)
        return theta

    def swept(self, theta: FloatArray, sweeps: int) -> FloatArray:
        """Phases after each oscillator, in order, has turned to the minimum of its own energy."""
        from neurosc.ideal.kernels.sparse import phasors

        theta = theta.copy()
        phasors(theta, self._rotors)
        self._sweep(theta, self._rotors, self.problem.frequency[self.b], sweeps)
        return theta

    def _sweep(self, theta: FloatArray, z: FloatArray, omega: FloatArray, sweeps: int) -> None:
        from neurosc.ideal.kernels.sparse import sweep

        sweep(theta, z, *self.edges, omega, self.problem.field[self.b], sweeps)

    def evaluate(self, theta: FloatArray, dtype: type[np.floating[Any]] = np.float64) -> State:
        """Energy, torque and Hessian; the latter is held in `dtype`."""
        from neurosc.ideal.kernels.sparse import evaluate, phasors

        p, b, m = self.problem, self.b, theta.size
        torque = np.empty(m)
        weights = np.empty(self.edges.indices.size, dtype)
        anchor, bound = np.empty(m, dtype), np.empty(m, dtype)
        phasors(theta, self._rotors)
        energy, lowest = evaluate(
            theta, self._rotors, *self.edges, p.frequency[b], p.field[b], p.second_harmonic[b],
            torque, weights, anchor, bound,
        )  # fmt: skip
        cost = None
        if p.feedback is not None:
            here, sample = theta[None], np.array([b])
            energy += float(p.feedback.energy(here, sample)[0])
            torque[p.feedback.rows] -= p.feedback.gradient(here, sample)[0]
            cost = p.feedback.sparse_hessian(theta, b)
        centred = p.network.centred
        hessian = Hessian(self.edges, self.parts, weights, lowest, anchor, bound, cost, centred)
        return State(theta, energy, torque, hessian)

    def largest_lag(self, v: FloatArray) -> float:
        """The largest change of a phase difference on an edge, or of a phase against a field."""
        from neurosc.ideal.kernels.sparse import largest_lag

        p, (indptr, indices, *_) = self.problem, self.edges
        return float(largest_lag(v, indptr, indices, p.field[self.b], p.second_harmonic[self.b]))


def samples(problem: Reduction) -> list[Sample]:
    """The samples of a batch; they share the edges."""
    edges, parts = Edges.of(problem), Parts.of(problem)
    return [Sample(problem, b, edges, parts) for b in range(problem.batch)]
