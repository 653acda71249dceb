"""Couplings without an energy: lags, asymmetry, harmonics, nonlinear oscillators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy
from scipy.special import ndtr

from neurosc import (
    CosineCost,
    CrossEntropy,
    Encoding,
    Ideal,
    Nudge,
    PhaseNetwork,
    Status,
    evaluate,
    fit,
    topology,
)
from neurosc.hw_models import (
    CouplingAsymmetry,
    CouplingDelay,
    CouplingHarmonics,
    CouplingMismatch,
    Device,
    FlickerFrequencyNoise,
    FrequencyMismatch,
    ImplausibleValueWarning,
    NonlinearFrequencyShift,
    PhaseLag,
    PhaseNoise,
    StuckAt,
)
from neurosc.ideal.reduction import reduce
from neurosc.ideal.tiles import Stepping, integrate
from neurosc.network import FloatArray, wrap
from neurosc.substrate import Relaxation
from tests.conftest import random_coupling

OFF = (
    PhaseLag(0.0),
    CouplingDelay(0.0, 1e9),
    CouplingAsymmetry(0.0),
    CouplingHarmonics(0.0, second_phase_rad=1.0),
    NonlinearFrequencyShift(0.0),
    FlickerFrequencyNoise(0.0, 1e-3, 0.1),
)
TERMS = {
    "lag": PhaseLag(0.4),
    "delay": CouplingDelay(5e-12, 13e9),
    "harmonics": CouplingHarmonics(0.3, -0.2, 0.1, 0.5, 0.0, -1.0),
    "third alone": CouplingHarmonics(third_relative=0.2),
    "nonlinear": NonlinearFrequencyShift(-0.6),
}


def relax(device: Device, network: PhaseNetwork, **others: Any) -> Relaxation:
    return device.fabricate(network, rng=0)[0].relax(network, **others)


def pair(detuning: float, coupling: float = 1.0) -> PhaseNetwork:
    return PhaseNetwork([[0, coupling], [coupling, 0]], [0, detuning])


@pytest.mark.parametrize("term", OFF, ids=lambda term: type(term).__name__)
def test_zero_is_removal_to_the_bit(term: Any, small: PhaseNetwork, samples: FloatArray) -> None:
    device = Device(term, FrequencyMismatch(0.1), PhaseNoise(1e-3))
    gone = device.without(type(term))
    for d, without in ((device, gone), (device.without(PhaseNoise), gone.without(PhaseNoise))):
        for chips in (1, 2):
            one, other = (
                each.fabricate(small, chips, rng=1).relax(small, samples, rng=2)
                for each in (d, without)
            )
            assert (one.phases == other.phases).all()
            assert (one.status == other.status).all()


# ------------------------------------------------------------------------------- the equation


def everything(lags: bool, sparse: bool) -> PhaseNetwork:
    """Amplitude-coded inputs, a held oscillator, fields, frequencies that float nowhere."""
    rng = np.random.default_rng(5)
    n = 40
    keep = rng.random((n, n)) < 0.03
    keep[[3, 4, 5, 6], [0, 1, 2, 0]] = True
    j = 4 * random_coupling(n, rng, lags=lags) * (keep | keep.T)
    return PhaseNetwork(
        scipy.sparse.csr_array(j) if sparse else j,
        rng.normal(0, 0.02, n),
        2 * np.exp(1j * rng.normal(0, 0.5, n)),
        inputs=[0, 1],
        outputs=[n - 2, n - 1],
        held=[2],
        encoding=Encoding("amplitude", 0.8),
    )  # fmt: skip


def interaction(term: Any, phi: FloatArray) -> FloatArray:
    """What each term makes of sin phi."""
    if isinstance(term, CouplingHarmonics):
        return np.asarray(
            np.sin(phi)
            + term.second_relative * np.sin(2 * phi + term.second_phase_rad)
            + term.third_relative * np.sin(3 * phi + term.third_phase_rad)
            + term.fourth_relative * np.sin(4 * phi + term.fourth_phase_rad)
        )
    if isinstance(term, NonlinearFrequencyShift):
        return np.asarray(np.sqrt(1 + term.nu**2) * np.sin(phi - np.arctan(term.nu)))
    return np.asarray(np.sin(phi - term.lag_rad))


def torque(network: PhaseNetwork, term: Any, x: FloatArray, phases: FloatArray) -> FloatArray:
    """By N^2 sines, of the free oscillators."""
    dense = network.coupling if isinstance(network.coupling, np.ndarray) else (
        network.coupling.toarray()
    )  # fmt: skip
    phi = phases[:, None, :] - phases[:, :, None]
    amplitude = network.encode(x).amplitude[:, None, :]
    pull = dense.real * interaction(term, phi) + dense.imag * interaction(term, phi + np.pi / 2)
    field = np.abs(network.field), np.angle(network.field) - phases
    nonlinear = isinstance(term, NonlinearFrequencyShift)
    injected = field[0] * (interaction(term, field[1]) if nonlinear else np.sin(field[1]))
    total = network.frequency + (amplitude * pull).sum(axis=2) + injected
    return np.asarray(total[:, network.free])


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("lags", [False, True])
def test_the_equation_of_each_term_is_at_rest(term: Any, lags: bool, sparse: bool) -> None:
    network = everything(lags, sparse)
    x = np.random.default_rng(1).random((5, 2))
    found = relax(Device(term), network, x=x).raise_for_status()
    ideal = Ideal("steps").relax(network, x)
    assert np.abs(wrap(found.phases - ideal.phases)).max() > 0.03
    assert np.abs(torque(network, term, x, found.phases)).max() < 1e-6
    assert np.abs(torque(network, term, x, ideal.phases)).max() > 0.03


def test_the_sparse_form_is_in_use() -> None:
    from neurosc.ideal.tile_couplings import is_sparse_form

    assert is_sparse_form(reduce(everything(True, True), np.zeros((1, 2))))


def test_terms_act_together_as_one_after_the_other() -> None:
    """A lag and harmonics: H(phi - alpha)."""
    network, x = everything(False, False), np.random.default_rng(1).random((5, 2))
    waves, lag = CouplingHarmonics(0.3, 0.1, second_phase_rad=0.3), PhaseLag(0.3)
    found = relax(Device(waves, lag), network, x=x).raise_for_status()
    shifted = CouplingHarmonics(0.3, 0.1, 0.0, 0.3 - 0.6, -0.9)
    lagged = torque(network, lag, x, found.phases)
    plain = torque(network, PhaseLag(0.0), x, found.phases)
    turned = torque(network, shifted, x, found.phases) - plain
    np.testing.assert_allclose(lagged + turned, 0.0, atol=1e-6)


# ------------------------------------------------------------------------------ closed forms


@pytest.mark.parametrize("lag", [0.5, 1.2])
def test_a_lagged_pair_locks_up_to_twice_the_cosine(lag: float) -> None:
    """psi' = dw - 2 K cos alpha sin psi."""
    limit = 2 * np.cos(lag)
    inside, outside = (relax(Device(PhaseLag(lag)), pair(s * limit)) for s in (0.9, 1.1))
    assert inside.phases[0, 1] == pytest.approx(np.arcsin(0.9), abs=1e-3)
    assert inside.status.tolist() == [Status.LOCKED]
    assert outside.status.tolist() == [Status.NOT_LOCKED]


