"""The linear nodes of NIR as sparse matrices and delays."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from neurosc.export.lowering.convolution import WINDOWED, unrolled
from neurosc.export.lowering.limits import check_connections
from neurosc.export.lowering.nodes import kind
from neurosc.export.lowering.signal_shapes import Shape
from neurosc.network import FloatArray

Matrix = scipy.sparse.csr_array
DelayedMap = dict[float, Matrix]
"""A linear map: for each delay in seconds a matrix (targets, sources)."""


def identity(width: int) -> DelayedMap:
    """The map that changes nothing."""
    return {0.0: scipy.sparse.eye_array(width, format="csr")}


def matrix_of(name: str, node: Any, entering: Shape) -> Matrix | None:
    """The matrix of a node; None for one that has none, such as Flatten or Delay.

    Raises
    ------
    ValueError
        For weights that are not finite, and for too many of them.
    """
    what = kind(node)
    if what in ("Linear", "Affine"):
        weight = np.asarray(node.weight, dtype=np.float64)
        check_connections(f"{what} {name!r}", int(np.count_nonzero(weight)))
        matrix = _block_diagonal(weight)
    elif what == "Scale":
        scale = np.ravel(node.scale).astype(np.float64)
        matrix = scipy.sparse.diags_array(scale).tocsr()
    elif what in WINDOWED:
        matrix = unrolled(name, node, entering)
    else:
        return None
    if not np.isfinite(matrix.data).all():
        raise ValueError(
            f"graph: {what} {name!r} has weights that are not finite; give finite numbers"
        )
    return matrix


def _block_diagonal(weight: FloatArray) -> Matrix:
    """(..., out, in): a matrix of its own for each of the leading dimensions."""
    blocks = weight.reshape(-1, *weight.shape[-2:])
    if len(blocks) == 1:
        return scipy.sparse.csr_array(blocks[0])
    return scipy.sparse.csr_array(scipy.sparse.block_diag(list(blocks)))


def bias_of(name: str, node: Any, leaving: Shape) -> FloatArray | None:
    """What a node adds to each channel of a signal of shape `leaving`.

    Raises
    ------
    ValueError
        For another number of biases, and for ones that are not finite.
    """
    bias = getattr(node, "bias", None)
    if bias is None:
        return None
    flat = np.ravel(bias).astype(np.float64)
    size = int(np.prod(leaving))
    per_channel = kind(node) in WINDOWED and len(leaving) > 0 and flat.size == leaving[0]
    if per_channel:
        flat = np.repeat(flat, size // leaving[0])
    if flat.size != size or not np.isfinite(flat).all():
        raise ValueError(
            f"graph: {kind(node)} {name!r} has a bias of {np.size(bias)} numbers for a signal of "
            f"shape {leaving}; give one finite number for each of its "
            f"{leaving[0] if kind(node) in WINDOWED else size} channels"
        )
    return flat


def delays_of(name: str, node: Any) -> FloatArray | None:
    """Seconds by which a node delays each channel; None if it does not.

    Raises
    ------
    ValueError
        For a delay that is negative or not finite.
    """
    if kind(node) != "Delay":
        return None
    delays = np.ravel(node.delay).astype(np.float64)
    if not (np.isfinite(delays) & (delays >= 0)).all():
        raise ValueError(f"graph: node {name!r} has a delay below 0; delays are seconds >= 0")
    return delays


def apply(name: str, signal: DelayedMap, matrix: Matrix | None, delays: Any) -> DelayedMap:
    """The signal after a linear node."""
    if matrix is not None:
        return {delay: _product(name, matrix, m) for delay, m in signal.items()}
    if delays is None:
        return signal
    shifted: DelayedMap = {}
    for delay in np.unique(delays):
        chosen = scipy.sparse.diags_array((delays == delay).astype(np.float64))
        rows = {d + float(delay): scipy.sparse.csr_array(chosen @ m) for d, m in signal.items()}
        shifted = add(shifted, rows)
    return shifted


def _product(name: str, a: Matrix, b: Matrix) -> Matrix:
    """a b, if it can be kept: it has no more entries than products are summed for it."""
    summed = float(np.diff(b.indptr)[a.indices].sum())
    most = min(summed, float(a.shape[0]) * b.shape[1])
    check_connections(f"the path up to {name!r}", most)
    return scipy.sparse.csr_array(a @ b)


def add(a: DelayedMap, b: DelayedMap) -> DelayedMap:
    """The sum of two maps."""
    total = dict(a)
    for delay, matrix in b.items():
        total[delay] = total[delay] + matrix if delay in total else matrix
    return total


def entries(delayed: DelayedMap) -> tuple[Any, Any, FloatArray, FloatArray]:
    """Source, target, weight and delay of each non-zero entry of a map, by source."""
    parts = []
    for delay, matrix in delayed.items():
        found = scipy.sparse.coo_array(matrix)
        some = found.data != 0
        columns = (found.col[some], found.row[some], found.data[some], np.full(some.sum(), delay))
        parts.append(np.stack(columns))
    table = np.concatenate(parts, axis=1)
    pre, post, weight, delays = table[:, np.lexsort((table[3], table[1], table[0]))]
    return pre.astype(np.int64), post.astype(np.int64), weight, delays
