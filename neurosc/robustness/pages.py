"""A folder with everything that a study found: tables, figures, and a page that tells it."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosc.page import Page
from neurosc.robustness import figures
from neurosc.robustness.fidelity import GradientFidelity
from neurosc.robustness.indices import Sensitivity
from neurosc.robustness.parameters import FACTOR, WHOLE
from neurosc.robustness.result import Sweep
from neurosc.storage import Path_

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

COLUMNS = {
    "parameter": "parameter", "level": "level", "unit": "unit", "metric": "metric",
    "beta": "β", "lowest": "lowest", "highest": "highest",
}  # fmt: skip


def report(
    sweep: Sweep,
    folder: Path_,
    *,
    sensitivity: Sensitivity | None = None,
    gradients: GradientFidelity | None = None,
    drop: float = 0.05,
    minimum: float = 0.9,
) -> Path:
    """Write tables as CSV, figures as PNG, and report.html, which holds them all.

    Parameters
    ----------
    sweep, sensitivity, gradients
        What was found.
    folder
        Where to write; it is made if it does not exist, and files of these names are replaced.
    drop, minimum
        As in `Sweep.critical` and `Sweep.yield_`.

    Returns
    -------
    Path
        The page, self-contained.
    """
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    page = Page(f"Robustness of a network on {sweep.study['preset']}")
    page.paragraph(headline(sweep, drop, minimum))
    for name, (figure, caption) in _drawn(sweep, sensitivity, gradients, drop, minimum).items():
        figure.savefig(out / f"{name}.png", dpi=150)
        page.picture(out / f"{name}.png", caption)
    for name, (heading, table) in _told(sweep, sensitivity, gradients, drop, minimum).items():
        table.to_csv(out / f"{name}.csv", index=False)
        page.heading(heading)
        page.table(readable(table))
    page.paragraph(_NOTES)
    page.footer(_small_print(sweep))
    page.write(out / "report.html")
    return out / "report.html"


def _drawn(
    sweep: Sweep,
    sensitivity: Sensitivity | None,
    gradients: GradientFidelity | None,
    drop: float,
    minimum: float,
) -> dict[str, tuple[Figure, str]]:
    """Figures with captions, by the names of their files."""
    metric = _main_metric(sweep)
    drawn = {
        "levels": (
            figures.levels(sweep, metric, drop if _falls(sweep, metric) else None),
            "Mean over chips with its 95 % bootstrap interval; the light band holds 90 % of chips.",
        )
    }
    if metric != "loss":
        drawn["yield"] = (
            figures.yields(sweep, minimum, metric),
            "Share of chips that are good enough, with Clopper-Pearson intervals.",
        )
    drawn["chips"] = (figures.chips(sweep, metric), "How the chips are distributed.")
    if sensitivity is not None:
        drawn["sensitivity"] = (
            figures.tornado(sensitivity),
            "What each parameter does to the mean over chips; bars are 95 % intervals.",
        )
    if gradients is not None:
        drawn["gradients"] = (
            figures.gradient_cosine(gradients),
            "Cosine of two-phase gradients on chips to the gradient of the ideal model.",
        )
    return drawn


def _told(
    sweep: Sweep,
    sensitivity: Sensitivity | None,
    gradients: GradientFidelity | None,
    drop: float,
    minimum: float,
) -> dict[str, tuple[str, pd.DataFrame]]:
    """Tables with headings, by the names of their files."""
    metric = _main_metric(sweep)
    told = {"summary": ("Levels", sweep.summary())}
    if metric != "loss":
        told["yield"] = ("Yield", sweep.yield_(minimum, metric=metric))
    if _falls(sweep, metric):
        told["critical"] = ("Critical levels", sweep.critical(drop, metric=metric))
    if sensitivity is not None:
        told["sensitivity"] = (f"Sensitivity, {sensitivity.method}", sensitivity.table)
    if gradients is not None:
        told["gradients"] = ("Gradients", gradients.summary())
    return told


def headline(sweep: Sweep, drop: float = 0.05, minimum: float = 0.9) -> str:
    """What was found, in plain sentences that hold for this data."""
    metric = _main_metric(sweep)
    study, summary = sweep.study, sweep.summary()
    said = [
        f"{study['chips']} chips of {study['preset']} were measured on {study['samples']} samples "
        f"each" + (f", {study['trials']} times" if study["trials"] > 1 else "") + "."
    ]
    if not sweep.is_complete:
        said.append("The study is not complete; this is what there is so far.")
    falls = (
        sweep.critical(drop, metric=metric).set_index("parameter")
        if _falls(sweep, metric)
        else None
    )
    good = None if metric == "loss" else sweep.yield_(minimum, metric=metric)
    for parameter in study["parameters"]:
        name = parameter["name"]
        mine = summary[(summary["parameter"] == name) & (summary["metric"] == metric)]
        mine = mine if parameter["is_strength"] else mine.iloc[::-1]
        start = _level(parameter, mine["level"].iloc[0])
        mean = _value(metric, mine["mean"].iloc[0])
        said.append(f"With {_name(parameter)} at {start} the mean {metric} is {mean}.")
        if falls is not None:
            said.append(_hold(parameter, falls.loc[name], metric, drop))
        if len(mine) > 1:
            said.append(_end(parameter, mine.iloc[-1], metric))
        if good is not None:
            reach = good[(good["parameter"] == name) & (good["share"] >= 0.9)]["level"]
            said.append(_good(parameter, reach.tolist(), mine["level"].tolist(), metric, minimum))
        said += _unlocked(parameter, mine)
    return " ".join(said)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """A table of strings, four digits each."""
    return table.rename(columns=COLUMNS).map(
        lambda cell: f"{cell:.4g}" if isinstance(cell, float) else str(cell)
    )


def _hold(parameter: dict[str, Any], fall: pd.Series[Any], metric: str, drop: float) -> str:
    share = f"{1 - drop:.0%}"
    if fall["censored"]:
        return (
            f"The network holds {share} of its {metric} at every level, "
            f"to {_level(parameter, fall['critical'])}."
        )
    ends = " to ".join(
        f"{end:.3g}" if 0 < end < float("inf") else "beyond the sweep"
        for end in (fall["low"], fall["high"])
    )
    way = "up to" if parameter["is_strength"] else "down to"
    return (
        f"The network holds {share} of its {metric} {way} {_level(parameter, fall['critical'])} "
        f"(95 % interval {ends})."
    )


def _end(parameter: dict[str, Any], last: pd.Series[Any], metric: str) -> str:
    most = "strongest" if parameter["is_strength"] else "coarsest"
    mean, worst = (_value(metric, last[name]) for name in ("mean", "worst"))
    end = _level(parameter, last["level"])
    return f"At {end}, the {most} that was swept, it is {mean} (worst chip {worst})."


def _unlocked(parameter: dict[str, Any], summary: pd.DataFrame) -> list[str]:
    """A sentence about the level at which fewest samples locked, unless all did everywhere."""
    row = summary.sort_values("locked_share", kind="stable").iloc[0]
    if row["locked_share"] == 1:
        return []
    return [
        f"Up to {1 - row['locked_share']:.1%} of the samples did not lock "
        f"(at {_level(parameter, row['level'])}); they are read as they stand."
    ]


def _good(
    parameter: dict[str, Any], reach: list[float], every: list[float], metric: str, minimum: float
) -> str:
    """Up to where nine chips of ten are good enough, without a gap from the mildest level."""
    last = None
    for level in every:
        if level not in reach:
            break
        last = level
    if last is None:
        return f"Fewer than nine chips of ten reach an {metric} of {minimum:.0%} even there."
    way = "up to" if parameter["is_strength"] else "down to"
    return f"Nine chips of ten or more reach {minimum:.0%} {way} {_level(parameter, last)}."


def _level(parameter: dict[str, Any], level: float) -> str:
    if parameter["unit"] == FACTOR:
        return f"{level:.3g} times the nominal strength"
    return f"{level:.3g} {parameter['unit'].split(' (')[0]}"


def _name(parameter: dict[str, Any]) -> str:
    return "the whole device" if parameter["name"] == WHOLE else str(parameter["name"])


def _value(metric: str, value: float) -> str:
    return f"{value:.3g}" if metric == "loss" else f"{value:.1%}"


def _main_metric(sweep: Sweep) -> str:
    measured = sweep.study["measure"]["metrics"]
    return "accuracy" if "accuracy" in measured else str(measured[0])


def _falls(sweep: Sweep, metric: str) -> bool:
    """Whether there is a curve that can fall: two levels of each parameter, and no loss."""
    return metric != "loss" and all(len(p["levels"]) > 1 for p in sweep.study["parameters"])


def _small_print(sweep: Sweep) -> list[str]:
    study = sweep.study
    terms = ", ".join(term["kind"] for term in study["device"].get("terms", []))
    return [
        f"neurosc {study['neurosc']}, Python {platform.python_version()}, rng = {study['rng']}",
        f"device: {study['preset']}" + (f" ({terms})" if terms else ""),
        f"work: {sweep.table.drop_duplicates(_ONCE)['seconds'].sum():.0f} s of one process",
    ]


_ONCE = ["parameter", "level", "chip", "trial"]
_NOTES = (
    "Mean: over chips, with its bootstrap (BCa) interval from low to high. sd_chips and sd_trials: "
    "spread over chips and over the trials of one chip, as components of variance. Yield: share of "
    "chips whose mean over trials reaches the minimum, with Clopper-Pearson intervals. Critical: "
    "level at which the mean has lost the share drop of its start, interpolated; where it never "
    "does it is censored, a bound. Samples that did not lock are counted and read as they stand."
)
