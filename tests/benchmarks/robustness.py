"""How long a sweep takes: phase noise at eight levels on 100 chips, 360 digits each.

    python tests/benchmarks/robustness.py [--jobs 2]

The network is the 64-20-10 one of the demonstration after 15 epochs. Wall time is that of the whole
sweep in processes, their start included; the rest is CPU time of one process on a part, scaled up:
the same sweep; `chip by chip`, a loop of `evaluate` over the same chips, taking turns with it; and
`naive`, what a user would write in NumPy, Euler-Maruyama chip by chip with the N^2 sines, for as
long in units of time.
"""

from __future__ import annotations

import os

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from neurosc import CosineCost, PhaseNetwork, datasets, evaluate, report, robustness
from neurosc.hw_models import Device, PhaseNoise
from neurosc.ideal.steps import STEP, TURNS
from neurosc.network import FloatArray
from neurosc.robustness import Sweep

LEVELS = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3]
CHIPS = 100
PART_CHIPS, ROUNDS, PART_STEPS = 8, 3, 20
"""What the others run of it."""


def cpu(run: Callable[[], object]) -> float:
    """Seconds of CPU, of all threads of this process."""
    started = time.process_time()
    run()
    return time.process_time() - started


def swept(network: PhaseNetwork, test: datasets.Dataset, chips: int, jobs: int = 1) -> Sweep:
    """The sweep."""
    return robustness.sweep(
        network, test, Device(PhaseNoise(1e-3)), LEVELS, cost=CosineCost(),
        parameter="PhaseNoise", chips=chips, rng=0, jobs=jobs, progress=jobs != 1,
    )  # fmt: skip


def chip_by_chip(network: PhaseNetwork, test: datasets.Dataset) -> None:
    """A loop."""
    for level in LEVELS:
        for chip in Device(PhaseNoise(level)).fabricate(network, PART_CHIPS, rng=0):
            evaluate(network, test, cost=CosineCost(), on=chip, rng=0)


def naive(network: PhaseNetwork, test: datasets.Dataset) -> float:
    """CPU seconds of all, from a few steps of one chip."""
    rng, coupling = np.random.default_rng(0), network.coupling
    strength = float(network.strength[network.free].max())
    dt, steps = STEP / strength, round(TURNS / STEP)
    theta: FloatArray = np.zeros((len(test.y), network.n))
    theta[:, network.inputs] = network.encoding.scale * test.x
    free, field = network.free, network.field[network.free]
    started = time.process_time()
    for _ in range(PART_STEPS):
        apart = theta[:, None, :] - theta[:, free, None]
        torque = (coupling[free] * np.sin(apart)).sum(axis=2)
        torque += (field * np.exp(-1j * theta[:, free])).imag
        noise = np.sqrt(2 * LEVELS[0] * dt) * rng.standard_normal(torque.shape)
        theta[:, free] += dt * torque + noise
    return (time.process_time() - started) * steps / PART_STEPS * CHIPS * len(LEVELS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--jobs", type=int, default=2)
    jobs = parser.parse_args().jobs
    fitted, test, _ = report.train_digits(report.DemoSettings(epochs=15))
    network = fitted.network
    swept(network, test.rows([0]), 1)  # compiles
    turns = [
        (
            cpu(lambda: swept(network, test, PART_CHIPS)),
            cpu(lambda: chip_by_chip(network, test)),
        )
        for _ in range(ROUNDS)
    ]
    together, apart = np.min(turns, axis=0) * CHIPS / PART_CHIPS
    started = time.perf_counter()
    found = swept(network, test, CHIPS, jobs)
    wall = time.perf_counter() - started
    rows = [
        ("sweep", together, f"{PART_CHIPS} chips"),
        ("chip by chip", apart, f"{PART_CHIPS} chips"),
        ("naive NumPy", naive(network, test), f"{PART_STEPS} steps of a chip"),
    ]
    table = pd.DataFrame(rows, columns=["way", "CPU seconds", "measured on"])
    table["ratio"] = table["CPU seconds"] / together
    print(found.summary().to_string(index=False))
    print(f"\nthe whole sweep in {jobs} processes: {wall:.0f} s of wall time\n")
    print(table.to_string(index=False, float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
