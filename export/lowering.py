"""A NIR graph as groups of neurons and what connects them; knows NIR, but no simulator.

Nodes that integrate and are joined element by element (LI -> LI -> LIF) become one group with
one state vector s per neuron. Everything linear between groups (Linear, Affine, Scale, Flatten,
Delay) is multiplied out: one matrix per source, target and delay.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import Any, Literal

import numpy as np
import scipy

from neurosc.export.nodes import LINEAR, MODELS, SPIKING, Nodes, expand, kind, size
from neurosc.network import FloatArray

DelayedMap = dict[float, scipy.sparse.csr_array]
"""A linear map: for each delay in seconds a matrix (targets, sources)."""


@dataclasses.dataclass(frozen=True, eq=False)
class Firing:
    """When a group spikes, and to what it resets.

    Attributes
    ----------
    node
        Its name in the graph.
    state
        Which state is compared with the threshold; None compares the graded input itself.
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
    """

    nodes: tuple[str, ...]
    A: FloatArray
    b: FloatArray
    gain: FloatArray
    entry: dict[str, int]
    exit: dict[str, int]
    firing: Firing | None

    @property
    def neurons(self) -> int:
        """How many."""
        return len(self.b)


@dataclasses.dataclass(frozen=True, eq=False)
class Link:
    """Signals from a node to a node.

    Attributes
    ----------
    source, target
        Names of nodes.
    signal
        Whether spikes pass, or the value of a state.
    map
        Per delay in seconds, a matrix (targets, sources).
    """

    source: str
    target: str
    signal: Literal["spikes", "graded"]
    map: DelayedMap


@dataclasses.dataclass(frozen=True, eq=False)
class Lowered:
    """A graph ready for a simulator."""

    inputs: dict[str, int]
    outputs: dict[str, int]
    groups: tuple[Group, ...]
    links: tuple[Link, ...]

    def group_of(self, node: str) -> int:
        """The number of the group to which a node belongs."""
        return next(k for k, group in enumerate(self.groups) if node in group.nodes)

    @property
    def spiking(self) -> dict[str, int]:
        """The group of each node that spikes, by its name."""
        return {g.firing.node: k for k, g in enumerate(self.groups) if g.firing is not None}


def lower(graph: Any) -> Lowered:
    """Take a graph apart.

    Raises
    ------
    ValueError
        For a node that is not supported (names it), sizes that do not fit, a loop without a
        neuron in it, and a graded signal that drives two spiking nodes directly.
    """
    nodes = expand(graph)
    order = _linear_order(nodes)
    constant = _constants(nodes, order)
    members = _united(nodes)
    groups = tuple(_group(nodes, names, constant) for names in members)
    links = []
    for name, node in nodes.node.items():
        if name in nodes.inputs or kind(node) in MODELS:
            links += _links(nodes, order, name)
    for output in nodes.outputs:
        if np.any(constant.get(output, 0.0)):
            raise ValueError(
                f"graph: a bias reaches the Output {output!r}, which records spikes; "
                "let it pass through an LI node or drop it"
            )
    return Lowered(
        inputs={name: size(nodes.node[name]) for name in nodes.inputs},
        outputs={name: size(nodes.node[name]) for name in nodes.outputs},
        groups=groups,
        links=tuple(links),
    )


def _linear_order(nodes: Nodes) -> list[str]:
    """The linear nodes, each after those before it."""
    linear = [name for name, node in nodes.node.items() if kind(node) in LINEAR]
    waiting = {name: sum(p in linear for p in nodes.before[name]) for name in linear}
    order = [name for name in linear if waiting[name] == 0]
    for name in order:
        for after in nodes.after[name]:
            if after in waiting:
                waiting[after] -= 1
                if waiting[after] == 0:
                    order.append(after)
    if len(order) < len(linear):
        looped = sorted(set(linear) - set(order))
        raise ValueError(
            f"graph: the nodes {looped} form a loop without a neuron, which has no solution in "
            "time; put a neuron into it"
        )
    return order


def _apply(name: str, node: Any, signal: DelayedMap) -> DelayedMap:
    """The signal after a linear node; it enters flat."""
    width = next(iter(signal.values())).shape[0]
    _check_size(name, node, width)
    what = kind(node)
    if what in ("Linear", "Affine"):
        weight = scipy.sparse.csr_array(np.asarray(node.weight, dtype=np.float64))
        return {delay: scipy.sparse.csr_array(weight @ m) for delay, m in signal.items()}
    if what == "Scale":
        scale = scipy.sparse.diags_array(np.ravel(node.scale).astype(np.float64))
        return {delay: scipy.sparse.csr_array(scale @ m) for delay, m in signal.items()}
    if what == "Delay":
        delays = np.ravel(node.delay).astype(np.float64)
        if not (np.isfinite(delays) & (delays >= 0)).all():
            raise ValueError(f"graph: node {name!r} has a delay below 0; delays are seconds >= 0")
        shifted: DelayedMap = {}
        for delay in np.unique(delays):
            chosen = scipy.sparse.diags_array((delays == delay).astype(np.float64))
            rows = {d + float(delay): scipy.sparse.csr_array(chosen @ m) for d, m in signal.items()}
            shifted = _add(shifted, rows)
        return shifted
    return signal  # Flatten, and the Input and Output of a nested graph


def _add(a: DelayedMap, b: DelayedMap) -> DelayedMap:
    total = dict(a)
    for delay, matrix in b.items():
        total[delay] = total[delay] + matrix if delay in total else matrix
    return total


def _arriving(reached: dict[str, DelayedMap], nodes: Nodes, name: str) -> DelayedMap:
    """The sum over the edges into a node."""
    total: DelayedMap = {}
    for before in nodes.before[name]:
        signal = reached.get(before, {})
        widths = {m.shape[0] for m in (*signal.values(), *total.values())}
        if len(widths) > 1:
            raise ValueError(
                f"graph: signals of {sorted(widths)} channels meet at node {name!r}; "
                "edges into a node add, so give them the same size"
            )
        total = _add(total, signal)
    return total


def _links(nodes: Nodes, order: list[str], source: str) -> list[Link]:
    """Where the signal of one node arrives."""
    spikes = source in nodes.inputs or kind(nodes.node[source]) in SPIKING
    width = size(nodes.node[source])
    reached = {source: {0.0: scipy.sparse.eye_array(width, format="csr")}}
    for name in order:
        signal = _arriving(reached, nodes, name)
        if signal:
            reached[name] = _apply(name, nodes.node[name], signal)
    links = []
    for target, node in nodes.node.items():
        if kind(node) in LINEAR or target in nodes.inputs:
            continue
        through = dict(reached)
        if not spikes and kind(node) != "Output":
            through.pop(source)  # joined element by element: in the matrix of the group
        signal = _arriving(through, nodes, target)
        if not signal:
            continue
        _check_size(target, node, next(iter(signal.values())).shape[0])
        if not spikes and any(delay > 0 for delay in signal):
            raise ValueError(
                f"graph: a Delay between {source!r} and {target!r} acts on a graded signal; only "
                "spikes can be delayed, so let a spiking node come before it"
            )
        links.append(Link(source, target, "spikes" if spikes else "graded", signal))
    return links


def _constants(nodes: Nodes, order: list[str]) -> dict[str, FloatArray]:
    """What the biases of the Affine nodes add up to at each node that they reach."""
    at: dict[str, FloatArray] = {}

    def arriving(name: str) -> FloatArray | float:
        return sum((at[p] for p in nodes.before[name] if p in at and p in order), start=0.0)

    for name in order:
        node, value = nodes.node[name], arriving(name)
        if kind(node) in ("Linear", "Affine") and np.ndim(value):
            value = np.asarray(node.weight, dtype=np.float64) @ value
        elif kind(node) == "Scale":
            value = np.ravel(node.scale) * value
        if kind(node) == "Affine":
            value = value + np.ravel(node.bias).astype(np.float64)
        if np.any(value):
            at[name] = np.asarray(value, dtype=np.float64)
    for name, node in nodes.node.items():
        if kind(node) not in LINEAR and np.any(arriving(name)):
            at[name] = np.asarray(arriving(name))
    return at


def _united(nodes: Nodes) -> list[list[str]]:
    """Neurons joined by direct edges that carry a graded signal, each set in graph order."""
    neurons = [n for n, node in nodes.node.items() if kind(node) in MODELS]
    number = {name: k for k, name in enumerate(neurons)}
    pairs = [
        (number[a], number[b])
        for a in neurons
        if kind(nodes.node[a]) not in SPIKING
        for b in nodes.after[a]
        if b in number
    ]
    n = len(neurons)
    joined = scipy.sparse.coo_array(
        (np.ones(len(pairs)), ([a for a, _ in pairs], [b for _, b in pairs])), shape=(n, n)
    )
    if n == 0:
        return []
    _, label = scipy.sparse.csgraph.connected_components(joined, directed=False)
    sets = defaultdict(list)
    for name in neurons:
        sets[int(label[number[name]])].append(name)
    return list(sets.values())


def _group(nodes: Nodes, names: list[str], constant: dict[str, FloatArray]) -> Group:
    """The joint linear system of some nodes."""
    firing = [name for name in names if kind(nodes.node[name]) in SPIKING]
    if len(firing) > 1:
        raise ValueError(
            f"graph: the nodes {names} are joined directly and {firing} all spike; "
            "give each spiking node a filter of its own"
        )
    widths = {name: size(nodes.node[name]) for name in names}
    if len(set(widths.values())) > 1:
        raise ValueError(f"graph: nodes joined directly differ in size: {widths}; make them equal")
    models = {name: MODELS[kind(nodes.node[name])](name, nodes.node[name]) for name in names}
    edges = np.cumsum([0, *(model.b.shape[1] for model in models.values())])
    neurons, k = widths[names[0]], int(edges[-1])
    A, b, gain = np.zeros((neurons, k, k)), np.zeros((neurons, k)), np.zeros((neurons, k))
    entry = {name: int(edges[m]) for m, name in enumerate(names)}
    last = {name: int(edges[m + 1]) - 1 for m, name in enumerate(names)}
    for name, model in models.items():
        own = slice(entry[name], last[name] + 1)
        if model.b.shape[1] == 0:
            continue
        A[:, own, own], b[:, own] = model.A, model.b
        gain[:, entry[name]] = model.gain
        b[:, entry[name]] += model.gain * constant.get(name, 0.0)
        for before in nodes.before[name]:
            if before in models and kind(nodes.node[before]) not in SPIKING:
                A[:, entry[name], last[before]] += model.gain
    fires = None
    if firing:
        fires = _firing(nodes, firing[0], models[firing[0]], last, constant)
    return Group(tuple(names), A, b, gain, entry, last, fires)


def _firing(
    nodes: Nodes, name: str, model: Any, last: dict[str, int], constant: dict[str, FloatArray]
) -> Firing:
    """Threshold and reset; a Threshold node looks at the one state that drives it."""
    if kind(nodes.node[name]) != "Threshold":
        return Firing(name, last[name], model.threshold, model.reset)
    before = nodes.before[name]
    if len(before) != 1 or before[0] not in last or np.any(constant.get(name, 0.0)):
        raise ValueError(
            f"graph: the Threshold {name!r} must follow one integrating node (I, LI or CubaLI) "
            "directly; put an LI before it"
        )
    return Firing(name, last[before[0]], model.threshold, None)


def _check_size(name: str, node: Any, arriving: int) -> None:
    if size(node, side="input") != arriving:
        raise ValueError(
            f"graph: {arriving} channels arrive at node {name!r} ({kind(node)}), which takes "
            f"{size(node, side='input')}; make them fit"
        )


def entries(delayed: DelayedMap) -> tuple[Any, Any, FloatArray, FloatArray]:
    """Source, target, weight and delay of each non-zero entry of a map, by source."""
    parts = []
    for delay, matrix in delayed.items():
        found = scipy.sparse.coo_array(matrix)
        some = found.data != 0
        columns = (found.col[some], found.row[some], found.data[some], np.full(some.sum(), delay))
        parts.append(np.stack(columns))
    table = np.concatenate(parts, axis=1)
    pre, post, weight, delays = table[:, np.lexsort((table[3], table[1], table[0]))]
    return pre.astype(np.int64), post.astype(np.int64), weight, delays
