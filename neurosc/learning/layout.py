"""How small networks of one topology lie in vector registers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from neurosc.ideal import elimination
from neurosc.network import IntArray, PhaseNetwork

if TYPE_CHECKING:
    from neurosc.ideal.kernels.online import Lanes, Plan

KINDS = {"phase": 0, "amplitude": 1, "frequency": 2}


class Layout:
    """The order in which the parameters of networks of one topology lie.

    Attributes
    ----------
    free
        (m,): the free oscillators in the order in which they are eliminated.
    inside, driven
        (2, edges): couplings among free oscillators, the one that is eliminated later first, and
        those of a free one with a fixed one. They lie in this order.
    """

    def __init__(self, network: PhaseNetwork) -> None:
        self.network = network
        edges = np.stack(np.nonzero(np.tril(network.coupling)))
        moves = _places(network.free, network.n)[edges] >= 0
        inside = edges[:, moves.all(axis=0)]
        self.driven = np.where(moves[0], edges, edges[::-1])[:, moves[0] != moves[1]]
        self.references = network.frame[network.outputs]
        measured = np.stack([network.outputs, self.references])[:, self.references >= 0]
        links = _places(network.free, network.n)[np.concatenate([inside, measured], axis=1)]
        self.free = network.free[elimination.order(network.free.size, links.T.tolist())]
        self.place = _places(self.free, network.n)
        later = self.place[inside[0]] > self.place[inside[1]]
        self.inside = np.where(later, inside, inside[::-1])

    @cached_property
    def plan(self) -> Plan:
        """What the compiled loop reads."""
        from neurosc.ideal.kernels.online import Plan

        network, place, held = self.network, self.place, _places(self.network.fixed, self.network.n)
        measured = self.references >= 0
        outputs = np.stack([place[network.outputs], np.where(measured, place[self.references], -1)])
        links = np.concatenate([place[self.inside], outputs[:, measured]], axis=1)
        found = elimination.pattern(self.free.size, links.T.tolist())
        between = found.entries(outputs.max(axis=0), outputs.min(axis=0))
        shifted = network.encoding.kind == "frequency"
        indices = (
            self._roles(),
            *self._neighbours(found),
            *found,
            np.stack([place[self.driven[0]], held[self.driven[1]]]),
            np.stack([*outputs, np.where(measured, between, -1)]),
            (place if shifted else held)[network.inputs],
        )
        return Plan(
            network.fixed.size,
            KINDS[network.encoding.kind],
            float(network.encoding.scale),
            *(np.ascontiguousarray(each, dtype=np.intp) for each in indices),
        )

    def _roles(self) -> IntArray:
        parts = self.network.parts[self.free]
        last = [np.flatnonzero(parts == part)[-1] for part in range(parts.max() + 1)]
        frame = np.where(parts < 0, -1, self.place[self.network.frame[self.free]])
        return np.stack([parts, np.isin(np.arange(parts.size), last), frame])

    def _neighbours(self, found: elimination.Pattern) -> tuple[IntArray, IntArray]:
        """Of each oscillator the first of its rows, and all rows: other, coupling, entry."""
        later, sooner = self.place[self.inside]
        own, other = np.append(later, sooner), np.append(sooner, later)
        coupling = np.tile(np.arange(later.size), 2)
        entry = np.append(found.entries(later, sooner), np.full(later.size, -1))
        by_row = np.lexsort((other, own))
        first = np.searchsorted(own[by_row], np.arange(self.free.size + 1))
        return first, np.stack([other, coupling, entry])[:, by_row]

    def pack(self, networks: Sequence[PhaseNetwork]) -> Lanes:
        """The parameters of as many networks as there are lanes."""
        from neurosc.ideal.kernels.online import Lanes

        lanes, edges = Lanes.empty(self.plan), np.append(self.inside, self.driven, axis=1)
        for k, net in enumerate(networks):
            own = np.stack([net.frequency, net.field.real, net.field.imag, net.second_harmonic])
            lanes.coupling[:, k], lanes.own[..., k] = net.coupling[tuple(edges)], own[:, self.free]
        return lanes

    def unpack(self, network: PhaseNetwork, lanes: Lanes, k: int) -> PhaseNetwork:
        """The network with the parameters of lane k."""
        i, j = np.append(self.inside, self.driven, axis=1)
        coupling, frequency = network.coupling.copy(), network.frequency.copy()
        field, second_harmonic = network.field.copy(), network.second_harmonic.copy()
        omega, real, imaginary, harmonic = lanes.own[..., k]
        coupling[i, j] = coupling[j, i] = lanes.coupling[:, k]
        frequency[self.free], field[self.free] = omega, real + 1j * imaginary
        second_harmonic[self.free] = harmonic
        return network.with_parameters(
            coupling=coupling, frequency=frequency, field=field, second_harmonic=second_harmonic
        )


def _places(indices: IntArray, n: int) -> IntArray:
    """Where each of n stands among the indices, -1 for the others."""
    place = np.full(n, -1, dtype=np.intp)
    place[indices] = np.arange(indices.size)
    return place
