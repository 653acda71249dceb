"""Pictures as networks of pixels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data

from neurosc.costs import CircularMoments
from neurosc.coupling_map import experiments
from neurosc.coupling_map.pictures import SHIPPED, Picture

HALVES = np.repeat([[0.1, 0.9]], 8, axis=0).repeat(6, axis=1)
"""A picture of 8 x 12 greys, dark at the left and bright at the right."""


def test_pixels_have_colour_and_place() -> None:
    picture = Picture(HALVES, 2)
    whole = picture.whole()
    assert whole.features.shape == (1, 96, 5)
    np.testing.assert_allclose(whole.features.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(whole.features.std(axis=1), 1)
    x, y = whole.features[0, :, 3].reshape(8, 12), whole.features[0, :, 4].reshape(8, 12)
    assert (np.diff(x, axis=1) > 0).all()
    assert (np.diff(y, axis=0) > 0).all()
    assert not whole.frequency.any()


def test_ward_finds_what_is_there() -> None:
    picture = Picture(HALVES, 2)
    assert len(np.unique(picture.labels[:, :6])) == len(np.unique(picture.labels[:, 6:])) == 1
    assert picture.labels[0, 0] != picture.labels[0, -1]


def test_draws_are_pixels_of_the_picture_without_repetition() -> None:
    picture = Picture(HALVES, 2)
    found = picture.draw(5, 20, np.random.default_rng(0))
    whole = picture.whole()
    assert whole.groups is not None
    assert found.groups is not None
    for features, groups in zip(found.features, found.groups, strict=True):
        same = (features[:, None] == whole.features[0][None]).all(axis=2)
        assert (same.sum(axis=1) == 1).all()
        assert (same.sum(axis=0) <= 1).all()
        np.testing.assert_array_equal(groups, whole.groups[0, same.argmax(axis=1)])
        assert set(groups) == {0, 1}
    assert not np.array_equal(found.features[0], found.features[1])


def test_small_groups_are_never_missed() -> None:
    labels = np.zeros((8, 12), dtype=int)
    labels[0, 0] = 7
    picture = Picture(HALVES, labels=labels)
    found = picture.draw(20, 3, np.random.default_rng(0)).groups
    assert found is not None
    assert (found.max(axis=1) == 1).all()
    assert picture.groups == 2


def test_big_pictures_are_made_small_in_their_proportions() -> None:
    picture = Picture(np.kron(HALVES, np.ones((10, 10))), 2, pixels=24)
    assert picture.image.shape == (4, 6, 3)
    assert picture.n == 24
    labels = np.kron(HALVES > 0.5, np.ones((10, 10), dtype=bool))
    own = Picture(np.kron(HALVES, np.ones((10, 10))), labels=labels, pixels=24)
    np.testing.assert_array_equal(own.labels, np.repeat([[0, 1]], 3, axis=1).repeat(4, axis=0))


def test_names_are_those_that_need_no_download() -> None:
    for name in SHIPPED:
        assert getattr(data, name)().ndim in (2, 3)


@pytest.mark.parametrize("name", ["camera", "coffee", "horse"])
def test_pictures_of_every_kind_are_named(name: str) -> None:
    picture = Picture(name, 3, pixels=200)
    assert 100 <= picture.n <= 200
    assert set(picture.labels.ravel()) == {0, 1, 2}


def test_the_same_numbers_make_the_same_picture() -> None:
    grey = Picture(HALVES, 2)
    colour = np.repeat(HALVES[..., None], 3, axis=2)
    bytes_ = np.round(255 * colour).astype(np.uint8)
    alpha = np.concatenate([colour, np.ones((8, 12, 1))], axis=2)
    for given in (colour, bytes_.astype(int), alpha):
        np.testing.assert_allclose(Picture(given, 2).image, grey.image, atol=1 / 255)
        np.testing.assert_array_equal(Picture(given, 2).labels, grey.labels)


def test_files_are_read(tmp_path: Path) -> None:
    from matplotlib.image import imsave

    file, labels = tmp_path / "own.png", tmp_path / "labels.npy"
    imsave(file, HALVES, cmap="gray", vmin=0, vmax=1)
    np.save(labels, (HALVES > 0.5).astype(int))
    picture = Picture(file, labels=labels)
    np.testing.assert_allclose(picture.image[..., 0], HALVES, atol=1 / 255)
    np.testing.assert_array_equal(picture.labels, HALVES > 0.5)


def test_an_experiment_finds_files_beside_it(tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", HALVES)
    file = tmp_path / "own.toml"
    file.write_text(
        'about = "own"\n[source]\nkind = "picture"\npicture = "own.npy"\ngroups = 2\n'
        "[train]\nbatches = 1\n"
    )
    asked = experiments.load(str(file))
    assert asked.tests(16, 10, np.random.default_rng(0)).n == HALVES.size
    assert asked.cost == CircularMoments(2)
    assert asked.untrained(0).features == 5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"picture": np.ones((0, 4))}, "picture: shape .* is no picture"),
        ({"picture": np.ones(4)}, "picture: shape .* is no picture"),
        ({"picture": np.ones((4, 4, 2))}, "picture: shape .* is no picture"),
        ({"picture": np.ones((8, 8))}, "picture: all pixels are alike"),
        ({"picture": HALVES * np.nan}, "picture: has entries that are not finite"),
        ({"picture": HALVES * 300}, "picture: float64 from 30 to 270 exceeds 0 to 1"),
        ({"picture": HALVES, "groups": 1}, "groups: 1 leaves nothing"),
        ({"picture": HALVES, "groups": 97}, "groups: 97 exceed the 96 pixels"),
        ({"picture": HALVES, "pixels": 1}, "pixels: 1 make no picture"),
        ({"picture": HALVES, "labels": np.eye(3, dtype=int)}, "labels: shape .* give .8, 12"),
        ({"picture": HALVES, "labels": np.ones((8, 12), int)}, "labels: one group"),
        ({"picture": HALVES, "labels": np.eye(8, 12, dtype=int), "groups": 3}, "groups: 3 do not"),
        (
            {"picture": HALVES, "labels": np.eye(8, 12, k=11, dtype=int), "pixels": 24},
            "labels: group 1 has no pixel left among 4 x 6",
        ),
    ],
)
def test_what_is_no_picture_is_told(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Picture(**arguments)


def test_types_and_files_that_do_not_fit_are_told(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="picture: expected real numbers"):
        Picture(HALVES * 1j)
    with pytest.raises(TypeError, match="labels: expected whole numbers"):
        Picture(HALVES, labels=HALVES)
    with pytest.raises(FileNotFoundError, match=r"picture: none\.png does not exist; .* astronaut"):
        Picture("none.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"picture: .*text\.png is no picture that can be read"):
        Picture(tmp_path / "text.png")
    picture = Picture(HALVES, 2)
    for n in (1, 97):
        with pytest.raises(ValueError, match=f"n: {n} pixels cannot be drawn; give from 2"):
            picture.draw(1, n, np.random.default_rng(0))


def test_without_the_extra_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "skimage"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ImportError, match=r"pip install 'neurosc\[pictures\]'"):
        Picture("astronaut")
    assert "image" in experiments.published()  # needs no picture


@pytest.mark.slow
def test_a_map_segments_the_whole_picture() -> None:
    """Learned from 100 pixels at a time, the 900 of the picture lock in its five groups."""
    asked = experiments.load("image")
    learned = asked.learn(7).map
    whole = asked.tests(1, 100, np.random.default_rng(0))
    scores = asked.score(learned.couplings(whole.features), whole, 1)
    assert asked.loss(scores) <= 0.02
    assert scores.rand is not None
    assert scores.rand.mean() >= 0.8
