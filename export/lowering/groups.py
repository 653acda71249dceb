"""Neurons that are solved together: nodes joined element by element (LI -> LI -> LIF)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from neurosc.export.lowering.lowered import Link, Lowered
from neurosc.network import FloatArray


@dataclasses.dataclass(frozen=True, eq=False)
class Firing:
    """When a group spikes, and to what it resets.

    Attributes
    ----------
    node
        Its name in the graph.
    state
        Which state is compared with the threshold; None compares what arrives.
    threshold, reset
        (neurons,); a reset of None leaves the state as it is.
    """

    node: str
    state: int | None
    threshold: FloatArray
    reset: FloatArray | None


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """Neurons with k states each: ds/dt = A s + b + gain * input.

    Attributes
    ----------
    nodes
        The nodes of the graph that it unites; the input enters at the first state of each.
    A, b
        (neurons, k, k) and (neurons, k), per second; constant inputs are in b.
    gain
        (neurons, k): what a unit of input adds to ds/dt; zero but at the first state of a node.
    entry, exit
        First and last state of each node.
    firing
        None if it only integrates.
    bias
        (neurons,): what is added to the input of a group without states.
    """

    nodes: tuple[str, ...]
    A: FloatArray
    b: FloatArray
    gain: FloatArray
    entry: dict[str, int]
    exit: dict[str, int]
    firing: Firing | None
    bias: FloatArray

    @property
    def neurons(self) -> int:
        """How many."""
        return len(self.b)

    @property
    def states(self) -> int:
        """Of each neuron; 0 compares what arrives with a threshold."""
        return int(self.b.shape[1])


def unite(lowered: Lowered) -> tuple[tuple[Group, ...], tuple[Link, ...]]:
    """The groups of a graph, and the links that are left between them.

    A group has at most one node that spikes. Where two follow one filter, the second is a group of
    its own; so is a Threshold to which more comes than the one state that drives it.
    """
    part = {name: [name] for name in lowered.neurons}
    inside: list[Link] = []
    for link in lowered.links:
        if not link.direct:
            continue
        source, target = part[link.source], part[link.target]
        if source is not target:
            if not _joinable(lowered, link, source, target):
                continue
            source += target
            part |= dict.fromkeys(target, source)
        inside.append(link)
    sets = {id(names): sorted(names, key=list(lowered.neurons).index) for names in part.values()}
    groups = tuple(_group(lowered, names, inside) for names in sets.values())
    return groups, tuple(link for link in lowered.links if link not in inside)


def _joinable(lowered: Lowered, link: Link, source: list[str], target: list[str]) -> bool:
    if sum(name in lowered.spiking for name in (*source, *target)) > 1:
        return False
    if lowered.neurons[link.target].states:
        return True
    arriving = [other for other in lowered.links if other.target == link.target]
    alone = len(arriving) == 1 and link.target not in lowered.constants
    return alone and bool(np.all(_weight(link) == 1))


def _weight(link: Link) -> FloatArray:
    """Of a link from element to element."""
    (matrix,) = link.map.values()
    return np.asarray(matrix.diagonal())


def _group(lowered: Lowered, names: list[str], inside: Sequence[Link]) -> Group:
    """The joint linear system of some nodes."""
    models = {name: lowered.neurons[name] for name in names}
    edges = np.cumsum([0, *(model.states for model in models.values())])
    neurons, k = models[names[0]].neurons, int(edges[-1])
    A, b, gain = np.zeros((neurons, k, k)), np.zeros((neurons, k)), np.zeros((neurons, k))
    entry = {name: int(edges[m]) for m, name in enumerate(names)}
    last = {name: int(edges[m + 1]) - 1 for m, name in enumerate(names)}
    for name, model in models.items():
        if model.states:
            own = slice(entry[name], last[name] + 1)
            A[:, own, own], b[:, own] = model.A, model.b
            gain[:, entry[name]] = model.gain
            b[:, entry[name]] += model.gain * lowered.constants.get(name, 0.0)
    bias = np.zeros(neurons)
    if k == 0:
        bias += lowered.constants.get(names[0], 0.0)
    watched = dict(last)
    for link in inside:
        if link.target not in models:
            continue
        if models[link.target].states:
            A[:, entry[link.target], last[link.source]] += models[link.target].gain * _weight(link)
        else:
            watched[link.target] = last[link.source]
    firing = None
    for name, model in models.items():
        if model.threshold is not None:
            state = watched[name] if k else None
            firing = Firing(name, state, model.threshold, model.reset)
    return Group(tuple(names), A, b, gain, entry, last, firing, bias)
