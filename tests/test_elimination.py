"""Patterns of factorised matrices against the factors themselves."""

from __future__ import annotations

import numpy as np
import pytest

from neurosc.ideal import elimination


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 1.0])
def test_a_pattern_is_that_of_the_factor(share: float) -> None:
    rng, m = np.random.default_rng(0), 14
    edges = [(i, j) for i in range(m) for j in range(i) if rng.random() < share]
    matrix = np.diag(np.full(m, 20.0))
    for i, j in edges:
        matrix[i, j] = matrix[j, i] = rng.uniform(0.5, 1.5)
    order = elimination.order(m, edges)
    assert sorted(order.tolist()) == list(range(m))
    place = np.argsort(order)
    found = elimination.pattern(m, [(int(place[i]), int(place[j])) for i, j in edges])
    factor = np.linalg.cholesky(matrix[np.ix_(order, order)])
    column = np.repeat(np.arange(m), np.diff(found.start))
    assert set(zip(found.row, column, strict=True)) == set(
        zip(*np.nonzero(np.tril(factor, -1)), strict=True)
    )
    assert (found.entries(found.row, column) == np.arange(found.row.size)).all()


def test_the_order_makes_no_new_entries_where_none_is_needed() -> None:
    star = [(0, j) for j in range(1, 9)]
    order = elimination.order(9, star)
    place = np.argsort(order)
    found = elimination.pattern(9, [(int(place[i]), int(place[j])) for i, j in star])
    assert found.row.size == 8
    worst = elimination.pattern(9, star)
    assert worst.row.size == 9 * 8 // 2
