"""The population of `to_nir` on the grids of a target, coupling as before."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurosc.export.portable.grid_taps import phase_advance
from neurosc.export.portable.population import Population
from neurosc.export.portable.relays import Decays
from neurosc.export.quantization.couplings import interaction, whole_taps
from neurosc.export.quantization.grids import Grids, nearest, unit_of
from neurosc.export.quantization.relay_levels import RelayLevels, relay_levels
from neurosc.export.quantization.report import Group
from neurosc.export.quantization.tuning import tuned
from neurosc.network import FloatArray

MOST = 2**15 - 1
"""Levels of weights where the target states none: 16 bits."""


@dataclasses.dataclass(frozen=True)
class OnGrids:
    """A population on grids.

    Attributes
    ----------
    population
        Its numbers.
    groups
        How those of each role lie on their grid.
    couplings, lost
        Pairs of a sender and an oscillator, and those among them of which no tap is left.
    """

    population: Population
    groups: tuple[Group, ...]
    couplings: int
    lost: int


def on_grids(old: Population, grids: Grids) -> OnGrids:
    """The population with weights, biases and decays on the grids of a target.

    The decays are rounded first. Relays and taps are then made for these, so that rounding them
    costs nothing. Biases come last, as they make up for what the others do to the periods.

    Raises
    ------
    ValueError
        Where the bits do not suffice for the relays.
    """
    exact = [1 - old.decays.membrane, 1 - old.decays.synapse]
    rates = grids.round_decay(exact)
    if rates[0] == rates[1]:
        raise ValueError(
            f"graph: on the grid of {grids.target} membrane and synapse decay alike, by "
            f"{rates[0]:.4g} a step; export it with another number of steps per cycle"
        )
    decays, most = Decays(*(1 - rates).tolist()), grids.weights or MOST
    coupled = _couple(old, decays, most)
    weight = coupled.population.weight
    groups = [*coupled.groups, *_delay(old, decays, weight, most)]
    feed, sources = _feed(old, decays, weight, most)
    new = dataclasses.replace(old, decays=decays, weight=weight, feed=feed)
    new, biases = tuned(old, new, coupled.groups[0].unit, grids.biases)
    decaying = [grids.decays("decays", exact)] if grids.rounds_decays else []
    found = (*groups, *sources, *biases, *decaying)
    return OnGrids(new, found, coupled.couplings, coupled.lost)


def _couple(old: Population, decays: Decays, most: int) -> OnGrids:
    """The rows of the oscillators: taps that interact as the old ones do, and pushes."""
    n, rows = old.settings.steps_per_cycle, old.oscillators
    before, after = phase_advance(old.decays, n), phase_advance(decays, n)
    paced = np.isin(old.head, old.pacemakers)
    pushes = np.where(paced, old.weight[rows], 0.0)
    pushes *= np.abs(before).mean() / np.abs(after).mean()
    found = []
    for head in np.unique(old.head[~paced]):
        taps = np.where(old.head == head, old.weight[rows], 0.0)
        columns, targets = np.flatnonzero(taps.any(axis=0)), np.flatnonzero(taps.any(axis=1))
        if columns.size:
            basis = interaction(after, old.delay[columns])
            wanted = taps[np.ix_(targets, columns)] @ interaction(before, old.delay[columns]).T
            found.append((np.ix_(rows[targets], columns), basis, wanted))
    exact = [np.linalg.lstsq(basis, wanted.T)[0].ravel() for _, basis, wanted in found]
    unit = unit_of(np.concatenate([pushes.ravel(), *exact]), most)
    weight = np.zeros_like(old.weight)
    weight[rows] = nearest(pushes, unit, most) * unit
    lost = couplings = 0
    for place, basis, wanted in found:
        levels = whole_taps(basis, wanted, unit, most)
        weight[place] = levels * unit
        couplings, lost = couplings + len(levels), lost + int((~levels.any(axis=1)).sum())
    used = int(np.rint(np.abs(weight).max() / unit))
    group = Group("oscillators", rows.size, unit, used, most, f"{lost} of {couplings} couplings 0")
    return OnGrids(dataclasses.replace(old, weight=weight), (group,), couplings, lost)


def _delay(old: Population, decays: Decays, weight: FloatArray, most: int) -> list[Group]:
    """Fill the rows of the relays, those of one latency in one unit."""
    groups = []
    for latency in np.unique(old.latency[old.relays]).tolist():
        made = relay_levels(decays, latency, most, old.settings.steps_per_cycle)
        rows = np.flatnonzero(old.latency == latency)
        weight[rows, old.before[rows]] = made.kick * made.unit
        weight[rows, rows] = made.cancel * made.unit
        name = f"relays of {latency} steps"
        groups.append(Group(name, rows.size, made.unit, made.kick, most, _margin(made)))
    return groups


def _feed(
    old: Population, decays: Decays, weight: FloatArray, most: int
) -> tuple[FloatArray, list[Group]]:
    """Fill the rows of the sources, which relay the input by one step; also returns their feed."""
    rows = old.sources
    if not rows.size:
        return old.feed, []
    made = relay_levels(decays, 1, most, old.settings.steps_per_cycle)
    weight[rows, rows] = made.cancel * made.unit
    group = Group("sources", rows.size, made.unit, made.kick, most, _margin(made))
    return np.where(old.feed != 0, made.kick * made.unit, 0.0), [group]


def _margin(made: RelayLevels) -> str:
    return f"threshold margin {made.margin:.2g}"
