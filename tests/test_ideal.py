"""The ideal substrate: certificates, closed forms, convergence, and the laws of a substrate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import (
    CosineCost,
    Encoding,
    Ideal,
    Nudge,
    PhaseNetwork,
    RelaxationError,
    Status,
)
from neurosc.network import FloatArray
from tests.conftest import kuramoto


def pair(coupling: float, detuning: float) -> PhaseNetwork:
    """Two oscillators; Adler's equation for their difference."""
    return PhaseNetwork([[0, coupling], [coupling, 0]], [0, detuning])


def test_newton_rests_where_the_torque_vanishes(general: PhaseNetwork) -> None:
    x = np.random.default_rng(0).random((40, 2))
    relaxed = Ideal().relax(general, x).raise_for_status()
    amplitude = general.encode(x).amplitude
    torque = general.torque(relaxed.phases, amplitude)[:, general.free]
    assert np.abs(torque).max() < 1e-9
    hessian = general.hessian(relaxed.phases, amplitude)[:, general.free][:, :, general.free]
    assert np.linalg.eigvalsh(hessian).min() > 0


def test_pair_locks_at_the_adler_phase() -> None:
    phases = Ideal().relax(pair(1.0, 1.2)).raise_for_status().phases
    assert phases[0, 0] == 0
    assert phases[0, 1] == pytest.approx(np.arcsin(1.2 / 2), abs=1e-9)


@pytest.mark.parametrize("method", ["newton", "steps"])
def test_too_much_detuning_does_not_lock(method: Any) -> None:
    relaxed = Ideal(method=method).relax(pair(1.0, 2.5))
    assert relaxed.status.tolist() == [Status.NOT_LOCKED]
    with pytest.raises(RelaxationError, match=r"1 of 1 samples did not lock.*lower frequency"):
        relaxed.raise_for_status()


def test_nothing_unstable_is_called_locked() -> None:
    rng = np.random.default_rng(7)
    network = kuramoto(8, rng)
    start = rng.uniform(-np.pi, np.pi, (2000, 8))
    relaxed = Ideal().relax(network, start=start)
    assert relaxed.locked.mean() > 0.99
    lowest = np.linalg.eigvalsh(network.hessian(relaxed.phases[relaxed.locked]))
    assert lowest[:, 1].min() > 0
    np.testing.assert_allclose(lowest[:, 0], 0, atol=1e-8)


def test_a_saddle_is_unstable() -> None:
    relaxed = Ideal().relax(PhaseNetwork([[0, 1], [1, 0]]), start=[[0.0, np.pi]])
    assert relaxed.status.tolist() == [Status.UNSTABLE]


def test_step_limit_is_told() -> None:
    network = kuramoto(8, np.random.default_rng(0))
    relaxed = Ideal(max_steps=1, tolerance=1e-14).relax(network)
    assert relaxed.status.tolist() == [Status.STEP_LIMIT]
    with pytest.raises(RelaxationError, match="max_steps"):
        relaxed.raise_for_status()


def test_mean_frequency_turns_away_in_the_rotating_frame() -> None:
    network = kuramoto(10, np.random.default_rng(5))
    faster = network.replace(frequency=network.frequency + 3.0)
    np.testing.assert_allclose(
        Ideal().relax(network).phases, Ideal().relax(faster).phases, atol=1e-8
    )


def test_nudge_of_a_floating_network_turns_nothing_as_a_whole() -> None:
    network = kuramoto(6, np.random.default_rng(1))
    relaxed = Ideal().relax(network, nudge=Nudge(CosineCost(), [1], 0.2)).raise_for_status()
    seen = network.relative(relaxed.phases)[:, network.outputs]
    torque = network.torque(relaxed.phases) - network.frequency.mean()
    push = np.zeros((1, 6))
    push[:, network.outputs] = -0.2 * CosineCost().gradient(seen, [1])
    push[:, 0] -= push[:, network.outputs].sum(axis=1)
    np.testing.assert_allclose(torque + push, 0, atol=1e-9)


def test_frequency_coded_samples_pull_the_inputs() -> None:
    network = pair(1.0, 0.0).replace(inputs=[1], encoding=Encoding("frequency", 2.0))
    phases = Ideal().relax(network, [[0.3], [0.6]]).raise_for_status().phases
    np.testing.assert_allclose(phases[:, 1], np.arcsin([0.3, 0.6]), atol=1e-9)


SUBSTRATES = {
    "newton": Ideal(),
    "steps": Ideal("steps"),
    "noise": Ideal(noise=1e-3, duration=5.0),
}


@pytest.mark.parametrize("substrate", SUBSTRATES.values(), ids=SUBSTRATES)
def test_same_bits_whatever_the_batch(
    small: PhaseNetwork, samples: FloatArray, substrate: Ideal
) -> None:
    many = np.tile(samples, (3, 1))
    whole = substrate.relax(small, many, rng=4).phases
    assert (substrate.relax(small, many, rng=4).phases == whole).all()
    for size in (1, 7, 20):
        assert (substrate.relax(small, many[:size], rng=4).phases == whole[:size]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "magic"}, "method"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"noise": -1.0}, "noise"),
        ({"noise": 0.1, "method": "newton"}, "noise: newton solves"),
        ({"dt": 0.0}, "dt"),
        ({"max_steps": 0}, "max_steps"),
    ],
)
def test_bad_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Ideal(**arguments)


def test_bad_nudges_and_starts(small: PhaseNetwork, samples: FloatArray) -> None:
    with pytest.raises(ValueError, match="beta"):
        Nudge(CosineCost(), [0], np.nan)
    with pytest.raises(ValueError, match="target: 1 targets for 12 samples"):
        Ideal().relax(small, samples, nudge=Nudge(CosineCost(), [0], 0.1))
    with pytest.raises(ValueError, match="no outputs to nudge"):
        Ideal().relax(pair(1.0, 0.0), nudge=Nudge(CosineCost(), [0], 0.1))
    with pytest.raises(ValueError, match="start: shape"):
        Ideal().relax(small, samples, start=np.zeros((12, 3)))
    with pytest.raises(ValueError, match="start: has phases that are not finite"):
        Ideal().relax(small, samples, start=np.full((12, 12), np.nan))
    with pytest.raises(ValueError, match="every oscillator is held"):
        Ideal().relax(PhaseNetwork([[0, 1], [1, 0]], held=[0, 1]))
