"""Analog devices: what is frozen, what is dynamic, and what each term does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy

from neurosc import CosineCost, Ideal, PhaseNetwork, Substrate, evaluate, fit, two_phase_gradient
from neurosc.hw_models import (
    Chip,
    CouplingMismatch,
    Device,
    FrequencyMismatch,
    PhaseNoise,
    PhaseQuantization,
    WeightQuantization,
)
from neurosc.network import FloatArray
from neurosc.parameters import is_sparse

ALL = (
    FrequencyMismatch(0.02),
    CouplingMismatch(0.05),
    WeightQuantization(6),
    PhaseNoise(1e-3),
    PhaseQuantization(8),
)


def test_an_empty_device_is_the_ideal_to_the_bit(small: PhaseNetwork, samples: FloatArray) -> None:
    chip = Device().fabricate(small, rng=0)[0]
    assert isinstance(chip, Substrate)
    assert (chip.relax(small, samples).phases == Ideal().relax(small, samples).phases).all()


def test_zero_strength_equals_removal(small: PhaseNetwork, samples: FloatArray) -> None:
    chip = Device(FrequencyMismatch(0.0), CouplingMismatch(0.0), PhaseNoise(0.0)).fabricate(small)[
        0
    ]
    assert (chip.relax(small, samples).phases == Ideal().relax(small, samples).phases).all()


def test_frozen_draws_belong_to_the_chip(small: PhaseNetwork) -> None:
    device = Device(FrequencyMismatch(0.1), CouplingMismatch(0.1))
    chips = device.fabricate(small, 3, rng=5)
    again = device.fabricate(small, 2, rng=5)
    first = chips[0].program(small)
    assert (chips[0].program(small).coupling == first.coupling).all()
    assert (again[0].program(small).frequency == first.frequency).all()
    assert (chips[1].program(small).frequency != first.frequency).any()
    doubled = chips[0].program(small.replace(coupling=2 * small.coupling))
    np.testing.assert_allclose(doubled.coupling, 2 * first.coupling, rtol=1e-14)
    assert (doubled.frequency == first.frequency).all()


def test_one_effect_leaves_the_draws_of_the_others(small: PhaseNetwork) -> None:
    alone = Device(FrequencyMismatch(0.1)).fabricate(small, rng=5)[0].program(small)
    full = Device(CouplingMismatch(0.1), FrequencyMismatch(0.1)).fabricate(small, rng=5)[0]
    assert (full.program(small).frequency == alone.frequency).all()
    strong = Device(FrequencyMismatch(0.2)).fabricate(small, rng=5)[0].program(small)
    np.testing.assert_allclose(strong.frequency, 2 * alone.frequency)


def test_dynamic_noise_is_new_in_each_relaxation(small: PhaseNetwork, samples: FloatArray) -> None:
    chip = Device(PhaseNoise(1e-3)).fabricate(small, rng=0)[0]
    one, two, same = (chip.relax(small, samples, rng=r).phases for r in (1, 2, 1))
    assert (one == same).all()
    assert (one[:, small.free] != two[:, small.free]).all()


def test_chips_at_once_are_the_chips_one_by_one(small: PhaseNetwork, samples: FloatArray) -> None:
    chips = Device(*ALL).fabricate(small, 3, rng=1)
    together = chips.relax(small, samples, rng=2)
    assert together.phases.shape == (3, 12, small.n)
    for k, chip in enumerate(chips):
        assert isinstance(chip, Chip)
        assert (chip.relax(small, samples, rng=2).phases == together.phases[k]).all()
    assert len(chips[1:]) == 2
    assert (chips[1:].relax(small, samples, rng=2).phases == together.phases[1:]).all()
    part = chips[0].relax(small, samples[:5], rng=2).phases
    assert (part == together.phases[0, :5]).all()


def test_the_order_of_writing_does_not_matter(small: PhaseNetwork, samples: FloatArray) -> None:
    one, two = (Device(*terms).fabricate(small, rng=0)[0] for terms in (ALL, ALL[::-1]))
    assert repr(one.device) == repr(two.device)
    assert (
        one.relax(small, samples, rng=3).phases == two.relax(small, samples, rng=3).phases
    ).all()


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", [1.0, 1j])
def test_weight_quantization_keeps_the_grid_and_the_symmetry(sparse: bool, kind: complex) -> None:
    rng = np.random.default_rng(0)
    j: Any = np.triu(rng.standard_normal((6, 6)) + (kind.imag * 1j) * rng.random((6, 6)), 1)
    j = j + j.conj().T
    network = PhaseNetwork(scipy.sparse.csr_array(j) if sparse else j, field=rng.random(6))
    chip = Device(WeightQuantization(4), CouplingMismatch(0.0)).fabricate(network)[0]
    quantised = chip.program(network).coupling
    dense = quantised.toarray() if sparse else quantised
    largest = max(np.abs(j.real).max(), np.abs(j.imag).max())
    levels = dense.real * 7 / largest
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-12)
    assert np.abs(dense.real - j.real).max() <= largest / 14 + 1e-12
    assert (dense == dense.conj().T).all()


def test_coupling_mismatch_has_its_spread() -> None:
    n = 80
    network = PhaseNetwork(np.ones((n, n)) - np.eye(n), field=1.0)
    for net in (network, network.replace(coupling=scipy.sparse.csr_array(network.coupling))):
        j = Device(CouplingMismatch(0.1)).fabricate(net, rng=0)[0].program(net).coupling
        dense = j.toarray() if is_sparse(j) else j
        ratio = dense[np.triu_indices(n, 1)]
        assert ratio.std() == pytest.approx(0.1, rel=4.5 / np.sqrt(2 * ratio.size))
        assert (dense == dense.T).all()


def test_frequencies_are_in_units_of_the_coupling() -> None:
    network = PhaseNetwork(np.ones((500, 500)) - np.eye(500))
    device = Device(FrequencyMismatch(2e5), coupling_rad_per_s=1e7)
    spread = device.fabricate(network, rng=0)[0].program(network).frequency.std()
    assert spread == pytest.approx(0.02, rel=4.5 / np.sqrt(1000))


def test_phase_quantization_error_is_uniform() -> None:
    theta = np.random.default_rng(0).uniform(-np.pi, np.pi, 100_000)
    step = 2 * np.pi / 16
    read = PhaseQuantization(4).on_phases(theta)
    error = np.angle(np.exp(1j * (read - theta)))
    assert np.unique(read).size == 16
    assert error.var() == pytest.approx(step**2 / 12, rel=0.02)
    turned = PhaseQuantization(4).on_phases(theta + step)
    assert np.abs(np.angle(np.exp(1j * (turned - read - step)))).max() < 1e-9


def test_learns_on_a_noisy_chip(small: PhaseNetwork) -> None:
    y = np.arange(30) % 3
    x = 0.2 + 0.5 * np.eye(4)[y]
    chip = Device(FrequencyMismatch(0.05), PhaseNoise(1e-4)).fabricate(small, rng=2)[0]
    result = fit(
        small,
        (x, y),
        cost=CosineCost(),
        epochs=12,
        learning_rate=0.1,
        beta=0.3,
        batch_size=6,
        on=chip,
        rng=0,
    )
    assert evaluate(result.network, (x, y), cost=CosineCost(), on=chip, rng=1).accuracy > 0.95


def test_several_chips_do_not_learn_at_once(small: PhaseNetwork, samples: FloatArray) -> None:
    chips = Device().fabricate(small, 2)
    with pytest.raises(ValueError, match="several chips"):
        two_phase_gradient(small, samples, np.zeros(12, dtype=int), cost=CosineCost(), on=chips)


def test_several_chips_are_evaluated_at_once(small: PhaseNetwork, samples: FloatArray) -> None:
    chips = Device(FrequencyMismatch(0.3)).fabricate(small, 6, rng=0)
    result = evaluate(small, (samples, np.arange(12) % 3), cost=CosineCost(), on=chips)
    assert result.accuracy.shape == (6,)
    low, high = result.interval()
    assert low <= result.accuracy.mean() <= high


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FrequencyMismatch(-0.1), "sigma_rad_per_s: -0.1 is not a number >= 0"),
        (lambda: CouplingMismatch(float("nan")), "sigma_relative"),
        (lambda: PhaseNoise(-1.0), "diffusion_rad2_per_s"),
        (lambda: WeightQuantization(1), "bits"),
        (lambda: PhaseQuantization(0), "bits"),
        (lambda: Device(PhaseNoise(0.1), PhaseNoise(0.2)), "PhaseNoise is given twice"),
        (lambda: Device(coupling_rad_per_s=0.0), "coupling_rad_per_s"),
    ],
)
def test_bad_devices(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_bad_fabrication(small: PhaseNetwork) -> None:
    with pytest.raises(TypeError, match="no term"):
        Device("noise")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="chips: 0"):
        Device().fabricate(small, 0)
    with pytest.raises(ValueError, match="the chip 12"):
        Device().fabricate(small)[0].relax(PhaseNetwork([[0, 1], [1, 0]]))
