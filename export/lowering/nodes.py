"""The node types of NIR that can be run, and graphs without nesting."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

LINEAR = frozenset(
    {"Affine", "Linear", "Scale", "Delay", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d"}
)
PASSING = frozenset({"Flatten", "Identity", "Pass"})
"""Hand on what they get, channel by channel."""
SPIKING = frozenset({"IF", "LIF", "CubaLIF", "Threshold"})
NEURONS = SPIKING | {"I", "LI", "CubaLI"}
SUPPORTED = LINEAR | PASSING | NEURONS | {"Input", "Output"}


@dataclasses.dataclass(frozen=True)
class Pass:
    """The Input or Output of a nested graph: hands on what it gets."""

    shape: tuple[int, ...] | None


@dataclasses.dataclass(frozen=True, eq=False)
class Nodes:
    """A graph without nesting."""

    node: dict[str, Any]
    before: dict[str, list[str]]
    after: dict[str, list[str]]

    @property
    def inputs(self) -> list[str]:
        """Names of the Input nodes."""
        return [name for name, node in self.node.items() if kind(node) == "Input"]

    @property
    def outputs(self) -> list[str]:
        """Names of the Output nodes."""
        return [name for name, node in self.node.items() if kind(node) == "Output"]

    @property
    def neurons(self) -> list[str]:
        """Names of the nodes that integrate or spike."""
        return [name for name, node in self.node.items() if kind(node) in NEURONS]


def kind(node: Any) -> str:
    """The name of a node's type."""
    return str(type(node).__name__)


def size(node: Any, side: str = "output") -> int:
    """How many channels leave (or enter) a node, as it says itself."""
    shape = stated_shape(node, side)
    return int(np.prod(shape)) if shape is not None else 0


def stated_shape(node: Any, side: str) -> tuple[int, ...] | None:
    """The shape of what leaves (or enters) a node as it says itself; None if it does not."""
    if isinstance(node, Pass):
        return node.shape
    types: dict[str, Any] | None = node.input_type if side == "input" else node.output_type
    value = next(iter((types or {}).values()), None)
    return None if value is None else tuple(int(k) for k in np.ravel(value))


def expand(graph: Any) -> Nodes:
    """Put nested graphs in line as `inline` does, and check that the graph can be run.

    Raises
    ------
    ValueError
        For something that is no graph, a node of a type that cannot be run, an edge from or to a
        node that does not exist, one into an Input or out of an Output, and a graph of which
        nothing would be recorded.
    """
    nodes = inline(graph)
    for name, found in nodes.node.items():
        if kind(found) not in SUPPORTED:
            raise ValueError(
                f"graph: node {name!r} is a {kind(found)}, which cannot be run; supported are "
                f"{', '.join(sorted(SUPPORTED - {'Pass'}))} and nested graphs of these"
            )
        if kind(found) == "Input" and nodes.before[name]:
            raise ValueError(
                f"graph: an edge leads from {nodes.before[name][0]!r} into the Input {name!r}; "
                "lead it to the node after it"
            )
        if kind(found) == "Output" and nodes.after[name]:
            raise ValueError(
                f"graph: an edge leads from the Output {name!r} to {nodes.after[name][0]!r}; "
                "let it start at the node before it"
            )
    if not nodes.outputs and not any(kind(node) in SPIKING for node in nodes.node.values()):
        raise ValueError(
            "graph: it has neither an Output nor a node that spikes, so nothing would be "
            "recorded; add an Output"
        )
    return nodes


def inline(graph: Any) -> Nodes:
    """Put nested graphs in line, their nodes named outer.inner, whatever their types.

    Raises
    ------
    ValueError
        For something that is no graph, an edge from or to a node that does not exist, and names
        that coincide once nesting is gone.
    """
    if kind(graph) != "NIRGraph":
        raise ValueError(f"graph: expected a NIRGraph, not {kind(graph)}; wrap the node in one")
    node: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    _inline(graph, "", node, edges)
    before: dict[str, list[str]] = {name: [] for name in node}
    after: dict[str, list[str]] = {name: [] for name in node}
    for a, b in dict.fromkeys(edges):
        for end in (a, b):
            if end not in node:
                raise ValueError(f"graph: the edge {a!r} -> {b!r} names no node {end!r}; add it")
        before[b].append(a)
        after[a].append(b)
    return Nodes(node, before, after)


def _inline(graph: Any, prefix: str, node: dict[str, Any], edges: list[tuple[str, str]]) -> None:
    """Collect the nodes and edges of `graph` and of those in it."""
    for name in sorted(graph.nodes):
        inner, full = graph.nodes[name], prefix + name
        if full in node:
            raise ValueError(
                f"graph: two nodes are called {full!r} once nested graphs are put in line; "
                "rename one"
            )
        if kind(inner) == "NIRGraph":
            _inline(inner, full + ".", node, edges)
        elif prefix and kind(inner) in ("Input", "Output"):
            node[full] = Pass(stated_shape(inner, "output"))
        else:
            node[full] = inner
    for a, b in graph.edges:
        edges.append((_end(graph, a, prefix, "Output"), _end(graph, b, prefix, "Input")))


def _end(graph: Any, name: str, prefix: str, what: str) -> str:
    """The node at an end of an edge: of a nested graph, its only Input or Output."""
    nested, full = graph.nodes.get(name), prefix + name
    if kind(nested) != "NIRGraph":
        return full
    found: list[str] = [n for n, node in nested.nodes.items() if kind(node) == what]
    if len(found) != 1:
        raise ValueError(
            f"graph: the nested graph {full!r} has {len(found)} {what} nodes; an edge to it is "
            f"clear only if there is exactly one, so add or join them, or name one: "
            f"{name + '.NAME'!r}"
        )
    return f"{full}.{found[0]}"
