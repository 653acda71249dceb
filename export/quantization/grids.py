"""The grids of a target, and numbers on them."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from neurosc.export import targets
from neurosc.export.quantization.report import Group
from neurosc.export.targets.grid import bits as bits_of
from neurosc.network import FloatArray, IntArray

FEWEST_BITS = 2
"""One level on either side of zero."""
MOST_BITS = 16
"""Beyond, float32 cannot tell a grid from rounding."""
SHIFTS = 15
"""The largest k of decays by 2^-k: Xylo's states have 16 bits."""


@dataclasses.dataclass(frozen=True)
class Grids:
    """What a target can hold; None where its data state no limit.

    Attributes
    ----------
    target
        Its name.
    weights, biases
        The largest level on either side of zero; levels are symmetric, so that signs change
        nothing.
    decay_bits
        dt/tau is a whole multiple of 2^-decay_bits.
    decay_shift
        dt/tau is 2^-k.
    """

    target: str
    weights: int | None
    biases: int | None
    decay_bits: int | None
    decay_shift: bool

    @property
    def fine(self) -> bool:
        """Whether the target takes every number of float32."""
        return self.weights is None and self.biases is None and not self.rounds_decays

    @property
    def rounds_decays(self) -> bool:
        """Whether decays lie on a grid."""
        return self.decay_bits is not None or self.decay_shift

    def round_decay(self, rate: npt.ArrayLike) -> FloatArray:
        """dt/tau on the grid, at least one step and less than 1."""
        rate = np.asarray(rate, dtype=np.float64)
        if self.decay_shift:
            return np.asarray(2.0 ** np.minimum(np.rint(np.log2(rate)), 0))
        if self.decay_bits is None:
            return rate
        steps = 2.0**self.decay_bits
        return np.asarray(np.clip(np.rint(rate * steps), 1, steps - 1) / steps)

    def decays(self, name: str, exact: npt.ArrayLike) -> Group:
        """How some dt/tau lie on the grid."""
        exact = np.asarray(exact, dtype=np.float64)
        found = self.round_decay(exact)
        note = f"changed by at most {np.abs(found / exact - 1).max(initial=0.0):.2%}"
        if self.decay_shift:
            return Group(name, exact.size, 1.0, round(-np.log2(found.min())), SHIFTS, note)
        steps = 2 ** (self.decay_bits or 0)
        return Group(name, exact.size, 1 / steps, round(found.max() * steps), steps - 1, note)


def grids_of(target: str, bits: int | None = None) -> Grids:
    """The grids of a target, by its own data; `bits` replaces those of its weights.

    Raises
    ------
    ValueError
        For an unknown target (lists the known ones), and bits that are none or that it lacks.
    """
    profile = targets.find(target)
    own = profile.value("weight_levels")
    weights = None if own is None else _largest(own)
    if bits is not None:
        most = MOST_BITS if own is None else bits_of((own[0], own[1]))
        if int(bits) != bits or not FEWEST_BITS <= bits <= most:
            whose = "float32 files" if own is None else target
            raise ValueError(
                f"bits: {bits} is out of range; weights of {whose} take {FEWEST_BITS} to {most}"
            )
        weights = 2 ** (int(bits) - 1) - 1
    biases = profile.value("bias_levels")
    return Grids(
        target=target,
        weights=weights,
        biases=None if biases is None else _largest(biases),
        decay_bits=profile.value("decay_bits"),
        decay_shift=bool(profile.value("decay_shift", False)),
    )


def nearest(values: npt.ArrayLike, unit: float, most: int) -> IntArray:
    """The levels of values in units of `unit`, from -most to most."""
    return np.clip(np.rint(np.asarray(values) / unit), -most, most).astype(np.intp)


def unit_of(values: npt.ArrayLike, most: int) -> float:
    """The unit in which the largest of some values has the level `most`; 1 if all are 0."""
    largest = float(np.abs(values).max(initial=0.0))
    return largest / most if largest else 1.0


def _largest(levels: list[int]) -> int:
    return int(min(-levels[0], levels[1]))
