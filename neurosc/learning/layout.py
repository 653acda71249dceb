"""How small networks of one topology lie in vector registers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neurosc.ideal import elimination
from neurosc.network import IntArray, PhaseNetwork

if TYPE_CHECKING:
    from neurosc.ideal.kernels.online import Lanes, Plan

KINDS = {"phase": 0, "amplitude": 1, "frequency": 2}


class Layout:
    """The topology of a network, and the order in which its parameters lie.

    Attributes
    ----------
    free
        (m,): the free oscillators in the order in which they are eliminated.
    edges, among
        (2, edges): couplings, first those among free oscillators, `among` in number, then those
        of a free one (first) with a fixed one.
    """

    def __init__(self, network: PhaseNetwork) -> None:
        self.network = network
        place = _places(network.free, network.n)
        i, j = np.nonzero(np.tril(network.coupling))
        some = network.frame[network.outputs] >= 0
        measured = network.outputs[some], network.frame[network.outputs[some]]
        inside = (place[i] >= 0) & (place[j] >= 0)
        pairs = np.concatenate([place[[i[inside], j[inside]]], place[np.stack(measured)]], axis=1)
        self.free = network.free[elimination.order(network.free.size, pairs.T.tolist())]
        self.place = place = _places(self.free, network.n)
        later = place[i] < place[j]
        i, j = np.where(later, j, i), np.where(later, i, j)
        driven = (place[i] >= 0) & (place[j] < 0)
        self.among = int(inside.sum())
        self.edges = np.stack([[*i[inside], *i[driven]], [*j[inside], *j[driven]]])

    @cached_property
    def plan(self) -> Plan:
        """What the compiled loop reads."""
        from neurosc.ideal.kernels.online import Plan

        network, place, held = self.network, self.place, _places(self.network.fixed, self.network.n)
        m, parts = self.free.size, self.network.parts[self.free]
        inside, driven = place[self.edges[:, : self.among]], self.edges[:, self.among :]
        references = network.frame[network.outputs]
        outputs = np.stack(
            [place[network.outputs], np.where(references < 0, -1, place[references])]
        )
        found = elimination.pattern(
            m, [*inside.T.tolist(), *outputs[:, references >= 0].T.tolist()]
        )
        last = [np.flatnonzero(parts == part)[-1] for part in range(parts.max() + 1)]
        number = np.tile(np.arange(self.among), 2)
        entry = np.append(found.entries(*inside), np.full(self.among, -1))
        own, other = np.concatenate([inside, inside[::-1]], axis=1)
        by_row = np.lexsort((other, own))
        frame = np.where(parts < 0, -1, place[network.frame[self.free]])
        between = found.entries(outputs.max(axis=0), outputs.min(axis=0))
        inputs = (place if network.encoding.kind == "frequency" else held)[network.inputs]
        kind = KINDS[network.encoding.kind]
        indices = (
            np.stack([parts, np.isin(np.arange(m), last), frame]),
            np.searchsorted(own[by_row], np.arange(m + 1)),
            np.stack([other, number, entry])[:, by_row],
            *found,
            np.stack([place[driven[0]], held[driven[1]]]),
            np.stack([*outputs, np.where(references < 0, -1, between)]),
            inputs,
        )
        plain = (np.ascontiguousarray(each, dtype=np.intp) for each in indices)
        return Plan(*plain, network.fixed.size, kind, float(network.encoding.scale))

    def pack(self, networks: Sequence[PhaseNetwork]) -> Lanes:
        """The parameters of as many networks as there are lanes."""
        from neurosc.ideal.kernels.online import Lanes

        lanes = Lanes.empty(self.plan)
        for k, net in enumerate(networks):
            lanes.coupling[:, k] = net.coupling[tuple(self.edges)]
            own = np.stack([net.frequency, net.field.real, net.field.imag, net.second_harmonic])
            lanes.own[..., k] = own[:, self.free]
        return lanes

    def unpack(self, network: PhaseNetwork, lanes: Lanes, k: int) -> PhaseNetwork:
        """The network with the parameters of lane k."""
        i, j = self.edges
        coupling, frequency = network.coupling.copy(), network.frequency.copy()
        field, second_harmonic = network.field.copy(), network.second_harmonic.copy()
        coupling[i, j] = coupling[j, i] = lanes.coupling[:, k]
        own = lanes.own[..., k]
        frequency[self.free], field[self.free] = own[0], own[1] + 1j * own[2]
        second_harmonic[self.free] = own[3]
        return network.with_parameters(
            coupling=coupling, frequency=frequency, field=field, second_harmonic=second_harmonic
        )


def _places(indices: IntArray, n: int) -> npt.NDArray[np.intp]:
    """Where each of n stands among the indices, -1 for the others."""
    place = np.full(n, -1, dtype=np.intp)
    place[indices] = np.arange(indices.size)
    return place
