"""The cost of clusters against its formula and finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import PhaseNetwork, costs
from neurosc.costs import CircularMoments, SynchronyCost
from neurosc.coupling_map import Instances

RNG = np.random.default_rng(3)
GROUPS = np.array([[0, 1, 2, 0, 1, 2, 3, 4], [4, 4, 3, 2, 1, 0, 0, 0]])
THETA = RNG.uniform(-3, 3, GROUPS.shape)
COST = CircularMoments(5)


def as_published(theta: Any, groups: Any, k: int) -> float:
    """One sample, straight from the formula."""
    means = [np.exp(1j * theta[groups == g]).mean() for g in range(k)]
    angles = np.angle(means)
    apart, most = 0.0, 1.0
    for m in range(1, k // 2 + 1):
        apart += abs(np.exp(1j * m * angles).sum()) ** 2 / (2 * k * m**2)
        most += k / (2 * m**2)
    return float((1 - np.mean(np.abs(means)) + apart) / most)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_value_is_the_formula(k: int) -> None:
    groups = GROUPS % k
    expected = [as_published(t, g, k) for t, g in zip(THETA, groups, strict=True)]
    np.testing.assert_allclose(CircularMoments(k).value(THETA, groups), expected, atol=1e-14)


def test_it_is_zero_at_the_splay_and_one_at_worst() -> None:
    splay = 2 * np.pi * np.array([0, 2, 1, 3, 4])[GROUPS] / 5
    np.testing.assert_allclose(COST.value(splay, GROUPS), 0, atol=1e-14)
    groups = np.array([[0, 0, 1, 1]])
    opposite = CircularMoments(2).value(np.array([[0.0, np.pi - 1e-9, 0, np.pi - 1e-9]]), groups)
    assert opposite == pytest.approx(1)
    np.testing.assert_allclose(COST.value(THETA + 1.1, GROUPS), COST.value(THETA, GROUPS))


@pytest.mark.parametrize("k", [2, 3, 5])
def test_slopes_are_those_of_finite_differences(k: int) -> None:
    cost, groups, h = CircularMoments(k), GROUPS % k, 1e-6
    for i, e in enumerate(h * np.eye(THETA.shape[1])):
        rise = (cost.value(THETA + e, groups) - cost.value(THETA - e, groups)) / (2 * h)
        bend = (cost.gradient(THETA + e, groups) - cost.gradient(THETA - e, groups)) / (2 * h)
        np.testing.assert_allclose(cost.gradient(THETA, groups)[:, i], rise, atol=1e-9)
        np.testing.assert_allclose(cost.hessian(THETA, groups)[:, :, i], bend, atol=1e-8)


@pytest.mark.parametrize(("k", "loose"), [(2, 1), (3, 1), (4, 2), (5, 1), (6, 1)])
def test_four_groups_alone_have_a_loose_pair(k: int, loose: int) -> None:
    """Ways to turn without stiffness where all that attracts and repels does so fully."""
    splay = 2 * np.pi * np.repeat(np.arange(k), 3) / k
    coupling = np.cos(splay - splay[:, None])
    np.fill_diagonal(coupling, 0)
    net = PhaseNetwork(coupling, outputs=range(3 * k))
    stiffness = np.linalg.eigvalsh(net.hessian(splay))
    assert (np.abs(stiffness) < 1e-12).sum() == loose
    assert (stiffness > -1e-12).all()


def test_it_continues_to_complex_phases() -> None:
    h = 1e-5
    for i, e in enumerate(np.eye(THETA.shape[1])):
        aside: Any = THETA + 1j * h * e
        rise, bend = COST.value(aside, GROUPS), COST.gradient(aside, GROUPS)
        np.testing.assert_allclose(rise.imag / h, COST.gradient(THETA, GROUPS)[:, i], atol=1e-9)
        curvature = COST.hessian(THETA, GROUPS)[:, :, i]
        np.testing.assert_allclose(bend.imag / h, curvature, atol=1e-8)


def test_a_group_whose_phasors_cancel_has_no_slopes() -> None:
    theta, groups = np.array([[0.0, np.pi, 0.3, 0.4]]), np.array([[0, 0, 1, 1]])
    cost = CircularMoments(2)
    assert (cost.gradient(theta, groups)[0, :2] == 0).all()
    assert np.abs(cost.gradient(theta, groups)[0, 2:]).max() < 1
    assert np.isfinite(cost.hessian(theta, groups)).all()


def test_it_is_stored_as_plain_values() -> None:
    assert costs.from_dict(costs.to_dict(COST)) == COST


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (None, "target: CircularMoments aims"),
        (GROUPS[:, :3], "target: expected the integer group"),
        (GROUPS.astype(float), "target: expected the integer group"),
        (GROUPS + 1, "target: holds labels outside 0 to 4"),
        (GROUPS % 4, "target: sample 0 has nobody in group 4"),
    ],
)
def test_targets_are_checked(target: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        COST.value(THETA, target)


def test_groups_are_two_or_more() -> None:
    with pytest.raises(ValueError, match=r"^groups: 1 leaves nothing"):
        CircularMoments(1)
    with pytest.raises(TypeError, match=r"^groups: 2\.5 is no whole number"):
        CircularMoments(2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^cost: CircularMoments reads no classes"):
        COST.predict(THETA)


def test_instances_hand_their_groups_to_a_cost_that_needs_them() -> None:
    features = np.zeros((*GROUPS.shape, 1))
    assert Instances(features).target(SynchronyCost()) is None
    given = Instances(features, groups=GROUPS).target(COST)
    assert given is not None
    assert (given == GROUPS).all()
    with pytest.raises(ValueError, match=r"^groups: CircularMoments needs"):
        Instances(features).target(COST)