def integrated(device: Device, network: PhaseNetwork, start: Any, end: float) -> FloatArray:
    """Unwrapped phases in the frame of the mean frequency, early and late."""
    chip = device.fabricate(network, rng=0)[0]
    problem = chip._request(network, None, None, start, None).reduced()
    dt = np.full(len(start), 0.02)
    stepping = Stepping(dt, 0.0, "heun", "float64", (np.random.SeedSequence(0),))
    marks = np.tile(np.array([round(end / 0.04), round(end / 0.02)]), (len(start), 1))
    return integrate(problem, stepping, marks)[0]


def test_a_locked_pair_turns_with_the_lag() -> None:
    """Omega = -K sin alpha cos psi beside the mean frequency."""
    lag, detuning = 0.7, 0.9
    way = integrated(Device(PhaseLag(lag)), pair(detuning), np.zeros((1, 2)), 80.0)[0]
    psi = np.arcsin(detuning / (2 * np.cos(lag)))
    np.testing.assert_allclose((way[1] - way[0]) / 40, -np.sin(lag) * np.cos(psi), rtol=1e-6)


@pytest.mark.parametrize("twist", [0, 1, 2])
def test_a_lagged_ring_holds_its_twists(twist: int) -> None:
    """theta_j = 2 pi q j / n + Omega t with Omega = -2 K sin alpha cos(2 pi q / n)."""
    n, lag = 12, 0.6
    j = np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1)
    turn = 2 * np.pi * twist / n
    exact = turn * np.arange(n)[None]
    start = exact + np.random.default_rng(0).normal(0, 0.1, n)
    device, ring = Device(PhaseLag(lag)), PhaseNetwork(j)
    found = relax(device, ring, start=start).raise_for_status()
    np.testing.assert_allclose(wrap(found.phases - exact), 0.0, atol=1e-3)
    way = integrated(device, ring, exact, 20.0)[0]
    np.testing.assert_allclose((way[1] - way[0]) / 10, -2 * np.sin(lag) * np.cos(turn), rtol=1e-9)


