"""The Brian2 objects of one run.

They belong to a `brian2.Network` and a `Clock` of their own, so objects of the user in the same
process are not touched. Names are fixed, which lets Brian2 reuse what it compiled before.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from neurosc.export.inputs import DenseSpikes, Fed, PeriodicSpikes
from neurosc.export.lowering import Link, Lowered, entries
from neurosc.export.recording import Spikes, in_order
from neurosc.export.stepping import Parameters, Reset, Step, arrival_code, step_code
from neurosc.network import FloatArray

GRID_TOLERANCE = 1e-6
"""In steps: how far a delay may be off the grid by rounding errors alone."""
ORDER = {
    "exact": ["start", "groups", "thresholds", "resets", "synapses", "end"],
    "grid": ["start", "groups", "synapses", "thresholds", "resets", "end"],
}
"""Of events in a step. On the grid, spikes are added before the threshold is tested."""


class Simulation:
    """A graph in Brian2, all samples in one NeuronGroup for each group.

    Parameters
    ----------
    lowered
        The graph.
    dt
        Seconds per step.
    reset
        See `run`.
    batch
        Number of samples; neuron m of sample b is number b * neurons + m of its group.
    fed
        Spikes of the Input nodes.
    """

    def __init__(self, lowered: Lowered, dt: float, reset: Reset, batch: int, fed: Fed) -> None:
        import brian2

        self.lowered, self.dt, self.reset, self.batch = lowered, dt, reset, batch
        self.clock = brian2.Clock(dt=dt * brian2.second, name="neurosc_clock")
        self.net = brian2.Network()
        self.net.schedule = ORDER[reset]
        self.sources: dict[str, Any] = {}
        self._add_groups()
        for number, (name, given) in enumerate(fed.items()):
            self.sources[name] = self._input(number, name, given)
        self.spike_monitors = self._spike_monitors()
        self.state_monitors: dict[int, Any] = {}
        for number, link in enumerate(lowered.links):
            if link.target in lowered.outputs:
                if link.signal == "graded":
                    self.state_monitors[number] = self._state_monitor(number, link)
            elif link.signal == "graded":
                self._hold(number, link)
            elif link.source in self.sources:
                self._synapses(number, link)

    def _add(self, thing: Any) -> Any:
        self.net.add(thing)
        return thing

    def _add_groups(self) -> None:
        jumps: dict[int, set[int]] = defaultdict(set)
        held: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        for number, link in enumerate(self.lowered.links):
            if link.target in self.lowered.outputs:
                continue
            k = self.lowered.group_of(link.target)
            state = self.lowered.groups[k].entry[link.target]
            if link.signal == "spikes":
                jumps[k].add(state)
            else:
                held[k][state].append(f"g{number}")
        self.groups = []
        for k, group in enumerate(self.lowered.groups):
            step = step_code(group, self.dt, self.reset, held[k], jumps[k])
            names = [name for entering in held[k].values() for name in entering]
            self.groups.append(self._group(k, step, names))
            if group.firing is not None:
                self.sources[group.firing.node] = self.groups[-1]

    def _group(self, k: int, step: Step, held: list[str]) -> Any:
        import brian2

        group = self.lowered.groups[k]
        variables = [f"s{j}" for j in range(group.b.shape[1])] + ["ago", *held]
        variables += ["began"] if step.keeps_start else []
        neurons = brian2.NeuronGroup(
            self.batch * group.neurons,
            _declare(variables, step.parameters),
            threshold=step.threshold or None,
            reset=step.reset if step.threshold else None,
            namespace=step.parameters.shared,
            clock=self.clock,
            name=f"neurosc_group{k}",
        )
        for name, values in step.parameters.each.items():
            setattr(neurons, name, np.tile(values, self.batch))
        neurons.ago = 0.5 * self.dt  # on the grid a spike is dated to the middle of its step
        neurons.run_regularly(
            step.update, clock=self.clock, when="groups", order=1, name=f"neurosc_update{k}"
        )
        return self._add(neurons)

    def _input(self, number: int, name: str, given: PeriodicSpikes | DenseSpikes) -> Any:
        """A group that fires when it is told to."""
        import brian2

        when = "thresholds" if self.reset == "exact" else "start"
        if isinstance(given, PeriodicSpikes):
            source = brian2.NeuronGroup(
                given.steps.size,
                "due : integer (constant)\nago : 1 (constant)",
                threshold="due == t_in_timesteps % cycle",
                reset="",
                namespace={"cycle": given.period},
                clock=self.clock,
                name=f"neurosc_input{number}",
            )
            source.thresholder["spike"].when = when
            source.due, source.ago = given.due.ravel(), given.ago.ravel() * self.dt
            return self._add(source)
        sample, step, channel = np.nonzero(given)
        source = brian2.SpikeGeneratorGroup(
            self.batch * self.lowered.inputs[name],
            sample * self.lowered.inputs[name] + channel,
            step * self.dt * brian2.second,
            clock=self.clock,
            when=when,
            name=f"neurosc_input{number}",
        )
        return self._add(source)

    def _synapses(self, number: int, link: Link) -> None:
        """Spikes that make a state jump by weight * gain * dt, each after its delay."""
        import brian2

        k = self.lowered.group_of(link.target)
        group, state = self.lowered.groups[k], self.lowered.groups[k].entry[link.target]
        pre, post, weight, delay = self._tiled(link)
        if pre.size == 0:
            return
        row, steps, parameters = post % group.neurons, self._whole_steps(delay), Parameters()
        code = f"s{state}_post += weight"
        if self.reset == "exact":
            timed = hasattr(self.sources[link.source], "ago")
            late = steps * self.dt - delay + (0 if timed else 0.5 * self.dt)
            code = arrival_code(group.A[row], state, late, timed, parameters)
        synapses = brian2.Synapses(
            self.sources[link.source],
            self.groups[k],
            _declare(["weight"], parameters),
            on_pre=code,
            namespace=parameters.shared,
            clock=self.clock,
            name=f"neurosc_link{number}",
        )
        synapses.connect(i=pre, j=post)
        synapses.weight = weight * group.gain[row, state] * self.dt
        for name, values in parameters.each.items():
            setattr(synapses, name, values)
        synapses.delay = steps * self.dt * brian2.second
        self._add(synapses)

    def _whole_steps(self, delay: FloatArray) -> FloatArray:
        """Steps to wait: on the grid the nearest, halves down; else those that are complete."""
        if self.reset == "grid":
            steps = np.floor(delay / self.dt + 0.5 - GRID_TOLERANCE)
        else:
            steps = np.floor(delay / self.dt + GRID_TOLERANCE)
        return np.asarray(np.maximum(steps, 0))

    def _hold(self, number: int, link: Link) -> None:
        """A graded signal, held over each step."""
        import brian2

        k = self.lowered.group_of(link.source)
        state = self.lowered.groups[k].exit[link.source]
        synapses = brian2.Synapses(
            self.groups[k],
            self.groups[self.lowered.group_of(link.target)],
            f"weight : 1\ng{number}_post = weight*s{state}_pre : 1 (summed)",
            clock=self.clock,
            name=f"neurosc_link{number}",
        )
        pre, post, weight, _ = self._tiled(link)
        synapses.connect(i=pre, j=post)
        synapses.weight = weight
        self._add(synapses)

    def _tiled(self, link: Link) -> tuple[Any, Any, FloatArray, FloatArray]:
        """Every connection of every sample: source, target, weight, delay in seconds."""
        pre, post, weight, delay = entries(link.map)
        targets, width = next(iter(link.map.values())).shape
        samples = np.arange(self.batch)[:, None]
        return (
            (samples * width + pre).ravel(),
            (samples * targets + post).ravel(),
            np.tile(weight, self.batch),
            np.tile(delay, self.batch),
        )

    def _spike_monitors(self) -> dict[str, Any]:
        import brian2

        return {
            name: self._add(
                brian2.SpikeMonitor(
                    self.groups[k], ["ago"], when="after_resets", name=f"neurosc_spikes{k}"
                )
            )
            for name, k in self.lowered.spiking.items()
        }

    def _state_monitor(self, number: int, link: Link) -> Any:
        import brian2

        k = self.lowered.group_of(link.source)
        return self._add(
            brian2.StateMonitor(
                self.groups[k],
                f"s{self.lowered.groups[k].exit[link.source]}",
                record=True,
                clock=self.clock,
                when="end",
                name=f"neurosc_trace{number}",
            )
        )

    def run(self, steps: int, record_from: int, progress: bool) -> None:
        """Run, and record from a step on."""
        import brian2
        from brian2.utils.logger import catch_logs

        monitors = [*self.spike_monitors.values(), *self.state_monitors.values()]
        with catch_logs():  # Brian2 warns of names that also exist outside; ours are explicit
            for recording, span in ((False, record_from), (True, steps - record_from)):
                for monitor in monitors:
                    monitor.active = recording
                if span:
                    report = _bar(span) if progress else None
                    self.net.run(span * self.dt * brian2.second, report=report, namespace={})

    def spikes(self) -> dict[str, Spikes]:
        """The recorded spikes of each spiking node."""
        found = {}
        for name, monitor in self.spike_monitors.items():
            neurons = self.lowered.groups[self.lowered.spiking[name]].neurons
            index = np.asarray(monitor.i)
            time = np.asarray(monitor.t_) + self.dt - np.asarray(monitor.ago)
            found[name] = in_order(index // neurons, index % neurons, time, np.ones(index.size))
        return found

    def traces(self) -> dict[str, FloatArray]:
        """The graded signals at each Output, (batch, steps, channels)."""
        found: dict[str, FloatArray] = {}
        for number, monitor in self.state_monitors.items():
            link = self.lowered.links[number]
            k = self.lowered.group_of(link.source)
            states = np.asarray(getattr(monitor, f"s{self.lowered.groups[k].exit[link.source]}"))
            (matrix,) = link.map.values()
            samples = states.reshape(self.batch, self.lowered.groups[k].neurons, -1)
            arrived = np.stack([(matrix @ sample).T for sample in samples])
            found[link.target] = found.get(link.target, 0.0) + arrived
        return found


def _declare(variables: list[str], parameters: Parameters) -> str:
    lines = [f"{name} : 1" for name in variables]
    return "\n".join(lines + [f"{name} : 1 (constant)" for name in parameters.each])


def _bar(steps: int) -> Any:
    """A progress bar that Brian2 moves."""
    from tqdm import tqdm

    bar = tqdm(total=steps, unit="step")

    def report(_elapsed: Any, completed: float, _start: Any, _duration: Any) -> None:
        bar.update(round(completed * steps) - bar.n)
        if completed >= 1:
            bar.close()

    return report
