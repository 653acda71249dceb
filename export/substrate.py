"""A NIR graph as a substrate: phases go in as spike times and come out as spike times."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosc.export.brian.codegen import Target, check_target
from neurosc.export.brian.exact_step import Reset, check_reset
from neurosc.export.brian.running import run
from neurosc.export.compile import CLOCKS, detuning, sources, strongest_pull
from neurosc.export.graph import PERIOD, to_nir
from neurosc.export.inputs import PeriodicSpikes
from neurosc.export.metadata import Settings, describe, unpack
from neurosc.export.recording import Spikes
from neurosc.network import FloatArray, PhaseNetwork, wrap
from neurosc.randomness import RNG
from neurosc.substrate import Nudge, Relaxation, Status

if TYPE_CHECKING:
    import nir

TURNS = 600.0
"""Default duration in units of 1/strength. A digits net of 30 free oscillators, all within
strength 3.2, needs that much for half of its phases to be within .01 rad of rest."""
SLIP = 0.5
"""Radians of drift from one reading to the next that count as not locked."""


@dataclasses.dataclass(frozen=True, eq=False)
class NIRSubstrate:
    """Runs a network as the NIR graph that `to_nir` makes of it, in Brian2.

    A phase theta stands for spikes at t = dt/2 - theta T / 2 pi in each period T, so a source at
    phase 0 fires in the middle of the first step; with `reset="grid"` sources are rounded to whole
    steps. Phases of the free neurons are circular means over the last cycles. All neurons start
    from v = 0, phase 0.

    Parameters
    ----------
    eps
        Units of the network's time in one cycle; see `to_nir`.
    steps_per_cycle
        Time grid. Errors of the grid are of second order: at 64 steps they are below those of the
        taps, whose interaction is not quite a sine.
    cycles
        Length of a relaxation; by default 600 / (eps times the strongest pull).

    Other arguments
    ---------------
    window
        Cycles in one reading; there are two, one after the other, at the end.
    pairs, poles, period
        See `to_nir`.
    reset
        See `run`.
    graph
        Run this graph instead of a new one: see `from_graph`.
    target, progress
        See `run`.

    Raises
    ------
    ValueError
        For numbers out of range.

    Notes
    -----
    The file is static: there is no way to nudge or to choose a start. Learn on `Ideal()`, a
    `Chip` or `SpikingOscillators`, and export the result.

    Its residual is the largest torque of the ideal network at the phases that were read, so it
    also shows by how much pulses differ from sines; it does not vanish with longer runs.
    """

    eps: float = 0.3
    steps_per_cycle: int = 64
    cycles: int | None = None
    _: dataclasses.KW_ONLY
    window: int = 16
    pairs: int = 3
    poles: int = 2
    period: float = PERIOD
    reset: Reset = "exact"
    graph: nir.NIRGraph | None = None
    target: Target = "auto"
    progress: bool = False

    def __post_init__(self) -> None:
        check_reset(self.reset)
        check_target(self.target)
        if self.window < 1:
            raise ValueError(f"window: {self.window} cycles cannot be read; give 1 or more")
        if self.cycles is not None and self.cycles < 2 * self.window:
            raise ValueError(
                f"cycles: {self.cycles} are fewer than two readings of {self.window}; give "
                f"{2 * self.window} or more"
            )

    @classmethod
    def from_graph(cls, graph: nir.NIRGraph, **options: Any) -> NIRSubstrate:
        """The substrate that runs `graph`, for example one that was read from a file.

        `options` are `cycles`, `window`, `reset`, `target` and `progress`.

        Raises
        ------
        ValueError
            For a graph that `to_nir` did not make.
        """
        _, settings = unpack(graph)
        if settings.shape != "faithful":
            raise ValueError(
                f"graph: of shape {settings.shape!r}, which is read over the beat of its dither; "
                'run it with simulate, or give one of shape "faithful"'
            )
        if (settings.amplitude, settings.latency) != ("one", "loops"):
            raise ValueError(
                f"graph: made for amplitude {settings.amplitude!r} and latency "
                f"{settings.latency!r}, but in Brian2 they are 'one' and 'loops'; "
                "run it with simulate, or export the network again without these"
            )
        fixed = {"eps", "steps_per_cycle", "period", "pairs", "poles", "graph"} & set(options)
        if fixed:
            raise ValueError(f"{sorted(fixed)[0]}: the graph fixes it; leave it out")
        return cls(
            settings.eps,
            settings.steps_per_cycle,
            period=settings.period,
            graph=graph,
            **options,
        )

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """Relax samples x (batch, inputs); see `Substrate`. Without noise, so `rng` is unused.

        A sample is NOT_LOCKED if a phase differs by more than half a radian between the two
        readings, or if a neuron does not fire once in each cycle; else it is LOCKED.
        """
        refuse(nudge, start)
        graph, settings = self._graph_of(network)
        phases = network.encode(x).phases
        n, cycles = settings.steps_per_cycle, self._cycles(network, settings)
        recording = run(
            graph,
            clock_spikes(network, phases, n),
            dt=settings.dt,
            steps=cycles * n,
            reset=self.reset,
            record=["osc"],
            record_from=(cycles - 2 * self.window) * n,
            target=self.target,
            progress=self.progress,
        )
        halves = [(cycles - (2 - k) * self.window) * settings.period for k in range(2)]
        shape = (len(phases), network.free.size)
        before, _ = read_phases(recording.spikes["osc"], settings, halves[0], self.window, shape)
        after, regular = read_phases(
            recording.spikes["osc"], settings, halves[1], self.window, shape
        )
        return _relaxation(network, phases, before, after, regular)

    def _graph_of(self, network: PhaseNetwork) -> tuple[Any, Settings]:
        """The graph of a network: the given one, if it is the same network."""
        if self.graph is None:
            graph = to_nir(
                network,
                eps=self.eps,
                steps_per_cycle=self.steps_per_cycle,
                pairs=self.pairs,
                poles=self.poles,
                period=self.period,
            )
            return graph, unpack(graph)[1]
        own, settings = unpack(self.graph)
        if describe(own) != describe(network):
            raise ValueError(
                "network: it is not the one in the graph; relax from_nir(graph), or export the "
                "network again"
            )
        return self.graph, settings

    def _cycles(self, network: PhaseNetwork, settings: Settings) -> int:
        if self.cycles is not None:
            return self.cycles
        pull = max(strongest_pull(network), 1e-12)
        return max(2 * self.window, int(np.ceil(TURNS / (settings.eps * pull))))


def clock_spikes(network: PhaseNetwork, phases: FloatArray, n: int) -> PeriodicSpikes:
    """The channels of `input` for phases (batch, n_oscillators), on a grid of n steps."""
    held = phases[:, sources(network)]
    theta = np.concatenate([np.tile(CLOCKS, (len(phases), 1)), held], axis=1)
    steps = np.mod((1 - theta / (2 * np.pi)) * n, n)
    return PeriodicSpikes(np.where(steps < n, steps, 0.0), n)  # mod can round up to n


def read_phases(
    spikes: Spikes, settings: Settings, start: float, cycles: int, shape: tuple[int, int]
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Phases over some cycles from `start` (s), and whether each neuron fired once in each.

    theta = arg sum exp(-2 pi i (t - dt/2) / T); a source at phase 0 fires in the middle of step
    0. A neuron that drifts through the edge of the window has one spike more or less.
    """
    seen = (spikes.time >= start) & (spikes.time < start + cycles * settings.period)
    index = spikes.sample[seen] * shape[1] + spikes.neuron[seen]
    angle = -2 * np.pi * (spikes.time[seen] - settings.dt / 2) / settings.period
    size = shape[0] * shape[1]
    real = np.bincount(index, np.cos(angle), size)
    imag = np.bincount(index, np.sin(angle), size)
    regular = np.abs(np.bincount(index, minlength=size) - cycles) <= 1
    return np.arctan2(imag, real).reshape(shape), regular.reshape(shape)


