"""A phase network as one population of equal neurons with one recurrent weight matrix."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from neurosc.export.compile import blocks, check_expressible, check_strength
from neurosc.export.portable.calibration import calibrate, operating_points, tap_weights
from neurosc.export.portable.dither import dither_of
from neurosc.export.portable.grid_taps import GridTaps, decays_of, grid_taps
from neurosc.export.portable.rehearsal import Float32Array, Rehearsal
from neurosc.export.portable.relays import Decays
from neurosc.export.portable.wiring import Wiring
from neurosc.hw_models.spiking.lif import LIF
from neurosc.network import IntArray, PhaseNetwork

FEWEST_STEPS = 32
"""Steps in a cycle below which relays and taps run into each other."""


@dataclasses.dataclass(frozen=True, eq=False)
class Portable:
    """The numbers of the population; n neurons, m oscillators among them, c channels of input.

    Neurons are in the order: oscillators, each followed by its relays; the sources likewise; the
    dither with its relays.

    Attributes
    ----------
    decays
        Of every neuron.
    steps
        In a cycle.
    eps
        Units of the network's time in one cycle.
    taps
        Delays and weights that make the coupling a sine.
    bias
        x of each neuron in each step, (n,).
    feed
        Weights of the input, (n, c): channels as in the faithful shape.
    weight
        Among the neurons, (n, n), rows are targets.
    oscillators
        The neurons that stand for the free oscillators, (m,).
    outputs
        Those among them that are read, (k,).
    relays
        Rows of predecessor, relay and latency in steps, (r, 3).
    rehearsal
        What runs of the population showed.
    beat
        Cycles after which oscillators and dither meet again: what to read phases over.
    """

    decays: Decays
    steps: int
    eps: float
    taps: GridTaps
    bias: Float32Array
    feed: Float32Array
    weight: Float32Array
    oscillators: IntArray
    outputs: IntArray
    relays: IntArray
    rehearsal: Rehearsal
    beat: int

    def report(self) -> str:
        """What was built and checked, in lines to print."""
        seen, neurons = self.rehearsal, self.bias.size
        corrected = (
            f"frequencies       {seen.excess:.2g} off the ideal, at {seen.points} operating points"
            if np.isfinite(seen.excess)
            else "frequencies       not corrected: the network locks at none of the samples"
        )
        return "\n".join(
            [
                f"neurons           {neurons}: {self.oscillators.size} oscillators, "
                f"{self.feed.shape[1]} sources, {len(self.relays)} relays, 1 dither",
                f"synapses          {np.count_nonzero(self.weight)}",
                f"interaction       {self.taps.deviation:.2g} off a sine, "
                f"{len(self.taps.delays)} taps",
                corrected,
                f"relay latencies   {len(self.relays)} checked, {seen.spikes} spikes in "
                f"{seen.steps} steps, all on time",
                f"threshold margin  {seen.relay_margin:.2g} at relays, "
                f"{seen.margin:.2g} at all neurons",
            ]
        )


def compile_portable(
    network: PhaseNetwork,
    *,
    eps: float = 0.1,
    steps_per_cycle: int = 256,
    pairs: int = 3,
    samples: npt.ArrayLike | None = None,
) -> Portable:
    """Oscillators, relays that delay their spikes, sources, and a dither.

    In each cycle theta_i gains 2 pi + eps (omega_i + sum_j K_ij sin(theta_j - theta_i) + field),
    where the sine is made of 2 `pairs` taps, each a relay in a chain behind oscillator j. Weights
    of taps and frequencies are corrected where the network is to work: see `calibrate`.

    Parameters
    ----------
    network
        Real couplings, phase-coded inputs, no second harmonic.
    eps
        Units of the network's time in one cycle.
    steps_per_cycle
        32 or more. With more than 256 float32 may move a spike by a step.
    pairs
        2, 3 or 4 are of use.
    samples
        Typical inputs (batch, inputs), for which the export is most precise; by default random ones
        in [-1, 1], always the same.

    Raises
    ------
    ValueError
        For what pulses cannot express, couplings that are too strong, and too coarse a grid.
    """
    check_expressible(network)
    check_strength(network, eps, LIF())
    if steps_per_cycle < FEWEST_STEPS * pairs / 2 or pairs < 1 or steps_per_cycle % 2:
        raise ValueError(
            f"steps_per_cycle, pairs: {steps_per_cycle} and {pairs} do not fit; give an even "
            f"number of steps, {FEWEST_STEPS // 2} per pair or more, and 1 pair or more"
        )
    steps = int(steps_per_cycle)
    decays = decays_of(steps)
    taps, dither = grid_taps(decays, steps, pairs), dither_of(decays, steps)
    coupling, drive, read = blocks(network, eps)
    strength = np.column_stack([coupling, drive])
    wiring = Wiring(decays, steps, taps, dither, *strength.shape)
    points = operating_points(network, samples)
    wiring.couple(strength[..., None] * tap_weights(network, taps, points))
    score, rehearsal = calibrate(network, eps, wiring, points)
    return Portable(
        decays=decays,
        steps=steps,
        eps=float(eps),
        taps=taps,
        bias=score.bias,
        feed=score.feed,
        weight=score.weight,
        oscillators=score.oscillators,
        outputs=score.oscillators[read],
        relays=score.relays,
        rehearsal=rehearsal,
        beat=dither.period // math.gcd(dither.period, steps),
    )
