"""What is measured on chips."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from neurosc import costs
from neurosc.costs import Cost
from neurosc.datasets import Dataset
from neurosc.learning import Evaluation, evaluate
from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG
from neurosc.robustness.protocols import Chips

Row = dict[str, Any]

KIND = "read-out"
METRICS: dict[str, Callable[[Evaluation], Any]] = {
    "accuracy": lambda e: e.accuracy,
    "loss": lambda e: e.loss,
    "locked": lambda e: e.locked.mean(axis=-1),
}
"""What an evaluation tells of each chip, (chips,): shares, and the mean cost."""


class Measure(Protocol):
    """What is done with a few chips; it is sent to other processes, so it must pickle."""

    @property
    def relaxations(self) -> int:
        """Of each sample on each chip, by which work is cut into chunks."""
        ...

    def __call__(
        self, network: PhaseNetwork, data: Dataset, chips: Chips, count: int, rng: RNG
    ) -> list[Row]:
        """Rows of "chip", its place among `count`; "metric", "value", "locked_share", and more."""
        ...

    def describe(self) -> dict[str, Any]:
        """JSON values that tell it from any other: its "kind", its "metrics", and more."""
        ...


@dataclasses.dataclass(frozen=True)
class ReadOut:
    """Relax the samples freely and read the outputs."""

    cost: Cost
    metrics: tuple[str, ...]

    @property
    def relaxations(self) -> int:
        return 1

    def __call__(
        self, network: PhaseNetwork, data: Dataset, chips: Chips, count: int, rng: RNG
    ) -> list[Row]:
        found = evaluate(network, (data.x, data.y), cost=self.cost, on=chips, rng=rng)
        locked = found.locked.mean(axis=-1)
        values = {name: np.asarray(METRICS[name](found)) for name in self.metrics}
        return [
            {
                "chip": chip,
                "metric": name,
                "value": float(values[name][chip]),
                "locked_share": float(locked[chip]),
            }
            for chip in range(count)
            for name in self.metrics
        ]

    def describe(self) -> dict[str, Any]:
        return {"kind": KIND, "cost": costs.to_dict(self.cost), "metrics": [*self.metrics]}


def checked_metrics(metrics: str | Sequence[str]) -> tuple[str, ...]:
    """Known names, each once."""
    names = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    for name in names:
        if name not in METRICS:
            near = difflib.get_close_matches(str(name), METRICS, 3, 0.4) or [*METRICS]
            raise ValueError(f"metrics: there is no {name!r}; use {' or '.join(near)}")
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"metrics: {metrics!r}; name one or more of {', '.join(METRICS)}, each once"
        )
    return names
