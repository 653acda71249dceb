"""Stepping against closed forms of single oscillators, pairs and networks.

Intervals are 4.5 standard errors wide; sizes are such that none exceeds 2.5 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy
from scipy.special import erf, i0, i1

from neurosc import CosineCost, CrossEntropy, Encoding, Ideal, Nudge, PhaseNetwork, Status, topology
from neurosc.network import FloatArray
from tests.conftest import kuramoto

WIDE, MANY = 64, 1024
"""Copies in one network, and samples."""
SURE = 4.5


def alone(frequency: float = 0.0, field: float = 0.0, second: float = 0.0) -> PhaseNetwork:
    """Copies of one oscillator."""
    floats = field == second == 0
    return PhaseNetwork(
        np.zeros((WIDE, WIDE)), frequency, field, second, reference=range(WIDE) if floats else None
    )


def copies(block: FloatArray, count: int) -> PhaseNetwork:
    """Unconnected copies of a small floating network."""
    n = len(block)
    return PhaseNetwork(np.kron(np.eye(count), block), reference=range(0, n * count, n))


def start(network: PhaseNetwork, phase: float = 0.0, batch: int = MANY) -> FloatArray:
    return np.full((batch, network.n), phase)


def mean_is(samples: FloatArray, expected: float, *, limit: float = 0.025) -> None:
    """The mean of independent samples is as expected, to an interval that is tight enough."""
    error = SURE * samples.std() / np.sqrt(samples.size)
    assert error < limit * abs(expected)
    assert samples.mean() == pytest.approx(expected, abs=error + 0.003 * abs(expected))


def variance_is(samples: FloatArray, expected: float) -> None:
    mean_is((samples - samples.mean()) ** 2, expected)


@pytest.mark.parametrize("dt", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("scheme", ["heun", "euler-maruyama"])
def test_01_free_diffusion(scheme: Any, dt: float) -> None:
    """Var theta = 2 D t, whatever the step."""
    ideal = Ideal("steps", noise=0.02, dt=dt, scheme=scheme)
    way = ideal.record(alone(), times=[2.0, 5.0], start=start(alone()), rng=1)
    variance_is(way.phases[:, 0], 2 * 0.02 * 2)
    variance_is(way.phases[:, 1] - way.phases[:, 0], 2 * 0.02 * 3)


def test_02_adler() -> None:
    """phi' = dw - K sin phi locks at asin(dw / K) or beats at sqrt(dw^2 - K^2)."""
    locked = Ideal("steps", tolerance=1e-9).relax(alone(0.8, 1.0)).raise_for_status()
    np.testing.assert_allclose(locked.phases, np.arcsin(0.8), atol=1e-7)
    beat = np.sqrt(1.3**2 - 1)
    period = 2 * np.pi / beat
    way = Ideal("steps", dt=period / 400).record(alone(1.3, 1.0), times=[0, period, 6 * period])
    np.testing.assert_allclose(way.phase_velocity(), beat, rtol=1e-4)


@pytest.mark.parametrize(("detuning", "status"), [(1.98, Status.LOCKED), (2.1, Status.NOT_LOCKED)])
def test_02_mutual_pair_locks_up_to_twice_the_coupling(detuning: float, status: Status) -> None:
    pair = PhaseNetwork([[0, 1], [1, 0]], [0, detuning])
    relaxed = Ideal("steps").relax(pair)
    assert relaxed.status.tolist() == [status]
    if status is Status.LOCKED:
        assert relaxed.phases[0, 1] == pytest.approx(np.arcsin(detuning / 2), abs=1e-3)


@pytest.mark.parametrize("dt", [0.05, 0.2])
def test_03_locked_variance(dt: float) -> None:
    """Var phi = D / (K cos phi*)."""
    d, rest = 1e-5, np.arcsin(0.6)
    network = alone(0.6, 1.0)
    ideal = Ideal("steps", noise=d, dt=dt)
    way = ideal.record(network, times=[8.0], start=start(network, rest), rng=2)
    variance_is(way.phases, d / 0.8)


