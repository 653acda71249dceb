"""Biases on a grid that leave the periods as they were."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurosc.export.portable.grid_taps import bias as bias_of
from neurosc.export.portable.grid_taps import phase_advance
from neurosc.export.portable.population import Population, crossing
from neurosc.export.quantization.report import Group
from neurosc.export.quantization.torque import won
from neurosc.network import FloatArray, IntArray

BESIDE = 2
"""Levels of the bias that are tried on either side of the nearest one."""
TRIM = 4
"""Levels by which the two pushes of the dither may differ."""


def tuned(
    old: Population, new: Population, push: float, most: int | None
) -> tuple[Population, list[Group]]:
    """`new` with biases of at most `most` levels that keep each period of `old`.

    A period may grow by what taps and pushes win more in a cycle than they did. One unit serves all
    biases, such that the first oscillator's is exact, and with it all that are equal. What the grid
    misses at others, up to half a level, is made up by pushes of the dither that differ by a few
    levels of `push`: one of these moves the period by less than one of the bias.
    """
    rows = old.oscillators
    driven = np.concatenate([rows, old.pacemakers])
    wanted = crossing(old.decays, old.bias[driven])
    wanted[: rows.size] += _won(new) - _won(old)
    exact = bias_of(new.decays, wanted + 0.5)
    if most is None:
        return dataclasses.replace(new, bias=_placed(old, driven, exact)), []
    unit = float(exact[0] / np.floor(most * exact[0] / exact.max()))
    levels, weight = np.rint(exact / unit), new.weight
    if old.pacemakers.size:
        levels[: rows.size], weight = _trimmed(old, new, levels, unit, wanted[: rows.size], push)
    trim = round(float(np.abs(weight - new.weight).max()) / push)
    note = f"pushes trimmed by up to {trim} levels" if trim else ""
    bias = _placed(old, driven, levels * unit)
    group = Group("biases", driven.size, unit, int(levels.max()), most, note)
    return dataclasses.replace(new, bias=bias, weight=weight), [group]


def _trimmed(
    old: Population,
    new: Population,
    levels: FloatArray,
    unit: float,
    wanted: FloatArray,
    push: float,
) -> tuple[FloatArray, FloatArray]:
    """Levels of the oscillators' biases, and the matrix with trimmed pushes."""
    rows, pacemaker, n = old.oscillators, int(old.pacemakers[0]), old.settings.steps_per_cycle
    shift = push * phase_advance(new.decays, n).mean() * n / old.period(pacemaker)
    tried = levels[: rows.size] + np.arange(-BESIDE, BESIDE + 1)[:, None]
    late = crossing(new.decays, tried * unit) - wanted
    trim = np.clip(np.rint(late / shift), -TRIM, TRIM)
    best = np.abs(late - trim * shift).argmin(axis=0)
    each = np.arange(rows.size)
    columns = np.flatnonzero(old.head == pacemaker)
    pushes = new.weight[np.ix_(rows, columns)]
    # towards zero, so that no weight leaves the grid
    column = columns[np.where(trim[best, each] > 0, pushes.argmin(axis=1), pushes.argmax(axis=1))]
    weight = new.weight.copy()
    weight[rows, column] += trim[best, each] * push
    return tried[best, each], weight


def _won(population: Population) -> FloatArray:
    return won(population, phase_advance(population.decays, population.settings.steps_per_cycle))


def _placed(old: Population, driven: IntArray, values: FloatArray) -> FloatArray:
    bias = np.zeros_like(old.bias)
    bias[driven] = values
    return bias
