"""Relaxations of several networks, one after the other or as one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray
from neurosc.substrate import Relaxation


def starts(start: npt.ArrayLike | None, count: int) -> list[FloatArray | None]:
    """The start phases of each network, from (batch, n) or (networks, batch, n)."""
    if start is None:
        return [None] * count
    phases = np.asarray(start, dtype=np.float64)
    if phases.ndim < 3:
        return [phases] * count
    if len(phases) != count:
        raise ValueError(f"start: phases of {len(phases)} networks for {count}; give as many")
    return list(phases)


def gather(each: Sequence[Relaxation]) -> Relaxation:
    """Relaxations of (batch, n) phases as one of (networks, batch, n)."""

    def reason(flat: int) -> str:
        network, sample = divmod(flat, len(each[0].status))
        own = each[network].reasons
        return own(sample) if own is not None else ""

    return Relaxation(
        np.stack([r.phases for r in each]),
        np.stack([r.status for r in each]),
        np.stack([r.residual for r in each]),
        reason,
    )


def split(found: Relaxation, count: int) -> Relaxation:
    """A batch that ran through `count` networks as (networks, batch, n)."""
    return Relaxation(
        found.phases.reshape(count, -1, found.phases.shape[-1]),
        found.status.reshape(count, -1),
        found.residual.reshape(count, -1),
        found.reasons,
    )
