"""Devices as values: how they combine, what they tell of themselves, and their files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy

from neurosc import Ideal, PhaseNetwork, topology
from neurosc.hw_models import (
    CouplingMismatch,
    Device,
    FrequencyMismatch,
    ImplausibleValueWarning,
    PhaseNoise,
    PhaseQuantization,
    SecondHarmonicMismatch,
    WeightQuantization,
)
from neurosc.network import FloatArray

ALL = Device(
    FrequencyMismatch(0.02, 3.0, 4, source="bench, 2024", quality="measured"),
    CouplingMismatch(0.05),
    WeightQuantization(6),
    PhaseNoise(1e-3),
    PhaseQuantization(8),
)


def names(device: Device) -> list[str]:
    return [type(term).__name__ for term in device.terms]


def test_terms_join_in_the_order_of_the_signal_path() -> None:
    joined = PhaseNoise(0.1) | (Device(PhaseQuantization(4)) | WeightQuantization(5))
    assert names(joined) == ["WeightQuantization", "PhaseNoise", "PhaseQuantization"]
    assert joined == Device(WeightQuantization(5), PhaseQuantization(4)) | Device(PhaseNoise(0.1))
    assert ALL.only(PhaseNoise, "CouplingMismatch") == Device(
        PhaseNoise(1e-3), CouplingMismatch(0.05)
    )
    rest = ALL.without(PhaseNoise, "CouplingMismatch")
    assert (rest | ALL.only(PhaseNoise, CouplingMismatch)) == ALL


def test_scale_multiplies_strengths_alone() -> None:
    scaled = ALL.scale(3, FrequencyMismatch, PhaseNoise)
    (mismatch,) = scaled.only(FrequencyMismatch).terms
    assert mismatch == FrequencyMismatch(0.06, 3.0, 4, source="bench, 2024", quality="measured")
    assert scaled.noise == pytest.approx(3e-3)
    assert scaled.without(FrequencyMismatch, PhaseNoise) == ALL.without(
        FrequencyMismatch, PhaseNoise
    )


def test_replace_keeps_the_rest() -> None:
    other = ALL.replace(WeightQuantization(3), coupling_rad_per_s=10.0)
    assert other.coupling_rad_per_s == 10
    assert other.only(WeightQuantization).terms == (WeightQuantization(3),)
    assert other.without(WeightQuantization).terms == ALL.without(WeightQuantization).terms


def test_scaled_to_zero_is_removed_to_the_bit(small: PhaseNetwork, samples: FloatArray) -> None:
    strong = ("FrequencyMismatch", "CouplingMismatch", "PhaseNoise")
    zero = ALL.scale(0, *strong).fabricate(small, rng=1)[0]
    gone = ALL.without(*strong).fabricate(small, rng=1)[0]
    assert (zero.relax(small, samples).phases == gone.relax(small, samples).phases).all()
    only = ALL.only(*strong).scale(0).fabricate(small, rng=1)
    ideal = Ideal().relax(small, samples)
    for found in (only[0].relax(small, samples), only.relax(small, samples)):
        assert (found.phases == ideal.phases).all()
        assert (found.status == ideal.status).all()


def test_it_explains_every_number_with_its_unit_and_source() -> None:
    lines = ALL.replace(coupling_rad_per_s=2.0).explain().splitlines()
    words = [" ".join(line.split()) for line in lines]
    for line in (
        "FrequencyMismatch frozen sigma_rad_per_s sigma 0.02 rad/s measured: bench, 2024",
        "correlation_length_pitches l 3 pitches",
        "WeightQuantization frozen bits b 6 bits given",
        "PhaseNoise dynamic diffusion_rad2_per_s D 0.001 rad^2/s given",
        "K = 2 rad/s",
        "D/K = 0.0005, detuning/K = 0.01",
    ):
        assert line in words
    assert "the ideal model" in Device().explain()


def test_json_round_trip_is_exact() -> None:
    device = ALL.scale(1 / 3, PhaseNoise).replace(coupling_rad_per_s=np.pi)
    again = Device.from_json(device.to_json())
    assert again == device
    assert again.terms[2].source == device.terms[2].source == "bench, 2024"
    assert Device.from_json(Device(name="bare").to_json()) == Device(name="bare")


def edited(change: Callable[[dict[str, Any]], object]) -> str:
    read = json.loads(ALL.to_json())
    change(read)
    return json.dumps(read)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "text: is no JSON"),
        ("[1]", "text: is no device"),
        (edited(lambda d: d.update(version=3)), "version 3, this neurosc reads 2"),
        (edited(lambda d: d.pop("terms")), "text: lacks terms"),
        (
            edited(lambda d: d["terms"][0].update(kind="FrequencyMismach")),
            "'FrequencyMismach' is unknown; use FrequencyMismatch",
        ),
        (
            edited(lambda d: d["terms"][-1].update(bit=3)),
            "PhaseQuantization, field 'bit' is unknown; use bits",
        ),
        (edited(lambda d: d["terms"][-1].pop("bits")), "PhaseQuantization lacks bits"),
    ],
)
def test_files_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Device.from_json(text)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ALL | PhaseNoise(0.2), "terms: PhaseNoise is given twice"),
        (
            lambda: ALL.only(PhaseNoise) | Device(FrequencyMismatch(0.1), coupling_rad_per_s=2),
            "coupling_rad_per_s: 1 and 2 do not combine",
        ),
        (lambda: ALL.only("PhaseNois"), "PhaseNois is no kind of term; use PhaseNoise"),
        (lambda: ALL.without(SecondHarmonicMismatch), "not a term of this device"),
        (ALL.only, "kinds: none is named"),
        (lambda: ALL.scale(2), "has no strength to multiply; name others"),
        (lambda: ALL.scale(-1, PhaseNoise), "factor: -1 is not a number >= 0"),
        (lambda: ALL.replace(SecondHarmonicMismatch(0.1)), "not a term of this device"),
        (lambda: ALL.replace(PhaseNoise(1.0), PhaseNoise(2.0)), "two are of the same kind"),
        (lambda: CouplingMismatch(0.1, quality="sure"), "quality: 'sure'"),  # type: ignore[arg-type]
        (lambda: WeightQuantization(2.5), "bits: 2.5 is no whole number"),  # type: ignore[arg-type]
    ],
)
def test_bad_compositions(make: Callable[[], Device], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_what_is_no_number_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="sigma_relative: expected a number"):
        CouplingMismatch("5 %")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        ALL | 5  # type: ignore[operator]


@pytest.mark.parametrize(
    "make",
    [
        lambda: CouplingMismatch(5),
        lambda: SecondHarmonicMismatch(5),
        lambda: FrequencyMismatch.from_relative(5, 1e9),
        lambda: PhaseNoise.from_jitter(5, 1e9),
    ],
)
def test_percentages_warn_and_name_the_unit(make: Callable[[], object]) -> None:
    with pytest.warns(ImplausibleValueWarning, match=r"5.* is share \(0.05 is 5 %\)"):
        make()


@pytest.mark.parametrize("term", [FrequencyMismatch(5), PhaseNoise(5)])
def test_rates_that_look_like_percentages_warn(term: FrequencyMismatch | PhaseNoise) -> None:
    with pytest.warns(ImplausibleValueWarning, match=r"K is 5; .* 0\.05 is 5 %"):
        Device(term)
    assert Device(term, coupling_rad_per_s=100.0).terms == (term,)


def test_second_harmonics_scatter_where_there_are_some() -> None:
    network = topology.all_to_all(400).replace(second_harmonic=0.5)
    device = Device(SecondHarmonicMismatch(0.1))
    spread = device.fabricate(network, rng=0)[0].program(network).second_harmonic / 0.5 - 1
    assert spread.std() == pytest.approx(0.1, rel=4.5 / np.sqrt(800))
    with pytest.raises(ValueError, match="no second harmonic to scatter; give it one"):
        device.fabricate(network)[0].relax(network.replace(second_harmonic=0.0))


@pytest.mark.parametrize(("per_row", "neighbour"), [(0, 1), (50, 1), (50, 50)])
def test_neighbours_are_alike(per_row: int, neighbour: int) -> None:
    network = PhaseNetwork(scipy.sparse.csr_array((2500, 2500)), field=1.0)
    device = Device(FrequencyMismatch(0.1, 5.0, per_row))
    chips = device.fabricate(network, 20, rng=0)
    draws = np.stack([chip.program(network).frequency for chip in chips]) / 0.1
    moment = (draws[:, neighbour:] * draws[:, :-neighbour]).mean(axis=1)
    if per_row and neighbour == 1:  # the first of a row does not follow the last of the one before
        rows = draws.reshape(20, 50, 50)
        moment = (rows[..., 1:] * rows[..., :-1]).mean(axis=(1, 2))
    error = moment.std(ddof=1) / np.sqrt(20)
    assert abs(moment.mean() - np.exp(-1 / 5)) < 4.5 * error
    assert abs((draws**2).mean() - 1) < 4.5 * (draws**2).mean(axis=1).std() / np.sqrt(20)


def test_phase_noise_from_what_a_lab_measures() -> None:
    f0, d = 1e8, 2e4
    made = (
        PhaseNoise.from_linewidth_hz(d / np.pi),
        PhaseNoise.from_dbc(10 * np.log10(d / (2 * np.pi**2 * 1e12)), 1e6),
        PhaseNoise.from_jitter(np.sqrt(d / (2 * np.pi**2 * f0)), f0),
        PhaseNoise.from_allan(np.sqrt(2 * d / ((2 * np.pi * f0) ** 2 * 1e-3)), 1e-3, f0),
    )
    for noise in made:
        assert noise.diffusion() == pytest.approx(d, rel=1e-12)
    # facts of the literature: -105 dBc/Hz at 1 MHz is 624 rad^2/s, 40 kHz linewidth 1.26e5
    assert PhaseNoise.from_dbc(-105, 1e6).diffusion() == pytest.approx(624, rel=1e-3)
    assert PhaseNoise.from_linewidth_hz(4e4).diffusion() == pytest.approx(1.257e5, rel=1e-3)
    with pytest.raises(ValueError, match="dbc_per_hz: 105 is no phase noise"):
        PhaseNoise.from_dbc(105, 1e6)


def test_jitter_and_diffusion_describe_one_oscillator() -> None:
    """Periods with independent jitter, simulated: Var theta = 2 D t."""
    f0, share, periods = 50.0, 0.01, 400
    jitter = np.random.default_rng(0).normal(0, share / f0, (4000, periods)).sum(axis=1)
    variance = (2 * np.pi * f0 * jitter).var(ddof=1)
    d = PhaseNoise.from_jitter(share, f0).diffusion()
    assert variance == pytest.approx(2 * d * periods / f0, rel=4.5 * np.sqrt(2 / 4000))
