"""Relaxations of several networks, one after the other or as one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.ideal.drift import Harmonic
from neurosc.ideal.feedback import joined
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.tile_couplings import is_sparse_form
from neurosc.network import Encoded, FloatArray
from neurosc.substrate import Relaxation

ROWS = 1 << 16
"""Samples of one batch, about 100 MB of parameters for a hundred oscillators."""


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

    errors = [r.standard_error for r in each if r.standard_error is not None]
    return Relaxation(
        np.stack([r.phases for r in each]),
        np.stack([r.status for r in each]),
        np.stack([r.residual for r in each]),
        reason,
        np.stack(errors) if len(errors) == len(each) else None,
    )


def split(found: Relaxation, count: int) -> list[Relaxation]:
    """A batch that ran through `count` networks, with as many samples each, network by network."""
    size = len(found.status) // count

    def of(first: int) -> Relaxation:
        mine, reasons = slice(first, first + size), found.reasons
        own = None if reasons is None else (lambda sample: reasons(first + sample))
        return Relaxation(found.phases[mine], found.status[mine], found.residual[mine], own)

    return [of(k * size) for k in range(count)]


def batches(problems: Sequence[Reduction]) -> list[list[int]]:
    """Numbers of the problems that `stack` joins: of one topology, at most `ROWS` samples each."""
    alike: dict[Any, list[int]] = {}
    for number, problem in enumerate(problems):
        alike.setdefault(_topology(problem), []).append(number)
    some = max(1, ROWS // max(1, problems[0].batch))
    return [same[k : k + some] for same in alike.values() for k in range(0, len(same), some)]


def _topology(problem: Reduction) -> tuple[object, ...]:
    """What networks of one batch share: which oscillators are free, anchored and complex."""
    network = problem.network
    layout = (getattr(network, name).tobytes() for name in ("free", "parts", "frame"))
    form = is_sparse_form(problem), network.is_complex, network.centred, problem.conservative
    return (*form, *layout)


def stack(problems: Sequence[Reduction]) -> Reduction:
    """The samples of networks of one topology as one batch, network by network."""
    first = problems[0]
    if len(problems) == 1:
        return first
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
        conservative=first.conservative,
        harmonics=tuple(map(_joined, *(p.harmonics for p in problems))),
    )


def _joined(*each: Harmonic) -> Harmonic:
    members = tuple(edges for harmonic in each for edges in harmonic.members)
    return Harmonic(members, np.concatenate([harmonic.field for harmonic in each]))
