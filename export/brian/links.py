"""What connects the neurons of a run in Brian2: spikes, graded signals, and what is given."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.export.brian.simulation import Simulation, State
from neurosc.export.inputs import Dense, PeriodicSpikes
from neurosc.export.lowering.limits import check_memory
from neurosc.export.lowering.linear_maps import DelayedMap, entries
from neurosc.network import FloatArray

Ints = npt.NDArray[np.int64]
BYTES_PER_SYNAPSE = 100
"""In Brian2: both ends, weight, delay, a slot in the queue, and copies while they are made."""


class Slot(NamedTuple):
    """When something happens in a step."""

    when: str
    order: int = 0


class Connections(NamedTuple):
    """Single connections, of one sample: source, target, weight, and delay in seconds."""

    pre: Ints
    post: Ints
    weight: FloatArray
    delay: FloatArray

    @classmethod
    def of(cls, delayed: DelayedMap, batch: int) -> Connections:
        """Those of a map, if `batch` samples of them can be kept."""
        found = cls(*entries(delayed))
        check_memory(
            "graph",
            f"the {found.pre.size:,} connections of {batch} samples in Brian2",
            found.pre.size * batch * BYTES_PER_SYNAPSE,
            "run fewer samples at once, or use simulate",
        )
        return found

    def where(self, chosen: npt.NDArray[np.bool_]) -> Connections:
        """Some of them."""
        pre, post, weight, delay = self
        return Connections(pre[chosen], post[chosen], weight[chosen], delay[chosen])


def each_sample(index: Ints, width: int, batch: int) -> Ints:
    """The numbers of some neurons of a group of `width` in every sample."""
    return np.asarray((np.arange(batch)[:, None] * width + index).ravel())


def spiking_input(
    simulation: Simulation, number: int, name: str, given: PeriodicSpikes | Dense, slot: Slot
) -> Any:
    """A group that fires when it is told to."""
    import brian2

    if isinstance(given, PeriodicSpikes):
        source = brian2.NeuronGroup(
            given.steps.size,
            "due : integer (constant)\nago : 1 (constant)",
            threshold="due == t_in_timesteps % cycle",
            reset="",
            namespace={"cycle": given.period},
            clock=simulation.clock,
            name=f"neurosc_input{number}",
        )
        put(source.thresholder["spike"], slot)
        source.due, source.ago = given.due.ravel(), given.ago.ravel() * simulation.dt
        return simulation.add(source)
    sample, step, channel = np.nonzero(given)
    width = simulation.lowered.inputs[name]
    source = brian2.SpikeGeneratorGroup(
        simulation.batch * width,
        sample * width + channel,
        step * simulation.dt * brian2.second,
        clock=simulation.clock,
        when=slot.when,
        order=slot.order,
        name=f"neurosc_input{number}",
    )
    return simulation.add(source)


def graded_input(
    simulation: Simulation, number: int, given: Dense, channel: Ints, late: Ints, slot: Slot
) -> Any:
    """A group with a neuron for each of some channels, which plays it `late` steps later.

    It fires wherever its `value` is not zero. Delays are in the data, since a synapse of Brian2
    sees the value of its source at the arrival.
    """
    import brian2

    batch, steps = given.shape[:2]
    # one step more: after its last value, a TimedArray stays where it is
    length = steps + int(late.max(initial=0)) + 1
    check_memory(
        "inputs",
        f"the values of {channel.size} delayed channels of {batch} samples",
        8.0 * length * batch * channel.size,
        "run fewer samples or steps at once, or use simulate",
    )
    played = np.zeros((length, batch, channel.size))
    for m, (c, wait) in enumerate(zip(channel, late, strict=True)):
        played[wait : wait + steps, :, m] = given[:, :, c].T
    source = brian2.NeuronGroup(
        batch * channel.size,
        "value : 1",
        threshold="value != 0",
        reset="",
        namespace={
            "played": brian2.TimedArray(
                played.reshape(length, -1),
                dt=simulation.dt * brian2.second,
                name=f"neurosc_played{number}",
            )
        },
        clock=simulation.clock,
        name=f"neurosc_valued{number}",
    )
    source.run_regularly(
        "value = played(t, i)",
        clock=simulation.clock,
        when=slot.when,
        order=slot.order - 1,
        name=f"neurosc_play{number}",
    )
    put(source.thresholder["spike"], slot)
    return simulation.add(source)


def delay_line(
    simulation: Simulation, number: int, state: State, width: int, channel: Ints, age: Ints
) -> State:
    """A graded signal as it was some steps ago, set at the very start of each step.

    Parameters
    ----------
    state, width
        The signal and its channels.
    channel, age
        (m,): which channel, and how many steps old; 0 is its value at the start of the step.
    """
    import brian2

    batch = simulation.batch
    line = brian2.NeuronGroup(
        batch * channel.size, "v : 1", clock=simulation.clock, name=f"neurosc_line{number}"
    )
    slots = int(age.max()) + 1
    check_memory(
        "graph",
        f"a delay of {slots} steps of {batch * width} graded signals",
        8.0 * slots * batch * width,
        "run fewer samples at once, or give shorter delays",
    )
    past = np.zeros((slots, batch, width))
    now = 0

    def shift() -> None:
        nonlocal now
        past[now % slots] = getattr(state.group, f"{state.variable}_")[:].reshape(batch, width)
        line.v_ = past[(now - age) % slots, :, channel].T.ravel()
        now += 1

    simulation.add(line)
    simulation.add(
        brian2.NetworkOperation(
            shift, clock=simulation.clock, when="start", name=f"neurosc_shift{number}"
        )
    )
    return State(line, "v")


def add_up(
    simulation: Simulation,
    number: str,
    source: State,
    target: Any,
    widths: tuple[int, int],
    found: Connections,
    slot: Slot,
) -> None:
    """Sum weighted graded signals into the variable g<number> of the target."""
    import brian2

    synapses = brian2.Synapses(
        source.group,
        target,
        f"weight : 1 (constant)\ng{number}_post = weight*{source.variable}_pre : 1 (summed)",
        clock=simulation.clock,
        name=f"neurosc_sum{number}",
    )
    synapses.connect(
        i=each_sample(found.pre, widths[0], simulation.batch),
        j=each_sample(found.post, widths[1], simulation.batch),
    )
    synapses.weight = np.tile(found.weight, simulation.batch)
    put(synapses.summed_updaters[f"g{number}_post"], slot)
    simulation.add(synapses)


def put(thing: Any, slot: Slot) -> None:
    """Choose when a Brian2 object acts."""
    thing.when, thing.order = slot


def distinct(channel: Ints, steps: Ints) -> tuple[Ints, Ints, Ints]:
    """The different pairs of a channel and a number of steps, and which of them each pair is."""
    pairs, which = np.unique(np.stack([channel, steps]), axis=1, return_inverse=True)
    return pairs[0], pairs[1], np.ravel(which)
