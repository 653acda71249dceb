"""Costs on the circle; each owns its targets, its nudge and the read-out that agrees with them.

A cost sees output phases theta (batch, k) in radians, measured in the network's frame, and a
target: class labels (batch,) or, where it has phases as targets, phases (batch, k). The class
that it reads is the one whose target costs least, so at the exact target of class c it reads c.
A cost without a target takes None.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from neurosc.costs.base import Cost, Drive, Target, check_batch, check_labels, take
from neurosc.costs.circular_moments import CircularMoments
from neurosc.costs.cross_entropy import CrossEntropy
from neurosc.costs.synchrony import SynchronyCost
from neurosc.costs.targets import (
    CosineCost,
    LogCosineCost,
    SquaredCosineCost,
    SquaredCost,
    TargetCost,
)

__all__ = [
    "CircularMoments",
    "CosineCost",
    "Cost",
    "CrossEntropy",
    "Drive",
    "LogCosineCost",
    "SquaredCosineCost",
    "SquaredCost",
    "SynchronyCost",
    "Target",
    "TargetCost",
    "check_batch",
    "check_labels",
    "from_dict",
    "take",
    "to_dict",
]

_PLAIN = (
    CircularMoments, CosineCost, LogCosineCost, SquaredCosineCost, SquaredCost, SynchronyCost,
)  # fmt: skip
"""Costs that their fields describe."""


def to_dict(cost: Cost) -> dict[str, Any]:
    """A cost as plain JSON values."""
    if isinstance(cost, CrossEntropy):
        v = cost.weights
        return {
            "kind": "CrossEntropy",
            "weights": None if v is None else [v.real.tolist(), v.imag.tolist()],
        }
    if isinstance(cost, _PLAIN) and type(cost) in _PLAIN:
        return {"kind": type(cost).__name__, **dataclasses.asdict(cost)}
    raise TypeError(
        f"cost: {type(cost).__name__} is not one of neurosc's costs and cannot be saved"
    )


def from_dict(values: dict[str, Any]) -> Cost:
    """The cost that `to_dict` described."""
    kinds: dict[str, type[Cost]] = {c.__name__: c for c in _PLAIN}
    arguments = {k: v for k, v in values.items() if k != "kind"}
    if values.get("kind") == "CrossEntropy":
        v = arguments["weights"]
        return CrossEntropy(None if v is None else np.asarray(v[0]) + 1j * np.asarray(v[1]))
    if values.get("kind") not in kinds:
        raise ValueError(f"kind: {values.get('kind')!r} is no cost; use one of {sorted(kinds)}")
    return kinds[values["kind"]](**arguments)
