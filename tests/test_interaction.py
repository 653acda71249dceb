"""Oscillators that do not interact by a sine: their locked states, against other solvers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy

from neurosc import (
    CosineCost,
    CrossEntropy,
    Encoding,
    Ideal,
    Interaction,
    Nudge,
    PhaseNetwork,
    SquaredCosineCost,
    Status,
    fit,
    implicit_gradient,
    topology,
    two_phase_gradient,
)
from neurosc.costs import Cost
from neurosc.hw_models.spiking import pair_design
from neurosc.ideal.reduction import Request
from neurosc.network import FloatArray, wrap
from neurosc.parameters import dense
from tests.conftest import kuramoto, random_coupling

SINE = Interaction((1,))
NASTY = Interaction((0.9 * np.exp(-0.2j), 0.15 + 0.1j, 0.2j), mean=0.3)
PHI = np.linspace(-7, 7, 211)


def direct(phi: npt.ArrayLike) -> FloatArray:
    """`NASTY` in sines and cosines."""
    p = np.asarray(phi)
    first = 0.9 * np.sin(p - 0.2)
    second = 0.15 * np.sin(2 * p) + 0.1 * np.cos(2 * p)
    return np.asarray(0.3 + first + second + 0.2 * np.cos(3 * p))


def torque(network: PhaseNetwork, H: Any, x: Any, phases: FloatArray) -> FloatArray:
    """By N^2 interactions, (batch, n); less the mean over floating parts."""
    J, b = dense(network.coupling), network.field
    encoded = network.encode(x, len(phases))
    phi = phases[:, None, :] - phases[:, :, None]
    pull = encoded.amplitude[:, None, :] * (J.real * H(phi) + J.imag * H(phi + np.pi / 2))
    total = encoded.frequency + pull.sum(axis=2)
    total += b.real * H(-phases) + b.imag * H(np.pi / 2 - phases)
    total -= network.second_harmonic * np.sin(2 * phases)
    return network.co_rotating(total)


def everything(*, lags: bool, sparse: bool = False) -> PhaseNetwork:
    """Amplitude-coded inputs, a held oscillator, fields and second harmonics."""
    rng = np.random.default_rng(11)
    coupling: Any = random_coupling(9, rng, lags=lags)
    return PhaseNetwork(
        scipy.sparse.csr_array(coupling) if sparse else coupling,
        rng.normal(0, 0.05, 9),
        rng.standard_normal(9) + 1j * rng.standard_normal(9),
        rng.normal(0, 0.1, 9),
        inputs=[0, 1],
        outputs=[7, 8],
        held=[2],
        encoding=Encoding("amplitude", 0.7),
    )


def two_parts() -> PhaseNetwork:
    """A floating part of five and one of three."""
    rng = np.random.default_rng(2)
    blocks = (kuramoto(n, rng).coupling for n in (5, 3))
    return PhaseNetwork(
        scipy.linalg.block_diag(*blocks), rng.normal(0, 0.3, 8), reference="mean", outputs=[1, 6]
    )


NETWORKS: dict[str, PhaseNetwork] = {
    "real": everything(lags=False),
    "lags": everything(lags=True),
    "sparse": everything(lags=True, sparse=True),
    "layered": topology.layered([2, 8, 3], rng=9),
    "floating": kuramoto(12, np.random.default_rng(3)),
    "two parts": two_parts(),
}
TURNING = topology.layered([2, 8, 3], rng=4)
"""Some samples have no locked state with `NASTY`."""


def samples(network: PhaseNetwork, batch: int = 6) -> FloatArray | None:
    if not network.inputs.size:
        return None
    return np.random.default_rng(1).random((batch, network.inputs.size))


# ------------------------------------------------------------------------------ the function


def test_is_the_function_and_its_slope() -> None:
    np.testing.assert_allclose(NASTY(PHI), direct(PHI), atol=1e-14)
    np.testing.assert_allclose(SINE(PHI.reshape(1, -1)), np.sin(PHI)[None], atol=1e-15)
    differences = (NASTY(PHI + 1e-5) - NASTY(PHI - 1e-5)) / 2e-5
    np.testing.assert_allclose(NASTY.slope(PHI), differences, atol=1e-8)
    for H in (SINE, NASTY, pair_design(1, 1).interaction):
        steepest = np.abs(H.slope(np.linspace(0, 2 * np.pi, 20_001))).max()
        assert 0.98 * H.steepness < steepest <= H.steepness
    assert NASTY(0.3).shape == ()


@pytest.mark.parametrize("count", [7, 8, 9, 64])
def test_samples_of_one_period_are_met(count: int) -> None:
    phi = 2 * np.pi * np.arange(count) / count
    found = Interaction.from_samples(direct(phi))
    np.testing.assert_allclose(found.harmonics, NASTY.harmonics, atol=1e-14)
    assert found.mean == pytest.approx(0.3, abs=1e-15)
    noise = np.random.default_rng(0).standard_normal(count)
    np.testing.assert_allclose(Interaction.from_samples(noise)(phi), noise, atol=1e-13)


def test_what_is_negligible_is_left_out() -> None:
    sampled = Interaction.from_samples(np.sin(2 * np.pi * np.arange(20) / 20))
    assert len(sampled.harmonics) == 1
    assert sampled.mean == 0
    assert Interaction((1, 1e-14, 0.1j)).overtones == {3: 0.1j}
    assert SINE.overtones == {}
    assert Interaction.trimmed([1, 0, 0.1, 1e-14]).harmonics == (1, 0, 0.1)


def test_taps_tell_their_interaction() -> None:
    """H = sum_n z_n conj(F_n) W_n e^{-i n phi} over all n, and no harmonics but 8 k +- 1."""
    taps = pair_design(3, 2)
    n = np.arange(-400, 401)
    W = np.exp(2j * np.pi * np.outer(n, taps.delays)) @ np.asarray(taps.weights)
    F = (1 + 2j * np.pi * n * taps.pole) ** -taps.poles
    terms = taps.neuron.harmonics(n) * F.conj() * W
    H = taps.interaction
    np.testing.assert_allclose(H(PHI), (np.exp(-1j * np.outer(PHI, n)) @ terms).real, atol=1e-13)
    assert set(H.orders % 8) == {1, 7}
    assert H.harmonics[0] == pytest.approx(1)
    assert 1e-3 < max(map(abs, H.overtones.values())) < 1e-2


# ------------------------------------------------------------------------------ locked states


@pytest.mark.parametrize("case", NETWORKS)
def test_a_sine_is_the_plain_model(case: str) -> None:
    network, x = NETWORKS[case], samples(NETWORKS[case])
    plain = Ideal().relax(network, x).raise_for_status()
    near = plain.phases + np.random.default_rng(0).uniform(-0.1, 0.1, plain.phases.shape)
    found = Ideal(interaction=SINE).relax(network, x, start=near).raise_for_status()
    assert np.abs(wrap(found.phases - plain.phases)).max() < 1e-9


@pytest.mark.parametrize("case", NETWORKS)
def test_locked_states_are_roots_that_scipy_finds(case: str) -> None:
    network, x, free = NETWORKS[case], samples(NETWORKS[case]), NETWORKS[case].free
    found = Ideal(interaction=NASTY).relax(network, x).raise_for_status()
    left = torque(network, direct, x, found.phases)[:, free]
    assert np.abs(left).max() < 1e-9
    assert found.residual.max() < 1e-9
    plain = Ideal().relax(network, x).phases
    assert np.abs(wrap(found.phases - plain)).max() > 0.02
    for b, row in enumerate(found.phases):
        near = row + np.random.default_rng(b).uniform(-0.02, 0.02, network.n)

        def pull(theta: FloatArray, row: FloatArray = row, b: int = b) -> FloatArray:
            phases = row.copy()
            phases[free] = theta
            one = None if x is None else x[b : b + 1]
            turned = network.part_mean(phases - row)[free]  # else any turn of a part is a root
            return np.asarray(torque(network, direct, one, phases[None])[0, free] - turned)

        solved = scipy.optimize.root(pull, near[free], tol=1e-12)
        assert solved.success
        other = row.copy()
        other[free] = solved.x
        assert np.abs(wrap(network.gauge(other) - row)).max() < 1e-8


@pytest.mark.parametrize("alpha", [0.4, 1.2])
def test_a_lagged_pair_has_a_closed_form(alpha: float) -> None:
    """psi' = dw - 2 K cos alpha sin psi, psi = theta_2 - theta_1."""
    H, limit = Interaction((np.exp(-1j * alpha),)), 2 * np.cos(alpha)
    for share in (-0.99, 0.3, 0.9):
        pair = PhaseNetwork([[0, 1], [1, 0]], [0, share * limit])
        found = Ideal(interaction=H).relax(pair).raise_for_status()
        assert found.phases[0, 1] == pytest.approx(np.arcsin(share), abs=1e-8)
    outside = Ideal(interaction=H).relax(PhaseNetwork([[0, 1], [1, 0]], [0, 1.1 * limit]))
    assert outside.status.tolist() == [Status.NOT_LOCKED]