def test_a_lag_past_a_quarter_turn_undoes_synchrony() -> None:
    """Identical oscillators, all to all: in phase is stable for cos alpha > 0 alone."""
    network = topology.all_to_all(8, 1.0)
    start = np.random.default_rng(1).normal(0, 0.05, (1, 8))
    for lag, together in ((1.4, True), (1.8, False)):
        phases = relax(Device(PhaseLag(lag)), network, start=start).phases
        assert (np.ptp(phases) < 0.01) == together


def test_a_rest_that_a_disturbance_leaves_is_unstable() -> None:
    """In phase with cos alpha < 0, of identical oscillators; at rest to the bit, but no rest.

    On a ring the eigenvalues are -2 K cos alpha (1 - cos q), so the fastest is 4 K |cos alpha|;
    with K / n between all it is K |cos alpha|.
    """
    j = np.roll(np.eye(8), 1, axis=1) + np.roll(np.eye(8), -1, axis=1)
    for network, fastest in ((PhaseNetwork(j), 4.0), (topology.all_to_all(8, 7.0), 7.0)):
        found = relax(Device(PhaseLag(1.8)), network)
        assert found.status.tolist() == [Status.UNSTABLE]
        rate = fastest * abs(np.cos(1.8))
        assert f"a disturbance grows at the rate {rate:.3g}, along" in found.explain(0)
        assert relax(Device(PhaseLag(1.4)), network).locked.all()
    held = PhaseNetwork(np.zeros((2, 2)), field=[-1.0, 1.0], second_harmonic=[0.0, -2.0])
    assert relax(Device(PhaseLag(0.1)), held).status.tolist() == [Status.UNSTABLE]


