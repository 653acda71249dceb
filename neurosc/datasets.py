"""Samples with class labels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray, IntArray
from neurosc.randomness import RNG, stream

DIGITS_TEST = 360


class Dataset(NamedTuple):
    """Samples x (m, inputs) and their class labels y (m,)."""

    x: FloatArray
    y: IntArray

    def rows(self, index: npt.ArrayLike) -> Dataset:
        """Some of the samples."""
        return Dataset(self.x[np.asarray(index)], self.y[np.asarray(index)])


def as_dataset(data: Any) -> Dataset:
    """Check a pair (x, y) of samples and integer labels.

    Raises
    ------
    TypeError, ValueError
        For anything that is no such pair, an empty one, or numbers that are not finite.
    """
    if not isinstance(data, tuple) or len(data) != 2:
        raise TypeError(f"data: expected a pair (x, y), not {type(data).__name__}")
    x, y = np.asarray(data[0]), np.asarray(data[1])
    if x.dtype.kind not in "fiub":
        raise TypeError(f"data: x holds {x.dtype}, not real numbers; convert it to float")
    if x.ndim != 2 or y.shape != (len(x),):
        raise ValueError(
            f"data: x of shape {x.shape} and y of shape {y.shape} do not fit; "
            "give (samples, inputs) and (samples,)"
        )
    if len(x) == 0:
        raise ValueError("data: holds no samples; give at least one")
    if y.dtype.kind not in "iu":
        raise TypeError(f"data: y holds {y.dtype}, not integer class labels; number the classes")
    if not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0].tolist()
        raise ValueError(
            f"data: sample {row} has {x[row, column]} at input {column}; drop it or fill it in"
        )
    return Dataset(x.astype(np.float64), y.astype(np.intp))


def split(data: Dataset, share: float, rng: RNG = None) -> tuple[Dataset, Dataset]:
    """Two random parts of the data; the second holds `share` of the samples."""
    if not 0 < share < 1:
        raise ValueError(f"share: {share} is not between 0 and 1; give a share such as 0.1")
    second = round(share * len(data.y))
    if not 0 < second < len(data.y):
        raise ValueError(f"share: {share} of {len(data.y)} samples leaves a part empty")
    order = stream(rng, "split").permutation(len(data.y))
    return data.rows(np.sort(order[second:])), data.rows(np.sort(order[:second]))


def folds_of(data: Dataset, folds: int, rng: RNG = None) -> list[tuple[IntArray, IntArray]]:
    """Of each fold the numbers of the samples to learn from and of those held out.

    Each sample is held out once; every fold has the shares of the classes that the data has.

    Raises
    ------
    ValueError
        For fewer than two folds, or more than the rarest class has samples.
    """
    rarest = int(np.unique(data.y, return_counts=True)[1].min())
    if folds < 2 or folds != int(folds):
        raise ValueError(f"folds: {folds} hold nothing out; give 2 or more")
    if folds > rarest:
        raise ValueError(
            f"folds: {folds} are more than the {rarest} samples of the rarest class; give fewer"
        )
    from sklearn.model_selection import StratifiedKFold

    seed = int(stream(rng, "folds").integers(2**31))
    splitter = StratifiedKFold(int(folds), shuffle=True, random_state=seed)
    pairs = splitter.split(data.x, data.y)
    return [(np.asarray(a, dtype=np.intp), np.asarray(b, dtype=np.intp)) for a, b in pairs]


def digits(split: int = 0) -> tuple[Dataset, Dataset]:
    """The 8x8 digits of scikit-learn: 1,437 samples to learn from and 360 held out.

    Pixels are scaled to [0, 1]; the split is stratified by class, and `split` numbers it.
    Source: Alpaydin, Kaynak, Optical recognition of handwritten digits, UCI (1998).
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x / 16.0, y, test_size=DIGITS_TEST, random_state=split, stratify=y
    )
    return as_dataset((x_train, y_train)), as_dataset((x_test, y_test))


def read_csv(path: str | os.PathLike[str]) -> Dataset:
    """Samples of a CSV file: numeric columns, the last one the class; with or without a header.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it holds anything but numbers and integer classes.
    """
    import pandas as pd

    if not Path(path).is_file():
        raise FileNotFoundError(f"data: {path} does not exist; give digits or a .csv file")
    try:
        first = pd.read_csv(path, header=None, nrows=1)
        header = 0 if first.map(lambda cell: isinstance(cell, str)).to_numpy().any() else None
        table = pd.read_csv(path, header=header).to_numpy(dtype=np.float64)
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(f"data: {path} is no table of numbers ({error})") from error
    labels = table[:, -1]
    if table.shape[1] < 2 or not np.isfinite(labels).all() or (labels != np.round(labels)).any():
        raise ValueError(
            f"data: the last column of {path} must hold integer classes, the others the inputs"
        )
    return as_dataset((table[:, :-1], labels.astype(np.intp)))
