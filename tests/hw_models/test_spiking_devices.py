"""Chips of spiking neurons: the terms of a device act on them as on analog oscillators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import PhaseNetwork, topology
from neurosc.hw_models import (
    CouplingAsymmetry,
    CouplingHarmonics,
    CouplingMismatch,
    Device,
    FlickerFrequencyNoise,
    FrequencyMismatch,
    PhaseLag,
    PhaseNoise,
    PhaseQuantization,
    SpikeTimeJitter,
    SpikingOscillators,
    StuckOscillator,
    WeightQuantization,
)
from neurosc.hw_models.spiking import LIF, Winfree
from neurosc.hw_models.terms import Term
from neurosc.network import FloatArray, wrap

X = np.random.default_rng(0).random((5, 3))
ON = SpikingOscillators(cycles=300)


def layered() -> PhaseNetwork:
    """The network of all tests."""
    return topology.layered([3, 4, 2], rng=1)


def relaxed(device: Device, *, chips: int = 3, rng: int = 5) -> FloatArray:
    """Phases of its chips, all of which lock."""
    return (
        device.fabricate(layered(), chips, rng=3)
        .relax(layered(), X, rng=rng)
        .raise_for_status()
        .phases
    )


TERMS: list[Term] = [
    FrequencyMismatch(0.05),
    CouplingMismatch(0.1),
    WeightQuantization(6),
    StuckOscillator(0.2),
    PhaseLag(0.2),
    CouplingAsymmetry(0.2),
]


@pytest.mark.parametrize("term", TERMS, ids=lambda t: type(t).__name__)
def test_frozen_terms_act_as_on_analog_chips(term: Term) -> None:
    analog = relaxed(Device(term))
    spiking = relaxed(Device(term, oscillators=ON))
    assert np.abs(wrap(analog - spiking)).max() < 0.035
    assert np.abs(wrap(relaxed(Device()) - analog)).max() > 0.045


def test_phase_noise_is_that_of_the_analog_chip() -> None:
    """In variance over many relaxations, and added to that of the neurons."""
    x = np.tile(X[:1], (300, 1))
    variance = []
    for oscillators in (None, SpikingOscillators(cycles=300, read_cycles=1)):
        chip = Device(PhaseNoise(2e-3), oscillators=oscillators).fabricate(layered(), rng=0)[0]
        phases = chip.relax(layered(), x, rng=1).phases[:, 3:]
        variance.append(wrap(phases - phases[0]).var(axis=0).mean())
    assert abs(variance[1] / variance[0] - 1) < 0.25
    own = SpikingOscillators(eps=0.1, noise=0.03)
    on = Device(PhaseNoise(2e-3), oscillators=own).substrate
    assert isinstance(on, SpikingOscillators)
    assert on.noise == pytest.approx(np.sqrt(0.03**2 + 2 * 2e-3 * 0.1))


def test_read_out_terms_act_on_what_is_read() -> None:
    phases = relaxed(Device(PhaseQuantization(4), oscillators=ON))
    steps = phases * 16 / (2 * np.pi)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)


def test_chips_are_those_one_by_one() -> None:
    device = Device(FrequencyMismatch(0.02), PhaseNoise(1e-3), oscillators=ON)
    chips = device.fabricate(layered(), 3, rng=3)
    whole = chips.relax(layered(), X, rng=5)
    assert whole.standard_error is not None
    for k, chip in enumerate(chips):
        alone = chip.relax(layered(), X[:2], rng=5)
        np.testing.assert_array_equal(alone.phases, whole.phases[k, :2])
        assert alone.standard_error is not None
        np.testing.assert_array_equal(alone.standard_error, whole.standard_error[k, :2])


def test_jitter_widens_the_readings() -> None:
    device = Device(SpikeTimeJitter(2e-3), oscillators=ON)
    found = device.fabricate(layered(), rng=0).relax(layered(), X, rng=0)
    assert found.standard_error is not None
    assert 5e-4 < found.standard_error[..., 3:].mean() < 2e-2


@pytest.mark.parametrize(
    "term",
    [CouplingHarmonics(second_relative=0.1), FlickerFrequencyNoise(0.01, 0.01, 1.0)],
    ids=["harmonics", "flicker"],
)
def test_terms_without_a_counterpart_are_refused(term: Term) -> None:
    chips = Device(term, oscillators=ON).fabricate(layered(), rng=0)
    with pytest.raises(ValueError, match=rf"^{type(term).__name__}: .* without oscillators="):
        chips.relax(layered(), X, rng=0)


def test_analog_oscillators_have_no_spikes() -> None:
    with pytest.raises(ValueError, match=r"^SpikeTimeJitter: .* TDC\(jitter_s=\)"):
        Device(SpikeTimeJitter(0.001)).fabricate(layered())
    wrong: Any = "lif"
    with pytest.raises(TypeError, match=r"^oscillators: 'lif' are none; give SpikingOscillators"):
        Device(oscillators=wrong)


@pytest.mark.parametrize("neuron", ["lif", LIF(1.3), Winfree(8)], ids=str)
def test_devices_keep_their_oscillators(neuron: Any) -> None:
    own = SpikingOscillators(neuron, eps=0.1, noise=0.01)
    device = Device(FrequencyMismatch(0.05), PhaseNoise(1e-3), oscillators=own)
    assert "oscillators: SpikingOscillators" in device.explain()
    for other in (
        Device.from_json(device.to_json()),
        device.scale(2).scale(0.5),
        device.only(PhaseNoise) | FrequencyMismatch(0.05),
        Device(PhaseNoise(1e-3)) | Device(FrequencyMismatch(0.05), oscillators=own),
        Device(FrequencyMismatch(0.05), PhaseNoise(1e-3)).replace(oscillators=own),
    ):
        assert other == device
    with pytest.raises(ValueError, match=r"^oscillators: .* replace\(oscillators=\)"):
        _ = device | Device(oscillators=ON)
    with pytest.raises(ValueError, match=r"^text: oscillators do not fit .* give what to_json"):
        Device.from_json(device.to_json().replace('"eps"', '"epsilon"'))
