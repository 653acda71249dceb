"""Hillenbrand's vowels from their first two formants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc import topology
from neurosc.costs import CosineCost
from neurosc.learning import evaluate
from neurosc.network import Encoding, PhaseNetwork
from neurosc.randomness import substream
from neurosc.studies.data import vowels
from neurosc.studies.figures import strips
from neurosc.studies.kuramoto import layered_kuramoto
from neurosc.studies.peers import logistic_regression
from neurosc.studies.study import Row, Settings, Study
from neurosc.studies.training import fit_or_last_good

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PHASES = Encoding("phase", 1.5)
"""Formants from -1 to 1 as phases of -1.5 to 1.5 rad."""
PUBLISHED = CosineCost(-0.2, 0.2)
"""The targets of the phase-gradient work; the read-out is the one that agrees with them."""
QUARTER = CosineCost(-np.pi / 4, np.pi / 4)
HIDDEN = 20
"""Of the network for five vowels."""
RECIPES: dict[str, dict[str, Any]] = {
    "floating": {"cost": PUBLISHED, "learning_rate": 1.0, "epochs": 500, "beta": 0.1,
                 "learn": ("coupling", "frequency")},
    "anchored": {"cost": QUARTER, "learning_rate": 0.1, "epochs": 100, "beta": 0.02,
                 "scheme": "one-sided", "learn": ("coupling", "field")},
    "five": {"cost": QUARTER, "learning_rate": 0.03, "epochs": 100, "beta": 0.02,
             "learn": ("coupling", "field")},
}  # fmt: skip
"""Online learning, tuned on validation parts of training sets of splits 1000 to 1019, on which the
floating one learns as well at a rate of .5. But then at least two of the 20 a/i networks keep a
second minimum in which training samples end wrong when they relax anew: 95 and 96 % are right. At 1
no network falls below 99 % of its training samples, in either order of the labels."""


def network(recipe: str, rng: np.random.SeedSequence) -> PhaseNetwork:
    """A random start: a floating Kuramoto network, or one that fields anchor, its inputs phases."""
    if recipe == "floating":
        return layered_kuramoto(rng=rng)
    sizes = [2, HIDDEN, 5] if recipe == "five" else [2, 5, 2]
    return topology.layered(sizes, encoding=PHASES, field_scale=0.5, rng=rng)


def conditions(data: str | None = None, epochs: int | None = None) -> dict[str, Settings]:
    """`data`: the file of vowels, else it is downloaded; `epochs`: other than the recipes'."""
    shared = {"data": data, "epochs": epochs}
    networks = {
        "a/i floating": ("ai", "floating"),
        "i/a floating": ("ia", "floating"),
        "a/i anchored": ("ai", "anchored"),
        "i/a anchored": ("ia", "anchored"),
        "o/u anchored": ("ou", "anchored"),
        "u/o anchored": ("uo", "anchored"),
        "five vowels": ("aeiou", "five"),
        "a/i logistic regression": ("ai", "peer"),
        "o/u logistic regression": ("ou", "peer"),
        "five logistic regression": ("aeiou", "peer"),
    }
    return {
        name: {"which": which, "recipe": recipe, **shared}
        for name, (which, recipe) in networks.items()
    }


def measure(
    seed: int,
    rng: np.random.SeedSequence,
    *,
    which: str,
    recipe: str,
    data: str | None,
    epochs: int | None,
) -> Row:
    """Learn split `seed` from a random start, and test once."""
    train, test = vowels(which, seed, data)
    if recipe == "peer":
        return {"accuracy": logistic_regression(train, test), "unlocked": 0.0}
    settings = RECIPES[recipe] | ({} if epochs is None else {"epochs": epochs})
    fitted, diverged = fit_or_last_good(
        network(recipe, rng), train, batch_size=1, optimiser="sgd", rng=substream(rng, "fit"),
        **settings,
    )  # fmt: skip
    found = evaluate(fitted.network, test, cost=settings["cost"])
    return {
        "accuracy": found.accuracy,
        "unlocked": float(1 - found.locked.mean()),
        "unlocked_in_training": max((row["unlocked"] for row in fitted.rows), default=0.0),
        "diverged": float(diverged),
    }


def figure(table: pd.DataFrame) -> Figure:
    """Test accuracy of every seed."""
    return strips(table, "accuracy", "test accuracy (%)", STUDY.published, scale=100)


STUDY = Study(
    name="vowels",
    about="Hillenbrand's vowels with two relaxations, from random starts",
    reported="a/i 96.0 % of the seeds that converge, about half, 97.6 % seeded; o/u 77.9 %; "
    "logistic regression 83.3 % of o/u and 89.1 % of five vowels (Rashahmadi 2026)",
    conditions=conditions,
    measure=measure,
    measures=("accuracy", "unlocked", "diverged"),
    figure=figure,
    published={
        ("a/i floating", "accuracy"): 0.960,
        ("o/u anchored", "accuracy"): 0.779,
        ("o/u logistic regression", "accuracy"): 0.833,
        ("five logistic regression", "accuracy"): 0.891,
    },
)
