"""Learning with spikes: gradients out of two relaxations in Brian2, and a network that learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import (
    CosineCost,
    CrossEntropy,
    PhaseNetwork,
    evaluate,
    fit,
    implicit_gradient,
    topology,
    two_phase_gradient,
)
from neurosc.costs import Cost
from neurosc.hw_models import CouplingMismatch, Device, SpikingOscillators
from neurosc.network import FloatArray

X = np.random.default_rng(0).random((8, 3))
Y = np.arange(8) % 2


def layered() -> PhaseNetwork:
    """The network of the other tests of spikes, so that it is compiled once."""
    return topology.layered([3, 4, 2], rng=1)


def cosine(a: FloatArray, b: FloatArray) -> float:
    """Of the angle between two gradients."""
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize(
    ("cost", "frozen"),
    [(CosineCost(), False), (CosineCost(), True), (CrossEntropy(), True)],
    ids=["clock", "frozen", "frozen cross-entropy"],
)
@pytest.mark.parametrize("kind", ["lif", "winfree"])
def test_gradients_are_those_of_the_ideal_model(kind: Any, cost: Cost, frozen: bool) -> None:
    network = layered()
    settings: dict[str, Any] = {"cost": cost, "beta": 0.3, "frozen": frozen}
    ideal = two_phase_gradient(network, X, Y, **settings)
    on = SpikingOscillators(kind, eps=0.2 if kind == "lif" else 0.05)
    found = two_phase_gradient(network, X, Y, on=on, **settings)
    assert found.unlocked == 0
    assert cosine(found.vector(), ideal.vector()) > 0.998
    size = np.linalg.norm(found.vector()) / np.linalg.norm(ideal.vector())
    assert abs(size - 1) < 0.05


def test_a_network_learns_in_spikes() -> None:
    x = np.random.default_rng(3).random((40, 3))
    data = x, (x[:, 0] > x[:, 1]).astype(int)
    on, cost = SpikingOscillators(), CosineCost()
    before = evaluate(layered(), data, cost=cost, on=on)
    found = fit(
        layered(), data, cost=cost, epochs=6, learning_rate=0.2, beta=0.3, batch_size=20, on=on,
        rng=0,
    )  # fmt: skip
    after = evaluate(found.network, data, cost=cost, on=on)
    assert after.loss < 0.3 * before.loss
    assert abs(evaluate(found.network, data, cost=cost).accuracy - after.accuracy) <= 0.05


def test_chips_of_neurons_learn_too() -> None:
    """Noise-aware: each update on another chip."""
    device = Device(CouplingMismatch(0.05), oscillators=SpikingOscillators())
    settings: dict[str, Any] = {"cost": CosineCost(), "epochs": 1, "learning_rate": 0.05, "rng": 0}
    one = fit(layered(), (X, Y), on=device, **settings).network
    again = fit(layered(), (X, Y), on=device, **settings).network
    ideal = fit(layered(), (X, Y), **settings).network
    np.testing.assert_array_equal(one.coupling, again.coupling)
    assert 0 < np.abs(one.coupling - ideal.coupling).max() < 0.2


def test_the_noise_tells_how_long_to_average() -> None:
    """Gradients of several relaxations point as far apart as was asked for."""
    network = layered()
    settings: dict[str, Any] = {"cost": CosineCost(), "beta": 0.05}
    noisy = SpikingOscillators("winfree", noise=0.04, cycles=200)
    on = noisy.averaged(network, X, Y, cosine=0.8, **settings)
    assert on.read_cycles > 50
    assert on.cycles == 200 + 3 * (on.read_cycles - 16)
    exact = implicit_gradient(network, X, Y, cost=CosineCost()).vector()
    found = [
        cosine(two_phase_gradient(network, X, Y, on=on, rng=k, **settings).vector(), exact)
        for k in range(16)
    ]
    assert abs(np.mean(found) - 0.8) < 0.05 + 3 * np.std(found) / np.sqrt(len(found))
    assert np.mean(found) > 0.7
    quiet = SpikingOscillators()
    assert quiet.averaged(network, X, Y, **settings) is quiet
    jittery = SpikingOscillators(jitter=0.01).averaged(network, X, Y, cosine=0.99, **settings)
    assert jittery.read_cycles > 16
