"""The taps against the numbers of the derivation, and on a time grid."""

import numpy as np
import pytest
from brian2 import ms, second

from neurosc.hw_models.spiking.lif import LIF
from neurosc.hw_models.spiking.neuron import Neuron
from neurosc.hw_models.spiking.taps import Taps, pair_design, place

PHASES = np.linspace(-np.pi, np.pi, 721)
GOLDEN = {
    (3, 2): (
        [0.16921, 0.29421, 0.41921, 0.66921, 0.79421, 0.91921],
        [-0.07905, -0.11179, -0.07905, 0.07905, 0.11179, 0.07905],
    ),
    (2, 3): (
        [0.08588, 0.25255, 0.58588, 0.75255],
        [-0.18255, -0.18255, 0.18255, 0.18255],
    ),
}
SYNAPSE = 1 / (2 * np.pi)
DEVIATIONS = {
    (1, SYNAPSE): [0.32, 0.12, 0.076, 0.046],
    (1, 0.5): [0.25, 0.092, 0.057, 0.034],
    (2, SYNAPSE): [0.092, 0.022, 0.009],
    (3, SYNAPSE): [0.033, 0.0056],
}
LEAKY = Neuron(
    "dv/dt = (I - v)/tau : 1",
    threshold="v >= 1",
    reset="v = 0",
    drive="I",
    parameters={"tau": LIF().tau * second, "I": LIF().drive},
)
QUADRATIC = Neuron(
    "dv/dt = (v**2 + I)/tau : 1",
    threshold="v > 5",
    reset="v = -5",
    drive="I",
    parameters={"tau": 10 * ms, "I": 1},
)


@pytest.mark.parametrize("pairs_poles", GOLDEN)
def test_design_has_the_derived_delays_and_weights(pairs_poles: tuple[int, int]) -> None:
    taps = pair_design(*pairs_poles)
    delays, weights = GOLDEN[pairs_poles]
    np.testing.assert_allclose(taps.delays, delays, atol=1e-4)
    np.testing.assert_allclose(taps.weights, weights, atol=1e-4)


def test_the_neuron_has_period_one_and_the_bias_sets_its_frequency() -> None:
    neuron = LIF()
    assert neuron.tau == pytest.approx(0.5581, abs=1e-4)
    assert neuron.current(0.0, eps=0.1) == pytest.approx(neuron.drive)
    drive = neuron.current(2.0, eps=0.1)
    period = neuron.tau * np.log(drive / (drive - 1))
    assert 1 / period == pytest.approx(1 + 0.1 * 2.0 / (2 * np.pi))


@pytest.mark.parametrize("poles_pole", DEVIATIONS)
def test_the_interaction_is_as_close_to_the_sine_as_derived(
    poles_pole: tuple[int, float],
) -> None:
    poles, pole = poles_pole
    expected = DEVIATIONS[poles_pole]
    found = [place(LIF(), k + 1, poles, pole).deviation for k in range(len(expected))]
    np.testing.assert_allclose(found, expected, rtol=0.03)


@pytest.mark.parametrize("pairs_poles", GOLDEN)
def test_a_leaky_neuron_of_own_equations_has_the_same_taps(pairs_poles: tuple[int, int]) -> None:
    taps = pair_design(*pairs_poles, neuron=LEAKY)
    delays, weights = GOLDEN[pairs_poles]
    np.testing.assert_allclose(taps.delays, delays, atol=1e-4)
    # a drive of w times the period moves the voltage by w T / tau
    np.testing.assert_allclose(np.asarray(taps.weights) / LIF().tau, weights, atol=1e-4)
    closed = pair_design(*pairs_poles)
    np.testing.assert_allclose(taps.interaction(PHASES), closed.interaction(PHASES), atol=1e-8)


@pytest.mark.parametrize("steps", [None, 128])
def test_taps_of_a_quadratic_neuron_couple_like_a_sine(steps: int | None) -> None:
    taps = pair_design(neuron=QUADRATIC, steps_per_cycle=steps)
    assert taps.deviation < 0.005
    assert sum(taps.weights) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("pairs", "steps"), [(3, 32), (3, 64), (3, 128), (3, 1000), (2, 102), (2, 126), (4, 130)]
)
def test_tuned_delays_lie_half_past_a_step(pairs: int, steps: int) -> None:
    taps = pair_design(pairs, steps_per_cycle=steps)
    np.testing.assert_allclose(np.asarray(taps.delays) * steps % 1, 0.5, atol=1e-9)
    assert sum(taps.weights) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("steps", [32, 128])
def test_on_the_grid_delays_are_the_whole_steps_before(steps: int) -> None:
    taps = pair_design(steps_per_cycle=steps)
    delays, weights, crossed = taps.on_grid(steps, lags=False)
    np.testing.assert_allclose(np.asarray(taps.delays) * steps - 0.5, delays, atol=1e-6)
    assert (weights, crossed) == (taps.weights, ())


@pytest.mark.parametrize(("pairs", "steps", "distinct"), [(3, 128, 8), (2, 132, 8), (1, 128, 4)])
def test_crossed_weights_are_for_the_imaginary_part(pairs: int, steps: int, distinct: int) -> None:
    taps = pair_design(pairs, steps_per_cycle=steps)
    delays, weights, crossed = taps.on_grid(steps, lags=True)
    assert len(delays) == len(set(delays)) == distinct
    assert all(0 <= d < steps for d in delays)
    j = 0.3 - 0.8j
    mixed = Taps(
        taps.neuron,
        taps.pole,
        taps.poles,
        tuple((d + 0.5) / steps for d in delays),
        tuple(j.real * a + j.imag * b for a, b in zip(weights, crossed, strict=True)),
    )
    expected = (j * np.exp(1j * PHASES)).imag
    np.testing.assert_allclose(
        mixed.interaction(PHASES), expected, atol=1.5 * abs(j) * taps.deviation
    )


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^drive: .*1\.2 by default"):
        LIF(1.0)
    with pytest.raises(ValueError, match=r"^pairs, poles: .* must both be 1 or more"):
        pair_design(0)
    with pytest.raises(ValueError, match=r"^steps_per_cycle: 100 is no multiple of 8"):
        pair_design(steps_per_cycle=100)
    with pytest.raises(ValueError, match=r"^poles: .*own equations.*; give 2 or more"):
        pair_design(poles=1, neuron=QUADRATIC)
    with pytest.raises(ValueError, match=r"^steps: .* half past a step of 128; make the taps"):
        pair_design(steps_per_cycle=64).on_grid(128, lags=False)
    with pytest.raises(ValueError, match=r"^steps: 42 is no multiple of 4"):
        pair_design(2, steps_per_cycle=42).on_grid(42, lags=True)
