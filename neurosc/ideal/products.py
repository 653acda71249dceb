"""Matrix products of batches whose rows do not know how many there are; see `kernels.gemm`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.network import ComplexArray

Real = npt.NDArray[Any]
"""Of float32 or float64."""
Panels = npt.NDArray[Any]
"""A matrix (k, columns) in the order in which the kernel reads it, (panels, k, lanes)."""


def panels(matrix: Real, dtype: npt.DTypeLike = np.float64) -> Panels:
    """A right factor for `real_product`, in the precision of its left ones."""
    from neurosc.ideal.kernels.gemm import panels_of

    return panels_of(matrix, dtype)


def real_product(rows: Real, matrix: Panels) -> Real:
    """Rows (..., k) times a matrix: (..., columns), of which those after the matrix's own are zero.

    The same bits for a row whatever its company; empty for an empty matrix.
    """
    from neurosc.ideal.kernels.gemm import multiply

    if not matrix.size:
        return np.empty((0,) * rows.ndim, rows.dtype)
    out = np.empty((*rows.shape[:-1], matrix.shape[0] * matrix.shape[2]), rows.dtype)
    multiply(rows.reshape(-1, rows.shape[-1]), matrix, out.reshape(-1, out.shape[-1]))
    return out


class Factor(NamedTuple):
    """A right factor for `product`: its parts, the imaginary one empty if it is real."""

    real: Panels
    imaginary: Panels
    columns: int


def factor(matrix: npt.NDArray[Any]) -> Factor:
    """A real or complex matrix (k, columns)."""
    imaginary = matrix.imag if np.iscomplexobj(matrix) else np.zeros((0, 0))
    return Factor(panels(matrix.real), panels(imaginary), matrix.shape[1])


def product(z: ComplexArray, matrix: Factor) -> ComplexArray:
    """z (batch, k) times a matrix, (batch, columns); the same bits for a row in any batch."""
    parts = np.stack([z.real, z.imag])
    out = np.empty((len(z), matrix.columns), dtype=np.complex128)
    real, imaginary = real_product(parts, matrix.real)[:, :, : matrix.columns]
    out.real, out.imag = real, imaginary
    if matrix.imaginary.size:
        real, imaginary = real_product(parts, matrix.imaginary)[:, :, : matrix.columns]
        out.real -= imaginary
        out.imag += real
    return out
