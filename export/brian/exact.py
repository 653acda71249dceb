"""Brian2 networks whose neurons are solved exactly from step to step."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from neurosc.export.brian.exact_step import Parameters, Reset, Step, arrival_code, step_code
from neurosc.export.brian.links import (
    Connections,
    Slot,
    add_up,
    delay_line,
    distinct,
    each_sample,
    graded_input,
    put,
    spiking_input,
)
from neurosc.export.brian.simulation import Simulation, State
from neurosc.export.inputs import Fed, PeriodicSpikes
from neurosc.export.lowering.groups import unite
from neurosc.export.lowering.latency import complete_steps, nearest_steps
from neurosc.export.lowering.lowered import Link, Lowered

HELD, UPDATE, FRESH = (Slot("groups", order) for order in range(3))
"""Signals that are held over a step, the step, and signals of neurons that have taken it."""
GIVEN = {"exact": Slot("thresholds", 0), "grid": Slot("start", 0)}
"""When an Input fires. On the grid it acts in the same step, ..."""
ARRIVAL = {"exact": Slot("synapses", 0), "grid": Slot("end", 0)}
"""... and the spikes of neurons in the next."""


def exact_simulation(lowered: Lowered, dt: float, reset: Reset, batch: int, fed: Fed) -> Simulation:
    """The Brian2 objects of a run.

    Parameters
    ----------
    lowered
        The graph.
    dt
        Seconds per step.
    reset
        See `run`.
    batch
        Number of samples.
    fed
        What the Input nodes get.
    """
    return _Exact(lowered, dt, reset, batch, fed).simulation


class _Exact:
    """Builds a `Simulation`."""

    def __init__(self, lowered: Lowered, dt: float, reset: Reset, batch: int, fed: Fed) -> None:
        self.simulation = Simulation(lowered, dt, batch)
        self.dt, self.reset, self.batch, self.fed = dt, reset, batch, fed
        self.groups, links = unite(lowered)
        self.number = {name: k for k, group in enumerate(self.groups) for name in group.nodes}
        self.links = [link for link in links if link.target not in lowered.outputs]
        self._add_groups()
        for number, (name, given) in enumerate(fed.items()):
            if isinstance(given, PeriodicSpikes) or given.dtype == bool:
                source = spiking_input(self.simulation, number, name, given, GIVEN[reset])
                self.simulation.sources[name] = source
        for number, link in enumerate(self.links):
            if link.signal == "graded":
                self._hold(number, link)
            elif link.source in self.simulation.sources:
                self._spikes(number, link)
            elif link.source in fed:
                self._values(number, link)
        self.simulation.watch(dated=True)

    def _add_groups(self) -> None:
        jumps: dict[int, set[int]] = defaultdict(set)
        graded: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        for number, link in enumerate(self.links):
            k = self.number[link.target]
            state = self.groups[k].entry[link.target]
            if link.signal == "spikes":
                jumps[k].add(state)
            else:
                graded[k][state] += [f"g{number}now", f"g{number}past"]
        self.brian = []
        for k, group in enumerate(self.groups):
            step = step_code(group, self.dt, self.reset, graded[k], jumps[k])
            names = [name for entering in graded[k].values() for name in entering]
            neurons = self._group(k, step, names)
            self.brian.append(neurons)
            for name in group.nodes:
                if group.firing is not None and name == group.firing.node:
                    self.simulation.sources[name] = neurons
                else:
                    self.simulation.states[name] = State(neurons, f"s{group.exit[name]}")

    def _group(self, k: int, step: Step, held: list[str]) -> Any:
        import brian2

        group = self.groups[k]
        variables = [f"{v}{j}" for v in "sx" for j in range(max(group.states, 1))]
        variables += ["ago", *held]
        variables += ["began"] if step.keeps_start else []
        neurons = brian2.NeuronGroup(
            self.batch * group.neurons,
            _declare(variables, step.parameters),
            threshold=step.threshold or None,
            reset=step.reset if step.threshold else None,
            namespace=step.parameters.shared,
            clock=self.simulation.clock,
            name=f"neurosc_group{k}",
        )
        for name, values in step.parameters.each.items():
            setattr(neurons, name, np.tile(values, self.batch))
        neurons.ago = 0.5 * self.dt  # on the grid a spike is dated to the middle of its step
        when = UPDATE if group.states else Slot("after_thresholds")
        neurons.run_regularly(
            step.update,
            clock=self.simulation.clock,
            when=when.when,
            order=when.order,
            name=f"neurosc_update{k}",
        )
        return self.simulation.add(neurons)

    def _spikes(self, number: int, link: Link) -> None:
        """Spikes that act each after its delay."""
        found = Connections.of(link.map, self.batch)
        source = self.simulation.sources[link.source]
        width = next(iter(link.map.values())).shape[1]
        self._synapses(number, link, found, source, (width, found.pre), "weight")

    def _values(self, number: int, link: Link) -> None:
        """What is given to an Input, as spikes of any size."""
        found = Connections.of(link.map, self.batch)
        given = self.fed[link.source]
        if found.pre.size == 0 or isinstance(given, PeriodicSpikes):
            return
        channel, wait, which = distinct(found.pre, self._whole_steps(found.delay))
        source = graded_input(self.simulation, number, given, channel, wait, GIVEN[self.reset])
        self._synapses(number, link, found, source, (channel.size, which), "weight*value_pre")

    def _synapses(
        self, number: int, link: Link, found: Connections, source: Any, pre: Any, jump: str
    ) -> None:
        """Signals that make a state jump by weight * gain * dt."""
        import brian2

        if found.pre.size == 0:
            return
        k = self.number[link.target]
        group, state = self.groups[k], self.groups[k].entry[link.target]
        steps, parameters = self._whole_steps(found.delay), Parameters()
        weight, code = found.weight, f"x{state}_post += {jump}"
        if group.states:
            weight = weight * group.gain[found.post, state] * self.dt
        if group.states and self.reset == "exact":
            timed = hasattr(source, "ago")
            late = steps * self.dt - found.delay + (0 if timed else 0.5 * self.dt)
            code = arrival_code(group.A[found.post], state, late, timed, jump, parameters)
        synapses = brian2.Synapses(
            source,
            self.brian[k],
            _declare(["weight"], parameters),
            on_pre=code,
            namespace=parameters.shared,
            clock=self.simulation.clock,
            name=f"neurosc_link{number}",
        )
        width, index = pre
        synapses.connect(
            i=each_sample(index, width, self.batch),
            j=each_sample(found.post, group.neurons, self.batch),
        )
        synapses.weight = np.tile(weight, self.batch)
        for name, values in parameters.each.items():
            setattr(synapses, name, np.tile(values, self.batch))
        given = link.source in self.fed and self.reset == "grid"
        put(synapses.pre, Slot("start", 1) if given else ARRIVAL[self.reset])
        if jump == "weight":  # values are delayed where they are given
            synapses.delay = np.tile(steps, self.batch) * self.dt * brian2.second
        self.simulation.add(synapses)

    def _whole_steps(self, delay: Any) -> Any:
        """Steps to wait: on the grid the nearest, halves down; else those that are complete."""
        count = nearest_steps if self.reset == "grid" else complete_steps
        return count(delay, self.dt)

    def _hold(self, number: int, link: Link) -> None:
        """A graded signal: held over each step, or at its end where it is only compared."""
        found = Connections.of(link.map, self.batch)
        steps = nearest_steps(found.delay, self.dt)
        state, target = self.simulation.states[link.source], self.number[link.target]
        targets, width = next(iter(link.map.values())).shape
        compared = self.groups[target].states == 0
        now = found.where(steps == 0)
        past, steps = found.where(steps > 0), steps[steps > 0]
        slot = FRESH if compared else HELD
        widths, neurons = (width, targets), self.brian[target]
        if now.pre.size:
            add_up(self.simulation, f"{number}now", state, neurons, widths, now, slot)
        if past.pre.size:
            channel, age, which = distinct(past.pre, steps - 1 if compared else steps)
            line = delay_line(self.simulation, number, state, width, channel, age)
            widths, past = (channel.size, targets), past._replace(pre=which)
            add_up(self.simulation, f"{number}past", line, neurons, widths, past, slot)


def _declare(variables: list[str], parameters: Parameters) -> str:
    lines = [f"{name} : 1" for name in variables]
    return "\n".join(lines + [f"{name} : 1 (constant)" for name in parameters.each])
