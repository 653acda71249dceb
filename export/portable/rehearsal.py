"""Runs of a compiled population, and whether its relays keep time in them."""

from __future__ import annotations

import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.export.portable.relays import Decays
from neurosc.network import FloatArray, IntArray

Events = npt.NDArray[np.int64]
Float32Array = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class Score:
    """What is run: n neurons, m oscillators among them, c channels of input.

    Attributes
    ----------
    decays, steps, bias, feed, weight, oscillators, relays
        Those of `Portable`.
    """

    decays: Decays
    steps: int
    bias: Float32Array
    feed: Float32Array
    weight: Float32Array
    oscillators: IntArray
    relays: IntArray


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """What a run left behind.

    Attributes
    ----------
    steps
        Its length.
    events
        Of each sample, step and neuron of each spike, (spikes, 2), in the order of steps.
    distance
        The least distance of v from the threshold, (n,).
    """

    steps: int
    events: list[Events]
    distance: FloatArray


@dataclasses.dataclass(frozen=True)
class Rehearsal:
    """What the runs showed.

    Attributes
    ----------
    steps
        Their length, samples one after the other.
    spikes
        Spikes of relays that were compared with those of their predecessors.
    margin, relay_margin
        The least distance of v from the threshold at all neurons, and at relays. An importer that
        rounds v by more may move a spike by a step.
    points
        Operating points at which taps and frequencies were corrected.
    excess
        Root mean square of what oscillators still turn faster or slower there than the ideal
        network says, in units of its frequency; infinite where no point was found or held.
    """

    steps: int
    spikes: int
    margin: float
    relay_margin: float
    points: int = 0
    excess: float = np.inf


def perform(score: Score, due: IntArray, start: FloatArray, cycles: int) -> Run:
    """Run the population in float64, each sample in a thread.

    Parameters
    ----------
    due
        The step of each cycle in which a channel of input spikes, (batch, c).
    start
        Phases of the oscillators at the start, (batch, m), radians.
    cycles
        Length.
    """
    from neurosc.export.portable.rehearsal_kernel import play

    columns = scipy.sparse.csc_array(np.column_stack([score.weight, score.feed]).astype(np.float64))
    bias, steps = score.bias.astype(np.float64), cycles * score.steps
    distance = np.full((len(due), bias.size), np.inf)

    def one(sample: int) -> Events:
        current, v = _state(score, start[sample])
        events = play(
            score.decays.membrane, score.decays.synapse, bias,
            columns.indptr.astype(np.int64), columns.indices.astype(np.int64), columns.data,
            due[sample].astype(np.int64), score.steps, steps, current, v, distance[sample],
        )  # fmt: skip
        return np.asarray(events)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        events = list(pool.map(one, range(len(due))))
    return Run(steps, events, distance.min(axis=0))


def check_relays(score: Score, run: Run, *, points: int, excess: float) -> Rehearsal:
    """Compare the spikes of each relay with those of its predecessor.

    `points` and `excess` are passed on.

    Raises
    ------
    ValueError
        If a spike of a relay is missing, late, early or one too many.
    """
    compared = 0
    for events in run.events:
        order = np.lexsort((events[:, 0], events[:, 1]))
        ends = np.searchsorted(events[order, 1], np.arange(1, score.bias.size))
        times = np.split(events[order, 0], ends)
        for before, after, latency in score.relays.tolist():
            expected = times[before] + latency
            expected = expected[expected < run.steps]
            if not np.array_equal(times[after], expected):
                wrong = np.setxor1d(times[after], expected)[0]
                raise ValueError(
                    f"steps_per_cycle: relay {after} misses its latency of {latency} steps at step "
                    f"{wrong}; give another number of steps per cycle, or other pairs"
                )
            compared += expected.size
    relays = score.relays[:, 1]
    return Rehearsal(
        steps=run.steps * len(run.events),
        spikes=compared,
        margin=float(run.distance.min()),
        relay_margin=float(run.distance[relays].min()),
        points=points,
        excess=excess,
    )


def _state(score: Score, phases: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Current and v of oscillators that were reset theta n / 2 pi steps ago; others at rest."""
    current, v = np.zeros(score.bias.size), np.zeros(score.bias.size)
    ago = np.mod(phases / (2 * np.pi), 1) * score.steps
    settled = score.bias[score.oscillators] / (1 - score.decays.synapse)
    current[score.oscillators] = settled
    v[score.oscillators] = settled / (1 - score.decays.membrane) * (1 - score.decays.membrane**ago)
    return current, v
