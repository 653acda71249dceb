"""A phase network as leaky integrate-and-fire neurons that couple through delayed spikes."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy

from neurosc.hw_models.spiking.lif import LIF, round_down
from neurosc.hw_models.spiking.taps import Taps, pair_design
from neurosc.network import FloatArray, IntArray, PhaseNetwork

CLOCKS = (0.0, np.pi / 2)
"""Phases of the clocks, radians: the first carries Re b, the second Im b, for
Im(conj(z) b) = Re b sin(0 - theta) + Im b sin(pi/2 - theta)."""


@dataclasses.dataclass(frozen=True, eq=False)
class SpikingProgram:
    """The numbers of the spiking network; m free oscillators, c sources of spikes.

    Attributes
    ----------
    neuron
        Of each oscillator.
    taps
        Delays and weights that make the coupling a sine, in units of the period.
    current
        Drive of each free oscillator, (m,), in units of the threshold.
    coupling
        eps K among the free ones, (m, m): volts per unit of tap weight.
    drive
        eps [Re b, Im b, K of the held ones], (m, c), likewise.
    outputs
        Rows of the oscillators that are read, (k,).
    """

    neuron: LIF
    taps: Taps
    current: FloatArray
    coupling: FloatArray
    drive: FloatArray
    outputs: IntArray


def compile_network(
    network: PhaseNetwork, *, eps: float, steps_per_cycle: int, pairs: int, poles: int
) -> SpikingProgram:
    """Spiking neurons that gain eps (omega_i + sum_j K_ij sin(theta_j - theta_i)) a cycle.

    Parameters
    ----------
    network
        Real couplings, phase-coded inputs, no second harmonic.
    eps
        Units of the network's time in one cycle.
    steps_per_cycle, pairs, poles
        See `pair_design`.

    Raises
    ------
    ValueError
        For what pulses cannot express, and where eps times the couplings is too strong.
    """
    check_expressible(network)
    neuron = LIF()
    taps = pair_design(pairs, poles, neuron=neuron, steps_per_cycle=steps_per_cycle)
    check_strength(network, eps, neuron)
    coupling, drive, read = blocks(network, eps)
    return SpikingProgram(
        neuron=neuron,
        taps=taps,
        current=neuron.current(detuning(network), eps),
        coupling=coupling,
        drive=drive,
        outputs=read,
    )


def blocks(network: PhaseNetwork, eps: float) -> tuple[FloatArray, FloatArray, IntArray]:
    """`coupling` (m, m), `drive` (m, c) and `outputs` (k,) of a `SpikingProgram`."""
    free, fixed = network.free, sources(network)
    rows = scipy.sparse.csr_array(network.coupling)[free]
    field = network.field[free]
    drive = np.column_stack([field.real, field.imag, rows[:, fixed].toarray()])
    read = np.searchsorted(free, network.outputs) if network.outputs.size else np.arange(free.size)
    return eps * rows[:, free].toarray(), eps * drive, read


def sources(network: PhaseNetwork) -> IntArray:
    """The held oscillators in the order of their channels: inputs as given, then the others."""
    fixed = np.setdiff1d(np.arange(network.n), network.free)
    inputs = network.inputs[np.isin(network.inputs, fixed)]
    return np.concatenate([inputs, np.setdiff1d(fixed, inputs)])


def detuning(network: PhaseNetwork) -> FloatArray:
    """omega of the free oscillators, less the mean over each floating part, (m,)."""
    return network.co_rotating(network.frequency)[network.free]


def strongest_pull(network: PhaseNetwork) -> float:
    """The largest sum of couplings and field on one free oscillator."""
    return float(network.strength[network.free].max(initial=0.0))


def check_expressible(network: PhaseNetwork) -> None:
    """Raise ValueError for what pulses cannot express."""
    kind = network.encoding.kind
    if network.inputs.size and kind != "phase":
        raise ValueError(
            f"encoding: {kind} coding has no spikes that could carry it; "
            'use Encoding("phase", scale)'
        )
    if network.is_complex:
        raise ValueError(
            "coupling: lags (complex couplings) would need a tap set for each synapse; "
            "make the coupling real"
        )
    if network.free.size == 0:
        raise ValueError("network: every oscillator is held, nothing would spike; free some")
    shaken = np.flatnonzero(network.second_harmonic[network.free])
    if shaken.size:
        i = int(network.free[shaken[0]])
        raise ValueError(
            f"second_harmonic: s[{i}] = {network.second_harmonic[i]:.6g}, but the taps pass the "
            "first harmonic only; set second_harmonic to zero"
        )


def check_strength(network: PhaseNetwork, eps: float, neuron: LIF) -> None:
    """Raise ValueError where eps times the couplings or the detuning is too much."""
    if not 0 < eps < np.inf:
        raise ValueError(f"eps: {eps} is not a positive number; give .1, for example")
    strength = strongest_pull(network)
    if eps * strength > neuron.strongest:
        raise ValueError(
            f"eps: {eps:.6g} times the largest sum of couplings on one oscillator, {strength:.6g}, "
            f"exceeds {neuron.strongest:.4g}, beyond which the neurons lose the rhythm; "
            f"give eps <= {neuron.largest_eps(strength)} or scale the couplings down"
        )
    turn = eps * np.abs(detuning(network)).max()
    if turn >= np.pi:
        raise ValueError(
            f"eps: {eps:.6g} times the largest detuning is {turn:.4g} rad in one cycle, half a "
            f"turn or more; give eps < {round_down(np.pi * eps / turn)} or lower frequency"
        )
