"""A study of many small chunks that several tests disturb."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neurosc import CosineCost, robustness, topology
from neurosc.hw_models import Device, FrequencyMismatch, PhaseNoise

LEVELS = [0.0, 0.5, 1.0, 2.0]
TRIALS = 10
CHUNKS = len(LEVELS) * TRIALS


def study(path: Path | None, **others: Any) -> robustness.Sweep:
    """Many small chunks."""
    network = topology.layered([4, 5, 3], rng=1)
    width = others.pop("width", 4)
    data = np.random.default_rng(2).random((12, width)), np.arange(12) % 3
    device = Device(FrequencyMismatch(0.1), PhaseNoise(0.05))
    settings: dict[str, Any] = {"chips": 2, "trials": TRIALS, "metrics": "loss", "rng": 0}
    return robustness.sweep(
        network, data, device, LEVELS, cost=CosineCost(), path=path, **settings | others
    )


def same(a: pd.DataFrame, b: pd.DataFrame) -> None:
    left, right = (table.drop(columns="seconds") for table in (a, b))
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def parts(path: Path) -> int:
    return len([*path.glob("part-*.parquet")])
