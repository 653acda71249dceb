"""What goes into a run and what comes out of it."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray, IntArray


@dataclasses.dataclass(frozen=True, eq=False)
class PeriodicSpikes:
    """One spike per cycle on each channel.

    Parameters
    ----------
    steps
        Shape (batch, channels): the step of the cycle at which each channel fires, -1 for never.
    period
        Steps in a cycle.
    """

    steps: npt.NDArray[np.integer]
    period: int

    def __post_init__(self) -> None:
        steps = np.asarray(self.steps)
        if steps.ndim != 2 or steps.dtype.kind not in "iu":
            raise ValueError(
                f"steps: shape {steps.shape} of {steps.dtype} does not fit; "
                "give integers (batch, channels)"
            )
        if self.period < 1:
            raise ValueError(f"period: {self.period} steps; give 1 or more")
        outside = steps[(steps < -1) | (steps >= self.period)]
        if outside.size:
            raise ValueError(
                f"steps: {outside[0]} is outside the cycle; give -1 (never) to {self.period - 1}"
            )
        object.__setattr__(self, "steps", steps.astype(np.int64))


class Spikes(NamedTuple):
    """Spikes in the order of time."""

    sample: IntArray
    neuron: IntArray
    time: FloatArray
    """Seconds from the start; inside the step where the reset is exact."""
    value: FloatArray
    """1, or the weight with which a spike arrives at an Output."""


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """The end of a run.

    Attributes
    ----------
    spikes
        By the name of each spiking node that was recorded.
    outputs
        Spikes that arrive at each Output, by its name; weighted and delayed as the graph says.
    traces
        Graded signals that arrive at an Output: (batch, steps, channels) at the end of each step.
    dt
        Seconds per step.
    steps
        Length of the run.
    batch
        Samples.
    record_from
        First step that was recorded.
    """

    spikes: dict[str, Spikes]
    outputs: dict[str, Spikes]
    traces: dict[str, FloatArray]
    dt: float
    steps: int
    batch: int
    record_from: int = 0

    def raster(self, node: str, size: int | None = None) -> npt.NDArray[np.bool_]:
        """The spikes of a node on the grid, (batch, steps, neurons), from `record_from` on."""
        found = self.spikes[node]
        width = int(found.neuron.max(initial=-1)) + 1 if size is None else size
        grid = np.zeros((self.batch, self.steps - self.record_from, width), dtype=bool)
        # a spike belongs to the step in which it falls; one on the edge, to the step that ends
        step = np.ceil(found.time / self.dt - 1e-6).astype(int) - 1 - self.record_from
        grid[found.sample, np.maximum(step, 0), found.neuron] = True
        return grid
