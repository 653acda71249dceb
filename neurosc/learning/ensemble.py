"""Training of several networks on the same data."""

from __future__ import annotations

import inspect
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.datasets import Dataset, as_dataset
from neurosc.learning.fit import TRAINER, Fit, fit
from neurosc.learning.passes import goes_online, online_passes
from neurosc.learning.trainer import Trainer
from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG, seed_sequence, substream


def fit_each(
    networks: Sequence[PhaseNetwork],
    data: Dataset | tuple[npt.ArrayLike, npt.ArrayLike],
    *,
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
    rng
        Random numbers.
    **settings
        As in `fit`; neither `checkpoint` nor `progress`, which are for one network.

    Raises
    ------
    TypeError
        For unknown settings.

    Notes
    -----
    Where `fit` would take its compiled loop, networks with the same edges and roles go through it
    together, each in a lane of the vector registers; unless there is `validation`. Others train in
    threads, one each.
    """
    alone = {"checkpoint", "progress"} & set(settings)
    if alone:
        raise TypeError(f"{min(alone)}: is for one network; call fit for each")
    chosen = inspect.signature(fit).bind(None, data, **settings)
    chosen.apply_defaults()
    root = seed_sequence(rng)
    streams = [substream(root, "network", k) for k in range(len(networks))]
    if chosen.arguments["validation"] is None:
        train = as_dataset(data)
        given = {name: chosen.arguments[name] for name in TRAINER}
        trainers = [Trainer.of(network, train, **given) for network in networks]
        if trainers and goes_online(trainers[0], networks, train):
            return _abreast(trainers[0], networks, train, streams)

    import joblib

    parallel = joblib.Parallel(n_jobs=-1, backend="threading")
    return list(
        parallel(
            joblib.delayed(fit)(network, data, rng=stream, **settings)
            for network, stream in zip(networks, streams, strict=True)
        )
    )


def _abreast(
    trainer: Trainer,
    networks: Sequence[PhaseNetwork],
    data: Dataset,
    roots: Sequence[np.random.SeedSequence],
) -> list[Fit]:
    """Train networks that are alike in lanes; `seconds` are those of an epoch of all."""
    histories: list[list[dict[str, float]]] = [[] for _ in networks]
    stride = trainer.stride(data)
    for first in range(0, trainer.epochs, stride):
        span, started = range(first, min(first + stride, trainer.epochs)), time.perf_counter()
        networks, news = online_passes(trainer, networks, data, span, roots)
        seconds = (time.perf_counter() - started) / len(span)
        for history, rows in zip(histories, news, strict=True):
            history += [row | {"seconds": seconds} for row in rows]
    return [
        Fit(network, rows, trainer.cost) for network, rows in zip(networks, histories, strict=True)
    ]
