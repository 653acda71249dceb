"""Whether a graph is in order: types, names, parameters, edges, nesting."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sized
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc.export.validation.fields import TYPES, Shape, channels, check_fields, ends
from neurosc.export.validation.limits import InvalidGraphError, Limits

if TYPE_CHECKING:
    import nir


def validate(graph: nir.NIRGraph, *, limits: Limits | None = None) -> None:
    """Raise unless a graph is one that nir 1.0.8 writes and reads back.

    `read` applies it to every file. It says what is wrong with a graph before a simulator or a
    chip stumbles over it:

    - node types that nir 1.0.8 does not know, and parameters too many, too few, not real numbers,
      not finite, or of shapes that do not agree within their node;
    - names that are empty, too long, not printable, or have a "/";
    - edges that name no node, stand twice, or join sizes that differ; a graph, nested or not,
      without Input or Output;
    - more nodes, edges or nesting than the limits, a graph nested in itself among them.

    What it leaves to `run` and `check`: whether a simulator or a chip can do it, and the signs of
    time constants.

    Parameters
    ----------
    graph
        The graph; it is not changed.

    Other arguments
    ---------------
    limits
        By default `Limits()`.

    Raises
    ------
    ValueError
        Names the node and the parameter, and says what to do.

    Notes
    -----
    Format: Pedersen et al., Nat. Commun. 15, 8122 (2024), and nir/ir of nir 1.0.8.
    """
    if type(graph).__name__ != "NIRGraph":
        raise ValueError(
            f"graph: expected a NIRGraph, not {type(graph).__name__}; wrap the node in one"
        )
    try:
        check_tree(graph, limits or Limits())
    except InvalidGraphError as error:
        raise ValueError(f"graph: {error}") from None


def check_tree(tree: Any, limits: Limits) -> None:
    """`validate` for a graph as a dictionary, as `NIRGraph.to_dict` gives it, or as itself."""
    if _kind(tree, "node") != "NIRGraph":
        raise InvalidGraphError(f"it holds one {_kind(tree, 'node')}, no graph; wrap it in a graph")
    _Checker(limits).graph(tree, "", 1)


@dataclasses.dataclass
class _Checker:
    """Counts the nodes of a graph and of those nested in it.

    Nodes are dictionaries, or objects of nir, which are looked into one level at a time.
    """

    limits: Limits
    nodes: int = 0

    def graph(self, tree: Any, prefix: str, depth: int) -> tuple[Shape | None, Shape | None, int]:
        """Shapes of what enters and leaves a graph, and its edges, counted as `Limits` says."""
        title = f"the nested graph {prefix[:-1]!r}" if prefix else "it"
        if depth > self.limits.depth:
            raise InvalidGraphError(
                f"{title} is nested {depth} deep; flatten the graph, or raise limits.depth above "
                f"{self.limits.depth}"
            )
        fields = _fields(tree)
        nodes, edges = self._parts(fields, title)
        into: dict[str, Shape | None] = {}
        out_of: dict[str, Shape | None] = {}
        weight = dict.fromkeys(nodes, 1)
        for name, node in nodes.items():
            full = prefix + self._name(name, title)
            if _kind(node, full) == "NIRGraph":
                into[name], out_of[name], inside = self.graph(node, f"{full}.", depth + 1)
                weight[name] += inside
            else:
                into[name], out_of[name] = self._node(node, full)
        kinds = {name: _kind(node, prefix + name) for name, node in nodes.items()}
        for what in ("Input", "Output"):
            if what not in kinds.values():
                raise InvalidGraphError(f"{title} has no {what} node; add one")
        for a, b in edges:
            _check_edge(a, b, prefix, out_of, into)
        count = sum(weight[b] for _, b in edges)
        if count > self.limits.edges:
            raise InvalidGraphError(
                f"{title} has {count:,} edges, those of nested graphs counted at each edge to "
                f"them; raise limits.edges above {self.limits.edges:,} if you trust the graph"
            )
        return _only(kinds, "Input", into), _only(kinds, "Output", out_of), count

    def _parts(self, fields: dict[str, Any], title: str) -> tuple[Any, list[tuple[str, str]]]:
        for field in ("nodes", "edges"):
            if field not in fields:
                raise InvalidGraphError(f"{title} has no {field!r}; add them")
        for field in sorted(set(fields) - {"nodes", "edges"}):
            raise InvalidGraphError(f"{title} has a {field!r}, which nir does not know; remove it")
        nodes = fields["nodes"]
        if not isinstance(nodes, Mapping):
            raise InvalidGraphError(f"the nodes of {title} have no names; give a table of them")
        self.nodes += len(nodes)
        if self.nodes > self.limits.nodes:
            raise InvalidGraphError(
                f"it has more than {self.limits.nodes:,} nodes; raise limits.nodes if you trust it"
            )
        return nodes, _pairs(fields["edges"], title, self.limits.edges)

    def _name(self, name: Any, title: str) -> str:
        if not isinstance(name, str):
            raise InvalidGraphError(f"{title} has the node name {name!r}; give a text")
        if not name or len(name) > self.limits.name_length:
            raise InvalidGraphError(
                f"{title} has a node name of {len(name):,} characters, {name[:20]!r}; give 1 to "
                f"{self.limits.name_length}"
            )
        if "/" in name or name in (".", "..") or not name.isprintable():
            raise InvalidGraphError(
                f"{title} has the node name {name!r}; HDF5 needs printable names without '/', "
                "so rename it"
            )
        return name

    def _node(self, node: Any, name: str) -> tuple[Shape | None, Shape | None]:
        kind = _kind(node, name)
        if kind not in TYPES:
            raise InvalidGraphError(
                f"node {name!r} is of type {kind!r}, which nir 1.0.8 does not know: take a newer "
                f"neurosc, or build its function of {', '.join(TYPES)}"
            )
        fields = _fields(node)
        check_fields(name, kind, fields)
        enters, leaves = ends(kind, fields)
        for shape in (enters, leaves):
            if shape is not None and channels(shape) > self.limits.bytes // 8:
                raise InvalidGraphError(
                    f"node {name!r} ({kind}) has {channels(shape):,} channels; raise limits.bytes "
                    "above 8 bytes for each if you trust it"
                )
        return enters, leaves


def _kind(node: Any, name: str) -> str:
    """The type of a node that is a dictionary or an object of nir."""
    kind = node.get("type") if isinstance(node, Mapping) else type(node).__name__
    if not isinstance(kind, str):
        raise InvalidGraphError(f"node {name!r} has no type; write the graph again with nir")
    return kind


def _fields(node: Any) -> dict[str, Any]:
    """The parameters of a node, as `to_dict` names them, without copying them."""
    if isinstance(node, Mapping):
        return {key: value for key, value in node.items() if key not in ("type", "metadata")}
    kept = {
        key: value
        for key, value in vars(node).items()
        if key not in ("input_type", "output_type", "metadata") and value is not None
    }
    shape = {"Input": "shape", "Output": "shape", "Flatten": "input_type"}
    field = shape.get(type(node).__name__)
    types = node.output_type if field == "shape" else getattr(node, "input_type", None)
    if field and types and next(iter(types.values())) is not None:
        kept[field] = next(iter(types.values()))
    return kept


def _pairs(edges: Any, title: str, most: int) -> list[tuple[str, str]]:
    """Edges as pairs of names, each of them once."""
    if not isinstance(edges, Sized) or not isinstance(edges, Iterable):
        raise InvalidGraphError(f"the edges of {title} are no list; give pairs of names")
    if len(edges) > most:
        raise InvalidGraphError(
            f"{title} has {len(edges):,} edges; raise limits.edges above {most:,} if you trust it"
        )
    pairs = []
    for edge in edges:
        if np.shape(edge) != (2,) or not all(isinstance(end, str) for end in edge):
            raise InvalidGraphError(f"{title} has the edge {edge!r}; give two names of nodes")
        pairs.append((str(edge[0]), str(edge[1])))
    for (a, b), count in Counter(pairs).items():
        if count > 1:
            raise InvalidGraphError(
                f"{title} has the edge {a!r} -> {b!r} {count} times; keep one, and multiply the "
                "weight before or after it"
            )
    return pairs


def _check_edge(
    a: str, b: str, prefix: str, out_of: dict[str, Shape | None], into: dict[str, Shape | None]
) -> None:
    for end in (a, b):
        if end not in into:
            raise InvalidGraphError(
                f"the edge {prefix + a!r} -> {prefix + b!r} names no node {end!r}; add it"
            )
    given, taken = out_of[a], into[b]
    if given is not None and taken is not None and given != taken:
        raise InvalidGraphError(
            f"on the edge {prefix + a!r} -> {prefix + b!r} the first gives shape {list(given)}, "
            f"the second takes {list(taken)}; make them equal"
        )


def _only(kinds: dict[str, str], what: str, shapes: dict[str, Shape | None]) -> Shape | None:
    """The shape at the one Input or Output of a graph; None if it has several."""
    found = [shapes[name] for name, kind in kinds.items() if kind == what]
    return found[0] if len(found) == 1 else None