def refuse(nudge: Nudge | None, start: npt.ArrayLike | None) -> None:
    """Raise ValueError for what a static file cannot do."""
    if nudge is not None and nudge.beta != 0:
        raise ValueError(
            "nudge: a NIR graph is static and cannot be nudged; learn on Ideal(), a Chip or "
            "SpikingOscillators, and export the result"
        )
    if start is not None:
        raise ValueError(
            "start: NIR has no initial state, every neuron starts at phase 0; leave it out"
        )


def _relaxation(
    network: PhaseNetwork,
    encoded: FloatArray,
    before: FloatArray,
    after: FloatArray,
    regular: npt.NDArray[np.bool_],
) -> Relaxation:
    """Phases and status from two readings of the free neurons."""
    full = [encoded.copy(), encoded.copy()]
    full[0][:, network.free], full[1][:, network.free] = before, after
    first, phases = (network.gauge(theta) for theta in full)
    drift = np.abs(wrap(phases - first)).max(axis=1)
    locked = (drift <= SLIP) & regular.all(axis=1)
    pull = network.torque(phases)[:, network.free]
    co_rotating = pull - network.frequency[network.free] + detuning(network)
    return Relaxation(
        phases,
        np.where(locked, Status.LOCKED, Status.NOT_LOCKED).astype(np.int8),
        np.abs(co_rotating).max(axis=1),
    )
