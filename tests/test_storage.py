"""Files: bit-equal round trips, and clear errors for what is not ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy

from neurosc import CosineCost, CrossEntropy, PhaseNetwork, datasets, load, save, storage


def same(a: PhaseNetwork, b: PhaseNetwork) -> bool:
    left, right = storage.network_arrays(a), storage.network_arrays(b)
    return storage.network_header(a) == storage.network_header(b) and all(
        left[k].dtype == right[k].dtype and (left[k] == right[k]).all() for k in left
    )


def test_round_trip_keeps_every_bit(general: PhaseNetwork, tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    save(general, path, cost=CrossEntropy(np.eye(2)), info={"a": [1, 2]})
    assert same(load(path), general)
    assert isinstance(storage.load_cost(path), CrossEntropy)
    assert storage.load_info(path) == {"a": [1, 2]}
    sparse = general.replace(coupling=scipy.sparse.csr_array(general.coupling))
    save(sparse, path, cost=CosineCost(0.1, 1.0))
    assert same(load(path), sparse)
    assert storage.load_cost(path) == CosineCost(0.1, 1.0)


def test_truncated_and_foreign_files(small: PhaseNetwork, tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    save(small, path)
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="truncated or not a neurosc file"):
            load(path)
    path.write_text("not an archive")
    with pytest.raises(ValueError, match="truncated or not a neurosc file"):
        load(path)
    np.savez(path, a=np.ones(3))
    with pytest.raises(ValueError, match="no neurosc header"):
        load(path)
    np.savez(path, header=np.frombuffer(json.dumps({"format": "x"}).encode(), dtype=np.uint8))
    with pytest.raises(ValueError, match="another program"):
        load(path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load(tmp_path / "nowhere.npz")
    with pytest.raises(FileNotFoundError, match="folder"):
        save(small, tmp_path / "nowhere" / "net.npz")


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    np.savez(path, header=np.array([{"evil": 1}], dtype=object))
    with pytest.raises(ValueError, match="truncated or not a neurosc file"):
        load(path)


def test_newer_format_asks_for_an_upgrade(small: PhaseNetwork, tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    storage.write(path, {"version": 99}, {})
    with pytest.raises(ValueError, match="upgrade neurosc"):
        load(path)


def test_failed_write_leaves_the_old_file(small: PhaseNetwork, tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    save(small, path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save(small, path, info={"no": object()})

    def fail() -> None:
        with storage.atomic(path) as file:
            file.write(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


@pytest.mark.parametrize("header", ["f1,f2,class\n", ""])
def test_csv(tmp_path: Path, header: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(header + "0.5,1.5,0\n0.25,2,1\n")
    x, y = datasets.read_csv(path)
    assert x.tolist() == [[0.5, 1.5], [0.25, 2.0]]
    assert y.tolist() == [0, 1]


@pytest.mark.parametrize("text", ["a,b\nx,y\n", "1\n2\n", "1,2.5\n", "", "1,,0\n"])
def test_bad_csv(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match="data: "):
        datasets.read_csv(path)


def test_digits_are_split_by_class() -> None:
    train, test = datasets.digits()
    assert (len(train.y), len(test.y)) == (1437, 360)
    assert train.x.min() == 0
    assert train.x.max() == 1
    counts: Any = np.bincount(test.y)
    assert counts.min() >= 34
    assert (datasets.digits(1)[1].x != test.x).any()
