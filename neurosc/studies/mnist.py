"""MNIST, all 70,000 images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosc.datasets import Dataset, as_dataset
from neurosc.studies import fashion, idx
from neurosc.studies.figures import strips
from neurosc.studies.study import Row, Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

TRAIN = 60_000


def images(data: str | None) -> tuple[Dataset, Dataset]:
    """60,000 images to learn from and 10,000 to test: IDX files in a folder, else from OpenML.

    OpenML's are downloaded once and kept by scikit-learn, in the order of the IDX files.
    Source: LeCun, Cortes, Burges, The MNIST database (1998).

    Raises
    ------
    OSError
        If they cannot be downloaded.
    FileNotFoundError, ValueError
        See `idx.images`.
    """
    if data is not None:
        return idx.images(data)
    from sklearn.datasets import fetch_openml

    try:
        x, y = fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False)
    except OSError as error:
        raise OSError(
            f"data: MNIST cannot be downloaded from OpenML ({error}); give the folder of its four "
            "IDX files as data, on the command line --data FOLDER"
        ) from error
    x, y = np.asarray(x, dtype=float) / 255, np.asarray(y).astype(np.intp)
    return as_dataset((x[:TRAIN], y[:TRAIN])), as_dataset((x[TRAIN:], y[TRAIN:]))


def measure(
    seed: int,
    rng: np.random.SeedSequence,
    *,
    hidden: int,
    kind: str,
    data: str | None,
    epochs: int | None,
) -> Row:
    """Learn from a random start and test once, with the recipes of Fashion-MNIST."""
    return fashion.measured(images(data), seed, rng, hidden, kind, epochs)


def figure(table: pd.DataFrame) -> Figure:
    """Test accuracy of every seed."""
    return strips(table, "accuracy", "test accuracy (%)", STUDY.published, scale=100)


STUDY = Study(
    name="mnist",
    about="MNIST, 60,000 images to learn from and 10,000 to test, by IDX files (--data) or OpenML",
    reported="97.2 % with 784-500-10 on an Ising machine (Gower, arXiv 2505.02103); 97.77 % by "
    "phases (Rageau & Grollier, arXiv 2504.11884)",
    conditions=fashion.conditions,
    measure=measure,
    measures=("accuracy", "unlocked", "diverged", "seconds_to_learn"),
    figure=figure,
    published={("784-500-10 oscillators", "accuracy"): 0.972},
    seeds=3,
)
