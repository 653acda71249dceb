"""How figures of spiking oscillators show them: axes, colours, legends and ticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc.hw_models.spiking.recording import Recording
from neurosc.network import FloatArray, IntArray, wrap
from neurosc.plots import BLUE, GREEN, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.projections.polar import PolarAxes

COLOURS = (BLUE, ORANGE, GREEN, "#7a4fa3", "#c23b4b", "#2aa3b5", "#b8962e", "#d471ae", "#1d2f4f")
"""Of the oscillators that move, if no more; else they have shades."""
MANY = "viridis"
SOME = 8
"""Most numbers that are written out."""


def own_axes(ax: Axes | None, height: float = 3.4) -> Axes:
    """Those given, or those of a new figure of some height in inches."""
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(5.6, height), layout="constrained", dpi=130).add_subplot()
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def polar_axes(ax: Axes | None) -> PolarAxes:
    """Those given, or those of a new figure."""
    from matplotlib.figure import Figure
    from matplotlib.projections.polar import PolarAxes

    if ax is None:
        figure = Figure(figsize=(5.6, 4.6), layout="constrained", dpi=130)
        ax = figure.add_subplot(projection="polar")
    if not isinstance(ax, PolarAxes):
        raise ValueError('ax: is not polar; give axes with projection="polar"')
    return ax


def height_of(rows: int) -> float:
    """Of a figure with a row for each oscillator, inches."""
    return float(np.clip(1.4 + 0.22 * rows, 3.0, 7.0))


def window(recording: Recording, sample: int, cycles: tuple[float, float]) -> tuple[float, float]:
    """Cycles from first to last, cut to the run."""
    _check_sample(recording, sample)
    first, last = cycles
    if not 0 <= first < min(last, recording.cycles):
        raise ValueError(
            f"cycles: {first} to {last} is no part of a run of {recording.cycles}; give (first, "
            "last) in it"
        )
    return float(first), float(min(last, recording.cycles))


def _check_sample(recording: Recording, sample: int) -> None:
    samples = int(recording.sample.max(initial=-1)) + 1
    if not 0 <= sample < samples:
        raise ValueError(f"sample: {sample} is none of the {samples} recorded; count from 0")


def phases_of(
    recording: Recording, sample: int, reference: int | None
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Times, phases from the reference with the last in (-pi, pi], and who has none."""
    _check_sample(recording, sample)
    time, phases = recording.phases(sample)
    if reference is not None:
        if not 0 <= reference < recording.n:
            raise ValueError(
                f"reference: {reference} is none of the {recording.n} oscillators; count from 0"
            )
        if np.isnan(phases[:, reference]).any():
            raise ValueError(
                f"reference: {reference} spiked less than twice or stopped, so nothing can be "
                "measured from it; choose another"
            )
        phases = phases - phases[:, [reference]]
    silent = np.flatnonzero(np.isnan(phases).any(axis=0))
    return time, phases + wrap(phases[-1]) - phases[-1], silent


def drawn(recording: Recording, silent: IntArray) -> list[tuple[int, Any]]:
    """Oscillators and their colours, the held ones first, so that they lie behind."""
    from matplotlib import colormaps

    held = np.setdiff1d(recording.held, silent)
    free = np.setdiff1d(free_of(recording), silent)
    if free_of(recording).size <= len(COLOURS):
        colours: list[Any] = [COLOURS[k] for k in np.searchsorted(free_of(recording), free)]
    else:
        low, high = free_of(recording)[[0, -1]]
        colours = list(colormaps[MANY]((free - low) / (high - low)))
    return [(k, GREY) for k in held.tolist()] + list(zip(free.tolist(), colours, strict=True))


def free_of(recording: Recording) -> IntArray:
    """The oscillators that are not held."""
    return np.setdiff1d(np.arange(recording.n, dtype=np.intp), recording.held)


def name_of(recording: Recording, k: int) -> str:
    """In the legend, where all that are held share an entry."""
    if k not in recording.held:
        return str(k)
    return "held" if k == recording.held[0] else "_"


def origin(reference: int | None) -> str:
    """What the phases are, for an axis."""
    return "phase" if reference is None else f"phase from that of {reference}"


def tell_oscillators(ax: Axes, recording: Recording, silent: IntArray) -> None:
    """Which line is whose, and who has none."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    free = free_of(recording)
    handles = ax.get_legend_handles_labels()[0]
    if handles and free.size <= len(COLOURS):
        ax.legend(
            handles=handles, frameon=False, fontsize="small", loc="upper left",
            title="oscillator", title_fontsize="small", bbox_to_anchor=(1.08, 1.0),
        )  # fmt: skip
    elif handles:
        scale = ScalarMappable(Normalize(free[0], free[-1]), MANY)
        ax.get_figure(root=True).colorbar(scale, ax=ax, label="oscillator", shrink=0.8)  # type: ignore[union-attr]
    if silent.size:
        some = ", ".join(map(str, silent[:SOME])) + (", ..." if silent.size > SOME else "")
        ax.set_title(f"{silent.size} without a phase: {some}", fontsize="small", color=ORANGE)


def emptiest(phases: FloatArray) -> float:
    """Of the angles between those with a name the one that is farthest from all phases, degrees."""
    candidates = (np.arange(8) + 0.5) * np.pi / 4
    near = np.abs(wrap(np.subtract.outer(candidates, phases))).min(axis=1, initial=np.pi)
    return float(np.degrees(candidates[np.argmax(near)]))


def angle_ticks(ax: Axes) -> None:
    """Ticks at quarter turns, at whole ones where phases go far."""
    from matplotlib.ticker import MultipleLocator

    low, high = ax.get_ylim()
    far = high - low > 4 * np.pi
    step = 2 * np.pi * np.ceil((high - low) / (16 * np.pi)) if far else np.pi / 2
    ax.yaxis.set_major_locator(MultipleLocator(step))
    ax.yaxis.set_major_formatter(lambda value, _: _in_pi(value))
    ax.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)


def _in_pi(value: float) -> str:
    halves = round(2 * value / np.pi)
    if halves == 0:
        return "0"
    sign = "−" if halves < 0 else ""
    count = abs(halves) // 2 if halves % 2 == 0 else abs(halves)
    return f"{sign}{count if count > 1 else ''}π{'/2' if halves % 2 else ''}"


def legend_above(ax: Axes, handles: Sequence[Artist] | None = None) -> None:
    """A legend in a line over the axes, where it hides nothing."""
    shown = ax.get_legend_handles_labels()[0] if handles is None else handles
    ax.legend(
        handles=shown, frameon=False, fontsize="small", ncols=max(1, len(shown)),
        loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2,
    )  # fmt: skip


def tick_values(ax: Axes) -> None:
    """Ticks at the values themselves, unless they are too many."""
    from matplotlib.ticker import NullLocator

    values = np.unique(np.concatenate([line.get_xdata() for line in ax.lines]))
    if values.size <= SOME:
        ax.set_xticks(values, [f"{value:g}" for value in values])
        ax.xaxis.set_minor_locator(NullLocator())


def next_colour(ax: Axes) -> str:
    """Of the line that comes after those in the axes."""
    return COLOURS[len(ax.lines) % len(COLOURS)]
