"""Figures of what coupled oscillators do: in time, on the circle, as a matrix, as a picture."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc.costs import CircularMoments
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.pictures import Picture
from neurosc.network import FloatArray, IntArray, wrap
from neurosc.observables import complex_order_parameter, order_parameter
from neurosc.plots import BLUE, GREY, PI_TICKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FRAMES, FRAMES_PER_SECOND = 40, 8
HOLD = 10
"""Times that the last frame of an animation is shown."""


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """What one network did in time.

    Parameters
    ----------
    time
        (times,), in units of time of the frequencies, from 0 on.
    phases
        (times, n), radians.
    coupling
        K, (n, n).
    """

    time: FloatArray
    phases: FloatArray
    coupling: FloatArray


def order_in_time(runs: Mapping[str, Run], instances: Instances) -> Figure:
    """R in time, a line a run; of groups, the mean R within them and the cost of clusters too."""
    groups = None if instances.groups is None else instances.groups[0]
    columns = 1 if groups is None else 2
    figure, axes = _panels(columns, (5.4 * columns + 0.6, 3.6))
    for (name, run), colour in zip(runs.items(), (BLUE, GREY), strict=False):
        whole = order_parameter(run.phases)
        if groups is None:
            axes[0].plot(run.time, whole, color=colour, label=name)
            continue
        each = [order_parameter(run.phases[:, groups == g]) for g in np.unique(groups)]
        axes[0].plot(run.time, np.mean(each, axis=0), color=colour, label=f"{name}: within groups")
        axes[0].plot(run.time, whole, "--", color=colour, label=f"{name}: all oscillators")
        cost = CircularMoments(int(groups.max()) + 1)
        loss = cost.value(run.phases, np.tile(groups, (len(run.time), 1)))
        axes[1].plot(run.time, loss, color=colour)
        axes[1].set(ylabel="circular moments", ylim=(0, 1.02))
    axes[0].set(ylabel="order parameter R", ylim=(0, 1.02))
    for ax in axes:
        ax.set(xlabel="time (dimensionless)", xlim=(0, max(r.time[-1] for r in runs.values())))
    figure.legend(loc="outside lower center", ncols=2 * columns, frameon=False)
    return figure


def phases_on_circle(runs: Mapping[str, Run], instances: Instances) -> Figure:
    """Where all oscillators start, and where each run ends; coloured by group or frequency.

    Without fields only differences mean something, and the mean phase is drawn at 0.
    """
    first = next(iter(runs.values()))
    states = {"start": first.phases[0]}
    states |= {f"{name}, t = {run.time[-1]:.3g}": run.phases[-1] for name, run in runs.items()}
    figure, axes = _panels(len(states), (3.3 * len(states) + 1.0, 3.6))
    turns = not instances.field.any()
    radius = 1 - 0.16 * ((np.arange(instances.n) * 0.618034) % 1)  # no oscillator hides another
    for ax, (name, phases) in zip(axes, states.items(), strict=True):
        middle = np.angle(complex_order_parameter(phases)) if turns else 0.0
        z = radius * np.exp(1j * (phases - middle))
        drawn = ax.scatter(z.real, z.imag, s=9, alpha=0.8, linewidths=0, **_colours(instances))
        ax.add_artist(_ring())
        ax.set(aspect="equal", xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), title=name)
        ax.axis("off")
        for angle, text in ((0, "0"), (np.pi / 2, "π/2"), (np.pi, "π"), (-np.pi / 2, "−π/2")):
            ax.text(1.13 * np.cos(angle), 1.13 * np.sin(angle), text, ha="center", va="center",
                    color=GREY, fontsize="small")  # fmt: skip
    if instances.groups is None:
        figure.colorbar(drawn, ax=axes, label="natural frequency ω", shrink=0.7)
    else:
        figure.colorbar(drawn, ax=axes, label="group", shrink=0.7, ticks=_numbers(instances))
    return figure


def coupling_matrices(runs: Mapping[str, Run], instances: Instances) -> Figure:
    """K of each run on one scale, oscillators sorted by group or else by frequency."""
    figure, axes = _panels(len(runs), (4.0 * len(runs) + 1.2, 4.4))
    order, by, edges = _sorted(instances)
    first = next(iter(runs.values())).coupling
    top = max(float(np.quantile(np.abs(first), 0.995)), 1e-12)
    signed = any((run.coupling < 0).any() for run in runs.values())
    lowest = -top if signed else 0.0
    for ax, (name, run) in zip(axes, runs.items(), strict=True):
        sorted_ = run.coupling[np.ix_(order, order)]
        shown = ax.imshow(sorted_, cmap="RdBu_r" if signed else "Blues", vmin=lowest, vmax=top)
        for edge in edges:
            ax.axhline(edge - 0.5, color="black", linewidth=0.5)
            ax.axvline(edge - 0.5, color="black", linewidth=0.5)
        ax.set(title=name, xlabel=f"sender j, by {by}")
        ax.locator_params(nbins=5)
    axes[0].set_ylabel(f"receiver i, by {by}")
    figure.colorbar(shown, ax=axes, label="coupling $K_{ij}$", shrink=0.85, extend="both"
                    if signed else "max")  # fmt: skip
    return figure


def segmented(picture: Picture, runs: Mapping[str, Run]) -> Figure:
    """A picture, its groups, and the phases in which each run ends, as hues."""
    figure, axes = _panels(2 + len(runs), (2.9 * (2 + len(runs)) + 0.6, 3.2))
    axes[0].imshow(picture.image)
    axes[0].set_title("picture")
    axes[1].imshow(picture.labels, cmap=_group_colours(picture.groups), interpolation="nearest")
    axes[1].set_title(f"{picture.groups} groups asked for")
    for ax, (name, run) in zip(axes[2:], runs.items(), strict=True):
        hues = _hues(ax, picture, run.phases[-1])
        ax.set_title(f"phases, {name}")
    for ax in axes:
        ax.axis("off")
    _phase_bar(figure, hues, axes)
    return figure


def locking(picture: Picture, run: Run) -> bytes:
    """An animated GIF: the picture, its pixels' phases as hues, and on the circle.

    Frames follow each other ever more slowly in the run, as locking does; its end is held.
    """
    from matplotlib.animation import PillowWriter
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure, (left, middle, right) = _panels(3, (8.6, 3.1), dpi=80)
    FigureCanvasAgg(figure)
    for ax in (left, middle, right):
        ax.axis("off")
    left.imshow(picture.image)
    left.set_title("picture")
    hues = _hues(middle, picture, run.phases[0])
    _phase_bar(figure, hues, [middle])
    labels = picture.labels.ravel()
    points = right.scatter(
        labels, labels, s=7, c=labels, cmap=_group_colours(picture.groups),
        vmin=-0.5, vmax=picture.groups - 0.5, alpha=0.7, linewidths=0,
    )  # fmt: skip
    right.add_artist(_ring())
    right.set(aspect="equal", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), title="coloured by group")
    radius = 1 - 0.16 * ((np.arange(picture.n) * 0.618034) % 1)
    last = len(run.time) - 1
    at = np.unique(np.geomspace(1, last + 1, FRAMES).astype(np.intp)) - 1
    writer = PillowWriter(fps=FRAMES_PER_SECOND)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "locking.gif"
        with writer.saving(figure, str(file), dpi=80):
            for k in [*at, *[last] * HOLD]:
                phases = _turned(run.phases[k], picture)
                hues.set_data(phases.reshape(picture.labels.shape))
                points.set_offsets(radius[:, None] * np.c_[np.cos(phases), np.sin(phases)])
                middle.set_title(f"phases, t = {run.time[k]:.2f}")
                writer.grab_frame()
        return file.read_bytes()


def _panels(count: int, size: tuple[float, float], dpi: int = 130) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained", dpi=dpi)
    axes = list(figure.subplots(1, count, squeeze=False)[0])
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _ring() -> Any:
    from matplotlib.patches import Circle

    return Circle((0, 0), 1, fill=False, color=GREY, linewidth=0.8)


def _turned(phases: FloatArray, picture: Picture) -> FloatArray:
    """Against the mean phase of group 0, so that a turn of the whole changes no hue."""
    mean = complex_order_parameter(phases[picture.labels.ravel() == 0])
    return np.asarray(wrap(phases - np.angle(mean)))


def _hues(ax: Axes, picture: Picture, phases: FloatArray) -> Any:
    drawn = _turned(phases, picture).reshape(picture.labels.shape)
    return ax.imshow(drawn, cmap="hsv", vmin=-np.pi, vmax=np.pi, interpolation="nearest")


def _phase_bar(figure: Figure, drawn: Any, axes: list[Axes]) -> None:
    bar = figure.colorbar(drawn, ax=axes, label="phase against group 0 (rad)", shrink=0.8)
    bar.set_ticks(PI_TICKS[0], labels=PI_TICKS[1])


def _group_colours(groups: int) -> Any:
    from matplotlib import colormaps

    return colormaps["tab10" if groups <= 10 else "tab20"].resampled(groups)


def _numbers(instances: Instances) -> list[int]:
    return [] if instances.groups is None else np.unique(instances.groups[0]).tolist()


def _colours(instances: Instances) -> dict[str, Any]:
    """Colours of the points of a scatter."""
    if instances.groups is None:
        return {"c": instances.frequency[0], "cmap": "viridis"}
    groups = int(instances.groups.max()) + 1
    return {
        "c": instances.groups[0], "cmap": _group_colours(groups), "vmin": -0.5,
        "vmax": groups - 0.5,
    }  # fmt: skip


def _sorted(instances: Instances) -> tuple[IntArray, str, IntArray]:
    """An order of the oscillators, what it goes by, and where a group ends."""
    if instances.groups is None:
        order = np.argsort(instances.frequency[0], kind="stable")
        return order, "frequency", np.empty(0, dtype=np.intp)
    order = np.argsort(instances.groups[0], kind="stable")
    return order, "group", np.flatnonzero(np.diff(instances.groups[0][order])) + 1
