"""Runs a NIR graph in Brian2: all samples in one group of neurons per part of the graph."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.export.lowering import DelayedMap, Link, Lowered, lower
from neurosc.export.metadata import KEY, unpack
from neurosc.export.recording import PeriodicSpikes, Recording, Spikes
from neurosc.export.stepping import Reset, Step, check_reset, step_code
from neurosc.network import FloatArray

if TYPE_CHECKING:
    import nir

Given = npt.ArrayLike | PeriodicSpikes
GRID_TOLERANCE = 1e-6
"""In steps: how far a delay may be off the grid for rounding errors alone."""
ORDER = {
    "exact": ["start", "groups", "thresholds", "resets", "synapses", "end"],
    "grid": ["start", "groups", "synapses", "thresholds", "resets", "end"],
}
"""Order of events in a step; on the grid, spikes are added before the threshold is tested."""


def run(
    graph: nir.NIRGraph,
    inputs: Given | dict[str, Given] | None = None,
    *,
    dt: float | None = None,
    steps: int | None = None,
    reset: Reset = "exact",
    record: list[str] | None = None,
    record_from: int = 0,
    progress: bool = False,
) -> Recording:
    """Run a NIR graph in Brian2.

    Runs Affine, Linear, Scale, Flatten, Delay, Threshold, I, LI, IF, LIF, CubaLI, CubaLIF and
    nested graphs; any other node is an error. Between spikes the linear equations of the neurons
    are solved exactly for each step. A spike counts as 1 for one step: it adds w r dt/tau to the
    state of an LI or LIF, w r dt to an I or IF, w w_in dt/tau_syn to the current of a CubaLIF.
    All states start at 0. Graded signals that pass a matrix are held over each step.

    Parameters
    ----------
    graph
        The graph.
    inputs
        Spikes of the Input node: 0 or 1, shape (steps, channels) or (batch, steps, channels), or
        `PeriodicSpikes`; a dict by name if there are several Input nodes; None for silence.
    dt
        Seconds per step; a graph of `to_nir` knows its own.
    steps
        Length of the run; by default as long as `inputs`.
    reset
        - `"exact"`: a neuron resets at the time of the crossing, spike times lie inside the step,
          and delays are shortened by half a step, the mean time by which a spike waits for the
          grid. Taps of `to_nir` are whole steps and one half, so theirs are exact.
        - `"grid"`: as the importers of NIR do it: a neuron that is over the threshold at the end
          of a step resets then, and delays are rounded. Spike times are given as the middle of
          the step.

        On both, a neuron's spike acts on others from the next step on.

    Other arguments
    ---------------
    record
        Nodes whose spikes are returned; all that spike by default.
    record_from
        First step that is recorded.
    progress
        Show a bar.

    Raises
    ------
    ValueError
        For nodes that cannot be run, inputs that do not fit, and a missing dt.
    """
    check_reset(reset)
    lowered = lower(graph)
    dt = _time_step(graph, dt)
    fed = _check_inputs(lowered, inputs)
    length = _length(fed, steps)
    if not 0 <= record_from <= length:
        raise ValueError(f"record_from: step {record_from} is not in a run of {length}; give less")
    names = list(lowered.spiking) if record is None else list(record)
    for name in names:
        if name not in lowered.spiking:
            raise ValueError(
                f"record: {name!r} does not spike or does not exist; choose from "
                f"{sorted(lowered.spiking)}"
            )
    batch = max((_batch(given) for given in fed.values()), default=1)
    simulation = _Simulation(lowered, dt, reset, batch)
    simulation.feed(fed)
    spikes, traces = simulation.run(length, record_from, progress)
    spikes |= {name: _given_spikes(g, dt, length, record_from) for name, g in fed.items()}
    return Recording(
        spikes={name: spikes[name] for name in names},
        outputs=_outputs(lowered, spikes),
        traces=traces,
        dt=dt,
        steps=length,
        batch=batch,
        record_from=record_from,
    )


class _Simulation:
    """The Brian2 objects of one run; their fixed names let Brian2 reuse what it compiled."""

    def __init__(self, lowered: Lowered, dt: float, reset: Reset, batch: int) -> None:
        import brian2

        self.lowered, self.dt, self.reset, self.batch = lowered, dt, reset, batch
        self.clock = brian2.Clock(dt=dt * brian2.second, name="neurosc_clock")
        self.net = brian2.Network()
        self.net.schedule = ORDER[reset]
        jumps: dict[int, set[int]] = defaultdict(set)
        graded: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        self.held: list[tuple[Link, str]] = []
        for link in lowered.links:
            if link.target in lowered.outputs:
                continue
            k = lowered.group_of(link.target)
            state = lowered.groups[k].entry[link.target]
            if link.signal == "spikes":
                jumps[k].add(state)
            else:
                variable = f"g{state}_{len(graded[k][state])}"
                graded[k][state].append(variable)
                self.held.append((link, variable))
        self.groups = [
            self._group(k, step_code(group, dt, reset, graded[k], jumps[k]), graded[k])
            for k, group in enumerate(lowered.groups)
        ]
        self.monitors = {
            name: self._add(
                brian2.SpikeMonitor(
                    self.groups[k],
                    variables=["ago"],
                    when="after_resets",
                    name=f"neurosc_spikes{k}",
                )
            )
            for name, k in lowered.spiking.items()
        }
        self._connect()

    def _add(self, thing: Any) -> Any:
        self.net.add(thing)
        return thing

    def _group(self, k: int, step: Step, graded: dict[int, list[str]]) -> Any:
        """All samples of one group: neuron m of sample b is number b * neurons + m."""
        import brian2

        group = self.lowered.groups[k]
        variables = [f"s{j}" for j in range(group.b.shape[1])] + ["ago"]
        variables += ["began"] if step.keeps_start else []
        variables += [name for names in graded.values() for name in names]
        equations = [f"{name} : 1" for name in variables]
        equations += [f"{name} : 1 (constant)" for name in step.parameters.each]
        neurons = brian2.NeuronGroup(
            self.batch * group.neurons,
            "\n".join(equations),
            threshold=step.threshold or None,
            reset=step.reset or None,
            namespace=step.parameters.shared,
            clock=self.clock,
            name=f"neurosc_group{k}",
        )
        for name, values in step.parameters.each.items():
            setattr(neurons, name, np.tile(values, self.batch))
        if self.reset == "grid":
            neurons.ago = 0.5 * self.dt  # a spike on the grid is dated to the middle of its step
        neurons.run_regularly(
            step.update, clock=self.clock, when="groups", order=1, name=f"neurosc_update{k}"
        )
        return self._add(neurons)

    def feed(self, fed: dict[str, PeriodicSpikes | npt.NDArray[np.bool_]]) -> None:
        """Add the spikes of the Input nodes and what they drive."""
        import brian2

        for number, (name, given) in enumerate(fed.items()):
            if isinstance(given, PeriodicSpikes):
                sample, channel = np.nonzero(given.steps >= 0)
                step = given.steps[sample, channel]
                period = given.period * self.dt * brian2.second
            else:
                sample, step, channel = np.nonzero(given)
                period = 0 * brian2.second
            width = self.lowered.inputs[name]
            source = brian2.SpikeGeneratorGroup(
                self.batch * width,
                sample * width + channel,
                step * self.dt * brian2.second,
                period=period,
                clock=self.clock,
                when="thresholds" if self.reset == "exact" else "start",
                name=f"neurosc_input{number}",
            )
            self._add(source)
            for link in self.lowered.links:
                if link.source == name and link.target not in self.lowered.outputs:
                    self._synapses(source, link)

    def _connect(self) -> None:
        """Add the synapses between groups, and monitors for graded outputs."""
        import brian2

        for link in self.lowered.links:
            if link.source in self.lowered.inputs:
                continue
            source = self.groups[self.lowered.group_of(link.source)]
            if link.target not in self.lowered.outputs and link.signal == "spikes":
                self._synapses(source, link)
        for number, (link, variable) in enumerate(self.held):
            k = self.lowered.group_of(link.source)
            state = self.lowered.groups[k].exit[link.source]
            synapses = brian2.Synapses(
                self.groups[k],
                self.groups[self.lowered.group_of(link.target)],
                f"weight : 1\n{variable}_post = weight*s{state}_pre : 1 (summed)",
                clock=self.clock,
                name=f"neurosc_graded{number}",
            )
            pre, post, weight, _ = self._tiled(link)
            synapses.connect(i=pre, j=post)
            synapses.weight = weight
            self._add(synapses)
        self.traces = {
            link: self._trace(number, link)
            for number, link in enumerate(self.lowered.links)
            if link.signal == "graded" and link.target in self.lowered.outputs
        }

    def _trace(self, number: int, link: Link) -> Any:
        import brian2

        k = self.lowered.group_of(link.source)
        state = f"s{self.lowered.groups[k].exit[link.source]}"
        return self._add(
            brian2.StateMonitor(
                self.groups[k],
                state,
                record=True,
                clock=self.clock,
                when="end",
                name=f"neurosc_trace{number}",
            )
        )

    def _synapses(self, source: Any, link: Link) -> None:
        """Spikes that make a state jump by weight * gain * dt, each after its delay."""
        import brian2

        k = self.lowered.group_of(link.target)
        group = self.lowered.groups[k]
        state = group.entry[link.target]
        pre, post, weight, delay = self._tiled(link)
        if pre.size == 0:
            return
        number = self.lowered.links.index(link)
        synapses = brian2.Synapses(
            source,
            self.groups[k],
            "weight : 1",
            on_pre=f"s{state}_post += weight",
            clock=self.clock,
            name=f"neurosc_link{number}",
        )
        synapses.connect(i=pre, j=post)
        synapses.weight = weight * group.gain[post % group.neurons, state] * self.dt
        synapses.delay = self._grid_delay(delay) * self.dt * brian2.second
        self._add(synapses)

    def _tiled(self, link: Link) -> tuple[Any, Any, FloatArray, FloatArray]:
        """Every connection of every sample: source, target, weight, delay in seconds."""
        pre, post, weight, delay = _entries(link.map)
        targets, width = next(iter(link.map.values())).shape
        samples = np.arange(self.batch)[:, None]
        return (
            (samples * width + pre).ravel(),
            (samples * targets + post).ravel(),
            np.tile(weight, self.batch),
            np.tile(delay, self.batch),
        )

    def _grid_delay(self, delay: FloatArray) -> FloatArray:
        """In steps; see `run`. Halves go down: on the grid the next step is half a step late."""
        if self.reset == "exact":
            return np.maximum(np.floor(delay / self.dt + GRID_TOLERANCE), 0)
        return np.maximum(np.floor(delay / self.dt + 0.5 - GRID_TOLERANCE), 0)

    def run(
        self, steps: int, record_from: int, progress: bool
    ) -> tuple[dict[str, Spikes], dict[str, FloatArray]]:
        """Run; return the spikes of all nodes and the graded signals at the outputs."""
        import brian2
        from brian2.utils.logger import catch_logs

        monitors = [*self.monitors.values(), *self.traces.values()]
        with catch_logs():  # Brian2 would warn of our short names, which cannot clash in here
            for recording, span in ((False, record_from), (True, steps - record_from)):
                for monitor in monitors:
                    monitor.active = recording
                if span:
                    report = _progress(span) if progress else None
                    self.net.run(span * self.dt * brian2.second, report=report, namespace={})
        spikes = {name: self._read(name, monitor) for name, monitor in self.monitors.items()}
        traces: dict[str, FloatArray] = {}
        for link, monitor in self.traces.items():
            k = self.lowered.group_of(link.source)
            state = f"s{self.lowered.groups[k].exit[link.source]}"
            values = np.asarray(getattr(monitor, state)).reshape(self.batch, -1, monitor.t.size)
            (matrix,) = link.map.values()
            passed = np.stack([(matrix @ sample).T for sample in values])
            traces[link.target] = traces.get(link.target, 0.0) + passed
        return spikes, traces

    def _read(self, name: str, monitor: Any) -> Spikes:
        neurons = self.lowered.groups[self.lowered.spiking[name]].neurons
        index = np.asarray(monitor.i)
        time = np.asarray(monitor.t_) + self.dt - np.asarray(monitor.ago)
        return _ordered(index // neurons, index % neurons, time, np.ones(index.size))


def _progress(steps: int) -> Any:
    """A bar that Brian2 moves."""
    from tqdm import tqdm

    bar = tqdm(total=steps, unit="step")

    def report(_elapsed: Any, completed: float, _start: Any, _duration: Any) -> None:
        bar.update(round(completed * steps) - bar.n)
        if completed >= 1:
            bar.close()

    return report


def _entries(delayed: DelayedMap) -> tuple[Any, Any, FloatArray, FloatArray]:
    """Source, target, weight and delay of each non-zero entry, by source."""
    parts = []
    for delay, matrix in delayed.items():
        entries = scipy.sparse.coo_array(matrix)
        kept = entries.data != 0
        parts.append(
            np.stack(
                [
                    entries.col[kept],
                    entries.row[kept],
                    entries.data[kept],
                    np.full(kept.sum(), delay),
                ]
            )
        )
    table = np.concatenate(parts, axis=1)
    pre, post, weight, delays = table[:, np.lexsort((table[3], table[1], table[0]))]
    return pre.astype(np.int64), post.astype(np.int64), weight, delays


def _outputs(lowered: Lowered, spikes: dict[str, Spikes]) -> dict[str, Spikes]:
    """Spikes that arrive at the outputs: each source's, through its map."""
    arrived: dict[str, list[Spikes]] = {name: [] for name in lowered.outputs}
    for link in lowered.links:
        if link.target not in lowered.outputs or link.signal != "spikes":
            continue
        sent = spikes[link.source]
        pre, post, weight, delay = _entries(link.map)
        first = np.searchsorted(pre, sent.neuron)
        copies = np.searchsorted(pre, sent.neuron, side="right") - first
        which = np.repeat(np.arange(copies.size), copies)
        entry = np.arange(which.size) - np.repeat(np.cumsum(copies) - copies, copies)
        entry = entry + first[which]
        arrived[link.target].append(
            Spikes(
                sent.sample[which],
                post[entry],
                sent.time[which] + delay[entry],
                sent.value[which] * weight[entry],
            )
        )
    graded = {link.target for link in lowered.links if link.signal == "graded"}
    return {
        name: _ordered(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        for name, parts in arrived.items()
        if parts or name not in graded
    }


def _ordered(sample: Any, neuron: Any, time: Any, value: Any) -> Spikes:
    order = np.lexsort((neuron, sample, time))
    return Spikes(
        sample[order].astype(np.intp), neuron[order].astype(np.intp), time[order], value[order]
    )


def _given_spikes(
    given: PeriodicSpikes | npt.NDArray[np.bool_], dt: float, steps: int, record_from: int
) -> Spikes:
    """The spikes of an Input, dated to the middle of their step."""
    if isinstance(given, PeriodicSpikes):
        sample, channel = np.nonzero(given.steps >= 0)
        cycles = np.arange(-(-steps // given.period)) * given.period
        step = (cycles[:, None] + given.steps[sample, channel]).ravel()
        sample, channel = np.tile(sample, cycles.size), np.tile(channel, cycles.size)
    else:
        sample, step, channel = np.nonzero(given)
    seen = (step >= record_from) & (step < steps)
    sample, step, channel = sample[seen], step[seen], channel[seen]
    return _ordered(sample, channel, (step + 0.5) * dt, np.ones(step.size))


def _time_step(graph: Any, dt: float | None) -> float:
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


def _check_inputs(
    lowered: Lowered, inputs: Given | dict[str, Given] | None
) -> dict[str, PeriodicSpikes | npt.NDArray[np.bool_]]:
    """The spikes of each Input that is fed, as (batch, steps, channels) or periodic."""
    if inputs is None:
        return {}
    if not isinstance(inputs, dict):
        if len(lowered.inputs) != 1:
            raise ValueError(
                f"inputs: the graph has {len(lowered.inputs)} Input nodes "
                f"{sorted(lowered.inputs)}; give a dict by name"
            )
        inputs = dict.fromkeys(lowered.inputs, inputs)
    fed = {}
    for name, given in inputs.items():
        if name not in lowered.inputs:
            raise ValueError(
                f"inputs: there is no Input {name!r}; the graph has {sorted(lowered.inputs)}"
            )
        fed[name] = given if isinstance(given, PeriodicSpikes) else _dense(name, given)
        found = fed[name].steps if isinstance(fed[name], PeriodicSpikes) else fed[name]  # type: ignore[union-attr]
        if found.shape[-1] != lowered.inputs[name]:
            raise ValueError(
                f"inputs: {found.shape[-1]} channels for the Input {name!r} of "
                f"{lowered.inputs[name]}; give as many"
            )
    batches = {name: _batch(given) for name, given in fed.items()}
    if len(set(batches.values())) > 1:
        raise ValueError(f"inputs: the batches differ, {batches}; give as many samples to each")
    return fed


def _dense(name: str, given: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    array = np.asarray(given)
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3:
        raise ValueError(
            f"inputs: shape {array.shape} at the Input {name!r} does not fit; give "
            "(steps, channels) or (batch, steps, channels)"
        )
    if not np.isin(array, (0, 1)).all():
        raise ValueError(
            f"inputs: the Input {name!r} has values other than 0 and 1; "
            "encode them as spikes, at most one per step"
        )
    return array.astype(bool)


def _batch(given: PeriodicSpikes | npt.NDArray[np.bool_]) -> int:
    return len(given.steps if isinstance(given, PeriodicSpikes) else given)


def _length(fed: dict[str, PeriodicSpikes | npt.NDArray[np.bool_]], steps: int | None) -> int:
    """The number of steps to run."""
    dense = [given.shape[1] for given in fed.values() if not isinstance(given, PeriodicSpikes)]
    if steps is None:
        if not dense:
            raise ValueError("steps: periodic or absent inputs have no end; give a number of steps")
        return max(dense)
    if steps < 1:
        raise ValueError(f"steps: {steps} is no length; give 1 or more")
    return int(steps)
