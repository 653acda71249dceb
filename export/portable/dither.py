"""Small pushes that let oscillators on a time grid respond to less than a step."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurosc.export.portable.grid_taps import bias, phase_advance
from neurosc.export.portable.relays import Decays

PUSH = 2.4
"""Steps by which a push moves a phase, on average over the phases. A reset on a grid leaves a
dead zone of about one step, which 1 does not fill. Of 1.6, 1.8, ... 5.8 this leaves lone locked
oscillators the least of it, at 128 and at 256 steps."""
RATE = 0.618
"""Period of the pushes, as a share of that of the oscillators: far from small fractions."""
ROUNDS = 2
"""Corrections of the period; the second leaves less than a hundredth of a step."""


@dataclasses.dataclass(frozen=True)
class Dither:
    """Pushes on every oscillator: +push when the dither spikes, -push some steps later.

    Attributes
    ----------
    period
        Between spikes of the dither, steps.
    back
        Steps from a push to the opposite one.
    push
        Weight.
    """

    period: int
    back: int
    push: float


def dither_of(decays: Decays, steps: int) -> Dither:
    """The dither for oscillators of a period of some steps."""
    period = int(RATE * steps) | 1
    push = PUSH / float(np.abs(phase_advance(decays, steps)).mean())
    return Dither(period, period // 2, push)


def lost_steps(decays: Decays, steps: int, dither: Dither) -> float:
    """By how much less than `steps` to aim, for a mean period of `steps` under the dither."""
    lost = 0.0
    for _ in range(ROUNDS):
        lost += mean_period(decays, float(bias(decays, steps - lost)), steps, dither) - steps
    return lost


def mean_period(decays: Decays, drive: float, steps: int, dither: Dither) -> float:
    """The mean period in steps of a lone oscillator, over two rounds of the beat."""
    pushes = [0.0] * dither.period
    pushes[0], pushes[dither.back] = dither.push, -dither.push
    am, ai = decays.membrane, decays.synapse
    current, v = drive / (1 - ai), 0.0
    spikes: list[int] = []
    for k in range((2 * dither.period + 2) * steps):
        current = ai * current + drive + pushes[k % dither.period]
        v = am * v + current
        if v > 1:
            v = 0.0
            spikes.append(k)
    count = 2 * dither.period
    return (spikes[count] - spikes[0]) / count
