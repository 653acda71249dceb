"""Passes through the data: batch by batch or, sample by sample, in a compiled loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from neurosc.costs import Drive
from neurosc.datasets import Dataset
from neurosc.ideal import Ideal
from neurosc.learning import online
from neurosc.learning.energy_model import EnergyModel
from neurosc.learning.optimisers import SGD
from neurosc.learning.phase_model import PhaseModel
from neurosc.learning.trainer import DIVERGED, Learner, Trainer
from neurosc.network import IntArray, PhaseNetwork

Rows = list[dict[str, float]]
"""One of the history for each epoch."""


def passes(
    trainer: Trainer, learner: Learner, data: Dataset, span: range, root: np.random.SeedSequence
) -> tuple[Learner, Rows]:
    """Some epochs of one learner."""
    model = learner.model
    if isinstance(model, PhaseModel) and goes_online(trainer, [model.network], data):
        (network,), (rows,) = online_passes(trainer, [model.network], data, span, [root])
        return Learner(PhaseModel(network, model.on, model.learn), learner.cost, {}), rows
    rows = []
    for epoch in span:
        learner, row = trainer.epoch(learner, data, epoch, root)
        rows.append(row)
    return learner, rows


def goes_online(
    trainer: Trainer, networks: Sequence[PhaseNetwork | EnergyModel], data: Dataset
) -> bool:
    """Whether `online_passes` can train these networks."""
    plain: Any = [network for network in networks if isinstance(network, PhaseNetwork)]
    return (
        len(plain) == len(networks)
        and trainer.on is not None
        and trainer.batch_size == 1
        and trainer.optimiser == SGD()
        and trainer.bounds is None
        and trainer.selection.is_plain
        and not (trainer.frozen or trainer.random_sign or trainer.remember)
        and online.drive_of(plain[0], trainer.on, trainer.cost, data) is not None
        and all(online.takes(other, trainer.on) for other in plain[1:])
        and online.alike(plain)
    )


def online_passes(
    trainer: Trainer,
    networks: Sequence[PhaseNetwork],
    data: Dataset,
    span: range,
    roots: Sequence[np.random.SeedSequence],
    parts: Sequence[IntArray] | None = None,
) -> tuple[list[PhaseNetwork], list[Rows]]:
    """Some epochs sample by sample, for networks that are alike.

    Each sees all of the data or, as large as those of the others, a part: the numbers of its
    samples.
    """
    on = cast(Ideal, trainer.on)
    drive = cast(Drive, online.drive_of(networks[0], on, trainer.cost, data))
    parts = [np.arange(len(data.y))] * len(networks) if parts is None else parts
    seen = [data.rows(part) for part in parts]
    orders = [
        [part[order] for order in trainer.orders(own, span, root)]
        for part, own, root in zip(parts, seen, roots, strict=True)
    ]
    samples = np.stack([np.concatenate(each) for each in orders], axis=1)
    size = len(parts[0])
    rates = trainer.rate(np.add.outer(span, np.arange(size) / size).ravel())
    betas = (trainer.beta, -trainer.beta) if trainer.scheme == "symmetric" else (0.0, trainer.beta)
    names = cast(Any, trainer.selection.names)
    learnt, energies = online.learn(networks, on, data.x, drive, samples, betas, rates, names)
    at_zero = trainer.cost.value(np.zeros(drive.field.shape), data.y)
    offset = at_zero + (drive.field.real + 0.5 * drive.second_harmonic).sum(axis=1)
    losses = np.ascontiguousarray((energies + offset[samples]).T)
    losses = losses.reshape(len(networks), len(span), size)
    unlocked = np.isnan(losses).sum(axis=-1)
    for k, epoch in np.argwhere(unlocked == size):  # raises, and names the cause
        trainer.gradient(trainer.learner(learnt[k]), *data.rows(orders[k][epoch][:1]))
    for network in learnt:
        if not all(np.isfinite(getattr(network, name)).all() for name in names):
            raise FloatingPointError(DIVERGED)
    means = np.nansum(losses, axis=-1) / np.maximum(1, size - unlocked)
    return learnt, [
        [trainer.row(e, *row) for e, *row in zip(span, *each, strict=True)]
        for each in zip(means.tolist(), (unlocked / size).tolist(), strict=True)
    ]
