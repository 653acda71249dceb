"""Between phase networks and NIR graphs."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosc.export.compile import SpikingProgram, compile_network
from neurosc.export.metadata import Settings, pack, unpack
from neurosc.export.portable.compiling import compile_portable
from neurosc.export.shapes import (
    Amplitude,
    Latency,
    Shape,
    check_reading,
    check_shape,
    matrix,
    population_graph,
    sinabs_graph,
)
from neurosc.export.target_shapes import suited
from neurosc.network import PhaseNetwork

if TYPE_CHECKING:
    import nir

PERIOD = 25.6e-3
"""Default period of the free oscillator in seconds: 256 steps of .1 ms."""
DT = 1e-4
"""Default time step in seconds of the portable shape, which snnTorch assumes of every file."""


def to_nir(
    network: PhaseNetwork,
    *,
    eps: float = 0.1,
    steps_per_cycle: int = 256,
    pairs: int = 3,
    poles: int | None = None,
    period: float | None = None,
    shape: Shape | None = None,
    target: str | None = None,
    amplitude: Amplitude = "one",
    latency: Latency = "loops",
    affine: bool = False,
    samples: npt.ArrayLike | None = None,
) -> nir.NIRGraph:
    """The network as a NIR graph of leaky integrate-and-fire oscillators, in seconds.

    Each free oscillator is a LIF neuron of free period T = `period`,

        tau dv/dt = v_leak - v + tau i,  spike and v = 0 at v = 1,

    v_leak = I_0 shifted by its frequency. Its phase is theta = -2 pi t_spike / T. Its input
    current i is what delayed copies of the spikes leave of themselves after some first-order
    filters; their delays and weights are chosen so that in each cycle

        theta_i gains 2 pi + eps (omega_i + sum_j K_ij sin(theta_j - theta_i) + field).

    The graph:

        input -> input_delay_m -> input_tap_m -> drive ---+
                                                          +--> pole1 -> pole2 -> osc -> readout
        osc ---> delay_m -------> tap_m -------> coupling +                            -> output

    Channels of `input` take one spike a cycle at t = -theta T / 2 pi: a clock at phase 0 and one
    at pi/2, which carry the real and imaginary part of the field; then the inputs in the order of
    `network.inputs`, then the other held oscillators. A spike counts as 1 for one step
    dt = period / steps_per_cycle, so weights are per dt, and a weight w makes `pole1` jump by
    w dt / tau.

    That is the shape "faithful", for simulators with delays. The shape "portable" has the same
    channels, but is made for importers and chips that have none: one population of equal CubaLIF
    neurons with one matrix among them, where relay neurons make the delays,

        input -> l0_in -> l1_osc {input -> lif <-> w_rec, lif -> output} -> output,

    stepped by forward Euler with spikes of one step and a loop that takes one step; "flat" is that
    without nesting. `output` has the spikes of all neurons; see `compile_portable`. The shape
    "sinabs" is the same population as Sinabs reads it, in steps; see `sinabs_graph`.

    Parameters
    ----------
    network
        Real couplings, phase-coded inputs, no second harmonic.
    eps
        Units of the network's time in one cycle: less is more precise and slower.
    steps_per_cycle
        A multiple of 2 (pairs + 1). Delays are whole numbers of steps and one half, the mean
        lateness of a spike on a time grid.

    Other arguments
    ---------------
    pairs, poles
        There are 2 `pairs` delays and `poles` filters, by default 2; see
        `hw_models.spiking.pair_design`. The portable shapes have one pole, their synapse.
    period
        Of the free oscillator, seconds; by default 25.6 ms, in the portable shapes such that a
        step is .1 ms. The sinabs shape counts in steps and takes none.
    shape
        "faithful", "portable", "flat" or "sinabs"; by default "faithful", or what the target takes.
    target
        A chip or an importer, one of `export.targets.names()`: the graph gets the shape that it
        takes, and is held against its limits. Grids are left to `quantize`.
    amplitude
        What a spike is to those who run the graph, as in `simulate`, which must be told the same:
        "one" for the value 1 during a step, or "impulse" for an impulse of area 1, whose weights
        do not depend on dt. `run` takes "one".
    latency
        Whether a spike in a loop is seen one step later beside its delay, "loops", or the delay
        contains that step, "absorbed", and is one step longer here. `simulate` has both; `run`
        has no such step and takes "loops".
    affine
        Affine nodes with a bias of 0 in place of Linear ones.
    samples
        Typical inputs (batch, inputs), for which the portable shapes are made most precise; see
        `compile_portable`.

    Returns
    -------
    nir.NIRGraph
        It runs as it stands; its metadata holds the network, for `from_nir`.

    Raises
    ------
    ValueError
        For amplitude- or frequency-coded inputs, complex couplings, second harmonics, for `poles`,
        `amplitude` or `latency` of other shapes than the faithful, and
        for `eps` so large that the neurons would lose their rhythm; for
        an unknown target, one that cannot hold the network, and one that takes another `shape`.

    Notes
    -----
    Source for the coupling by delayed pulses: Kuramoto, Chemical Oscillations (1984), ch. 5, for
    the averaging; `hw_models.spiking.taps` for the taps. Format: Pedersen et al., Nat. Commun.
    15, 8122 (2024).
    """
    import nir

    if shape is not None:
        check_shape(shape)
    if target is not None:
        build = functools.partial(
            to_nir, network, eps=eps, steps_per_cycle=steps_per_cycle, pairs=pairs, poles=poles,
            period=period, amplitude=amplitude, latency=latency, affine=affine, samples=samples,
        )  # fmt: skip
        return suited(target, shape, lambda one: build(shape=one))
    shape = shape or "faithful"
    check_reading(shape, amplitude, latency)
    cycle = _cycle(period, shape, steps_per_cycle)
    settings = Settings(
        float(eps), cycle, int(steps_per_cycle), shape, amplitude, latency, bool(affine)
    )
    if shape != "faithful":
        if poles is not None:
            raise ValueError(
                f"poles: the {shape} shape has one, its synapse; leave it out, or use "
                'shape="faithful"'
            )
        portable = compile_portable(
            network, eps=eps, steps_per_cycle=steps_per_cycle, pairs=pairs, samples=samples
        )
        if shape == "sinabs":
            return sinabs_graph(portable, pack(network, settings))
        return population_graph(
            portable,
            settings.dt,
            nested=shape == "portable",
            affine=affine,
            metadata=pack(network, settings),
        )
    if samples is not None:
        raise ValueError(
            "samples: the faithful shape is as precise for all; leave them out, or use "
            'shape="portable"'
        )
    filters = 2 if poles is None else poles
    program = compile_network(
        network, eps=eps, steps_per_cycle=steps_per_cycle, pairs=pairs, poles=filters
    )
    nodes, edges = _oscillators(program, settings)
    _add_coupling(nodes, edges, program, settings)
    return nir.NIRGraph(nodes=nodes, edges=edges, metadata=pack(network, settings))


def from_nir(graph: nir.NIRGraph) -> PhaseNetwork:
    """The network from which `to_nir` made the graph, equal to the bit.

    Raises
    ------
    ValueError
        For a graph that `to_nir` did not make: says what the graph is, its nodes, neurons, loops
        and time constants, and what can be done with it. For metadata that were tampered with.
    """
    return unpack(graph)[0]


def _cycle(period: float | None, shape: Shape, steps_per_cycle: int) -> float:
    """The period in seconds; in steps where the shape counts in those."""
    if shape == "sinabs":
        if period is not None:
            raise ValueError("period: the sinabs shape counts in steps; leave it out")
        return float(steps_per_cycle)
    if period is None:
        return PERIOD if shape == "faithful" else DT * steps_per_cycle
    if not 0 < period < np.inf:
        raise ValueError(f"period: {period} is not a positive number of seconds; give one")
    return float(period)


def _oscillators(
    program: SpikingProgram, settings: Settings
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Input, neurons with their filters, and output."""
    import nir

    m, channels = program.drive.shape
    every = np.ones(m)
    tau = program.neuron.tau * settings.period
    poles = [f"pole{k + 1}" for k in range(program.taps.poles)]
    nodes: dict[str, Any] = {"input": nir.Input(input_type=np.array([channels]))}
    for name in poles:
        nodes[name] = nir.LI(
            tau=program.taps.pole * settings.period * every, r=every, v_leak=0 * every
        )
    nodes["osc"] = nir.LIF(
        tau=tau * every, r=tau * every, v_leak=program.current, v_threshold=every, v_reset=0 * every
    )
    nodes["readout"] = matrix(np.eye(m)[program.outputs], settings.affine)
    nodes["output"] = nir.Output(output_type=np.array([program.outputs.size]))
    chain = [*poles, "osc", "readout", "output"]
    return nodes, list(itertools.pairwise(chain))


def _add_coupling(
    nodes: dict[str, Any],
    edges: list[tuple[str, str]],
    program: SpikingProgram,
    settings: Settings,
) -> None:
    """Delayed, weighted copies of the spikes: of the oscillators, and of the sources."""
    import nir

    for source, prefix, target, weight, absorbed in (
        ("input", "input_", "drive", program.drive, 0.0),
        ("osc", "", "coupling", program.coupling, settings.absorbed),
    ):
        every = np.ones(weight.shape[1])
        for m, (d, w) in enumerate(zip(program.taps.delays, program.taps.weights, strict=True)):
            delay, tap = f"{prefix}delay_{m}", f"{prefix}tap_{m}"
            nodes[delay] = nir.Delay(delay=(d * settings.period + absorbed) * every)
            nodes[tap] = nir.Scale(scale=w * every)
            edges += [(source, delay), (delay, tap), (tap, target)]
        nodes[target] = matrix(weight / settings.spike_area, settings.affine)
        edges.append((target, "pole1"))
