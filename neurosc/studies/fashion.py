"""Fashion-MNIST, all 70,000 images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosc.costs import CosineCost, CrossEntropy
from neurosc.datasets import Dataset
from neurosc.studies import idx
from neurosc.studies.figures import strips
from neurosc.studies.image_nets import PEERS, Recipe, peer
from neurosc.studies.study import Row, Settings, Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

HIDDEN = (120, 500)
READ_OUT = CrossEntropy(4 * np.eye(10))
"""Twice the default logits: 4 cos theta."""
RECIPES = {
    120: Recipe(READ_OUT, np.pi, 0.003, 10, batch_size=128, sweeps=4),
    500: Recipe(CosineCost(), np.pi, 0.003, 12, batch_size=128, sweeps=4),
}
"""Rate and read-out were tuned with 120, 12,000 of the training images and 5 epochs, on 5,000 other
ones; those of 500 on 10,000 of them after learning the other 50,000."""
ITERATIONS = 100
"""Of the logistic regression, which would take hours to converge."""
SOURCE = (
    "get the four files from https://github.com/zalandoresearch/fashion-mnist or install Debian's "
    "package dataset-fashion-mnist (they are then in /usr/share/datasets/fashion-mnist), and give "
    "their folder as data, on the command line --data FOLDER"
)


def images(data: str | None) -> tuple[Dataset, Dataset]:
    """60,000 images to learn from and 10,000 to test, of the IDX files in a folder.

    Source: Xiao, Rasul, Vollgraf, arXiv 1708.07747 (2017), MIT.

    Raises
    ------
    ValueError
        Without a folder; the text says where the files come from.
    FileNotFoundError, ValueError
        See `idx.images`.
    """
    if data is None:
        raise ValueError(f"data: no folder is given; {SOURCE}")
    return idx.images(data)


def conditions(data: str | None = None, epochs: int | None = None) -> dict[str, Settings]:
    """`data`: the folder of IDX files; `epochs`: other than the recipes', of perceptrons too."""
    shared = {"data": data, "epochs": epochs}
    found: dict[str, Settings] = {}
    for hidden in HIDDEN:
        for kind in ("oscillators", "MLP"):
            found[f"784-{hidden}-10 {kind}"] = {"hidden": hidden, "kind": kind, **shared}
    for kind in ("logistic regression", "3-NN"):
        found[kind] = {"hidden": 0, "kind": kind, **shared}
    return found


def measure(
    seed: int,
    rng: np.random.SeedSequence,
    *,
    hidden: int,
    kind: str,
    data: str | None,
    epochs: int | None,
) -> Row:
    """Learn from a random start and test once."""
    return measured(images(data), seed, rng, hidden, kind, epochs)


def measured(
    images: tuple[Dataset, Dataset],
    seed: int,
    rng: np.random.SeedSequence,
    hidden: int,
    kind: str,
    epochs: int | None,
) -> Row:
    """One row of a fixed split; peers that no seed changes are measured once, with seed 0."""
    train, test = images
    if kind not in PEERS:
        return RECIPES[hidden].learnt(train, test, (hidden,), rng, epochs)
    if kind != "MLP" and seed > 0:
        return {"accuracy": float("nan")}
    limit = ITERATIONS
    if kind == "MLP":  # as many epochs as ours
        limit = RECIPES[hidden].epochs if epochs is None else epochs
    return peer(kind, train, test, (hidden,), seed, limit)


def figure(table: pd.DataFrame) -> Figure:
    """Test accuracy of every seed."""
    return strips(table, "accuracy", "test accuracy (%)", STUDY.published, scale=100)


STUDY = Study(
    name="fashion",
    about="Fashion-MNIST, 60,000 images to learn from and 10,000 to test, in IDX files (--data)",
    reported="88.0 +- .1 % with 784-500-10 on an Ising machine (Gower, arXiv 2505.02103)",
    conditions=conditions,
    measure=measure,
    measures=("accuracy", "unlocked", "diverged", "seconds_to_learn"),
    figure=figure,
    published={("784-500-10 oscillators", "accuracy"): 0.880},
    seeds=3,
)
