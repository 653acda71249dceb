"""The grid on which numbers lie: whether a fixed-point chip can hold them."""

from __future__ import annotations

import numpy as np

from neurosc.network import FloatArray

MOST = 2**15
"""Levels on either side of zero up to which a grid is looked for."""
PRECISION = 2.5e-7
"""Relative error of a number that was stored as float32, doubled for its quotient."""


def step(values: FloatArray, most: int = MOST) -> float | None:
    """The largest s such that every value is a whole multiple of s, up to float32 rounding.

    Looks at s = max|v| / L for L = 1, 2, ..., `most`. Values that are all zero have s = 1.

    Returns
    -------
    float or None
        None if there is no such s, or a value is not finite.
    """
    if not np.isfinite(values).all():
        return None
    sizes = np.unique(np.abs(values))
    sizes = sizes[sizes > 0]
    if not sizes.size:
        return 1.0
    largest = float(sizes[-1])
    counts = np.arange(1, most + 1, dtype=np.float64)
    for size in sizes:
        position = size / largest * counts
        # a weight of at least one step cannot be rounded to none
        counts = counts[
            (np.abs(position - np.rint(position)) <= PRECISION * counts) & (position > 0.5)
        ]
        if not counts.size:
            return None
    return largest / float(counts[0])


def bits(levels: tuple[int, int]) -> int:
    """Bits of the two's complement that holds a range of levels."""
    least, most = levels
    return max(int(most).bit_length(), int(-least - 1).bit_length() if least < 0 else 0) + 1