def test_a_mean_pushes_what_is_anchored() -> None:
    """0 = omega + (K + b) (mean - sin theta) between a held oscillator and a field."""
    network = PhaseNetwork([[0, 2.0], [2.0, 0]], [0.1, 0], [0.5, 0], held=[1])
    found = Ideal(interaction=Interaction((1,), mean=0.2)).relax(network).raise_for_status()
    assert found.phases[0, 0] == pytest.approx(np.arcsin((0.1 + 0.5) / 2.5), abs=1e-10)


def test_rests_where_disturbances_grow_are_unstable() -> None:
    """Of a repulsive pair the state in phase is a rest, and one half a turn apart is stable."""
    pair, repulsive = PhaseNetwork([[0, 1], [1, 0]]), Ideal(interaction=Interaction((-1,)))
    assert repulsive.relax(pair, start=[[0, 0]]).status.tolist() == [Status.UNSTABLE]
    away = repulsive.relax(pair, start=[[0, 1e-3]]).raise_for_status()
    assert abs(away.phases[0, 1]) == pytest.approx(np.pi)
    lagged = Ideal(interaction=Interaction((np.exp(-1.7j),)))  # repels, and turns
    assert lagged.relax(pair, start=[[0, 0]]).status.tolist() == [Status.UNSTABLE]


