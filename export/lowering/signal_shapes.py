"""The shapes of the signals in a graph, from its Inputs to its Outputs.

NIR computes some of them itself, but for square kernels and single groups only, and leaves others
open. Here they follow from what arrives; what a node says of itself is checked against that.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from neurosc.export.lowering.convolution import WINDOWED, entering_shape, leaving_shape
from neurosc.export.lowering.nodes import PASSING, Nodes, kind, stated_shape

Shape = tuple[int, ...]


class Shapes(NamedTuple):
    """By node, the shape of what enters and of what leaves it."""

    entering: dict[str, Shape]
    leaving: dict[str, Shape]


def infer_shapes(nodes: Nodes) -> Shapes:
    """Follow the signals through the graph.

    Raises
    ------
    ValueError
        For sizes that do not fit, and a node whose shape nothing tells.
    """
    shapes = Shapes({}, {})
    waiting = dict(nodes.node)
    while waiting:
        found = {name: _from_before(nodes, shapes, name) for name in waiting}
        known = {name: shape for name, shape in found.items() if shape is not None}
        for name, shape in (known or _first_stated(waiting)).items():
            node = waiting.pop(name)
            shapes.entering[name] = entering_shape(name, node, shape)
            shapes.leaving[name] = _leaving(name, node, shapes.entering[name])
    for name in nodes.node:
        _check(nodes, shapes, name)
    return shapes


def _rigid(node: Any) -> bool:
    """Whether the parameters of a node fix its shape."""
    return kind(node) not in PASSING | WINDOWED | {"Output"}


def _from_before(nodes: Nodes, shapes: Shapes, name: str) -> Shape | None:
    if _rigid(nodes.node[name]):
        return stated_shape(nodes.node[name], "input")
    return next((shapes.leaving[p] for p in nodes.before[name] if p in shapes.leaving), None)


def _first_stated(waiting: dict[str, Any]) -> dict[str, Shape]:
    """Where nothing more follows, in a loop or without an Input: what a node says of itself."""
    for name, node in waiting.items():
        shape = stated_shape(node, "input")
        if shape is not None:
            return {name: shape}
    raise ValueError(
        f"graph: nothing tells the shape of {sorted(waiting)}; give the first of them an "
        "input_type or input_shape, or lead an Input to it"
    )


def _leaving(name: str, node: Any, entering: Shape) -> Shape:
    what = kind(node)
    if what in WINDOWED:
        return leaving_shape(name, node, entering)
    if what == "Flatten":
        return flattened(name, node, entering)
    if _rigid(node):
        return stated_shape(node, "output") or ()
    return entering


def flattened(name: str, node: Any, shape: Shape) -> Shape:
    """The shape after a Flatten of the dimensions start_dim to end_dim, both included."""
    n = len(shape)
    start, end = (int(d) + n * (int(d) < 0) for d in (node.start_dim, node.end_dim))
    if not 0 <= start <= end < n:
        raise ValueError(
            f"graph: Flatten {name!r} joins the dimensions {int(node.start_dim)} to "
            f"{int(node.end_dim)} of a signal of shape {shape}; give dimensions that it has, "
            "in order"
        )
    return (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])


def _check(nodes: Nodes, shapes: Shapes, name: str) -> None:
    """What arrives at a node is of one size, and of the one that the node takes."""
    node, before = nodes.node[name], nodes.before[name]
    sizes = {math.prod(shapes.leaving[p]) for p in before}
    if len(sizes) > 1:
        raise ValueError(
            f"graph: signals of {sorted(sizes)} channels meet at node {name!r}; "
            "edges into a node add, so give them the same size"
        )
    takes = math.prod(shapes.entering[name])
    if sizes and sizes != {takes}:
        _misfit(nodes, name, sizes.pop(), takes)
    stated = _stated(node)
    # NIR infers shapes by a rule of its own, so nodes may also agree with each other in its terms
    said = [stated_shape(nodes.node[p], "output") for p in before]
    terms = {takes, *(math.prod(shape) for shape in said if shape is not None)}
    if before and stated is not None and stated not in terms:
        _misfit(nodes, name, takes, stated)


def _stated(node: Any) -> int | None:
    """How many channels a node says that it takes, where its shape is not fixed."""
    if kind(node) in ("Conv1d", "Conv2d"):
        if node.input_shape is None:
            return None
        channels = np.shape(node.weight)[1] * int(np.max(node.groups))
        return int(channels * np.prod(node.input_shape))
    shape = stated_shape(node, "input")
    return None if shape is None else math.prod(shape)


def _misfit(nodes: Nodes, name: str, arriving: int, takes: int) -> None:
    raise ValueError(
        f"graph: {arriving} channels arrive at node {name!r} ({kind(nodes.node[name])}), "
        f"which takes {takes}; make them fit"
    )
