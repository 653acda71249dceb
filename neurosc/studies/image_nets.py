"""Layered networks that learn images, and what scikit-learn reaches on the same ones."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np

from neurosc import topology
from neurosc.costs import Cost
from neurosc.datasets import Dataset
from neurosc.ideal.sweeps import Sweeps
from neurosc.learning import Bounds, evaluate
from neurosc.network import Encoding
from neurosc.randomness import substream
from neurosc.studies import peers
from neurosc.studies.study import Row
from neurosc.studies.training import fit_or_last_good

CLASSES = 10
READING = Sweeps(50)
"""Relaxes test images: most come to rest within 20 sweeps, the slowest need more."""
PEERS = ("logistic regression", "MLP", "3-NN")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a network of images learns.

    Parameters
    ----------
    cost
        With its read-out.
    pixel
        Phase of a white pixel in rad; a black one has phase 0.
    learning_rate, epochs, batch_size, weight_decay
        Of Adam, whose rate falls to 0 by a cosine.
    lags
        Whether couplings are complex, strength and lag, or real.
    sweeps
        Of one relaxation while it learns.
    strength
        Bound of all couplings and fields on an oscillator; None for no bound.
    beta
        Strength of the nudge.
    """

    cost: Cost
    pixel: float
    learning_rate: float
    epochs: int
    batch_size: int = 32
    weight_decay: float = 0.0
    lags: bool = False
    sweeps: int = 6
    strength: float | None = None
    beta: float = 0.1

    def learnt(
        self,
        train: Dataset,
        test: Dataset,
        hidden: Sequence[int],
        rng: np.random.SeedSequence,
        epochs: int | None = None,
    ) -> Row:
        """Train a network from a random start, test it once.

        `seconds_to_learn` are those of the processor, all its threads together.
        """
        network = topology.layered(
            [train.x.shape[1], *hidden, CLASSES],
            encoding=Encoding("phase", self.pixel), lags=self.lags, rng=rng,
        )  # fmt: skip
        started = time.process_time()
        fitted, diverged = fit_or_last_good(
            network, train, cost=self.cost, epochs=self.epochs if epochs is None else epochs,
            learning_rate=self.learning_rate, batch_size=self.batch_size, beta=self.beta,
            weight_decay=self.weight_decay, on=Sweeps(self.sweeps, precision="float32"),
            unsettled="learn", rng=substream(rng, "fit"),
            bounds=None if self.strength is None else Bounds(strength=self.strength),
        )  # fmt: skip
        seconds = time.process_time() - started
        found = evaluate(fitted.network, test, cost=self.cost, on=READING)
        return {
            "accuracy": found.accuracy,
            "unlocked": float(1 - found.locked.mean()),
            "diverged": float(diverged),
            "unlocked_in_training": fitted.rows[-1]["unlocked"] if fitted.rows else 0.0,
            "seconds_to_learn": seconds,
        }


def peer(
    name: str,
    train: Dataset,
    test: Dataset,
    hidden: Sequence[int],
    seed: int,
    iterations: int | None = None,
) -> Row:
    """Test accuracy of one of `PEERS`, which converges unless its iterations are limited."""
    started = time.process_time()
    limit = {} if iterations is None else {"iterations": iterations}
    if name == "MLP":
        accuracy = peers.perceptron(train, test, tuple(hidden), seed, **limit)
    elif name == "3-NN":
        accuracy = peers.nearest_neighbours(train, test, 3)
    else:
        accuracy = peers.logistic_regression(train, test, **limit)
    return {"accuracy": accuracy, "seconds_to_learn": time.process_time() - started}
