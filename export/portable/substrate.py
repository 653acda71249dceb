"""A portable or flat graph as a substrate: it relaxes the network that it was made of."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neurosc.export.compile import detuning, strongest_pull
from neurosc.export.euler.running import simulate
from neurosc.export.inputs import PeriodicSpikes
from neurosc.export.metadata import describe
from neurosc.export.portable.population import Population
from neurosc.export.portable.signals import encode_inputs
from neurosc.export.substrate import SLIP, TURNS, refuse
from neurosc.network import ComplexArray, IntArray, PhaseNetwork, wrap
from neurosc.randomness import RNG
from neurosc.substrate import Nudge, Relaxation, Status

if TYPE_CHECKING:
    import nir

FEWEST_CYCLES = 40
"""To rest from phase 0, however strong the pull."""
TILE = 32
"""Samples whose spikes are held at a time."""


@dataclasses.dataclass(frozen=True, eq=False)
class PortableSubstrate:
    """Runs a portable or flat graph of `to_nir`, quantised or not, as importers step it.

    All oscillators start at phase 0. Their phases are read, after some cycles to come to rest, over
    one beat of the oscillators with the dither. Samples enter as spikes on whole steps, which
    rounds their phases to 2 pi / steps_per_cycle.

    Parameters
    ----------
    graph
        From memory or from a file.
    cycles
        Before the reading; by default 600 / (eps times the strongest pull), at least 40.

    Raises
    ------
    ValueError
        For a graph of another shape or origin, and less than one cycle.

    Notes
    -----
    A sample is NOT_LOCKED if a phase differs by more than half a radian between the two halves of
    the reading, or if a neuron does not spike once in each cycle.
    """

    graph: nir.NIRGraph
    cycles: int | None = None
    population: Population = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.cycles is not None and self.cycles < 1:
            raise ValueError(f"cycles: {self.cycles} leave no time to come to rest; give 1 or more")
        object.__setattr__(self, "population", Population.of(self.graph))

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """Relax samples x (batch, inputs); see `Substrate`. Without noise, so `rng` is unused."""
        self._refuse(network, nudge, start)
        encoded = network.encode(x).phases
        spikes = encode_inputs(network, x, self.population.settings.steps_per_cycle)
        tiles = [spikes.steps[a : a + TILE] for a in range(0, len(encoded), TILE)]
        read = [self._read(PeriodicSpikes(tile, spikes.period)) for tile in tiles]
        halves = np.concatenate([turns for turns, _ in read], axis=1)
        count = np.concatenate([spikes for _, spikes in read])
        full = np.repeat(encoded[None], 3, axis=0)
        full[:, :, network.free] = np.angle([*halves, halves.sum(axis=0)])
        first, second, phases = network.gauge(full)
        steady = np.abs(wrap(second - first)).max(axis=1) <= SLIP
        regular = (np.abs(count - self.population.beat) <= 1).all(axis=1)
        pull = (network.torque(phases) - network.frequency)[:, network.free] + detuning(network)
        return Relaxation(
            phases,
            np.where(steady & regular, Status.LOCKED, Status.NOT_LOCKED).astype(np.int8),
            np.abs(pull).max(axis=1),
        )

    def _read(self, inputs: PeriodicSpikes) -> tuple[ComplexArray, IntArray]:
        """Sums of exp(-2 pi i t / n) over each half, (2, batch, m), and how many spikes."""
        population, n = self.population, inputs.period
        rest, beat = self.rest, population.beat
        found = simulate(
            self.graph,
            inputs,
            population.settings.dt,
            steps=(rest + beat) * n,
            record_from=rest * n,
        )
        (spikes,) = found.spikes.values()
        place = np.full(population.bias.size, -1)
        place[population.oscillators] = np.arange(population.oscillators.size)
        own = place[spikes.neuron] >= 0
        step = np.rint(spikes.time[own] / found.dt - 0.5).astype(np.intp)
        half = (step - rest * n >= beat * n // 2).astype(np.intp)
        shape = (2, found.batch, population.oscillators.size)
        index = np.ravel_multi_index((half, spikes.sample[own], place[spikes.neuron[own]]), shape)
        angle, size = -2 * np.pi * step / n, int(np.prod(shape))
        turns = np.bincount(index, np.cos(angle), size) + 1j * np.bincount(
            index, np.sin(angle), size
        )
        return turns.reshape(shape), np.bincount(index, minlength=size).reshape(shape).sum(axis=0)

    @property
    def rest(self) -> int:
        """Cycles before the reading."""
        if self.cycles is not None:
            return self.cycles
        pull = self.population.settings.eps * strongest_pull(self.population.network)
        return max(FEWEST_CYCLES, int(np.ceil(TURNS / max(pull, 1e-9))))

    def _refuse(
        self, network: PhaseNetwork, nudge: Nudge | None, start: npt.ArrayLike | None
    ) -> None:
        own = self.population.network
        if network is not own and describe(network) != describe(own):
            raise ValueError(
                "network: it is not the one in the graph; relax from_nir(graph), or export the "
                "network again"
            )
        refuse(nudge, start)
