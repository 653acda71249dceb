"""The substrate: phase networks relaxed by spiking neurons."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from neurosc.hw_models.spiking import runtime
from neurosc.hw_models.spiking.circuit import Circuit, clock_field, compile_circuit
from neurosc.hw_models.spiking.model import OSCILLATORS, SPIKES, WARM_UP
from neurosc.hw_models.spiking.runtime import Target
from neurosc.hw_models.spiking.taps import Taps, pair_design, round_down
from neurosc.ideal.newton import Dense
from neurosc.ideal.reduction import Reduction, reduce
from neurosc.ideal.steps import SLIP
from neurosc.network import FloatArray, IntArray, PhaseNetwork
from neurosc.randomness import RNG
from neurosc.substrate import Nudge, Relaxation, Status

TURNS = 1000.0
"""Default duration in units of 1/strength: most images settle in a random, frustrated digits net.
"""
BLOCK = 20
"""Cycles per call of Brian2's run; each costs it about as much as a cycle to prepare."""
WATCH = 0.1
"""Share of the run between the two readings of a phase."""
SETTLED = 0.01
"""Radians of drift between the two readings of a sample at rest."""
LONGEST = 1e6
"""Default cycles beyond which a network is taken to be too weak."""


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """The spikes of a run, in the order of time.

    Attributes
    ----------
    time
        In free periods; an oscillator at phase theta spikes at -theta / 2 pi and each period on.
    neuron
        Which oscillator of the network spiked.
    sample
        In which sample.
    cycles
        Length of the run.
    """

    time: FloatArray
    neuron: IntArray
    sample: IntArray
    cycles: int