def test_any_start_ends_at_rest_without_frequencies() -> None:
    """Odd interactions with an energy: what moves ends in a minimum."""
    network, x = topology.layered([6, 10, 4], rng=1), np.random.default_rng(0).random((50, 6))
    start = np.random.default_rng(3).uniform(-np.pi, np.pi, (50, 20))
    H = Interaction((1, 0, 0.1))
    found = Ideal(interaction=H).relax(network, x, start=start).raise_for_status()
    assert np.abs(torque(network, H, x, found.phases)[:, network.free]).max() < 1e-8


def test_what_turns_is_not_locked_and_few_steps_are_too_few() -> None:
    network = kuramoto(8, np.random.default_rng(0))
    fast = network.replace(frequency=20 * network.frequency)
    on = Ideal(interaction=NASTY)
    assert on.relax(fast).status.tolist() == [Status.NOT_LOCKED]
    assert on.relax(network).status.tolist() == [Status.LOCKED]
    impossible = Ideal(interaction=NASTY, tolerance=1e-30).relax(network)
    assert impossible.status.tolist() == [Status.STEP_LIMIT]
    assert impossible.residual[0] < 1e-14


def test_many_harmonics_lock_too() -> None:
    network, x = topology.layered([6, 10, 4], rng=1), np.random.default_rng(0).random((9, 6))
    H = pair_design(1, 1).interaction
    found = Ideal(interaction=H).relax(network, x).raise_for_status()
    assert np.abs(torque(network, H, x, found.phases)[:, network.free]).max() < 1e-8


def test_time_leads_where_newton_steps_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    network, on = TURNING, Ideal(interaction=NASTY)
    x = samples(network, 16)
    plain = on.relax(network, x)
    monkeypatch.setattr("neurosc.ideal.phase_locking.NEWTON_STEPS", 1)
    followed = on.relax(network, x)
    np.testing.assert_array_equal(followed.status, plain.status)
    assert set(plain.status) == {Status.LOCKED, Status.NOT_LOCKED}
    left = torque(network, direct, x, followed.phases)[:, network.free]
    assert np.abs(left)[followed.locked].max() < 1e-8
    same = np.abs(wrap(followed.phases - plain.phases)).max(axis=1) < 1e-8
    assert same[plain.locked].mean() > 0.8  # where there are several, long steps lead to another


