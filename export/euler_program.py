"""A lowered graph as flat arrays for the forward-Euler kernel; knows neither NIR nor numba."""

from __future__ import annotations

import dataclasses
import graphlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.export.lowering import DelayedMap, Group, Lowered, entries
from neurosc.network import FloatArray

Latency = Literal["loops", "always", "absorbed"]
WIRE, LEAKY, CUBA = np.arange(3)
"""Kinds of nodes: v = x; v from x; i from x and v from i."""
GRID_TOLERANCE = 1e-6
"""In steps: how far a delay may be off the grid by rounding errors alone."""
RING_BYTES = 2**31
"""Largest memory of one sample for signals on their way."""


class Program(NamedTuple):
    """Nodes in the order of execution, their neurons numbered through; n neurons in all.

    Attributes
    ----------
    first, kind, fires
        Node p has neurons first[p] ... first[p + 1] - 1, (nodes + 1,); its kind; whether it spikes.
    i_decay, i_drive, gain, v_decay, v_drive, r, threshold, reset
        (n,): the numbers of one step; `r` is the share of the new i in v.
    start, hop, weight
        Source s, a neuron or an input channel n, n + 1, ..., has synapses start[s] ...
        start[s + 1] - 1; each reaches neuron hop % n after hop // n steps.
    slots
        Steps that signals can be on their way, plus 1.
    amplitude, strict, subtract
        Value of a spike; `>` or `>=`; the way to reset.
    """

    first: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    fires: npt.NDArray[np.bool_]
    i_decay: npt.NDArray[Any]
    i_drive: npt.NDArray[Any]
    gain: npt.NDArray[Any]
    v_decay: npt.NDArray[Any]
    v_drive: npt.NDArray[Any]
    r: npt.NDArray[Any]
    threshold: npt.NDArray[Any]
    reset: npt.NDArray[Any]
    start: npt.NDArray[np.int64]
    hop: npt.NDArray[np.int64]
    weight: npt.NDArray[Any]
    slots: int
    amplitude: Any
    strict: bool
    subtract: bool


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the neurons of each node and the channels of each Input begin, and how many they are.

    Nodes are in the order of execution; the traced Output nodes come last.
    """

    order: tuple[str, ...]
    first: dict[str, int]
    width: dict[str, int]
    neurons: int
    traced: tuple[str, ...]


class _Wire(NamedTuple):
    """What one node sends to another."""

    source: str
    target: str
    spikes: bool
    direct: bool
    map: DelayedMap


def assemble(
    lowered: Lowered,
    dt: float,
    steps: int,
    *,
    latency: Latency,
    amplitude: float,
    strict: bool,
    subtract: bool,
    dtype: npt.DTypeLike,
) -> tuple[Program, Layout]:
    """Order the nodes, and write down the numbers of a step.

    Raises
    ------
    ValueError
        For a step at which forward Euler grows without bound, and delays beyond the memory.
    """
    wires = [
        _Wire(link.source, link.target, link.signal == "spikes", False, link.map)
        for link in lowered.links
        if link.signal == "graded" or link.target not in lowered.outputs
    ]
    for group in lowered.groups:
        wires += _direct(group)
    late = _late(wires, lowered, latency)
    names = [name for group in lowered.groups for name in group.nodes]
    traced = tuple(name for name in lowered.outputs if any(w.target == name for w in wires))
    order = [*_order(names, wires, late), *traced]
    layout = _layout(lowered, order, traced)
    start, hop, weight = _synapses(wires, late, layout, dt, steps, latency == "absorbed")
    neurons = _neurons(lowered, order, layout, dt)
    slots = int(hop.max(initial=0)) // max(layout.neurons, 1) + 1
    number: np.dtype[Any] = np.dtype(dtype)
    if slots * layout.neurons * number.itemsize > RING_BYTES:
        raise ValueError(
            f"dt: delays of {slots - 1} steps to {layout.neurons} neurons need more than "
            f"{RING_BYTES / 2**30:g} GiB; give a larger dt or a shorter run"
        )
    program = Program(
        first=np.array([*(layout.first[name] for name in order), layout.neurons], dtype=np.int64),
        kind=np.array([_kind(lowered, name) for name in order], dtype=np.int64),
        fires=np.array([name in lowered.spiking for name in order], dtype=np.bool_),
        **{name: values.astype(number) for name, values in neurons.items()},
        start=start,
        hop=hop,
        weight=weight.astype(number),
        slots=slots,
        amplitude=number.type(amplitude),
        strict=strict,
        subtract=subtract,
    )
    return program, layout


def _states(group: Group, name: str) -> slice:
    return slice(group.entry[name], group.exit[name] + 1)


def _kind(lowered: Lowered, name: str) -> int:
    if name in lowered.outputs:
        return int(WIRE)
    own = _states(lowered.groups[lowered.group_of(name)], name)
    return int((WIRE, LEAKY, CUBA)[own.stop - own.start])


def _direct(group: Group) -> list[_Wire]:
    """The edges inside a group, element by element, as wires of weight 1."""
    wires = []
    for target in _stateful(group):
        own = _states(group, target)
        for source in _stateful(group):
            if source == target:
                continue
            pull, gain = group.A[:, own.start, group.exit[source]], group.gain[:, own.start]
            if np.any(pull):
                weight = np.divide(pull, gain, out=np.zeros_like(pull), where=gain != 0)
                wires.append(_one_to_one(source, target, weight))
    firing = group.firing
    if firing is not None and firing.state is not None:
        source = next(s for s in _stateful(group) if group.exit[s] == firing.state)
        if source != firing.node:
            wires.append(_one_to_one(source, firing.node, np.ones(group.neurons)))
    return wires


def _stateful(group: Group) -> list[str]:
    return [name for name in group.nodes if group.exit[name] >= group.entry[name]]


def _one_to_one(source: str, target: str, weight: FloatArray) -> _Wire:
    return _Wire(source, target, False, True, {0.0: scipy.sparse.diags_array(weight).tocsr()})


def _late(wires: list[_Wire], lowered: Lowered, latency: Latency) -> list[bool]:
    """Which wires are seen one step later: enough of them that no loop closes in a step."""
    looped = _in_loops(wires)
    late = [wire.spikes and loop for wire, loop in zip(wires, looped, strict=True)]
    if latency == "always":
        late = [
            not wire.direct
            and wire.source not in lowered.inputs
            and wire.target not in lowered.outputs
            for wire in wires
        ]
    rest = [k for k, waits in enumerate(late) if not waits]
    for k, loop in zip(rest, _in_loops([wires[k] for k in rest]), strict=True):
        late[k] = loop
    return late


def _in_loops(wires: Sequence[_Wire]) -> list[bool]:
    """Whether each wire is part of a loop."""
    names = sorted({end for wire in wires for end in (wire.source, wire.target)})
    number = {name: k for k, name in enumerate(names)}
    pairs = [(number[wire.source], number[wire.target]) for wire in wires]
    if not pairs:
        return []
    source, target = np.array(pairs).T
    graph = scipy.sparse.coo_array((np.ones(len(pairs)), (source, target)), shape=2 * (len(names),))
    _, label = scipy.sparse.csgraph.connected_components(graph, connection="strong")
    return [bool(same) for same in label[source] == label[target]]


def _order(names: list[str], wires: list[_Wire], late: list[bool]) -> list[str]:
    """Each node after those whose signal it sees in the same step."""
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for name in names:
        sorter.add(name)
    for wire, waits in zip(wires, late, strict=True):
        if not waits and wire.source in names and wire.target in names:
            sorter.add(wire.target, wire.source)
    return list(sorter.static_order())


def _layout(lowered: Lowered, order: list[str], traced: tuple[str, ...]) -> Layout:
    width = {name: group.neurons for group in lowered.groups for name in group.nodes}
    width |= {name: lowered.outputs[name] for name in traced}
    edges = np.cumsum([0, *(width[name] for name in order), *lowered.inputs.values()])
    first = dict(zip([*order, *lowered.inputs], edges[:-1].tolist(), strict=True))
    neurons = sum(width[name] for name in order)
    return Layout(tuple(order), first, width | lowered.inputs, neurons, traced)


def _synapses(
    wires: list[_Wire],
    late: list[bool],
    layout: Layout,
    dt: float,
    steps: int,
    absorbed: bool,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], FloatArray]:
    """start, hop and weight of all synapses; those beyond the end of the run are left out."""
    sources = sum(layout.width.values())
    columns: list[tuple[Any, ...]] = [(np.zeros(0, dtype=np.int64),) * 2 + (np.zeros(0),)]
    for wire, waits in zip(wires, late, strict=True):
        pre, post, weight, delay = entries(wire.map)
        wait = np.maximum(np.floor(delay / dt + 0.5 - GRID_TOLERANCE), 0)
        if waits:
            wait = np.maximum(wait, 1) if absorbed else wait + 1
        seen = wait < steps
        hop = wait[seen].astype(np.int64) * layout.neurons + post[seen] + layout.first[wire.target]
        columns.append((pre[seen] + layout.first[wire.source], hop, weight[seen]))
    pre, hop, weight = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.argsort(pre, kind="stable")
    start = np.searchsorted(pre[order], np.arange(sources + 1)).astype(np.int64)
    return start, hop[order], weight[order]


def _neurons(
    lowered: Lowered, order: list[str], layout: Layout, dt: float
) -> dict[str, FloatArray]:
    """The numbers of one step of every neuron."""
    n = layout.neurons
    names = ("i_decay", "i_drive", "gain", "v_decay", "v_drive", "r", "threshold", "reset")
    table = {name: np.zeros(n) for name in names}
    for name in order:
        if name in lowered.outputs:
            continue
        group = lowered.groups[lowered.group_of(name)]
        own, at = (
            _states(group, name),
            slice(layout.first[name], layout.first[name] + group.neurons),
        )
        if own.stop > own.start:
            last = own.stop - 1
            table["gain"][at] = dt * group.gain[:, own.start]
            table["v_decay"][at] = 1 + dt * group.A[:, last, last]
            table["v_drive"][at] = dt * group.b[:, last]
            if last > own.start:
                table["i_decay"][at] = 1 + dt * group.A[:, own.start, own.start]
                table["i_drive"][at] = dt * group.b[:, own.start]
                table["r"][at] = dt * group.A[:, last, own.start]
        if group.firing is not None and group.firing.node == name:
            table["threshold"][at] = group.firing.threshold
            low = group.firing.reset
            table["reset"][at] = 0.0 if low is None else low
        _check_growth(name, dt, table["i_decay"][at], table["v_decay"][at])
    return table


def _check_growth(name: str, dt: float, *decays: FloatArray) -> None:
    lowest = min(float(decay.min(initial=1.0)) for decay in decays)
    if lowest < -1:
        raise ValueError(
            f"dt: {dt:g} s is more than twice a time constant of node {name!r} "
            f"({dt / (1 - lowest):g} s), so forward Euler grows without bound; give a smaller dt"
        )
