"""Figures and pages: what they show and say follows from the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurosc import robustness
from neurosc.network import FloatArray
from neurosc.robustness import figures, pages


def made(
    values: dict[str, dict[float, FloatArray]],
    *,
    unit: str = "rad/s",
    is_strength: bool = True,
    locked: float = 1.0,
    metric: str = "accuracy",
) -> robustness.Sweep:
    """A sweep with these values of each chip at each level of each parameter."""
    rows = [
        {"preset": "mine", "parameter": name, "level": level, "unit": unit, "chip": chip,
         "trial": 0, "metric": metric, "value": value, "n_test": 10, "rng_key": "0",
         "locked_share": locked if level else 1.0, "seconds": 0.5, "version": "0"}
        for name, levels in values.items()
        for level, each in levels.items()
        for chip, value in enumerate(each)
    ]  # fmt: skip
    study: dict[str, Any] = {
        "preset": "mine", "chips": 20, "trials": 1, "samples": 10, "neurosc": "0", "rng": "0",
        "device": {}, "measure": {"metrics": [metric]},
        "parameters": [
            {"name": name, "unit": unit, "is_strength": is_strength, "levels": [*levels]}
            for name, levels in values.items()
        ],
    }  # fmt: skip
    return robustness.Sweep(pd.DataFrame(rows), study)


BASE = 0.95 + 0.01 * np.random.default_rng(0).standard_normal(20)
FALLING = {0.0: BASE, 0.1: BASE - 0.02, 1.0: BASE - 0.5}


def test_headline_says_how_far_it_holds() -> None:
    sweep = made({"PhaseNoise.d": FALLING}, locked=0.75)
    said = pages.headline(sweep)
    critical = sweep.critical().iloc[0]
    assert (
        "20 chips of mine were measured on 10 samples each. With PhaseNoise.d at 0 rad/s " in said
    )
    assert f"mean accuracy is {BASE.mean():.1%}" in said
    assert f"holds 95% of its accuracy up to {critical['critical']:.3g} rad/s" in said
    assert f"{critical['low']:.3g} to {critical['high']:.3g})" in said
    assert f"At 1 rad/s, the strongest that was swept, it is {BASE.mean() - 0.5:.1%}" in said
    assert "Nine chips of ten or more reach 90% up to" in said
    assert "25.0% of the samples did not lock (at 0.1 rad/s)" in said


def test_headline_claims_no_more_than_was_measured() -> None:
    """Censored, incomplete, a single level, no good chips, bits, a loss."""
    flat = {0.0: BASE, 1.0: BASE}
    assert "at every level, to 1 rad/s" in pages.headline(made({"P": flat}))
    fewer = made({"P": flat})
    part = robustness.Sweep(fewer.table.iloc[:-3], fewer.study)
    assert "The study is not complete" in pages.headline(part)
    single = pages.headline(made({"P": {1.0: BASE}}))
    assert "holds" not in single
    assert "swept" not in single
    poor = pages.headline(made({"P": {0.0: BASE - 0.5, 1.0: BASE - 0.6}}))
    assert "Fewer than nine chips of ten reach an accuracy of 90% even there." in poor
    bits = {2.0: BASE - 0.5, 4.0: BASE - 0.01, 8.0: BASE}
    said = pages.headline(made({"Q.bits": bits}, unit="bits", is_strength=False))
    assert "With Q.bits at 8 bits" in said
    assert "down to 3.8" in said
    assert "At 2 bits, the coarsest" in said
    loss = pages.headline(made({"P": flat}, metric="loss"))
    assert "the mean loss is 0.9" in loss
    assert "holds" not in loss


def test_figures_show_the_data() -> None:
    sweep = made({"P": FALLING, "Q": {0.0: BASE, 1.0: BASE}})
    left, right = figures.levels(sweep).axes[:2]
    line = next(line for line in left.lines if line.get_label() == "mean")
    assert np.asarray(line.get_ydata()) == pytest.approx(
        100 * np.array([each.mean() for each in FALLING.values()])
    )
    marks = [line for line in left.lines if line.get_label() == "95 % of the start"]
    assert np.asarray(marks[0].get_xdata())[0] == pytest.approx(
        sweep.critical().iloc[0]["critical"]
    )
    assert not [line for line in right.lines if line.get_label() == "95 % of the start"]
    assert left.get_xlabel() == "level (rad/s)"
    assert left.get_ylabel() == "accuracy (%)"
    shares = figures.yields(sweep).axes[0].lines[0]
    assert np.asarray(shares.get_ydata()) == pytest.approx(
        100 * sweep.yield_().query("parameter == 'P'")["share"].to_numpy()
    )
    assert "90 %" in figures.yields(sweep).axes[0].get_ylabel()
    assert figures.chips(sweep).axes[0].get_xlabel() == "accuracy (%)"


def test_levels_over_decades_are_on_a_logarithmic_axis() -> None:
    decades = dict.fromkeys((0.0001, 0.001, 0.1), BASE)
    assert figures.levels(made({"P": decades})).axes[0].get_xscale() == "log"
    zero = figures.levels(made({"P": {0.0: BASE} | decades})).axes[0]
    assert zero.get_xscale() == "symlog"
    assert figures.levels(made({"P": {0.0: BASE, 1.0: BASE}})).axes[0].get_xscale() == "linear"


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_report_is_self_contained(tmp_path: Path, metric: str) -> None:
    sweep = made({"P": FALLING}, metric=metric)
    page = robustness.report(sweep, tmp_path / "out")
    text = page.read_text()
    assert text.count("data:image/png;base64,") == (3 if metric == "accuracy" else 2)
    for outside in ("http://", "https://", 'src="/', "href="):
        assert outside not in text
    assert text.index("<p>") < text.index("<img")
    assert "20 chips of mine were measured" in text[: text.index("</p>")]
    summary = pd.read_csv(tmp_path / "out" / "summary.csv")
    assert summary["mean"].to_numpy() == pytest.approx(sweep.summary()["mean"].to_numpy())
