"""Relaxation of large sparse networks: seconds of one thread, memory, iterations, exponent.

    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/sparse.py [1e4 1e5 1e6]

Each network is relaxed from no start to 1e-10 and certified. The peer is Newton's method with
`scipy.sparse.linalg.splu` on the pinned Hessian, as a user would write it; it is left out where
its factors do not fit.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy

from neurosc import Ideal, PhaseNetwork, topology
from neurosc.ideal.kernels import sparse as kernels
from neurosc.ideal.sparse.hessian import Hessian
from neurosc.network import FloatArray

GRAPHS: dict[str, Callable[[int], PhaseNetwork]] = {
    "6-regular": lambda n: topology.random_graph(n, 6, frequency_spread=0.3, rng=0),
    "grid": lambda n: topology.grid(2 * (round(n**0.5),), frequency_spread=0.05, rng=0),
}
METHODS = {"6-regular": ("auto",), "grid": ("auto", "amg")}
PEER_UP_TO = {"6-regular": 3000, "grid": 400_000}
"""Oscillators up to which the peer's factors fit into some gigabytes and minutes."""


def peer(network: PhaseNetwork, tolerance: float) -> float:
    """Newton's method with a sparse factorisation of the pinned Hessian; the residual."""
    edges, n = network.coupling.tocoo(), network.n
    i, j, k = edges.row, edges.col, edges.data
    omega, theta = network.frequency - network.frequency.mean(), np.zeros(n)
    while True:
        lag = theta[j] - theta[i]
        torque = omega + np.bincount(i, k * np.sin(lag), n)
        residual = float(np.abs(torque).max())
        if residual <= tolerance:
            return residual
        w = k * np.cos(lag)
        weights = scipy.sparse.csc_array((w, (i, j)), shape=(n, n))
        laplacian: Any = scipy.sparse.diags_array(np.bincount(i, w, n)).tocsc() - weights
        theta[1:] += scipy.sparse.linalg.splu(laplacian[1:, 1:]).solve(torque[1:])


def measure(graph: str, n: int, method: str) -> dict[str, object]:
    """One network in this process; the first call of each kernel is not counted."""
    counted = {"iterations": 0}
    _count(counted)
    for warm in (200, 12_000):
        _relax(GRAPHS[graph](warm if method != "splu" else 200), method)
    network = GRAPHS[graph](n)
    counted["iterations"] = 0
    with _watched() as memory:
        started = time.thread_time()
        state = _relax(network, method)
        seconds = time.thread_time() - started
    return {
        "graph": graph,
        "n": network.n,
        "method": method,
        "seconds": seconds,
        "added_MB": memory[-1],
        "iterations": counted["iterations"],
        "state": state,
    }


@contextlib.contextmanager
def _watched() -> Iterator[list[float]]:
    """The most resident memory within the block above that at its beginning, in MB (Linux)."""

    def resident() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    before, ended = resident(), threading.Event()
    most = [0.0]

    def watch() -> None:
        while not ended.wait(0.005):
            most[0] = max(most[0], resident() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        ended.set()
        watcher.join()


def _relax(network: PhaseNetwork, method: str) -> str:
    if method == "splu":
        return f"residual {peer(network, 1e-10 * float(network.strength.max())):.0e}"
    return Ideal(method).relax(network).summary()  # type: ignore[arg-type]


def _count(counted: dict[str, int]) -> None:
    """Add up the inner iterations: those of the compiled loop, and products of the other."""
    compiled, product = kernels.jacobi_cg, Hessian.__matmul__

    def jacobi_cg(*arguments: object) -> tuple[int, bool]:
        steps, curved = compiled(*arguments)
        counted["iterations"] += steps
        return steps, curved

    def matmul(self: Hessian, v: FloatArray) -> FloatArray:
        counted["iterations"] += 1
        return product(self, v)

    kernels.jacobi_cg = jacobi_cg
    Hessian.__matmul__ = matmul  # type: ignore[method-assign]


def main(sizes: list[int]) -> None:
    """Each measurement in a process of its own, so that its memory is its own; then the table."""
    rows = []
    for graph, methods in METHODS.items():
        for n in sizes:
            for method in (*methods, *(["splu"] if n <= PEER_UP_TO[graph] else [])):
                command = [sys.executable, __file__, graph, str(n), method]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                rows.append(json.loads(done.stdout.splitlines()[-1]))
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format="{:.3f}".format))
    for key, part in table.groupby(["graph", "method"]):
        if len(part) > 1:
            x, y = np.log(part["n"].to_numpy(float)), np.log(part["seconds"].to_numpy(float))
            print(f"{key}: seconds ~ n^{np.polyfit(x, y, 1)[0]:.2f}")


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] in GRAPHS:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
    else:
        main([int(float(a)) for a in sys.argv[1:]] or [10_000, 100_000, 1_000_000])
