"""Off-chip, noise-aware and in-the-loop training of the digits net on the presets.

    python tests/benchmarks/training.py OUT [PRESET ...]

trains a 64-20-10 net on the ideal model; goes on from there, with a new chip for each update or on
each of four chips; the nudge is chosen on a validation split of the training images. Then the test
images run once. The table goes to OUT/training.csv: mean accuracy and its range over chips, the
share of them that reads 90 %, the factor on all strengths of the device at which the mean has
fallen by .05, and the cosine of the gradient measured on the chips with the ideal one.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd

from neurosc import CosineCost, PhaseNetwork, RelaxationError, datasets, evaluate, fit, topology
from neurosc.datasets import Dataset
from neurosc.hw_models import Device, presets
from neurosc.learning import Bounds
from neurosc.network import FloatArray
from neurosc.robustness import gradient_fidelity
from neurosc.robustness.statistics import crossing
from neurosc.substrate import Substrate

SIZES = (64, 20, 10)
STRENGTH = 10.0
"""Bound of all couplings and fields on an oscillator, in units of the device's coupling."""
CHIPS, RNG = 4, 1
EPOCHS = 30
EPOCHS_AWARE, EPOCHS_LOOP = 6, 4
RATE, RATE_ON_CHIPS = 0.1, 0.01
BATCH_ON_CHIPS = 64
"""What a tile of the stepping holds."""
BETAS = (0.1, 0.5)
FACTORS = np.array([1.0, 1.5, 2.0, 3.0])
DROP, GOOD = 0.05, 0.9
BATCH = 320
"""Images whose gradient is compared."""
COST = CosineCost()


class Data(NamedTuple):
    """Training images less the held-out fifth, that, all of them, and the test images."""

    train: Dataset
    validation: Dataset
    whole: Dataset
    test: Dataset

    @classmethod
    def digits(cls) -> Data:
        """The fixed split of scikit-learn's digits."""
        whole, test = datasets.digits()
        return cls(*datasets.split(whole, 0.2, rng=0), whole, test)


def ideal(data: Dataset) -> PhaseNetwork:
    """The net that was trained off-chip."""
    return learnt(topology.layered(SIZES, rng=0), data, None, EPOCHS, 0.1)


def learnt(
    network: PhaseNetwork,
    data: Dataset,
    on: Substrate | Device | None,
    epochs: int,
    beta: float,
) -> PhaseNetwork:
    """The network after training; as it was where nothing locks."""
    rate, size = (RATE, 32) if on is None else (RATE_ON_CHIPS, BATCH_ON_CHIPS)
    try:
        found = fit(
            network, data, cost=COST, epochs=epochs, learning_rate=rate, on=on, beta=beta,
            batch_size=size, bounds=Bounds(strength=STRENGTH), rng=3,
        )  # fmt: skip
    except RelaxationError:
        return network
    trained: PhaseNetwork = found.network
    return trained


def accuracies(networks: Sequence[PhaseNetwork], device: Device, data: Dataset) -> FloatArray:
    """Of network k on chip k."""
    chips = device.fabricate(networks[0], len(networks), rng=RNG)
    pairs = zip(networks, chips, strict=True)
    return np.array([evaluate(n, data, cost=COST, on=c, rng=2).accuracy for n, c in pairs])


def best(
    network: PhaseNetwork, device: Device, data: Data, on: Substrate | Device, epochs: int
) -> float:
    """The nudge, by accuracy on validation images, on chips of another lot."""

    def score(beta: float) -> float:
        net = learnt(network, data.train, on, epochs, beta)
        chips: Sequence[Substrate] = (
            on.fabricate(network, CHIPS, rng=9) if isinstance(on, Device) else [on]
        )
        read = [evaluate(net, data.validation, cost=COST, on=c, rng=2) for c in chips]
        return float(np.mean([e.accuracy for e in read]))

    return max(BETAS, key=score)


def row(
    way: str, networks: Sequence[PhaseNetwork], device: Device, data: Data
) -> dict[str, object]:
    """What the table tells of one way of training."""
    growing = [type(term).__name__ for term in device.terms if term.strengths]
    strong = [device, *(device.scale(f, *growing) for f in FACTORS[1:] if growing)]
    each = np.array([accuracies(networks, d, data.test) for d in strong])
    means = each.mean(axis=1)
    critical = crossing(FACTORS, means, means[0] - DROP) if growing else np.nan
    fidelity = gradient_fidelity(
        networks[0], data.whole.rows(np.arange(BATCH)), device, cost=COST, beta=0.5, chips=CHIPS,
        repeats=2, rng=RNG,
    )  # fmt: skip
    cosine = fidelity.summary()["cosine"].item()
    return {
        "preset": device.name,
        "training": way,
        "accuracy": means[0],
        "lowest": each[0].min(),
        "highest": each[0].max(),
        "yield_90": (each[0] >= GOOD).mean(),
        "critical_factor": critical,
        "gradient_cosine": cosine,
    }


def study(name: str, net: PhaseNetwork, data: Data) -> list[dict[str, object]]:
    """The three ways on one preset."""
    started = time.perf_counter()
    device = presets.get(name)
    aware = best(net, device, data, device, EPOCHS_AWARE)
    other_lot = device.fabricate(net, rng=9)[0]
    loop = best(net, device, data, other_lot, EPOCHS_LOOP)
    chips = device.fabricate(net, CHIPS, rng=RNG)
    suited = learnt(net, data.whole, device, EPOCHS_AWARE, aware)
    each = [learnt(net, data.whole, chip, EPOCHS_LOOP, loop) for chip in chips]
    rows = [
        row("off-chip", [net] * CHIPS, device, data),
        row("noise-aware", [suited] * CHIPS, device, data) | {"beta": aware},
        row("in-the-loop", each, device, data) | {"beta": loop},
    ]
    print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    return rows


def main() -> None:
    """Print the table."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    data = Data.digits()
    net = ideal(data.whole)
    exact = evaluate(net, data.test, cost=COST).accuracy
    print(f"off-chip on the ideal model: {exact:.3f}")
    found = joblib.Parallel(n_jobs=-1)(
        joblib.delayed(study)(name, net, data) for name in sys.argv[2:] or presets.list()
    )
    table = pd.DataFrame(itertools.chain.from_iterable(found))
    cost = exact - table.accuracy.where(table.training == "off-chip").ffill()
    table["recovered"] = 1 - (exact - table.accuracy) / cost
    table.to_csv(out / "training.csv", index=False)
    print(table.to_string(index=False, float_format="{:.3f}".format, na_rep="-"))


if __name__ == "__main__":
    main()
