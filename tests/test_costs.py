"""Costs on the circle: derivatives, nudges and read-outs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import (
    CosineCost,
    CrossEntropy,
    LogCosineCost,
    PhaseNetwork,
    SquaredCosineCost,
    SynchronyCost,
    costs,
    evaluate,
)
from neurosc.costs import Cost

V = np.random.default_rng(0).standard_normal((4, 3)) * (1 + 0.5j)
COSTS: dict[str, Cost] = {
    "cosine": CosineCost(),
    "log-cosine": LogCosineCost(),
    "squared-cosine": SquaredCosineCost(),
    "cross-entropy": CrossEntropy(),
    "cross-entropy, weights": CrossEntropy(V),
}
EVERY: dict[str, Cost] = COSTS | {"synchrony": SynchronyCost()}
with_target = pytest.mark.parametrize("cost", COSTS.values(), ids=COSTS)
every_cost = pytest.mark.parametrize("cost", EVERY.values(), ids=EVERY)
RNG = np.random.default_rng(1)
THETA = RNG.uniform(-2, 2, (6, 3))
LABELS = np.array([0, 1, 2, 2, 1, 0])


def labels(cost: Cost) -> Any:
    return LABELS if cost.has_target else None


@every_cost
def test_gradient_and_hessian_are_slopes_of_an_analytic_function(cost: Cost) -> None:
    """A step of i h leaves a real part to O(h^2) and an imaginary part h times the slope."""
    assert cost.is_analytic
    y, h = labels(cost), 1e-12
    for k, e in enumerate(np.eye(3)):
        aside: Any = THETA + 1j * h * e
        value, slope = cost.value(aside, y), cost.gradient(aside, y)
        np.testing.assert_allclose(value.real, cost.value(THETA, y), atol=1e-14)
        np.testing.assert_allclose(value.imag / h, cost.gradient(THETA, y)[:, k], atol=1e-12)
        np.testing.assert_allclose(slope.imag / h, cost.hessian(THETA, y)[:, :, k], atol=1e-12)
        bend = cost.hessian(aside, y)
        np.testing.assert_allclose(bend.real, cost.hessian(THETA, y), atol=1e-12)
        up, down = (cost.hessian(THETA + s * 1e-6 * e, y) for s in (1, -1))
        np.testing.assert_allclose(bend.imag / h, (up - down) / 2e-6, atol=1e-6)


@every_cost
def test_whole_turns_change_nothing(cost: Cost) -> None:
    turned, y = THETA + 2 * np.pi * RNG.integers(-3, 4, THETA.shape), labels(cost)
    np.testing.assert_allclose(cost.value(turned, y), cost.value(THETA, y), atol=1e-11)
    np.testing.assert_allclose(cost.gradient(turned, y), cost.gradient(THETA, y), atol=1e-11)


def test_synchrony_is_the_order_parameter() -> None:
    cost = SynchronyCost()
    order = np.abs(np.exp(1j * THETA).mean(axis=1))
    np.testing.assert_allclose(cost.value(THETA), 1 - order**2, atol=1e-15)
    assert cost.value(np.full((1, 5), 0.7)) == pytest.approx(0, abs=1e-15)
    assert cost.value(2 * np.pi * np.arange(5)[None] / 5) == pytest.approx(1)
    np.testing.assert_allclose(cost.value(THETA + 1.1), cost.value(THETA), atol=1e-15)
    np.testing.assert_allclose(cost.gradient(THETA).sum(axis=1), 0, atol=1e-15)


def test_synchrony_reads_no_class() -> None:
    with pytest.raises(ValueError, match="target: SynchronyCost has no target; give None"):
        SynchronyCost().value(THETA, LABELS)
    with pytest.raises(ValueError, match="cost: SynchronyCost reads no classes"):
        SynchronyCost().predict(THETA)
    network = PhaseNetwork(np.ones((3, 3)) - np.eye(3), outputs=[1, 2])
    with pytest.raises(ValueError, match="cost: SynchronyCost reads no classes"):
        evaluate(network, (np.zeros((2, 0)), np.array([0, 1])), cost=SynchronyCost())


@pytest.mark.parametrize("cost", [CosineCost(), SquaredCosineCost()])
def test_drive_adds_the_cost_to_the_energy(cost: Cost) -> None:
    drive = cost.drive(LABELS, 3)
    assert drive is not None
    z = np.exp(1j * THETA)
    torque = (z.conj() * drive.field).imag - drive.second_harmonic * np.sin(2 * THETA)
    np.testing.assert_allclose(torque, -cost.gradient(THETA, LABELS), atol=1e-14)


@pytest.mark.parametrize("cost", [CosineCost(), LogCosineCost(), CosineCost(np.pi / 2, 0.0)])
def test_reads_the_class_at_its_own_target(cost: CosineCost) -> None:
    at_target = cost.targets(np.arange(5), 5, 5)
    assert cost.predict(at_target).tolist() == [0, 1, 2, 3, 4]


def test_squared_cosine_reads_the_class_at_its_own_target() -> None:
    cost = SquaredCosineCost()
    at_target = np.arccos(cost.targets(np.arange(4), 4, 4))
    assert cost.predict(at_target).tolist() == [0, 1, 2, 3]


def test_cosine_read_out_is_argmax_of_cos_minus_sin() -> None:
    theta = RNG.uniform(-3, 3, (50, 10))
    expected = np.argmax(np.cos(theta) - np.sin(theta), axis=1)
    assert (CosineCost().predict(theta) == expected).all()


def test_cross_entropy_reads_the_largest_logit() -> None:
    theta = RNG.uniform(-3, 3, (50, 3))
    logits = (np.exp(1j * theta) @ V.T).real
    assert (CrossEntropy(V).predict(theta) == logits.argmax(axis=1)).all()


@with_target
def test_targets_outside_the_classes_are_named(cost: Cost) -> None:
    with pytest.raises(ValueError, match="target: class 7 is outside"):
        cost.value(THETA, np.array([0, 1, 7, 0, 0, 0]))
    with pytest.raises(ValueError, match="target: class -1 is outside"):
        cost.value(THETA, np.array([0, 1, -1, 0, 0, 0]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CosineCost(1.0, 1.0), "no class could be read"),
        (lambda: SquaredCosineCost(2.0, 0.0), "a cosine reaches"),
        (lambda: CrossEntropy(np.ones(3)), "weights: shape"),
        (lambda: CosineCost().value(THETA, THETA[:3]), "target: shape"),
        (lambda: CosineCost().value(THETA, np.full_like(THETA, np.nan)), "not finite"),
        (lambda: CrossEntropy(V).value(THETA[:, :2], LABELS), "weights: 3 columns"),
    ],
)
def test_bad_costs(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@every_cost
def test_survives_json(cost: Cost) -> None:
    again = costs.from_dict(costs.to_dict(cost))
    assert type(again) is type(cost)
    assert (again.value(THETA, labels(cost)) == cost.value(THETA, labels(cost))).all()
