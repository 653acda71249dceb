"""The ideal substrate: certificates, closed forms, convergence, and the laws of a substrate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import (
    CosineCost,
    CrossEntropy,
    Encoding,
    Ideal,
    Nudge,
    PhaseNetwork,
    RelaxationError,
    Status,
    topology,
)
from neurosc.ideal.kernels import philox, trig
from neurosc.ideal.reduction import reduce
from neurosc.ideal.steps import Clock, steps
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


@pytest.mark.parametrize("cost", [CosineCost(), CrossEntropy()])
def test_newton_and_steps_agree_under_a_nudge(
    small: PhaseNetwork, samples: FloatArray, labels: Any, cost: Any
) -> None:
    nudge = Nudge(cost, labels, 0.3)
    exact = Ideal().relax(small, samples, nudge=nudge).raise_for_status()
    slow = Ideal("steps", tolerance=1e-6).relax(small, samples, nudge=nudge, start=exact.phases)
    moved = Ideal().relax(small, samples).phases
    assert np.abs(exact.phases - moved).max() > 0.01
    np.testing.assert_allclose(slow.raise_for_status().phases, exact.phases, atol=1e-4)


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


def test_different_noise_for_a_different_rng(small: PhaseNetwork, samples: FloatArray) -> None:
    noisy = SUBSTRATES["noise"]
    assert (
        noisy.relax(small, samples, rng=4).phases != noisy.relax(small, samples, rng=5).phases
    ).any()


def test_sincos_is_exact_to_rounding() -> None:
    rng = np.random.default_rng(0)
    near = np.pi / 4 * np.arange(-40, 41)
    angles = np.concatenate([rng.uniform(-10, 10, 5001), rng.uniform(-1e6, 1e6, 5000), near])
    c, s = np.empty_like(angles), np.empty_like(angles)
    trig.sincos(angles, c, s)
    np.testing.assert_allclose(c, np.cos(angles), rtol=0, atol=2.3e-16)
    np.testing.assert_allclose(s, np.sin(angles), rtol=0, atol=2.3e-16)


def test_philox_known_answers() -> None:
    words = philox.philox(*(np.uint64(0),) * 6)
    assert [int(w) for w in words] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    ones = (np.uint64(0xFFFFFFFF),) * 6
    assert [int(w) for w in philox.philox(*ones)] == [
        0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD,
    ]  # fmt: skip


def test_normals_are_normal() -> None:
    from scipy import stats

    out, key = np.empty(20_001), np.array([1, 2], dtype=np.uint64)
    draws = []
    for step in range(5):
        philox.normals(key, 3, step, out)
        draws.append(out.copy())
    assert stats.kstest(np.concatenate(draws), "norm").pvalue > 1e-3
    correlations = np.atleast_2d(np.corrcoef(draws))[0, 1:]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(out.size)


def test_heun_is_of_second_order() -> None:
    network = topology.layered([2, 4, 3], rng=0)
    x = np.ones((1, 2))
    errors = []
    exact = _endpoint(network, x, 1e-4)
    for dt in (0.2, 0.1, 0.05):
        errors.append(np.abs(_endpoint(network, x, dt) - exact).max())
    assert np.polyfit(np.log([0.2, 0.1, 0.05]), np.log(errors), 1)[0] == pytest.approx(2, abs=0.15)


def _endpoint(network: PhaseNetwork, x: FloatArray, dt: float) -> FloatArray:
    problem = reduce(network, x)
    seed = np.random.SeedSequence(0)
    return steps(problem, Clock(2.0, dt), seed=seed).phases


@pytest.mark.parametrize("dt", [0.05, 0.2])
def test_free_diffusion_and_locked_variance_do_not_depend_on_the_step(dt: float) -> None:
    """Var = 2 D t of a free phase; D/(K cos phi) of one locked to a field (small noise)."""
    d, count = 0.01, 4000
    free = PhaseNetwork(np.zeros((1, 1)), reference=0, second_harmonic=[1e-12])
    phases = Ideal(noise=d, duration=10.0, dt=dt).relax(free, start=np.zeros((count, 1)), rng=1)
    assert phases.phases.var() == pytest.approx(2 * d * 10, rel=4.5 * np.sqrt(2 / count))
    locked = PhaseNetwork(np.zeros((1, 1)), [0.6], field=[1.0])
    settled = Ideal(noise=d / 10, duration=20.0, dt=dt).relax(
        locked, start=np.full((count, 1), np.arcsin(0.6)), rng=2
    )
    assert settled.phases.var() == pytest.approx(d / 10 / 0.8, rel=4.5 * np.sqrt(2 / count) + 0.01)


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
