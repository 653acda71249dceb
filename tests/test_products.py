"""Products of batches: right to rounding, and for each row the bits that it has alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from neurosc.ideal.products import factor, panels, product, real_product

PRECISIONS = (np.float32, np.float64)
COLUMNS = (1, 15, 16, 17, 40, 69)
"""One, and whole panels of 8 and of 16 with and without some left over."""


def draw(*shape: int, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
    return np.random.default_rng(shape).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("depth", [1, 7, 64, 300])
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_right_to_rounding_whatever_is_left_over(dtype: Any, depth: int, columns: int) -> None:
    matrix = draw(depth, columns, dtype=dtype)
    for count in range(1, 15):
        rows = draw(count, depth, dtype=dtype)
        found = real_product(rows, panels(matrix, dtype))
        assert found.dtype == dtype
        exact = rows.astype(np.longdouble) @ matrix.astype(np.longdouble)
        bound = depth * np.finfo(dtype).eps * (np.abs(rows) @ np.abs(matrix))
        assert (np.abs(found[:, :columns] - exact) <= bound).all()
        assert not found[:, columns:].any()


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_rows_do_not_know_their_company(dtype: Any, columns: int) -> None:
    rows, matrix = draw(400, 53, dtype=dtype), panels(draw(53, columns), dtype)
    whole = real_product(rows, matrix)
    order = np.random.default_rng(0).permutation(400)
    assert (real_product(rows[order], matrix) == whole[order]).all()
    for size in (*range(1, 20), 399):
        assert (real_product(rows[:size], matrix) == whole[:size]).all()
        assert (real_product(rows[-size:], matrix) == whole[-size:]).all()


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_columns_do_not_know_their_neighbours(dtype: Any) -> None:
    rows, matrix = draw(9, 784, dtype=dtype), draw(784, 100)
    whole = real_product(rows, panels(matrix, dtype))
    for first, last in ((0, 1), (3, 20), (47, 100)):
        part = real_product(rows, panels(matrix[:, first:last], dtype))
        assert (part[:, : last - first] == whole[:, first:last]).all()


def test_sums_are_in_order() -> None:
    """Of all rows and columns; with products rounded or, where the processor can, fused."""
    rows, matrix = draw(15, 60, dtype=np.float32), draw(60, 33, dtype=np.float32)
    found = real_product(rows, panels(matrix, np.float32))[:, :33]
    rounded, fused = np.zeros((2, 15, 33), np.float32)
    for k in range(60):
        rounded += np.outer(rows[:, k], matrix[k])
        fused = (np.outer(rows[:, k].astype(float), matrix[k]) + fused).astype(np.float32)
    assert (found == rounded).all() or (found == fused).all()


@pytest.mark.parametrize("complex_", [False, True])
def test_complex_rows(complex_: bool) -> None:
    z = draw(11, 30) + 1j * draw(11, 30)
    matrix = draw(30, 21) + (1j * draw(30, 21) if complex_ else 0)
    whole = product(z, factor(matrix))
    np.testing.assert_allclose(whole, z @ matrix, atol=1e-13)
    for b in range(11):
        assert (product(z[b : b + 1], factor(matrix)) == whole[b : b + 1]).all()


def test_nothing_to_multiply() -> None:
    assert real_product(draw(4, 0), panels(np.zeros((0, 0)))).shape == (0, 0)
    assert real_product(draw(0, 5), panels(draw(5, 3)))[:, :3].shape == (0, 3)