@dataclasses.dataclass(frozen=True)
class SpikingOscillators:
    """Leaky integrate-and-fire neurons that couple through delayed pulses, in Brian2.

    Each free oscillator is a neuron tau dv/dt = I - v with threshold 1 and free period 1; each
    coupling is a synapse of 2 `pairs` delays and `poles` filters whose pulses, weighted by the
    phase response of the neuron, add up to

        eps (omega_i + sum_j K_ij sin(theta_j - theta_i) + Im(conj(z_i) b_i))   radians per cycle

    so one cycle is eps units of the network's time. Held oscillators spike once a cycle at their
    phase; fields come from clocks at phase 0 and pi/2. Phases are read from spike times.

    Parameters
    ----------
    eps
        Coupling per cycle, radians per unit of torque: smaller is closer to the phase network
        and takes longer.
    steps_per_cycle
        Time steps in a free period, a multiple of 2 (pairs + 1). Spikes are not bound to the grid.
    cycles
        Length of the run in free periods, rounded up to a multiple of 20. Default: 1000 units
        of time over the strongest pull.
    read_cycles
        Periods over which a phase is averaged.

    Other arguments
    ---------------
    pairs, poles
        Of the synapses: see `pair_design`.
    target
        What runs Brian2: `"cpp_standalone"` (compiled once for each shape of network and kept in
        the user's cache), `"cython"` or `"numpy"`; `"auto"` takes the first that works.
    progress
        Show a bar.

    Raises
    ------
    ValueError
        For numbers out of range; in `relax`, for what these neurons cannot do: amplitude-coded
        inputs, lags, second harmonics, couplings too strong for `eps`, and nudges that are not a
        static field; without a C++ compiler.

    Notes
    -----
    Phases are read twice: over the last `read_cycles`, and over as many a tenth of the run
    before. A sample is LOCKED if no phase, against its reference, drifted by more than .01 rad in
    between; NOT_LOCKED if one drifted by more than half a radian, as in `Ideal("steps")`, or if a
    neuron did not spike once a cycle, give or take one spike; else STEP_LIMIT, and more `cycles`
    help. The residual is the torque of the phase network at the phases read.

    Source: phase reduction after Kuramoto (1984) and Winfree (1967); the taps are `pair_design`.
    """

    eps: float = 0.2
    steps_per_cycle: int = 128
    cycles: int | None = None
    read_cycles: int = 16
    pairs: int = dataclasses.field(default=3, kw_only=True)
    poles: int = dataclasses.field(default=2, kw_only=True)
    target: Target = dataclasses.field(default="auto", kw_only=True)
    progress: bool = dataclasses.field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if not 0 < self.eps < float("inf"):
            raise ValueError(f"eps: {self.eps} is not a positive number; give about 0.2")
        if self.read_cycles < 1:
            raise ValueError(f"read_cycles: {self.read_cycles} reads nothing; give 1 or more")
        if self.cycles is not None and self.cycles < 2 * self.read_cycles:
            raise ValueError(
                f"cycles: {self.cycles} leave no room for two readings of {self.read_cycles}; "
                f"give {2 * self.read_cycles} or more"
            )
        if self.target not in get_args(Target):
            raise ValueError(f"target: {self.target!r} is unknown; use one of {get_args(Target)}")
        _ = self.taps  # pairs, poles and steps that do not fit are an error of the constructor

    @property
    def taps(self) -> Taps:
        """The taps of every synapse."""
        return pair_design(self.pairs, self.poles, steps_per_cycle=self.steps_per_cycle)

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """Relax samples x (batch, inputs) from `start` or phase 0; see `Substrate`.

        Nothing is random, so `rng` has no effect.
        """
        problem, circuit = self._prepare(network, x, nudge, start)
        cycles = self._duration(network)
        runs = self._run(circuit, cycles, record=False)
        return self._read(problem, [sums for _, sums in runs])

    def record(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        cycles: int = 100,
    ) -> Recording:
        """The spikes of all oscillators over `cycles`, rounded up to a multiple of 20."""
        problem, circuit = self._prepare(network, x, nudge, start)
        length = _whole_blocks(cycles)
        m = problem.frequency.shape[1]
        time, neuron, sample = [], [], []
        for first, run in self._run(circuit, length, record=True):
            age = run[f"{SPIKES}.age"] * self.taps.pole
            time.append(run[f"{SPIKES}.t"] - WARM_UP - age)
            neuron.append(network.free[run[f"{SPIKES}.i"] % m])
            sample.append(first + run[f"{SPIKES}.i"] // m)
        fixed = np.setdiff1d(np.arange(network.n), network.free)
        held = circuit.turns[:, : fixed.size, None] + np.arange(length)
        rows = np.broadcast_to(np.arange(problem.batch)[:, None, None], held.shape)
        columns = np.broadcast_to(fixed[:, None], held.shape)
        times = np.concatenate([*time, held.ravel()])
        order = np.argsort(times, kind="stable")
        order = order[times[order] >= -0.5 / self.steps_per_cycle]  # less the warm-up
        return Recording(
            times[order],
            np.concatenate([*neuron, columns.ravel()])[order],
            np.concatenate([*sample, rows.ravel()])[order],
            length,
        )

    def _prepare(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None,
        nudge: Nudge | None,
        start: npt.ArrayLike | None,
    ) -> tuple[Reduction, Circuit]:
        _refuse(network, nudge)
        problem = reduce(network, x, nudge, start)
        self._check_strength(problem, nudge)
        circuit = compile_circuit(
            problem, nudge, taps=self.taps, steps=self.steps_per_cycle, eps=self.eps
        )
        return problem, circuit

    def _check_strength(self, problem: Reduction, nudge: Nudge | None) -> None:
        """Pulses too strong for phase reduction make neurons skip or double spikes."""
        network, bound = problem.network, self.taps.neuron.strongest
        pull = network.strength[network.free] - np.abs(network.field[network.free])
        pull = pull + np.abs(clock_field(network, nudge, problem.batch))
        if self.eps * pull.max() > bound:
            raise ValueError(
                f"eps: {self.eps:g} times the largest pull on an oscillator, {pull.max():.4g}, "
                f"exceeds {bound:.3g}, above which these neurons leave the rhythm; for this "
                f"network give eps <= {self.taps.neuron.largest_eps(pull.max())}"
            )
        slowest = float(problem.frequency.min())
        if self.eps * slowest <= -2 * np.pi:
            raise ValueError(
                f"eps: {self.eps:g} times the frequency {slowest:.4g} stops the oscillator; "
                f"give eps < {round_down(2 * np.pi / -slowest)}"
            )

    def _duration(self, network: PhaseNetwork) -> int:
        """Cycles of a run, a whole number of blocks."""
        if self.cycles is not None:
            return _whole_blocks(self.cycles)
        strongest = float(network.strength[network.free].max())
        enough = TURNS / (strongest * self.eps) if strongest > 0 else 0.0
        if enough > LONGEST:
            raise ValueError(
                f"cycles: with couplings and fields of {strongest:.3g} at most this network takes "
                f"{enough:.3g} to settle; raise eps, scale the network up, or give cycles="
            )
        return _whole_blocks(max(enough, 2 * self.read_cycles))

    def _windows(self, cycles: int) -> tuple[int, int]:
        """First cycles of the two readings."""
        second = cycles - self.read_cycles
        return max(0, second - max(self.read_cycles, round(WATCH * cycles))), second

    def _run(
        self, circuit: Circuit, cycles: int, *, record: bool
    ) -> Iterator[tuple[int, runtime.Arrays]]:
        """Simulate run by run; yields the first sample of each and what it left."""
        shape = circuit.shape(self.pairs, BLOCK, record)
        n, size, batch = self.steps_per_cycle, circuit.samples_per_run, len(circuit.frequency)
        first, second = self._windows(cycles)
        steps = {
            "first_from": (WARM_UP + first) * n,
            "first_to": (WARM_UP + first + self.read_cycles) * n,
            "second_from": (WARM_UP + second) * n,
            "blocks": cycles // BLOCK,
        }
        shared = {f"{OSCILLATORS}.{name}": np.array([k]) for name, k in steps.items()}

        def one(begin: int) -> runtime.Arrays:
            arrays = circuit.arrays(slice(begin, begin + size))
            kept = min(size, batch - begin) * circuit.frequency.shape[1]
            left = runtime.simulate(shape, self.target, {**arrays, **shared})
            return {k: v[:kept] if k.startswith(OSCILLATORS) else v for k, v in left.items()}

        begins = range(0, batch, size)
        runtime.prepare(shape, self.target)
        with (
            ThreadPoolExecutor(_processors()) as pool,
            tqdm(total=batch, desc="spiking", unit="sample", disable=not self.progress) as bar,
        ):
            for begin, left in zip(begins, pool.map(one, begins), strict=True):
                bar.update(min(size, batch - begin))
                yield begin, left

    def _read(self, problem: Reduction, runs: list[runtime.Arrays]) -> Relaxation:
        def gathered(name: str) -> FloatArray:
            parts = [run[f"{OSCILLATORS}.{name}"] for run in runs]
            return np.concatenate(parts).reshape(problem.frequency.shape)

        def phases(window: str) -> FloatArray:
            return np.arctan2(gathered(f"sin_{window}"), gathered(f"cos_{window}"))

        theta = phases("second")
        before, after = problem.full(phases("first")), problem.full(theta)
        drift = np.abs(np.angle(np.exp(1j * (after - before)))).max(axis=1)
        counts = np.stack([gathered("count_first"), gathered("count_second")])
        regular = (np.abs(counts - self.read_cycles) <= 1).all(axis=(0, 2))
        torque = Dense(problem).evaluate(theta, np.arange(len(theta))).torque
        status = np.where(drift <= SETTLED, Status.LOCKED, Status.STEP_LIMIT)
        status[~regular | (drift > SLIP)] = Status.NOT_LOCKED
        return Relaxation(after, status.astype(np.int8), np.abs(torque).max(axis=1))


def _refuse(network: PhaseNetwork, nudge: Nudge | None) -> None:
    """Raise for what the neurons cannot do, before anything runs."""
    if network.encoding.kind == "amplitude" and network.inputs.size:
        raise ValueError(
            "encoding: a spike carries no amplitude, so amplitude-coded inputs cannot enter; use "
            'Encoding("phase", scale) or Encoding("frequency", scale)'
        )
    if network.is_complex:
        raise ValueError(
            "coupling: lags need taps of their own for each synapse, which this substrate does "
            "not make; use real couplings, or on=Ideal()"
        )
    if np.any(network.second_harmonic[network.free]):
        raise ValueError(
            "second_harmonic: the taps cancel the second harmonic of the pulses, so none can be "
            "injected; set it to zero, or use on=Ideal()"
        )
    if nudge is None or nudge.beta == 0:
        return
    drive = nudge.cost.drive(nudge.target, network.outputs.size)
    if drive is None or np.any(drive.second_harmonic):
        raise ValueError(
            f"nudge: {type(nudge.cost).__name__} is not the static field that clocks can give; "
            "use CosineCost, or on=Ideal()"
        )
    if (network.frame[network.outputs] >= 0).any():
        raise ValueError(
            "nudge: the outputs are measured against a reference oscillator, which a clock does "
            "not follow; anchor them with a held oscillator or a field instead of reference=, or "
            "use on=Ideal()"
        )


def _whole_blocks(cycles: float) -> int:
    return int(np.ceil(cycles / BLOCK)) * BLOCK


def _processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
