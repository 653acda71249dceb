"""Linear systems with the Hessians of one sample: conjugate gradients, plain and preconditioned."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from neurosc.ideal.sparse.hessian import Hessian, Sample, State
from neurosc.ideal.sparse.preconditioners import Choice, Preconditioner, of_network, of_state
from neurosc.network import FloatArray

PATIENCE = 100
"""Steps after which the diagonal in single precision gives way to something better."""
INNER_STEPS = 10_000
REBUILD = 50
"""Steps after which a network's preconditioner gives way to one of the sample's own state."""


class Solution(NamedTuple):
    """The end of conjugate gradients.

    `direction` is one of curvature <= 0 that ended them early, where there is one.
    """

    x: FloatArray
    direction: FloatArray | None
    converged: bool

    @property
    def ended(self) -> bool:
        """Whether more steps would not help."""
        return self.converged or self.direction is not None


class Solver:
    """Solves H x = b for the states of one sample, and remembers what proved necessary.

    With `patient` it begins with the diagonal as preconditioner, in single precision. After
    `PATIENCE` steps without success, or at once, it turns to what `choice` names.
    """

    def __init__(self, sample: Sample, choice: Choice, *, patient: bool) -> None:
        self.sample = sample
        self._choice = choice
        self._patient = patient
        self._own: Preconditioner | None = None

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """The precision in which it wants Hessians."""
        return np.float32 if self._patient else np.float64

    def solve(self, state: State, b: FloatArray, tolerance: float) -> Solution:
        """x on the complement of rotation to |H x - b| <= tolerance |b|."""
        hessian = state.hessian
        if self._patient:
            found = by_diagonal(hessian, b, tolerance, PATIENCE)
            if found.ended:
                return found
            self._patient = False
        if hessian.weights.dtype != np.float64:
            hessian = self.sample.evaluate(state.theta).hessian
        shared = of_network(self.sample.problem, self._choice)
        if shared is None:
            return by_diagonal(hessian, b, tolerance, INNER_STEPS)
        build, precondition = shared
        if self._own is None:
            found = conjugate_gradients(hessian, b, precondition, tolerance, REBUILD)
            if found.ended:
                return found
            self._own = of_state(hessian, build)
        return conjugate_gradients(hessian, b, self._own, tolerance, INNER_STEPS)


def by_diagonal(hessian: Hessian, b: FloatArray, tolerance: float, most: int) -> Solution:
    """Jacobi-preconditioned conjugate gradients in the precision of the Hessian, compiled.

    A loop of our own: fused, it reads each vector once a step where SciPy's reads it five times,
    works in single precision, and stops on negative curvature.
    """
    from neurosc.ideal.kernels.sparse import jacobi_cg

    size, dtype = max(float(np.abs(b).max()), 1e-300), hessian.weights.dtype
    right, x, p = (b / size).astype(dtype), np.empty(b.size, dtype), np.empty(b.size, dtype)
    inverse = (1 / hessian.diagonal).astype(dtype)
    steps, curved = jacobi_cg(right, x, p, *hessian.operands, inverse, tolerance, most)
    direction = p.astype(np.float64) if curved else None
    return Solution(size * x.astype(np.float64), direction, not curved and steps < most)


def conjugate_gradients(
    hessian: Hessian, b: FloatArray, precondition: Preconditioner, tolerance: float, most: int
) -> Solution:
    """Preconditioned conjugate gradients that stop on negative curvature, as SciPy's do not."""
    x, r = np.zeros_like(b), b.copy()
    p = precondition(r)
    rho, goal = float(r @ p), tolerance * float(np.linalg.norm(b))
    for _ in range(most):
        q = hessian @ p
        curvature = float(p @ q)
        if not curvature > 0:
            return Solution(x, p, converged=False)
        x += (rho / curvature) * p
        r -= (rho / curvature) * q
        if np.linalg.norm(r) <= goal:
            return Solution(x, None, converged=True)
        z = precondition(r)
        rho, old = float(r @ z), rho
        p *= rho / old
        p += z
    return Solution(x, None, converged=False)
