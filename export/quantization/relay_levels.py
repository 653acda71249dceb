"""Relays of which kick and self-weight are whole multiples of one unit."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurosc.export.portable.relays import Decays
from neurosc.network import FloatArray

CYCLES = 4
"""In which what a relay keeps of its last spike settles: e^-2 of it is left after each."""
KICKS = 15
"""Places in the window of kicks that are tried."""


@dataclasses.dataclass(frozen=True)
class RelayLevels:
    """A relay on a grid.

    Attributes
    ----------
    kick, cancel
        Levels of the weight from the predecessor, and of that to itself.
    unit
        Of both.
    margin
        Distance of v from the threshold in the steps before and at a spike, the lesser.
    """

    kick: int
    cancel: int
    unit: float
    margin: float


def relay_levels(decays: Decays, latency: int, most: int, period: int) -> RelayLevels:
    """The relay of a latency in steps whose levels keep it with the largest margin.

    The kick must be in (1/h_k, 1/h_(k-1)], the self-weight should be -kick synapse^k. As relays of
    one latency have a unit of their own, a kick w can be any level a, with the unit w/a; so a is
    chosen such that a synapse^k is nearly whole. What the self-weight misses is still there at the
    next spike, so each a is tried with several w in a run with one spike per `period` steps.

    Parameters
    ----------
    most
        The largest level.

    Raises
    ------
    ValueError
        Where no levels keep the latency.
    """
    kick = _window(decays, latency)[:, None]
    level = np.arange(1, most + 1)
    cancel = np.rint(level * decays.synapse**latency)
    unit = kick / level
    margin = _margin(decays, latency, np.broadcast_to(kick, unit.shape), -cancel * unit, period)
    w, a = np.unravel_index(margin.argmax(), margin.shape)
    if margin[w, a] <= 0:
        raise ValueError(
            f"bits: with {most} levels of weights on either side of zero relays of {latency} "
            "steps miss their time; give more bits"
        )
    return RelayLevels(int(level[a]), -int(cancel[a]), float(unit[w, a]), float(margin[w, a]))


def _window(decays: Decays, latency: int) -> FloatArray:
    """Kicks of a latency, from end to end; the first step has no upper end."""
    if latency == 1:
        return np.array([1.5, 2.0])
    low, high = 1 / decays.response([latency, latency - 1])
    return np.asarray(low + (high - low) * np.linspace(0, 1, KICKS + 2)[1:-1])


def _margin(
    decays: Decays, latency: int, kick: FloatArray, cancel: FloatArray, period: int
) -> FloatArray:
    """The least of 1 - v before a spike and v - 1 at it, for each pair of weights."""
    current, v = np.zeros_like(cancel), np.zeros_like(cancel)
    margin = np.full(cancel.shape, np.inf)
    for step in range(CYCLES * period):
        phase = step % period
        current = decays.synapse * current
        if phase == 0:
            current = current + kick
        elif phase == latency:
            current = current + cancel
        v = decays.membrane * v + current
        if phase == latency - 1:
            margin = np.minimum(margin, v - 1)
            v = np.zeros_like(v)
        else:
            margin = np.minimum(margin, 1 - v)
    return margin