def test_the_jacobian_is_the_slope_of_the_torque() -> None:
    from neurosc.ideal.stability import jacobians

    network, x = everything(True, False), np.random.default_rng(1).random((1, 2))
    terms = TERMS["harmonics"], PhaseLag(0.3), CouplingAsymmetry(0.3)
    chip = Device(*terms).fabricate(network, rng=0)[0]
    nudge = Nudge(CrossEntropy(), [1], 0.7)
    rest, step = np.random.default_rng(0).uniform(-1, 1, (1, network.n)), 1e-6

    def slope(k: int) -> FloatArray:
        ends = []
        for sign in (1, -1):
            start = rest.copy()
            start[0, network.free[k]] += sign * step
            problem = chip._request(network, x, nudge, start, None).reduced()
            stepping = Stepping(np.ones(1), 0.0, "heun", "float64", (np.random.SeedSequence(0),))
            ends.append(integrate(problem, stepping, np.zeros((1, 1), dtype=np.intp))[1][0])
        return np.asarray((ends[0] - ends[1]) / (2 * step))

    problem = chip._request(network, x, nudge, rest, None).reduced()
    found = jacobians(problem, rest[:, network.free], np.zeros(1, dtype=np.intp))[0]
    for k in range(0, network.free.size, 3):
        np.testing.assert_allclose(found[:, k], slope(k), atol=1e-7)
    k = network.free.size - 1  # an output
    np.testing.assert_allclose(found[:, k], slope(k), atol=1e-7)


def test_asymmetry_scatters_each_direction() -> None:
    """A pair rests at sin psi = dw / (K_12 + K_21), and the sum of the two has the spread
    sqrt(2) sigma K; symmetric mismatch would give 2 sigma K."""
    network, sigma = pair(1.0), 0.1
    chips = Device(CouplingAsymmetry(sigma)).fabricate(network, 2000, rng=0)
    both = 1 / np.sin(chips.relax(network).raise_for_status().phases[:, 0, 1])
    error = 4.5 / np.sqrt(2 * both.size)
    assert both.mean() == pytest.approx(2, abs=4.5 * np.sqrt(2) * sigma / np.sqrt(both.size))
    assert both.std(ddof=1) == pytest.approx(np.sqrt(2) * sigma, rel=error)


def test_yield_of_asymmetric_pairs() -> None:
    """P(lock) = P(K_12 + K_21 > dw) = ndtr((2 K - dw) / (sqrt(2) sigma K))."""
    network, sigma = pair(1.9), 0.1
    chips = Device(CouplingAsymmetry(sigma)).fabricate(network, 1000, rng=3)
    found = chips.relax(network)
    share, expected = found.locked.mean(), ndtr(0.1 / (np.sqrt(2) * sigma))
    assert abs(share - expected) < 4.5 * np.sqrt(expected * (1 - expected) / 1000)


def test_spread_of_lags_is_frozen_and_the_same_both_ways() -> None:
    """psi = asin(dw / (2 K cos alpha_12)) with alpha_12 = alpha + sigma xi."""
    network = pair(0.8)
    device = Device(PhaseLag(0.8, 0.1))
    chips = device.fabricate(network, 1000, rng=0)
    psi = chips.relax(network).raise_for_status().phases[:, 0, 1]
    lags = np.arccos(0.4 / np.sin(psi))
    assert lags.mean() == pytest.approx(0.8, abs=4.5 * 0.1 / np.sqrt(1000))
    assert lags.std(ddof=1) == pytest.approx(0.1, rel=4.5 / np.sqrt(2000))
    assert (chips[7].relax(network).phases == chips.relax(network).phases[7]).all()
    delay = Device(CouplingDelay(0.8 / (2 * np.pi * 1e9), 1e9))
    found = relax(delay, network).phases[0, 1]
    assert found == pytest.approx(np.arcsin(0.4 / np.cos(0.8)), abs=1e-3)


def test_a_strong_second_harmonic_holds_the_pair_in_antiphase() -> None:
    """H'(pi) = -1 + 2 a2 > 0: both rests are stable, without it one is."""
    start = np.array([[0.0, np.pi - 0.3]])
    for a2, away in ((0.0, 0.0), (0.4, 0.0), (0.7, np.pi)):
        phases = relax(Device(CouplingHarmonics(a2)), pair(0.0), start=start).phases
        np.testing.assert_allclose(np.abs(phases[0, 1]), away, atol=1e-3)


