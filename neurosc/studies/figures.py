"""Figures that several studies draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosc.plots import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def panels(
    columns: int, size: tuple[float, float], rows: int = 1, *, share_y: bool = False
) -> tuple[Figure, list[Axes]]:
    """An empty figure with panels in a grid, row by row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained", dpi=130)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=share_y)
    for ax in grid.flat:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, list(grid.flat)


def strips(
    table: pd.DataFrame,
    measure: str,
    label: str,
    published: Mapping[tuple[str, str], float],
    *,
    scale: float = 1.0,
) -> Figure:
    """Each seed as a point, a line of points a condition, with its mean and the published figure.

    Parameters
    ----------
    table
        Of the study.
    measure, label
        The column that is drawn, and what its axis says.
    published
        As in `Study`.
    scale
        Factor of the values, 100 for percentages.
    """
    conditions = list(table["condition"].unique())
    figure, (ax,) = panels(1, (7.2, 1.3 + 0.36 * len(conditions)))
    strip_axes(ax, table, conditions, measure, published, scale)
    ax.set_xlabel(label)
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def strip_axes(
    ax: Axes,
    table: pd.DataFrame,
    conditions: Sequence[str],
    measure: str,
    published: Mapping[tuple[str, str], float],
    scale: float,
) -> None:
    """The lines of points of `strips`, on axes of one's own."""
    labels = ["one seed", "mean over seeds", "published"]
    for place, condition in enumerate(conditions):
        values = scale * table.loc[table["condition"] == condition, measure].to_numpy(float)
        values = values[np.isfinite(values)]
        if values.size == 0:
            continue
        spread = 0.12 * ((np.arange(values.size) * 0.618034) % 1 - 0.5) * 2  # no two side by side
        first = place == 0
        ax.plot(
            values, place + spread, "o", color=BLUE, markersize=3.5, alpha=0.45, markeredgewidth=0,
            label=labels[0] if first else None,
        )  # fmt: skip
        ax.plot(
            [values.mean()], [place], "|", color=BLUE, markersize=16, markeredgewidth=2,
            label=labels[1] if first else None,
        )  # fmt: skip
    told = [
        (scale * published[c, measure], place)
        for place, c in enumerate(conditions)
        if (c, measure) in published
    ]
    if told:
        at, places = zip(*told, strict=True)
        ax.plot(at, places, "D", color=ORANGE, markersize=5, label=labels[2], zorder=3)
    ax.set_yticks(range(len(conditions)), conditions)
    ax.set_ylim(len(conditions) - 0.5, -0.5)
    ax.grid(axis="x", color=GREY, alpha=0.25, linewidth=0.6)
