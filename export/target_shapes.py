"""Which shape of a graph a target takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from neurosc.export.shapes import Shape
from neurosc.export.targets import Violation, check, find

if TYPE_CHECKING:
    import nir

NODES: dict[Shape, set[str]] = {
    "portable": {"Affine", "Linear", "CubaLIF", "NIRGraph"},
    "flat": {"Affine", "Linear", "CubaLIF"},
    "sinabs": {"Affine", "LI", "LIF"},
    "faithful": {"Linear", "Scale", "Delay", "LI", "LIF"},
}
"""What each shape is made of, in the order of preference: more importers nest than not."""
MENDED = frozenset({"weight_levels", "bias_levels", "decay_bits", "decay_shift"})
"""Limits that `quantize` takes care of."""


def suited(
    target: str, shape: Shape | None, build: Callable[[Shape], nir.NIRGraph]
) -> nir.NIRGraph:
    """The graph in a shape that the target takes; its numbers may still be too fine.

    Parameters
    ----------
    target
        One of `export.targets.names()`.
    shape
        The one that is wanted, if any.
    build
        Makes the graph of a shape.

    Raises
    ------
    ValueError
        For an unknown target, one that cannot hold the graph in any shape (says what is too much
        of it), and one that takes another shape than the wanted.
    """
    known = set(find(target).value("nodes"))
    fitting = [one for one, nodes in NODES.items() if nodes <= known] or ["flat"]
    broken: list[Violation] = []
    for one in [shape] if shape else fitting:
        graph = build(one)
        found = _broken(graph, target)
        if not found:
            return graph
        broken = broken or found
    told = "; ".join(f"{v.node}: {v.parameter} is {v.value}, allowed is {v.limit}" for v in broken)
    others = [one for one in fitting if shape and one != shape and not _broken(build(one), target)]
    if others:
        raise ValueError(
            f"shape: {target} does not take {shape!r}: {told}; leave shape out, or give "
            + " or ".join(map(repr, others))
        )
    raise ValueError(
        f"target: {target} cannot hold this network: {told}; change that, or choose another target"
    )


def _broken(graph: nir.NIRGraph, target: str) -> list[Violation]:
    """Limits that are not kept and that `quantize` does not take care of."""
    return [v for v in check(graph, target).violations if v.rule not in MENDED]
