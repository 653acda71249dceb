"""Whether a state at rest is a minimum."""

from __future__ import annotations

import numpy as np
import scipy

from neurosc.ideal.sparse.hessian import TINY, Sample, State
from neurosc.ideal.sparse.solver import Solver
from neurosc.randomness import stream

PROOF = 1e-9
"""Relative residual at which conjugate gradients have seen every direction."""


def is_minimum(sample: Sample, state: State, solver: Solver) -> bool:
    """Whether the Hessian is positive definite on the complement of the rotations.

    Where no weight, anchor or cost curvature is negative, H is the Laplacian of a graph and a
    diagonal, and positive exactly if every part that is not to float is anchored. Elsewhere
    conjugate gradients decide, from a random right-hand side b: the share of their residual along
    an eigenvector with eigenvalue <= 0 never falls, step by step, so either they meet a direction
    of curvature <= 0, or their convergence to `PROOF` shows that b has no such share. By chance
    that happens with a probability of about `PROOF` sqrt(m).
    """
    if _is_laplacian(state) and _is_anchored(sample, state):
        return True
    return _is_positive(state, solver)


def _is_laplacian(state: State) -> bool:
    """Whether every edge pulls together, and nothing else pushes away."""
    h = state.hessian
    if h.cost is not None:
        own = h.cost.diagonal()
        if own.min() < 0 or np.count_nonzero(own) < h.cost.count_nonzero():
            return False
    return bool(h.lowest > TINY * h.scale and h.anchor.min() >= 0)


def _is_anchored(sample: Sample, state: State) -> bool:
    """Whether a positive anchor acts in every part that does not float."""
    label, anchor = state.hessian.parts.label, state.hessian.anchor
    if label.all():
        return True
    graph = sample.problem.edges
    count, part = scipy.sparse.csgraph.connected_components(graph, directed=False)
    anchored = np.unique(part[(anchor > TINY * state.hessian.scale) & (label == 0)]).size
    return bool(count - anchored == state.hessian.parts.share.size - 1)


def _is_positive(state: State, solver: Solver) -> bool:
    """The certificate for any Hessian; in double precision."""
    exact = solver.sample.evaluate(state.theta)
    b = stream(0, "certificate").standard_normal(state.theta.size)
    return solver.solve(exact, exact.hessian.parts.centre(b), PROOF).converged
