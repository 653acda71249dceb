"""Figures; each function draws what it is given and returns a Figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray, IntArray, PhaseNetwork

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#2463a8", "#d1701f", "#2f8f5b", "#8a8a8a"
COLOURS = (ORANGE, GREEN, GREY)
SCHEME_COLOURS = (ORANGE, BLUE, GREEN, "#7a4fa3")
PI_TICKS = ([-np.pi, -np.pi / 2, 0, np.pi / 2, np.pi], ["−π", "−π/2", "0", "π/2", "π"])


def _axes(columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained", dpi=130)
    axes = [figure.add_subplot(1, columns, k + 1) for k in range(columns)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def learning_curve(rows: Sequence[Mapping[str, float]]) -> Figure:
    """Training loss and, where there is a validation split, its loss and accuracy per epoch."""
    validated = "validation_loss" in rows[0]
    figure, axes = _axes(1 + validated, (4.2 * (1 + validated), 3.2))
    epochs = [row["epoch"] for row in rows]
    axes[0].plot(epochs, [row["loss"] for row in rows], color=BLUE, label="training")
    if validated:
        losses = [row["validation_loss"] for row in rows]
        axes[0].plot(epochs, losses, color=ORANGE, label="validation")
        axes[0].legend(frameon=False)
        accuracy = [100 * row["validation_accuracy"] for row in rows]
        axes[1].plot(epochs, accuracy, color=ORANGE)
        axes[1].set(xlabel="epoch", ylabel="validation accuracy (%)", title="What it reads")
    axes[0].set(xlabel="epoch", ylabel="mean cost", yscale="log", title="What it learns")
    return figure


def phase_agreement(
    ideal: FloatArray, others: Mapping[str, FloatArray], errors: Mapping[str, FloatArray]
) -> Figure:
    """Phases of each substrate against the ideal ones, and how their errors are distributed."""
    figure, axes = _axes(len(others) + 1, (3.6 * (len(others) + 1), 3.5))
    for ax, (name, phases), colour in zip(axes, others.items(), COLOURS, strict=False):
        ax.plot([-np.pi, np.pi], [-np.pi, np.pi], color=GREY, linewidth=0.8)
        ax.plot(ideal.ravel(), phases.ravel(), ".", color=colour, markersize=2, alpha=0.5)
        ax.set(xlabel="ideal phase (rad)", ylabel=f"{name} phase (rad)", title=name, aspect="equal")
        ax.set_xticks(*PI_TICKS)
        ax.set_yticks(*PI_TICKS)
    largest = max(float(np.quantile(e, 0.995)) for e in errors.values())
    bins = np.linspace(0, max(largest, 1e-6), 50)
    for (name, error), colour in zip(errors.items(), COLOURS, strict=False):
        label = f"{name}: median {np.median(error):.4f} rad"
        axes[-1].hist(error.ravel(), bins=bins.tolist(), color=colour, alpha=0.6, label=label)
    axes[-1].set(xlabel="|phase error| (rad)", ylabel="oscillators", title="Errors (99.5 %)")
    axes[-1].legend(frameon=False, fontsize="small")
    return figure


def chip_accuracies(
    accuracies: npt.ArrayLike, ideal: float, interval: tuple[float, float], title: str
) -> Figure:
    """Accuracy of each chip, their mean with its interval, and the ideal model."""
    figure, (ax,) = _axes(1, (6.0, 3.2))
    values = 100 * np.sort(np.asarray(accuracies))
    rank = np.arange(1, values.size + 1)
    low, high = (100 * v for v in interval)
    ax.axhspan(low, high, color=BLUE, alpha=0.15, label="95 % interval of the mean")
    ax.axhline(values.mean(), color=BLUE, linewidth=1, label=f"mean {values.mean():.2f} %")
    ax.axhline(100 * ideal, color=ORANGE, linestyle="--", label=f"ideal model {100 * ideal:.2f} %")
    ax.plot(rank, values, "o", color=BLUE, markersize=5, label="one chip")
    ax.set(xlabel="chip, in order of accuracy", ylabel="test accuracy (%)", title=title)
    ax.set_xticks(np.unique(np.linspace(1, values.size, 8).round()).tolist())
    ax.margins(y=0.15)
    ax.legend(frameon=False, fontsize="small", loc="lower right")
    return figure


def raster(
    network: PhaseNetwork, time: FloatArray, neuron: IntArray, phases: FloatArray, title: str
) -> Figure:
    """One sample locking: the spikes of its first cycles, and each spike as a phase over time.

    `time` in periods; `phases` (n,) are the ideal ones, drawn as lines at the right.
    """
    figure, (left, right) = _axes(2, (9.6, 3.8))
    early = time < 8
    roles: list[tuple[str, Any, str]] = [
        ("inputs", network.inputs, GREY),
        ("hidden", np.setdiff1d(network.free, network.outputs), BLUE),
        ("outputs", network.outputs, ORANGE),
    ]
    for name, members, colour in roles:
        mine = early & np.isin(neuron, members)
        left.plot(time[mine], neuron[mine], "|", color=colour, markersize=3, label=name)
    left.set(xlabel="time (cycles)", ylabel="oscillator", title="First spikes")
    for output in network.outputs:
        mine = neuron == output
        turned = np.angle(np.exp(-2j * np.pi * time[mine]))
        (line,) = right.plot(time[mine], turned, ".", markersize=2)
        at_rest = float(phases[output])
        right.axhline(at_rest, color=line.get_color(), linewidth=0.6, alpha=0.7)
    right.set(xlabel="time (cycles)", ylabel="phase of the spike (rad)", xscale="log")
    right.set_xlim(left=0.8)
    right.set_title("Outputs lock (lines: ideal model)")
    right.set_yticks(*PI_TICKS)
    left.legend(
        frameon=False, fontsize="small", markerscale=4, ncols=3, loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
    )  # fmt: skip
    figure.suptitle(title)
    return figure


def gradient_errors(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Relative error of two-phase gradients over beta: a panel a network, a line a scheme.

    `rows` have n, scheme, order, beta and relative_error, as in `verify.identity_table`. Errors of
    nan, at nudges past the stability edge, leave gaps; on the left rounding grows as 1/beta.
    """
    from matplotlib.figure import Figure

    sizes = sorted({row["n"] for row in rows})
    schemes = {row["scheme"]: row["order"] for row in rows}
    columns = min(3, len(sizes))
    height = -(-len(sizes) // columns)
    figure = Figure(
        figsize=(3.5 * columns + 0.6, 3.0 * height + 0.7), layout="constrained", dpi=130
    )
    grid = figure.subplots(height, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for ax in grid[len(sizes) :]:
        ax.remove()
    for ax, n in zip(grid, sizes, strict=False):
        styles = zip(schemes.items(), SCHEME_COLOURS, "os^D", strict=False)
        for (scheme, order), colour, mark in styles:
            mine = [row for row in rows if row["n"] == n and row["scheme"] == scheme]
            beta, error = ([row[k] for row in mine] for k in ("beta", "relative_error"))
            if mine:
                ax.loglog(beta, error, f"{mark}-", color=colour, markersize=4)[0].set_label(
                    f"{scheme}: slope {order}"
                )
        ax.set_title(f"N = {n:,}", fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(which="major", color=GREY, alpha=0.25, linewidth=0.6)
    for ax in grid[::columns]:
        ax.set_ylabel("relative error")
    for ax in grid[: len(sizes)][-columns:]:
        ax.set_xlabel("nudge β")
        ax.tick_params(labelbottom=True)
    figure.suptitle("Two-phase against implicit gradient")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(schemes), frameon=False)
    return figure
