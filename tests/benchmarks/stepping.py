"""What one noisy step of one oscillator costs, against its matrix product and other tools.

    python tests/benchmarks/stepping.py

Each row is a network of N oscillators, all coupled to all, stepped in double by Euler-Maruyama
with noise. Times are nanoseconds of CPU per oscillator and step (Heun makes two evaluations a
step), the least of several rounds in which all contestants take turns in one process on one core;
ratios are medians over the rounds, which neighbours on the machine disturb less.
`product` is the bare [s; c] K of one tile in compiled NumPy, without which no method can do.
`naive` is the N^2 sines that a user would write. JAX and PyTorch run where they are installed, in
the same form as ours: sines, two matrix products, noise, update.
"""

from __future__ import annotations

import os

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import importlib
import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np
import pandas as pd

from neurosc import Ideal, PhaseNetwork
from neurosc.ideal.packing import LANES
from neurosc.ideal.tiles import aligned
from neurosc.network import FloatArray

ROUNDS = 7
CASES = {9: (4096, 1000), 64: (1024, 1000), 256: (256, 200), 1000: (64, 60)}
"""Samples and steps for each number of oscillators."""
NOISE, DT = 0.01, 0.01

Step = Callable[[int], Any]
"""Makes a number of steps."""


def network(n: int) -> PhaseNetwork:
    """Random couplings of all to all, scattered frequencies."""
    rng = np.random.default_rng(n)
    k = rng.uniform(0.5, 1.5, (n, n)) / n
    k = k + k.T
    np.fill_diagonal(k, 0)
    return PhaseNetwork(k, rng.normal(0, 0.1, n))


def ours(net: PhaseNetwork, start: FloatArray, **settings: Any) -> Step:
    """`Ideal("steps")`."""

    def step(count: int) -> Any:
        ideal = Ideal("steps", noise=NOISE, dt=DT, duration=count * DT, **settings)
        return ideal.relax(net, start=start, rng=0)

    return step


@nb.njit(error_model="numpy")
def _products(k: FloatArray, x: FloatArray, out: FloatArray, count: int) -> None:
    for _ in range(count):
        np.dot(k, x, out)


def product(net: PhaseNetwork, start: FloatArray, kind: str = "float64") -> Step:
    """The matrix products of all tiles."""
    tiles = -(-len(start) // LANES)
    k = np.ascontiguousarray(net.coupling, dtype=kind)
    shape = (net.n, 2 * LANES)
    x = aligned(net.n * 2 * LANES, kind, np.random.default_rng(0).random(shape)).reshape(shape)
    out = aligned(x.size, kind).reshape(shape)
    return lambda count: _products(k, x, out, tiles * count)


def naive(net: PhaseNetwork, start: FloatArray) -> Step:
    """Euler-Maruyama sample by sample with N^2 sines, on as many samples as take a moment."""
    rng = np.random.default_rng(0)

    def step(count: int) -> None:
        for first in start:
            theta = first.copy()
            for _ in range(count):
                pull = (net.coupling * np.sin(theta - theta[:, None])).sum(axis=1)
                noise = np.sqrt(2 * NOISE * DT) * rng.standard_normal(net.n)
                theta += DT * (net.frequency + pull) + noise

    return step


def jax(net: PhaseNetwork, start: FloatArray) -> Step:
    """A compiled loop in JAX."""
    j = importlib.import_module("jax")
    j.config.update("jax_enable_x64", True)
    k, omega, first = (j.numpy.asarray(v) for v in (net.coupling, net.frequency, start))

    def one(_: int, carry: Any) -> Any:
        theta, key = carry
        key, new = j.random.split(key)
        c, s = j.numpy.cos(theta), j.numpy.sin(theta)
        noise = np.sqrt(2 * NOISE * DT) * j.random.normal(new, theta.shape)
        return theta + DT * (omega + c * (s @ k) - s * (c @ k)) + noise, key

    run = j.jit(lambda n, theta, key: j.lax.fori_loop(0, n, one, (theta, key)))
    return lambda count: j.block_until_ready(run(count, first, j.random.PRNGKey(0)))


def torch(net: PhaseNetwork, start: FloatArray) -> Step:
    """A loop in PyTorch."""
    t = importlib.import_module("torch")
    t.set_num_threads(1)
    k, omega = t.tensor(net.coupling), t.tensor(net.frequency)

    def step(count: int) -> None:
        theta = t.tensor(start)
        for _ in range(count):
            c, s = t.cos(theta), t.sin(theta)
            noise = np.sqrt(2 * NOISE * DT) * t.randn_like(theta)
            theta = theta + DT * (omega + c * (s @ k) - s * (c @ k)) + noise

    return step


def compare(n: int) -> pd.DataFrame:
    """Nanoseconds per oscillator step, a row a round, a column a contestant."""
    net, (samples, many) = network(n), CASES[n]
    start = np.random.default_rng(1).uniform(-np.pi, np.pi, (samples, n))
    few = start[: max(1, 40_000 // n**2)]
    euler: Any = {"scheme": "euler-maruyama"}
    contestants: dict[str, tuple[Step, int, int]] = {
        "product": (product(net, start), samples, many),
        "ours": (ours(net, start, **euler), samples, many),
        "product, Heun": (product(net, start), samples, 2 * many),
        "ours, Heun": (ours(net, start), samples, many),
        "product, single": (product(net, start, "float32"), samples, many),
        "ours, single": (ours(net, start, precision="float32", **euler), samples, many),
        "naive": (naive(net, few), len(few), 4),
    }
    for name, peer in {"jax": jax, "torch": torch}.items():
        if importlib.util.find_spec(name):
            contestants[name] = (peer(net, start), samples, 20)
    for step, _, _ in contestants.values():
        step(1)
    rounds = []
    for _ in range(ROUNDS):
        row = {}
        for name, (step, batch, count) in contestants.items():
            started = time.process_time()
            step(count)
            updates = batch * n * (count // 2 if name == "product, Heun" else count)
            row[name] = 1e9 * (time.process_time() - started) / updates
        rounds.append(row)
    return pd.DataFrame(rounds)


def ratios(rounds: pd.DataFrame) -> pd.Series:
    """Shares of the bare product, and how much slower the peers are."""
    found = {}
    for kind in ("", ", Heun", ", single"):
        found[f"product / ours{kind}"] = rounds[f"product{kind}"] / rounds[f"ours{kind}"]
    for peer in ("naive", "jax", "torch"):
        if peer in rounds:
            found[f"{peer} / ours"] = rounds[peer] / rounds["ours"]
    return pd.DataFrame(found).median()


def main() -> None:
    """Print both tables."""
    for name in ("jax", "torch"):
        if not importlib.util.find_spec(name):
            print(f"{name} is not installed: skipped")
    rounds = {n: compare(n) for n in CASES}
    print("\nns of CPU per oscillator step")
    print(pd.DataFrame({n: r.min() for n, r in rounds.items()}).T.round(2).to_string())
    print("\nratios")
    print(pd.DataFrame({n: ratios(r) for n, r in rounds.items()}).T.round(3).to_string())


if __name__ == "__main__":
    main()