@pytest.mark.parametrize("nu", [-2.0, 0.7])
def test_nonlinear_oscillators_follow_from_farther_away(nu: float) -> None:
    """Injection locks |dw| <= b sqrt(1 + nu^2), at asin(dw / b sqrt(1 + nu^2)) - arctan nu."""
    wide = np.sqrt(1 + nu**2)
    for share, status in ((0.95, Status.LOCKED), (1.1, Status.NOT_LOCKED)):
        network = PhaseNetwork(np.zeros((1, 1)), [share * wide], field=[1.0])
        found = relax(Device(NonlinearFrequencyShift(nu)), network)
        assert found.status.tolist() == [status]
        if status is Status.LOCKED:
            expected = wrap(np.arcsin(share) - np.arctan(nu))
            np.testing.assert_allclose(found.phases, expected, atol=1e-3)
    device = Device(PhaseNoise(0.01), NonlinearFrequencyShift(nu))
    assert device.noise == pytest.approx(0.01 * wide**2)
    assert NonlinearFrequencyShift(nu).lag_rad == pytest.approx(np.arctan(nu))


# ------------------------------------------------------------------------------ what they meet


def test_it_learns_in_spite_of_them(small: PhaseNetwork) -> None:
    y = np.arange(30) % 3
    x = 0.2 + 0.5 * np.eye(4)[y]
    terms = PhaseLag(0.1, 0.02), CouplingAsymmetry(0.1), CouplingHarmonics(0.1)
    chip = Device(*terms).fabricate(small, rng=2)[0]
    training: dict[str, Any] = {"epochs": 12, "learning_rate": 0.1, "beta": 0.3, "batch_size": 6}
    learned = fit(small, (x, y), cost=CosineCost(), on=chip, rng=0, **training).network
    before, after = (
        evaluate(net, (x, y), cost=CosineCost(), on=chip).accuracy for net in (small, learned)
    )
    assert after > 0.95 > before


@pytest.mark.parametrize("cost", [CosineCost(), CrossEntropy()])
def test_a_nudge_moves_them_as_their_own_jacobian_says(cost: Any, small: PhaseNetwork) -> None:
    """theta_beta - theta_0 = beta J^-1 g, J the slope of the torque, which is not symmetric."""
    term, beta = PhaseLag(0.4), 1e-2
    x, y = np.random.default_rng(3).random((3, 4)), np.array([0, 1, 2])
    small = small.replace(field=small.field + 3)
    chip = Device(term).fabricate(small, rng=0)[0]
    rest = chip.relax(small, x).raise_for_status().phases
    ends = [chip.relax(small, x, nudge=Nudge(cost, y, s * beta)).phases for s in (1, -1)]
    moved = wrap(ends[0] - ends[1])[:, small.free] / 2
    step, m = 1e-6, small.free.size
    slope = np.zeros((3, m, m))
    for k, i in enumerate(small.free):
        turned = np.repeat(rest[None], 2, axis=0)
        turned[0, :, i] += step
        turned[1, :, i] -= step
        pulls = [torque(small, term, x, phases) for phases in turned]
        slope[:, :, k] = (pulls[0] - pulls[1]) / (2 * step)
    force = np.zeros((3, small.n))
    force[:, small.outputs] = cost.gradient(rest[:, small.outputs], y)
    expected = beta * np.linalg.solve(slope, force[:, small.free, None])[..., 0]
    assert np.linalg.norm(moved - expected) < 0.01 * np.linalg.norm(expected)


def test_they_act_on_what_the_other_terms_left(small: PhaseNetwork, samples: FloatArray) -> None:
    broken = StuckAt(0.3, 0.1)
    device = Device(broken, CouplingMismatch(0.1), PhaseLag(0.2))
    chip = device.fabricate(small, rng=0)[0]
    found = chip.relax(small, samples[:4])
    realised = chip.program(small)
    rest = torque(realised, PhaseLag(0.2), samples[:4], found.phases)
    assert np.abs(rest[found.locked]).max() < 1e-2
    assert found.locked.any()


