"""The couplings of a tile, in the form that multiplies fastest."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.ideal.delays import Delays
from neurosc.ideal.packing import LANES
from neurosc.ideal.reduction import Reduction
from neurosc.network import FloatArray
from neurosc.parameters import dense, is_sparse

if TYPE_CHECKING:
    from neurosc.ideal.kernels.steps import Coupling

EDGE_PRICE = 10
"""Entries that BLAS multiplies in the time of one edge of a sparse product."""
SHARED_LIMIT = 256
"""Most oscillators of a tile whose lanes have matrices of their own: 32 MiB of them."""


def is_sparse_form(problem: Reduction) -> bool:
    """Whether to use edges one by one: it depends on the network alone."""
    edges = problem.members[0]
    return is_sparse(edges) and edges.nnz * EDGE_PRICE < edges.shape[0] ** 2


@cache
def is_shared_order(m: int, real: np.dtype[Any]) -> bool:
    """Whether lanes with matrices of their own get the bits that BLAS gives to equal ones.

    BLAS adds in an order of its own. With AVX-512 it is the obvious one for products of this shape,
    with AVX2 up to some 64 oscillators; where it is not, a tile has to be of one network, or bits
    would know the batch.
    """
    if m > SHARED_LIMIT:
        return False
    from neurosc.ideal.kernels.steps import product
    from neurosc.ideal.tiles import aligned

    draw = np.random.default_rng(0)
    matrix = draw.standard_normal((m, m)).astype(real)
    x = aligned(2 * m * LANES, real, draw.standard_normal(2 * m * LANES))
    found = [aligned(x.size, real) for _ in range(2)]
    product(matrix, x, found[0], LANES)
    product(_side_by_side([matrix] * LANES), x, found[1], LANES)
    return bool((found[0] == found[1]).all())


def of_lanes(
    problem: Reduction, members: list[int], real: np.dtype[Any], delays: Delays | None = None
) -> Coupling:
    """The couplings of one member of a problem, or of one for each lane."""
    from neurosc.ideal.kernels.steps import Coupling

    each = [[problem.members[k] for k in members]]
    each += [[harmonic.members[k] for k in members] for harmonic in problem.harmonics]
    if delays is not None:
        each = [list(tap) for tap in zip(*map(delays.of_each, each[0]), strict=True)]
    flat, square = np.zeros((0, 0), dtype=real), np.zeros((0, 0, 0), dtype=real)
    if is_sparse_form(problem):
        rows = [scipy.sparse.csr_array(edges[0]) for edges in each]
        indices, indptr = rows[0].indices.astype(np.int32), rows[0].indptr.astype(np.int32)
        values = _split(np.stack([row.data for row in rows]), real)
        return Coupling(square, square, *values, indices, indptr)
    none = np.zeros(0, dtype=np.int32)
    joined = np.stack([_side_by_side([dense(e) for e in some]) for some in each])
    return Coupling(*_split(joined, real), flat, flat, none, none)


def _side_by_side(matrices: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """One (m, m), or (m, m lanes) with the lanes innermost."""
    if len(matrices) == 1:
        return matrices[0]
    return np.stack(matrices, axis=-1).reshape(len(matrices[0]), -1)


def _split(values: npt.NDArray[Any], real: np.dtype[Any]) -> tuple[FloatArray, FloatArray]:
    """Real and imaginary part; the latter is empty where there is none."""
    imaginary = values.imag if np.iscomplexobj(values) else np.zeros((0,) * values.ndim)
    return values.real.astype(real, order="C"), imaginary.astype(real, order="C")
