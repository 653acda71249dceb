"""Training of several networks on the same data or on parts of it."""

from __future__ import annotations

import inspect
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.datasets import Dataset, as_dataset
from neurosc.learning.energy_model import EnergyModel
from neurosc.learning.fit import TRAINER, Fit, fit
from neurosc.learning.passes import goes_online, online_passes
from neurosc.learning.trainer import Trainer
from neurosc.network import IntArray, PhaseNetwork
from neurosc.randomness import RNG, seed_sequence, substream


def fit_each(
    networks: Sequence[PhaseNetwork | EnergyModel],
    data: Dataset | tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    parts: Sequence[npt.ArrayLike] | None = None,
    jobs: int | None = None,
    rng: RNG = None,
    **settings: Any,
) -> list[Fit]:
    """Train several networks on the same data, on all cores.

    Network k ends as `fit(networks[k], data, rng=substream(rng, "network", k), **settings)` would,
    bit for bit, with an order of the samples of its own; `substream` is that of
    `neurosc.randomness`.

    Parameters
    ----------
    networks, data
        The networks to start from, and samples and labels as in `fit`.
    parts
        For each network the numbers of the samples that it sees; all unless given.
    jobs
        Networks that train at a time, in processes of their own; threads on all cores unless given.
        Compiled loops need none.
    rng
        Random numbers.
    **settings
        As in `fit`; neither `checkpoint` nor `progress`, which are for one network.

    Raises
    ------
    TypeError
        For unknown settings.
    ValueError
        For parts that do not fit.

    Notes
    -----
    Where `fit` would take its compiled loop, networks with the same edges and roles, and parts of
    one size, go through it together, each in a lane of the vector registers; unless there is
    `validation`. Others train side by side.
    """
    alone = {"checkpoint", "progress"} & set(settings)
    if alone:
        raise TypeError(f"{min(alone)}: is for one network; call fit for each")
    chosen = inspect.signature(fit).bind(None, data, **settings)
    chosen.apply_defaults()
    train = as_dataset(data)
    shares = _checked(parts, len(networks), len(train.y))
    root = seed_sequence(rng)
    streams = [substream(root, "network", k) for k in range(len(networks))]
    given = {name: chosen.arguments[name] for name in TRAINER}
    found: dict[int, Fit] = {}
    rest = list(range(len(networks)))
    if chosen.arguments["validation"] is None and networks:
        trainers = [Trainer.of(network, train, **given) for network in networks]
        for group in _alike(shares):
            some = [networks[k] for k in group]
            if goes_online(trainers[group[0]], some, train):
                fits = _abreast(trainers[group[0]], some, train, [streams[k] for k in group],
                                [shares[k] for k in group])  # fmt: skip
                found.update(zip(group, fits, strict=True))
        rest = [k for k in rest if k not in found]

    import joblib

    parallel = joblib.Parallel(n_jobs=jobs or -1, backend=None if jobs else "threading")
    others = parallel(
        joblib.delayed(fit)(
            networks[k],
            train if parts is None else train.rows(shares[k]),
            rng=streams[k],
            **settings,
        )
        for k in rest
    )
    found.update(zip(rest, others, strict=True))
    return [found[k] for k in range(len(networks))]


def _checked(parts: Sequence[npt.ArrayLike] | None, networks: int, samples: int) -> list[IntArray]:
    if parts is None:
        return [np.arange(samples)] * networks
    if len(parts) != networks:
        raise ValueError(f"parts: {len(parts)} for {networks} networks; give one for each")
    each = [np.asarray(part) for part in parts]
    for part in each:
        if part.ndim != 1 or part.dtype.kind not in "iu" or part.size == 0:
            raise ValueError("parts: a part is no list of sample numbers; give some to each")
        if part.min() < 0 or part.max() >= samples:
            raise ValueError(f"parts: name samples 0 to {samples - 1}, not {int(part.max())}")
    return [part.astype(np.intp) for part in each]


def _alike(parts: Sequence[IntArray]) -> list[list[int]]:
    """The networks whose parts are of one size."""
    groups: dict[int, list[int]] = {}
    for k, part in enumerate(parts):
        groups.setdefault(part.size, []).append(k)
    return list(groups.values())


def _abreast(
    trainer: Trainer,
    networks: Sequence[Any],
    data: Dataset,
    roots: Sequence[np.random.SeedSequence],
    parts: Sequence[IntArray],
) -> list[Fit]:
    """Train networks that are alike in lanes; `seconds` are those of an epoch of all."""
    histories: list[list[dict[str, float]]] = [[] for _ in networks]
    stride = trainer.stride(data)
    for first in range(0, trainer.epochs, stride):
        span, started = range(first, min(first + stride, trainer.epochs)), time.perf_counter()
        networks, news = online_passes(trainer, networks, data, span, roots, parts)
        seconds = (time.perf_counter() - started) / len(span)
        for history, rows in zip(histories, news, strict=True):
            history += [row | {"seconds": seconds} for row in rows]
    return [
        Fit(network, rows, trainer.cost) for network, rows in zip(networks, histories, strict=True)
    ]
