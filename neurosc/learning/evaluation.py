"""What a network reads on a substrate."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost, check_labels
from neurosc.datasets import as_dataset
from neurosc.ideal import Ideal
from neurosc.learning.energy_model import EnergyModel
from neurosc.learning.two_phase import a_model
from neurosc.network import FloatArray, IntArray, PhaseNetwork
from neurosc.randomness import RNG
from neurosc.substrate import Substrate, a_substrate


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions of every sample, the unlocked ones included and counted.

    On all chips at once each array has a leading axis (chips,), and so have accuracy and loss.

    Attributes
    ----------
    accuracy
        Share of samples read right. An unlocked sample is read as it stands.
    loss
        Mean cost.
    predictions
        Class read, (batch,).
    correct, locked
        Whether each sample was read right, and whether it locked; (batch,).
    relaxation
        The states themselves: a `Relaxation`, or the `Rest` of an energy model.
    """

    accuracy: Any
    loss: Any
    predictions: IntArray
    correct: npt.NDArray[np.bool_]
    locked: npt.NDArray[np.bool_]
    relaxation: Any

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the accuracy.

        One chip or model: Wilson's interval over samples. Several chips: bootstrap (BCa) of the
        mean over chips, which are what varies.
        """
        from scipy import stats

        if self.correct.ndim == 1:
            test = stats.binomtest(int(self.correct.sum()), self.correct.size)
            low, high = test.proportion_ci(confidence, method="wilson")
            return float(low), float(high)
        if np.ptp(self.accuracy) == 0:
            return float(self.accuracy[0]), float(self.accuracy[0])
        interval = stats.bootstrap(
            (self.accuracy,), np.mean, confidence_level=confidence, rng=np.random.default_rng(0)
        ).confidence_interval
        return float(interval.low), float(interval.high)

    def __str__(self) -> str:
        low, high = self.interval()
        unlocked = int((~self.locked).sum())
        note = f", {unlocked} of {self.locked.size} not locked" if unlocked else ""
        return f"accuracy {np.mean(self.accuracy):.2%} (95 % CI {low:.2%} to {high:.2%}){note}"


def evaluate(
    network: PhaseNetwork | EnergyModel,
    data: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    cost: Cost,
    on: Substrate | None = None,
    rng: RNG = None,
) -> Evaluation:
    """Relax the samples of `data` = (x, y) freely and read the outputs.

    Parameters
    ----------
    network, data
        The network, or any other `EnergyModel`, samples x (batch, inputs) and labels y (batch,).
    cost
        The cost whose read-out is used.
    on
        The substrate of a network; `Ideal()` unless given. Several chips are evaluated at once.
    rng
        Random numbers of the substrate.

    Raises
    ------
    ValueError
        For data or labels that do not fit the network.
    TypeError
        For what does not relax.
    """
    x, y = as_dataset(data)
    if not isinstance(network, PhaseNetwork):
        rest = a_model(network).relax(x, rng=rng)
        return _evaluation(cost, network.seen(rest.state), y, rest.locked, rest)
    if network.outputs.size == 0:
        raise ValueError("network: has no outputs to read; name them in outputs=")
    network.encode(x[:1])  # samples of the wrong width are the first thing to be told
    check_labels(y, len(y), cost.classes(network.outputs.size))
    relaxation = (Ideal() if on is None else a_substrate(on)).relax(network, x, rng=rng)
    seen = network.relative(relaxation.phases)[..., network.outputs]
    return _evaluation(cost, seen, y, relaxation.locked, relaxation)


def _evaluation(cost: Cost, seen: Any, y: IntArray, locked: Any, relaxation: Any) -> Evaluation:
    """What a cost reads of phases or values (..., batch, outputs)."""
    flat: FloatArray = seen.reshape(-1, seen.shape[-1])
    shape = seen.shape[:-1]
    labels = check_labels(y, len(y), cost.classes(seen.shape[-1]))
    predictions = cost.predict(flat).reshape(shape)
    losses = cost.value(flat, np.broadcast_to(labels, shape).reshape(-1)).reshape(shape)
    correct = np.asarray(predictions == labels)
    accuracy, loss = correct.mean(axis=-1), losses.mean(axis=-1)
    single = correct.ndim == 1
    return Evaluation(
        accuracy=float(accuracy) if single else accuracy,
        loss=float(loss) if single else loss,
        predictions=predictions,
        correct=correct,
        locked=locked,
        relaxation=relaxation,
    )
