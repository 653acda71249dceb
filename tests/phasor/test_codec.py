"""Phases as spikes: bias, coherence, jitter, lost spikes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from neurosc.network import wrap
from neurosc.phasor import drop_spikes, jitter_spikes, phase_to_spikes, spikes_to_phase

UNIFORM = np.random.default_rng(0).uniform(-np.pi, np.pi, 400_000)


@given(
    arrays(np.float64, array_shapes(max_dims=3, max_side=4), elements=st.floats(-7, 7)),
    st.integers(2, 70),
)
def test_round_trip(phases: np.ndarray, bins: int) -> None:
    spikes = phase_to_spikes(phases, bins)
    assert spikes.shape == (bins, *phases.shape)
    assert (spikes.sum(axis=0) == 1).all()
    back = spikes_to_phase(spikes)
    assert (np.abs(wrap(back - phases)) <= np.pi / bins + 1e-9).all()
    assert (back > -np.pi).all()
    assert np.array_equal(phase_to_spikes(back, bins), spikes)


@pytest.mark.parametrize(("bins", "coherence"), [(8, 0.97450), (16, 0.99359), (64, 0.99960)])
def test_rounding_has_no_bias_and_the_known_coherence(bins: int, coherence: float) -> None:
    error = wrap(spikes_to_phase(phase_to_spikes(UNIFORM, bins)) - UNIFORM)
    spread = np.pi / bins / np.sqrt(3)
    assert abs(error.mean()) < 4 * spread / np.sqrt(error.size)
    assert error.std() == pytest.approx(spread, rel=0.01)
    assert abs(np.exp(1j * error).mean()) == pytest.approx(coherence, abs=5e-5)
    assert coherence == pytest.approx(np.sinc(1 / bins), abs=6e-6)


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.2])
def test_jitter_law(sigma: float) -> None:
    spikes = phase_to_spikes(np.zeros(40_000), 256)
    moved = jitter_spikes(spikes, sigma, rng=1)
    assert (moved.sum(axis=0) == 1).all()
    found = abs(np.exp(1j * spikes_to_phase(moved)).mean())
    assert found == pytest.approx(np.exp(-2 * np.pi**2 * sigma**2), abs=0.015)


def test_jitter_stays_in_the_cycle() -> None:
    cycles = np.concatenate([phase_to_spikes(np.full(500, theta), 16) for theta in (-3.1, 0, 3.0)])
    moved = jitter_spikes(cycles, 0.3, bins=16, rng=0)
    assert (moved.reshape(3, 16, 500).sum(axis=1) == 1).all()


def test_lost_spikes_leave_silent_units_and_cycles_that_average() -> None:
    spikes = np.tile(phase_to_spikes(np.full(20_000, 0.5), 32), (3, 1))
    left = drop_spikes(spikes, 0.5, rng=3)
    assert left.sum() == pytest.approx(30_000, rel=0.02)
    decoded = spikes_to_phase(left, 32)
    assert np.isnan(decoded).mean() == pytest.approx(1 / 8, abs=0.01)
    assert np.nanmax(np.abs(decoded - 0.5)) < np.pi / 32
    assert drop_spikes(spikes, 1.0).sum() == 0
    assert np.array_equal(drop_spikes(spikes, 0.0), spikes)


def test_silent_units_are_marked() -> None:
    spikes = phase_to_spikes([[0.3, np.nan]], 16)
    assert spikes.sum() == 1
    assert np.isnan(spikes_to_phase(spikes)).tolist() == [[False, True]]


def test_spikes_that_cancel_have_no_phase() -> None:
    assert np.isnan(spikes_to_phase(np.array([1, 0, 1, 0])))
    assert np.isnan(spikes_to_phase(np.ones(7)))


def test_same_rng_same_spikes() -> None:
    spikes = phase_to_spikes(UNIFORM[:100], 16)
    one, two = (jitter_spikes(spikes, 0.1, rng=5) for _ in range(2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, jitter_spikes(spikes, 0.1, rng=6))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: phase_to_spikes([0.0], 1), "bins: 1 cannot hold"),
        (lambda: phase_to_spikes([0.0], 2.5), "bins: 2.5"),  # type: ignore[arg-type]
        (lambda: phase_to_spikes([np.inf], 8), "phases: some are infinite"),
        (lambda: spikes_to_phase(np.zeros((9, 2)), 4), "spikes: 9 steps"),
        (lambda: spikes_to_phase(np.zeros(())), "spikes: shape"),
        (lambda: spikes_to_phase([0.5, 0]), "spikes: some values"),
        (lambda: jitter_spikes([1, 0], -0.1), "sigma: -0.1"),
        (lambda: drop_spikes([1, 0], 1.5), "probability: 1.5"),
    ],
)
def test_bad_input(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]


def test_phases_must_be_real() -> None:
    with pytest.raises(TypeError, match="phases: expected real numbers"):
        phase_to_spikes([1j], 8)
