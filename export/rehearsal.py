"""A run of a compiled population that shows whether its relays keep time."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from neurosc.export.relays import Decays
from neurosc.network import FloatArray, IntArray

CYCLES = 16
"""Length of the run."""


@dataclasses.dataclass(frozen=True)
class Rehearsal:
    """What the run showed.

    Attributes
    ----------
    steps
        Its length.
    spikes
        Spikes of relays that were compared with those of their predecessors.
    margin, relay_margin
        The least distance of v from the threshold at all neurons, and at relays. An importer that
        rounds v by more may move a spike by a step.
    """

    steps: int
    spikes: int
    margin: float
    relay_margin: float


def rehearse(
    decays: Decays,
    bias: npt.NDArray[np.float32],
    feed: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
    relays: IntArray,
    period: int,
) -> Rehearsal:
    """Run the population in float64, with sources spread over the cycle, and check each relay.

    Raises
    ------
    ValueError
        If a spike of a relay is missing, late, early or one too many.
    """
    steps = CYCLES * period
    channels = feed.shape[1]
    due = np.arange(channels) * period // max(channels, 1)
    spikes, distance = _run(decays, bias, feed, weight, due, period, steps)
    for before, after, latency in relays.tolist():
        expected = np.roll(spikes[:, before], latency)
        expected[:latency] = False
        wrong = np.flatnonzero(spikes[:, after] != expected)
        if wrong.size:
            raise ValueError(
                f"steps_per_cycle: relay {after} misses its latency of {latency} steps at step "
                f"{wrong[0]}; give another number of steps per cycle, or other pairs"
            )
    follow = relays[:, 1]
    return Rehearsal(
        steps, int(spikes[:, follow].sum()), float(distance.min()), float(distance[follow].min())
    )


def _run(
    decays: Decays,
    bias: npt.NDArray[np.float32],
    feed: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
    due: IntArray,
    period: int,
    steps: int,
) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """Spikes (steps, n) and the least distance of v from the threshold, (n,)."""
    columns = np.ascontiguousarray(weight.T, dtype=np.float64)
    given = feed.astype(np.float64)
    current, v = np.zeros(bias.size), np.zeros(bias.size)
    distance = np.full(bias.size, np.inf)
    spikes = np.zeros((steps, bias.size), dtype=np.bool_)
    for k in range(steps):
        x = bias + given[:, due == k % period].sum(axis=1)
        if k:
            x += columns[spikes[k - 1]].sum(axis=0)
        current = decays.synapse * current + x
        v = decays.membrane * v + current
        spikes[k] = v > 1
        distance = np.minimum(distance, np.abs(v - 1))
        v[spikes[k]] = 0.0
    return spikes, distance
