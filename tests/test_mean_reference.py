"""Phases measured from the mean of their part: every place that measures them agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy

from neurosc import (
    CosineCost,
    CrossEntropy,
    Ideal,
    Nudge,
    PhaseNetwork,
    fit,
    load,
    save,
    topology,
    two_phase_gradient,
    verify,
)
from neurosc.datasets import Dataset
from neurosc.hw_models import Device, FrequencyMismatch
from neurosc.ideal.reduction import reduce
from neurosc.network import FloatArray, wrap
from tests.conftest import kuramoto

METHODS = ("auto", "newton", "pcg", "sparse", "direct")


@pytest.fixture
def network() -> PhaseNetwork:
    """Twenty oscillators, five of them outputs, the first not among them."""
    return kuramoto(20, np.random.default_rng(0)).replace(
        reference="mean", outputs=[3, 19, 8, 11, 14]
    )


def two_parts() -> PhaseNetwork:
    """Two floating pairs and an anchored one."""
    blocks = [[[0.0, 1.0], [1.0, 0.0]]] * 3
    return PhaseNetwork(
        scipy.linalg.block_diag(*blocks), field=[0, 0, 0, 0, 1, 0], reference="mean",
        outputs=[1, 2, 5],
    )  # fmt: skip


def test_the_mean_of_each_floating_part_is_zero() -> None:
    network = two_parts()
    phases = np.array([0.1, 0.5, 3.1, -3.1, 0.7, 0.9])
    turned = network.gauge(phases)
    np.testing.assert_allclose(turned[:2], [-0.2, 0.2])
    across = (2 * np.pi - 6.2) / 2  # the second pair lies on both sides of pi
    np.testing.assert_allclose(turned[2:4], [-across, across])
    np.testing.assert_allclose(turned[4:], phases[4:])
    np.testing.assert_allclose(network.gauge(turned), turned, atol=1e-15)
    np.testing.assert_allclose(network.relative(phases), turned)


def test_turning_a_part_changes_nothing(network: PhaseNetwork) -> None:
    phases = np.random.default_rng(1).uniform(-1, 1, (4, 20))
    for turn in (0.3, 3.0, 9.0):
        np.testing.assert_allclose(
            network.relative(phases + turn), network.relative(phases), atol=1e-12
        )


@pytest.mark.parametrize("cost", [CosineCost(), CrossEntropy()])
@pytest.mark.parametrize("make", [None, two_parts])
def test_the_nudge_is_balanced_and_the_gradient_of_its_energy(
    cost: CosineCost, make: type | None, network: PhaseNetwork
) -> None:
    network = network if make is None else make()
    problem = reduce(network, None, Nudge(cost, [1], 0.7))
    feedback, theta = problem.feedback, np.random.default_rng(2).uniform(-1, 1, (1, network.n))
    assert feedback is not None
    sample, step = np.array([0]), 1e-5

    def force(at: FloatArray) -> FloatArray:
        full = np.zeros(network.n)
        full[feedback.rows] = feedback.gradient(at, sample)[0]
        return full

    seen = network.relative(theta)[:, network.outputs]
    np.testing.assert_allclose(np.exp(1j * feedback.seen(theta, sample)), np.exp(1j * seen))
    slope = 0.7 * cost.gradient(seen, np.array([1]))
    np.testing.assert_allclose(force(theta), network.pull_back(slope)[0], atol=1e-13)
    for part in range(network.parts.max() + 1):
        assert abs(force(theta)[network.parts == part].sum()) < 1e-13
    away = step * np.eye(network.n)
    energies = [
        (feedback.energy(theta + e, sample) - feedback.energy(theta - e, sample))[0] for e in away
    ]
    np.testing.assert_allclose(np.array(energies) / (2 * step), force(theta), atol=1e-8)
    curvature = np.stack([force(theta + e) - force(theta - e) for e in away]) / (2 * step)
    dense = np.zeros((network.n, network.n))
    dense[np.ix_(feedback.rows, feedback.rows)] = feedback.hessian(theta, sample)[0]
    np.testing.assert_allclose(curvature, dense, atol=1e-8)
    project = np.eye(network.n) - np.stack([network.part_mean(e) for e in np.eye(network.n)])
    thin = feedback.sparse_hessian(theta[0], 0).toarray()
    np.testing.assert_allclose(project.T @ thin @ project, dense, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("beta", [0.2, -0.2])
def test_every_method_finds_the_same_nudged_rest(
    network: PhaseNetwork, method: str, beta: float
) -> None:
    cost, target = CosineCost(), np.array([2, 4])
    if method in ("sparse", "direct"):
        network = network.replace(coupling=scipy.sparse.csr_array(network.coupling))
    start = np.random.default_rng(3).uniform(-0.5, 0.5, (2, 20))
    rest = Ideal(method).relax(network, nudge=Nudge(cost, target, beta), start=start)  # type: ignore[arg-type]
    rest.raise_for_status()
    np.testing.assert_allclose(rest.phases.mean(axis=1), 0, atol=1e-12)
    pull = network.pull_back(cost.gradient(rest.phases[:, network.outputs], target))
    torque = network.torque(rest.phases) - network.frequency.mean() - beta * pull
    assert np.abs(torque).max() < 1e-9
    one = Ideal(method).relax(network, nudge=Nudge(cost, target[:1], beta), start=start[:1])  # type: ignore[arg-type]
    np.testing.assert_array_equal(one.phases, rest.phases[:1])


def test_steps_in_time_reach_the_same_rest(network: PhaseNetwork) -> None:
    nudge = Nudge(CosineCost(), [0], 0.1)
    rest = Ideal().relax(network, nudge=nudge)
    slow = Ideal("steps", tolerance=1e-6).relax(network, nudge=nudge).raise_for_status()
    assert np.abs(wrap(slow.phases - rest.phases)).max() < 1e-5


@pytest.mark.parametrize("sparse", [False, True])
def test_two_phase_gradients_are_those_of_the_loss(network: PhaseNetwork, sparse: bool) -> None:
    if sparse:
        network = network.replace(coupling=scipy.sparse.csr_array(network.coupling))
    found = verify.identity(network, betas=(1e-2, 1e-3))
    assert found.finite_difference.relative_error < 1e-7
    errors = {(a.label, a.beta): a.relative_error for a in found.agreements}
    assert errors["symmetric", 1e-3] < 1e-6
    assert errors["holomorphic 4", 1e-2] < 1e-9


def test_a_balanced_nudge_is_unbiased_with_many_outputs() -> None:
    """Through one oscillator the net torque of 500 outputs drains; balanced it does not."""
    network = topology.random_graph(2000, 6, frequency_spread=0.3, rng=0)
    error = {}
    for reference in (0, "mean"):
        measured = network.replace(reference=reference, outputs=range(1, 1001, 2))
        exact = verify.implicit_gradient(measured, None, [0], cost=CosineCost())
        found = two_phase_gradient(
            measured, None, [0], cost=CosineCost(), beta=1e-3, on=Ideal(tolerance=1e-12)
        )
        difference = found.frequency - exact.frequency
        error[reference] = np.linalg.norm(difference) / np.linalg.norm(exact.frequency)
    assert error["mean"] < 1e-6
    assert error[0] > 100 * error["mean"]


def test_it_trains_on_chips_and_keeps_its_frame(network: PhaseNetwork) -> None:
    device = Device(FrequencyMismatch(0.01))
    chip = device.fabricate(network, 1, rng=0)[0]
    gradient = two_phase_gradient(network, None, [1], cost=CosineCost(), on=chip)
    assert abs(gradient.frequency.sum()) < 1e-12
    data = Dataset(np.zeros((4, 0)), np.zeros(4, dtype=int))
    fitted = fit(network, data, cost=CosineCost(), epochs=2, learning_rate=0.01, rng=0)
    assert fitted.network.reference == "mean"


def test_it_is_stored_and_shown(network: PhaseNetwork, tmp_path: Path) -> None:
    save(network, tmp_path / "net.npz")
    assert load(tmp_path / "net.npz").reference == "mean"
    assert "phases from the mean" in repr(network)
    with pytest.raises(ValueError, match="reference: 'median' is no oscillator"):
        network.replace(reference="median")
