"""Delays out of neurons that repeat a spike some steps later."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray

REACH = 0.85
"""Share of the longest latency that a relay is given: near the peak of the response the range of
kicks that lead to one latency gets narrow."""


@dataclasses.dataclass(frozen=True)
class Decays:
    """A population of equal neurons on a time grid, as importers step it.

        i = synapse i + x,   v = membrane v + i,   spike and v = 0 where v > 1,

    and x contains the spikes of the step before.

    Attributes
    ----------
    membrane, synapse
        What is left of v and i after a step, 0 < membrane != synapse < 1.
    """

    membrane: float
    synapse: float

    def response(self, k: npt.ArrayLike) -> FloatArray:
        """h_k = (membrane^k - synapse^k) / (membrane - synapse).

        The v that x = 1 has made, k steps on; k = 1 is the step in which x arrives.
        """
        k = np.asarray(k, dtype=np.float64)
        return np.asarray((self.membrane**k - self.synapse**k) / (self.membrane - self.synapse))

    @property
    def longest(self) -> int:
        """The longest latency that one relay can have, in steps: the peak of the response."""
        a, b = -np.log(self.membrane), -np.log(self.synapse)
        return int(np.log(a / b) / (a - b))


@dataclasses.dataclass(frozen=True)
class Relay:
    """A neuron without drive that spikes `latency` steps after its predecessor.

    Attributes
    ----------
    latency
        In steps.
    kick
        Weight from the predecessor.
    cancel
        Weight to itself, which leaves i = v = 0 in the step after its spike.
    margin
        Distance of v from the threshold in the steps before and at the spike, the lesser.
    """

    latency: int
    kick: float
    cancel: float
    margin: float


def relay(decays: Decays, latency: int) -> Relay:
    """The relay of a latency in steps.

    v passes 1 at step k just where the kick is in (1/h_k, 1/h_(k-1)]; it takes the middle. The
    first step has no upper end: the kick is 1.5.

    Raises
    ------
    ValueError
        For a latency that no kick leads to.
    """
    if not 1 <= latency <= decays.longest:
        raise ValueError(
            f"latency: {latency} steps are out of the reach of one relay, 1 to {decays.longest}; "
            "chain several"
        )
    before, at = decays.response([latency - 1, latency])
    kick = 1.5 if latency == 1 else float(1 / before + 1 / at) / 2
    margin = min(kick * at - 1, 1 - kick * before)
    return Relay(latency, kick, -kick * decays.synapse**latency, float(margin))


def split(decays: Decays, gap: int) -> tuple[int, ...]:
    """Latencies of the fewest relays that bridge a gap of some steps; none for none."""
    if gap == 0:
        return ()
    parts = int(np.ceil(gap / (REACH * decays.longest)))
    ends = np.arange(parts + 1) * gap // parts
    return tuple(np.diff(ends).tolist())


@dataclasses.dataclass(frozen=True)
class Chain:
    """Relays one after the other, of which some are taps.

    Attributes
    ----------
    relays
        In order; the first follows the source.
    taps
        Of each tap, the place of its neuron: 0 is the source, r the r-th relay.
    """

    relays: tuple[Relay, ...]
    taps: tuple[int, ...]


def chain(decays: Decays, delays: tuple[int, ...]) -> Chain:
    """The chain that has a spike at each of the delays, in steps and in order."""
    relays: list[Relay] = []
    taps: list[int] = []
    for gap in np.diff(delays, prepend=0).tolist():
        relays += [relay(decays, part) for part in split(decays, gap)]
        taps.append(len(relays))
    return Chain(tuple(relays), tuple(taps))
