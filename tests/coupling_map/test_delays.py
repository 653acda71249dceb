"""Delays as part of the stepping: textbook steps, closed forms, a device's lag, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import CosineCost, CrossEntropy, Ideal, Nudge, PhaseNetwork, Status, topology
from neurosc.coupling_map import Instances
from neurosc.coupling_map.dynamics import trajectories
from neurosc.hw_models import CouplingDelay, Device, PhaseLag
from neurosc.network import FloatArray, IntArray, wrap
from tests.conftest import few_edges, random_coupling

N = 24


def everything(sparse: bool) -> PhaseNetwork:
    return few_edges(N, 0.05, lags=True, sparse=sparse)


def late(kind: str) -> IntArray:
    """Delays of senders, or of pairs."""
    shape = (N,) if kind == "senders" else (N, N)
    return np.random.default_rng(7).integers(0, 7, shape)


def in_numpy(
    network: PhaseNetwork, x: FloatArray, tau: IntArray, dt: float, count: int, heun: bool
) -> FloatArray:
    """The equation and the schemes pair by pair, from phase 0."""
    coupling, free = np.asarray(network.coupling), network.free
    each = np.broadcast_to(tau, (N, N))
    way = [network.encode(x).phases.copy()]

    def torque(now: FloatArray, step: int) -> FloatArray:
        seen = np.stack([*way[: step + 1], now][: step + 1])
        seen[step] = now
        which = np.maximum(step - each, 0)
        waves = np.exp(1j * seen[which, :, np.arange(N)[None, :]])
        pull = (coupling[..., None] * waves).sum(axis=1).T + network.field
        out = (np.exp(-1j * now) * pull).imag - network.second_harmonic * np.sin(2 * now)
        return np.asarray(network.frequency + out)[:, free]

    for k in range(count):
        now = way[-1]
        first = torque(now, k)
        trial = now.copy()
        trial[:, free] += dt * first
        way.append(trial)
        second = torque(trial, k + 1) if heun else first
        way[-1] = now.copy()
        way[-1][:, free] += 0.5 * dt * (first + second)
    return way[-1]


@pytest.mark.parametrize("kind", ["senders", "pairs"])
@pytest.mark.parametrize("sparse", [False, True])
def test_every_form_is_the_textbook_scheme(sparse: bool, kind: str) -> None:
    x = np.random.default_rng(1).random((3, 2))
    dt, count, network = 0.1, 30, everything(sparse)
    for scheme in ("heun", "euler-maruyama"):
        textbook = in_numpy(everything(False), x, late(kind), dt, count, scheme == "heun")
        for precision, close in (("float64", 1e-12), ("float32", 3e-5)):
            settings: Any = {"dt": dt, "scheme": scheme, "precision": precision}
            ideal = Ideal("steps", delay_steps=late(kind), **settings)
            way = ideal.record(network, x, times=[1.0, count * dt])
            np.testing.assert_allclose(way.phases[:, 1], textbook, rtol=0, atol=close)
            prompt = Ideal("steps", **settings).record(network, x, times=[count * dt])
            assert np.abs(prompt.phases[:, 0] - textbook).max() > 0.05


def test_no_delay_is_a_delay_of_none() -> None:
    x, network = (
        np.random.default_rng(1).random((3, 2)),
        everything(False),
    )
    ideal = Ideal("steps", dt=0.1, noise=1e-3, delay_steps=np.zeros(N, int))
    prompt = Ideal("steps", dt=0.1, noise=1e-3)
    ends = [each.record(network, x, times=[5.0], rng=1).phases for each in (ideal, prompt)]
    np.testing.assert_allclose(ends[0], ends[1], rtol=0, atol=1e-12)


def test_the_coupling_map_takes_the_same_steps() -> None:
    rng = np.random.default_rng(3)
    coupling = np.abs(random_coupling(N, rng).real) / 2
    omega, h, tau = rng.uniform(2, 4, N), rng.uniform(-1, 1, N), rng.integers(0, 9, N)
    start = rng.uniform(-3, 3, (1, N))
    instances = Instances(np.zeros((1, N, 1)), omega[None], h[None], tau[None])
    way = trajectories(coupling[None], instances, dt=0.1, steps=50, start=start)
    ideal = Ideal("steps", dt=0.1, scheme="euler-maruyama", delay_steps=tau)
    network = PhaseNetwork(coupling, omega, -h)
    found = ideal.record(network, times=[2.5, 5.0], start=start).phases
    np.testing.assert_allclose(found, way[:, [25, 50]], rtol=0, atol=1e-11)


@pytest.mark.parametrize("tau", [2, 7, 19])
def test_alike_oscillators_turn_together_as_the_closed_form_tells(tau: int) -> None:
    """Omega = omega - K sin(Omega tau). Source: Earl, Strogatz, Phys. Rev. E 67:036204 (2003)."""
    dt, network = 0.1, topology.all_to_all(6, 0.8).replace(frequency=3.0)
    ideal = Ideal("steps", dt=dt, delay_steps=np.full((6, 6), tau))
    way = ideal.record(network, times=[90.0, 100.0], start=np.zeros((1, 6)))
    omega = way.phase_velocity()[0, 0, 0]
    total = float(np.asarray(network.coupling).sum(axis=1)[0])
    assert omega == pytest.approx(3.0 - total * np.sin(omega * tau * dt), abs=1e-5)


def test_a_network_that_turns_is_locked_and_one_that_slips_is_not() -> None:
    tau = np.array([0, 3, 5, 20, 21])
    together = topology.all_to_all(5, 2.0).replace(frequency=[3.0, 3.1, 3.2, 2.9, 2.8])
    found = Ideal("steps", dt=0.1, delay_steps=tau).relax(together)
    assert found.status.tolist() == [Status.LOCKED]
    apart = together.replace(frequency=[3.0, 3.1, 3.2, 2.9, 9.0])
    assert Ideal("steps", dt=0.1, delay_steps=tau).relax(apart).status.tolist() == [
        Status.NOT_LOCKED
    ]


def test_a_short_delay_is_the_lag_of_a_device() -> None:
    """Weak couplings: theta(t - tau) = theta(t) - 2 pi f0 tau, as `CouplingDelay` has it."""
    f0, dt, steps = 1.0, 0.01, 12
    rng = np.random.default_rng(0)
    k = rng.uniform(0.01, 0.03, (5, 5))
    network = PhaseNetwork((k + k.T) * (1 - np.eye(5)), rng.normal(0, 0.01, 5))
    term = CouplingDelay(steps * dt, f0)
    chip = Device(term).fabricate(network, rng=0)[0]
    lagged = chip.relax(network).raise_for_status().phases
    carried = network.replace(frequency=network.frequency + 2 * np.pi * f0)
    ideal = Ideal("steps", dt=dt, duration=600.0, delay_steps=np.full(5, steps))
    found = ideal.relax(carried).raise_for_status().phases
    prompt = Ideal().relax(network).raise_for_status().phases
    weak = float(np.abs(network.coupling).sum(axis=1).max()) * steps * dt
    assert weak < 0.03
    assert np.abs(found - lagged).max() < 2 * weak * np.abs(lagged).max()
    assert np.abs(prompt - lagged).max() > 10 * weak * np.abs(lagged).max()


@pytest.mark.parametrize("kind", ["senders", "pairs"])
@pytest.mark.parametrize("sparse", [False, True])
def test_bits_know_no_batch(kind: str, sparse: bool) -> None:
    x = np.random.default_rng(0).random((20, 2))
    ideal = Ideal("steps", dt=0.1, duration=3.0, noise=1e-3, delay_steps=late(kind))
    whole = ideal.relax(everything(sparse), x, rng=4).phases
    for size in (1, 7, 19):
        assert (ideal.relax(everything(sparse), x[:size], rng=4).phases == whole[:size]).all()


def test_networks_abreast_are_one_after_the_other() -> None:
    first = topology.all_to_all(6, 1.0).replace(frequency=np.linspace(3, 3.3, 6))
    other = first.replace(coupling=1.5 * first.coupling)
    ideal = Ideal("steps", dt=0.1, delay_steps=np.arange(6))
    both = ideal.relax_each([first, other])
    each = [ideal.relax(network) for network in (first, other)]
    assert (both.phases == np.stack([one.phases for one in each])).all()


def test_a_field_nudge_pulls_and_one_that_follows_is_refused() -> None:
    network, x = (
        everything(False),
        np.random.default_rng(0).random((2, 2)),
    )
    ideal = Ideal("steps", dt=0.1, delay_steps=late("senders"))
    moved = ideal.relax(network, x, nudge=Nudge(CosineCost(), [0, 1], 2.0)).phases
    assert np.abs(wrap(moved - ideal.relax(network, x).phases)).max() > 0.05
    with pytest.raises(ValueError, match="nudge: this one follows the phases"):
        ideal.relax(network, x, nudge=Nudge(CrossEntropy(), [0, 1], 2.0))


@pytest.mark.parametrize("tau", [None, [0, 0, 0, 3, 1, 2, 5, 0, 2]])
def test_a_frozen_nudge_is_recorded_as_it_relaxes(
    tau: Any, small: PhaseNetwork, samples: FloatArray
) -> None:
    """A torque that phases answer to is no turning of the frame."""
    x = samples[:2, : small.inputs.size]
    free = Ideal().relax(small, x)
    delays = None if tau is None else np.resize(tau, small.n)
    ideal = Ideal("steps", dt=0.02, duration=400.0, delay_steps=delays)
    nudge = Nudge(CosineCost(), [0, 1], 0.3, at=free.phases)
    end = ideal.relax(small, x, nudge=nudge).raise_for_status().phases
    way = ideal.record(small, x, nudge=nudge, times=[390.0, 400.0])
    assert np.abs(np.diff(way.phases, axis=1)).max() < 0.01
    np.testing.assert_allclose(wrap(way.phases[:, 1] - end), 0, atol=1e-6)
    assert np.abs(wrap(end - free.phases)).max() > 0.01


def test_equal_settings_are_equal() -> None:
    first, second = (Ideal("steps", dt=0.1, delay_steps=[1, 2]) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert first != Ideal("steps", dt=0.1, delay_steps=[1, 3])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"method": "auto"}, ValueError, 'delays have no energy; use method="steps"'),
        ({"method": "newton"}, ValueError, 'delays have no energy; use method="steps"'),
        ({"dt": None}, ValueError, "give dt="),
        ({"delay_steps": [1, -1]}, ValueError, "holds -1; give numbers of steps from 0 on"),
        ({"delay_steps": [0.5, 1.0]}, TypeError, "give whole numbers"),
        ({"delay_steps": 3}, TypeError, "give whole numbers"),
    ],
)
def test_bad_settings(arguments: dict[str, Any], error: Any, message: str) -> None:
    settings: Any = {"method": "steps", "dt": 0.1, "delay_steps": [1, 2], **arguments}
    if settings["method"] != "steps":
        settings.pop("dt")
    with pytest.raises(error, match=f"delay_steps: .*{message}"):
        Ideal(**settings)


def test_delays_of_other_networks_and_of_devices_are_refused() -> None:
    ideal = Ideal("steps", dt=0.1, delay_steps=[1, 2, 3])
    with pytest.raises(ValueError, match=r"delay_steps: shape \(3,\) does not fit; give \(4,\)"):
        ideal.relax(topology.all_to_all(4, 1.0))
    network = topology.all_to_all(3, 1.0)
    chip = Device(PhaseLag(0.1)).fabricate(network, rng=0)[0]
    problem = chip._request(network, None, None, None, None)
    with pytest.raises(ValueError, match="delay_steps: a device has terms for its delays"):
        ideal.relax_requests([problem], [0])
