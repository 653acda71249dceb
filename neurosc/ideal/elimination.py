"""Where a sparse symmetric matrix has entries once it is factorised."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.network import IntArray


class Pattern(NamedTuple):
    """The entries of L in H = L D L^T below the diagonal, column by column.

    Attributes
    ----------
    start, row
        Column q has entries start[q] ... start[q + 1] - 1, (m + 1,), in rows row[e], (entries,).
    target
        The entries that elimination changes, in its order: as column q goes, for each of its
        entries a and each b before a, that at (row[a], row[b]).
    """

    start: IntArray
    row: IntArray
    target: IntArray

    def entries(self, row: npt.ArrayLike, column: npt.ArrayLike) -> IntArray:
        """The numbers of entries at (row, column); any number where there is none."""
        columns = np.repeat(np.arange(self.start.size - 1), np.diff(self.start))
        m = self.start.size
        places = np.searchsorted(columns * m + self.row, np.asarray(column) * m + np.asarray(row))
        return np.asarray(places)


def order(m: int, edges: Iterable[tuple[int, int]]) -> IntArray:
    """An order of elimination that makes few new entries: always the vertex of fewest neighbours.

    Source: Tinney, Walker, Proc. IEEE 55, 1801 (1967).
    """
    near: list[set[int]] = [set() for _ in range(m)]
    for i, j in edges:
        near[i].add(j)
        near[j].add(i)
    left, found = set(range(m)), []
    while left:
        q = min(left, key=lambda i: (len(near[i]), i))
        left.remove(q)
        found.append(q)
        for i in near[q]:
            near[i] = (near[i] | near[q]) - {i, q}
    return np.array(found, dtype=np.intp)


def pattern(m: int, edges: Iterable[tuple[int, int]]) -> Pattern:
    """The pattern of a matrix with these off-diagonal entries, eliminated from 0 to m - 1."""
    below: list[set[int]] = [set() for _ in range(m)]
    for i, j in edges:
        below[min(i, j)].add(max(i, j))
    columns = []
    for rows in below:
        columns.append(sorted(rows))
        if rows:
            below[columns[-1][0]] |= rows - {columns[-1][0]}
    start = np.array([0, *itertools.accumulate(map(len, columns))])
    row = np.array([*itertools.chain(*columns)], dtype=np.intp)
    found = Pattern(start, row, np.zeros(0, dtype=np.intp))
    pairs = [(i, j) for rows in columns for a, i in enumerate(rows) for j in rows[:a]]
    return found._replace(target=found.entries(*np.array(pairs, dtype=np.intp).reshape(-1, 2).T))
