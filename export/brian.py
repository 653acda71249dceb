"""Runs a NIR graph in Brian2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosc.export.arguments import check_start, recorded, time_step
from neurosc.export.codegen import Target, check_target, code_generation
from neurosc.export.inputs import Given, batch_of, check_inputs, given_spikes, length_of
from neurosc.export.lowering import lower
from neurosc.export.recording import Recording, outputs_of
from neurosc.export.simulation import Simulation
from neurosc.export.stepping import Reset, check_reset

if TYPE_CHECKING:
    import nir


def run(
    graph: nir.NIRGraph,
    inputs: Given | dict[str, Given] | None = None,
    *,
    dt: float | None = None,
    steps: int | None = None,
    reset: Reset = "exact",
    record: list[str] | None = None,
    record_from: int = 0,
    target: Target = "auto",
    progress: bool = False,
) -> Recording:
    """Run a NIR graph in Brian2.

    Runs Affine, Linear, Scale, Flatten, Delay, Threshold, I, LI, IF, LIF, CubaLI, CubaLIF and
    nested graphs; any other node is an error. Between spikes the linear equations of the neurons
    are solved exactly, step by step. A spike counts as 1 for one step: it adds w r dt/tau to the
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
        Length of the run; by default that of `inputs`.
    reset
        - `"exact"`: time is continuous and the grid only a means. A neuron resets at the moment
          of the crossing, its spike has a time within the step, and arrives a delay after it;
          all to second order in dt. Given spikes stand in the middle of their step.
        - `"grid"`: as the importers of NIR do it. A neuron over the threshold at the end of a
          step resets then. Its spike acts on others in the next step, that of an Input in the
          same; delays are rounded to steps.

    Other arguments
    ---------------
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
        For nodes that cannot be run, inputs that do not fit, and a missing dt.

    Notes
    -----
    With `"exact"`, a spike that is still on its way when its neuron fires again arrives with the
    sub-step time of the later one: an error of at most a step, for delays beyond the interval.
    """
    check_reset(reset)
    check_target(target)
    lowered = lower(graph)
    step = time_step(graph, dt)
    fed = check_inputs(lowered, inputs)
    length = length_of(fed, steps)
    check_start(record_from, length)
    names = recorded(lowered, record)
    with code_generation(target):
        simulation = Simulation(lowered, step, reset, batch_of(fed), fed)
        simulation.run(length, record_from, progress)
    spikes = simulation.spikes()
    given = {name: given_spikes(g, step, record_from, length) for name, g in fed.items()}
    return Recording(
        spikes={name: spikes[name] for name in names},
        outputs=outputs_of(lowered, spikes | given),
        traces=simulation.traces(),
        dt=step,
        steps=length,
        batch=batch_of(fed),
        sizes={name: lowered.groups[k].neurons for name, k in lowered.spiking.items()},
        record_from=record_from,
    )
