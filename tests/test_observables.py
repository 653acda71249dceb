"""Order parameters, velocities and locking times; trajectories as a user records them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurosc
from neurosc import CosineCost, Encoding, Ideal, Nudge, PhaseNetwork, Trajectory
from neurosc.network import FloatArray
from tests.conftest import kuramoto


def test_order_parameters_of_known_phases() -> None:
    clusters = np.array([0.3, 0.3 + np.pi, 0.3, 0.3 + np.pi])
    assert neurosc.order_parameter(clusters) == pytest.approx(0, abs=1e-15)
    assert neurosc.order_parameter(clusters, m=2) == pytest.approx(1)
    assert neurosc.complex_order_parameter(clusters, m=2) == pytest.approx(np.exp(0.6j))
    splay = 2 * np.pi * np.arange(5) / 5
    moments = [neurosc.order_parameter(splay, m) for m in range(1, 6)]
    np.testing.assert_allclose(moments, [0, 0, 0, 0, 1], atol=1e-15)
    many = np.random.default_rng(0).uniform(-9, 9, (2, 3, 7))
    assert neurosc.order_parameter(many).shape == (2, 3)
    np.testing.assert_allclose(
        neurosc.order_parameter(many + 1.0), np.abs(np.exp(1j * many).mean(axis=-1)), atol=1e-14
    )


def test_velocity_is_the_mean_frequency_between_times() -> None:
    times = np.array([0.0, 1.0, 3.0])
    phases = np.stack([times * 2.0, times**2], axis=-1)
    expected = [[2.0, 1.0], [2.0, 4.0]]
    np.testing.assert_allclose(neurosc.phase_velocity(times, phases), expected)


def test_locking_time_is_the_last_entry() -> None:
    times = np.linspace(0, 10, 1001)
    decay = np.exp(-times)[:, None] * [1.0, -0.5]
    assert neurosc.locking_time(times, decay, 0.01) == pytest.approx(np.log(100), abs=0.02)
    excursion = decay + ((times > 6) & (times < 7))[:, None]
    assert neurosc.locking_time(times, excursion, 0.01) == pytest.approx(7.0)
    at_rest = np.zeros((1001, 2))
    drift = 0.1 * times[:, None] * [1.0, 0.0]
    late = np.where(times[:, None] < 9.5, 1.0, 0.0) * [1.0, 1.0]
    found = neurosc.locking_time(times, np.stack([at_rest, drift, late]), 0.01)
    np.testing.assert_array_equal(found, [0.0, np.nan, np.nan])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: neurosc.order_parameter(0.1), "phases: shape"),
        (lambda: neurosc.phase_velocity([0, 1, 2], np.zeros((2, 4))), r"times: shape \(3,\)"),
        (lambda: neurosc.phase_velocity([0, 0], np.zeros((2, 4))), "times:"),
        (lambda: neurosc.locking_time([0, 1], np.zeros((2, 4)), -1.0), "tolerance: -1.0"),
    ],
)
def test_bad_observations(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
    with pytest.raises(TypeError, match=r"m: 1\.5"):
        neurosc.order_parameter(np.zeros(3), 1.5)  # type: ignore[arg-type]


# -------------------------------------------------------------------------------- trajectories


def test_record_ends_where_relax_does(small: PhaseNetwork, samples: FloatArray) -> None:
    nudge = Nudge(CosineCost(), np.arange(12) % 3, 0.2)
    ideal = Ideal("steps", noise=1e-2, dt=0.1, duration=5.0)
    way = ideal.record(small, samples, times=[0, 2.5, 5], nudge=nudge, rng=3)
    end = ideal.relax(small, samples, nudge=nudge, rng=3).phases
    assert way.phases.shape == (12, 3, small.n)
    assert (small.gauge(way.phases[:, -1]) == end).all()
    assert (way.phases[:, 0, small.free] == 0).all()
    held = np.setdiff1d(np.arange(small.n), small.free)
    np.testing.assert_array_equal(way.phases[:, 2, held], small.encode(samples).phases[:, held])
    alone = ideal.record(small, samples, times=[5], nudge=nudge, rng=3)
    assert (alone.phases[:, 0] == way.phases[:, 2]).all()


def test_a_floating_network_turns_at_its_own_frequency() -> None:
    network = kuramoto(6, np.random.default_rng(1))
    network = network.replace(frequency=network.frequency + 2.0)
    start = np.random.default_rng(2).uniform(-1, 1, (3, 6))
    way = Ideal("steps", dt=0.02).record(network, times=np.linspace(0, 40, 81), start=start)
    np.testing.assert_allclose(way.phases[:, 0], start, atol=1e-15)
    np.testing.assert_allclose(way.phase_velocity()[:, -1], network.frequency.mean(), atol=1e-6)
    assert np.abs(way.phases).max() > 60
    rest = Ideal().relax(network).phases
    np.testing.assert_allclose(way.relative()[:, -1], np.repeat(rest, 3, axis=0), atol=1e-6)
    assert way.order_parameter().shape == (3, 81)
    np.testing.assert_allclose(way.order_parameter(2), np.abs(way.complex_order_parameter(2)))
    assert (way.order_parameter()[:, -1] > way.order_parameter()[:, 0]).all()


def test_locking_time_of_a_pair() -> None:
    """psi' = -2 K sin psi: tan(psi/2) falls as exp(-2 K t). Past the Adler limit: never."""
    pair = PhaseNetwork([[0, 1], [1, 0]], inputs=[0, 1], encoding=Encoding("frequency"))
    way = Ideal("steps", dt=0.01).record(
        pair,
        [[0.0, 0.0], [0.0, 0.0], [0.0, 5.0]],
        times=np.arange(0, 20, 0.01),
        start=[[-0.7, 0.7], [0.0, 0.0], [0.0, 0.0]],
    )
    expected = np.log(np.tan(0.7) / np.tan(0.005)) / 2
    np.testing.assert_allclose(way.locking_time(0.01), [expected, 0.0, np.nan], atol=0.02)


def test_times_are_those_of_the_nearest_steps() -> None:
    pair = PhaseNetwork([[0, 1], [1, 0]], [0, 0.5])
    way = Ideal("steps", dt=0.1).record(pair, times=[0.0, 0.26, 0.38, 7 * 0.1])
    np.testing.assert_allclose(way.times, [0.0, 0.3, 0.4, 0.7])


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([], "times: give one or more"),
        ([-1.0, 2.0], "times: give one or more"),
        ([0.0, np.nan], "times: give one or more"),
        ([0.0, 2.0, 1.0], "times: 1 follows 2"),
        ([0.0, 0.01, 1.0], "times: 0 and 0.01 fall on the same step of dt = 0.1"),
    ],
)
def test_bad_times(times: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Ideal("steps", dt=0.1).record(PhaseNetwork([[0, 1], [1, 0]]), times=times)


def test_a_method_without_time_does_not_record() -> None:
    with pytest.raises(ValueError, match=r'method: newton jumps.*use method="steps"'):
        Ideal("newton").record(PhaseNetwork([[0, 1], [1, 0]]), times=[1.0])
    assert isinstance(Ideal().record(PhaseNetwork([[0, 1], [1, 0]]), times=[1.0]), Trajectory)
