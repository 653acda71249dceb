"""Phases out of spikes: when they were read, how sure they are, and what went wrong."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from neurosc.network import FloatArray, IntArray

PARTS = 8
"""Parts of a reading whose scatter gives its standard error."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """Three readings of equal length, evenly spaced, the last at the end of a run.

    Attributes
    ----------
    cycles
        Of the run.
    read
        Of a reading.
    spacing
        From the start of one to that of the next.
    """

    cycles: int
    read: int
    spacing: int

    @classmethod
    def of(cls, cycles: int, read: int, watch: float) -> Plan:
        """Readings that are a share `watch` of the run apart, but do not overlap."""
        room = (cycles - read) // 2
        return cls(cycles, read, max(1, min(room, max(read, round(watch * cycles)))))

    @property
    def begins(self) -> IntArray:
        """First cycles of the readings."""
        last = self.cycles - self.read
        return np.array([last - 2 * self.spacing, last - self.spacing, last], dtype=np.intp)


class Readings(NamedTuple):
    """What a run of some neurons shows.

    Attributes
    ----------
    phases
        (3, neurons), unwrapped over the run, radians; 0 where a neuron is silent.
    counts
        (neurons,), spikes in the last reading.
    parts
        (PARTS, neurons), phases in parts of the last reading; nan where there is no spike.
    """

    phases: FloatArray
    counts: IntArray
    parts: FloatArray


def read(
    plan: Plan,
    neurons: int,
    neuron: IntArray,
    time: FloatArray,
    turned: FloatArray | None,
    per_cycle: int = 1,
) -> Readings:
    """Readings from spikes in the order of time.

    Parameters
    ----------
    plan
        When to read.
    neurons, neuron
        How many there are, and which of them spiked.
    time
        In periods from the start.
    turned
        The unwrapped phase of each spike; None for neurons that spike once a turn.
    per_cycle
        Spikes of a neuron in a period.
    """
    turns = 2 * np.pi * _ordinal(neuron, neurons) if turned is None else turned
    phase = turns - 2 * np.pi * time
    means, centres, counts = zip(
        *(_mean(first, plan.read, neurons, neuron, time, phase) for first in plan.begins),
        strict=True,
    )
    found, centre = np.stack(means), np.stack(centres)
    # a neuron that turns is read where the others are: at the middle of the reading
    middle = plan.begins[:, None] + plan.read / 2
    apart = np.where(np.diff(centre, axis=0) > 0, np.diff(centre, axis=0), 1.0)
    slope = np.concatenate([np.diff(found, axis=0) / apart] * 2)[[0, 2, 3]]
    found = found + slope * np.where(np.stack(counts) > 0, middle - centre, 0.0)
    length = plan.read / PARTS
    begins = plan.begins[-1] + length * np.arange(PARTS)
    parts = np.stack([_mean(b, length, neurons, neuron, time, phase, np.nan)[0] for b in begins])
    return Readings(found, np.asarray(counts[-1] // per_cycle), parts)


def _ordinal(neuron: IntArray, neurons: int) -> IntArray:
    """The number of each spike among those of its neuron."""
    order = np.argsort(neuron, kind="stable")
    first = np.searchsorted(neuron[order], np.arange(neurons))
    ordinal = np.empty_like(neuron)
    ordinal[order] = np.arange(neuron.size) - first[neuron[order]]
    return ordinal


def _mean(
    begin: float,
    length: float,
    neurons: int,
    neuron: IntArray,
    time: FloatArray,
    phase: FloatArray,
    empty: float = 0.0,
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Means of phase and time over a window, and how many spikes they are of."""
    lower, upper = np.searchsorted(time, [begin, begin + length])
    inside = slice(int(lower), int(upper))
    index = neuron[inside]
    counts = np.bincount(index, minlength=neurons)
    some = np.maximum(counts, 1)
    means = [np.bincount(index, each[inside], neurons) / some for each in (phase, time)]
    return np.where(counts > 0, means[0], empty), means[1], counts.astype(np.intp)


def standard_errors(parts: FloatArray) -> FloatArray:
    """Of the mean of parts (PARTS, ...) that are measured in one frame; nan where one lacks."""
    return np.asarray(parts.std(axis=0, ddof=1) / np.sqrt(len(parts)))


def distance_to_rest(phases: FloatArray, ripple: float = 0.0) -> FloatArray:
    """How far states (3, batch, n), evenly spaced in time, still are from their rest, (batch,).

    The last step d2 goes on as a geometric series, whose ratio is that of the last two steps:
    d2 r/(1 - r), r = |d2|/|d1|. For steps that do not shrink it is infinite, unless they are no
    longer than the `ripple` of phases that are at rest.
    """
    first, last = np.diff(phases, axis=0)
    size = [np.sqrt((step**2).sum(axis=1)) for step in (first, last)]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(size[0] > 0, size[1] / size[0], 0.0)
        moved = np.abs(last).max(axis=1)
        left = moved * ratio / (1 - ratio)
    return np.where(ratio < 1, left, np.where(moved <= ripple, moved, np.inf))
