"""The portable shape against the ideal network, and digits on both shapes of a NIR file.

    python tests/benchmarks/nir_shapes.py [phases] [digits]

prints the tables that are named, or both. Portable files run in `simulate`, the reference of
importers, faithful ones in Brian2.
"""

from __future__ import annotations

import itertools
import sys
import time

import numpy as np
import pandas as pd

from neurosc import Bounds, CosineCost, Ideal, PhaseNetwork, datasets, fit, topology
from neurosc.datasets import Dataset
from neurosc.export import (
    NIRSubstrate,
    PeriodicSpikes,
    Portable,
    compile_portable,
    decode_outputs,
    encode_inputs,
    simulate,
)
from neurosc.export.shapes import population_graph
from neurosc.network import FloatArray, IntArray, wrap

EPS, DT = 0.1, 1e-4
NETS = range(100, 110)
TILE = 40
"""Images whose spikes are held at a time."""


def layered(seed: int, steps: int) -> tuple[PhaseNetwork, FloatArray]:
    """2-5-2 oscillators with random weights, and a sample on the grid of the spikes."""
    x = np.random.default_rng(seed).random((1, 2))
    return topology.layered([2, 5, 2], rng=seed), np.rint(x * steps / 4) * (4 / steps)


def sparse(seed: int, steps: int) -> tuple[PhaseNetwork, None]:
    """Twenty oscillators of four neighbours; frequencies spread the phases by a radian or so."""
    network = topology.random_graph(20, 4, rng=seed)
    omega = np.random.default_rng(seed).standard_normal(20)
    low, high = 0.0, 20.0
    for _ in range(20):
        middle = (low + high) / 2
        found = Ideal().relax(network.replace(frequency=middle * omega))
        fits = found.locked[0] and np.ptp(found.phases) < 1
        low, high = (middle, high) if fits else (low, middle)
    return network.replace(frequency=low * omega), None


NETWORKS = {"9 layered": (layered, 800), "20 sparse": (sparse, 400)}
"""With the cycles that they are given to come to rest."""


def phases(network: PhaseNetwork, x: FloatArray | None, program: Portable, rest: int) -> FloatArray:
    """Phases of all oscillators, (batch, n), of the portable file after some cycles of rest."""
    n = program.steps
    graph = population_graph(program, DT, nested=True, affine=False, metadata={})
    recording = simulate(
        graph,
        encode_inputs(network, x, n),
        DT,
        steps=(rest + program.beat) * n,
        record_from=rest * n,
    )
    found = network.encode(x).phases
    found[:, network.free] = decode_outputs(recording, program)[0]
    return network.gauge(found)


def errors(case: str, steps: int, pairs: int, *, given: bool) -> pd.DataFrame:
    """Largest errors in radians: from the ideal state, and from the ideal state next to it."""
    make, rest = NETWORKS[case]
    rows = []
    for seed in NETS:
        network, x = make(seed, steps)
        network = network.replace(outputs=())
        program = compile_portable(
            network, eps=EPS, steps_per_cycle=steps, pairs=pairs, samples=x if given else None
        )
        found = phases(network, x, program, rest)
        ideal = Ideal().relax(network, x).raise_for_status().phases
        near = Ideal().relax(network, x, start=found).phases
        rows.append(
            {
                "error": np.abs(wrap(found - ideal)).max(),
                "to the next": np.abs(wrap(found - near)).max(),
                "elsewhere": np.abs(wrap(near - ideal)).max() > 0.1,
            }
        )
    return pd.DataFrame(rows)


def phase_table() -> None:
    """Medians and largest errors; `elsewhere` counts nets in another ideal state."""
    print("errors in rad of the worst oscillator, median and largest of", len(NETS), "nets;")
    print("calibrated: at the sample of each net, or at 64 random ones; elsewhere: nets that came")
    print("from phase 0 to another rest than the ideal network, from which `to the next` is taken")
    for case, given in (("9 layered", True), ("9 layered", False), ("20 sparse", True)):
        for steps, pairs in itertools.product((128, 256), (3, 4)):
            found = errors(case, steps, pairs, given=given)
            print(
                f"{case} {'at its sample' if given else 'at random':14s} {steps} steps P {pairs}: "
                f"error {found['error'].median():.4f} {found['error'].max():.4f}  "
                f"to the next {found['to the next'].median():.4f} "
                f"{found['to the next'].max():.4f}  elsewhere {found['elsewhere'].sum()}",
                flush=True,
            )


def classes(
    network: PhaseNetwork, x: FloatArray, program: Portable, rest: int
) -> tuple[IntArray, FloatArray]:
    """Predictions (batch,) of the portable file, and phases of the outputs."""
    n = program.steps
    graph = population_graph(program, DT, nested=True, affine=False, metadata={})
    every = encode_inputs(network, x, n).steps
    found = []
    for a in range(0, len(x), TILE):
        recording = simulate(
            graph,
            PeriodicSpikes(every[a : a + TILE], n),
            DT,
            steps=(rest + program.beat) * n,
            record_from=rest * n,
        )
        found.append(decode_outputs(recording, program)[0])
    read = np.concatenate(found)
    return np.asarray(CosineCost().predict(read)), read


def trained() -> tuple[PhaseNetwork, Dataset, Dataset]:
    """The digits net of the README."""
    train, test = datasets.digits()
    network = topology.layered([64, 20, 10], rng=0)
    fitted = fit(
        network, train, cost=CosineCost(), epochs=15, learning_rate=0.03,
        bounds=Bounds(strength=3.2), rng=0,
    )  # fmt: skip
    return fitted.network, train, test


def digits_table() -> None:
    """Shares of test images with the prediction of the ideal network."""
    network, train, test = trained()
    ideal = Ideal().relax(network, test.x).raise_for_status().phases[:, network.outputs]
    wanted = CosineCost().predict(ideal)
    print(f"ideal: {np.mean(wanted == test.y):.4f} of {len(test.x)} images right")
    for steps, pairs in ((128, 3), (128, 4)):
        started = time.perf_counter()
        program = compile_portable(
            network, eps=EPS, steps_per_cycle=steps, pairs=pairs, samples=train.x
        )
        print(f"\nportable, compiled in {time.perf_counter() - started:.1f} s")
        print(program.report())
        started = time.perf_counter()
        found, read = classes(network, test.x, program, 200)
        _tell(found, read, started, wanted, ideal, test)
    print("\nfaithful, in Brian2")
    started = time.perf_counter()
    relaxed = NIRSubstrate(cycles=200).relax(network, test.x)
    read = relaxed.phases[:, network.outputs]
    _tell(np.asarray(CosineCost().predict(read)), read, started, wanted, ideal, test)


def _tell(
    found: IntArray,
    read: FloatArray,
    started: float,
    wanted: IntArray,
    ideal: FloatArray,
    test: Dataset,
) -> None:
    seconds = time.perf_counter() - started
    print(
        f"same prediction {np.mean(found == wanted):.4f}, right {np.mean(found == test.y):.4f}, "
        f"median error {np.median(np.abs(wrap(read - ideal))):.4f} rad, "
        f"{1e3 * seconds / len(found):.0f} ms an image",
        flush=True,
    )


TABLES = {"phases": phase_table, "digits": digits_table}

if __name__ == "__main__":
    for name in sys.argv[1:] or TABLES:
        TABLES[name]()
