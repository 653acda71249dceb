"""Sweeps: what is in the table, which draws are shared, what the statistics say of it."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neurosc import CosineCost, PhaseNetwork, evaluate, robustness
from neurosc.hw_models import (
    TDC,
    CouplingMismatch,
    Device,
    FrequencyMismatch,
    ImplausibleValueWarning,
    PhaseNoise,
    PhaseQuantization,
    SupplyNoise,
    WeightQuantization,
)
from neurosc.network import FloatArray
from neurosc.randomness import key_from, key_text
from neurosc.robustness import study

COST = CosineCost()
COLUMNS = [
    "preset", "parameter", "level", "unit", "chip", "trial", "metric", "value", "n_test",
    "rng_key", "locked_share", "seconds", "version",
]  # fmt: skip
Data = tuple[FloatArray, np.ndarray]


@pytest.fixture
def data(samples: FloatArray, labels: np.ndarray) -> Data:
    return samples, labels


@pytest.fixture
def device() -> Device:
    return Device(FrequencyMismatch(0.2), PhaseNoise(0.05), name="mine")


def same(a: robustness.Sweep, b: robustness.Sweep) -> None:
    """Equal bit for bit in all but the time they took."""
    left, right = (s.table.drop(columns="seconds") for s in (a, b))
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def made(values: dict[float, FloatArray], *, is_strength: bool = True) -> robustness.Sweep:
    """A sweep with these values (chips, trials) at each level."""
    rows = [
        {"preset": "p", "parameter": "P", "level": level, "unit": "u", "chip": chip,
         "trial": trial, "metric": "accuracy", "value": value, "n_test": 10, "rng_key": "0",
         "locked_share": 1.0, "seconds": 0.0, "version": "0"}
        for level, grid in values.items()
        for chip, row in enumerate(grid)
        for trial, value in enumerate(row)
    ]  # fmt: skip
    parameter = {"name": "P", "unit": "u", "is_strength": is_strength, "levels": [*values]}
    chips, trials = next(iter(values.values())).shape
    study = {"parameters": [parameter], "chips": chips, "trials": trials, "preset": "p"}
    return robustness.Sweep(pd.DataFrame(rows), study | {"measure": {"metrics": ["accuracy"]}})


def test_studies_are_imported_when_they_are_asked_for() -> None:
    program = (
        "import sys, neurosc; assert 'neurosc.robustness' not in sys.modules;"
        "print(neurosc.robustness.sweep.__name__)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "sweep", done.stderr
    for name in robustness.__all__:
        assert getattr(robustness, name).__doc__, name


def test_one_row_for_each_measurement(small: PhaseNetwork, data: Data, device: Device) -> None:
    found = robustness.sweep(
        small, data, device, [0, 0.1, 0.4], cost=COST, parameter="FrequencyMismatch", chips=3,
        trials=2, metrics=("accuracy", "loss"), rng=0,
    )  # fmt: skip
    table = found.table
    assert [*table.columns] == COLUMNS
    assert len(table) == 3 * 3 * 2 * 2
    assert not table.duplicated(["parameter", "level", "chip", "trial", "metric"]).any()
    assert not table.isna().to_numpy().any()
    assert set(table["parameter"]) == {"FrequencyMismatch.sigma_rad_per_s"}
    assert set(table["unit"]) == {"rad/s"}
    assert set(table["preset"]) == {"mine"}
    assert set(table["n_test"]) == {12}
    assert found.is_complete


def test_each_row_can_be_measured_again(small: PhaseNetwork, data: Data, device: Device) -> None:
    """Fabrication comes from the root of the study, the noise from the key in the row."""
    found = robustness.sweep(
        small, data, device, [0.1, 0.4], cost=COST, parameter="FrequencyMismatch", chips=3,
        trials=2, metrics="loss", rng=7,
    )  # fmt: skip
    assert found.table["value"].nunique() == len(found.table)
    for _, row in found.table.iterrows():
        mine = device.replace(FrequencyMismatch(row["level"]))
        chip = mine.fabricate(small, chips=3, rng=7)[row["chip"]]
        again = evaluate(small, data, cost=COST, on=chip, rng=key_from(row["rng_key"]))
        assert again.loss == row["value"]
        assert again.locked.mean() == row["locked_share"]


def test_what_varies_per_run_varies_over_trials(small: PhaseNetwork, data: Data) -> None:
    device = Device(SupplyNoise(0.05, 1.0))
    found = robustness.sweep(
        small, data, device, [1.0], cost=COST, chips=2, trials=3, metrics="loss", rng=0
    )
    assert found.table.groupby("chip")["value"].nunique().tolist() == [3, 3]


def test_levels_compare_in_pairs(small: PhaseNetwork, data: Data) -> None:
    """Frozen draws are scaled: the loss of a chip moves in proportion to a small mismatch."""
    found = robustness.sweep(
        small, data, Device(FrequencyMismatch(1)), [0, 1e-5, 2e-5], cost=COST, chips=4,
        parameter="FrequencyMismatch", metrics="loss", rng=0,
    )  # fmt: skip
    loss = found.to_xarray()["loss"].to_numpy()[0, :, :, 0]
    slope = (loss[1:] - loss[0]) / np.array([[1e-5], [2e-5]])
    assert slope[0] == pytest.approx(slope[1], rel=1e-2)
    assert np.abs(slope).min() > 1e-3


def test_bits_do_not_depend_on_jobs_and_blocks(
    small: PhaseNetwork, data: Data, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(jobs: int) -> robustness.Sweep:
        return robustness.sweep(
            small, data, device, [0, 1], cost=COST, chips=5, metrics="loss", rng=1, jobs=jobs
        )

    whole = run(1)
    monkeypatch.setattr(study, "CHUNK_SAMPLES", 20)
    here, there = run(1), run(2)
    assert (whole.table["seconds"].nunique(), here.table["seconds"].nunique()) == (2, 6)
    same(whole, here)
    same(here, there)


def test_levels_of_the_whole_device_are_factors(small: PhaseNetwork, data: Data) -> None:
    device = Device(FrequencyMismatch(0.1), CouplingMismatch(0.2), WeightQuantization(4))
    found = robustness.sweep(small, data, device, [0.5, 1], cost=COST, chips=3, metrics="loss")
    direct = device.fabricate(small, 3, rng=key_from(found.study["rng"]))
    again = evaluate(small, data, cost=COST, on=direct)
    table = found.table[found.table["level"] == 1]
    assert set(found.table["parameter"]) == {"device"}
    assert set(found.table["unit"]) == {"x"}
    assert table["value"].tolist() == again.loss.tolist()


def test_several_parameters_one_after_another(small: PhaseNetwork, data: Data) -> None:
    device = Device(FrequencyMismatch(0.1), CouplingMismatch(0.2), WeightQuantization(4))
    levels: dict[str, Any] = {
        "WeightQuantization.bits": [2, 3],
        "CouplingMismatch": [0.0, 0.1, 0.2],
    }
    found = robustness.sweep(small, data, device, levels, cost=COST, chips=2, rng=0)
    assert [p["name"] for p in found.study["parameters"]] == [
        "WeightQuantization.bits", "CouplingMismatch.sigma_relative",
    ]  # fmt: skip
    units = found.table.groupby("parameter")["unit"].first()
    assert units["WeightQuantization.bits"] == "bits"
    assert "0.05 is 5 %" in units["CouplingMismatch.sigma_relative"]
    cube = found.to_xarray()
    assert cube["accuracy"].shape == (2, 5, 2, 1)
    assert int(cube["accuracy"].count()) == len(found.table)
    factors = robustness.sweep(
        small, data, device, [1, 2], cost=COST, chips=2, rng=0, relative=True,
        parameter=["FrequencyMismatch", "CouplingMismatch"],
    )  # fmt: skip
    at_one = factors.table[factors.table["level"] == 1]
    assert at_one.groupby("chip")["value"].nunique().tolist() == [1, 1]


def test_percentages_for_shares_warn_once(small: PhaseNetwork, data: Data) -> None:
    device = Device(CouplingMismatch(0.05))
    with pytest.warns(ImplausibleValueWarning, match=r"levels: .*share \(0.05 is 5 %\)") as told:
        robustness.sweep(
            small, data, device, [1, 5, 10], cost=COST, parameter="CouplingMismatch", chips=1
        )
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        robustness.sweep(small, data, device, [1, 5, 10], cost=COST, chips=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": []}, "levels: shape .* give some in rad/s"),
        ({"levels": [0.1, 0.1]}, "levels: 0.1 follows 0.1; give each once"),
        ({"levels": [0.2, 0.1]}, "levels: 0.1 follows 0.2"),
        ({"levels": [0.1, np.inf]}, "levels: inf is not finite"),
        ({"levels": [-0.1, 0.1]}, "levels: -0.1 is a negative strength; .* in rad/s"),
        ({"chips": 0}, "chips: 0 is no number of chips"),
        ({"trials": 0}, "trials: 0"),
        ({"jobs": 0}, "jobs: 0"),
        ({"metrics": "acuracy"}, "metrics: there is no 'acuracy'; use accuracy"),
        ({"metrics": ()}, r"metrics: \(\); name one or more of accuracy"),
        ({"parameter": "PhaseNoize"}, "parameter: the device has no PhaseNoize; use PhaseNoise"),
        ({"parameter": "TDC.jitter"}, "parameter: there is no TDC.jitter; use TDC.jitter_s"),
        ({"parameter": "TDC"}, "parameter: TDC has 2 numbers; name TDC.lsb_s or TDC.jitter_s"),
        ({"parameter": []}, "parameter: none is named"),
        ({"parameter": ["PhaseNoise", "PhaseNoise"]}, "is given twice"),
        ({"parameter": "PhaseQuantization", "relative": True}, "no strength to multiply; name a"),
        ({"parameter": "TDC.lsb_s", "relative": True}, "factors scale whole terms"),
        ({"parameter": "PhaseQuantization.bits", "levels": [2.5]}, "bits: 2.5 is no whole number"),
        ({"scheduler": "tcp://x:1", "jobs": 2}, "jobs: the workers of the scheduler"),
    ],
)
def test_bad_input(small: PhaseNetwork, data: Data, change: dict[str, Any], message: str) -> None:
    device = Device(
        FrequencyMismatch(0.1), PhaseNoise(1e-3), TDC(1e6, lsb_s=1e-9), PhaseQuantization(4)
    )
    settings: dict[str, Any] = {"parameter": "FrequencyMismatch", "levels": [0, 0.1]} | change
    levels = settings.pop("levels")
    with pytest.raises(ValueError, match=message):
        robustness.sweep(small, data, device, levels, cost=COST, **settings)


def test_more_bad_input(small: PhaseNetwork, data: Data) -> None:
    frozen = Device(FrequencyMismatch(0.1))
    with pytest.raises(ValueError, match="trials: all 3 are alike"):
        robustness.sweep(small, data, frozen, [1], cost=COST, trials=3)
    name: Any = "cmos-ring-65nm"
    with pytest.raises(TypeError, match=r"device: expected a Device, not str; .*presets\.get"):
        robustness.sweep(small, data, name, [1], cost=COST)
    words: Any = ["much"]
    with pytest.raises(TypeError, match=r"levels: .* are no numbers"):
        robustness.sweep(small, data, frozen, words, cost=COST)
    with pytest.raises(ValueError, match=r"parameter: device has no strength .* PhaseQuantization"):
        robustness.sweep(small, data, Device(PhaseQuantization(4)), [1], cost=COST)


def test_summary_tells_chips_from_trials() -> None:
    """Known components of variance, within their sampling errors (z < 4)."""
    rng = np.random.default_rng(0)
    chips, trials = 400, 6
    grid = (
        0.7 + 0.05 * rng.standard_normal((chips, 1)) + 0.02 * rng.standard_normal((chips, trials))
    )
    row = made({1.0: grid}).summary().iloc[0]
    assert abs(row["sd_chips"] - 0.05) < 4 * 0.05 / np.sqrt(2 * chips)
    assert abs(row["sd_trials"] - 0.02) < 4 * 0.02 / np.sqrt(2 * chips * (trials - 1))
    assert row["mean"] == pytest.approx(grid.mean())
    half = stats.norm.ppf(0.975) * grid.mean(axis=1).std(ddof=1) / np.sqrt(chips)
    assert row["low"] == pytest.approx(grid.mean() - half, abs=half / 10)
    assert row["high"] == pytest.approx(grid.mean() + half, abs=half / 10)


def test_summary_of_little() -> None:
    alike = made({0.0: np.full((5, 1), 0.9)}).summary().iloc[0]
    assert (alike["low"], alike["high"], alike["sd_chips"]) == (0.9, 0.9, 0.0)
    assert np.isnan(alike["sd_trials"])
    single = made({0.0: np.array([[0.9]])}).summary().iloc[0]
    assert np.isnan([single["low"], single["high"], single["sd_chips"]]).all()


def test_yield_has_exact_intervals() -> None:
    grid = np.r_[np.full(18, 0.95), np.full(2, 0.5)][:, None]
    row = made({0.0: grid}).yield_(0.9).iloc[0]
    assert (row["good"], row["chips"], row["share"]) == (18, 20, 0.9)
    assert row["low"] == pytest.approx(stats.beta.ppf(0.025, 18, 3))
    assert row["high"] == pytest.approx(stats.beta.ppf(0.975, 19, 2))
    assert made({0.0: grid}).yield_(0.4).iloc[0]["share"] == 1


def test_critical_level_is_interpolated() -> None:
    rng = np.random.default_rng(1)
    base = 0.9 + 0.01 * rng.standard_normal((50, 1))
    curve = {0.0: base, 1.0: base - 0.01, 2.0: base - 0.19}
    row = made(curve).critical(0.1).iloc[0]
    start = base.mean()
    assert row["start"] == pytest.approx(start)
    assert row["critical"] == pytest.approx(1 + (0.1 * start - 0.01) / 0.18)
    assert row["low"] <= row["critical"] <= row["high"]
    assert row["high"] - row["low"] < 0.02
    assert not row["censored"]


def test_critical_level_beyond_the_sweep_is_censored() -> None:
    base = 0.9 + 0.01 * np.random.default_rng(1).standard_normal((50, 1))
    row = made({0.0: base, 1.0: base - 0.01}).critical(0.1).iloc[0]
    assert row["censored"]
    assert row["critical"] == 1
    assert row["high"] == np.inf


def test_critical_number_of_bits_counts_down() -> None:
    base = np.full((5, 1), 0.9)
    row = made({2.0: base - 0.5, 3.0: base - 0.1, 8.0: base}, is_strength=False).critical(0.1)
    assert row.iloc[0]["critical"] == pytest.approx(8 - 5 * 0.9)
    fine = made({2.0: base - 0.01, 8.0: base}, is_strength=False).critical(0.1).iloc[0]
    assert fine["censored"]
    assert (fine["critical"], fine["low"]) == (2, 0)


def test_statistics_refuse_nonsense() -> None:
    found = made({0.0: np.full((3, 1), 0.9)})
    with pytest.raises(ValueError, match=r"minimum: 90 is no share .* 0.9 is 90 %"):
        found.yield_(90)
    with pytest.raises(ValueError, match="drop: 5 is no share"):
        found.critical(5)
    with pytest.raises(ValueError, match="levels: P has 1, a fall needs two"):
        found.critical()
    with pytest.raises(ValueError, match="metric: 'locked' was not measured; use accuracy"):
        found.yield_(metric="locked")
    with pytest.raises(ValueError, match="metric: a loss rises"):
        found.yield_(metric="loss")
    with pytest.raises(ValueError, match="confidence: 95 is not between"):
        found.summary(95)


@pytest.mark.parametrize("rng", [3, np.random.SeedSequence([1, 2], spawn_key=(4, 5))])
def test_keys_are_roots_as_text(rng: Any) -> None:
    root = np.random.SeedSequence(rng) if isinstance(rng, int) else rng
    again = key_from(key_text(root))
    assert (again.generate_state(4) == root.generate_state(4)).all()
