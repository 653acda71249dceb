"""Phasor nets: what they learn by two relaxations and by a pass backwards, in few bits, in spikes.

    python tests/benchmarks/phasors.py [toy] [moons] [digits] [spikes]

prints one row for each task and way of learning: accuracy on the training samples, on test samples
that nothing was chosen on, its range over seeds, and updates per second. Learning rates, weight
decay and noise were chosen on folds of the training images; for the toy task the decay alone, on
four draws that are not shown. `digits` also quantises the nets of each seed, as they are and after
some epochs of training that knows of it; `spikes` runs the test images through five nets in Brian2,
and with jitter, lost spikes and leak through the first.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.datasets import make_moons

from neurosc import datasets
from neurosc.datasets import Dataset
from neurosc.hw_models.spiking import SpikingPhasors
from neurosc.learning.optimisers import Adam
from neurosc.network import IntArray
from neurosc.phasor import (
    Cartesian,
    PhasorLinear,
    PhasorMLP,
    PhasorReadout,
    Polar,
    Quantization,
    reference_gradient,
    train,
)


@dataclasses.dataclass(frozen=True)
class Task:
    """A net, its data for each seed, and how it learns."""

    name: str
    sizes: tuple[int, ...]
    data: Callable[[int], tuple[Dataset, Dataset]]
    seeds: int
    epochs: int
    rate: float
    decay: float
    batch: int
    noise: float = 0.0
    copies: int = 1
    """Of the samples to learn from, each with normal noise of its own."""

    def noisy(self, data: Dataset, seed: int) -> Dataset:
        """The copies."""
        draw = np.random.default_rng((seed, self.copies))
        x = np.tile(data.x, (self.copies, 1))
        return Dataset(x + self.noise * draw.standard_normal(x.shape), np.tile(data.y, self.copies))

    def start(self, seed: int) -> PhasorMLP:
        """The net before it learns."""
        return PhasorMLP.random(self.sizes, rng=seed)


def toy(seed: int) -> tuple[Dataset, Dataset]:
    """Four features of which the first decides, 64 samples and 2,000 fresh ones."""
    parts = []
    for rng, count in ((seed, 64), (1000 + seed, 2000)):
        x = np.random.default_rng(rng).random((count, 4))
        parts.append(Dataset(x, (x[:, 0] > 0.5).astype(np.intp)))
    return parts[0], parts[1]


def moons(seed: int) -> tuple[Dataset, Dataset]:
    """Two moons with noise .1, 400 samples and 2,000 fresh ones, both features in 0 to 1."""
    parts = []
    for rng, count in ((seed, 400), (1000 + seed, 2000)):
        x, y = make_moons(count, noise=0.1, random_state=rng)
        parts.append(Dataset(np.clip((x + SHIFT) / SPAN, 0, 1), y.astype(np.intp)))
    return parts[0], parts[1]


def digits(seed: int) -> tuple[Dataset, Dataset]:
    """The fixed split of scikit-learn's digits, for every seed."""
    return datasets.digits()


TOY = Task("toy", (4, 16, 2), toy, 5, 300, 0.01, 1.0, 64)
MOONS = Task("moons", (2, 16, 2), moons, 3, 60, 0.03, 0.0, 32)
DIGITS = (
    Task("digits [64]", (64, 64, 10), digits, 3, 10, 0.005, 3.0, 32, noise=0.1, copies=8),
    Task("digits [64, 32]", (64, 64, 32, 10), digits, 3, 10, 0.005, 3.0, 32, noise=0.1, copies=8),
)
SHIFT, SPAN = np.array([1.5, 1.0]), np.array([4.0, 2.5])
"""Bring the moons into 0 to 1."""
EPOCHS_AWARE, RATE_AWARE = 6, 0.01


