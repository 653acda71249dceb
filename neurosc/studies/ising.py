"""An oscillator Ising machine, with weights and phases of few bits and with noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc import topology
from neurosc.costs import SquaredCosineCost
from neurosc.datasets import Dataset
from neurosc.hw_models import Device, PhaseNoise, PhaseQuantization, WeightQuantization
from neurosc.ideal.sweeps import Sweeps
from neurosc.learning import evaluate
from neurosc.network import Encoding, PhaseNetwork
from neurosc.randomness import substream
from neurosc.studies.figures import strips
from neurosc.studies.images import mnist_5k
from neurosc.studies.study import Row, Settings, Study
from neurosc.studies.training import fit_or_last_good
from neurosc.substrate import Substrate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SIZES = (784, 120, 10)
TRAIN, FEW = 1000, 100
"""Images to learn from, and to test as published; all others are tested too."""
PIXELS = Encoding("amplitude", 1.0)
"""Images pull as real fields, as those of an Ising machine do."""
COST = SquaredCosineCost()
INJECTED = 0.1
"""Second harmonic, which pulls phases to 0 and pi."""
NOISE = PhaseNoise(0.5 * 0.2**2)
"""theta' = ... + .2 dW/dt."""
WEIGHT_BITS, PHASE_BITS = (10, 8, 6, 4, 3), (4, 3)
EPOCHS, RATE, BETA, BATCH = 20, 0.004, 0.3, 20
"""Of the network at full precision, which sweeps."""
AWARE: dict[str, dict[str, Any]] = {
    "weights": {"epochs": 3, "learning_rate": 0.001, "beta": BETA},
    "phases": {"epochs": 3, "learning_rate": 0.001, "beta": 2.0},
    "noise": {"epochs": 2, "learning_rate": 0.001, "beta": 2.0},
}
"""Of learning that goes on upon the device. A nudge must move phases by more than their levels and
their noise."""


def device(kind: str, bits: int) -> Device:
    """What a condition runs on."""
    if kind == "weights":
        return Device(WeightQuantization(bits))
    return Device(PhaseQuantization(bits) if kind == "phases" else NOISE)


def conditions(samples: int = TRAIN, epochs: int = EPOCHS) -> dict[str, Settings]:
    """`samples` to learn from; `epochs` at full precision, from which all conditions go on."""
    kinds = [("weights", bits) for bits in WEIGHT_BITS] + [("phases", bits) for bits in PHASE_BITS]
    named = {f"{bits}-bit {kind}": (kind, bits) for kind, bits in kinds}
    named["noise .2"] = ("noise", 0)
    shared = {"samples": samples, "epochs": epochs}
    found: dict[str, Settings] = {
        "full precision": {"kind": "ideal", "bits": 0, "aware": False, **shared},
        "second harmonic .1": {"kind": "injected", "bits": 0, "aware": False, **shared},
    }
    for name, (kind, bits) in named.items():
        for aware, suffix in ((False, ""), (True, ", learnt")):
            found[name + suffix] = {"kind": kind, "bits": bits, "aware": aware, **shared}
    return found


def measure(
    seed: int,
    rng: np.random.SeedSequence,
    *,
    kind: str,
    bits: int,
    aware: bool,
    samples: int,
    epochs: int,
) -> Row:
    """Learn images of split `seed` at full precision, perhaps go on upon the device, and test."""
    train, test = parts(seed, samples)
    start = topology.layered(SIZES, encoding=PIXELS, rng=rng)
    if kind == "injected":
        injected = np.zeros(start.n)
        injected[start.free] = INJECTED
        start = start.replace(second_harmonic=injected)
    fitted, diverged = fit_or_last_good(
        start, train, cost=COST, epochs=epochs, learning_rate=RATE, beta=BETA, batch_size=BATCH,
        on=Sweeps(precision="float32"), unsettled="learn", rng=substream(rng, "fit"),
    )  # fmt: skip
    network: PhaseNetwork = fitted.network
    on: Substrate = Sweeps(100)
    if kind in AWARE:
        kindred = device(kind, bits)
        if aware:
            fitted, worse = fit_or_last_good(
                network, train, cost=COST, on=kindred, batch_size=BATCH, unsettled="learn",
                rng=substream(rng, "aware"), **AWARE[kind],
            )  # fmt: skip
            network, diverged = fitted.network, diverged or worse
        on = kindred.fabricate(network, rng=substream(rng, "chip"))[0]
    found = evaluate(network, test, cost=COST, on=on, rng=substream(rng, "test"))
    return {
        "accuracy": found.accuracy,
        "few_accuracy": float(found.correct[:FEW].mean()),
        "unlocked": float(1 - found.locked.mean()),
        "diverged": float(diverged),
    }


def parts(split: int, samples: int) -> tuple[Dataset, Dataset]:
    """The first images of a split to learn from, and all that are left."""
    first, second = mnist_5k(split)
    left = first.rows(np.arange(samples, len(first.y)))
    test = Dataset(np.concatenate([second.x, left.x]), np.concatenate([second.y, left.y]))
    return first.rows(np.arange(samples)), test


def figure(table: pd.DataFrame) -> Figure:
    """Test accuracy of every split."""
    return strips(table, "accuracy", "test accuracy (%)", STUDY.published, scale=100)


STUDY = Study(
    name="ising",
    about="An oscillator Ising machine 784-120-10 with few bits and with noise, on 1,000 images",
    reported="90.6 % of 100 images after learning 1,000; 89.4 % with 10-bit weights, 89.8 % with "
    "4-bit phases, 92.0 % with noise .2 (Gower, arXiv 2505.02103)",
    conditions=conditions,
    measure=measure,
    measures=("accuracy", "few_accuracy", "unlocked", "diverged"),
    figure=figure,
    published={
        ("full precision", "few_accuracy"): 0.906,
        ("10-bit weights", "few_accuracy"): 0.894,
        ("4-bit phases, learnt", "few_accuracy"): 0.898,
        ("noise .2, learnt", "few_accuracy"): 0.920,
    },
    seeds=5,
)
