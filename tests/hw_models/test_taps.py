"""The taps against the numbers of the derivation, and on a time grid."""

import itertools

import numpy as np
import pytest

from neurosc.hw_models.spiking import LIF, pair_design

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


@pytest.mark.parametrize(("pairs", "poles"), [(3, 2), (2, 3)])
def test_the_interaction_is_a_sine_within_one_percent(pairs: int, poles: int) -> None:
    error = pair_design(pairs, poles).interaction(PHASES) - np.sin(PHASES)
    assert np.abs(error).max() < 0.01


def test_more_pairs_come_closer_to_the_sine() -> None:
    errors = [
        np.abs(pair_design(pairs, 2).interaction(PHASES) - np.sin(PHASES)).max()
        for pairs in (1, 2, 3, 4)
    ]
    assert all(b < 0.5 * a for a, b in itertools.pairwise(errors))


@pytest.mark.parametrize("steps", [32, 64, 128, 256, 1000])
def test_tuned_delays_lie_half_past_a_step(steps: int) -> None:
    taps = pair_design(steps_per_cycle=steps)
    np.testing.assert_allclose(np.asarray(taps.delays) * steps % 1, 0.5, atol=1e-9)
    assert sum(taps.weights) == pytest.approx(0, abs=1e-12)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^drive: .*1\.2 by default"):
        LIF(1.0)
    with pytest.raises(ValueError, match=r"^pairs, poles: .* must both be 1 or more"):
        pair_design(0)
    with pytest.raises(ValueError, match=r"^steps_per_cycle: 100 is no multiple of 8"):
        pair_design(steps_per_cycle=100)
