"""Couplings as a list of pairs, one storage for both directions, and networks that lost some."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.ideal.drift import Drift
from neurosc.network import FloatArray, IntArray, PhaseNetwork
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


class Directed(NamedTuple):
    """What becomes of J_ij and J_ji of each pair, apart, and of the shape of their interaction.

    The torque on i is sum_j Im(response g_ij sum_k a_k (A_ij + i^k B_ij) e^{ik (theta_j - theta_i
    - alpha_ij)}), J = A + iB: the real part of J couples the wave of an oscillator, the imaginary
    part the same wave a quarter of a period ahead.
    """

    gain: FloatArray
    """g, (2, pairs): of J_ij in the first row, of J_ji in the second; and alpha, radians."""
    lag: FloatArray
    shape: tuple[complex, ...] = (1.0,)
    """a_1, a_2, ..."""
    response: complex = 1.0

    def drift(self, like: Any, where: Pairs, values: npt.NDArray[Any]) -> Drift:
        """With the couplings `values` at the pairs `where`, dense or sparse as `like`."""
        both = np.stack([values, values.conj()])
        return Drift(
            tuple(self._harmonic(k, a, like, where, both) for k, a in enumerate(self.shape, 1))
        )

    def _harmonic(self, k: int, a: complex, like: Any, where: Pairs, both: npt.NDArray[Any]) -> Any:
        weight: Any = self.gain * both.real
        if np.iscomplexobj(both):
            weight = weight + self.gain * (1, 1j, -1, -1j)[k % 4] * both.imag
        factor = a * self.response
        weight = weight * (factor if np.imag(factor) else np.real(factor))
        if self.lag.any():
            weight = weight * np.exp(-1j * k * self.lag)
        rows, columns = np.append(where.i, where.j), np.append(where.j, where.i)
        if is_sparse(like):
            return scipy.sparse.csr_array((weight.ravel(), (rows, columns)), shape=like.shape)
        whole = np.zeros(like.shape, dtype=weight.dtype)
        whole[rows, columns] = weight.ravel()
        return whole


def with_lost_edges(network: PhaseNetwork, **changes: Any) -> PhaseNetwork:
    """`network.replace`, where what now floats apart gets a reference of its own.

    A part without one is an error of a network that somebody writes; on a chip it is a fault
    whose phases mean nothing, and that must not stop a study.
    """
    if network.centred:  # each part has a mean
        return network.replace(**changes)
    coupling = changes.get("coupling", network.coupling)
    anchored = _anchored(network, changes)
    same = not is_sparse(coupling) and np.array_equal(coupling != 0, network.coupling != 0)
    if same and np.array_equal(anchored, _anchored(network, {})):
        return network.with_parameters(**changes)
    graph: Any = scipy.sparse.csr_array(abs(coupling))
    count, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
    reference = [int(r) for r in network.reference or np.unique(network.frame[network.frame >= 0])]
    kept = {int(label[r]): r for r in reversed(reference)}
    first = np.unique(label, return_index=True)[1]
    floats = np.ones(count, dtype=bool)
    floats[label[anchored]] = False
    named = [kept.get(p, int(first[p])) for p in range(count) if floats[p] or p in kept]
    return network.replace(**changes, reference=sorted(named))


def _anchored(network: PhaseNetwork, changes: dict[str, Any]) -> npt.NDArray[np.bool_]:
    """Shape (n,): what stands still, or has a field or a second harmonic."""
    anchored = np.zeros(network.n, dtype=bool)
    anchored[network.fixed] = True
    for name in ("field", "second_harmonic"):
        anchored |= np.asarray(changes.get(name, getattr(network, name))) != 0
    return anchored
