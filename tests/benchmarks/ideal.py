"""Equilibria and online learning against SciPy as a user would write it; prints one table.

    python tests/benchmarks/ideal.py [--quick] [--methods]

One thread; peer and neurosc take turns in one process, the best CPU time of several turns counts.
Further tables: stepping.py (noise), sparse.py (1e4 to 1e6 oscillators), gradients.py.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # SciPy and NumPy read it when they are imported

import joblib
import numpy as np
import pandas as pd
from scipy.optimize import fsolve

from neurosc import CosineCost, Encoding, Ideal, PhaseNetwork, fit, fit_each, topology
from neurosc.ideal.lanes import LARGEST
from neurosc.network import FloatArray
from neurosc.randomness import stream, substream

TURNS = 3


def kuramoto(n: int, rng: np.random.Generator) -> PhaseNetwork:
    """All-to-all couplings that sum to about 3; each sample brings its own frequencies."""
    k = rng.uniform(0.5, 1.5, (n, n))
    k = 3 * (k + k.T) / 2 / n
    np.fill_diagonal(k, 0)
    return PhaseNetwork(k, inputs=range(n), encoding=Encoding("frequency"))


def peer_equilibrium(coupling: FloatArray, omega: FloatArray, guess: FloatArray) -> FloatArray:
    """The locked phases, the first at 0, by SciPy's root finder on N^2 sines."""
    omega = omega - omega.mean()

    def torque(free: FloatArray) -> FloatArray:
        theta = np.append(0.0, free)
        pull = (coupling * np.sin(theta[None, :] - theta[:, None])).sum(axis=1)
        return np.asarray((omega + pull)[1:])

    found, _, ok, message = fsolve(torque, guess[1:], xtol=1e-10, full_output=True)
    if ok != 1:
        raise RuntimeError(message)
    return np.append(0.0, found)


def take_turns(*runs: Callable[[], object]) -> list[float]:
    """The best CPU time of each, in seconds."""
    best = [np.inf] * len(runs)
    for _ in range(TURNS):
        for k, run in enumerate(runs):
            begin = time.process_time()
            run()
            best[k] = min(best[k], time.process_time() - begin)
    return best


def equilibria(n: int, batch: int, compared: int) -> dict[str, object]:
    """`batch` cold equilibria with certificates, against `compared` of SciPy's."""
    rng = np.random.default_rng(n)
    network = kuramoto(n, rng)
    x = rng.normal(0, 0.3, (batch, n))
    ideal, zero = Ideal(), np.zeros(n)
    phases = ideal.relax(network, x).raise_for_status().phases
    exact = [peer_equilibrium(network.coupling, row, zero) for row in x[:compared]]
    peer, own = take_turns(
        lambda: [peer_equilibrium(network.coupling, row, zero) for row in x[:compared]],
        lambda: ideal.relax(network, x),
    )
    return row(
        f"N = {n}, {batch} equilibria", peer / compared, own / batch,
        np.abs(phases[:compared] - exact).max(),
    )  # fmt: skip


def row(case: str, peer: float, own: float, difference: float) -> dict[str, object]:
    """A line of the table; times in seconds a sample."""
    return {
        "case": case,
        "SciPy us": f"{peer * 1e6:.3g}",
        "neurosc us": f"{own * 1e6:.3g}",
        "ratio": round(peer / own),
        "difference": f"{difference:.0e}",
    }


def vowel_net(rng: np.random.Generator) -> PhaseNetwork:
    """2-5-2 oscillators that float; two formants enter as frequencies."""
    coupling = np.zeros((9, 9))
    coupling[:2, 2:7] = rng.uniform(0.5, 1.5, (2, 5))
    coupling[2:7, 7:] = rng.uniform(0.5, 1.5, (5, 2))
    return PhaseNetwork(
        coupling + coupling.T, rng.normal(0, 0.1, 9),
        inputs=[0, 1], outputs=[7, 8], encoding=Encoding("frequency", 0.15),
    )  # fmt: skip


