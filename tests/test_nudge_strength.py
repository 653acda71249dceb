"""How noise of the phases enters a gradient, against differences of gradients."""

import numpy as np
import pytest

from neurosc import PhaseNetwork
from neurosc.learning.gradient import Parameter, of_states
from neurosc.learning.nudge_strength import check_readable, expected_angle, sensitivity
from neurosc.network import FloatArray, phasors
from tests.conftest import kuramoto

NAMES: tuple[Parameter, ...] = ("frequency", "coupling", "field", "second_harmonic")
TINY = 1e-6


def noise_in_gradient(
    network: PhaseNetwork, phases: FloatArray, noise: FloatArray, amplitude: FloatArray, name: str
) -> float:
    """|A^T d|^2 of one sample, from dE/dp at phases on both sides."""
    states = np.stack([phases + TINY * noise, phases - TINY * noise])
    weights = np.array([0.5, -0.5]) / TINY
    found = of_states(network, states, weights, amplitude, loss=float("nan"), unlocked=0)
    return float(np.sum(found.vector(name) ** 2))


@pytest.mark.parametrize("name", NAMES)
def test_sensitivity_of_an_anchored_network(general: PhaseNetwork, name: Parameter) -> None:
    draw = np.random.default_rng(0)
    phases = draw.uniform(-np.pi, np.pi, (1, general.n))
    noise = np.zeros((1, general.n))
    noise[:, general.free] = draw.standard_normal(general.free.size)
    amplitude = general.encode(draw.random((1, 2))).amplitude
    own, pairs, (i, j) = sensitivity(general, phasors(phases, amplitude), [name])
    expected = (own * noise**2).sum() + (pairs * (noise[:, i] - noise[:, j]) ** 2).sum()
    assert noise_in_gradient(general, phases, noise, amplitude, name) == pytest.approx(
        expected, rel=1e-6
    )


@pytest.mark.parametrize("name", ["frequency", "coupling"])
def test_sensitivity_of_a_floating_network(name: Parameter) -> None:
    network = kuramoto(6, np.random.default_rng(1)).replace(reference="mean")
    phases = np.random.default_rng(2).uniform(-1, 1, (1, 6))
    noise = network.co_rotating(np.random.default_rng(3).standard_normal((1, 6)))
    amplitude = np.ones((1, 6))
    own, pairs, (i, j) = sensitivity(network, phasors(phases), [name])
    expected = (own * noise**2).sum() + (pairs * (noise[:, i] - noise[:, j]) ** 2).sum()
    assert noise_in_gradient(network, phases, noise, amplitude, name) == pytest.approx(
        expected, rel=1e-6
    )


def test_what_is_not_learnt_has_no_noise(general: PhaseNetwork) -> None:
    own, pairs, _ = sensitivity(general, np.ones((2, general.n), dtype=complex), [])
    assert not own.any()
    assert not pairs.any()


def test_angles() -> None:
    exact, along = np.array([3.0, 0.0]), np.array([2.0, 0.0])
    assert expected_angle(exact, along, 2.0) == pytest.approx(np.pi / 4)
    assert expected_angle(exact, along, 1e-12) == pytest.approx(5e-13)
    assert expected_angle(exact, -along, 0.0) == pytest.approx(np.pi)
    assert expected_angle(exact, np.array([0.0, 1.0]), 0.0) == pytest.approx(np.pi / 2)


def test_schemes_that_a_device_reads() -> None:
    check_readable("symmetric")
    check_readable("one-sided")
    with pytest.raises(ValueError, match=r"^scheme: 'holomorphic' is none that .* use 'symmetric'"):
        check_readable("holomorphic")
