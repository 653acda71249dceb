"""Oscillators that are seen late."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.ideal.reduction import Reduction
from neurosc.network import IntArray

Steps = tuple[int, ...] | tuple[tuple[int, ...], ...]
"""Delays of each sender, or of each pair of receiver and sender, in steps."""


@dataclasses.dataclass(frozen=True, eq=False)
class Delays:
    """Delays among the free oscillators, as taps: each is a share of the couplings, seen so late.

    Attributes
    ----------
    taps
        (taps, m), how many steps ago each sender is seen.
    shares
        (taps, m, m), which couplings go through a tap; None where one takes them all.
    """

    taps: IntArray
    shares: npt.NDArray[np.bool_] | None

    @classmethod
    def of(cls, given: Steps, free: IntArray, n: int) -> Delays:
        """From delays (n,) or (n, n) of all oscillators.

        Raises
        ------
        ValueError
            If they are those of another number of oscillators.
        """
        steps = np.array(given, dtype=np.intp)
        if steps.shape not in ((n,), (n, n)):
            raise ValueError(
                f"delay_steps: shape {steps.shape} does not fit; give ({n},), of each sender, or "
                f"({n}, {n}), of each receiver and sender"
            )
        if steps.ndim == 1:
            return cls(steps[None, free], None)
        pairs = steps[np.ix_(free, free)]
        values = np.unique(pairs)
        taps = np.repeat(values[:, None], free.size, axis=1)
        return cls(taps, pairs == values[:, None, None])

    @property
    def depth(self) -> int:
        """Steps that have to be kept, the present one included."""
        return int(self.taps.max(initial=0)) + 1

    def of_each(self, edges: Any) -> list[Any]:
        """The couplings (m, m) that go through each tap, dense or sparse as they are.

        Sparse ones keep all their edges, so that those of all taps are the same.
        """
        if self.shares is None:
            return [edges]
        if isinstance(edges, np.ndarray):
            return [edges * share for share in self.shares]
        found = []
        for share in self.shares:
            some = edges.tocsr(copy=True)
            rows = np.repeat(np.arange(some.shape[0]), np.diff(some.indptr))
            some.data *= share[rows, some.indices]
            found.append(some)
        return found


def check_delay_steps(given: npt.ArrayLike, method: str, dt: float | None) -> Steps:
    """Delays as tuples, which compare and hash.

    Raises
    ------
    TypeError, ValueError
        For what is no table of whole numbers from 0 on, for methods that descend an energy, and
        without the length of a step.
    """
    steps = np.asarray(given)
    if steps.dtype.kind not in "iu" or steps.ndim not in (1, 2):
        raise TypeError(
            f"delay_steps: {steps.dtype} of shape {steps.shape}; give whole numbers (n,), or (n, n)"
        )
    if steps.min(initial=0) < 0:
        raise ValueError(f"delay_steps: holds {steps.min()}; give numbers of steps from 0 on")
    if method != "steps":
        raise ValueError('delay_steps: delays have no energy; use method="steps"')
    if dt is None:
        raise ValueError("delay_steps: count steps of a length that is not told; give dt=")
    if steps.ndim == 1:
        return tuple(int(k) for k in steps)
    return tuple(tuple(int(k) for k in row) for row in steps)


def in_the_laboratory(problem: Reduction) -> Reduction:
    """The problem in the frame in which its frequencies are given, where a delay is no lag.

    Raises
    ------
    ValueError
        For a nudge that follows the phases, and for couplings of a device.
    """
    if problem.feedback is not None:
        raise ValueError(
            "nudge: this one follows the phases, and with delays there is no energy that a cost "
            "could add to; give a frozen one, Nudge(..., at=phases)"
        )
    if not problem.conservative:
        raise ValueError(
            "delay_steps: a device has terms for its delays, CouplingDelay; leave them out here"
        )
    turning = problem.network.part_mean(problem.encoded.frequency)[:, problem.network.free]
    return dataclasses.replace(problem, frequency=problem.frequency + turning, conservative=False)
