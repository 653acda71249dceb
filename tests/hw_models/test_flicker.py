"""1/f noise of frequencies: its spectrum, its conversions, and what it does to a chip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import CrossEntropy, Nudge, PhaseNetwork
from neurosc.hw_models import Device, FlickerFrequencyNoise, PhaseNoise
from neurosc.ideal.flicker import Flicker
from neurosc.ideal.reduction import reduce
from neurosc.ideal.tiles import Stepping, integrate
from neurosc.network import FloatArray

WIDE = 64


def spectrum(noise: Flicker, f: FloatArray) -> FloatArray:
    """One-sided, of a sum of Lorentz lines."""
    tau = np.array(noise.times)[:, None]
    return np.asarray((4 * noise.sigma**2 * tau / (1 + (2 * np.pi * f * tau) ** 2)).sum(axis=0))


@pytest.mark.parametrize(("per_decade", "ripple"), [(1, 0.48), (2, 0.007)])
def test_golden_ripple(per_decade: int, ripple: float) -> None:
    """f S(f) is C up to a ripple: of spacing d in ln tau, 2 / cosh(pi^2 / d) up and down."""
    f = np.logspace(-0.5, 0.5, 4001)
    flat = f * spectrum(FlickerFrequencyNoise(1.0, 1e-7, 1e7, per_decade).processes(), f)
    decibels = 10 * np.log10(flat)
    assert np.ptp(decibels) == pytest.approx(ripple, abs=0.005)
    wave = 2 / np.cosh(np.pi**2 * per_decade / np.log(10))
    assert flat.max() / flat.min() == pytest.approx((1 + wave) / (1 - wave), rel=1e-4)
    assert flat.mean() == pytest.approx(1 / (2 * np.log(2)), rel=2e-3)


def test_the_allan_deviation_is_flat_at_its_floor() -> None:
    """sigma^2(T) = 2 integral S(f) sin^4(pi T f) / (pi T f)^2 df."""
    noise = FlickerFrequencyNoise(0.03, 1e-6, 1e6).processes()
    f = np.logspace(-7, 7, 400_001)
    for span in (0.1, 1.0, 10.0):
        window = np.sin(np.pi * span * f) ** 4 / (np.pi * span * f) ** 2
        variance = 2 * np.trapezoid(spectrum(noise, f) * window, f)
        assert np.sqrt(variance) == pytest.approx(0.03, rel=0.005)


def test_from_what_a_lab_knows() -> None:
    """At its corner 1/f noise is as strong as the white one, 4 D; an Allan floor is relative."""
    d, corner = 50.0, 1e5
    noise = FlickerFrequencyNoise.from_corner(corner, d, 1e1, 1e9).processes()
    at = np.array([corner])
    np.testing.assert_allclose(spectrum(noise, at), 4 * d, rtol=5e-3)
    np.testing.assert_allclose(spectrum(noise, at / 10), 40 * d, rtol=5e-3)
    floor = FlickerFrequencyNoise.from_allan(1e-5, 1e9, 1e3, 1e6, source="counter")
    assert floor.floor_rad_per_s == pytest.approx(2 * np.pi * 1e4)
    assert floor.source == "counter"
    fast = Device(floor, coupling_rad_per_s=1e6)
    assert fast.wander == pytest.approx(0.0628, rel=1e-3)
    assert fast.flicker is not None
    assert fast.flicker.times[0] == pytest.approx(1 / (2 * np.pi))
    assert "1/f floor/K = 0.0628" in fast.explain()


def alone(field: float = 0.0) -> PhaseNetwork:
    """Copies of one oscillator."""
    floats = range(WIDE) if field == 0 else None
    return PhaseNetwork(np.zeros((WIDE, WIDE)), field=field, reference=floats)


def way(
    network: PhaseNetwork, noise: Flicker, dt: float, marks: list[int], batch: int, scheme: Any
) -> FloatArray:
    problem = reduce(network, None, None, np.zeros((batch, WIDE)))
    seeds = (np.random.SeedSequence(3),)
    stepping = Stepping(np.full(batch, dt), 0.0, scheme, "float64", seeds, noise)
    return integrate(problem, stepping, np.tile(np.array(marks), (batch, 1)))[0]


@pytest.mark.parametrize("dt", [0.05, 0.4])
@pytest.mark.parametrize("scheme", ["heun", "euler-maruyama"])
def test_phases_wander_as_the_processes_say(scheme: Any, dt: float) -> None:
    """Var theta(t) = sum 2 sigma^2 tau^2 (t/tau - 1 + e^(-t/tau)) of a free oscillator; sampled
    exactly, the variance does not know dt."""
    noise, batch, end = Flicker(0.1, (1.0, 10.0, 100.0)), 1024, 8.0
    found = way(alone(), noise, dt, [round(end / dt)], batch, scheme)[:, 0]
    ratio = end / np.array(noise.times)
    expected = (2 * 0.01 * np.array(noise.times) ** 2 * (ratio - 1 + np.exp(-ratio))).sum()
    bias = 0.01 + 0.02 * dt  # of sums for integrals over the fastest process
    assert found.var() == pytest.approx(expected, rel=4.5 * np.sqrt(2 / found.size) + bias)


def test_a_locked_phase_follows_the_slow_ones() -> None:
    """theta' = x - a theta: Var = sum sigma^2 tau / (a (1 + a tau))."""
    noise, a, batch = Flicker(1e-3, (0.5, 5.0, 500.0)), 1.0, 512
    found = way(alone(field=a), noise, 0.05, [200], batch, "heun")[:, 0]
    tau = np.array(noise.times)
    expected = (1e-6 * tau / (a * (1 + a * tau))).sum()
    assert found.var() == pytest.approx(expected, rel=4.5 * np.sqrt(2 / found.size) + 0.01)


