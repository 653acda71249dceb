"""Which pairs of oscillators a map couples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.coupling_map.slope import BoolArray
from neurosc.network import FloatArray, IntArray


@dataclasses.dataclass(frozen=True)
class Nearest:
    """A mask: each oscillator and the `count` whose features are nearest to its own.

    Parameters
    ----------
    count
        Neighbours of each; a pair is coupled if either is a neighbour of the other.
    columns
        The features that make the distance; all of them unless given.

    Notes
    -----
    The graph that it makes may fall apart, as clusters that lie far apart share no pair.
    """

    count: int
    columns: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count: {self.count} couples nobody; give 1 or more")

    def __call__(self, features: FloatArray) -> Any:
        """Pairs (n, n) in compressed rows, from features (n, d)."""
        seen = features if self.columns is None else features[:, list(self.columns)]
        n = len(seen)
        if self.count >= n:
            raise ValueError(
                f"count: {self.count} neighbours among {n} oscillators; give {n - 1} or less"
            )
        _, near = scipy.spatial.cKDTree(seen).query(seen, self.count + 1)
        rows = np.repeat(np.arange(n), self.count + 1)
        ones = np.ones(rows.size, dtype=bool)
        found = scipy.sparse.csr_array((ones, (rows, near.ravel())), shape=(n, n))
        return found + found.T


Mask = npt.ArrayLike | Nearest | Callable[[FloatArray], Any] | None
"""Pairs that may couple: None for all, (n, n), or what makes them from features (n, d)."""


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Ordered pairs of a batch of networks, network by network and row by row; i is never j.

    Attributes
    ----------
    batch, n
        Networks, and oscillators of each.
    network, i, j
        (pairs,): the network of each pair, who is pulled, and by whom.
    """

    batch: int
    n: int
    network: IntArray
    i: IntArray
    j: IntArray

    @cached_property
    def left(self) -> IntArray:
        """(pairs,): the number of i among all oscillators of the batch."""
        return self.network * self.n + self.i

    @cached_property
    def right(self) -> IntArray:
        """That of j."""
        return self.network * self.n + self.j

    @cached_property
    def mirror(self) -> IntArray:
        """(pairs,): where the pair (j, i) stands.

        Raises
        ------
        ValueError
            If it is missing.
        """
        total = self.batch * self.n
        own, other = self.left * total + self.right, self.right * total + self.left
        place = np.minimum(np.searchsorted(own, other), own.size - 1)
        if (own[place] != other).any():
            k = int(np.flatnonzero(own[place] != other)[0])
            i, j = int(self.i[k]), int(self.j[k])
            raise ValueError(
                f"mask: couples {i} to {j} but not {j} to {i}; make it symmetric, as in "
                "mask | mask.T, or the map with symmetric=False"
            )
        return place

    @cached_property
    def adjacency(self) -> Any:
        """Ones (batch n, batch n) in compressed rows, at each pair."""
        ones = np.ones(self.i.size)
        size = self.batch * self.n
        return scipy.sparse.csr_array((ones, (self.left, self.right)), shape=(size, size))

    def dense(self, values: npt.ArrayLike) -> FloatArray:
        """Values (pairs,) as (batch, n, n), zero elsewhere."""
        table = np.zeros((self.batch, self.n, self.n))
        table[self.network, self.i, self.j] = values
        return table

    def of(self, table: FloatArray) -> FloatArray:
        """The values (pairs,) of (batch, n, n)."""
        return np.asarray(table[self.network, self.i, self.j])

    def per_network(self, values: FloatArray) -> FloatArray:
        """Sums (batch,) of values (pairs,)."""
        return np.asarray(np.bincount(self.network, values, self.batch), np.float64)

    def per_row(self, values: FloatArray) -> FloatArray:
        """Sums (batch n,) of values (pairs,) over j."""
        return np.asarray(np.bincount(self.left, values, self.batch * self.n), np.float64)


def pairs_of(features: FloatArray, mask: Mask) -> Pairs:
    """The pairs of networks with features (batch, n, d)."""
    batch, n = features.shape[:2]
    if mask is None:
        return _all(batch, n)
    each = [_indices(_table(mask, own, n)) for own in features]
    network = np.repeat(np.arange(batch), [rows.size for rows, _ in each])
    rows, columns = (np.concatenate(part) for part in zip(*each, strict=True))
    return Pairs(batch, n, network, rows, columns)


@lru_cache(maxsize=8)
def _all(batch: int, n: int) -> Pairs:
    rows, columns = np.nonzero(~np.eye(n, dtype=bool))
    network = np.repeat(np.arange(batch), rows.size)
    return Pairs(batch, n, network, np.tile(rows, batch), np.tile(columns, batch))


def _table(mask: Mask, features: FloatArray, n: int) -> Any:
    made: Any = mask(features) if callable(mask) else mask
    if not scipy.sparse.issparse(made):
        made = np.asarray(made)
    if made.shape != (n, n) or made.dtype != np.dtype(bool):
        raise ValueError(
            f"mask: {made.dtype} of shape {made.shape} does not fit networks of {n} oscillators; "
            f"give booleans ({n}, {n}), or a function of features such as Nearest(8)"
        )
    return made


def _indices(table: BoolArray | Any) -> tuple[IntArray, IntArray]:
    """Rows and columns of the pairs, row by row."""
    found = scipy.sparse.csr_array(table)
    found.sort_indices()
    rows, columns = found.nonzero()
    apart = rows != columns
    if not apart.any():
        raise ValueError("mask: couples nobody; let some pairs couple")
    return rows[apart].astype(np.intp), columns[apart].astype(np.intp)
