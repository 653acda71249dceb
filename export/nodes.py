"""The node types of NIR that can be run: their equations, sizes and nesting."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from neurosc.network import FloatArray

LINEAR = frozenset({"Affine", "Linear", "Scale", "Flatten", "Delay", "Pass"})
SPIKING = frozenset({"IF", "LIF", "CubaLIF", "Threshold"})


class Model(NamedTuple):
    """ds/dt = A s + b + gain * input at the first state; output is the last state."""

    A: FloatArray
    b: FloatArray
    gain: FloatArray
    threshold: FloatArray | None = None
    reset: FloatArray | None = None


@dataclasses.dataclass(frozen=True)
class Pass:
    """The Input or Output of a nested graph: hands on what it gets."""

    shape: tuple[int, ...]


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


def kind(node: Any) -> str:
    """The name of a node's type."""
    return str(type(node).__name__)


def size(node: Any, side: str = "output") -> int:
    """How many channels leave (or enter) a node."""
    if isinstance(node, Pass):
        return int(np.prod(node.shape))
    types: dict[str, Any] = node.input_type if side == "input" else node.output_type
    return int(np.prod(next(iter(types.values()))))


def expand(graph: Any) -> Nodes:
    """Put nested graphs in line as `inline` does, and check every node type.

    Raises
    ------
    ValueError
        For something that is no graph, a node of a type that cannot be run, and an edge from or
        to a node that does not exist.
    """
    nodes = inline(graph)
    for name, found in nodes.node.items():
        if kind(found) not in LINEAR | SPIKING | set(MODELS) | {"Input", "Output"}:
            raise ValueError(
                f"graph: node {name!r} is a {kind(found)}, which cannot be run; supported are "
                f"{', '.join(sorted((LINEAR | set(MODELS) | {'Input', 'Output'}) - {'Pass'}))}"
            )
        if kind(found) in ("Affine", "Linear") and np.ndim(found.weight) != 2:
            raise ValueError(
                f"graph: node {name!r} has a weight of shape {np.shape(found.weight)}; "
                "only matrices can be run"
            )
    return nodes


def inline(graph: Any) -> Nodes:
    """Put nested graphs in line, their nodes named outer.inner, whatever their types.

    Raises
    ------
    ValueError
        For something that is no graph, and an edge from or to a node that does not exist.
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
    ways_in: dict[str, str] = {}
    ways_out: dict[str, str] = {}
    for name in sorted(graph.nodes):
        inner, full = graph.nodes[name], prefix + name
        if kind(inner) == "NIRGraph":
            _inline(inner, full + ".", node, edges)
            ways_in[name] = full + "." + _only(inner, "Input", full)
            ways_out[name] = full + "." + _only(inner, "Output", full)
        elif prefix and kind(inner) in ("Input", "Output"):
            node[full] = Pass(tuple(np.atleast_1d(next(iter(inner.output_type.values())))))
        else:
            node[full] = inner
    edges += [(ways_out.get(a, prefix + a), ways_in.get(b, prefix + b)) for a, b in graph.edges]


def _only(graph: Any, what: str, name: str) -> str:
    found: list[str] = [n for n, node in graph.nodes.items() if kind(node) == what]
    if len(found) != 1:
        raise ValueError(
            f"graph: the nested graph {name!r} has {len(found)} {what} nodes; an edge to it is "
            "clear only if there is exactly one"
        )
    return found[0]


def _positive(name: str, field: str, value: Any) -> FloatArray:
    array = np.ravel(value).astype(np.float64)
    if not (array > 0).all():
        raise ValueError(f"graph: node {name!r} has a {field} that is not positive; give seconds")
    return array


def _flat(value: Any) -> FloatArray:
    return np.ravel(value).astype(np.float64)


def _integrator(name: str, node: Any) -> Model:
    """I: dv/dt = r u. IF: with spikes."""
    r = _flat(node.r)
    return Model(np.zeros((r.size, 1, 1)), np.zeros((r.size, 1)), r, *_spikes(node))


def _leaky(name: str, node: Any) -> Model:
    """LI: tau dv/dt = v_leak - v + r u. LIF: with spikes."""
    tau = _positive(name, "tau", node.tau)
    return Model(
        (-1 / tau)[:, None, None],
        (_flat(node.v_leak) / tau)[:, None],
        _flat(node.r) / tau,
        *_spikes(node),
    )


def _current_based(name: str, node: Any) -> Model:
    """CubaLI: tau_syn di/dt = -i + w_in u, tau_mem dv/dt = v_leak - v + r i. CubaLIF: spikes."""
    syn, mem = _positive(name, "tau_syn", node.tau_syn), _positive(name, "tau_mem", node.tau_mem)
    A = np.zeros((syn.size, 2, 2))
    A[:, 0, 0], A[:, 1, 0], A[:, 1, 1] = -1 / syn, _flat(node.r) / mem, -1 / mem
    b = np.stack([np.zeros(syn.size), _flat(node.v_leak) / mem], axis=1)
    return Model(A, b, _flat(node.w_in) / syn, *_spikes(node))


def _threshold(name: str, node: Any) -> Model:
    """Threshold: no state of its own."""
    threshold = _flat(node.threshold)
    n = threshold.size
    return Model(np.zeros((n, 0, 0)), np.zeros((n, 0)), np.zeros(n), threshold)


def _spikes(node: Any) -> Iterable[FloatArray]:
    return (_flat(node.v_threshold), _flat(node.v_reset)) if kind(node) in SPIKING else ()


MODELS: dict[str, Callable[[str, Any], Model]] = {
    "I": _integrator,
    "IF": _integrator,
    "LI": _leaky,
    "LIF": _leaky,
    "CubaLI": _current_based,
    "CubaLIF": _current_based,
    "Threshold": _threshold,
}
