"""Data that studies fetch: the vowels."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from neurosc.datasets import Dataset, as_dataset

VOWELS_URL = (
    "https://raw.githubusercontent.com/caliburlabs/phasegrad/"
    "eb4774fd56105c64f6b62145c5714640817c5b33/data/hillenbrand_vowels.csv"
)
VOWELS_SHA256 = "65fb350dff0a090f91666d72937e0aa19666b051b9d5f0121f4fe31e665d9a67"
TEST_SHARE = 0.2


def vowels_file(path: str | None = None) -> Path:
    """The file of vowels: `path` if it is given, else downloaded once and kept by scikit-learn.

    689 rows of vowel, F1 and F2 in Hz. Source: Hillenbrand et al., J. Acoust. Soc. Am. 97:3099
    (1995), as collected under the MIT licence by Rashahmadi (2026).

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it holds something else.
    OSError
        If it cannot be downloaded.
    """
    if path is None:
        return _downloaded()
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"data: {file} does not exist; download {VOWELS_URL}")
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != VOWELS_SHA256:
        raise ValueError(
            f"data: {file} has sha256 {found}, not {VOWELS_SHA256}; download {VOWELS_URL}"
        )
    return file


def _downloaded() -> Path:
    from sklearn.datasets import fetch_file

    try:
        return Path(fetch_file(VOWELS_URL, sha256=VOWELS_SHA256, n_retries=1, delay=1))
    except OSError as error:
        raise OSError(
            f"data: the vowels cannot be downloaded ({error}); get {VOWELS_URL} in another way "
            "and give the file as data, on the command line --data FILE"
        ) from error


def vowels(which: str, split: int, path: str | None = None) -> tuple[Dataset, Dataset]:
    """Vowels to learn from and, a fifth of them, to test; F1 and F2 from -1 to 1.

    Parameters
    ----------
    which
        Letters in the order of their classes, such as "ai".
    split
        Number of the random split, which is stratified by class. The range of F1 and of F2 is that
        of the training samples.
    path
        See `vowels_file`.

    Raises
    ------
    ValueError
        For letters that the data do not have.
    """
    import pandas as pd
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import MinMaxScaler

    table = pd.read_csv(vowels_file(path))
    unknown = set(which) - set(table["vowel"])
    if unknown or len(set(which)) != len(which):
        raise ValueError(f"which: {which!r} are no vowels of the data; use some of 'aeiou' once")
    mine = table[table["vowel"].isin(list(which))]
    y = mine["vowel"].map(which.index).to_numpy(np.intp)
    x_train, x_test, y_train, y_test = train_test_split(
        mine[["F1", "F2"]].to_numpy(float), y, test_size=TEST_SHARE, random_state=split, stratify=y
    )
    scaler = MinMaxScaler((-1, 1)).fit(x_train)
    return (
        as_dataset((scaler.transform(x_train), y_train)),
        as_dataset((scaler.transform(x_test), y_test)),
    )
