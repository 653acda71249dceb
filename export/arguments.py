"""Arguments that the simulators of a NIR graph share."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosc.export.lowering.lowered import Lowered
from neurosc.export.metadata import KEY, unpack


def time_step(graph: Any, dt: float | None) -> float:
    """Seconds per step; a graph of `to_nir` knows its own."""
    if dt is None:
        if KEY not in (getattr(graph, "metadata", None) or {}):
            raise ValueError(
                "dt: NIR files hold no time step, and this graph is none of to_nir; "
                "give the seconds per step, for example dt=1e-4"
            )
        return unpack(graph)[1].dt
    if not 0 < dt < np.inf:
        raise ValueError(f"dt: {dt} is not a positive number of seconds; give one")
    return float(dt)


def recorded(lowered: Lowered, record: list[str] | None) -> list[str]:
    """The names of the nodes whose spikes are kept."""
    names = list(lowered.spiking) if record is None else list(record)
    for name in names:
        if name not in lowered.spiking:
            raise ValueError(
                f"record: {name!r} does not spike or does not exist; choose from "
                f"{sorted(lowered.spiking)}"
            )
    return names


def check_start(record_from: int, steps: int) -> None:
    """Raise for a recording that would begin outside the run."""
    if not 0 <= record_from <= steps:
        raise ValueError(f"record_from: step {record_from} is not in a run of {steps}; give less")
