"""Training by mini-batches of two relaxations per sample."""

from __future__ import annotations

import dataclasses
import inspect
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.datasets import Dataset, as_dataset, split
from neurosc.learning.bounds import Bounds
from neurosc.learning.checkpoint import Course, fingerprint
from neurosc.learning.energy_model import EnergyModel
from neurosc.learning.evaluation import evaluate
from neurosc.learning.optimisers import Optimiser
from neurosc.learning.passes import goes_online, passes
from neurosc.learning.selection import Learn, Rate
from neurosc.learning.trainer import Learner, Schedule, Trainer
from neurosc.learning.two_phase import Scheme, Unsettled
from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG, seed_sequence, substream
from neurosc.storage import Path_
from neurosc.substrate import RelaxationError, Substrate, Technology

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
        What was given, trained: after the last epoch or, with `patience`, after the best one.
    rows
        One dictionary for each epoch: epoch, learning_rate, loss (that of `two_phase_gradient`),
        unlocked (share of training samples), seconds, and with a validation split
        validation_loss, validation_accuracy and validation_unlocked.
    cost
        The cost that goes with the network, with the read-out as it was learnt.
    best_epoch
        The epoch that validated best, by accuracy and then by loss; None without validation.
    """

    network: Any
    rows: list[dict[str, float]]
    cost: Cost | None = None
    best_epoch: int | None = None

    @property
    def history(self) -> pd.DataFrame:
        """`rows` as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows)


class LearningError(Exception):
    """A run that could not go on; `fit` is how far it had come, after its last good epoch."""

    fit: Fit


class DivergenceError(LearningError, FloatingPointError):
    """Parameters ceased to be finite."""


class UnlockedError(LearningError, RelaxationError):
    """No sample of an epoch, or of its validation, locked."""


def fit(
    network: PhaseNetwork | EnergyModel,
    data: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    cost: Cost,
    epochs: int,
    learning_rate: Rate | Mapping[str, Rate],
    on: Substrate | Technology | None = None,
    learn: Learn | None = None,
    beta: float = 0.1,
    scheme: Scheme = "symmetric",
    frozen: bool = False,
    random_sign: bool = False,
    remember: bool = False,
    unsettled: Unsettled = "skip",
    batch_size: int = 32,
    optimiser: Literal["adam", "sgd"] | Optimiser = "adam",
    schedule: Schedule = "cosine",
    weight_decay: float | Mapping[str, float] = 0.0,
    bounds: Bounds | None = None,
    validation: float | tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    patience: int | None = None,
    checkpoint: Path_ | None = None,
    progress: bool = False,
    rng: RNG = None,
) -> Fit:
    """Train a network with two relaxations per sample.

    Parameters
    ----------
    network, data
        The network, or any other `EnergyModel`, to start from; samples x (m, inputs) and labels y
        (m,).
    cost
        The cost on the output phases, or on what the model lets it see.
    epochs, learning_rate
        Passes through the data; size of the first steps. A tuple has a rate for each layer after
        the first; `{"coupling": ..., "field": ...}` one for each parameter, a number, a tuple or an
        array over oscillators (n,) or pairs (n, n).
    on
        The substrate that relaxes; `Ideal()` unless given. A chip learns in the loop. A `Device`
        makes a chip anew for each update, which both relaxations share: what is learnt suits chips
        that nobody has seen yet. `Sweeps` is for large layered networks.
    learn
        Which parameters learn: couplings (where there is an edge) and fields unless given, or
        couplings and frequencies in a network that floats as a whole. Names, or
        `{name: mask}` with booleans (n,), of couplings (n, n), True for all:

        - `"coupling"`, `"frequency"`, `"field"`, `"second_harmonic"`;
        - `"lag"`: the phase of complex couplings; `"coupling"` beside it is then their strength,
          and without it the whole complex number. A real network becomes complex;
        - `"readout"`: the weights of `CrossEntropy`.
    rng
        Random numbers: order of the samples, validation split, signs, and the substrate's.

    Other arguments
    ---------------
    beta, scheme, frozen, unsettled
        See `two_phase_gradient`.
    random_sign
        Draw the sign of a one-sided beta for each update, which takes away its bias on average.
    remember
        Start the first relaxation of a sample where that of its last visit ended. It keeps one
        state for each sample.
    batch_size
        Samples to an update.
    optimiser
        `"adam"`, `"sgd"`, or an `Adam(...)` or `SGD(...)`.
    schedule
        `"cosine"` lets the learning rate fall to 0 over the run.
    weight_decay
        What each step takes off a parameter, in units of it and of the learning rate: of couplings,
        weights and the read-out, or by name.
    bounds
        Limits applied after each update.
    validation
        Share of the data that is held out, or data of its own, evaluated after each epoch.
    patience
        Epochs without a better validation after which the run ends. The network of the best epoch
        is returned, also if it never comes to that.
    checkpoint
        A file written after each epoch. If it exists and belongs to the same run, the run goes on
        from there and ends with the same bits as one that was never interrupted.
    progress
        Show a progress bar.

    Raises
    ------
    UnlockedError
        A `RelaxationError`: no sample of an epoch locks.
    DivergenceError
        A `FloatingPointError`: parameters cease to be finite. Both carry `.fit`, the network and
        the history after the last good epoch.
    ValueError
        For settings out of range, data that do not fit, and a checkpoint of another run.

    Notes
    -----
    Samples that do not lock take no part in an update, unless `unsettled="learn"`, and are counted
    in `unlocked`. With batches of one sample, `"sgd"`, no bounds and no frozen nudges, small
    networks on `Ideal()` go through the data in one compiled loop. Its states are exact to the
    square of a step of 2e-6 rad, so weights agree with those of the general way at a tight
    tolerance to 1e-10, and at the default one as well as that allows. Where a sample has several
    minima, the two ways may take different ones from the same start.
    """
    given = dict(locals())
    train, held_out = as_dataset(data), None
    trainer = Trainer.of(network, train, **{name: given[name] for name in TRAINER})
    if patience is not None and (validation is None or patience < 1):
        raise ValueError(
            f"patience: {patience} epochs of no better validation; give 1 or more, and validation="
        )
    root, key = seed_sequence(rng), ""
    course = Course(trainer.learner(network), [])
    if checkpoint is not None:
        settings = {**vars(trainer), "validation": validation, "patience": patience}
        key = fingerprint(network, train, settings)
        stored = Course.read(checkpoint, course.learner, key)
        if stored is not None:
            if rng is not None and stored[1] != _spell(root):
                raise ValueError(
                    f"checkpoint: {checkpoint} was made with another rng; give that one"
                )
            course, root = stored[0], _unspell(stored[1])
    if isinstance(validation, tuple):
        held_out = as_dataset(validation)
    elif validation is not None:
        train, held_out = split(train, validation, root)

    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    watched = held_out is not None or checkpoint is not None or progress
    compiled = goes_online(trainer, [network], train)
    stride = trainer.stride(train) if compiled and not watched else 1
    done = len(course.rows)
    bar = tqdm(total=epochs, initial=done, disable=not progress, desc="training", unit="epoch")
    with bar, threadpool_limits(1, user_api="blas"):  # two threads are slower on small matrices
        for first in range(done, epochs, stride):
            if _is_over(course, patience):
                break
            span = range(first, min(first + stride, epochs))
            course = _advance(course, trainer, train, held_out, span, root, patience is not None)
            if checkpoint is not None:
                course.write(checkpoint, _spell(root), key)
            shown = {k: f"{v:.4g}" for k, v in course.rows[-1].items() if k in _SHOWN}
            bar.set_postfix(shown, refresh=False)
            bar.update(len(span))
    return _result(course)


