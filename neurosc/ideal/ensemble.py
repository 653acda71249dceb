"""Relaxations of several networks, one after the other or as one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.ideal.feedback import joined
from neurosc.ideal.reduction import Reduction
from neurosc.network import Encoded, FloatArray
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


def alike(problems: Sequence[Reduction]) -> bool:
    """Whether their networks have one topology: the same oscillators free, anchored and complex."""
    first = problems[0].network
    return all(
        p.network.is_complex == first.is_complex
        and all(
            np.array_equal(getattr(first, name), getattr(p.network, name))
            for name in ("free", "parts", "frame", "centred")
        )
        for p in problems[1:]
    )


def stack(problems: Sequence[Reduction]) -> Reduction:
    """The samples of networks that are `alike` as one batch, network by network."""
    first = problems[0]
    rows = [len(p.frequency) for p in problems]

    def chained(name: str) -> Any:
        return np.concatenate([getattr(p, name) for p in problems])

    encoded = zip(*(p.encoded for p in problems), strict=True)
    return Reduction(
        network=first.network,
        encoded=Encoded(*map(np.concatenate, encoded)),
        members=tuple(p.edges for p in problems),
        member=np.repeat(np.arange(len(problems)), rows),
        strengths=chained("strengths"),
        frequency=chained("frequency"),
        field=chained("field"),
        second_harmonic=chained("second_harmonic"),
        parts=first.parts,
        feedback=joined([p.feedback for p in problems]),
        start=None if first.start is None else chained("start"),
    )
