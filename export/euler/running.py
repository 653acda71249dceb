"""Runs a NIR graph step by step as its importers do: forward Euler, spikes of one step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from neurosc.export.arguments import check_start, recorded, time_step
from neurosc.export.euler.program import Layout, Program, assemble
from neurosc.export.inputs import (
    Fed,
    Given,
    batch_of,
    check_inputs,
    events_of,
    given_spikes,
    length_of,
    one_sample,
)
from neurosc.export.lowering.latency import Latency, check_latency
from neurosc.export.lowering.limits import check_traces
from neurosc.export.lowering.lowered import Lowered, lower
from neurosc.export.recording import Recording, Spikes, in_order, outputs_of
from neurosc.network import FloatArray

if TYPE_CHECKING:
    import nir

Amplitude = Literal["one", "impulse"]
Reset = Literal["value", "subtract"]
Events = npt.NDArray[np.int64]


def simulate(
    graph: nir.NIRGraph,
    inputs: Given | Mapping[str, Given] | None = None,
    dt: float | None = None,
    *,
    steps: int | None = None,
    amplitude: Amplitude = "one",
    reset: Reset = "value",
    strict: bool = True,
    latency: Latency = "loops",
    record: list[str] | None = None,
    record_from: int = 0,
    dtype: npt.DTypeLike = np.float64,
    workers: int | None = None,
) -> Recording:
    """Run a NIR graph by forward Euler, the reference that importers are compared with.

    In step k every node, in the order of the signals, takes the sum x of what arrives and does

    - LI, LIF: v <- (1 - dt/tau) v + dt/tau (v_leak + r x),
    - I, IF: v <- v + dt r x,
    - CubaLI, CubaLIF: i <- (1 - dt/tau_syn) i + dt/tau_syn w_in x, then with the new i
      v <- (1 - dt/tau_mem) v + dt/tau_mem (v_leak + r i),

    where biases count in x. A spiking node then spikes where v > v_threshold, and resets; a
    Threshold spikes in each step in which x exceeds it. Delays are rounded to steps, halves down.
    All states start at 0. Graphs are those that `run` knows, which with `method="euler"` takes
    the same steps in Brian2.

    Parameters
    ----------
    graph
        The graph.
    inputs
        What the Input node gets: a number in each step, (steps, channels), (batch, steps,
        channels) or (batch, steps, *shape of the Input), spikes as 0 and 1; or `PeriodicSpikes`;
        a dict by name if there are several Input nodes; None for silence. What is given for step k
        acts in step k.
    dt
        Seconds per step; a graph of `to_nir` knows its own.
    steps
        Length of the run; by default that of `inputs`.

    Other arguments
    ---------------
    amplitude
        What a spike is, which NIR leaves open:

        - `"one"`, as in every importer: the value 1 for one step. A LIF jumps by r w dt/tau;
        - `"impulse"`: 1/dt for one step, an impulse of area 1. A LIF jumps by r w/tau.
    reset
        - `"value"`: v <- v_reset, as NIR says;
        - `"subtract"`: v <- v - (v_threshold - v_reset), as Spyx and snnTorch may.
    strict
        Spike where v > v_threshold; if false also where they are equal.
    latency
        When the spikes of a neuron are seen:

        - `"loops"`, as in the importers: those on the way from one node to another, or to itself,
          that are part of a loop one step later, others in the same step;
        - `"always"`: each one step later, as on chips. Also graded signals that pass a matrix;
        - `"absorbed"`: as `"loops"`, but a Delay of at least one step in a loop contains the step.

        Graded signals in a loop without a spiking node, such as a resonator, are seen one step
        later: this makes it explicit Euler.
    record
        Nodes whose spikes are returned; by default all that spike.
    record_from
        First step that is recorded.
    dtype
        float64, or float32 for a comparison with importers that use it; numbers are rounded to it
        once they are computed.
    workers
        Threads, each with a sample at a time; by default one per processor.

    Returns
    -------
    Recording
        Spikes are dated to the middle of their step.

    Raises
    ------
    ValueError
        For nodes that cannot be run, inputs that do not fit, a missing dt, one above twice a time
        constant, a state that overflows, and what memory cannot hold.

    Notes
    -----
    Deterministic, and the same bits for a sample in any batch and for any `workers`: what arrives
    is summed in the order of arrival, within a step by source.

    Spikes drift from those of the exact solution, in steps whatever dt: Euler relaxes too fast, by
    t/(2 tau) steps after a time t, and each reset waits for the grid, half a step on average.
    Neurons that only just reach their threshold may gain or lose a spike.
    """
    _check_options(amplitude, reset, latency, dtype, workers)
    lowered = lower(graph)
    step = time_step(graph, dt)
    fed = check_inputs(lowered, inputs)
    length = length_of(fed, steps)
    check_start(record_from, length)
    names = recorded(lowered, record)
    program, layout = assemble(
        lowered,
        step,
        length,
        latency=latency,
        amplitude=1.0 if amplitude == "one" else 1 / step,
        strict=strict,
        subtract=reset == "subtract",
        dtype=dtype,
    )
    events, traces = _run(program, layout, fed, length, record_from, workers)
    spikes = _spikes(events, lowered, layout, step)
    given = {name: given_spikes(g, step, record_from, length) for name, g in fed.items()}
    return Recording(
        spikes={name: spikes[name] for name in names},
        outputs=outputs_of(lowered, spikes | given),
        traces=traces,
        dt=step,
        steps=length,
        batch=batch_of(fed),
        sizes=lowered.spiking,
        widths=lowered.outputs,
        record_from=record_from,
    )


def _check_options(
    amplitude: str, reset: str, latency: str, dtype: npt.DTypeLike, workers: int | None
) -> None:
    for name, value, known in (
        ("amplitude", amplitude, get_args(Amplitude)),
        ("reset", reset, get_args(Reset)),
    ):
        if value not in known:
            raise ValueError(f"{name}: {value!r} is unknown; use one of {known}")
    check_latency(latency)
    if np.dtype(dtype) not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ValueError(f"dtype: {np.dtype(dtype)} cannot be used; give float64 or float32")
    if workers is not None and workers < 1:
        raise ValueError(f"workers: {workers} threads cannot run; give 1 or more")


def _run(
    program: Program, layout: Layout, fed: Fed, steps: int, record_from: int, workers: int | None
) -> tuple[list[Events], dict[str, FloatArray]]:
    """Events (spikes, 2) of each sample, and the traces of each Output."""
    from neurosc.export.euler.kernel import advance

    batch, number = batch_of(fed), program.weight.dtype
    traced = sum(layout.width[name] for name in layout.traced)
    check_traces(batch, steps - record_from, traced)
    trace = np.zeros((batch, steps - record_from, traced), dtype=number)

    def one(sample: int) -> Events:
        step, source, value = _given(fed, layout, sample, steps)
        value = (program.amplitude * value).astype(number)
        events, k, node = advance(program, step, source, value, steps, record_from, trace[sample])
        if k >= 0:
            raise ValueError(
                f"graph: node {layout.order[node]!r} overflows in step {k} of sample {sample}; "
                "give a smaller dt or weaker weights"
            )
        return np.asarray(events)

    with ThreadPoolExecutor(workers or _processors()) as pool:
        events = list(pool.map(one, range(batch)))
    traces, a = {}, 0
    for name in layout.traced:
        traces[name] = trace[:, :, a : a + layout.width[name]].astype(np.float64)
        a += layout.width[name]
    return events, traces


def _given(fed: Fed, layout: Layout, sample: int, steps: int) -> tuple[Events, Events, FloatArray]:
    """Step, source and value of what a sample is given, in the order of steps."""
    columns: list[tuple[Any, ...]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for name, given in fed.items():
        sent = events_of(one_sample(given, sample), 0, steps)
        columns.append((sent.step, sent.channel + layout.first[name], sent.value))
    step, source, value = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.lexsort((source, step))
    return step[order], source[order], value[order]


def _spikes(events: list[Events], lowered: Lowered, layout: Layout, dt: float) -> dict[str, Spikes]:
    """Spikes by node."""
    sample = np.repeat(np.arange(len(events)), [len(found) for found in events])
    step, neuron = np.concatenate(events).T
    found = {}
    for name in lowered.spiking:
        place = neuron - layout.first[name]
        own = (place >= 0) & (place < layout.width[name])
        time = (step[own] + 0.5) * dt
        found[name] = in_order(sample[own], place[own], time, np.ones(time.size))
    return found


def _processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