TRAINER = tuple(
    name
    for name in inspect.signature(fit).parameters
    if name not in ("network", "data", "validation", "patience", "checkpoint", "progress", "rng")
)
"""The arguments of `fit` that are settings of a `Trainer`."""
_SHOWN = ("loss", "validation_accuracy", "unlocked")


def _advance(
    course: Course,
    trainer: Trainer,
    train: Dataset,
    held_out: Dataset | None,
    span: range,
    root: np.random.SeedSequence,
    keep: bool,
) -> Course:
    """The course after some more epochs, with the best learner if that is to be kept."""
    started = time.perf_counter()
    try:
        learner, rows = passes(trainer, course.learner, train, span, root)
        if held_out is not None:
            rows[-1] |= _validate(learner, held_out, trainer.on, root, span[0])
    except (FloatingPointError, RelaxationError) as error:
        if len(span) > 1:  # one by one, to the last good one
            for k in span:
                course = _advance(course, trainer, train, held_out, range(k, k + 1), root, keep)
            return course
        kind = UnlockedError if isinstance(error, RelaxationError) else DivergenceError
        stopped = kind(f"{error} (in epoch {span[0] + 1}; .fit holds what was learnt before)")
        stopped.fit = _result(course)
        raise stopped from error
    seconds = (time.perf_counter() - started) / len(span)
    all_rows = [*course.rows, *(row | {"seconds": seconds} for row in rows)]
    best, best_epoch = course.best, course.best_epoch
    if held_out is not None and (
        best_epoch is None or _score(all_rows[-1]) > _score(all_rows[best_epoch - 1])
    ):
        best, best_epoch = (learner if keep else None), len(all_rows)
        if best is not None:
            best = dataclasses.replace(best, memory={}, states=None)
    return Course(learner, all_rows, best, best_epoch)


def _score(row: Mapping[str, float]) -> tuple[float, float]:
    return row["validation_accuracy"], -row["validation_loss"]


def _is_over(course: Course, patience: int | None) -> bool:
    """Whether the best epoch is too long ago."""
    if patience is None or course.best_epoch is None:
        return False
    return len(course.rows) - course.best_epoch >= patience


def _result(course: Course) -> Fit:
    learner = course.learner if course.best is None else course.best
    return Fit(learner.network, course.rows, learner.cost, course.best_epoch)


def _validate(
    learner: Learner,
    data: Dataset,
    on: Substrate | Technology | None,
    root: np.random.SeedSequence,
    epoch: int,
) -> dict[str, float]:
    """Means over chips where `on` makes them: the same ones after each epoch."""
    network, cost = learner.network, learner.cost
    chips: Sequence[Substrate | None]
    if on is None or isinstance(on, Substrate):
        chips = [on]
    else:
        chips = on.fabricate(network, VALIDATION_CHIPS, rng=substream(root, "validation chips"))
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
