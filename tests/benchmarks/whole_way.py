"""The figures of the README: the demonstration over three seeds, and the gradient's agreement.

    python tests/benchmarks/whole_way.py OUT

writes one folder per seed into OUT and prints mean and spread of every figure.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from neurosc import datasets, load, report, storage, verify

SEEDS = (0, 1, 2)
FIGURES = ("accuracy", "same_as_ideal", "median_phase_error_rad", "not_locked", "seconds")


def demonstrations(out: Path) -> pd.DataFrame:
    """The demonstration for each seed; rows of all tables."""
    tables = []
    for seed in SEEDS:
        started = time.perf_counter()
        table = report.demo(out / f"rng{seed}", report.DemoSettings(rng=seed), overwrite=True)
        print(f"rng {seed}: {time.perf_counter() - started:.0f} s in all")
        tables.append(table.assign(rng=seed))
    return pd.concat(tables)


def gradients(out: Path) -> pd.DataFrame:
    """Two-phase against implicit gradients of the trained nets, 100 training images each."""
    rows = []
    for seed in SEEDS:
        model = out / f"rng{seed}" / "model.npz"
        cost = storage.load_cost(model)
        if cost is None:
            raise ValueError(f"{model} holds no cost")
        some = datasets.digits()[0].rows(np.arange(100))
        found = verify.agreement(
            load(model), some.x, some.y, cost=cost, betas=(1e-2, 3e-3, 1e-3, 3e-4)
        )
        slopes = {s: verify.slope(found, s) for s in ("symmetric", "one-sided")}
        print(f"rng {seed}: slopes in beta {slopes}")
        rows.append(verify.table(found).assign(rng=seed))
    return pd.concat(rows)


def main() -> None:
    """Print the tables."""
    out = Path(sys.argv[1])
    runs = demonstrations(out)
    spread = runs.groupby("substrate", sort=False)[list(FIGURES)].agg(["mean", "min", "max"])
    with pd.option_context("display.width", 200, "display.max_columns", 30):
        print(spread)
        each = gradients(out)
        print(each.pivot_table("relative_error", ["scheme", "rng"], "beta").map("{:.1e}".format))


if __name__ == "__main__":
    main()
