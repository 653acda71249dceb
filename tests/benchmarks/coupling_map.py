"""Coupling maps: CPU time of a batch, ours against torch with torchdiffeq.

    python tests/benchmarks/coupling_map.py [BATCHES]

learns the experiment `global` at degree 2, where its curriculum begins, in turns: one batch of each
way after the other on the same networks, in one process. The first batch, which compiles, is not
timed. Each row: median CPU seconds a batch, the ratio to two relaxations, and 1 - R at rest of
networks that were never seen; the last row is the control of uniform couplings.
torchdiffeq is no dependency: `pip install torch torchdiffeq`; without it ours run alone. Runs in
time go STEPS steps, and gradients back through the last BACK of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from neurosc.coupling_map import (
    Instances,
    evaluate_couplings,
    experiments,
    uniform_couplings,
)
from neurosc.coupling_map.training import learn_batch
from neurosc.network import FloatArray

GLOBAL = experiments.load("global")
N, SIZE, RATE, HIDDEN, DEGREE = 100, 2, 2e-3, 128, 2.0
BATCHES = int(sys.argv[1]) if len(sys.argv) > 1 else 10
DT, STEPS, BACK = 0.1, 150, 50
TEST = GLOBAL.source.draw(8, N, np.random.default_rng(1000))


def networks(batch: int) -> Instances:
    """Those of a batch, the same for every way."""
    return GLOBAL.source.draw(SIZE, N, np.random.default_rng(batch))


def ours(gradient: Any, options: dict[str, Any]) -> Iterator[FloatArray | None]:
    """Learn one batch for each None that it yields; on the last, couplings of the test networks."""
    learned, memory = GLOBAL.untrained(0).replace(degree=DEGREE), dict[str, Any]()
    for b in range(BATCHES + 1):
        learned, memory, _ = learn_batch(
            learned, networks(b), memory, RATE,
            cost=GLOBAL.cost, gradient=gradient, rng=b, **options,
        )  # fmt: skip
        yield None
    yield learned.couplings(TEST.features)


def theirs(method: str) -> Iterator[FloatArray | None]:
    """The same with torch's perceptron and the steps of torchdiffeq's solver."""
    torch: Any = importlib.import_module("torch")
    odeint: Any = importlib.import_module("torchdiffeq").odeint
    torch.set_num_threads(1)
    torch.manual_seed(0)
    nn = torch.nn
    net = nn.Sequential(
        nn.Linear(2 * TEST.features.shape[2], HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN),
        nn.LeakyReLU(), nn.Linear(HIDDEN, HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN),
        nn.LeakyReLU(), nn.Linear(HIDDEN, 1, bias=False),
    )  # fmt: skip
    adam = torch.optim.Adam(net.parameters(), RATE)
    other = ~torch.eye(N, dtype=torch.bool)

    def couplings(features: FloatArray) -> Any:
        f = torch.tensor(features, dtype=torch.float32)
        shape = (len(f), N, N, f.shape[2])
        both = torch.cat([f[:, :, None].expand(shape), f[:, None].expand(shape)], -1)
        share = net(both[:, other].flatten(0, 1)).view(len(f), -1).softmax(1)
        k = torch.zeros(len(f), N, N).masked_scatter(other.expand(len(f), N, N), share)
        return DEGREE * N * (k + k.transpose(1, 2)) / 2

    for b in range(BATCHES + 1):
        some = networks(b)
        k, omega = couplings(some.features), torch.tensor(some.frequency).float()

        def speed(t: Any, x: Any, k: Any = k, omega: Any = omega) -> Any:
            return omega + (k * torch.sin(x[:, None] - x[:, :, None])).sum(2)

        x = 2 * np.pi * torch.rand(SIZE, N)
        with torch.no_grad():
            x = odeint(speed, x, DT * torch.arange(STEPS - BACK + 1.0), method=method)[-1]
        x = odeint(speed, x, DT * torch.arange(BACK + 1.0), method=method)[-1]
        loss = 1 - x.cos().mean(1) ** 2 - x.sin().mean(1) ** 2
        adam.zero_grad()
        loss.mean().backward()
        adam.step()
        yield None
    net.eval()
    with torch.no_grad():
        made = couplings(TEST.features).double().numpy()
    yield (made + made.transpose(0, 2, 1)) / 2


def main() -> None:
    """Print the table."""
    clock = {"dt": DT, "steps": STEPS, "truncate": BACK}
    ways = {
        "two-phase": ours("two-phase", {"frozen": True}),
        "adjoint": ours("adjoint", clock),
    }
    if importlib.util.find_spec("torch") and importlib.util.find_spec("torchdiffeq"):
        ways |= {f"torchdiffeq {method}": theirs(method) for method in ("euler", "rk4")}
    else:
        print("torchdiffeq is missing, ours run alone: pip install torch torchdiffeq")
    spent: dict[str, list[float]] = {way: [] for way in ways}
    with threadpool_limits(1):
        for _ in range(BATCHES + 1):
            for way, learning in ways.items():
                begun = time.process_time()
                next(learning)
                spent[way].append(time.process_time() - begun)
    one = np.median(spent["two-phase"][1:])
    print(f"{'way':18} {'s/batch':>8} {'ratio':>6} {'1 - R':>6}   cores {os.cpu_count()}")
    for way, learning in ways.items():
        each, made = np.median(spent[way][1:]), next(learning)
        scores = evaluate_couplings(np.asarray(made), TEST, cost=GLOBAL.cost, rng=0)
        print(f"{way:18} {each:8.4f} {each / one:6.2f} {scores.asynchrony.mean():6.3f}")
    control = evaluate_couplings(uniform_couplings(TEST, DEGREE), TEST, cost=GLOBAL.cost, rng=0)
    print(f"{'uniform':18} {'-':>8} {'-':>6} {control.asynchrony.mean():6.3f}")


if __name__ == "__main__":
    main()