def test_an_unlocked_sample_says_why() -> None:
    found = relax(Device(PhaseLag(0.3)), pair(5.0))
    assert "NOT_LOCKED" in found.explain(0)
    short = PhaseNetwork(np.zeros((1, 1)), field=[1e-12])
    assert relax(Device(PhaseLag(0.3)), short).locked.all()


# -------------------------------------------------------------------------------- constructors


def test_harmonics_from_a_measured_interaction() -> None:
    phi = 2 * np.pi * np.arange(40) / 40
    h = 3 * np.sin(phi - 0.4) + 0.6 * np.sin(2 * (phi - 0.4) + 0.3) - 0.3 * np.sin(4 * (phi - 0.4))
    found = CouplingHarmonics.from_interaction(h, source="bench")
    assert found.second_relative == pytest.approx(0.2)
    assert found.second_phase_rad == pytest.approx(0.3)
    assert found.third_relative == pytest.approx(0.0, abs=1e-12)
    assert found.fourth_relative == pytest.approx(0.1)
    assert abs(wrap(found.fourth_phase_rad - np.pi)) < 1e-9
    assert found.source == "bench"


def test_nu_from_what_a_lab_knows() -> None:
    assert NonlinearFrequencyShift.from_linewidths(1e6, 2e5).nu == pytest.approx(2)
    assert NonlinearFrequencyShift.from_rates(-3e8, 1e8).nu == -3
    with pytest.warns(ImplausibleValueWarning, match="rad"):
        PhaseLag(30.0)


def test_they_are_values_like_all_others() -> None:
    on: tuple[Any, ...] = (
        *TERMS.values(), CouplingAsymmetry(0.1), FlickerFrequencyNoise(0.1, 1e-3, 0.1, 1),
    )  # fmt: skip
    for term in on:
        device = Device(term, PhaseNoise(1e-3), coupling_rad_per_s=2.0)
        assert Device.from_json(device.to_json()) == device
        assert type(term).__name__ in device.explain()
        kind = type(term)
        strengths = device.only(kind).terms[0].strengths
        doubled = device.scale(2, kind).only(kind).terms[0]
        assert doubled.strengths == {name: 2 * value for name, value in strengths.items()}
        assert device.scale(0, kind).only(kind).acting == ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CouplingDelay(-1e-12, 1e9), "delay_s: -1e-12 is not a number >= 0"),
        (lambda: CouplingAsymmetry(-0.1), "sigma_relative: -0.1"),
        (lambda: PhaseLag(0.1, -0.1), "sigma_rad: -0.1"),
        (lambda: CouplingHarmonics(float("nan")), "second_relative"),
        (lambda: CouplingHarmonics.from_interaction(np.ones(4)), "torques: shape"),
        (lambda: CouplingHarmonics.from_interaction(np.ones(20)), "no first harmonic"),
        (lambda: NonlinearFrequencyShift.from_linewidths(1.0, 2.0), "linear_fwhm_hz: 2"),
        (lambda: NonlinearFrequencyShift.from_rates(1.0, 0.0), "damping_rad_per_s: 0"),
        (
            lambda: relax(
                Device(NonlinearFrequencyShift(1.0)), pair(0.1).replace(second_harmonic=0.1)
            ),
            "NonlinearFrequencyShift: the network has a second harmonic",
        ),
    ],
)
def test_bad_interactions(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_no_method_of_descent_takes_them() -> None:
    chip = Device(PhaseLag(0.1)).fabricate(pair(0.1))[0]
    problem = chip._request(pair(0.1), None, None, None, None)
    with pytest.raises(ValueError, match="method: newton descends an energy"):
        Ideal("newton").relax_requests([problem], [None])
