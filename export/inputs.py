"""What is given to the Input nodes of a graph: spikes, or a value in each step."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.export.lowering.lowered import Lowered
from neurosc.export.recording import Spikes, in_order
from neurosc.network import FloatArray, IntArray

Dense = npt.NDArray[np.bool_] | FloatArray
"""(batch, steps, channels): spikes, or values where some are neither 0 nor 1."""


@dataclasses.dataclass(frozen=True, eq=False)
class PeriodicSpikes:
    """One spike per cycle on each channel.

    Parameters
    ----------
    steps
        Shape (batch, channels): when each channel fires, in steps from the start of the cycle,
        in [0, period) or -1 for never. A whole number k means the middle of step k; fractions
        count where the reset is exact, and are rounded on the grid.
    period
        Steps in a cycle.

    Raises
    ------
    ValueError
        For other shapes and numbers.
    """

    steps: FloatArray
    period: int

    def __post_init__(self) -> None:
        steps = np.asarray(self.steps)
        if steps.ndim != 2 or steps.dtype.kind not in "iuf":
            raise ValueError(
                f"steps: shape {steps.shape} of {steps.dtype} does not fit; "
                "give numbers (batch, channels)"
            )
        if int(self.period) != self.period or self.period < 1:
            raise ValueError(f"period: {self.period} steps; give a whole number, 1 or more")
        inside = ((steps >= 0) & (steps < self.period)) | (steps == -1)
        if not inside.all():
            raise ValueError(
                f"steps: {steps[~inside][0]} is outside the cycle; give -1 (never) or a number "
                f"from 0 to below {self.period}"
            )
        object.__setattr__(self, "steps", steps.astype(np.float64))

    @property
    def due(self) -> npt.NDArray[np.int64]:
        """(batch, channels): the step into which the spike falls, -1 for never."""
        whole = np.floor(self.steps + 0.5).astype(np.int64)
        return np.where(self.steps < 0, -1, whole % self.period)

    @property
    def ago(self) -> FloatArray:
        """(batch, channels): how long before the end of its step, in steps: 1/2 at the middle."""
        return np.asarray(np.floor(self.steps + 0.5) + 0.5 - self.steps)


Given = npt.ArrayLike | PeriodicSpikes
Fed = dict[str, PeriodicSpikes | Dense]


def check_inputs(lowered: Lowered, inputs: Given | Mapping[str, Given] | None) -> Fed:
    """What each Input that is fed gets: periodic, or (batch, steps, channels)."""
    if inputs is None:
        return {}
    if not lowered.inputs:
        raise ValueError(
            "inputs: the graph has no Input node to give them to; add one, or give None"
        )
    if not isinstance(inputs, Mapping):
        if len(lowered.inputs) != 1:
            raise ValueError(
                f"inputs: the graph has {len(lowered.inputs)} Input nodes, "
                f"{sorted(lowered.inputs)}; give a dict by name"
            )
        inputs = dict.fromkeys(lowered.inputs, inputs)
    fed: Fed = {}
    for name, given in inputs.items():
        if name not in lowered.inputs:
            raise ValueError(
                f"inputs: there is no Input {name!r}; the graph has {sorted(lowered.inputs)}"
            )
        if isinstance(given, PeriodicSpikes):
            fed[name] = given
        else:
            fed[name] = _dense(name, given, lowered.input_shapes[name])
        channels = _array(fed[name]).shape[-1]
        if channels != lowered.inputs[name]:
            raise ValueError(
                f"inputs: {channels} channels for the Input {name!r} of {lowered.inputs[name]}; "
                "give as many"
            )
    batches = {name: len(_array(given)) for name, given in fed.items()}
    if len(set(batches.values())) > 1:
        raise ValueError(f"inputs: the batches differ, {batches}; give as many samples to each")
    return fed


def batch_of(fed: Fed) -> int:
    """Number of samples; 1 without inputs."""
    return max((len(_array(given)) for given in fed.values()), default=1)


def length_of(fed: Fed, steps: int | None) -> int:
    """Number of steps to run."""
    dense = [given.shape[1] for given in fed.values() if not isinstance(given, PeriodicSpikes)]
    if steps is None and not dense:
        raise ValueError("steps: periodic or absent inputs have no end; give a number of steps")
    length = max(dense) if steps is None else int(steps)
    if length < 1:
        raise ValueError(f"steps: {length} is no length; give 1 or more")
    return length


def one_sample(given: PeriodicSpikes | Dense, sample: int) -> PeriodicSpikes | Dense:
    """What is given to one sample, as a batch of one."""
    if isinstance(given, PeriodicSpikes):
        return PeriodicSpikes(given.steps[sample : sample + 1], given.period)
    return given[sample : sample + 1]


class Events(NamedTuple):
    """What an Input sends, in the order of steps: each (events,)."""

    sample: IntArray
    step: IntArray
    channel: IntArray
    ago: FloatArray
    """How long before the end of its step, in steps."""
    value: FloatArray


def events_of(given: PeriodicSpikes | Dense, start: int, end: int) -> Events:
    """What an Input sends from step `start` to before `end`."""
    if isinstance(given, PeriodicSpikes):
        sample, channel = np.nonzero(given.due >= 0)
        cycles = np.arange(-(-end // given.period)) * given.period
        step = (cycles[:, None] + given.due[sample, channel]).ravel()
        ago = np.tile(given.ago[sample, channel], cycles.size)
        sample, channel = np.tile(sample, cycles.size), np.tile(channel, cycles.size)
        value = np.ones(step.size)
    else:
        sample, step, channel = np.nonzero(given)
        ago = np.full(step.size, 0.5)
        value = given[sample, step, channel].astype(np.float64)
    seen = np.flatnonzero((step >= start) & (step < end))
    seen = seen[np.lexsort((channel[seen], sample[seen], step[seen]))]
    return Events(sample[seen], step[seen], channel[seen], ago[seen], value[seen])


def given_spikes(given: PeriodicSpikes | Dense, dt: float, start: int, end: int) -> Spikes:
    """What an Input sends as spikes in time, from step `start` to before `end`."""
    sent = events_of(given, start, end)
    return in_order(sent.sample, sent.channel, (sent.step + 1 - sent.ago) * dt, sent.value)


def _dense(name: str, given: npt.ArrayLike, shape: tuple[int, ...]) -> Dense:
    array = np.asarray(given)
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"inputs: the Input {name!r} is given {array.dtype}; give real numbers, spikes as 0 "
            "and 1"
        )
    if array.ndim == 2:
        array = array[None]
    if len(shape) > 1 and array.ndim == 2 + len(shape) and array.shape[2:] == shape:
        array = array.reshape(*array.shape[:2], -1)
    if array.ndim != 3:
        raise ValueError(
            f"inputs: shape {array.shape} at the Input {name!r} does not fit; give "
            f"(steps, channels), (batch, steps, channels) or (batch, steps, *{shape})"
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"inputs: the Input {name!r} is given values that are not finite; give finite ones"
        )
    return array.astype(bool if np.isin(array, (0, 1)).all() else np.float64)


def _array(given: PeriodicSpikes | Dense) -> npt.NDArray[Any]:
    return given.steps if isinstance(given, PeriodicSpikes) else given
