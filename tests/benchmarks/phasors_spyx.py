"""Steps per second of the toy task, by two relaxations and by spyx's Python loop, in one run.

    .venv-interop/bin/python tests/benchmarks/phasors_spyx.py

The task is that of spyx's tutorial on phasors: of four features the first decides; 64 samples, 16
hidden units, 300 updates with Adam on all samples. spyx takes its gradient backwards in a compiled
step that Python calls; ours is `neurosc.phasor.train`. Both run to the end in turns, five times;
of each the least CPU time of the process counts, without what compiles: one update more of spyx.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from neurosc.phasor import PhasorMLP, train

UPDATES, ROUNDS = 300, 5
PEERS = ("spyx", "jax", "flax", "optax")


def toy(seed: int, count: int) -> tuple[Any, Any]:
    """Four features of which the first decides."""
    x = np.random.default_rng(seed).random((count, 4))
    return x, (x[:, 0] > 0.5).astype(np.intp)


Learnt = tuple[float, Callable[[Any], Any]]
"""Seconds of CPU, and what tells the classes of samples."""


def ours(seed: int) -> Learnt:
    """By two relaxations."""
    net = PhasorMLP.random([4, 16, 2], rng=seed)
    begun = time.process_time()
    learnt = train(
        net, toy(seed, 64), epochs=UPDATES, learning_rate=0.03, batch_size=64, rng=seed
    ).net
    return time.process_time() - begun, learnt.predict


def spyx(seed: int) -> Learnt:
    """By spyx, backwards."""
    jax, nnx, optax, phasor = map(import_module, ("jax", "flax.nnx", "optax", "spyx.phasor"))

    def loss(net: Any, x: Any, y: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(net(x), y).mean()

    def step(net: Any, optimiser: Any, x: Any, y: Any) -> Any:
        value, slopes = nnx.value_and_grad(loss)(net, x, y)
        optimiser.update(net, slopes)
        return value

    net = phasor.PhasorMLP(4, 16, 2, depth=1, rngs=nnx.Rngs(seed))
    optimiser = nnx.Optimizer(net, optax.adam(0.03), wrt=nnx.Param)
    x, y = (jax.numpy.asarray(part) for part in toy(seed, 64))
    compiled = nnx.jit(step)
    jax.block_until_ready(compiled(net, optimiser, x, y))
    begun = time.process_time()
    for _ in range(UPDATES):
        value = compiled(net, optimiser, x, y)
    jax.block_until_ready(value)
    seconds = time.process_time() - begun
    return seconds, lambda fresh: np.asarray(net(jax.numpy.asarray(fresh))).argmax(axis=1)


def main() -> None:
    """Print accuracy and steps per second of both, and their ratio."""
    missing = [name for name in PEERS if find_spec(name) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}; `make test-interop` makes .venv-interop")
    ways = {"two relaxations": ours} | ({} if missing else {"spyx": spyx})
    taken: dict[str, list[float]] = {name: [] for name in ways}
    right: dict[str, list[float]] = {name: [] for name in ways}
    for seed in range(ROUNDS + 1):
        fresh, labels = toy(1000 + seed, 2000)
        for name, learnt in ways.items():
            seconds, predict = learnt(seed)
            taken[name].append(seconds)
            right[name].append(float((predict(fresh) == labels).mean()))
    speed = {name: UPDATES / min(times[1:]) for name, times in taken.items()}
    for name in ways:
        print(f"{name:16} {np.mean(right[name]):.4f} fresh  {speed[name]:6.0f} steps/s of CPU")
    if not missing:
        print(f"ratio {speed['two relaxations'] / speed['spyx']:.2f}")


if __name__ == "__main__":
    main()