def test_04_identical_pair() -> None:
    """<cos psi> = I1(K/D) / I0(K/D)."""
    k, d = 1.0, 0.5
    network = copies(np.array([[0, k], [k, 0]]), WIDE // 2)
    ideal = Ideal("steps", noise=d, dt=0.05)
    way = ideal.record(network, times=[6.0], start=start(network), rng=3).phases[:, 0]
    mean_is(np.cos(way[:, ::2] - way[:, 1::2]), i1(k / d) / i0(k / d))


def test_05_injected_slips() -> None:
    """Var(phi(t)) = 2 D_eff t with D_eff = D / I0(K/D)^2 (Lifson and Jackson, 1962)."""
    k, d = 1.0, 0.8
    network = alone(field=k)
    ideal = Ideal("steps", noise=d, dt=0.1)
    way = ideal.record(network, times=[10.0, 40.0], start=start(network), rng=4).phases
    slope = (way[:, 1].var() - way[:, 0].var()) / 30
    assert slope == pytest.approx(2 * d / i0(k / d) ** 2, rel=0.025)


def test_06_noisy_adler() -> None:
    """<phi'> = (D/pi) sinh(pi dw/D) / |I_{i dw/D}(K/D)|^2."""
    mpmath = pytest.importorskip("mpmath")
    k, dw, d = 1.0, 0.8, 0.4
    bessel = abs(mpmath.besseli(1j * dw / d, k / d)) ** 2
    expected = d / np.pi * np.sinh(np.pi * dw / d) / float(bessel)
    network = alone(dw, k)
    ideal = Ideal("steps", noise=d, dt=0.05)
    way = ideal.record(network, times=[5.0, 25.0], start=start(network), rng=5)
    mean_is(way.phase_velocity(), expected)


def test_07_second_harmonic_injection() -> None:
    """phi' = -Ks sin 2 phi: Var = D / (2 Ks) in a well, left at the rate 2 D / (pi I0(Ks/2D))^2."""
    tight = alone(second=1.0)
    way = Ideal("steps", noise=1e-5, dt=0.05).record(tight, times=[5.0], start=start(tight), rng=6)
    variance_is(way.phases, 1e-5 / 2)
    ks, d = 1.2, 0.5
    loose = alone(second=ks)
    ideal = Ideal("steps", noise=d, dt=0.05)
    late = ideal.record(loose, times=[6.0, 26.0], start=start(loose), rng=7).phases
    flips = (late[:, 1].var() - late[:, 0].var()) / np.pi**2 / 20
    assert flips == pytest.approx(2 * d / (np.pi * i0(ks / (2 * d))) ** 2, rel=0.025)


def test_08_network_covariance() -> None:
    """J S + S J^T + 2 D I = 0 on the complement of rotation; J = -L symmetric, so S = D L^+."""
    d, n = 1e-5, 6
    network = kuramoto(n, np.random.default_rng(8))
    rest = Ideal().relax(network).raise_for_status().phases
    laplacian = network.hessian(rest)[0]
    ideal = Ideal("steps", noise=d, dt=0.02)
    way = ideal.record(network, times=[3.0], start=np.repeat(rest, 40_000, axis=0), rng=8)
    centred = way.phases[:, 0] - way.phases[:, 0].mean(axis=1, keepdims=True)
    covariance = np.cov(centred.T)
    expected = d * np.linalg.pinv(laplacian)
    assert np.linalg.norm(covariance - expected) < 0.025 * np.linalg.norm(expected)
    rest_of = laplacian @ covariance + covariance @ laplacian - 2 * d * (np.eye(n) - 1 / n)
    assert np.linalg.norm(rest_of) < 0.05 * 2 * d * np.sqrt(n)


def test_09_mean_phase() -> None:
    """Var of the mean phase = 2 (D/N) t, and it turns at the mean frequency."""
    d, n, t = 0.05, 8, 4.0
    network = kuramoto(n, np.random.default_rng(9))
    network = network.replace(frequency=network.frequency + 0.7)
    ideal = Ideal("steps", noise=d, dt=0.05)
    way = ideal.record(network, times=[t], start=np.zeros((2**16, n)), rng=9).phases[:, 0]
    variance_is(way.mean(axis=1), 2 * d / n * t)
    mean_is(way.mean(axis=1), network.frequency.mean() * t)


@pytest.mark.parametrize("ratio", [1.0, 3.0, 4.0])
def test_10_identical_with_noise(ratio: float) -> None:
    """Kc = 2 D; beyond it r = I1(K r/D) / I0(K r/D)."""
    d, n = 0.5, 400
    k = ratio * d
    network = PhaseNetwork((np.ones((n, n)) - np.eye(n)) * k / n)
    first = np.random.default_rng(10).uniform(-1, 1, (64, n))
    ideal = Ideal("steps", noise=d, dt=0.1, scheme="heun", precision="float32")
    times = np.arange(15.0, 30.0)
    r = ideal.record(network, times=times, start=first, rng=10).order_parameter()
    if ratio < 2:
        assert np.sqrt((r**2).mean()) < 2 / np.sqrt(n * (1 - ratio / 2))
        return
    expected = scipy.optimize.brentq(lambda r: r - i1(k * r / d) / i0(k * r / d), 0.1, 1)
    assert r.mean() == pytest.approx(expected, rel=0.01)


MISMATCH = {
    "Lorentz, twice critical": ("lorentz", 2.0),
    "Lorentz, half critical": ("lorentz", 0.5),
    "Gauss, 1.25 critical": ("gauss", 1.25),
    "Gauss, half critical": ("gauss", 0.5),
}


@pytest.mark.parametrize(("kind", "ratio"), MISMATCH.values(), ids=MISMATCH)
def test_11_mismatch(kind: str, ratio: float) -> None:
    """Kc = 2/(pi g(0)): 1.596 s for Gauss, 2 gamma for Lorentz, where r = sqrt(1 - Kc/K); else
    r = K r times the integral of cos^2 g(K r sin) over the locked half turn. Each sample has
    frequencies of its own."""
    n, width = 400, 1.0
    kc = {"lorentz": 2 * width, "gauss": width * 2 * np.sqrt(2 / np.pi)}[kind]
    assert kind == "lorentz" or kc == pytest.approx(1.596, abs=1e-3)
    k = ratio * kc
    network = PhaseNetwork(
        (np.ones((n, n)) - np.eye(n)) * k / n, inputs=range(n), encoding=Encoding("frequency")
    )
    draw = np.random.default_rng(11)
    x = draw.standard_cauchy((64, n)) if kind == "lorentz" else draw.standard_normal((64, n))
    ideal = Ideal("steps", dt=0.05, scheme="euler-maruyama", precision="float32")
    way = ideal.record(network, width * x, times=np.arange(20.0, 40.0), start=np.zeros((64, n)))
    r = way.order_parameter().mean(axis=1)
    if ratio < 1:
        assert r.mean() < 2 / np.sqrt(n * (1 - ratio))
        return
    if kind == "lorentz":
        expected = np.sqrt(1 - kc / k)
    else:
        density = scipy.stats.norm(scale=width).pdf

        def excess(r: float) -> float:
            inside = scipy.integrate.quad(
                lambda a: np.cos(a) ** 2 * density(k * r * np.sin(a)), -np.pi / 2, np.pi / 2
            )[0]
            return float(k * inside - 1)

        expected = scipy.optimize.brentq(excess, 0.1, 0.99)
    error = SURE * r.std() / np.sqrt(len(r))
    assert error < 0.05 * expected
    assert r.mean() == pytest.approx(expected, abs=error)


def test_12_pair_yield() -> None:
    """Two frequencies of spread s: P(lock) = P(|dw| < 2 K) = erf(K/s)."""
    k, s, pairs = 0.7, 1.0, 8000
    network = PhaseNetwork([[0, k], [k, 0]], inputs=[0, 1], encoding=Encoding("frequency", s))
    x = np.random.default_rng(12).standard_normal((pairs, 2))
    relaxed = Ideal("steps", dt=0.1, duration=300.0).relax(network, x)
    assert (relaxed.status[~relaxed.locked] == Status.NOT_LOCKED).mean() > 0.98
    mean_is(relaxed.locked.astype(float), erf(k / s), limit=0.05)
    inside = np.abs(np.diff(x, axis=1)[:, 0]) * s < 2 * k
    assert (relaxed.locked == inside).mean() > 0.998


@pytest.mark.parametrize("cost", [CosineCost(), CrossEntropy()])
def test_13_nudge_displacement(cost: Any) -> None:
    """theta_beta - theta_0 = -beta L^+ g, to order beta^2 by the mean of both signs."""
    network, beta = topology.layered([3, 5, 3], rng=13), 1e-3
    x, y = np.random.default_rng(13).random((4, 3)), [0, 1, 2, 0]
    rest = Ideal().relax(network, x).raise_for_status().phases
    free = network.free
    slope = np.zeros((4, network.n))
    slope[:, network.outputs] = cost.gradient(rest[:, network.outputs], y)
    stiffness = network.hessian(rest)[:, free][:, :, free]
    expected = -beta * np.linalg.solve(stiffness, slope[:, free, None])[..., 0]
    stepped = Ideal("steps", dt=0.3, duration=200.0, tolerance=1e-6)
    ends = [
        stepped.relax(network, x, nudge=Nudge(cost, y, sign * beta), start=rest).raise_for_status()
        for sign in (1, -1)
    ]
    moved = (ends[0].phases - ends[1].phases)[:, free] / 2
    assert np.linalg.norm(moved - expected) < 0.005 * np.linalg.norm(expected)


def test_14_averaging() -> None:
    """Cov of the mean of the phases over a time T = (2D/T) (L^+)^2 on the complement of
    rotation, for T far beyond the slowest mode."""
    d, span, every = 1e-5, 80.0, 0.2
    block = np.array([[0, 1, 0.5, 0], [1, 0, 0.7, 0.5], [0.5, 0.7, 0, 1], [0, 0.5, 1, 0]])
    network = copies(block, 16)
    laplacian = np.diag(block.sum(axis=1)) - block
    times = 5.0 + np.arange(0, span, every)
    ideal = Ideal("steps", noise=d, dt=0.1)
    way = ideal.record(network, times=times, start=np.zeros((512, network.n)), rng=14)
    mean = way.phases.mean(axis=1).reshape(-1, 4)
    covariance = np.cov((mean - mean.mean(axis=1, keepdims=True)).T)
    expected = 2 * d / span * np.linalg.matrix_power(np.linalg.pinv(laplacian), 2)
    assert np.linalg.norm(covariance - expected) < 0.035 * np.linalg.norm(expected)
