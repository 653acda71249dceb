"""Matrix products of batches whose rows do not know how many there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

ROWS, COLUMNS = 8, 16
"""Multiples to which batches and matrices are padded: BLAS treats what is left over differently."""

Matrix = npt.NDArray[Any]


def up(size: int, multiple: int) -> int:
    """The next multiple."""
    return size + -size % multiple


def padded(matrix: Matrix) -> Matrix:
    """A right factor for `product`: zeros in further columns."""
    return np.ascontiguousarray(np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % COLUMNS))))


def product(rows: Matrix, matrix: Matrix, columns: int) -> Matrix:
    """rows (batch, m) times a `padded` matrix, and of that the first columns.

    The same bits for a row whatever the batch; complex products are made of real ones.
    """
    if np.iscomplexobj(matrix):
        return product(rows, matrix.real, columns) + 1j * product(rows, matrix.imag, columns)
    if np.iscomplexobj(rows):
        return product(rows.real, matrix, columns) + 1j * product(rows.imag, matrix, columns)
    full = np.zeros((up(len(rows), ROWS), rows.shape[1]))
    full[: len(rows)] = rows
    return np.asarray((full @ np.ascontiguousarray(matrix))[: len(rows), :columns])
