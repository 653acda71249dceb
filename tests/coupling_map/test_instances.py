"""Batches of networks that differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc.coupling_map import Instances


def test_scalars_are_repeated_and_arrays_are_copied_and_read_only() -> None:
    frequency = np.ones((2, 3))
    made = Instances(np.zeros((2, 3, 4)), frequency, field=0.5)
    frequency[:] = 7.0
    assert (made.frequency == 1.0).all()
    assert (made.field == 0.5).all()
    assert made.field.shape == (made.batch, made.n) == (2, 3)
    assert made.delay_steps is None
    assert made.groups is None
    with pytest.raises(ValueError, match="read-only"):
        made.features[0, 0, 0] = 1.0


def test_take_keeps_every_array() -> None:
    labels = np.arange(6).reshape(3, 2) % 2
    made = Instances(np.arange(12.0).reshape(3, 2, 2), delay_steps=labels, groups=labels)
    some = made.take([2, 0])
    assert some.features[:, 0, 0].tolist() == [8.0, 0.0]
    assert some.delay_steps is not None
    assert some.groups is not None
    assert (some.groups == labels[[2, 0]]).all()
    assert made.take(slice(0, 1)).batch == 1


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"features": np.zeros((2, 3))}, ValueError, r"features: shape \(2, 3\)"),
        ({"features": np.full((1, 2, 1), np.nan)}, ValueError, "features: has entries"),
        ({"features": np.array([[["a"]]])}, TypeError, "features: expected real"),
        ({"frequency": np.zeros(3)}, ValueError, r"frequency: shape \(3,\)"),
        ({"field": np.inf}, ValueError, "field: has entries"),
        ({"delay_steps": np.zeros((2, 3))}, TypeError, "delay_steps: expected whole"),
        ({"delay_steps": np.full((2, 3), -1)}, ValueError, "delay_steps: holds -1"),
        ({"groups": np.zeros((3, 2), int)}, ValueError, r"groups: shape \(3, 2\)"),
    ],
)
def test_arrays_are_checked(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        Instances(**({"features": np.zeros((2, 3, 4))} | changes))
