"""What comes out of a run."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.export.lowering.linear_maps import entries
from neurosc.export.lowering.lowered import Lowered
from neurosc.network import FloatArray, IntArray


class Spikes(NamedTuple):
    """Spikes in the order of time."""

    sample: IntArray
    neuron: IntArray
    time: FloatArray
    """Seconds from the start; inside the step where the reset is exact, else its middle."""
    value: FloatArray
    """1, or what is given to an Input, times the weight with which it arrives at an Output."""


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """What a run left behind.

    Attributes
    ----------
    spikes
        By the name of each spiking node that was recorded.
    outputs
        Spikes, and what was given to Inputs, that arrive at each Output, by its name; weighted and
        delayed as the graph says.
    traces
        The states and biases that arrive at an Output: (batch, steps, channels) at the end of each
        step. `signal` adds both.
    dt
        Seconds per step.
    steps
        Length of the run.
    batch
        Samples.
    sizes
        Neurons of each spiking node.
    widths
        Channels of each Output.
    record_from
        First step that was recorded.
    """

    spikes: dict[str, Spikes]
    outputs: dict[str, Spikes]
    traces: dict[str, FloatArray]
    dt: float
    steps: int
    batch: int
    sizes: dict[str, int]
    widths: dict[str, int]
    record_from: int = 0

    def raster(self, node: str) -> npt.NDArray[np.bool_]:
        """The spikes of a node on the grid, (batch, steps, neurons), from `record_from` on."""
        found = self.spikes[node]
        grid = np.zeros((self.batch, self.steps - self.record_from, self.sizes[node]), dtype=bool)
        grid[found.sample, np.maximum(self._step(found.time), 0), found.neuron] = True
        return grid

    def signal(self, output: str) -> FloatArray:
        """All that arrives at an Output, (batch, steps, channels), from `record_from` on."""
        steps = self.steps - self.record_from
        if output in self.traces:
            total = self.traces[output].copy()
        elif output in self.widths:
            total = np.zeros((self.batch, steps, self.widths[output]))
        else:
            raise ValueError(
                f"output: there is no Output {output!r}; the graph has {sorted(self.widths)}"
            )
        if output in self.outputs:
            found = self.outputs[output]
            step = self._step(found.time)
            seen = (step >= 0) & (step < steps)  # a delay may lead beyond the run
            at = found.sample[seen], step[seen], found.neuron[seen]
            np.add.at(total, at, found.value[seen])
        return total

    def _step(self, time: FloatArray) -> IntArray:
        """The steps in which times lie, from `record_from` on."""
        # a crossing at the very edge belongs to the step that ends there
        return np.ceil(time / self.dt - 1e-6).astype(np.intp) - 1 - self.record_from


def in_order(sample: Any, neuron: Any, time: Any, value: Any) -> Spikes:
    """Spikes sorted by time, then sample and neuron."""
    order = np.lexsort((neuron, sample, time))
    return Spikes(
        sample[order].astype(np.intp), neuron[order].astype(np.intp), time[order], value[order]
    )


def outputs_of(lowered: Lowered, spikes: dict[str, Spikes]) -> dict[str, Spikes]:
    """Spikes that arrive at the outputs: each source's, through its map."""
    arrived: dict[str, list[Spikes]] = {name: [] for name in lowered.outputs}
    for link in lowered.links:
        if link.target not in lowered.outputs or link.signal != "spikes":
            continue
        if link.source not in spikes:  # an Input that got nothing
            continue
        sent = spikes[link.source]
        pre, post, weight, delay = entries(link.map)
        first = np.searchsorted(pre, sent.neuron)
        copies = np.searchsorted(pre, sent.neuron, side="right") - first
        which = np.repeat(np.arange(copies.size), copies)
        entry = np.arange(which.size) + np.repeat(first - np.cumsum(copies) + copies, copies)
        arrived[link.target].append(
            Spikes(
                sent.sample[which],
                post[entry],
                sent.time[which] + delay[entry],
                sent.value[which] * weight[entry],
            )
        )
    return {
        name: in_order(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        for name, parts in arrived.items()
        if parts
    }
