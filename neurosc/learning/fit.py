"""Training by mini-batches of two relaxations per sample."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.datasets import Dataset, as_dataset, split
from neurosc.learning.bounds import Bounds
from neurosc.learning.checkpoint import Checkpoint, fingerprint
from neurosc.learning.evaluation import evaluate
from neurosc.learning.gradient import Parameter
from neurosc.learning.optimisers import Optimiser
from neurosc.learning.trainer import Schedule, Trainer
from neurosc.learning.two_phase import Scheme
from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG, seed_sequence, substream
from neurosc.storage import Path_
from neurosc.substrate import Substrate, Technology

if TYPE_CHECKING:
    import pandas as pd

VALIDATION_CHIPS = 5
"""Chips of a device on which a network is validated."""


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A trained network and how it got there.

    Attributes
    ----------
    network
        The network after the last epoch.
    rows
        One dictionary for each epoch: epoch, learning_rate, loss (that of `two_phase_gradient`),
        unlocked (share of training samples), seconds, and with a validation split
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
    frozen: bool = False,
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
    beta, scheme, frozen
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
    batches of one sample, `"sgd"`, no bounds and no frozen nudges, small networks on `Ideal()` go
    through the data in one compiled loop. Its states are exact to the square of a step of 2e-6 rad,
    so weights agree with those of the general way at a tight tolerance to 1e-10, and at the default
    one as well as that allows.
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
        frozen=frozen,
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
    stride = 1 if watched else trainer.stride(train)
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


_SHOWN = ("loss", "validation_accuracy", "unlocked")


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
