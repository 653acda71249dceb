"""How well couplings do what is asked, on networks that were not learned from."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.coupling_map.dynamics import trajectories
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.map import networks
from neurosc.coupling_map.slope import BoolArray
from neurosc.coupling_map.two_phase import random_phases, relax_all
from neurosc.ideal import Ideal
from neurosc.network import ComplexArray, FloatArray
from neurosc.observables import order_parameter
from neurosc.randomness import RNG
from neurosc.substrate import Substrate, a_substrate

TURNS, MOVES = 8, 100
"""Starts of the k-means that reads groups out of phases, and most moves of its means."""


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """What networks did, from each of some starts; all arrays (batch, starts).

    Attributes
    ----------
    loss
        The cost.
    asynchrony
        1 - R, R Kuramoto's order parameter.
    rand
        Adjusted Rand index between the groups and k arcs of the phases (k-means on the circle);
        None where the instances have no groups.
    locked
        Which came to rest. Those that did not are scored as they stand. None for runs in time.
    """

    loss: FloatArray
    asynchrony: FloatArray
    rand: FloatArray | None
    locked: BoolArray | None

    def __str__(self) -> str:
        told = f"loss {self.loss.mean():.4f}, 1 - R {self.asynchrony.mean():.4f}"
        if self.rand is not None:
            told += f", adjusted Rand index {self.rand.mean():.3f}"
        return told + ("" if self.locked is None else f", locked {100 * self.locked.mean():.1f} %")


def evaluate_couplings(
    coupling: npt.ArrayLike,
    instances: Instances,
    *,
    cost: Cost,
    starts: int = 4,
    on: Substrate | None = None,
    rng: RNG = None,
) -> Scores:
    """Relax each network from random starts, and score the ends.

    Parameters
    ----------
    coupling
        K, shape (batch, n, n), symmetric: those of a map, or of a control.
    instances, cost
        The networks, without delays, and what is asked of them.
    starts
        Random starts, phases uniform on the circle.
    on
        The substrate; `Ideal()` unless given.
    rng
        Starts and the randomness of the substrate.
    """
    if starts < 1:
        raise ValueError(f"starts: {starts} leaves nothing to score; give 1 or more")
    made = networks(coupling, instances)
    begin = random_phases(instances.batch, starts, instances.n, rng)
    where = Ideal() if on is None else a_substrate(on)
    rests = relax_all(where, made, begin, [None] * len(made), rng)
    return _scores(rests.phases, instances, cost, rests.locked)


def evaluate_runs(
    coupling: npt.ArrayLike,
    instances: Instances,
    *,
    cost: Cost,
    dt: float,
    steps: int,
    average: int = 50,
    start: npt.ArrayLike | None = None,
    rng: RNG = None,
) -> Scores:
    """Score the last `average` steps of a run of each network; delays are welcome.

    Other parameters are those of `trajectories`. Each of those steps counts as one start.
    """
    if not 1 <= average <= steps:
        raise ValueError(f"average: {average} is not between 1 and the {steps} steps; choose so")
    run = trajectories(coupling, instances, dt=dt, steps=steps, start=start, rng=rng)
    return _scores(run[:, -average:], instances, cost, None)


def uniform_couplings(instances: Instances, degree: float = 1.0) -> FloatArray:
    """The control that knows nothing: all pairs alike, `degree` in sum on each oscillator."""
    n = instances.n
    one = degree / (n - 1) * (1 - np.eye(n))
    return np.broadcast_to(one, (instances.batch, n, n)).copy()


def hebbian_couplings(instances: Instances, degree: float = 1.0) -> FloatArray:
    """The control that does not learn: K in proportion to the correlation of features.

    Features are standardised over each network; the absolute couplings on one oscillator sum to
    `degree` in the mean.
    """
    f = instances.features
    spread = f.std(axis=1, keepdims=True)
    scaled = (f - f.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
    coupling = scaled @ scaled.transpose(0, 2, 1)
    coupling[:, np.arange(instances.n), np.arange(instances.n)] = 0.0
    mean = np.abs(coupling).sum(axis=2).mean(axis=1)[:, None, None]
    return np.asarray(coupling * (degree / np.where(mean > 0, mean, 1)))


def coupling_correlation(coupling: npt.ArrayLike, values: npt.ArrayLike) -> FloatArray:
    """c_x of each network, (batch,): how alike coupled oscillators are in a value x.

        c_x = sum_ij K_ij (x_i - m) . (x_j - m) / sum_i k_i |x_i - m|^2

    with k_i = sum_j K_ij and m = sum_i k_i x_i / sum_i k_i; 1 where coupled oscillators share x,
    negative where they differ, as frequencies do in networks that are made to synchronise. NaN
    where nothing is coupled, or all coupled oscillators share x.

    Parameters
    ----------
    coupling
        K >= 0, shape (batch, n, n); of couplings of both signs give those that pull,
        `np.maximum(K, 0)`.
    values
        x, such as frequencies, shape (batch, n), or features, shape (batch, n, d).

    Raises
    ------
    ValueError
        For negative couplings, which are no weights.

    Notes
    -----
    Source: Brede, Phys. Lett. A 372:2618 (2008), with couplings as weights.
    """
    k, x = np.asarray(coupling, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if (k < 0).any():
        raise ValueError(
            "coupling: some are negative, and weights must not be; give those that "
            "pull, np.maximum(coupling, 0)"
        )
    x = x[..., None] if x.ndim == 2 else x
    degree = k.sum(axis=2)
    total = degree.sum(axis=1)[:, None]
    mean = np.einsum("bi,bid->bd", degree, x) / np.where(total > 0, total, 1)
    centred = x - mean[:, None]
    joint = np.einsum("bij,bid,bjd->b", k, centred, centred, optimize=True)
    spread = np.einsum("bi,bid->b", degree, centred**2)
    return np.asarray(np.divide(joint, spread, out=np.full(len(k), np.nan), where=spread > 0))


def _scores(
    phases: FloatArray, instances: Instances, cost: Cost, locked: BoolArray | None
) -> Scores:
    starts, target = phases.shape[1], instances.target(cost)
    loss = [
        cost.value(own, None if target is None else np.tile(target[k], (starts, 1)))
        for k, own in enumerate(phases)
    ]
    rand = None
    if instances.groups is not None:
        rand = np.array(
            [
                [_rand(own, groups) for own in each]
                for each, groups in zip(phases, instances.groups, strict=True)
            ]
        )
    return Scores(np.stack(loss), np.asarray(1 - order_parameter(phases)), rand, locked)


def _rand(phases: FloatArray, groups: npt.NDArray[np.intp]) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(groups, arcs(phases, int(groups.max()) + 1)))


def arcs(phases: FloatArray, count: int) -> npt.NDArray[np.intp]:
    """Groups of phases (n,): `count` arcs of the circle, each around its mean phase.

    k-means on the circle, argmax_c sum_i cos(theta_i - c_g(i)), the best of `TURNS` starts from
    evenly spread means. A few phases astray between groups do not matter to it, as they would to
    the widest gaps.
    """
    z = np.exp(1j * phases)
    evenly = np.exp(2j * np.pi * np.arange(count) / count)
    turns = np.exp(2j * np.pi * np.arange(TURNS) / (count * TURNS))
    found = [_around(z, turn * evenly) for turn in turns]
    return max(found, key=lambda one: one[1])[0]


def _around(z: ComplexArray, means: ComplexArray) -> tuple[npt.NDArray[np.intp], float]:
    """Groups around means that move until nothing changes, and the sum of cosines."""
    near = (z[:, None] * means.conj()).real
    for _ in range(MOVES):
        groups = near.argmax(axis=1)
        sums = np.array([z[groups == g].sum() for g in range(len(means))])
        size = np.abs(sums)
        moved = np.where(size > 0, sums / np.where(size > 0, size, 1), means)
        if np.array_equal(moved, means):
            break
        means, near = moved, (z[:, None] * moved.conj()).real
    return near.argmax(axis=1), float(near.max(axis=1).sum())
