"""What a graph is that `to_nir` did not make, in a few words."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from neurosc.export.lowering.nodes import expand, kind
from neurosc.export.targets.survey import TIMES, Survey
from neurosc.export.validation import validate


def foreign(graph: Any) -> str:
    """What to tell who wants the oscillator network of a graph that carries none.

    Raises
    ------
    ValueError
        If it is no valid graph at all; see `validate`.
    """
    if kind(graph) != "NIRGraph":
        return f"a {type(graph).__name__}, where only graphs of to_nir hold an oscillator network"
    validate(graph)
    return (
        f"{summary(graph)}; without the description of an oscillator network, which only graphs of "
        f"to_nir and files written from them carry. {uses(graph)}"
    )


def summary(graph: Any) -> str:
    """Node types, neurons, synapses, loops, nesting and time constants of a valid graph."""
    survey = Survey.of(graph, None)
    found = Counter(kind(node) for node in survey.nodes.node.values())
    del found["Pass"]
    depth = _depth(graph)
    seconds = [values for _, _, values in survey.parameters(*TIMES)]
    parts = [
        ", ".join(f"{count} {name}" for name, count in sorted(found.items())),
        f"{survey.neurons:,} neurons",
        f"{survey.synapses:,} synapses",
        "recurrent" if survey.loops else "feed-forward",
        f"nested {depth} deep" if depth > 1 else "not nested",
    ]
    if seconds:
        every = np.concatenate(seconds)
        parts.append(f"time constants {every.min():.3g} to {every.max():.3g} s")
    return "; ".join(parts)


def uses(graph: Any) -> str:
    """What can be done with a valid graph that is none of ours."""
    try:
        expand(graph)
    except ValueError as error:
        runs = f"export.run cannot take it ({str(error).removeprefix('graph: ')})"
    else:
        runs = "export.run and export.simulate run it, with a dt"
    return f"{runs}, export.check holds it against chips and importers"


def _depth(graph: Any) -> int:
    return 1 + max((_depth(n) for n in graph.nodes.values() if kind(n) == "NIRGraph"), default=0)
