"""Reads IDX files, the format in which MNIST and its relatives come."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.datasets import Dataset, as_dataset
from neurosc.storage import Path_

BYTES = 0x08
"""Type code of unsigned bytes, the only one that images and their labels use."""
FILES = {"train": "train", "test": "t10k"}
"""How the names of the files begin."""


def read(path: Path_) -> npt.NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file, compressed by gzip or not.

    The header is 0, 0, the type code 8, the number of axes, and their lengths as big-endian 32-bit
    integers; the bytes follow in C order. Source: LeCun, Cortes, Burges, The MNIST database (1998).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        For anything but an IDX file of unsigned bytes as long as its header tells.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"data: {file} does not exist; give a folder of IDX files")
    content = file.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"data: {file} is damaged ({error}); download it again") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != BYTES or content[3] == 0:
        raise ValueError(
            f"data: {file} is no IDX file of unsigned bytes (it begins with {content[:4].hex()}, "
            "not 000008 and the number of axes); download it again"
        )
    axes = content[3]
    start = 4 + 4 * axes
    shape = [int.from_bytes(content[k : k + 4], "big") for k in range(4, start, 4)]
    size = int(np.prod(shape, dtype=object))
    if len(content) - start != size:
        raise ValueError(
            f"data: {file} holds {max(0, len(content) - start)} bytes where its header tells of "
            f"{size}; download it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def images(folder: Path_) -> tuple[Dataset, Dataset]:
    """Images to learn from and to test, pixels from 0 to 1, of a folder of four IDX files.

    They are train-images-idx3-ubyte, train-labels-idx1-ubyte and the same of t10k, each with or
    without .gz.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing, is no IDX file, or does not fit the others.
    """
    found = Path(folder)
    if not found.is_dir():
        raise FileNotFoundError(f"data: {found} is no folder; give one of IDX files")
    train, test = (_part(found, beginning) for beginning in FILES.values())
    if train.x.shape[1] != test.x.shape[1]:
        raise ValueError(
            f"data: images to learn from have {train.x.shape[1]} pixels, those to test "
            f"{test.x.shape[1]}; take both from one data set"
        )
    return train, test


def _part(folder: Path, beginning: str) -> Dataset:
    pictures = read(_file(folder, f"{beginning}-images-idx3-ubyte"))
    labels = read(_file(folder, f"{beginning}-labels-idx1-ubyte"))
    if pictures.ndim != 3 or labels.ndim != 1 or len(pictures) != len(labels):
        raise ValueError(
            f"data: {beginning} images of shape {pictures.shape} and labels of shape "
            f"{labels.shape} do not fit; take both from one data set"
        )
    x: Any = pictures.reshape(len(pictures), -1) / 255
    return as_dataset((x, labels))


def _file(folder: Path, name: str) -> Path:
    """The file, packed or not; its plain name if there is none."""
    packed = folder / f"{name}.gz"
    return packed if packed.is_file() else folder / name
