"""Learning in spikes, and what spikes make of a net that learned without them.

    python tests/benchmarks/spiking_learning.py vowels CSV
    python tests/benchmarks/spiking_learning.py digits

`vowels` trains networks of 2-5-2 oscillators to tell /a/ from /i/, every relaxation in Brian2. The
CSV file has the columns vowel, F1 and F2 (Hz), as Hillenbrand et al., J. Acoust. Soc. Am. 97:3099
(1995), measured them. `digits` trains 64-20-10 on the ideal model and runs all test images in
Brian2.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

from neurosc import CosineCost, datasets, evaluate, fit, report, topology
from neurosc.datasets import Dataset
from neurosc.hw_models import SpikingOscillators

SEEDS = range(5)
SPIKING = SpikingOscillators(eps=0.2)
COST = CosineCost()


def vowels(path: str, seed: int) -> tuple[Dataset, Dataset]:
    """Formants of /a/ and /i/, scaled by the training samples; a fifth is for the test."""
    table = pd.read_csv(path)
    table = table[table.vowel.isin(["a", "i"])]
    x, y = table[["F1", "F2"]].to_numpy(float), (table.vowel == "i").to_numpy().astype(np.intp)
    train, test = datasets.split(Dataset(x, y), 0.2, rng=seed)
    low, high = train.x.min(axis=0), train.x.max(axis=0)
    scaled = [Dataset((part.x - low) / (high - low), part.y) for part in (train, test)]
    return scaled[0], scaled[1]


def learn_vowels(path: str) -> None:
    """A row for each seed: its own split, start and order of samples."""
    rows = []
    for seed in SEEDS:
        train, test = vowels(path, seed)
        start = topology.layered([2, 5, 2], rng=seed)
        began = time.perf_counter()
        net = fit(
            start, train, cost=COST, epochs=10, learning_rate=0.2, beta=0.3, batch_size=55,
            on=SPIKING, rng=seed,
        ).network  # fmt: skip
        spent = time.perf_counter() - began
        found = evaluate(net, test, cost=COST, on=SPIKING)
        rows.append(
            {
                "seed": seed,
                "untrained": evaluate(start, test, cost=COST, on=SPIKING).accuracy,
                "test": found.accuracy,
                "test, ideal": evaluate(net, test, cost=COST).accuracy,
                "locked": found.locked.mean(),
                "training, s": spent,
            }
        )
        print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False, header=seed == 0), flush=True)
    print(f"mean {np.mean([row['test'] for row in rows]):.4f}")


def digits() -> None:
    """One row a seed."""
    rows = []
    for seed in range(3):
        fitted, test, _ = report.train_digits(report.DemoSettings(rng=seed))
        net = fitted.network
        ideal = evaluate(net, test, cost=COST)
        evaluate(net, test.rows([0]), cost=COST, on=SPIKING)  # the build
        began = time.perf_counter()
        found = evaluate(net, test, cost=COST, on=SPIKING)
        rows.append(
            {
                "seed": seed,
                "ideal": ideal.accuracy,
                "spiking": found.accuracy,
                "same prediction": np.mean(found.predictions == ideal.predictions),
                "locked": found.locked.mean(),
                "ms an image": 1e3 * (time.perf_counter() - began) / len(test.y),
            }
        )
        print(pd.DataFrame(rows[-1:]).round(4).to_string(index=False, header=seed == 0), flush=True)


def main(arguments: list[str]) -> None:
    """Print a table."""
    if arguments[:1] == ["vowels"] and len(arguments) == 2:
        learn_vowels(arguments[1])
    elif arguments == ["digits"]:
        digits()
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
