"""A phase network as one population of equal neurons with one recurrent weight matrix."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import numpy.typing as npt

from neurosc.export.compile import (
    blocks,
    check_expressible,
    check_strength,
    detuning,
)
from neurosc.export.dither import Dither, dither_of, lost_steps
from neurosc.export.grid_taps import GridTaps, bias, decays_of, grid_taps
from neurosc.export.rehearsal import Rehearsal, rehearse
from neurosc.export.relays import Chain, Decays, chain, relay, split
from neurosc.hw_models.spiking.lif import LIF
from neurosc.network import FloatArray, IntArray, PhaseNetwork

FEED = 1.5
"""What a spike of the input adds to its neuron: enough to spike in the same step."""
FEWEST_STEPS = 32
"""Steps in a cycle below which relays and taps run into each other."""

Float32Array = npt.NDArray[np.float32]


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
        What a run of the population showed.
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

    def report(self) -> str:
        """What was built and checked, in lines to print."""
        seen = self.rehearsal
        return "\n".join(
            [
                f"neurons           {self.bias.size}, of them {self.oscillators.size} oscillators "
                f"and {len(self.relays)} relays",
                f"synapses          {np.count_nonzero(self.weight)}",
                f"interaction       {self.taps.deviation:.3g} off a sine, "
                f"{len(self.taps.delays)} taps",
                f"relay spikes      {seen.spikes} in {seen.steps} steps, all on time",
                f"threshold margin  {seen.relay_margin:.3g} at relays, "
                f"{seen.margin:.3g} at all neurons",
            ]
        )


def compile_portable(
    network: PhaseNetwork, *, eps: float = 0.1, steps_per_cycle: int = 256, pairs: int = 3
) -> Portable:
    """Oscillators, relays that delay their spikes, sources, and a dither.

    In each cycle theta_i gains 2 pi + eps (omega_i + sum_j K_ij sin(theta_j - theta_i) + field),
    where the sine is made of 2 `pairs` taps, each a relay in a chain behind oscillator j.

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
    decays = decays_of(steps_per_cycle)
    taps = grid_taps(decays, steps_per_cycle, pairs)
    coupling, drive, read = blocks(network, eps)
    population = _Population(decays, chain(decays, taps.delays), sum(drive.shape))
    m = len(drive)
    _couple(population, np.column_stack([coupling, drive]), taps)
    dither = dither_of(decays, steps_per_cycle)
    period = steps_per_cycle / (1 + eps * detuning(network) / (2 * np.pi))
    population.bias[population.heads[:m]] = bias(
        decays, period - lost_steps(decays, steps_per_cycle, dither)
    )
    _shake(population, decays, dither, population.heads[:m])
    feed = _feed(population, decays, population.heads[m:]).astype(np.float32)
    weight, constant = population.weight.astype(np.float32), population.bias.astype(np.float32)
    relays = np.array(population.relays, dtype=np.intp)
    return Portable(
        decays=decays,
        steps=int(steps_per_cycle),
        eps=float(eps),
        taps=taps,
        bias=constant,
        feed=feed,
        weight=weight,
        oscillators=population.heads[:m],
        outputs=population.heads[:m][read],
        relays=relays,
        rehearsal=rehearse(decays, constant, feed, weight, relays, steps_per_cycle),
    )


class _Population:
    """The matrix while it is filled: sources of spikes, each followed by its chain, and dither."""

    def __init__(self, decays: Decays, links: Chain, sources: int) -> None:
        self.links = links
        self.stride = 1 + len(links.relays)
        self.heads = np.arange(sources) * self.stride
        latencies = [one.latency for one in links.relays]
        self.dither = sources * self.stride
        size = self.dither + 1
        self.weight = np.zeros((size, size))
        self.bias = np.zeros(size)
        self.relays: list[tuple[int, int, int]] = []
        for head in self.heads.tolist():
            self._follow(decays, head, head + 1, latencies)

    def _follow(self, decays: Decays, head: int, first: int, latencies: list[int]) -> None:
        """Relays from neuron `first` on, behind `head`."""
        row = [head, *range(first, first + len(latencies))]
        for (before, after), latency in zip(itertools.pairwise(row), latencies, strict=True):
            made = relay(decays, latency)
            self.weight[after, before] = made.kick
            self.weight[after, after] = made.cancel
            self.relays.append((before, after, latency))

    def extend(self, decays: Decays, head: int, latencies: list[int]) -> int:
        """Add relays behind `head` at the end; the last of them."""
        first, more = self.bias.size, len(latencies)
        self.weight = np.pad(self.weight, (0, more))
        self.bias = np.pad(self.bias, (0, more))
        self._follow(decays, head, first, latencies)
        return first + more - 1


def _couple(population: _Population, strength: FloatArray, taps: GridTaps) -> None:
    """Weights from the taps of all sources (m, m + c) to the oscillators."""
    m = len(strength)
    for place, weight in zip(population.links.taps, taps.weights, strict=True):
        rows, columns = population.heads[:m], population.heads + place
        population.weight[np.ix_(rows, columns)] += strength * weight


def _shake(population: _Population, decays: Decays, dither: Dither, targets: IntArray) -> None:
    """One more oscillator, which pushes all others forth, and through relays back."""
    population.bias[population.dither] = bias(decays, dither.period)
    back = population.extend(decays, population.dither, list(split(decays, dither.back)))
    population.weight[targets, population.dither] = dither.push
    population.weight[targets, back] = -dither.push


def _feed(population: _Population, decays: Decays, sources: IntArray) -> FloatArray:
    """Input to the sources, which cancel what is left of it at their spike."""
    feed = np.zeros((population.bias.size, sources.size))
    feed[sources, np.arange(sources.size)] = FEED
    population.weight[sources, sources] = -FEED * decays.synapse
    return feed
