"""The matrix of a population: sources of spikes, each followed by its relays, and a dither."""

from __future__ import annotations

import itertools

import numpy as np

from neurosc.export.portable.dither import Dither, lost_steps
from neurosc.export.portable.grid_taps import GridTaps, bias
from neurosc.export.portable.rehearsal import Score
from neurosc.export.portable.relays import Decays, chain, relay, split
from neurosc.network import FloatArray

FEED = 1.5
"""What a spike of the input adds to its neuron: enough to spike in the same step."""


class Wiring:
    """Weights, (n, n), rows are targets, of m oscillators and c sources with their relays.

    Neurons are in the order: oscillators, each followed by its relays; the sources likewise; the
    dither with its relays.

    Parameters
    ----------
    decays
        Of every neuron.
    steps
        In a cycle.
    taps
        At whose delays each chain has a relay.
    dither
        What shakes the oscillators.
    m, sources
        Oscillators, and both together.
    """

    def __init__(
        self, decays: Decays, steps: int, taps: GridTaps, dither: Dither, m: int, sources: int
    ) -> None:
        links = chain(decays, taps.delays)
        latencies = [one.latency for one in links.relays]
        self.decays, self.steps, self.dither = decays, steps, dither
        self.taps = np.array(links.taps)
        self.heads = np.arange(sources) * (1 + len(latencies))
        self.oscillators, self.inputs = self.heads[:m], self.heads[m:]
        self.shaker = sources * (1 + len(latencies))
        back = split(decays, dither.back)
        self.size = self.shaker + 1 + len(back)
        self.weight = np.zeros((self.size, self.size))
        self.relays: list[tuple[int, int, int]] = []
        for head in self.heads.tolist():
            self._follow(head, latencies)
        self._follow(self.shaker, list(back))
        self.weight[self.oscillators, self.shaker] = dither.push
        self.weight[self.oscillators, -1] = -dither.push
        self.weight[self.inputs, self.inputs] = -FEED * decays.synapse
        self.lost = lost_steps(decays, steps, dither)

    def couple(self, weights: FloatArray) -> None:
        """Connect every tap of every source, (m, sources, taps), to the oscillators."""
        columns = self.heads[:, None] + self.taps
        self.weight[self.oscillators[:, None, None], columns] = weights

    def score(self, shift: FloatArray) -> Score:
        """The population with oscillators of the period steps / (1 + shift), (m,)."""
        constant = np.zeros(self.size)
        constant[self.oscillators] = bias(self.decays, self.steps / (1 + shift) - self.lost)
        constant[self.shaker] = bias(self.decays, self.dither.period)
        feed = np.zeros((self.size, self.inputs.size))
        feed[self.inputs, np.arange(self.inputs.size)] = FEED
        return Score(
            decays=self.decays,
            steps=self.steps,
            bias=constant.astype(np.float32),
            feed=feed.astype(np.float32),
            weight=self.weight.astype(np.float32),
            oscillators=self.oscillators,
            relays=np.array(self.relays, dtype=np.intp),
        )

    def _follow(self, head: int, latencies: list[int]) -> None:
        """Relays of some latencies behind `head`."""
        row = range(head, head + 1 + len(latencies))
        for (before, after), latency in zip(itertools.pairwise(row), latencies, strict=True):
            made = relay(self.decays, latency)
            self.weight[after, before] = made.kick
            self.weight[after, after] = made.cancel
            self.relays.append((before, after, latency))
