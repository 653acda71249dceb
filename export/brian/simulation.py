"""The Brian2 network of one run: its clock, its monitors, and what they saw.

It has a `brian2.Network` and a `Clock` of its own, so objects of the user in the same process are
not touched. Names are fixed and hold nothing of the graph: Brian2 reuses what it compiled before,
and no name or number of a file becomes part of the code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from neurosc.export.lowering.latency import nearest_steps
from neurosc.export.lowering.lowered import Link, Lowered
from neurosc.export.recording import Spikes, in_order
from neurosc.network import FloatArray

SCHEDULE = ["start", "groups", "thresholds", "resets", "synapses", "end"]
"""The order of events in a step."""


class State(NamedTuple):
    """Where the graded signal of a node is found: a variable of a NeuronGroup."""

    group: Any
    variable: str


class Simulation:
    """A graph in Brian2, all samples in one NeuronGroup for each node or group of nodes.

    Neuron m of sample b is number b * neurons + m of its group. Spikes must reach the queues of
    their synapses in the step in which they happen: between two runs, Brian2 forgets the last.

    Parameters
    ----------
    lowered
        The graph.
    dt
        Seconds per step.
    batch
        Number of samples.
    """

    def __init__(self, lowered: Lowered, dt: float, batch: int) -> None:
        import brian2

        self.lowered, self.dt, self.batch = lowered, dt, batch
        self.clock = brian2.Clock(dt=dt * brian2.second, name="neurosc_clock")
        self.net = brian2.Network()
        self.net.schedule = SCHEDULE
        self.sources: dict[str, Any] = {}
        """By node, the group that spikes."""
        self.states: dict[str, State] = {}
        """By node, the graded signal."""
        self._spikes: dict[str, Any] = {}
        self._traces: dict[str, Any] = {}

    def add(self, thing: Any) -> Any:
        """Make a Brian2 object part of the network."""
        self.net.add(thing)
        return thing

    def watch(self, dated: bool) -> None:
        """Put monitors on all that spikes, and on the states that arrive at an Output.

        Parameters
        ----------
        dated
            Whether the groups know how long before the end of a step they spiked, as `ago`.
        """
        import brian2

        for number, name in enumerate(self.lowered.spiking):
            self._spikes[name] = self.add(
                brian2.SpikeMonitor(
                    self.sources[name],
                    ["ago"] if dated else None,
                    when="end",
                    name=f"neurosc_spikes{number}",
                )
            )
        for number, name in enumerate({link.source: None for link in self._traced()}):
            state = self.states[name]
            self._traces[name] = self.add(
                brian2.StateMonitor(
                    state.group,
                    state.variable,
                    record=True,
                    clock=self.clock,
                    when="end",
                    name=f"neurosc_trace{number}",
                )
            )

    def _traced(self) -> list[Link]:
        return [
            link
            for link in self.lowered.links
            if link.target in self.lowered.outputs and link.signal == "graded"
        ]

    def _delayed(self, name: str) -> bool:
        """Whether an Output sees the signal of a node later than it is there."""
        return any(max(link.map) > 0 for link in self._traced() if link.source == name)

    def run(self, steps: int, record_from: int, progress: bool) -> None:
        """Run, and record from a step on."""
        import brian2
        from brian2.utils.logger import catch_logs

        monitors = [*self._spikes.values()]
        monitors += [m for name, m in self._traces.items() if not self._delayed(name)]
        with catch_logs():  # Brian2 warns of names that also exist outside; ours are explicit
            for recording, span in ((False, record_from), (True, steps - record_from)):
                for monitor in monitors:
                    monitor.active = recording
                if span:
                    report = _bar(span) if progress else None
                    self.net.run(span * self.dt * brian2.second, report=report, namespace={})
        for name, state in self.states.items():
            if not np.isfinite(getattr(state.group, f"{state.variable}_")[:]).all():
                raise ValueError(
                    f"graph: node {name!r} overflows; give a smaller dt or weaker weights"
                )

    def spikes(self) -> dict[str, Spikes]:
        """The recorded spikes of each spiking node."""
        found = {}
        for name, monitor in self._spikes.items():
            neurons = self.lowered.spiking[name]
            index = np.asarray(monitor.i)
            dated = hasattr(monitor, "ago")
            ago = np.asarray(monitor.ago) if dated else 0.5 * self.dt
            time = np.asarray(monitor.t_) + self.dt - ago
            found[name] = in_order(index // neurons, index % neurons, time, np.ones(index.size))
        return found

    def traces(self, record_from: int, steps: int) -> dict[str, FloatArray]:
        """What arrives at each traced Output, (batch, steps, channels)."""
        span = steps - record_from
        found = {
            name: np.zeros((self.batch, span, self.lowered.outputs[name]))
            + self.lowered.constants.get(name, 0.0)
            for name in self.lowered.traced
        }
        for link in self._traced():
            neurons = self.lowered.neurons[link.source].neurons
            seen = getattr(self._traces[link.source], self.states[link.source].variable)
            states = np.asarray(seen).reshape(self.batch, neurons, -1)
            for delay, matrix in link.map.items():
                shift = int(nearest_steps(np.asarray(delay), self.dt))
                first = record_from - shift if self._delayed(link.source) else 0
                past = np.pad(states, ((0, 0), (0, 0), (max(-first, 0), 0)))
                part = past[:, :, max(first, 0) : max(first, 0) + span]
                found[link.target] += np.stack([(matrix @ sample).T for sample in part])
        return found


def _bar(steps: int) -> Any:
    """A progress bar that Brian2 moves."""
    from tqdm import tqdm

    bar = tqdm(total=steps, unit="step")

    def report(_elapsed: Any, completed: float, _start: Any, _duration: Any) -> None:
        bar.update(round(completed * steps) - bar.n)
        if completed >= 1:
            bar.close()

    return report
