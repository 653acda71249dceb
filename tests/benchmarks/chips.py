"""What many chips with phase noise cost as one batch, against chip after chip.

    python tests/benchmarks/chips.py

The digits net (64-20-10, 1,200 steps of Heun) on chips with frequency and coupling mismatch and
phase noise. Seconds on all cores and of CPU, the least of several rounds that take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from neurosc import topology
from neurosc.hw_models import CouplingMismatch, Device, FrequencyMismatch, PhaseNoise

ROUNDS = 2
DEVICE = Device(FrequencyMismatch(0.01), CouplingMismatch(0.05), PhaseNoise(1e-3))
NETWORK = topology.layered([64, 20, 10], rng=0)
X = np.random.default_rng(0).random((1000, 64))

Run = Callable[[], object]


def at_once(chips: int, samples: int) -> Run:
    """All in one call."""
    made = DEVICE.fabricate(NETWORK, chips, rng=0)
    return lambda: made.relax(NETWORK, X[:samples], rng=1)


def one_by_one(chips: int, samples: int) -> Run:
    """A call for each chip."""
    made = DEVICE.fabricate(NETWORK, chips, rng=0)
    return lambda: [chip.relax(NETWORK, X[:samples], rng=1) for chip in made]


CASES = {
    "100 chips x 360 samples": at_once(100, 360),
    "100 chips x 360 samples, chip after chip": one_by_one(100, 360),
    "1,000 chips x 1 sample": at_once(1000, 1),
    "1,000 chips x 1 sample, chip after chip": one_by_one(1000, 1),
    "1 chip x 1,000 samples": at_once(1, 1000),
}


def main() -> None:
    """Print the table."""
    at_once(2, 3)()
    rows = []
    for _ in range(ROUNDS):
        for name, run in CASES.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            spent = time.perf_counter() - wall, time.process_time() - cpu
            rows.append({"case": name, "seconds": spent[0], "of CPU": spent[1]})
    print(pd.DataFrame(rows).groupby("case", sort=False).min().round(2).to_string())


if __name__ == "__main__":
    main()
