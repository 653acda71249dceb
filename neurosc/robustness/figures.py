"""Figures of robustness studies, as a paper prints them; each returns a matplotlib Figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc.network import FloatArray
from neurosc.plots import BLUE, GREEN, GREY, ORANGE
from neurosc.robustness.fidelity import GradientFidelity
from neurosc.robustness.indices import Sensitivity
from neurosc.robustness.parameters import FACTOR, WHOLE
from neurosc.robustness.result import Sweep

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 20.0
"""Ratio of the largest to the smallest positive level above which the axis is logarithmic."""
COLOURS = (BLUE, ORANGE, GREEN, "#7a4fa3", GREY)
NAMES = {"accuracy": "accuracy (%)", "locked": "samples that locked (%)", "loss": "mean cost"}


def levels(sweep: Sweep, metric: str = "accuracy", drop: float | None = 0.05) -> Figure:
    """The mean of a metric over the level, its interval, and the middle 90 % of the chips.

    With `drop` a line marks the level at which the mean has lost that share; None leaves it out.
    """
    figure, panels = _panels(len(sweep.study["parameters"]))
    summary, critical = sweep.summary(), None
    if drop is not None and metric != "loss":
        critical = sweep.critical(drop, metric=metric).set_index("parameter")
    scale = 1.0 if metric == "loss" else 100.0
    for ax, parameter in zip(panels, sweep.study["parameters"], strict=True):
        mine = _of(summary, parameter["name"], metric)
        chips = _chips(sweep, parameter["name"], metric)
        at = mine["level"].to_numpy()
        low, high = (scale * np.array([np.quantile(c, q) for c in chips]) for q in (0.05, 0.95))
        ax.fill_between(at, low, high, color=BLUE, alpha=0.12, lw=0, label="90 % of chips")
        ax.fill_between(
            at, scale * mine["low"], scale * mine["high"], color=BLUE, alpha=0.35, lw=0,
            label="95 % interval of the mean",
        )  # fmt: skip
        ax.plot(at, scale * mine["mean"], "o-", color=BLUE, markersize=3.5, label="mean")
        if critical is not None:
            _mark(ax, critical.loc[parameter["name"]], drop or 0.0)
        _level_axis(ax, at, parameter)
    panels[0].set_ylabel(NAMES.get(metric, metric))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize="small"
    )
    return figure


def yields(sweep: Sweep, minimum: float = 0.9, metric: str = "accuracy") -> Figure:
    """The share of chips that reach `minimum` over the level, with Clopper-Pearson intervals."""
    figure, panels = _panels(len(sweep.study["parameters"]))
    table = sweep.yield_(minimum, metric=metric)
    for ax, parameter in zip(panels, sweep.study["parameters"], strict=True):
        mine = _of(table, parameter["name"], metric)
        at, share = mine["level"].to_numpy(), 100 * mine["share"].to_numpy()
        ends = [share - 100 * mine["low"].to_numpy(), 100 * mine["high"].to_numpy() - share]
        ax.errorbar(
            at, share, np.maximum(ends, 0), fmt="o-", color=BLUE, markersize=3.5, capsize=2.5
        )
        ax.set_ylim(-4, 104)
        _level_axis(ax, at, parameter)
    panels[0].set_ylabel(f"chips with {metric} ≥ {100 * minimum:g} % (%)")
    return figure


def chips(sweep: Sweep, metric: str = "accuracy", most: int = 4) -> Figure:
    """How a metric is distributed over chips, at up to `most` levels of each parameter."""
    figure, panels = _panels(len(sweep.study["parameters"]))
    scale = 1.0 if metric == "loss" else 100.0
    for ax, parameter in zip(panels, sweep.study["parameters"], strict=True):
        each = [scale * values for values in _chips(sweep, parameter["name"], metric)]
        named = sweep.table[sweep.table["parameter"] == parameter["name"]]
        at = named["level"].unique()
        shown = np.unique(np.linspace(0, len(at) - 1, min(most, len(at))).round().astype(int))
        bins = _bins([each[k] for k in shown])
        for k, colour in zip(shown, COLOURS, strict=False):
            label = f"{at[k]:.4g} {_unit(parameter)}"
            ax.hist(each[k], bins=bins.tolist(), color=colour, alpha=0.25)
            ax.hist(each[k], bins=bins.tolist(), color=colour, histtype="step", label=label)
        ax.set(xlabel=NAMES.get(metric, metric), title=_title(parameter["name"]))
        ax.legend(frameon=False, fontsize="small")
    panels[0].set_ylabel("chips")
    return figure


def tornado(sensitivity: Sensitivity) -> Figure:
    """What each parameter does to the metric, the strongest on top.

    One-at-a-time: bars from the device as it is to both ends of the range, with intervals. Morris
    and Sobol: their indices with 95 % intervals.
    """
    table = sensitivity.table.iloc[::-1]
    figure, (ax,) = _panels(1, size=(6.4, 1.3 + 0.42 * len(table)))
    place = np.arange(len(table))
    scale = 1.0 if sensitivity.metric == "loss" else 100.0
    points = "" if sensitivity.metric == "loss" else " (percentage points)"
    if sensitivity.method == "one-at-a-time":
        for end, colour in (("lowest", GREEN), ("highest", ORANGE)):
            change = scale * (table[f"at_{end}"] - table["nominal"]).to_numpy()
            ends = scale * np.array([table[f"{end}_low"], table[f"{end}_high"]])
            bars = np.abs(np.array([change - ends[0], ends[1] - change]))
            ax.barh(place, change, 0.6, color=colour, xerr=bars, label=f"at the {end} level",
                    error_kw={"capsize": 2.5, "lw": 1})  # fmt: skip
        ax.axvline(0, color=GREY, linewidth=0.8)
        ax.set_xlabel(f"change of {sensitivity.metric}{points}")
        ax.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    elif sensitivity.method == "morris":
        ax.barh(place, scale * table["mu_star"], 0.6, xerr=scale * table["mu_star_ci"],
                color=BLUE, error_kw={"capsize": 2.5, "lw": 1})  # fmt: skip
        ax.set_xlabel(f"Morris µ*: mean |change of {sensitivity.metric}|{points}")
    else:
        for index, shift, colour in (("ST", 0.18, BLUE), ("S1", -0.18, ORANGE)):
            ax.barh(place + shift, table[index], 0.34, xerr=table[f"{index}_ci"], color=colour,
                    label="total" if index == "ST" else "alone",
                    error_kw={"capsize": 2.5, "lw": 1})  # fmt: skip
        ax.set_xlabel(f"Sobol index: share of the variance of {sensitivity.metric}")
        ax.legend(frameon=False, fontsize="small", loc="lower right")
    ax.set_yticks(place, [_range(row) for _, row in table.iterrows()])
    return figure


def gradient_cosine(fidelity: GradientFidelity) -> Figure:
    """The cosine to the ideal gradient over the level; over the nudge where there is one level.

    Solid: one gradient, with the 95 % interval over chips. Dashed: its systematic part, which
    averaging approaches.
    """
    table = fidelity.summary()
    names = [p for p in fidelity.study["parameters"] if len(p["levels"]) > 1]
    figure, panels = _panels(max(1, len(names)))
    if not names:
        _cosines(panels[0], "beta", table, BLUE, "")
        panels[0].set(xlabel="nudge β", xscale="log")
    for ax, parameter in zip(panels, names, strict=False):
        mine = table[table["parameter"] == parameter["name"]]
        for beta, colour in zip(mine["beta"].unique(), COLOURS, strict=False):
            _cosines(ax, "level", mine[mine["beta"] == beta], colour, f"β = {beta:g}: ")
        _level_axis(ax, mine["level"].unique(), parameter)
    panels[0].set_ylabel("cosine to the ideal gradient")
    panels[0].legend(frameon=False, fontsize="small")
    return figure


def _cosines(ax: Axes, over: str, table: pd.DataFrame, colour: str, label: str) -> None:
    at = table[over].to_numpy()
    ax.fill_between(at, table["low"], table["high"], color=colour, alpha=0.25, lw=0)
    ax.plot(at, table["cosine"], "o-", color=colour, markersize=3.5, label=f"{label}one gradient")
    ax.plot(at, table["systematic_cosine"], "--", color=colour, label=f"{label}averaged")


def _panels(count: int, size: tuple[float, float] | None = None) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size or (4.6 * count, 3.3), layout="constrained", dpi=100)
    panels = list(figure.subplots(1, count, sharey=True, squeeze=False)[0])
    for ax in panels:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, panels


def _level_axis(ax: Axes, at: FloatArray, parameter: dict[str, Any]) -> None:
    """Logarithmic where levels span decades; then a level of 0 has a place at the left end."""
    positive = at[at > 0]
    if positive.size > 1 and positive[-1] / positive[0] > WIDE:
        if (at == 0).any():
            ax.set_xscale("symlog", linthresh=float(positive[0]), linscale=0.5)
            ax.set_xlim(left=-0.1 * float(positive[0]))
        else:
            ax.set_xscale("log")
    else:
        ax.locator_params(axis="x", nbins=6)
    name = "strength" if parameter["unit"] == FACTOR else "level"
    ax.set(xlabel=f"{name} ({_unit(parameter)})", title=_title(parameter["name"]))


def _mark(ax: Axes, critical: pd.Series[Any], drop: float) -> None:
    """Where the mean has lost a share; nothing where it never does."""
    if critical["censored"]:
        return
    at = critical["critical"]
    line = ax.axvline(at, color=ORANGE, linestyle="--", linewidth=1)
    line.set_label(f"{100 * (1 - drop):g} % of the start")
    ax.annotate(
        f"{at:.3g}", (at, 0.02), xycoords=("data", "axes fraction"), xytext=(3, 0),
        textcoords="offset points", color=ORANGE, fontsize="small",
    )  # fmt: skip


def _of(table: pd.DataFrame, parameter: str, metric: str) -> pd.DataFrame:
    return table[(table["parameter"] == parameter) & (table["metric"] == metric)]


def _chips(sweep: Sweep, parameter: str, metric: str) -> list[FloatArray]:
    """The mean over trials of each chip, level by level."""
    mine = _of(sweep.table, parameter, metric)
    means = mine.groupby(["level", "chip"], sort=False)["value"].mean()
    return [values.to_numpy() for _, values in means.groupby("level", sort=False)]


def _bins(each: list[FloatArray]) -> FloatArray:
    low, high = min(map(np.min, each)), max(map(np.max, each))
    room = max(1e-9, 0.02 * (high - low), 1e-3 * abs(high))
    return np.linspace(low - room, high + room, 31)


def _unit(parameter: dict[str, Any]) -> str:
    return "× nominal" if parameter["unit"] == FACTOR else _short(parameter["unit"])


def _short(unit: object) -> str:
    """A unit without the remark in brackets that shares have."""
    return str(unit).split(" (")[0]


def _title(name: str) -> str:
    if name == WHOLE:
        return "whole device"
    return name.replace(".", "\n") if len(name) > 34 else name


def _range(row: pd.Series[Any]) -> str:
    unit = "×" if row["unit"] == FACTOR else f" {_short(row['unit'])}"
    return f"{row['parameter']}\n{row['lowest']:.3g} to {row['highest']:.3g}{unit}"
