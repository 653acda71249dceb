"""Newton descent for large sparse networks, one sample at a time, linear in the edges.

Each step solves H step = torque by conjugate gradients, to a residual that tightens with the
torque, or leaves along a direction of negative curvature. The methods differ in what they
precondition with; `adaptive_newton` finds out what a network needs.
"""

from __future__ import annotations

from neurosc.ideal.reduction import Reduction
from neurosc.ideal.sparse import preconditioners
from neurosc.ideal.sparse.descent import descend_all, lowest_curvature, response
from neurosc.substrate import Relaxation

__all__ = [
    "adaptive_newton",
    "amg_newton",
    "direct_newton",
    "lowest_curvature",
    "response",
    "sparse_newton",
]


def sparse_newton(problem: Reduction, tolerance: float, max_steps: int) -> Relaxation:
    """Preconditioned by the diagonal: best on random graphs and small worlds of any size."""
    return descend_all(problem, tolerance, max_steps, preconditioners.only_diagonal)


def amg_newton(problem: Reduction, tolerance: float, max_steps: int) -> Relaxation:
    """Preconditioned by algebraic multigrid: best on grids of more than 1e4 oscillators.

    Raises
    ------
    ImportError
        Without PyAMG, the extra `grids`.
    """
    return descend_all(problem, tolerance, max_steps, preconditioners.only_multigrid, patient=False)


def direct_newton(problem: Reduction, tolerance: float, max_steps: int) -> Relaxation:
    """Preconditioned by a sparse factorisation: best on grids of up to 1e4 and on thin ones."""
    return descend_all(problem, tolerance, max_steps, preconditioners.only_direct, patient=False)


def adaptive_newton(problem: Reduction, tolerance: float, max_steps: int) -> Relaxation:
    """`sparse_newton` until conjugate gradients pass 100 steps; then what suits the graph.

    That is `direct_newton` where a factorisation is cheap, else `amg_newton`, and without PyAMG
    the diagonal further on, which the log of `neurosc.ideal.sparse` tells.
    """
    return descend_all(problem, tolerance, max_steps, preconditioners.best)
