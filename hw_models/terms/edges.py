"""Couplings as a list of pairs, one storage for both directions, and networks that lost some."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.network import IntArray, PhaseNetwork
from neurosc.parameters import is_sparse


class Pairs(NamedTuple):
    """J_ij of pairs i < j: all pairs of a dense coupling, the stored ones of a sparse one."""

    i: IntArray
    j: IntArray
    values: npt.NDArray[Any]


def pairs(coupling: Any) -> Pairs:
    """The pairs of a Hermitian coupling, row by row."""
    if is_sparse(coupling):
        upper: Any = scipy.sparse.coo_array(scipy.sparse.triu(coupling, 1))
        i, j = (np.asarray(k, dtype=np.intp) for k in upper.coords)
        return Pairs(i, j, upper.data)
    above = np.triu_indices(len(coupling), 1)
    return Pairs(*above, coupling[above])


def hermitian(like: Any, where: Pairs, values: npt.NDArray[Any]) -> Any:
    """A coupling with `values` at the pairs `where`, dense or sparse as `like`."""
    i, j, _ = where
    if is_sparse(like):
        half: Any = scipy.sparse.csr_array((values, (i, j)), shape=like.shape)
        return half + half.conj().T
    whole = np.zeros(like.shape, dtype=values.dtype)
    whole[i, j] = values
    whole[j, i] = values.conj()
    return whole


def with_lost_edges(network: PhaseNetwork, **changes: Any) -> PhaseNetwork:
    """`network.replace`, where what now floats apart gets a reference of its own.

    A part without one is an error of a network that somebody writes; on a chip it is a fault
    whose phases mean nothing, and that must not stop a study.
    """
    coupling = changes.get("coupling", network.coupling)
    graph: Any = scipy.sparse.csr_array(abs(coupling))
    count, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
    anchored = np.zeros(network.n, dtype=bool)
    anchored[network.fixed] = True
    for name in ("field", "second_harmonic"):
        anchored |= np.asarray(changes.get(name, getattr(network, name))) != 0
    reference = [int(r) for r in network.reference or np.unique(network.frame[network.frame >= 0])]
    kept = {int(label[r]): r for r in reversed(reference)}
    first = np.unique(label, return_index=True)[1]
    floats = np.ones(count, dtype=bool)
    floats[label[anchored]] = False
    named = [kept.get(p, int(first[p])) for p in range(count) if floats[p] or p in kept]
    return network.replace(**changes, reference=sorted(named))