def peer_online(
    network: PhaseNetwork, x: FloatArray, y: np.ndarray, orders: list[np.ndarray], rate: float
) -> FloatArray:
    """Couplings after one update for each sample: two SciPy equilibria each, beta = +-0.1."""
    coupling, omega = network.coupling.copy(), network.frequency.copy()
    edge, targets, beta = coupling != 0, np.array([[0, np.pi / 2], [np.pi / 2, 0]]), 0.1
    for t in np.concatenate(orders):
        drive = omega.copy()
        drive[:2] += network.encoding.scale * x[t]
        states, theta = [], np.zeros(9)
        for sign in (beta, -beta):
            theta = _nudged(coupling, drive, targets[y[t]], sign, theta)
            states.append(theta)
        a, b = states
        change = np.cos(a[:, None] - a) - np.cos(b[:, None] - b)
        slope = -(b - a)
        coupling -= rate * np.where(edge, change, 0) / (-2 * beta)
        omega -= rate * (slope - slope.mean()) / (-2 * beta)
    return np.asarray(coupling)


def _nudged(
    coupling: FloatArray, omega: FloatArray, target: FloatArray, beta: float, guess: FloatArray
) -> FloatArray:
    omega = omega - omega.mean()

    def torque(free: FloatArray) -> FloatArray:
        theta = np.append(0.0, free)
        force = omega + (coupling * np.sin(theta[None, :] - theta[:, None])).sum(axis=1)
        push = beta * np.sin(theta[7:] - target)
        force[7:] -= push
        force[0] += push.sum()
        return np.asarray(force[1:])

    return np.append(0.0, fsolve(torque, guess[1:], xtol=1e-13))


def online(epochs: int, seeds: int) -> list[dict[str, object]]:
    """Online learning of 9 oscillators on 220 samples: one network, and many seeds at once."""
    rng = np.random.default_rng(0)
    network, x = vowel_net(rng), rng.normal(0, 1, (220, 2))
    y = (x[:, 0] + 0.5 * x[:, 1] > 0).astype(int)
    settings: dict[str, Any] = {"cost": CosineCost(), "learning_rate": 0.003, "optimiser": "sgd",
                "batch_size": 1, "schedule": "constant"}  # fmt: skip
    order = [stream(1, "order", 0).permutation(220)]
    once = fit(network, (x, y), epochs=1, rng=1, **settings).network
    reference = peer_online(network, x, y, order, 0.003)
    many = [vowel_net(np.random.default_rng(k)) for k in range(seeds)]
    few = max(2, epochs // 10)
    with joblib.parallel_config(n_jobs=1):
        last = fit_each(many, (x, y), epochs=1, rng=1, **settings)[-1].network
        peer, own, together = take_turns(
            lambda: peer_online(network, x, y, order, 0.003),
            lambda: fit(network, (x, y), epochs=epochs, rng=1, **settings),
            lambda: fit_each(many, (x, y), epochs=few, rng=1, **settings),
        )
    difference = np.abs(once.coupling - reference).max()
    lines = [row("online, 9 oscillators", peer / 220, own / 220 / epochs, difference)]
    order = [stream(substream(1, "network", seeds - 1), "order", 0).permutation(220)]
    difference = np.abs(last.coupling - peer_online(many[-1], x, y, order, 0.003)).max()
    each = together / (220 * few * seeds)
    return [*lines, row(f"online, {seeds} seeds", peer / 220, each, difference)]


def methods() -> list[dict[str, object]]:
    """Microseconds a sample by each dense method: all to all / layered, cold, with certificate."""
    lines = []
    for m in (9, 16, 32, 64, 128, 256):
        rng, batch = np.random.default_rng(m), 512 if m < 100 else 128
        whole, layered = kuramoto(m, rng), topology.layered([16, 2 * m // 3, m - 2 * m // 3], rng=1)
        pairs = (whole, rng.normal(0, 0.3, (batch, m))), (layered, rng.random((batch, 16)))
        line: dict[str, object] = {"free oscillators": m}
        for name in ("lanes", "pcg", "newton", "blocks"):
            if name == "lanes" and m > LARGEST:
                continue
            ideal = Ideal(name)
            for network, x in pairs:
                ideal.relax(network, x[:9]).raise_for_status()
            best = take_turns(*(partial(ideal.relax, *pair) for pair in pairs))
            line[name] = " / ".join(f"{t / batch * 1e6:,.1f}" for t in best)
        lines.append(line)
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small cases only")
    parser.add_argument("--methods", action="store_true", help="compare the dense methods instead")
    arguments = parser.parse_args()
    if arguments.methods:
        print(pd.DataFrame(methods()).fillna("").to_string(index=False))
        return
    quick = arguments.quick
    cases = [(9, 4096, 300), (64, 512, 20)]
    if not quick:
        cases += [(256, 256, 2), (400, 1, 1)]
    with joblib.parallel_config(n_jobs=1):
        rows = [equilibria(*case) for case in cases]
    rows += online(10 if quick else 200, 8 if quick else 96)
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
