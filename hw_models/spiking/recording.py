"""Spike trains, membranes and phases of a run."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurosc.hw_models.spiking.circuit import Circuit
from neurosc.hw_models.spiking.model import VOLTAGES, WARM_UP
from neurosc.hw_models.spiking.runs import Noise, Spikes, over_runs, progress_bar
from neurosc.hw_models.spiking.runtime import Chosen
from neurosc.network import FloatArray, IntArray, wrap

LARGEST = 100_000_000
"""Most numbers of a recording of membranes: 800 MB."""


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """The spikes of a run, in the order of time.

    Attributes
    ----------
    time
        In free periods; an oscillator at phase theta spikes at -theta / 2 pi and each period on.
    neuron
        Which oscillator of the network spiked. Of Winfree oscillators one pulse a turn is kept.
    sample
        In which sample.
    cycles
        Length of the run.
    n
        Oscillators of the network.
    held
        Those that are held.
    voltage_time
        (steps,), in free periods; None unless membranes were recorded.
    voltage, drive
        (samples, n, steps), membrane and its drive, nan for the held; phase and rate of Winfree
        oscillators.
    """

    time: FloatArray
    neuron: IntArray
    sample: IntArray
    cycles: int
    n: int
    held: IntArray
    voltage_time: FloatArray | None = None
    voltage: FloatArray | None = None
    drive: FloatArray | None = None

    def of(self, sample: int, neuron: int) -> FloatArray:
        """The spike times of one oscillator in one sample."""
        return np.asarray(self.time[(self.sample == sample) & (self.neuron == neuron)])

    def phases(self, sample: int = 0) -> tuple[FloatArray, FloatArray]:
        """Phases in the frame of the free oscillator, unwrapped, cycle by cycle.

        Parameters
        ----------
        sample
            Which one.

        Returns
        -------
        tuple of ndarray
            Times (cycles,), the middle of each cycle, and phases (cycles, n) in radians, linear
            between spikes; nan where an oscillator has not spiked twice, and from two of its
            longest intervals after its last spike.

        Raises
        ------
        ValueError
            For a sample that is none.
        """
        if not 0 <= sample <= self.sample.max(initial=-1):
            raise ValueError(
                f"sample: {sample} is none of the {self.sample.max(initial=-1) + 1} recorded; "
                "count from 0"
            )
        middle = np.arange(self.cycles, dtype=np.float64) + 0.5
        found: FloatArray = np.full((self.cycles, self.n), np.nan)
        for k in range(self.n):
            spikes = self.of(sample, k)
            if spikes.size < 2:
                continue
            phase = np.asarray(2 * np.pi * (np.arange(spikes.size) - spikes), dtype=np.float64)
            phase += float(wrap(phase[0])) - phase[0]
            found[:, k] = np.interp(middle, spikes, phase)
            # the phase of the last spike would stay as it is, so that silence looked like locking
            found[middle > spikes[-1] + 2 * np.diff(spikes).max(), k] = np.nan
        return middle, found


def record(
    circuit: Circuit,
    cycles: int,
    noise: Noise,
    target: Chosen,
    *,
    progress: bool | None,
    voltages: bool,
) -> Recording:
    """Run all samples of a circuit for some cycles, a whole number of blocks, and keep all.

    Raises
    ------
    ValueError
        For membranes that would fill the memory.
    """
    batch, m, network = len(circuit.start), circuit.free, circuit.problems[0].network
    size = batch * network.n * (cycles + WARM_UP) * circuit.kind.steps
    if voltages and size > LARGEST:
        raise ValueError(
            f"cycles: membranes at each step of {cycles} cycles are {size:.2g} numbers; record "
            f"fewer cycles or samples, {LARGEST:.0e} numbers at most"
        )
    with progress_bar(progress, batch * cycles) as told:
        runs = over_runs(
            circuit, np.arange(batch), circuit.start, lambda count, spikes: (count, spikes),
            cycles=cycles, read_from=0, noise=noise, target=target, told=told,
            room=batch if voltages else None, voltages=voltages,
        )  # fmt: skip
    first = np.cumsum([0] + [count for count, _ in runs[:-1]])
    whole = [_turns(circuit, spikes) for _, spikes in runs]
    neuron = np.concatenate([network.free[index % m] for index, _ in whole])
    sample = np.concatenate([f + index // m for f, (index, _) in zip(first, whole, strict=True)])
    time = np.concatenate([each for _, each in whole])
    clamped = (-circuit.sources[:, : network.fixed.size] / (2 * np.pi)) % 1.0
    clamped = clamped[:, :, None] + np.arange(cycles)
    rows, columns = np.indices(clamped.shape)[:2]
    time = np.concatenate([time, clamped.ravel()])
    order = np.argsort(time, kind="stable")
    order = order[time[order] >= -0.5 / circuit.kind.steps]
    membranes = _membranes(circuit, runs[0][1]) if voltages else (None, None, None)
    return Recording(
        time[order],
        np.concatenate([neuron, network.fixed[columns.ravel()]])[order],
        np.concatenate([sample, rows.ravel()])[order],
        cycles,
        network.n,
        network.fixed,
        *membranes,
    )


def _turns(circuit: Circuit, spikes: Spikes) -> tuple[IntArray, FloatArray]:
    """Neuron and time of the spikes that end a turn."""
    if spikes.turned is None:
        return spikes.neuron, spikes.time
    pulses = circuit.kind.spikes_per_turn
    ends = np.rint(spikes.turned * pulses / (2 * np.pi)) % pulses == 0
    return spikes.neuron[ends], spikes.time[ends]


def _membranes(circuit: Circuit, spikes: Spikes) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Times, membranes and drives of all samples, which one run held."""
    network, batch = circuit.problems[0].network, len(circuit.start)
    time = circuit.kind.elapsed(spikes.left[f"{VOLTAGES}.t"])
    shown = time >= 0
    found = []
    for name in circuit.kind.watched:
        rows = spikes.left[f"{VOLTAGES}.{name}"].reshape(time.size, -1)[shown]
        every = np.full((batch, network.n, int(shown.sum())), np.nan)
        each = rows.T.reshape(-1, circuit.free, rows.shape[0])
        every[:, network.free] = each[:batch]
        found.append(every)
    return time[shown], found[0], found[1]