def test_values_are_correlated_in_time_and_independent_in_space() -> None:
    noise, dt, batch = Flicker(0.1, (2.0,)), 0.1, 512
    found = way(alone(), noise, dt, list(range(0, 41)), batch, "euler-maruyama")
    x = np.diff(found, axis=1) / dt
    error = 4.5 / np.sqrt(batch * WIDE)
    assert x[:, 0].std() == pytest.approx(0.1, rel=error)
    for lag in (1, 20):
        moment = (x[:, 0] * x[:, lag]).mean() / 0.01
        assert moment == pytest.approx(np.exp(-lag * dt / 2.0), abs=2 * error)
    for one, other in ((x[:, 0, ::2], x[:, 0, 1::2]), (x[::2, 0], x[1::2, 0])):
        assert abs((one * other).mean()) / 0.01 < 2 * error


TERM = FlickerFrequencyNoise(0.05, 1e-3, 0.1)


def test_chips_draw_it_anew_and_keep_the_other_noise(
    small: PhaseNetwork, samples: FloatArray
) -> None:
    chip = Device(TERM).fabricate(small, rng=0)[0]
    one, two, same = (chip.relax(small, samples, rng=r).phases for r in (1, 2, 1))
    assert (one == same).all()
    assert (one[:, small.free] != two[:, small.free]).all()
    assert (chip.relax(small, samples[:5], rng=1).phases == one[:5]).all()
    white = Device(PhaseNoise(1e-3))
    weak = white | FlickerFrequencyNoise(1e-9, 1e-3, 0.1)
    kicks, both = (
        d.fabricate(small, rng=0)[0].relax(small, samples, rng=1).phases for d in (white, weak)
    )
    assert (kicks != both).any()
    np.testing.assert_allclose(np.cos(kicks), np.cos(both), atol=1e-5)


def test_both_stages_of_a_nudge_by_feedback_feel_it(
    small: PhaseNetwork, samples: FloatArray
) -> None:
    """A nudge of no strength to speak of, which goes another way through the steps."""
    chip = Device(TERM, PhaseNoise(1e-3)).fabricate(small, rng=0)[0]
    nudge = Nudge(CrossEntropy(), np.arange(12) % 3, 1e-12)
    nudged = chip.relax(small, samples, nudge=nudge, rng=1).phases
    free = chip.relax(small, samples, rng=1).phases
    np.testing.assert_allclose(np.cos(nudged), np.cos(free), atol=1e-6)


def test_bad_bands() -> None:
    with pytest.raises(ValueError, match=r"lowest_hz, highest_hz: 1 to 0\.1 is no band"):
        FlickerFrequencyNoise(0.1, 1.0, 0.1)
    too_fast = Device(FlickerFrequencyNoise(0.1, 1e-3, 100.0))
    with pytest.raises(ValueError, match="highest_hz: the fastest process"):
        too_fast.fabricate(alone(1.0))[0].relax(alone(1.0), rng=0)
