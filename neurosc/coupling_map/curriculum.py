"""What changes from one update of learning to the next."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


class Stage(NamedTuple):
    """Of one update: the degree, the rate of Adam, and the options of the gradient."""

    degree: float
    rate: float
    options: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Curriculum:
    """From strong couplings and random fields to what is asked, while the rate falls to 0.

    Parameters
    ----------
    updates
        How many there are.
    learning_rate
        Of the first; it falls by a cosine.
    degree, degree_at_start
        That at the end, and that of the first update; None for the same.
    random_field
        Of `two_phase_slope`, at the first update.
    share
        Of the updates within which the degree and the field reach their ends.
    gradient, options
        The method, and what else it is told.

    Raises
    ------
    ValueError
        For numbers that do not fit, and a random field with another method.
    """

    updates: int
    learning_rate: float
    degree: float
    degree_at_start: float | None = None
    random_field: float = 0.0
    share: float = 0.6
    gradient: str = "two-phase"
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < np.inf:
            raise ValueError(f"learning_rate: {self.learning_rate} is not a positive number")
        if not 0 <= self.share <= 1:
            raise ValueError(f"curriculum: {self.share} is no share of the batches; give 0 to 1")
        if self.degree_at_start is not None and not 0 < self.degree_at_start < np.inf:
            raise ValueError(f"degree_at_start: {self.degree_at_start} is not a positive number")
        if self.random_field and self.gradient != "two-phase":
            raise ValueError(
                "random_field: is an argument of two relaxations; leave it out with "
                f"{self.gradient!r}"
            )

    def at(self, update: int) -> Stage:
        """The stage of an update, counted from 0."""
        left = max(0.0, 1 - update / (self.share * self.updates)) if self.share else 0.0
        first = self.degree if self.degree_at_start is None else self.degree_at_start
        options = dict(self.options)
        if self.random_field:
            options["random_field"] = self.random_field * left
        rate = self.learning_rate * 0.5 * (1 + np.cos(np.pi * update / self.updates))
        return Stage(self.degree + (first - self.degree) * left, rate, options)
