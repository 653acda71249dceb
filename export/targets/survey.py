"""A graph as the rules see it: nodes without nesting, loops, and what it takes of a chip."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import scipy

from neurosc.export.lowering.nodes import Nodes, inline, kind, size
from neurosc.export.targets.grid import MOST, bits, step
from neurosc.network import FloatArray

NEURONS = frozenset({"IF", "LIF", "CubaLIF", "I", "LI", "CubaLI"})
WEIGHTS = frozenset({"Affine", "Linear", "Conv1d", "Conv2d"})
TIMES = ("tau", "tau_mem", "tau_syn")


@dataclasses.dataclass(frozen=True, eq=False)
class Survey:
    """A graph and the seconds of a time step, None if they are unknown."""

    graph: Any
    dt: float | None
    nodes: Nodes

    @classmethod
    def of(cls, graph: Any, dt: float | None) -> Survey:
        """Take a graph apart."""
        return cls(graph, dt, inline(graph))

    def parameters(self, *names: str) -> Iterator[tuple[str, str, FloatArray]]:
        """Node, parameter and its values, flat, wherever a node has one of these parameters."""
        for name, node in self.nodes.node.items():
            for parameter in names:
                value = getattr(node, parameter, None)
                if value is not None and np.size(value):
                    yield name, parameter, np.ravel(value).astype(np.float64)

    def of_kind(self, kinds: frozenset[str]) -> dict[str, Any]:
        """The nodes of some kinds."""
        return {name: node for name, node in self.nodes.node.items() if kind(node) in kinds}

    @cached_property
    def loops(self) -> list[list[str]]:
        """Nodes that lie on a common loop, nesting removed."""
        return loops(self.nodes.after)

    @cached_property
    def neurons(self) -> int:
        """How many, with and without spikes."""
        return sum(size(node) for node in self.of_kind(NEURONS).values())

    @cached_property
    def synapses(self) -> int:
        """Weights that are not zero, each counted at every place that a convolution puts it."""
        return sum(_places(node) * _nonzero(node) for node in self.of_kind(WEIGHTS).values())

    @cached_property
    def fan_in(self) -> dict[str, int]:
        """Synapses onto the neuron of a node that has most, by node."""
        return self._gather(self.nodes.before, _rows)

    @cached_property
    def fan_out(self) -> dict[str, int]:
        """Synapses of the neuron or input of a node that has most, by node."""
        return self._gather(self.nodes.after, _columns)

    @cached_property
    def weight_levels(self) -> dict[str, tuple[int, int] | None]:
        """Least and greatest weight of a node in steps; None if there are more than 2^15.

        Where one step for the node takes more than 8 bits, each row (the synapses of a neuron, or
        the kernel of a channel) may have a step of its own: compilers split such a node.
        """
        return {name: _weight_levels(node.weight) for name, node in self.of_kind(WEIGHTS).items()}

    @cached_property
    def delays(self) -> FloatArray:
        """Every delay, in the unit of the file."""
        found = [values for _, _, values in self.parameters("delay")]
        return np.concatenate(found) if found else np.zeros(0)

    def weights_onto(self, name: str) -> list[Any]:
        """The weights that reach a neuron node with no other neuron or weight between."""
        near = self._weights_near(name, self.nodes.before)
        return [self.nodes.node[weight].weight for weight in near]

    def _gather(self, beside: dict[str, list[str]], count: Any) -> dict[str, int]:
        ends = self.of_kind(NEURONS | {"Input"})
        totals = {}
        for name, node in ends.items():
            counts = [count(self.nodes.node[w]) for w in self._weights_near(name, beside)]
            fitting = [c for c in counts if c.size == size(node)]
            rest = [int(c.max(initial=0)) for c in counts if c.size != size(node)]
            most = int(np.sum(fitting, axis=0).max(initial=0)) if fitting else 0
            totals[name] = most + sum(rest)
        return totals

    def _weights_near(self, name: str, beside: dict[str, list[str]]) -> list[str]:
        """Weight nodes that are reached from a node without passing a neuron or a weight."""
        found, seen, waiting = [], {name}, [*beside[name]]
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            what = kind(self.nodes.node[at])
            if what in WEIGHTS:
                found.append(at)
            elif what not in NEURONS:
                waiting += beside[at]
        return found


def loops(after: dict[str, list[str]]) -> list[list[str]]:
    """The strongly connected parts of a graph that hold a loop."""
    names = list(after)
    number = {name: k for k, name in enumerate(names)}
    edges = [(number[a], number[b]) for a in names for b in after[a]]
    rows, columns = np.array(edges, dtype=int).reshape(-1, 2).T
    matrix = scipy.sparse.coo_array((np.ones(rows.size), (rows, columns)), (len(names),) * 2)
    _, label = scipy.sparse.csgraph.connected_components(matrix, connection="strong")
    parts = [[names[k] for k in np.flatnonzero(label == part)] for part in np.unique(label)]
    return [part for part in parts if len(part) > 1 or part[0] in after[part[0]]]


def levels(values: Any, most: int = MOST) -> tuple[int, int] | None:
    """Least and greatest of some values in units of their common step; None if there is none."""
    flat = np.ravel(values).astype(np.float64)
    unit = step(flat, most)
    if unit is None:
        return None
    whole = np.rint(flat / unit)
    return int(whole.min(initial=0)), int(whole.max(initial=0))


def _weight_levels(weight: Any) -> tuple[int, int] | None:
    whole = levels(weight)
    if whole is not None and bits(whole) <= 8:
        return whole
    least, most = 0, 0
    for row in np.asarray(weight):
        found = levels(row, 2**7)
        if found is None:
            return whole
        least, most = min(least, found[0]), max(most, found[1])
    return least, most


def _nonzero(node: Any) -> int:
    return int(np.count_nonzero(node.weight))


def _places(node: Any) -> int:
    """At how many places a weight is put to use."""
    if kind(node) not in ("Conv1d", "Conv2d"):
        return 1
    return size(node) // int(np.shape(node.weight)[0])


def _rows(node: Any) -> Any:
    """Synapses onto each output channel."""
    weight = np.asarray(node.weight)
    return np.count_nonzero(weight.reshape(len(weight), -1), axis=1)


def _columns(node: Any) -> Any:
    """Synapses of each input channel; at most as many for a convolution, which may stride."""
    weight = np.asarray(node.weight)
    return np.count_nonzero(np.moveaxis(weight, 1, 0).reshape(weight.shape[1], -1), axis=1)
