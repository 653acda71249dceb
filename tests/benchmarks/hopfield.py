"""Speed of learning of the continuous Hopfield network 784-500-10 on one thread.

    python tests/benchmarks/hopfield.py

beside the same arithmetic written out in NumPy: 20 free and 4 nudged steps, batches of 20 images,
persistent states, single precision. Both go once through the same 5,000 images, in turn; the
fastest of five counts, in seconds of processor time, which other work on the machine disturbs less.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from neurosc.costs import SquaredCost
from neurosc.learning import ContinuousHopfield, fit
from neurosc.studies import images

SIZES = (784, 500, 10)
FREE, NUDGED, STEP = 20, 4, 0.5
RATES = (0.1, 0.05)
BATCH, ROUNDS = 20, 5
Single = npt.NDArray[np.float32]


def ours(model: ContinuousHopfield, x: Single, y: npt.NDArray[np.intp]) -> None:
    """One epoch of `fit`."""
    rates = {f"{name}.{k}": rate for name in ("weights", "bias") for k, rate in enumerate(RATES)}
    fit(
        model, (x, y), cost=SquaredCost(), epochs=1, learning_rate=rates, beta=1.0,
        scheme="one-sided", random_sign=True, remember=True, unsettled="learn", batch_size=BATCH,
        optimiser="sgd", schedule="constant", rng=0,
    )  # fmt: skip


def peer(model: ContinuousHopfield, x: Single, y: npt.NDArray[np.intp]) -> None:
    """The same epoch, written out."""
    draw = np.random.default_rng(0)
    w1, w2 = (w.copy() for w in model.weights)
    b1, b2 = (b.copy() for b in model.biases)
    hidden, output = (np.zeros((len(y), n), np.float32) for n in SIZES[1:])
    targets = np.eye(SIZES[-1], dtype=np.float32)[y]
    half = np.float32(STEP)

    def step(h: Single, o: Single, drive: Single, push: Single | float) -> tuple[Single, Single]:
        up = drive + o @ w2.T - h
        out = b2 + h @ w2 - o + push
        return np.clip(h + half * up, 0, 1), np.clip(o + half * out, 0, 1)

    for some in draw.permutation(len(y)).reshape(-1, BATCH):
        shown, t = x[some], targets[some]
        drive = shown @ w1 + b1
        h, o = hidden[some], output[some]
        for _ in range(FREE):
            h, o = step(h, o, drive, 0.0)
        hidden[some], output[some] = h, o
        beta = np.float32(1 if draw.random() < 0.5 else -1)
        free_h, free_o = h, o
        for _ in range(NUDGED):
            h, o = step(h, o, drive, beta * (t - o))
        scale = 1 / (beta * BATCH)
        w1 += RATES[0] * scale * (shown.T @ (h - free_h))
        w2 += RATES[1] * scale * (h.T @ o - free_h.T @ free_o)
        b1 += RATES[0] * scale * (h - free_h).sum(axis=0)
        b2 += RATES[1] * scale * (o - free_o).sum(axis=0)


def seconds(epoch: Callable[..., None], *arguments: object) -> float:
    """Processor time of one call."""
    started = time.process_time()
    epoch(*arguments)
    return time.process_time() - started


def main() -> None:
    """Print samples per second of both, and the ratio."""
    parts = images.mnist_5k(0)
    x = np.concatenate([part.x for part in parts]).astype(np.float32)
    y = np.concatenate([part.y for part in parts])
    model = ContinuousHopfield.layered(
        SIZES, free_steps=FREE, nudged_steps=NUDGED, step=STEP, precision="float32", rng=0
    )
    times = []
    with threadpool_limits(1):
        for _ in range(ROUNDS):
            times.append([seconds(run, model, x, y) for run in (ours, peer)])
    mine, others = (len(y) / np.min(times, axis=0)).tolist()
    print(f"neurosc {mine:.0f} samples/s, NumPy {others:.0f}, ratio {mine / others:.2f}")


if __name__ == "__main__":
    main()
