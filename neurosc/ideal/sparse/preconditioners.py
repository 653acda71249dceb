"""Approximate inverses for graphs on which conjugate gradients alone are slow.

They approximate the Laplacian with weights |J_ij| and the largest anchors that can act, a matrix
of the network and of no state: any Hessian whose lags stay well below pi/2 is close to it. So one
serves all Newton steps, all samples, both relaxations of a gradient and its adjoint, and the bits
of a sample do not depend on what was relaxed before.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import scipy

from neurosc.ideal.reduction import Reduction
from neurosc.ideal.sparse.hessian import Hessian, Parts
from neurosc.network import FloatArray, PhaseNetwork

Preconditioner = Callable[[FloatArray], FloatArray]
Build = Callable[[Any, Parts], Preconditioner]
"""From a positive definite matrix, but for the rotation of its floating parts."""
Choice = Callable[[Reduction], Build | None]
"""What suits a problem; None for its diagonal."""

COARSEST = 500
"""Unknowns that multigrid leaves to a direct solver."""
DIRECT_WORK = {True: 2e8, False: 2e10}
"""Most multiplications for which a factorisation is chosen, with and without PyAMG."""
INSTALL = "pip install 'neurosc[grids]'"

_log = logging.getLogger(__name__)
_known: WeakKeyDictionary[PhaseNetwork, dict[Choice, tuple[Build, Preconditioner] | None]]
_known = WeakKeyDictionary()


def of_network(problem: Reduction, choice: Choice) -> tuple[Build, Preconditioner] | None:
    """What `choice` names, built for the network and kept as long as that lives."""
    mine = _known.setdefault(problem.network, {})
    if choice not in mine:
        build = choice(problem)
        if build is None:
            mine[choice] = None
        else:
            network = problem.network
            diagonal = (network.strength + 2 * np.abs(network.second_harmonic))[network.free]
            matrix = _laplacian(abs(problem.edges), diagonal)
            mine[choice] = build, build(matrix, Parts.of(problem))
    return mine[choice]


def of_state(hessian: Hessian, build: Build) -> Preconditioner:
    """The same for one state, for lags that reach pi/2."""
    indptr, indices, *_ = hessian.edges
    shape = (hessian.size, hessian.size)
    weights = scipy.sparse.csr_array((np.abs(hessian.weights), indices, indptr), shape=shape)
    return build(_laplacian(weights, hessian.diagonal), hessian.parts)


def _laplacian(weights: Any, diagonal: FloatArray) -> Any:
    largest = max(float(diagonal.max()), 1e-300)
    return scipy.sparse.diags_array(np.maximum(diagonal, 1e-12 * largest)) - weights


def only_diagonal(problem: Reduction) -> None:
    """Nothing but the diagonal."""


def only_multigrid(problem: Reduction) -> Build:
    """Multigrid, whatever the graph."""
    if not _has_pyamg():
        raise ImportError(f'method: "amg" needs PyAMG; {INSTALL}, or use method="sparse"')
    return multigrid


def only_direct(problem: Reduction) -> Build:
    """A factorisation, whatever the graph."""
    return factorised


def best(problem: Reduction) -> Build | None:
    """A factorisation where it is cheap, else multigrid, else the diagonal."""
    pyamg = _has_pyamg()
    if _banded_work(problem) <= DIRECT_WORK[pyamg]:
        return factorised
    if pyamg:
        return multigrid
    _log.warning(
        "%d oscillators on a graph that conjugate gradients cross slowly; %s makes it fast",
        problem.parts.size,
        INSTALL,
    )
    return None


def _has_pyamg() -> bool:
    return importlib.util.find_spec("pyamg") is not None


def multigrid(matrix: Any, parts: Parts) -> Preconditioner:
    """One V-cycle of classical algebraic multigrid, held in single precision.

    Notes
    -----
    On grids about three times as fast as smoothed aggregation, set-up included. Source: Ruge,
    Stueben, Multigrid Methods, SIAM (1987); Bell, Olson, Schroder, PyAMG, JOSS 7:4142 (2022).
    """
    import pyamg

    regular = _shifted(matrix, 1e-6).astype(np.float32)
    levels = pyamg.ruge_stuben_solver(
        regular,
        max_coarse=COARSEST,
        presmoother=("gauss_seidel", {"sweep": "forward"}),
        postsmoother=("gauss_seidel", {"sweep": "backward"}),
    )

    def apply(v: FloatArray) -> FloatArray:
        size = max(float(np.abs(v).max()), 1e-300)
        z = levels.solve((v / size).astype(np.float32), maxiter=1, tol=1e-12)
        return parts.centre(size * z.astype(np.float64))

    return apply


def factorised(matrix: Any, parts: Parts) -> Preconditioner:
    """The inverse, by SuperLU in a minimum-degree order."""
    factors = scipy.sparse.linalg.splu(
        _shifted(matrix, 1e-12).tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )

    def apply(v: FloatArray) -> FloatArray:
        return parts.centre(factors.solve(v))

    return apply


def _shifted(matrix: Any, share: float) -> Any:
    """Floating parts made regular; the libraries want the older kind of sparse matrix."""
    regular = scipy.sparse.csr_matrix(matrix + scipy.sparse.diags_array(share * matrix.diagonal()))
    regular.sort_indices()
    regular.indices = regular.indices.astype(np.int32, copy=False)
    regular.indptr = regular.indptr.astype(np.int32, copy=False)
    return regular


def _banded_work(problem: Reduction) -> float:
    """Multiplications of a banded Cholesky factorisation: more than SuperLU needs."""
    graph = scipy.sparse.csr_matrix(abs(problem.edges))
    order = scipy.sparse.csgraph.reverse_cuthill_mckee(graph, symmetric_mode=True)
    position = np.empty(order.size, dtype=np.intp)
    position[order] = np.arange(order.size)
    rows = np.repeat(position, np.diff(graph.indptr))
    band = np.abs(rows - position[graph.indices]).max(initial=1)
    return float(order.size) * float(band) ** 2
