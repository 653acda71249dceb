"""Folds and seeds: how well a network learns, and how much of that is luck."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.datasets import as_dataset, folds_of
from neurosc.learning.energy_model import EnergyModel
from neurosc.learning.ensemble import fit_each
from neurosc.learning.evaluation import evaluate
from neurosc.learning.fit import Fit
from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG, seed_sequence, substream
from neurosc.substrate import Substrate

if TYPE_CHECKING:
    import pandas as pd

Builder = Callable[[np.random.SeedSequence], PhaseNetwork | EnergyModel]


@dataclasses.dataclass(frozen=True, eq=False)
class CrossValidation:
    """What each network read of the fold that it had not seen.

    Attributes
    ----------
    rows
        One dictionary for each network: fold, seed, accuracy, loss, unlocked (share of the fold),
        and train_loss and train_unlocked of the last epoch.
    fits
        How each was trained, in the same order.
    """

    rows: list[dict[str, float]]
    fits: list[Fit]

    @property
    def table(self) -> pd.DataFrame:
        """`rows` as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows)

    @property
    def accuracy(self) -> float:
        """Mean over folds and seeds."""
        return float(np.mean([row["accuracy"] for row in self.rows]))

    @property
    def spread(self) -> float:
        """Standard deviation over seeds of the accuracy, the mean over folds; 0 for one seed."""
        seeds = sorted({row["seed"] for row in self.rows})
        means = [np.mean([r["accuracy"] for r in self.rows if r["seed"] == s]) for s in seeds]
        return float(np.std(means, ddof=1)) if len(seeds) > 1 else 0.0

    def __str__(self) -> str:
        unlocked = np.mean([row["unlocked"] for row in self.rows])
        return (
            f"accuracy {self.accuracy:.2%} +- {self.spread:.2%} over seeds, of {len(self.rows)} "
            f"networks, {unlocked:.2%} not locked"
        )


def cross_validate(
    network: PhaseNetwork | EnergyModel | Builder,
    data: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    cost: Cost,
    folds: int = 5,
    seeds: int = 1,
    on: Substrate | None = None,
    jobs: int | None = None,
    rng: RNG = None,
    **settings: Any,
) -> CrossValidation:
    """Train on all folds but one and read that one, for each fold and seed.

    Parameters
    ----------
    network
        What to start from, or a function that builds it out of random numbers, which makes another
        for each seed: `lambda rng: topology.layered([2, 5, 2], rng=rng)`.
    data, cost, on
        As in `fit`; a substrate, not a `Device`.
    folds
        Of equal size and with the shares of the classes that the data has, drawn once.
    seeds
        Networks for each fold: other random numbers from the start on.
    jobs
        Networks that train at a time, in processes; see `fit_each`. Where its compiled loop takes
        them, folds and seeds are lanes of one run.
    rng
        Random numbers.
    **settings
        As in `fit`.

    Raises
    ------
    ValueError
        For fewer than two folds, more than the rarest class has samples, and no seeds.

    Notes
    -----
    The test fold takes no part in training, `validation` and `patience` see the others alone.
    """
    train = as_dataset(data)
    if seeds < 1:
        raise ValueError(f"seeds: {seeds} trains nothing; give 1 or more")
    root = seed_sequence(rng)
    pairs = folds_of(train, folds, substream(root, "folds"))
    builds = callable(network) and not isinstance(network, PhaseNetwork | EnergyModel)
    starts: Sequence[Any] = [
        network(substream(root, "start", seed)) if builds else network  # type: ignore[operator]
        for seed in range(seeds)
    ]
    runs = [(fold, seed) for fold in range(folds) for seed in range(seeds)]
    fits = fit_each(
        [starts[seed] for _, seed in runs],
        train,
        parts=[pairs[fold][0] for fold, _ in runs],
        jobs=jobs,
        rng=substream(root, "training"),
        cost=cost,
        on=on,
        **settings,
    )
    rows = []
    for (fold, seed), done in zip(runs, fits, strict=True):
        held_out = train.rows(pairs[fold][1])
        stream = substream(root, "test", fold, seed)
        found = evaluate(done.network, held_out, cost=done.cost or cost, on=on, rng=stream)
        last = done.rows[-1] if done.rows else {"loss": np.nan, "unlocked": np.nan}
        rows.append(
            {
                "fold": fold,
                "seed": seed,
                "accuracy": found.accuracy,
                "loss": found.loss,
                "unlocked": float((~found.locked).mean()),
                "train_loss": last["loss"],
                "train_unlocked": last["unlocked"],
            }
        )
    return CrossValidation(rows, fits)
