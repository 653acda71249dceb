"""The 8x8 digits of scikit-learn on four fixed splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosc import datasets
from neurosc.costs import CosineCost
from neurosc.studies.figures import strips
from neurosc.studies.image_nets import PEERS, Recipe, peer
from neurosc.studies.study import Row, Settings, Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SPLITS = 4
REAL = Recipe(CosineCost(), np.pi / 2, 0.03, 60, sweeps=12, strength=3.2)
RECIPES = {
    "64-20-10 real": REAL,
    "64-64-10 real": REAL,
    "64-64-10 lags": Recipe(
        CosineCost(), np.pi, 0.03, 60,
        sweeps=20, weight_decay=0.01, strength=3.2, lags=True, beta=0.3,
    ),
}  # fmt: skip
"""That of lags was chosen among 40, on a quarter of the training images of each split; of the real
ones, epochs and sweeps alone."""


def conditions(epochs: int | None = None) -> dict[str, Settings]:
    """`epochs`: other than the recipes'."""
    found: dict[str, Settings] = {
        name: {"hidden": int(name.split("-")[1]), "kind": "oscillators", "recipe": name}
        for name in RECIPES
    }
    for hidden in (20, 64):
        found[f"64-{hidden}-10 MLP"] = {"hidden": hidden, "kind": "MLP"}
    for name in ("logistic regression", "3-NN"):
        found[name] = {"hidden": 0, "kind": name}
    return {name: {"recipe": "", **given, "epochs": epochs} for name, given in found.items()}


def measure(
    seed: int,
    rng: np.random.SeedSequence,
    *,
    hidden: int,
    kind: str,
    recipe: str,
    epochs: int | None,
) -> Row:
    """Learn split `seed` mod 4 and test once; scikit-learn's peers run until they converge."""
    split = seed % SPLITS
    train, test = datasets.digits(split)
    if kind in PEERS:
        row = peer(kind, train, test, (hidden,), seed)
    else:
        row = RECIPES[recipe].learnt(train, test, (hidden,), rng, epochs)
    return {"split": split, **row}


def figure(table: pd.DataFrame) -> Figure:
    """Test accuracy of every split and seed."""
    return strips(table, "accuracy", "test accuracy (%)", STUDY.published, scale=100)


def reading(table: pd.DataFrame) -> str:
    """On which splits the oscillators are ahead of the perceptron of the same size."""
    mean = table.groupby(["condition", "split"])["accuracy"].mean().unstack()
    ahead = (mean.loc["64-64-10 lags"] > mean.loc["64-64-10 MLP"]).sum()
    return (
        f"64-64-10 with lags is ahead of the tanh MLP of the same size on {ahead} of "
        f"{mean.shape[1]} splits."
    )


STUDY = Study(
    name="digits",
    about="The 8x8 digits on four fixed splits, three seeds each",
    reported="94.1 % (Wang, Wanjura, Marquardt, arXiv 2402.08579)",
    conditions=conditions,
    measure=measure,
    measures=("accuracy", "unlocked", "diverged"),
    figure=figure,
    published={("64-20-10 real", "accuracy"): 0.941},
    reading=reading,
    seeds=3 * SPLITS,
)
