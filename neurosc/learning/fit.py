"""Training by mini-batches of two relaxations per sample."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost, Drive, check_labels
from neurosc.datasets import Dataset, as_dataset, split
from neurosc.ideal import Ideal
from neurosc.learning import online
from neurosc.learning.bounds import Bounds
from neurosc.learning.checkpoint import Checkpoint, fingerprint
from neurosc.learning.evaluation import evaluate
from neurosc.learning.gradient import Gradient, Parameter, learnable
from neurosc.learning.optimisers import SGD, Optimiser, by_name
from neurosc.learning.two_phase import Scheme, two_phase_gradient
from neurosc.network import FloatArray, IntArray, PhaseNetwork
from neurosc.parameters import is_sparse
from neurosc.randomness import RNG, seed_sequence, stream, substream
from neurosc.storage import Path_
from neurosc.substrate import RelaxationError, Substrate, Technology, a_substrate

if TYPE_CHECKING:
    import pandas as pd

Schedule = Literal["cosine", "constant"]
VALIDATION_CHIPS = 5
"""Chips of a device on which a network is validated."""
UPDATES_AT_ONCE = 20_000
"""Of a compiled run that nobody watches."""
DIVERGED = "learning diverged; lower learning_rate or set bounds="


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A trained network and how it got there.

    Attributes
    ----------
    network
        The network after the last epoch.
    rows
        One dictionary for each epoch: epoch, learning_rate, loss (mean cost in the nudged
        relaxations), unlocked (share of training samples), seconds, and with a validation split
        validation_loss, validation_accuracy and validation_unlocked.
    """

    network: PhaseNetwork
    rows: list[dict[str, float]]

    @property
    def history(self) -> pd.DataFrame:
        """`rows` as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows)


def fit(
    network: PhaseNetwork,
    data: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    cost: Cost,
    epochs: int,
    learning_rate: float,
    on: Substrate | Technology | None = None,
    learn: Sequence[Parameter] | None = None,
    beta: float = 0.1,
    scheme: Scheme = "symmetric",
    batch_size: int = 32,
    optimiser: Literal["adam", "sgd"] | Optimiser = "adam",
    schedule: Schedule = "cosine",
    bounds: Bounds | None = None,
    validation: float | tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    checkpoint: Path_ | None = None,
    progress: bool = False,
    rng: RNG = None,
) -> Fit:
    """Train a network with two relaxations per sample.

    Parameters
    ----------
    network, data
        The network to start from, samples x (m, inputs) and labels y (m,).
    cost
        The cost on the output phases.
    epochs, learning_rate
        Passes through the data; size of the first steps.
    on
        The substrate that relaxes; `Ideal()` unless given. A chip learns in the loop. A `Device`
        makes a chip anew for each update, which both relaxations share: what is learnt suits chips
        that nobody has seen yet.
    learn
        Which parameters learn: couplings (where there is an edge) and fields unless given, or
        couplings and frequencies in a network that floats as a whole.
    rng
        Random numbers: order of the samples, validation split, and the substrate's.

    Other arguments
    ---------------
    beta, scheme
        See `two_phase_gradient`.
    batch_size
        Samples to an update.
    optimiser
        `"adam"`, `"sgd"`, or an `Adam(...)` or `SGD(...)`.
    schedule
        `"cosine"` lets the learning rate fall to 0 over the run.
    bounds
        Limits applied after each update.
    validation
        Share of the data that is held out, or data of its own, evaluated after each epoch.
    checkpoint
        A file written after each epoch. If it exists and belongs to the same run, the run goes on
        from there and ends with the same bits as one that was never interrupted.
    progress
        Show a progress bar.

    Raises
    ------
    RelaxationError
        If no sample of an epoch locks.
    ValueError
        For settings out of range, data that do not fit, and a checkpoint of another run.
    FloatingPointError
        If parameters cease to be finite.

    Notes
    -----
    Samples that do not lock take no part in an update and are counted in `unlocked`. With
    batches of one sample, `"sgd"` and no bounds, small networks on `Ideal()` go through the data
    in one compiled loop; weights agree with those of the general way to rounding.
    """
    train, held_out = as_dataset(data), None
    trainer = Trainer.of(
        network,
        train,
        cost=cost,
        epochs=epochs,
        learning_rate=learning_rate,
        on=on,
        learn=learn,
        beta=beta,
        scheme=scheme,
        batch_size=batch_size,
        optimiser=optimiser,
        schedule=schedule,
        bounds=bounds,
    )
    key = fingerprint(network, train, {**vars(trainer), "validation": validation})
    root = seed_sequence(rng)
    state = Checkpoint(network, {}, [], _spell(root))
    if checkpoint is not None and (stored := Checkpoint.read(checkpoint, key)) is not None:
        if rng is not None and stored.entropy != state.entropy:
            raise ValueError(f"checkpoint: {checkpoint} was made with another rng; give that one")
        state, root = stored, _unspell(stored.entropy)
    if isinstance(validation, tuple):
        held_out = as_dataset(validation)
    elif validation is not None:
        train, held_out = split(train, validation, root)

    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    done = len(state.history)
    watched = held_out is not None or checkpoint is not None or progress
    stride = 1 if watched else stride_of(train)
    bar = tqdm(total=epochs, initial=done, disable=not progress, desc="training", unit="epoch")
    with bar, threadpool_limits(1, user_api="blas"):  # two threads are slower on small matrices
        for first in range(done, epochs, stride):
            span, started = range(first, min(first + stride, epochs)), time.perf_counter()
            net, memory, rows = trainer.epochs_of(state.network, state.memory, train, span, root)
            if held_out is not None:
                rows[-1] |= _validate(net, held_out, cost, trainer.on, root, first)
            seconds = (time.perf_counter() - started) / len(span)
            rows = [row | {"seconds": seconds} for row in rows]
            state = Checkpoint(net, memory, [*state.history, *rows], state.entropy)
            if checkpoint is not None:
                state.write(checkpoint, key)
            shown = {k: f"{v:.4g}" for k, v in rows[-1].items() if k in _SHOWN}
            bar.set_postfix(shown, refresh=False)
            bar.update(len(span))
    return Fit(state.network, state.history)


def stride_of(data: Dataset) -> int:
    """How many epochs nobody watches at a time."""
    return max(1, UPDATES_AT_ONCE // len(data.y))


_SHOWN = ("loss", "validation_accuracy", "unlocked")


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
            and online.alike(networks)
            and online.drive_of(networks[0], self.on, self.cost, data) is not None
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
        losses = (energies + offset[samples]).reshape(len(span), size, len(networks))
        unlocked = np.isnan(losses).sum(axis=1)
        for epoch, k in np.argwhere(unlocked == size):  # raises, and names the cause
            self.gradient(learnt[k], *data.rows(orders[k][epoch][:1]))
        for network in learnt:
            if not all(np.isfinite(getattr(network, name)).all() for name in self.learn):
                raise FloatingPointError(DIVERGED)
        means = np.nansum(losses, axis=1) / np.maximum(1, size - unlocked)
        return learnt, [
            [
                self._row(e, float(loss), float(lost) / size)
                for e, loss, lost in zip(span, means[:, k], unlocked[:, k], strict=True)
            ]
            for k in range(len(networks))
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


def _validate(
    network: PhaseNetwork,
    data: Dataset,
    cost: Cost,
    on: Substrate | Technology,
    root: np.random.SeedSequence,
    epoch: int,
) -> dict[str, float]:
    """Means over chips where `on` makes them: the same ones after each epoch."""
    chips: Sequence[Substrate] = (
        [on]
        if isinstance(on, Substrate)
        else on.fabricate(network, VALIDATION_CHIPS, rng=substream(root, "validation chips"))
    )
    rng = substream(root, "validation", epoch)
    results = [evaluate(network, data, cost=cost, on=chip, rng=rng) for chip in chips]
    return {
        "validation_loss": float(np.mean([r.loss for r in results])),
        "validation_accuracy": float(np.mean([r.accuracy for r in results])),
        "validation_unlocked": float(np.mean([~r.locked for r in results])),
    }


def _spell(root: np.random.SeedSequence) -> str:
    return repr((root.entropy, tuple(root.spawn_key)))


def _unspell(text: str) -> np.random.SeedSequence:
    import ast

    entropy, spawn_key = ast.literal_eval(text)
    return np.random.SeedSequence(entropy, spawn_key=spawn_key)
