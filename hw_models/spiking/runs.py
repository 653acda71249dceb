"""Runs of many samples, as many at a time as one build holds, on all processors."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
from tqdm import tqdm

from neurosc.hw_models.spiking import runtime
from neurosc.hw_models.spiking.circuit import Circuit
from neurosc.hw_models.spiking.model import OSCILLATORS, SPIKES, WARM_UP
from neurosc.network import FloatArray, IntArray

BLOCK = 20
"""Cycles per call of Brian2's run; each costs it about as much as a cycle to prepare."""
PATIENCE_S = 10.0
"""Seconds before a bar appears that nobody asked for."""
T = TypeVar("T")


class Noise(NamedTuple):
    """Of a run.

    Attributes
    ----------
    phase
        Radians per sqrt(cycle).
    jitter
        Of spike times, periods.
    keys
        (problems, 2), what the numbers of each problem are drawn from.
    """

    phase: float
    jitter: float
    keys: IntArray

    @property
    def is_on(self) -> bool:
        """Whether anything is random."""
        return self.phase > 0 or self.jitter > 0


class Spikes(NamedTuple):
    """Those of the free oscillators of some samples, in the order of time.

    Attributes
    ----------
    neuron
        Sample after sample, counted from the first of them.
    time
        In periods.
    turned
        The unwrapped phase of each, or None where each spike is a turn.
    left
        All that the run left, by part and variable.
    """

    neuron: IntArray
    time: FloatArray
    turned: FloatArray | None
    left: runtime.Arrays


def whole_blocks(cycles: float) -> int:
    """The next number of cycles that a run can last."""
    return int(np.ceil(cycles / BLOCK)) * BLOCK


def over_runs(
    circuit: Circuit,
    samples: IntArray,
    start: FloatArray,
    take: Callable[[int, Spikes], T],
    *,
    cycles: int,
    read_from: int,
    noise: Noise,
    target: runtime.Chosen,
    told: Callable[[int], object],
    room: int | None = None,
    voltages: bool = False,
) -> list[T]:
    """Simulate samples from phases, and take from each run what is wanted.

    Parameters
    ----------
    circuit, samples, start
        The numbers (k,) of some of its samples, and their phases (k, m).
    take
        Called with the number of samples in a run and its spikes.
    cycles, read_from
        How long, a whole number of blocks, and from which cycle on spikes are kept.
    told
        Called with the number of samples times cycles that are done since the last call.
    room
        Samples of a run; by default what one build for all batches holds.
    voltages
        Keep membranes at each step too.
    """
    room = circuit.room(len(samples)) if room is None else max(2, room)
    shape = circuit.shape(room, BLOCK, noisy=noise.is_on, voltages=voltages)
    if target == "cpp_standalone":
        runtime.build_once(shape)  # now, rather than in each thread
    settings = {
        "read_from": np.array([(WARM_UP + read_from) * circuit.kind.steps]),
        "blocks": np.array([cycles // BLOCK]),
        "sigma": np.array([noise.phase]),
        "jitter": np.array([noise.jitter]),
    }
    shared = {f"{OSCILLATORS}.{name}": value for name, value in settings.items()}

    def one(begin: int) -> T:
        some = slice(begin, begin + room)
        count, done = len(samples[some]), 0

        def blocks(now: int) -> None:
            nonlocal done
            told((now - done) * BLOCK * count)
            done = now

        arrays = circuit.arrays(samples[some], start[some], noise.keys, room)
        left = runtime.simulate(shape, target, {**arrays, **shared}, blocks)
        blocks(cycles // BLOCK)
        return take(count, _sorted(circuit, count * circuit.free, left))

    with ThreadPoolExecutor(_processors()) as pool:
        return list(pool.map(one, range(0, len(samples), room)))


def _sorted(circuit: Circuit, neurons: int, left: runtime.Arrays) -> Spikes:
    """In the order of time, which within a step is not that of the monitor."""
    time, turned = circuit.kind.spikes(left)
    neuron = left[f"{SPIKES}.i"]
    order = np.argsort(time, kind="stable")
    order = order[neuron[order] < neurons]
    return Spikes(
        neuron[order].astype(np.intp),
        time[order],
        None if turned is None else turned[order],
        left,
    )


@contextlib.contextmanager
def progress_bar(shown: bool | None, total: int) -> Iterator[Callable[[int], object]]:
    """Counts samples times cycles; if nobody said, on a terminal and after a while."""
    lock = threading.Lock()
    with tqdm(
        total=total,
        desc="spiking",
        unit=" cycles",
        unit_scale=True,
        disable=None if shown is None else not shown,
        delay=PATIENCE_S if shown is None else 0.0,
        leave=bool(shown),
    ) as bar:

        def told(more: int) -> None:
            with lock:
                bar.update(more)

        yield told


def _processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
