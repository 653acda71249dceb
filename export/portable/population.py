"""The population in a portable or flat graph: which neuron is what, read from the numbers."""

from __future__ import annotations

import dataclasses
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc.export.metadata import Settings, unpack
from neurosc.export.portable.relays import Decays
from neurosc.network import FloatArray, IntArray, PhaseNetwork

if TYPE_CHECKING:
    import nir


@dataclasses.dataclass(frozen=True, eq=False)
class Population:
    """Numbers and roles of n neurons: the free oscillators of a network, m of them, and helpers.

    Attributes
    ----------
    network, settings
        What `to_nir` made the graph of, and how.
    decays
        Of every neuron.
    bias
        x of each neuron in each step, (n,).
    feed
        Weights of the input, (n, c).
    weight
        Among the neurons, (n, n), rows are targets.
    oscillators
        The neurons that stand for the free oscillators, (m,).
    pacemakers
        Other neurons with a bias, such as the dither.
    sources
        Neurons that repeat the input.
    before
        The predecessor of a relay, (n,); -1 for all other neurons.
    latency
        Steps by which a relay is behind its predecessor, (n,); 0 for all other neurons.
    head
        The neuron at the start of the chain, (n,); itself for all but relays.
    delay
        Steps behind the head, (n,).
    """

    network: PhaseNetwork
    settings: Settings
    decays: Decays
    bias: FloatArray
    feed: FloatArray
    weight: FloatArray
    oscillators: IntArray
    pacemakers: IntArray
    sources: IntArray
    before: IntArray
    latency: IntArray
    head: IntArray
    delay: IntArray

    @property
    def relays(self) -> IntArray:
        """The neurons that delay a spike."""
        return np.flatnonzero(self.latency)

    @property
    def beat(self) -> int:
        """Cycles after which oscillators and pacemakers meet again; 1 without a dither."""
        return int(np.lcm.reduce([self.period(k) for k in self.pacemakers], initial=1))

    def period(self, neuron: int) -> int:
        """Steps between spikes of a neuron that gets nothing but its bias."""
        return round(float(crossing(self.decays, self.bias[neuron])) + 0.5)

    @classmethod
    def of(cls, graph: nir.NIRGraph) -> Population:
        """Read a graph of `to_nir`, from memory or from a file.

        Raises
        ------
        ValueError
            For a graph of another shape or origin, and one whose neurons have other roles.
        """
        network, settings = unpack(graph)
        drive, neurons, recurrent = parts(graph, settings)
        decays = Decays(
            float(1 - settings.dt / np.float64(neurons.tau_mem[0])),
            float(1 - settings.dt / np.float64(neurons.tau_syn[0])),
        )
        bias, feed, weight = (
            np.asarray(value, dtype=np.float64)
            for value in (drive.bias, drive.weight, recurrent.weight)
        )
        driven = np.flatnonzero(bias)
        m = network.free.size
        sources = np.flatnonzero(feed.any(axis=1))
        rest = np.setdiff1d(np.arange(bias.size), np.concatenate([driven, sources]))
        _check_alone(weight, np.concatenate([driven[m:], sources]))
        before, latency, head, delay = _chains(decays, weight, rest)
        return cls(
            network=network,
            settings=settings,
            decays=decays,
            bias=bias,
            feed=feed,
            weight=weight,
            oscillators=driven[:m],
            pacemakers=driven[m:],
            sources=sources,
            before=before,
            latency=latency,
            head=head,
            delay=delay,
        )


def parts(graph: nir.NIRGraph, settings: Settings) -> tuple[Any, Any, Any]:
    """The Affine before the neurons, the neurons, and the matrix among them."""
    if settings.shape == "portable":
        inner = graph.nodes["l1_osc"].nodes
        return graph.nodes["l0_in"], inner["lif"], inner["w_rec"]
    if settings.shape == "flat":
        return graph.nodes["l0_in"], graph.nodes["l1_osc"], graph.nodes["l2_rec"]
    raise ValueError(
        f"graph: of shape {settings.shape!r}, of which the neurons cannot be read; export it with "
        'shape="portable" or "flat"'
    )


def placed(graph: nir.NIRGraph, population: Population) -> nir.NIRGraph:
    """A copy of a graph with the numbers of a population."""
    copy = deepcopy(graph)
    drive, neurons, recurrent = parts(copy, population.settings)
    dt, every = np.float32(population.settings.dt), np.ones(population.bias.size, dtype=np.float32)
    drive.weight, drive.bias, recurrent.weight = (
        values.astype(np.float32)
        for values in (population.feed, population.bias, population.weight)
    )
    # r and w_in make a spike of weight 1 count as 1; see shapes.py
    neurons.r = every / np.float32(1 - population.decays.membrane)
    neurons.w_in = every / np.float32(1 - population.decays.synapse)
    neurons.tau_mem, neurons.tau_syn = neurons.r * dt, neurons.w_in * dt
    return copy


def crossing(decays: Decays, bias: FloatArray) -> FloatArray:
    """Steps from a reset until v crosses the threshold: the inverse of `grid_taps.bias`."""
    scale = (1 - decays.membrane) * (1 - decays.synapse)
    return np.asarray(np.log1p(-scale / bias) / np.log(decays.membrane))


def _check_alone(weight: FloatArray, neurons: IntArray) -> None:
    """Raise ValueError where a pacemaker or a source listens to other neurons."""
    for neuron in neurons:
        others = np.setdiff1d(np.flatnonzero(weight[neuron]), [neuron])
        if others.size:
            raise ValueError(
                f"graph: neuron {neuron} has a bias or an input of its own, but listens to neuron "
                f"{others[0]}; export the network again with this version of neurosc"
            )


def _chains(
    decays: Decays, weight: FloatArray, relays: IntArray
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Predecessor, latency, head and delay of every neuron: a relay has one predecessor."""
    n = len(weight)
    latency, head, delay = np.zeros(n, dtype=np.intp), np.arange(n), np.zeros(n, dtype=np.intp)
    before = np.full(n, -1, dtype=np.intp)
    for relay in relays:
        others = np.setdiff1d(np.flatnonzero(weight[relay]), [relay])
        if others.size != 1:
            raise ValueError(
                f"graph: neuron {relay} is no oscillator, source or relay, it has {others.size} "
                "predecessors; export the network again with this version of neurosc"
            )
        before[relay] = others[0]
        latency[relay] = _latency(decays, float(weight[relay, others[0]]))
    for relay in relays:
        at = relay
        while before[at] >= 0:
            delay[relay] += latency[at]
            at = before[at]
        head[relay] = at
    return before, latency, head, delay


def _latency(decays: Decays, kick: float) -> int:
    """The first step in which a kick has moved v beyond 1."""
    beyond = kick * decays.response(np.arange(1, decays.longest + 1)) > 1
    if not beyond.any():
        raise ValueError(f"graph: a relay with the weight {kick:.4g} never spikes; export it again")
    return int(np.argmax(beyond)) + 1
