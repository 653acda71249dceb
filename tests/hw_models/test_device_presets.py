"""The presets: complete, honest about their numbers, and able to run."""

from __future__ import annotations

import numpy as np
import pytest

from neurosc import PhaseNetwork, topology
from neurosc.hw_models import Device, presets
from neurosc.network import FloatArray

ARRAYS = [name for name in presets.list() if name.endswith("array")]


@pytest.mark.parametrize("name", presets.list())
def test_every_number_has_a_source_and_a_quality(name: str) -> None:
    preset = presets.find(name)
    device = presets.get(name)
    assert preset.device == device
    assert device.name == name
    assert device.terms
    for term in device.terms:
        assert term.source, term
        assert term.quality in ("measured", "stated", "assumed")
    if device.coupling_rad_per_s != 1:
        assert device.source
    text = device.explain()
    assert name in text
    assert "D/K" in text
    assert all(quality in text for quality in preset.qualities)
    assert Device.from_json(device.to_json()) == device


@pytest.mark.parametrize("name", presets.list())
def test_every_preset_runs(name: str, small: PhaseNetwork, samples: FloatArray) -> None:
    device = presets.get(name)
    chips = device.fabricate(small, 3, rng=0)
    found = chips.relax(small, samples[:4], rng=1)
    assert found.phases.shape == (3, 4, small.n)
    assert np.isfinite(found.phases).all()
    if name == "fpga-digital":  # a tick of delay unlocks couplings of both signs
        found = chips.relax(topology.all_to_all(small.n, 1.0), rng=1)
    if device.noise < 0.1:  # more of it makes phases slip
        assert found.locked.mean() > 0.6


def test_what_governs_them_is_as_the_field_says() -> None:
    ring, vortex = presets.get("cmos-ring-65nm"), presets.get("vortex-oscillator")
    assert ring.noise < 1e-3 < 100 * ring.noise < ring.detuning  # dominated by mismatch
    assert vortex.noise > 0.1  # by noise
    assert presets.get("fpga-digital").noise == presets.get("fpga-digital").detuning == 0


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_join_oscillators(name: str) -> None:
    oscillators, array = presets.get("vo2-relaxation"), presets.get(name)
    for joined in (oscillators | array, array | oscillators):
        assert joined.coupling_rad_per_s == oscillators.coupling_rad_per_s
        assert joined.detuning == oscillators.detuning
        assert set(joined.terms) == {*oscillators.terms, *array.terms}
        assert joined.name == f"vo2-relaxation | {name}"


def test_an_unknown_name_tells_the_nearest() -> None:
    with pytest.raises(ValueError, match="no preset 'cmos-ring-65'; use cmos-ring-65nm"):
        presets.get("cmos-ring-65")
