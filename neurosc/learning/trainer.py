"""One training run: its settings, and its passes through the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost, Drive, check_labels
from neurosc.datasets import Dataset
from neurosc.ideal import Ideal
from neurosc.learning import online
from neurosc.learning.bounds import Bounds
from neurosc.learning.gradient import Gradient, Parameter, learnable
from neurosc.learning.optimisers import SGD, Optimiser, by_name
from neurosc.learning.two_phase import Scheme, two_phase_gradient
from neurosc.network import FloatArray, IntArray, PhaseNetwork
from neurosc.parameters import is_sparse
from neurosc.randomness import RNG, stream, substream
from neurosc.substrate import RelaxationError, Substrate, Technology, a_substrate

Schedule = Literal["cosine", "constant"]
UPDATES_AT_ONCE = 20_000
"""Of a compiled run that nobody watches."""
DIVERGED = "learning diverged; lower learning_rate or set bounds="


@dataclasses.dataclass(frozen=True)
class Trainer:
    """The settings of one run, which decide its course together with data and random root."""

    cost: Cost
    epochs: int
    learning_rate: float
    on: Substrate | Technology
    learn: tuple[Parameter, ...]
    beta: float
    scheme: Scheme
    batch_size: int
    optimiser: Optimiser
    schedule: Schedule
    bounds: Bounds | None
    frozen: bool

    def __post_init__(self) -> None:
        if self.epochs < 0 or int(self.epochs) != self.epochs:
            raise ValueError(f"epochs: {self.epochs} is no number of epochs; give an int >= 0")
        if not 0 < self.learning_rate < np.inf:
            raise ValueError(f"learning_rate: {self.learning_rate} is not a positive number")
        if self.batch_size < 1:
            raise ValueError(f"batch_size: {self.batch_size} holds no sample; give 1 or more")
        if self.schedule not in get_args(Schedule):
            raise ValueError(
                f"schedule: {self.schedule!r} is unknown; use one of {get_args(Schedule)}"
            )

    @classmethod
    def of(
        cls,
        network: PhaseNetwork,
        data: Dataset,
        *,
        on: Substrate | Technology | None,
        learn: Sequence[Parameter] | None,
        optimiser: Literal["adam", "sgd"] | Optimiser,
        **settings: Any,
    ) -> Trainer:
        """What the settings of `fit` stand for in a network, which data and labels must fit."""
        trainer = cls(
            on=on if isinstance(on, Technology) else a_substrate(Ideal() if on is None else on),
            learn=learnable(network, learn),
            optimiser=by_name(optimiser),
            **settings,
        )
        network.encode(data.x[:1])  # samples of the wrong width are the first thing to be told
        check_labels(data.y, len(data.y), trainer.cost.classes(network.outputs.size))
        return trainer

    def stride(self, data: Dataset) -> int:
        """How many epochs nobody needs to watch one by one."""
        return max(1, UPDATES_AT_ONCE // len(data.y))

    def rate(self, epochs_done: FloatArray) -> FloatArray:
        """The learning rates after so many epochs."""
        if self.schedule == "constant":
            return np.full(epochs_done.shape, self.learning_rate)
        return np.asarray(
            0.5 * self.learning_rate * (1 + np.cos(np.pi * epochs_done / self.epochs))
        )

    def epochs_of(
        self,
        network: PhaseNetwork,
        memory: dict[str, Any],
        data: Dataset,
        span: range,
        root: np.random.SeedSequence,
    ) -> tuple[PhaseNetwork, dict[str, Any], list[dict[str, float]]]:
        """Passes through the data: the network, the optimiser's memory, rows of history."""
        if self.goes_online([network], data):
            (network,), (rows,) = self.online([network], data, span, [root])
            return network, memory, rows
        rows = []
        for epoch, order in zip(span, self.orders(data, span, root), strict=True):
            network, memory, row = self.epoch(network, memory, data, epoch, order, root)
            rows.append(row)
        return network, memory, rows

    def epoch(
        self,
        network: PhaseNetwork,
        memory: dict[str, Any],
        data: Dataset,
        epoch: int,
        order: IntArray,
        root: np.random.SeedSequence,
    ) -> tuple[PhaseNetwork, dict[str, Any], dict[str, float]]:
        """One pass, batch by batch."""
        batches = [order[a : a + self.batch_size] for a in range(0, len(order), self.batch_size)]
        loss, unlocked = 0.0, 0
        for b, index in enumerate(batches):
            rng = substream(root, "updates", epoch, b)
            try:
                gradient = self.gradient(network, *data.rows(index), rng=rng)
            except RelaxationError:
                unlocked += len(index)
                if unlocked == len(order):
                    raise
                continue
            network, memory = self.update(network, memory, gradient, epoch + b / len(batches))
            loss += gradient.loss * (len(index) - gradient.unlocked)
            unlocked += gradient.unlocked
        loss /= max(1, len(order) - unlocked)
        return network, memory, self._row(epoch, loss, unlocked / len(order))

    def gradient(
        self, network: PhaseNetwork, x: npt.ArrayLike, y: npt.ArrayLike, rng: RNG = None
    ) -> Gradient:
        """The gradient of one batch."""
        on = self.on
        if isinstance(on, Technology):
            on = on.fabricate(network, rng=substream(rng, "update's chip"))[0]
        return two_phase_gradient(
            network,
            x,
            y,
            cost=self.cost,
            beta=self.beta,
            scheme=self.scheme,
            frozen=self.frozen,
            on=on,
            rng=rng,
        )

    def _row(self, epoch: int, loss: float, unlocked: float) -> dict[str, float]:
        rate = float(self.rate(np.array(epoch)))
        return {"epoch": epoch + 1, "learning_rate": rate, "loss": loss, "unlocked": unlocked}

    def orders(self, data: Dataset, span: range, root: np.random.SeedSequence) -> list[IntArray]:
        """The order of the samples in each epoch."""
        return [stream(root, "order", epoch).permutation(len(data.y)) for epoch in span]

    def goes_online(self, networks: Sequence[PhaseNetwork], data: Dataset) -> bool:
        """Whether `online` can train these networks."""
        return (
            self.batch_size == 1
            and self.optimiser == SGD()
            and self.bounds is None
            and not self.frozen
            and online.drive_of(networks[0], self.on, self.cost, data) is not None
            and all(online.takes(other, self.on) for other in networks[1:])
            and online.alike(networks)
        )

    def online(
        self,
        networks: Sequence[PhaseNetwork],
        data: Dataset,
        span: range,
        roots: Sequence[np.random.SeedSequence],
    ) -> tuple[list[PhaseNetwork], list[list[dict[str, float]]]]:
        """The same passes sample by sample in a compiled loop, for networks that are alike."""
        on = cast(Ideal, self.on)
        drive = cast(Drive, online.drive_of(networks[0], on, self.cost, data))
        orders = [self.orders(data, span, root) for root in roots]
        samples = np.stack([np.concatenate(each) for each in orders], axis=1)
        size = len(data.y)
        rates = self.rate(np.add.outer(span, np.arange(size) / size).ravel())
        betas = (self.beta, -self.beta) if self.scheme == "symmetric" else (0.0, self.beta)
        learnt, energies = online.learn(
            networks, on, data.x, drive, samples, betas, rates, self.learn
        )
        at_zero = self.cost.value(np.zeros(drive.field.shape), data.y)
        offset = at_zero + (drive.field.real + 0.5 * drive.second_harmonic).sum(axis=1)
        losses = np.ascontiguousarray((energies + offset[samples]).T)
        losses = losses.reshape(len(networks), len(span), size)
        unlocked = np.isnan(losses).sum(axis=-1)
        for k, epoch in np.argwhere(unlocked == size):  # raises, and names the cause
            self.gradient(learnt[k], *data.rows(orders[k][epoch][:1]))
        for network in learnt:
            if not all(np.isfinite(getattr(network, name)).all() for name in self.learn):
                raise FloatingPointError(DIVERGED)
        means = np.nansum(losses, axis=-1) / np.maximum(1, size - unlocked)
        return learnt, [
            [self._row(e, *row) for e, *row in zip(span, *each, strict=True)]
            for each in zip(means.tolist(), (unlocked / size).tolist(), strict=True)
        ]

    def update(
        self,
        network: PhaseNetwork,
        memory: dict[str, Any],
        gradient: Gradient,
        epochs_done: float,
    ) -> tuple[PhaseNetwork, dict[str, Any]]:
        """One step of the optimiser, kept within the bounds."""
        slopes: dict[str, Any] = {name: getattr(gradient, name) for name in self.learn}
        sparse = "coupling" in slopes and is_sparse(network.coupling)
        if sparse:
            slopes["coupling"] = slopes["coupling"].data
        steps, memory = self.optimiser.step(slopes, memory, float(self.rate(np.array(epochs_done))))
        if not all(np.isfinite(step).all() for step in steps.values()):
            raise FloatingPointError(DIVERGED)
        if sparse:
            edges = network.coupling.copy()
            edges.data = steps["coupling"]
            steps["coupling"] = edges
        values = {k: getattr(network, k) - v for k, v in steps.items()}
        changed = network.with_parameters(**values)
        return changed if self.bounds is None else self.bounds.apply(changed), memory
