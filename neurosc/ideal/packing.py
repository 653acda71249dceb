"""Which samples share a tile."""

from __future__ import annotations

import numpy as np

from neurosc.network import IntArray

LANES = 64
"""Samples of a dense tile, the last one padded: a matrix product of always one shape gives bits
that do not depend on the batch."""
SHARED_PRICE = 4
"""Time of a tile whose lanes have couplings of their own, in units of one with the same."""


def pack(member: IntArray, steps: IntArray, lanes: int, shares: bool) -> list[IntArray]:
    """The samples of each tile, at most `lanes` of them.

    A tile is of one member of the problem, as all its lanes then share one matrix product. What
    members have left over goes into tiles of several, if it may and is little enough to gain by
    it; samples of about as many `steps` go together.

    Parameters
    ----------
    member
        (batch,), the member of each sample, increasing.
    steps
        (batch,), how long each sample goes on.
    """
    tiles, left = [], []
    for mine in np.split(np.arange(len(member)), np.flatnonzero(np.diff(member)) + 1):
        whole = len(mine) - len(mine) % lanes
        tiles += [mine[k : k + lanes] for k in range(0, whole, lanes)]
        rest = mine[whole:]
        if shares and 0 < len(rest) * SHARED_PRICE < lanes:
            left.append(rest)
        elif len(rest):
            tiles.append(rest)
    if left:
        rest = np.concatenate(left)
        rest = rest[np.argsort(steps[rest], kind="stable")]
        tiles += [rest[k : k + lanes] for k in range(0, len(rest), lanes)]
    return tiles
