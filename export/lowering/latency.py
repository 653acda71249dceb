"""When signals are seen on a time grid: in which order nodes run, and what waits for a step."""

from __future__ import annotations

import dataclasses
import graphlib
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import scipy

from neurosc.export.lowering.lowered import Link, Lowered
from neurosc.network import FloatArray, IntArray

Latency = Literal["loops", "always", "absorbed"]
GRID_TOLERANCE = 1e-6
"""In steps: how far a delay may be off the grid by rounding errors alone."""


def check_latency(latency: str) -> None:
    """Raise ValueError for an unknown rule."""
    if latency not in get_args(Latency):
        raise ValueError(f"latency: {latency!r} is unknown; use one of {get_args(Latency)}")


def nearest_steps(delay: FloatArray, dt: float) -> IntArray:
    """Delays in steps: the nearest number, halves down."""
    steps = np.floor(np.asarray(delay) / dt + 0.5 - GRID_TOLERANCE)
    return np.asarray(np.maximum(steps, 0), dtype=np.int64)


def complete_steps(delay: FloatArray, dt: float) -> IntArray:
    """How many steps lie wholly within a delay."""
    return np.asarray(np.floor(np.asarray(delay) / dt + GRID_TOLERANCE), dtype=np.int64)


@dataclasses.dataclass(frozen=True)
class Timing:
    """One step of a graph.

    Attributes
    ----------
    order
        The neuron nodes, each after those whose signal it sees in the same step.
    links
        The links that carry a signal while the graph runs: all but those of spikes to Outputs.
    late
        Which of them are seen one step later.
    absorbed
        Whether a delay of at least one step contains that step.
    """

    order: tuple[str, ...]
    links: tuple[Link, ...]
    late: tuple[bool, ...]
    absorbed: bool

    def wait(self, number: int, delay: FloatArray, dt: float) -> IntArray:
        """Steps until the entries of a link are seen, from their delays in seconds."""
        steps = nearest_steps(delay, dt)
        if not self.late[number]:
            return steps
        return np.maximum(steps, 1) if self.absorbed else steps + 1


def timing(lowered: Lowered, latency: Latency) -> Timing:
    """Order the nodes, and delay enough links by a step that no loop closes in one."""
    links = tuple(
        link
        for link in lowered.links
        if link.signal == "graded" or link.target not in lowered.outputs
    )
    if latency == "always":
        late = [
            not link.direct
            and link.source not in lowered.inputs
            and link.target not in lowered.outputs
            for link in links
        ]
    else:
        looped = _in_loops(links)
        late = [link.signal == "spikes" and loop for link, loop in zip(links, looped, strict=True)]
    rest = [k for k, waits in enumerate(late) if not waits]
    for k, loop in zip(rest, _in_loops([links[k] for k in rest]), strict=True):
        late[k] = loop
    order = _order(list(lowered.neurons), links, late)
    return Timing(tuple(order), links, tuple(late), latency == "absorbed")


def _in_loops(links: Sequence[Link]) -> list[bool]:
    """Whether each link is part of a loop."""
    names = sorted({end for link in links for end in (link.source, link.target)})
    number = {name: k for k, name in enumerate(names)}
    pairs = [(number[link.source], number[link.target]) for link in links]
    if not pairs:
        return []
    source, target = np.array(pairs).T
    graph = scipy.sparse.coo_array((np.ones(len(pairs)), (source, target)), shape=2 * (len(names),))
    _, label = scipy.sparse.csgraph.connected_components(graph, connection="strong")
    return [bool(same) for same in label[source] == label[target]]


def _order(names: list[str], links: Sequence[Link], late: list[bool]) -> list[str]:
    """Each node after those whose signal it sees in the same step."""
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for name in names:
        sorter.add(name)
    for link, waits in zip(links, late, strict=True):
        if not waits and link.source in names and link.target in names:
            sorter.add(link.target, link.source)
    return list(sorter.static_order())
