"""Times that look like another unit than the seconds of NIR."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from neurosc.export.metadata import counts_in_steps
from neurosc.network import FloatArray

LONGEST, SHORTEST = 10.0, 1e-6
"""Seconds beyond which a time constant is more likely to be written in another unit."""


class UnitWarning(UserWarning):
    """A file seems to count time in another unit than seconds."""


def doubtful(parameters: Iterable[tuple[str, str, FloatArray]]) -> Iterator[str]:
    """A sentence for each time constant or delay that is out of the usual.

    Parameters
    ----------
    parameters
        Node, parameter and its values in seconds.
    """
    for node, parameter, seconds in parameters:
        # no delay is too short: 0 is one
        short = parameter != "delay" and seconds.min(initial=np.inf) < SHORTEST
        if short or seconds.max(initial=0.0) > LONGEST:
            worst = seconds.min() if short else seconds.max()
            yield (
                f"{node}: {parameter} is {worst:g} s, which looks like another unit; "
                "NIR counts in seconds"
            )


def warn_of_units(graph: Any, path: str) -> None:
    """Warn once of a file in which times look like milliseconds or steps.

    `graph` must be valid. The warning appears where `read` was called; the sinabs shape, which
    counts in steps, needs none.
    """
    found = [] if counts_in_steps(graph) else list(doubtful(_times(graph, "")))
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        warnings.warn(
            f"{path}: {found[0]}{more}. hxtorch and jaxsnn write milliseconds, Sinabs counts in "
            "steps: multiply the times, or ignore this UnitWarning if they are right",
            UnitWarning,
            stacklevel=3,
        )


def _times(graph: Any, prefix: str) -> Iterator[tuple[str, str, FloatArray]]:
    from neurosc.export.targets.survey import TIMES  # whose package needs this module

    for name, node in sorted(graph.nodes.items()):
        if type(node).__name__ == "NIRGraph":
            yield from _times(node, f"{prefix}{name}.")
        for parameter in (*TIMES, "delay"):
            if hasattr(node, parameter):
                values = np.ravel(getattr(node, parameter)).astype(np.float64)
                yield prefix + name, parameter, values
