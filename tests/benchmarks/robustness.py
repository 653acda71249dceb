"""How long a sweep takes: phase noise at eight levels on 100 chips, 360 digits each.

    python tests/benchmarks/robustness.py [--jobs 2]

The network is the 64-20-10 one of the demonstration after a few epochs; weights do not decide the
time. Peers run on a part and are scaled up: `one chip after another` steps the same noise by
`Ideal("steps")` chip by chip in one process, and `naive` is what a user would write in NumPy, a
loop over chips and steps with Euler-Maruyama and the N^2 sines, for as long in units of time.
"""

from __future__ import annotations

import os

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import time

import numpy as np
import pandas as pd

from neurosc import CosineCost, PhaseNetwork, datasets, evaluate, report, robustness
from neurosc.hw_models import Device, PhaseNoise
from neurosc.ideal.steps import STEP, TURNS
from neurosc.network import FloatArray

LEVELS = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3]
CHIPS = 100
PART_CHIPS, PART_STEPS = 2, 20
"""What the peers run of it."""


def one_after_another(network: PhaseNetwork, test: datasets.Dataset) -> float:
    """Seconds of all, from a few chips at each level."""
    started = time.perf_counter()
    for level in LEVELS:
        for chip in Device(PhaseNoise(level)).fabricate(network, PART_CHIPS, rng=0):
            evaluate(network, test, cost=CosineCost(), on=chip, rng=0)
    return (time.perf_counter() - started) * CHIPS / PART_CHIPS


def naive(network: PhaseNetwork, test: datasets.Dataset) -> float:
    """Seconds of all, from a few steps of one chip."""
    rng, coupling = np.random.default_rng(0), network.coupling
    strength = float(network.strength[network.free].max())
    dt, steps = STEP / strength, round(TURNS / STEP)
    theta: FloatArray = np.zeros((len(test.y), network.n))
    theta[:, network.inputs] = network.encoding.scale * test.x
    free, field = network.free, network.field[network.free]
    started = time.perf_counter()
    for _ in range(PART_STEPS):
        apart = theta[:, None, :] - theta[:, free, None]
        torque = (coupling[free] * np.sin(apart)).sum(axis=2)
        torque += (field * np.exp(-1j * theta[:, free])).imag
        noise = np.sqrt(2 * LEVELS[0] * dt) * rng.standard_normal(torque.shape)
        theta[:, free] += dt * torque + noise
    return (time.perf_counter() - started) * steps / PART_STEPS * CHIPS * len(LEVELS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--jobs", type=int, default=2)
    jobs = parser.parse_args().jobs
    fitted, test, cost = report.train_digits(report.DemoSettings(epochs=15))
    network, device = fitted.network, Device(PhaseNoise(1e-3))
    evaluate(network, test, cost=cost, on=device.fabricate(network, rng=0), rng=0)  # compiles
    started = time.perf_counter()
    found = robustness.sweep(
        network, test, device, LEVELS, cost=cost, parameter="PhaseNoise", chips=CHIPS, rng=0,
        jobs=jobs, progress=True,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    rows = [
        ("sweep", jobs, seconds, "all"),
        ("one chip after another", 1, one_after_another(network, test), f"{PART_CHIPS} chips"),
        ("naive NumPy", 1, naive(network, test), f"{PART_STEPS} steps of a chip"),
    ]
    table = pd.DataFrame(rows, columns=["way", "processes", "seconds", "measured on"])
    table["ratio"] = table["seconds"] / seconds
    print(found.summary().to_string(index=False))
    print(table.to_string(index=False, float_format="{:.1f}".format))


if __name__ == "__main__":
    main()
