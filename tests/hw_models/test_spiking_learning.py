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
from neurosc.hw_models.spiking import oscillators
from neurosc.hw_models.spiking.circuit import Circuit
from neurosc.hw_models.spiking.locking import WATCH, Schedule
from neurosc.hw_models.spiking.readout import Plan
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


@pytest.mark.parametrize(
    ("kind", "noise", "jitter"),
    [("lif", 0.04, 0.0), ("winfree", 0.04, 0.0), ("lif", 0.0, 0.02)],
    ids=["lif", "winfree", "jitter"],
)
def test_the_noise_tells_how_long_to_average(kind: Any, noise: float, jitter: float) -> None:
    """Gradients of several relaxations point as far apart as was asked for."""
    network, names = layered(), ("coupling", "field")
    settings: dict[str, Any] = {"cost": CosineCost(), "beta": 0.1, "frozen": True}
    noisy = SpikingOscillators(kind, noise=noise, jitter=jitter, cycles=120)
    on = noisy.averaged(network, X, Y, cosine=0.9, **settings)
    assert 30 < on.read_cycles < 100
    assert on.cycles == 120 + 3 * (on.read_cycles - 16)
    exact = implicit_gradient(network, X, Y, cost=CosineCost()).vector(*names)
    found = []
    for k in range(12):
        gradient = two_phase_gradient(network, X, Y, on=on, rng=k, **settings)
        assert gradient.unlocked == 0
        found.append(cosine(gradient.vector(*names), exact))
    spread = np.std(found, ddof=1) / np.sqrt(len(found))
    assert spread < 0.03
    # the law is of the rms of a gradient, which weighs the worst ones most
    assert abs(np.mean(found) - 0.9) < 0.02 + 3 * spread


def test_readings_that_are_long_enough_stay_as_they_are() -> None:
    settings: dict[str, Any] = {"cost": CosineCost(), "beta": 0.1}
    quiet = SpikingOscillators()
    assert quiet.averaged(layered(), X, Y, **settings) is quiet
    calm = SpikingOscillators(noise=1e-4, cycles=200)
    assert calm.averaged(layered(), X, Y, **settings) == calm
    loud = SpikingOscillators(noise=0.4)
    clock, frozen = (
        loud.averaged(layered(), X, Y, cost=CosineCost(), beta=0.4, cosine=0.9, frozen=f)
        for f in (False, True)
    )
    assert clock.cycles is frozen.cycles is None
    assert clock.read_cycles != frozen.read_cycles  # whose bias is another


@pytest.mark.parametrize("read", [16, 500, 400_000])
def test_long_readings_leave_the_time_to_settle(read: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long, the first of the three begins once the network has settled."""
    planned: list[Schedule] = []

    def stop(_: Circuit, schedule: Schedule, *__: object) -> None:
        planned.append(schedule)
        raise InterruptedError

    monkeypatch.setattr(oscillators, "lock", stop)
    network = layered()
    with pytest.raises(InterruptedError):
        SpikingOscillators(noise=0.02, read_cycles=read).relax(network, X)
    (cycles,) = planned[0].legs
    settle = 1000 / (0.2 * network.strength.max())
    plan = Plan.of(cycles, read, WATCH)
    assert plan.spacing >= read
    assert plan.begins[0] > 0.7 * settle