def test_what_is_said_to_turn_turns_in_another_integrator() -> None:
    network, x, free = TURNING, samples(TURNING, 2), TURNING.free
    assert x is not None
    found = Ideal(interaction=NASTY).relax(network, x)
    assert found.status.tolist() == [Status.LOCKED, Status.NOT_LOCKED]
    start = Ideal().relax(network, x).phases
    for b, phases in enumerate(start):

        def pull(_: float, theta: FloatArray, row: FloatArray = phases, b: int = b) -> FloatArray:
            whole = row.copy()
            whole[free] = theta
            return np.asarray(torque(network, direct, x[b : b + 1], whole[None])[0, free])

        moved = scipy.integrate.solve_ivp(pull, (0, 400), phases[free], rtol=1e-6).y[:, -1]
        turned = np.abs(moved - phases[free]).max() > 4 * np.pi
        assert turned == (found.status[b] == Status.NOT_LOCKED)


@pytest.mark.parametrize("case", [*NETWORKS, "turning"])
def test_a_sample_does_not_know_its_batch(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, on = {**NETWORKS, "turning": TURNING}[case], Ideal(interaction=NASTY)
    x = samples(network, 21)
    start = np.random.default_rng(0).uniform(-3, 3, (21, network.n))
    whole = on.relax(network, x, start=start)
    for some in (slice(0, 1), slice(5, 6), slice(3, 20)):
        part = on.relax(network, None if x is None else x[some], start=start[some])
        np.testing.assert_array_equal(part.phases, whole.phases[some])
        np.testing.assert_array_equal(part.status, whole.status[some])
    monkeypatch.setattr("neurosc.ideal.phase_locking.CHUNK", 3000)  # a few samples at a time
    np.testing.assert_array_equal(on.relax(network, x, start=start).phases, whole.phases)


def test_several_networks_are_those_one_by_one() -> None:
    networks = [topology.layered([4, 5, 3], rng=k) for k in range(3)]
    x, on = np.random.default_rng(0).random((5, 4)), Ideal(interaction=NASTY)
    found = on.relax_each(networks, x)
    for k, network in enumerate(networks):
        np.testing.assert_array_equal(found.phases[k], on.relax(network, x).phases)


# ------------------------------------------------------------------------------ nudges


def test_a_static_nudge_arrives_through_the_interaction() -> None:
    network, x = topology.layered([4, 6, 3], rng=1), np.random.default_rng(0).random((5, 4))
    targets, on = np.random.default_rng(1).uniform(-1, 1, (1, 3)), Ideal(interaction=NASTY)
    for cost, drive in (
        (CosineCost(), 0.3 * np.exp(1j * targets[0])),
        (SquaredCosineCost(), 0.3 * targets[0]),
    ):
        field, second = network.field.copy(), network.second_harmonic.copy()
        field[network.outputs] += drive
        second[network.outputs] -= 0.15 if isinstance(cost, SquaredCosineCost) else 0.0
        nudged = on.relax(network, x, nudge=Nudge(cost, np.tile(targets, (5, 1)), 0.3))
        other = on.relax(network.replace(field=field, second_harmonic=second), x)
        np.testing.assert_allclose(nudged.phases, other.phases, atol=1e-9)


@pytest.mark.parametrize("cost", [CosineCost(), CrossEntropy()], ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("reference", [None, 2, "mean"])
def test_other_nudges_act_as_themselves(cost: Cost, reference: Any) -> None:
    network = kuramoto(8, np.random.default_rng(3)).replace(reference=reference, outputs=[5, 6, 7])
    found = Ideal(interaction=NASTY).relax(network, nudge=Nudge(cost, [1], 0.2)).raise_for_status()
    slope = cost.gradient(network.relative(found.phases)[:, network.outputs], [1])
    left = torque(network, direct, None, found.phases) - 0.2 * network.pull_back(slope)
    assert np.abs(left).max() < 1e-9
    assert np.abs(network.pull_back(slope)).max() > 0.05


@pytest.mark.parametrize("cost", [CosineCost(), CrossEntropy()], ids=lambda c: type(c).__name__)
def test_frozen_nudges_are_frequencies(cost: Cost) -> None:
    network, x = topology.layered([4, 6, 3], rng=1), np.random.default_rng(0).random((2, 4))
    on, y = Ideal(interaction=NASTY), [1, 2]
    free = on.relax(network, x)
    found = on.relax(network, x, nudge=Nudge(cost, y, 0.2, at=free.phases)).raise_for_status()
    slope = cost.gradient(free.phases[:, network.outputs], y)
    left = torque(network, direct, x, found.phases) - 0.2 * network.pull_back(slope)
    assert np.abs(left[:, network.free]).max() < 1e-9


def test_gradients_are_almost_those_of_the_sine_where_it_is_almost_one() -> None:
    network, x = topology.layered([4, 6, 3], rng=1), np.random.default_rng(0).random((12, 4))
    y = np.arange(12) % 3
    settings: dict[str, Any] = {"cost": CosineCost(), "beta": 0.02}
    exact = two_phase_gradient(network, x, y, **settings).vector()
    on = Ideal(interaction=pair_design(3, 2).interaction)
    for frozen in (False, True):
        found = two_phase_gradient(network, x, y, on=on, frozen=frozen, **settings).vector()
        cosine = found @ exact / np.linalg.norm(found) / np.linalg.norm(exact)
        assert 0.99 < cosine < 1 - 1e-9


def test_learning_does_not_take_the_loop_for_sines() -> None:
    network, x = topology.layered([4, 5, 3], rng=1), np.random.default_rng(0).random((6, 4))
    data = x, np.arange(6) % 3
    settings: dict[str, Any] = {
        "cost": CosineCost(), "epochs": 1, "learning_rate": 0.1, "batch_size": 1,
        "optimiser": "sgd", "rng": 0,
    }  # fmt: skip
    one = fit(network, data, **settings).network
    other = fit(network, data, on=Ideal(interaction=NASTY), **settings).network
    assert np.abs(one.coupling - other.coupling).max() > 1e-3


# ------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Interaction(()), r"harmonics: shape \(0,\) is no list of harmonics; give"),
        (lambda: Interaction((1, np.nan)), "harmonics, mean: are not all finite"),
        (lambda: Interaction((1,), mean=np.inf), "harmonics, mean: are not all finite"),
        (lambda: Interaction.from_samples([1, 2, 3]), r"torques: shape \(3,\) is no period"),
        (lambda: Interaction.from_samples([1, 2, 3, np.nan]), "torques: "),
        (lambda: Ideal(noise=0.1, interaction=SINE), "interaction: noise .*CouplingHarmonics"),
        (lambda: Ideal("steps", interaction=SINE), 'interaction: method "steps" goes with sines'),
        (lambda: Ideal("pcg", interaction=SINE), 'interaction: method "pcg" .* "auto"'),
        (lambda: Ideal(escape=True, interaction=SINE), "interaction: has no energy .* escape"),
        (lambda: Ideal(dt=0.1, interaction=SINE), "dt: with interaction= nothing is stepped"),
    ],
)
def test_bad_interactions(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace('"auto"', 'method="auto"')):
        make()


def test_what_is_no_interaction() -> None:
    wrong: Any = np.sin
    with pytest.raises(TypeError, match="interaction: expected an Interaction, not ufunc; write"):
        Ideal(interaction=wrong)


def test_what_cannot_honour_it_says_so(
    small: PhaseNetwork, samples: FloatArray, labels: Any
) -> None:
    on = Ideal(interaction=SINE)
    with pytest.raises(ValueError, match="interaction: is solved for without stepping"):
        on.record(small, samples, times=[0, 1])
    with pytest.raises(ValueError, match="interaction: a device brings its own"):
        on.relax_requests([Request(small, samples)], [None])
    with pytest.raises(ValueError, match="on: with an interaction there is no energy"):
        implicit_gradient(small, samples, labels, cost=CosineCost(), on=on)
    with pytest.raises(ValueError, match=r'on: .* use scheme="symmetric"'):
        two_phase_gradient(small, samples, labels, cost=CosineCost(), scheme="holomorphic", on=on)
    large = topology.random_graph(1600, 4, rng=0)
    with pytest.raises(ValueError, match="network: 1600 free oscillators exceed the 1500"):
        on.relax(large, start=np.zeros((1, 1600)))
