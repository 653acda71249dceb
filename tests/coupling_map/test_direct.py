"""Couplings that are optimised for the networks themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import Ideal, RelaxationError, SynchronyCost
from neurosc.costs import CircularMoments
from neurosc.coupling_map import (
    Frequencies,
    GaussianGroups,
    Instances,
    Nearest,
    direct_couplings,
    evaluate_couplings,
    evaluate_runs,
    uniform_couplings,
)
from neurosc.coupling_map.curriculum import Curriculum

SYNCHRONY = SynchronyCost()


@pytest.fixture(scope="module")
def instances() -> Instances:
    return Frequencies().draw(2, 16, np.random.default_rng(0))


@pytest.fixture(scope="module")
def found(instances: Instances) -> Any:
    return direct_couplings(
        instances, cost=SYNCHRONY, degree=1.2, steps=50, learning_rate=0.2, rng=0,
        degree_at_start=2.0, options={"frozen": True},
    )  # fmt: skip


def test_they_synchronise_what_uniform_couplings_do_not(instances: Instances, found: Any) -> None:
    how: Any = {"cost": SYNCHRONY, "on": Ideal("steps"), "rng": 0}
    own = evaluate_couplings(found, instances, **how).asynchrony
    uniform = evaluate_couplings(uniform_couplings(instances, 1.2), instances, **how).asynchrony
    assert (3 * own.mean(axis=1) < uniform.mean(axis=1)).all()


def test_they_keep_the_budget_of_the_map(instances: Instances, found: Any) -> None:
    np.testing.assert_array_equal(found, found.transpose(0, 2, 1))
    np.testing.assert_allclose(found.sum(axis=2).mean(axis=1), 1.2)
    assert not found[:, range(16), range(16)].any()
    assert (found >= 0).all()


def test_groups_with_couplings_of_both_signs() -> None:
    cost = CircularMoments(2)
    points = GaussianGroups(2).draw(2, 12, np.random.default_rng(1))
    how: Any = {
        "cost": cost, "normalise": "graph", "steps": 50, "learning_rate": 0.2, "rng": 0,
        "random_field": 2.0, "options": {"frozen": True},
    }  # fmt: skip
    found = direct_couplings(points, **how)
    scores = evaluate_couplings(found, points, cost=cost, rng=0)
    uniform = evaluate_couplings(uniform_couplings(points), points, cost=cost, rng=0)
    assert 3 * scores.loss.mean() < uniform.loss.mean()
    assert (np.linalg.norm(found, axis=(1, 2)) <= np.sqrt(12)).all()  # rows of 1, made symmetric
    assert (found < 0).any()


def test_delays_by_the_adjoint() -> None:
    late = Frequencies(delays=True).draw(1, 8, np.random.default_rng(2))
    run: dict[str, Any] = {"dt": 0.1, "steps": 60, "start": 0.0}
    found = direct_couplings(
        late, cost=SYNCHRONY, degree=4.0, steps=30, learning_rate=0.2, gradient="adjoint",
        options=run, rng=0,
    )  # fmt: skip
    directed = direct_couplings(
        late, cost=SYNCHRONY, degree=4.0, symmetric=False, steps=30, learning_rate=0.2,
        gradient="adjoint", options=run, rng=0,
    )  # fmt: skip
    np.testing.assert_allclose(directed.sum(axis=2).mean(axis=1), 4.0)
    assert np.abs(directed - directed.transpose(0, 2, 1)).max() > 0.01
    own, free, uniform = (
        evaluate_runs(coupling, late, cost=SYNCHRONY, average=20, **run).loss.mean()
        for coupling in (found, directed, uniform_couplings(late, 4.0))
    )
    assert own < 0.8 * uniform
    assert free < 0.8 * uniform


def test_slopes_are_shortened_to_a_bound(instances: Instances) -> None:
    how: Any = {"cost": SYNCHRONY, "steps": 1, "degree": 4.0, "learning_rate": 1e-9, "rng": 0}
    plain, clipped = (direct_couplings(instances, clip=clip, **how) for clip in (None, 1e-12))
    start = direct_couplings(instances, **how | {"learning_rate": 1e-12})
    assert np.abs(clipped - start).max() < 0.1 * np.abs(plain - start).max()  # below Adam's eps


def test_a_mask_keeps_pairs_apart(instances: Instances) -> None:
    how: Any = {"cost": SYNCHRONY, "steps": 1, "degree": 4.0, "rng": 0}
    found = direct_couplings(instances, mask=Nearest(6), **how)
    assert (found == 0).sum() > found.size // 2
    np.testing.assert_array_equal(found, direct_couplings(instances, mask=Nearest(6), **how))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"steps": 0}, "steps: 0 is not a positive number"),
        ({"degree": -1.0}, r"degree: -1\.0 is not a positive number"),
        ({"learning_rate": 0.0}, r"learning_rate: 0\.0 is not a positive number"),
        ({"clip": -1.0}, r"clip: -1\.0 is not a positive number"),
        ({"normalise": "rows"}, "normalise: 'rows' is unknown"),
        ({"gradient": "adjoint", "random_field": 1.0}, "random_field: is an argument of two"),
    ],
)
def test_wrong_arguments_are_told(change: dict[str, Any], told: str, instances: Instances) -> None:
    arguments: dict[str, Any] = {"cost": SYNCHRONY, "steps": 1, "rng": 0} | change
    with pytest.raises(ValueError, match=f"^{told}"):
        direct_couplings(instances, **arguments)


def test_what_never_locks_is_told(instances: Instances) -> None:
    with pytest.raises(RelaxationError, match=r"no network gave a gradient of .* in 20 steps"):
        direct_couplings(instances, cost=SYNCHRONY, degree=1e-3, steps=30, rng=0)


def test_a_curriculum_ends_at_what_is_asked() -> None:
    stages = Curriculum(10, 0.1, 1.0, 3.0, random_field=2.0, share=0.5)
    first, middle, last = stages.at(0), stages.at(5), stages.at(9)
    assert (first.degree, middle.degree, last.degree) == (3.0, 1.0, 1.0)
    assert (first.options, last.options) == ({"random_field": 2.0}, {"random_field": 0.0})
    assert first.rate == 0.1
    assert 0 < last.rate < middle.rate < 0.1
    assert Curriculum(10, 0.1, 1.0).at(0) == (1.0, 0.1, {})
