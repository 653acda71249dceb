"""Runs a NIR graph in Brian2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

from neurosc.export.arguments import check_start, recorded, time_step
from neurosc.export.brian.codegen import Target, check_target, code_generation
from neurosc.export.brian.euler import euler_simulation
from neurosc.export.brian.exact import exact_simulation
from neurosc.export.brian.exact_step import Reset, check_reset
from neurosc.export.inputs import Given, batch_of, check_inputs, given_spikes, length_of
from neurosc.export.lowering.latency import Latency, check_latency
from neurosc.export.lowering.limits import check_traces
from neurosc.export.lowering.lowered import lower
from neurosc.export.recording import Recording, outputs_of

if TYPE_CHECKING:
    import nir

Method = Literal["exact", "euler"]


def run(
    graph: nir.NIRGraph,
    inputs: Given | Mapping[str, Given] | None = None,
    *,
    dt: float | None = None,
    steps: int | None = None,
    method: Method = "exact",
    reset: Reset | None = None,
    latency: Latency | None = None,
    record: list[str] | None = None,
    record_from: int = 0,
    target: Target = "auto",
    progress: bool = False,
) -> Recording:
    """Run a NIR graph in Brian2.

    Runs every node of NIR 1.0: Affine, Linear, Scale, Conv1d, Conv2d, SumPool2d, AvgPool2d,
    Flatten, Delay, Threshold, I, LI, IF, LIF, CubaLI, CubaLIF and nested graphs; any other node
    is an error. A spike counts as 1 for one step: it adds w r dt/tau to the state of an LI or LIF,
    w r dt to an I or IF, w w_in dt/tau_syn to the current of a CubaLIF. All states start at 0.

    Parameters
    ----------
    graph
        The graph.
    inputs
        What the Input node gets: a number in each step, (steps, channels), (batch, steps,
        channels) or (batch, steps, *shape of the Input), spikes as 0 and 1; or `PeriodicSpikes`;
        a dict by name if there are several Input nodes; None for silence. A number x acts as x
        spikes do.
    dt
        Seconds per step; a graph of `to_nir` knows its own.
    steps
        Length of the run; by default that of `inputs`.
    method
        - `"exact"`: between spikes the linear equations of the neurons are solved exactly, step
          by step. Graded signals that pass a matrix or a delay are held over each step.
        - `"euler"`: forward Euler, the steps of `simulate` and of the importers of NIR: the same
          spikes, in Brian2.

    Other arguments
    ---------------
    reset
        For the exact method:

        - `"exact"`, the default: time is continuous and the grid only a means. A neuron resets at
          the moment of the crossing, its spike has a time within the step, and arrives a delay
          after it; all to second order in dt. What is given stands in the middle of its step.
        - `"grid"`: a neuron over the threshold at the end of a step resets then. Its spike acts on
          others in the next step, what is given to an Input in the same; delays are rounded to
          steps.

        Euler resets on the grid.
    latency
        For Euler, when signals are seen; see `simulate`. By default `"loops"`.
    record
        Nodes whose spikes are returned; by default all that spike.
    record_from
        First step that is recorded.
    target
        What runs Brian2: `"cython"` compiles once for each shape of graph, a minute or two, and
        keeps the result; `"numpy"` starts at once and runs slower, about threefold for a hundred
        samples; `"auto"` leaves it to Brian2's own preference.
    progress
        Show a bar.

    Returns
    -------
    Recording

    Raises
    ------
    ValueError
        For nodes that cannot be run, inputs that do not fit, a missing dt, options of the other
        method, graded signals that overflow, and what memory cannot hold.

    Notes
    -----
    With `reset="exact"`, a spike that is still on its way when its neuron fires again arrives with
    the sub-step time of the later one: an error of at most a step, for delays beyond the interval.
    A Threshold that does not follow one LI directly compares what arrives in each step, and sees
    spikes one step later. Delays of graded signals are rounded to steps.

    `"exact"` and `"euler"` drift apart, by t/(2 tau) steps after a time t; see `simulate`.
    """
    _check_method(method, reset, latency)
    check_target(target)
    lowered = lower(graph)
    step = time_step(graph, dt)
    fed = check_inputs(lowered, inputs)
    length, batch = length_of(fed, steps), batch_of(fed)
    check_start(record_from, length)
    check_traces(batch, length - record_from, sum(lowered.outputs[n] for n in lowered.traced))
    names = recorded(lowered, record)
    with code_generation(target):
        if method == "exact":
            simulation = exact_simulation(lowered, step, reset or "exact", batch, fed)
        else:
            simulation = euler_simulation(lowered, step, latency or "loops", batch, fed)
        simulation.run(length, record_from, progress)
    spikes = simulation.spikes()
    given = {name: given_spikes(g, step, record_from, length) for name, g in fed.items()}
    return Recording(
        spikes={name: spikes[name] for name in names},
        outputs=outputs_of(lowered, spikes | given),
        traces=simulation.traces(record_from, length),
        dt=step,
        steps=length,
        batch=batch,
        sizes=lowered.spiking,
        widths=lowered.outputs,
        record_from=record_from,
    )


def _check_method(method: str, reset: str | None, latency: str | None) -> None:
    if method not in get_args(Method):
        raise ValueError(f"method: {method!r} is unknown; use one of {get_args(Method)}")
    check_reset(reset or "exact")
    check_latency(latency or "loops")
    if method == "euler" and reset == "exact":
        raise ValueError('reset: Euler resets on the grid; leave it out, or give method="exact"')
    if method == "exact" and latency is not None:
        raise ValueError('latency: only Euler has a choice; leave it out, or give method="euler"')
