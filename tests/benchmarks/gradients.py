"""Errors and cost of gradients: two relaxations, N complex nudges, implicit, PyTorch, differences.

    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python tests/benchmarks/gradients.py

prints the errors on 40 oscillators, and the seconds of each gradient with finite differences, one
parameter after the other, as the peer. Seconds are CPU time of one thread, the least of several
rounds in which all take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from neurosc import (
    CosineCost,
    Ideal,
    PhaseNetwork,
    SynchronyCost,
    autograd,
    implicit_gradient,
    two_phase_gradient,
    verify,
)
from neurosc.costs import Cost
from neurosc.network import FloatArray

BETAS = (1.0, 0.1, 0.01)
SCHEMES: dict[str, dict[str, Any]] = {
    "one-sided": {"scheme": "one-sided"},
    "symmetric": {"scheme": "symmetric"},
    "holomorphic 4": {"scheme": "holomorphic", "nudges": 4},
    "holomorphic 8": {"scheme": "holomorphic", "nudges": 8},
}
DRAWS = 5
ROUNDS = 5
SIZES = (6, 25, 60, 100, 200)
PARAMETERS = 20
"""Parameters that the peer moves; its seconds for all are in proportion."""


def kuramoto(rng: int, n: int = 40) -> PhaseNetwork:
    """Couplings whose sum is 3 n, frequencies N(0, .3^2), every oscillator an output."""
    draw = np.random.default_rng(rng)
    k: FloatArray = draw.uniform(0.5, 1.5, (n, n))
    np.fill_diagonal(k, 0)
    k += k.T
    return PhaseNetwork(3 * n * k / k.sum(), draw.normal(0, 0.3, n), outputs=range(n))


def errors() -> pd.DataFrame:
    """Relative errors on 40 oscillators, C = 1 - R^2: geometric mean over draws, and extremes."""
    on, rows = verify.EXACT, []
    for rng in range(DRAWS):
        network = kuramoto(rng)
        exact = implicit_gradient(network, None, cost=SynchronyCost(), on=on).vector()
        for name, scheme in SCHEMES.items():
            for beta in BETAS:
                found = two_phase_gradient(
                    network, None, cost=SynchronyCost(), beta=beta, on=on, **scheme
                ).vector()
                error = np.linalg.norm(found - exact) / np.linalg.norm(exact)
                rows.append({"scheme": name, "beta": beta, "error": error})
    grouped = pd.DataFrame(rows).groupby(["scheme", "beta"], sort=False)["error"]
    return pd.DataFrame(
        {
            "error": np.exp(grouped.apply(lambda e: np.log(e).mean())),
            "lowest": grouped.min(),
            "highest": grouped.max(),
        }
    )


def differences(network: PhaseNetwork, y: Any, cost: Cost, count: int) -> FloatArray:
    """The peer: slopes of the loss along the first frequencies, two relaxations for each."""
    on, h = Ideal(), 1e-4

    def loss(frequency: FloatArray) -> float:
        moved = network.replace(frequency=frequency)
        end = on.relax(moved).raise_for_status()
        return float(cost.value(moved.relative(end.phases)[:, moved.outputs], y)[0])

    slopes = []
    for k in range(count):
        step = h * np.eye(network.n)[k]
        slopes.append(loss(network.frequency + step) - loss(network.frequency - step))
    return np.array(slopes) / (2 * h)


def seconds(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The least CPU time of each call over rounds in which they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(ROUNDS + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            if number:  # the first round compiles
                taken[name].append(time.process_time() - start)
    return {name: min(times) for name, times in taken.items()}


def costs_of_gradients() -> pd.DataFrame:
    """Seconds of one gradient of all parameters, and how many times less than the peer's."""
    rows = []
    for n in SIZES:
        network, y, cost = verify.random_kuramoto(n, rng=0), [0], CosineCost()
        moved = min(PARAMETERS, n)

        def two_phase(**scheme: Any) -> Callable[[], Any]:
            return lambda: two_phase_gradient(network, None, y, cost=cost, beta=0.1, **scheme)  # noqa: B023

        calls: dict[str, Callable[[], Any]] = {k: two_phase(**v) for k, v in SCHEMES.items()}
        calls["implicit"] = lambda: implicit_gradient(network, None, y, cost=cost)  # noqa: B023
        calls["differences"] = lambda: differences(network, y, cost, moved)  # noqa: B023
        if autograd.is_installed():
            calls["PyTorch"] = lambda: autograd.autograd_gradient(network, None, y, cost=cost)  # noqa: B023
        taken = seconds(calls)
        parameters = n + np.count_nonzero(np.triu(network.coupling))
        taken["differences"] *= parameters / moved
        rows += [
            {
                "n": n,
                "parameters": parameters,
                "gradient": name,
                "seconds": value,
                "times less": taken["differences"] / value,
            }
            for name, value in taken.items()
        ]
    return pd.DataFrame(rows)


def main() -> None:
    """Print both tables."""
    print("relative error on 40 oscillators, C = 1 - R^2")
    print(errors().to_string(float_format="{:.1e}".format))
    print("\nseconds of one gradient of all parameters (differences: in proportion to a few)")
    formats = {"seconds": "{:.2e}".format, "times less": "{:.3g}".format}
    print(costs_of_gradients().to_string(index=False, formatters=formats))
    print("\nthe identity: neurosc verify")


if __name__ == "__main__":
    main()
