"""Networks to learn from, drawn anew for each batch."""

from __future__ import annotations

import dataclasses
from typing import Literal, Protocol, get_args

import numpy as np

from neurosc.coupling_map.instances import Instances
from neurosc.network import FloatArray, IntArray

Shape = Literal["moons", "circles", "spirals"]
MEAN_DELAY, LONGEST_DELAY = 15, 40
"""Steps."""


class Source(Protocol):
    """Draws networks."""

    def draw(self, batch: int, n: int, rng: np.random.Generator) -> Instances:
        """`batch` networks of `n` oscillators."""
        ...


@dataclasses.dataclass(frozen=True)
class Frequencies:
    """Oscillators that know their own frequency, to be brought into synchrony.

    omega ~ U(-1, 1); with delays omega ~ U(2, 4) and tau negative binomial, 15 steps in the mean
    and 40 at most. Features are omega, then h or tau; with delays they have zero mean and unit
    variance.

    Parameters
    ----------
    fields
        Whether fields h ~ U(-1, 1) pull on the oscillators.
    delays
        Whether they are seen late.

    Notes
    -----
    Source of the three tasks: Ricci et al., arXiv 2105.02838 (2021).
    """

    fields: bool = False
    delays: bool = False

    def draw(self, batch: int, n: int, rng: np.random.Generator) -> Instances:
        """See `Source`."""
        shape = batch, n
        omega = rng.uniform(2, 4, shape) if self.delays else rng.uniform(-1, 1, shape)
        known = [(omega - 3) / np.sqrt(1 / 3) if self.delays else omega]
        field: FloatArray | float = 0.0
        if self.fields:
            field = rng.uniform(-1, 1, shape)
            known.append(field)
        late: IntArray | None = None
        if self.delays:
            late = np.minimum(rng.negative_binomial(MEAN_DELAY, 0.5, shape), LONGEST_DELAY)
            known.append((late - MEAN_DELAY) / np.sqrt(2 * MEAN_DELAY))
        return Instances(np.stack(known, axis=-1), omega, field, late)


@dataclasses.dataclass(frozen=True)
class GaussianGroups:
    """Points of k groups around a circle, each group a Gaussian of unit covariance.

    Features are the coordinates; each group has a point or more. Frequencies are zero.

    Parameters
    ----------
    groups
        k.
    radius
        Of the circle on which the groups are centred.
    """

    groups: int
    radius: float = 10.0

    def __post_init__(self) -> None:
        if self.groups < 2:
            raise ValueError(f"groups: {self.groups} leaves nothing to tell apart; give 2 or more")

    def draw(self, batch: int, n: int, rng: np.random.Generator) -> Instances:
        """See `Source`."""
        if n < self.groups:
            raise ValueError(f"n: {n} points cannot fill {self.groups} groups; give more points")
        each = np.tile(np.arange(self.groups), (batch, 1))
        others = rng.integers(0, self.groups, (batch, n - self.groups))
        labels = np.concatenate([each, others], axis=1)
        angle = 2 * np.pi * labels / self.groups
        centres = self.radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        return Instances(centres + rng.standard_normal((batch, n, 2)), groups=labels)


@dataclasses.dataclass(frozen=True)
class Shapes:
    """Points of two groups that no straight line parts, with coordinates as features.

    Parameters
    ----------
    shape
        `"moons"` and `"circles"` are those of scikit-learn; `"spirals"` wind once around each
        other.
    noise
        Standard deviation of the coordinates, whose extent is about 2.
    """

    shape: Shape = "moons"
    noise: float = 0.05

    def __post_init__(self) -> None:
        if self.shape not in get_args(Shape):
            raise ValueError(f"shape: {self.shape!r} is unknown; use one of {get_args(Shape)}")

    def draw(self, batch: int, n: int, rng: np.random.Generator) -> Instances:
        """See `Source`."""
        made = [self._points(n, rng) for _ in range(batch)]
        points, labels = (np.stack(part) for part in zip(*made, strict=True))
        return Instances(points, groups=labels)

    def _points(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
        if self.shape == "spirals":
            labels = np.arange(n) % 2
            turn = 0.25 + 0.75 * np.sqrt(rng.uniform(size=n))
            angle = 2 * np.pi * turn + np.pi * labels
            points = turn[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
            return points + self.noise * rng.standard_normal((n, 2)), labels
        from sklearn import datasets

        make = datasets.make_moons if self.shape == "moons" else datasets.make_circles
        extra = {} if self.shape == "moons" else {"factor": 0.5}
        seed = int(rng.integers(2**31))
        points, labels = make(n, noise=self.noise, random_state=seed, **extra)
        return np.asarray(points), np.asarray(labels, dtype=np.intp)
