"""What goes into a phase network, checked; every error names the argument and the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

HERMITIAN_TOLERANCE = 1e-9
"""Largest asymmetry, relative to the largest coupling, that counts as rounding."""


def is_sparse(coupling: Any) -> bool:
    """Whether a coupling is one of scipy.sparse (told without type narrowing)."""
    return bool(scipy.sparse.issparse(coupling))


def dense(coupling: Any) -> npt.NDArray[Any]:
    """A coupling as an array, whatever holds it."""
    return np.asarray(coupling.toarray() if is_sparse(coupling) else coupling)


def check_coupling(given: Any) -> Any:
    """A read-only Hermitian (n, n) array or csr_array, real where nothing is imaginary."""
    sparse = is_sparse(given)
    array: Any = scipy.sparse.csr_array(given) if sparse else np.array(given)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.shape[0] == 0:
        raise ValueError(f"coupling: shape {array.shape} is not square; give (n, n) with n >= 1")
    if array.dtype.kind not in "fciub":
        raise TypeError(f"coupling: expected numbers, not {array.dtype}; convert them to float")
    array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    values = array.data if sparse else array
    if not np.isfinite(values).all():
        raise ValueError("coupling: has entries that are not finite; replace NaN and inf")
    if array.dtype.kind == "c" and not np.any(values.imag):
        array = array.real.copy()
    _check_hermitian(array, sparse)
    if sparse:
        array.eliminate_zeros()
        array.sort_indices()
        if array.nnz < np.iinfo(np.int32).max:  # half the memory traffic
            array.indices = array.indices.astype(np.int32, copy=False)
            array.indptr = array.indptr.astype(np.int32, copy=False)
        for part in (array.data, array.indices, array.indptr):
            part.flags.writeable = False
    else:
        array.flags.writeable = False
    return array


def _check_hermitian(array: Any, sparse: bool) -> None:
    gap = abs(array - array.conj().T)
    largest = abs(array).max() if array.size else 0.0
    worst = gap.max() if gap.size else 0.0
    if worst > HERMITIAN_TOLERANCE * largest:
        i, j = (int(k) for k in np.unravel_index(int(gap.argmax()), gap.shape))
        if abs(array - array.T).max() <= HERMITIAN_TOLERANCE * largest:
            raise ValueError(
                f"coupling: not Hermitian; a lag of {np.angle(array[i, j] ** 2) / 2:.6g} rad acts "
                f"both ways between {i} and {j}, and such uniform lags have no energy; give "
                "antisymmetric ones, K_ij exp(i alpha_ij) with alpha_ij = -alpha_ji"
            )
        raise ValueError(
            f"coupling: not Hermitian; the worst pair is J[{i}, {j}] = {array[i, j]:.6g} against "
            f"J[{j}, {i}] = {array[j, i]:.6g}; each must be the other's complex conjugate, "
            "as in (J + J.conj().T) / 2"
        )
    diagonal = array.diagonal()
    if np.any(diagonal):
        k = int(np.flatnonzero(diagonal)[0])
        raise ValueError(
            f"coupling: J[{k}, {k}] = {diagonal[k]:.6g} couples an oscillator to itself; "
            "set the diagonal to zero"
        )


def check_vector(name: str, given: Any, n: int, dtype: Any) -> Any:
    """A read-only (n,) array of `dtype`; a scalar is repeated."""
    array = np.asarray(given)
    if array.dtype.kind not in "fciub" or (array.dtype.kind == "c" and dtype != np.complex128):
        raise TypeError(f"{name}: expected {np.dtype(dtype)} numbers, not {array.dtype}")
    if array.shape not in ((), (n,)):
        raise ValueError(f"{name}: shape {array.shape} does not fit; give a scalar or ({n},)")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: has entries that are not finite; replace NaN and inf")
    filled = np.array(np.broadcast_to(array.astype(dtype), (n,)))
    filled.flags.writeable = False
    return filled


def check_indices(name: str, given: Any, n: int) -> npt.NDArray[np.intp]:
    """A read-only array of distinct oscillator numbers below n."""
    array = np.asarray(given)
    if array.size == 0:
        array = np.zeros(0, dtype=np.intp)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected a list of oscillator numbers, not {given!r}")
    outside = array[(array < 0) | (array >= n)]
    if outside.size:
        raise ValueError(
            f"{name}: {outside[0]} is out of range; the network has oscillators 0 to {n - 1}"
        )
    values, counts = np.unique(array, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"{name}: {values[counts > 1].tolist()} is named twice; name it once")
    array = array.astype(np.intp)
    array.flags.writeable = False
    return array
