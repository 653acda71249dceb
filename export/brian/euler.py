"""Brian2 networks that take the steps of `simulate`: forward Euler, node after node."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from neurosc.export.brian.exact_step import Parameters
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
from neurosc.export.euler.step import EulerStep, euler_step
from neurosc.export.inputs import Fed, PeriodicSpikes
from neurosc.export.lowering.latency import Latency, timing
from neurosc.export.lowering.lowered import Link, Lowered

GIVEN, LATE = Slot("groups", 0), Slot("end", 0)
"""All happens in "groups", one node after the other, but for what only the next step sees."""


def euler_simulation(
    lowered: Lowered, dt: float, latency: Latency, batch: int, fed: Fed
) -> Simulation:
    """The Brian2 objects of a run.

    Parameters
    ----------
    lowered
        The graph.
    dt
        Seconds per step.
    latency
        See `run`.
    batch
        Number of samples.
    fed
        What the Input nodes get.

    Raises
    ------
    ValueError
        For a step at which forward Euler grows without bound.
    """
    return _Euler(lowered, dt, latency, batch, fed).simulation


class _Euler:
    """Builds a `Simulation`: each node in turn gathers, integrates, fires and resets."""

    def __init__(self, lowered: Lowered, dt: float, latency: Latency, batch: int, fed: Fed) -> None:
        self.simulation = Simulation(lowered, dt, batch)
        self.lowered, self.dt, self.batch, self.fed = lowered, dt, batch, fed
        self.timing = timing(lowered, latency)
        self.place = {name: 4 * p + 4 for p, name in enumerate(self.timing.order)}
        graded: dict[str, list[str]] = defaultdict(list)
        for number, link in enumerate(self.timing.links):
            if link.signal == "graded":
                graded[link.target] += [f"g{number}now", f"g{number}past"]
        self.brian = {name: self._node(name, graded[name]) for name in self.timing.order}
        for number, (name, given) in enumerate(fed.items()):
            if isinstance(given, PeriodicSpikes) or given.dtype == bool:
                source = spiking_input(self.simulation, number, name, given, GIVEN)
                self.simulation.sources[name] = source
        for number, link in enumerate(self.timing.links):
            if link.target not in lowered.outputs:
                self._link(number, link)
        self.simulation.watch(dated=False)

    def _node(self, name: str, graded: list[str]) -> Any:
        """One step of a node, in the place that the order of signals gives it."""
        import brian2

        model, place = self.lowered.neurons[name], self.place[name]
        constant = self.lowered.constants.get(name, 0.0)
        parameters = Parameters()
        update = _update(
            model.states, euler_step(name, model, constant, self.dt), graded, parameters
        )
        state, fires = f"s{max(model.states - 1, 0)}", model.threshold is not None
        threshold = reset = None
        if model.threshold is not None:
            threshold, reset = f"{state} > {parameters.put('level', model.threshold)}", ""
        if model.reset is not None:
            reset = f"{state} = {parameters.put('low', model.reset)}"
        variables = ["s0", "s1", "x", *graded]
        equations = [f"{variable} : 1" for variable in variables]
        equations += [f"{parameter} : 1 (constant)" for parameter in parameters.each]
        neurons = brian2.NeuronGroup(
            self.batch * model.neurons,
            "\n".join(equations),
            threshold=threshold,
            reset=reset,
            namespace=parameters.shared,
            clock=self.simulation.clock,
            name=f"neurosc_node{place}",
        )
        for parameter, values in parameters.each.items():
            setattr(neurons, parameter, np.tile(values, self.batch))
        neurons.run_regularly(
            update,
            clock=self.simulation.clock,
            when="groups",
            order=place + 1,
            name=f"neurosc_update{place}",
        )
        if fires:
            put(neurons.thresholder["spike"], Slot("groups", place + 2))
            if "spike" in neurons.resetter:
                put(neurons.resetter["spike"], Slot("groups", place + 3))
            self.simulation.sources[name] = neurons
        else:
            self.simulation.states[name] = State(neurons, state)
        return self.simulation.add(neurons)

    def _link(self, number: int, link: Link) -> None:
        """What arrives is summed just before the step of the target, or for the next one."""
        found = Connections.of(link.map, self.batch)
        wait = self.timing.wait(number, found.delay, self.dt)
        slot = LATE if self.timing.late[number] else Slot("groups", self.place[link.target])
        targets, width = next(iter(link.map.values())).shape
        if found.pre.size == 0:
            return
        if link.signal == "graded":
            self._graded(number, link, found, wait, (width, targets))
        elif link.source in self.simulation.sources:
            source = self.simulation.sources[link.source]
            # what is added at the end of a step is seen in the next
            steps = wait - 1 if self.timing.late[number] else wait
            self._synapses(number, link, found, source, width, slot, steps)
        elif link.source in self.fed:
            given = self.fed[link.source]
            if not isinstance(given, PeriodicSpikes):
                channel, late, which = distinct(found.pre, wait)
                source = graded_input(self.simulation, number, given, channel, late, GIVEN)
                found = found._replace(pre=which)
                self._synapses(number, link, found, source, channel.size, slot, None)

    def _synapses(
        self,
        number: int,
        link: Link,
        found: Connections,
        source: Any,
        width: int,
        slot: Slot,
        steps: Any,
    ) -> None:
        """Spikes after some steps; values of an Input, delayed where they are given, for None."""
        import brian2

        synapses = brian2.Synapses(
            source,
            self.brian[link.target],
            "weight : 1 (constant)",
            on_pre="x_post += weight" if steps is not None else "x_post += weight*value_pre",
            clock=self.simulation.clock,
            name=f"neurosc_link{number}",
        )
        neurons = self.lowered.neurons[link.target].neurons
        synapses.connect(
            i=each_sample(found.pre, width, self.batch),
            j=each_sample(found.post, neurons, self.batch),
        )
        synapses.weight = np.tile(found.weight, self.batch)
        put(synapses.pre, slot)
        if steps is not None:
            synapses.delay = np.tile(steps, self.batch) * self.dt * brian2.second
        self.simulation.add(synapses)

    def _graded(
        self, number: int, link: Link, found: Connections, wait: Any, widths: tuple[int, int]
    ) -> None:
        """The values of a node that has run in this step, or as they were some steps ago."""
        state, target = self.simulation.states[link.source], self.brian[link.target]
        slot = Slot("groups", self.place[link.target])
        now, past = found.where(wait == 0), found.where(wait > 0)
        if now.pre.size:
            add_up(self.simulation, f"{number}now", state, target, widths, now, slot)
        if past.pre.size:
            channel, age, which = distinct(past.pre, wait[wait > 0] - 1)
            line = delay_line(self.simulation, number, state, widths[0], channel, age)
            past, widths = past._replace(pre=which), (channel.size, widths[1])
            add_up(self.simulation, f"{number}past", line, target, widths, past, slot)


def _update(states: int, step: EulerStep, graded: list[str], parameters: Parameters) -> str:
    """The code of `EulerStep`; x is what spikes added, g... what graded signals sum up to."""
    total = " + ".join(["x", *graded])
    drive = parameters.term("v_drive", step.v_drive)
    if states == 0:
        return f"s0 = {' + '.join([*drive, total])}\nx = 0"
    gain, decay = parameters.put("gain", step.gain), parameters.put("v_decay", step.v_decay)
    if states == 1:
        terms = [f"{decay}*s0", *drive, f"{gain}*({total})"]
        return f"s0 = {' + '.join(terms)}\nx = 0"
    current = [f"{parameters.put('i_decay', step.i_decay)}*s0"]
    current += [*parameters.term("i_drive", step.i_drive), f"{gain}*({total})"]
    voltage = [f"{decay}*s1", *drive, f"{parameters.put('r', step.r)}*s0"]
    return f"s0 = {' + '.join(current)}\ns1 = {' + '.join(voltage)}\nx = 0"