def by_relaxing(
    task: Task, data: Dataset, seed: int, begin: PhasorMLP | None = None, rule: Any = None
) -> PhasorMLP:
    """The net after training by two relaxations; from another one, for the epochs that know of a
    quantisation."""
    return train(
        task.start(seed) if begin is None else begin,
        task.noisy(data, seed),
        epochs=task.epochs if begin is None else max(1, EPOCHS_AWARE // task.copies),
        learning_rate=task.rate if begin is None else RATE_AWARE,
        batch_size=task.batch,
        weight_decay=0.0 if begin is not None else task.decay,
        quantize=rule,
        rng=seed,
    ).net


def by_backpropagation(task: Task, data: Dataset, seed: int) -> PhasorMLP:
    """The net after the same updates with the gradient of a pass backwards."""
    net, adam, data = task.start(seed), Adam(), task.noisy(data, seed)
    memory: dict[str, Any] = {}
    draw = np.random.default_rng(seed)
    batches = int(np.ceil(len(data.y) / task.batch))
    for k in range(task.epochs * batches):
        if k % batches == 0:
            order = draw.permutation(len(data.y))
        some = data.rows(order[k % batches * task.batch :][: task.batch])
        found = reference_gradient(net, some.x, some.y)
        slopes = {f"w{j}": g for j, g in enumerate(found.weights)}
        slopes |= {f"b{j}": g for j, g in enumerate(found.biases)} | {"v": found.readout}
        rate = 0.5 * task.rate * (1 + np.cos(np.pi * k / (task.epochs * batches)))
        steps, memory = adam.step(slopes, memory, rate)
        kept = 1 - rate * task.decay
        hidden = tuple(
            PhasorLinear(layer.weight * kept - steps[f"w{j}"], layer.bias - steps[f"b{j}"])
            for j, layer in enumerate(net.hidden)
        )
        readout = PhasorReadout(net.readout.weight * kept - steps["v"])
        net = PhasorMLP(hidden, readout, net.encoding)
    return net


WAYS = {"two relaxations": by_relaxing, "backpropagation": by_backpropagation}


def accuracy(net: PhasorMLP, data: Dataset) -> float:
    """Share of samples that the net reads."""
    return float((net.predict(data.x) == data.y).mean())


def row(name: str, way: str, seen: Sequence[float], fresh: Sequence[float], more: str = "") -> None:
    """One row of the table."""
    print(
        f"{name:16} {way:26} {np.mean(seen):6.4f} {np.mean(fresh):6.4f} "
        f"{min(fresh):6.4f}-{max(fresh):6.4f} {more}",
        flush=True,
    )


def learn(task: Task) -> list[PhasorMLP]:
    """Rows of both ways; the nets of two relaxations."""
    kept: list[PhasorMLP] = []
    for way, how in WAYS.items():
        seen, fresh, nets, begun = [], [], [], time.perf_counter()
        for seed in range(task.seeds):
            data, test = task.data(seed)
            nets.append(how(task, data, seed))
            seen.append(accuracy(nets[-1], data))
            fresh.append(accuracy(nets[-1], test))
        updates = task.seeds * task.epochs * np.ceil(task.copies * len(data.y) / task.batch)
        row(task.name, way, seen, fresh, f"{updates / (time.perf_counter() - begun):5.0f}")
        kept = kept or nets
    return kept


def coarse(task: Task, nets: list[PhasorMLP]) -> None:
    """Rows of few bits: quantised as they are, and after training that knows of it."""
    data, test = task.data(0)
    for bits in (2, 3):
        rules: tuple[Quantization, ...] = (Polar(bits), Cartesian(bits))
        for rule in rules:
            plain = [rule(net) for net in nets]
            aware = [rule(by_relaxing(task, data, k, net, rule)) for k, net in enumerate(nets)]
            for way, some in (("", plain), (" aware", aware)):
                row(
                    task.name,
                    f"{rule}{way}",
                    [accuracy(net, data) for net in some],
                    [accuracy(net, test) for net in some],
                )


def in_spikes(nets: Sequence[PhasorMLP]) -> None:
    """Rows of the test images in Brian2."""
    test = digits(0)[1]
    first = nets[0]
    error = np.abs(SpikingPhasors(first).run(test.x).logits - first(test.x)).max()
    print(f"spikes between steps: largest error of a logit {error:.1e}")
    for bins in (8, 16, 32):
        same = [(read(net, bins=bins) == net.predict(test.x)).mean() for net in nets]
        told = f"{np.mean(same):.4f} {min(same):.4f}-{max(same):.4f}"
        print(f"{len(nets)} nets on {bins} steps a cycle: same {told}", flush=True)
    runs: list[dict[str, Any]] = [{"jitter": jitter} for jitter in (0.01, 0.02, 0.04, 0.08)]
    runs += [{"dropout": share} for share in (0.01, 0.1)]
    runs += [{"leak": leak} for leak in (0.1, 0.5)]
    for settings in runs:
        found = read(first, bins=32, **settings)
        same, right = (found == first.predict(test.x)).mean(), (found == test.y).mean()
        print(f"{settings!s:18} same {same:.4f} accuracy {right:.4f}", flush=True)


def read(net: PhasorMLP, **settings: Any) -> IntArray:
    """What the spiking net takes the test images for."""
    return SpikingPhasors(net, **settings).predict(digits(0)[1].x, rng=0)


def main(parts: Sequence[str]) -> None:
    """Run the parts by name, all unless given."""
    print("task, way of learning, accuracy: training, test, least-largest, updates/s")
    if not parts or "toy" in parts:
        learn(TOY)
    if not parts or "moons" in parts:
        learn(MOONS)
    if not parts or "digits" in parts:
        for task in DIGITS:
            coarse(task, learn(task))
    if not parts or "spikes" in parts:
        in_spikes([by_relaxing(DIGITS[0], digits(0)[0], seed) for seed in range(5)])


if __name__ == "__main__":
    main(sys.argv[1:])
