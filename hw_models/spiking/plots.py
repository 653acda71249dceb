"""Figures of spiking oscillators; each function returns the Axes it draws into.

These are `ax` or, unless given, those of a new figure: `.figure` of them, to show or to save.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from neurosc.hw_models.spiking.drawing import (
    angle_ticks,
    drawn,
    emptiest,
    free_of,
    height_of,
    legend_above,
    name_of,
    next_colour,
    origin,
    own_axes,
    phases_of,
    polar_axes,
    tell_oscillators,
    tick_values,
    window,
)
from neurosc.hw_models.spiking.recording import Recording
from neurosc.ideal import Interaction
from neurosc.network import FloatArray
from neurosc.plots import BLUE, GREY, ORANGE, PI_TICKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW = 0.8
"""Share of a row that a trace fills."""


class Interacts(Protocol):
    """`Taps`, `SpikingOscillators`: what pulls one another with some function of the phase."""

    @property
    def interaction(self) -> Interaction:
        """H(theta_j - theta_i)."""
        ...


def interaction(taps: Interacts, ax: Axes | None = None) -> Axes:
    """H against the sine, and their difference on an axis of its own at the right."""
    ax = own_axes(ax)
    phase = np.linspace(-np.pi, np.pi, 721)
    sine = np.sin(phase)
    torque = taps.interaction(phase)
    difference = torque - sine
    largest = float(np.abs(difference).max())
    right = ax.twinx()
    # the difference lies behind, with its zero where that of H is
    ax.set_zorder(right.get_zorder() + 1)
    ax.patch.set_visible(False)
    lines = [
        *ax.plot(phase, torque, color=BLUE, linewidth=1.8, label="H"),
        *ax.plot(phase, sine, "--", color="black", linewidth=0.9, label="sin"),
        *right.plot(
            phase, difference, color=ORANGE, linewidth=1, label=f"H − sin, up to {largest:.2g}"
        ),
    ]
    top, room = 1.1 * max(1.0, float(np.abs(torque).max())), 1.5 * max(largest, 1e-12)
    ax.set(ylim=(-top, top), xlabel="θⱼ − θᵢ (rad)", ylabel="torque per coupling")
    right.set_ylim(-room, room)
    right.set_ylabel("difference", color=ORANGE)
    right.tick_params(axis="y", colors=ORANGE)
    right.spines["top"].set_visible(False)
    ax.set_xticks(*PI_TICKS)
    ax.axhline(0, color=GREY, linewidth=0.6)
    legend_above(ax, lines)
    return ax


def harmonics(taps: Interacts, orders: int = 40, ax: Axes | None = None) -> Axes:
    """|a_n| of H(phi) = sum_n Im(a_n exp(i n phi)), up to some order: the sine is a_1 = 1 alone.

    Raises
    ------
    ValueError
        If there is no harmonic up to that order.
    """
    from matplotlib.ticker import MaxNLocator

    sizes = np.abs(taps.interaction.harmonics)[: max(orders, 0)]
    shown = np.flatnonzero(sizes > 0)
    if not shown.size:
        raise ValueError(f"orders: there is no harmonic up to {orders}; give more")
    ax = own_axes(ax)
    order, size = shown + 1, sizes[shown]
    floor = float(10 ** np.floor(np.log10(size.min()) - 0.3))
    ax.vlines(order, floor, size, color=np.where(order == 1, BLUE, ORANGE), linewidth=1.2)
    ax.plot(order[order == 1], size[order == 1], "o", color=BLUE, markersize=5)
    ax.plot(order[order > 1], size[order > 1], "o", color=ORANGE, markersize=4)
    for n, value in list(zip(order.tolist(), size.tolist(), strict=True))[:4]:
        ax.annotate(
            f"n = {n}", (n, value), xytext=(5, 2), textcoords="offset points", fontsize="small"
        )
    ax.set(
        yscale="log",
        xlabel="harmonic n",
        ylabel="|aₙ| (torque per coupling)",
        ylim=(floor, 3 * size.max()),
    )
    ax.set_xlim(0, max(orders, 2) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def raster(
    recording: Recording,
    sample: int = 0,
    cycles: tuple[float, float] = (0, 10),
    ax: Axes | None = None,
) -> Axes:
    """Spikes from one cycle to another; those of the free oscillators and of the held ones.

    Raises
    ------
    ValueError
        For a sample or cycles that are not recorded.
    """
    from matplotlib.ticker import MaxNLocator

    first, last = window(recording, sample, cycles)
    ax = own_axes(ax, height=height_of(recording.n))
    mine = (recording.sample == sample) & (recording.time >= first) & (recording.time <= last)
    held = np.isin(recording.neuron, recording.held)
    for name, group, colour in (("held", held, GREY), ("free", ~held, BLUE)):
        time, neuron = recording.time[mine & group], recording.neuron[mine & group]
        if time.size:
            ax.vlines(
                time, neuron - ROW / 2, neuron + ROW / 2, color=colour, linewidth=1, label=name
            )
    ax.set(xlabel="time (cycles)", ylabel="oscillator", xlim=(first, last))
    ax.set_ylim(recording.n - 0.5, -0.5)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(ax)
    return ax


def locking_curve(
    recording: Recording, sample: int = 0, reference: int | None = None, ax: Axes | None = None
) -> Axes:
    """Phases cycle by cycle, until they are level.

    Parameters
    ----------
    recording, sample
        Which run, and which of its samples.
    reference
        The oscillator from which phases are measured, as that of the network. None takes the frame
        of the free oscillator, in which held ones stand still.
    ax
        Where to draw.

    Raises
    ------
    ValueError
        For a sample or reference that is none.

    Notes
    -----
    Phases are unwrapped; the last lies in (-pi, pi], as those of a `Relaxation` do. An oscillator
    that slips is a slope. Those that spike less than twice, or stop, have no phase at the end; the
    title names them.
    """
    time, phases, silent = phases_of(recording, sample, reference)
    ax = own_axes(ax)
    for k, colour in drawn(recording, silent):
        ax.plot(time, phases[:, k], color=colour, linewidth=1.3, label=name_of(recording, k))
    ax.set(xlabel="time (cycles)", ylabel=f"{origin(reference)} (rad)", xlim=(0, recording.cycles))
    angle_ticks(ax)
    tell_oscillators(ax, recording, silent)
    return ax


def phase_portrait(
    recording: Recording, sample: int = 0, reference: int | None = None, ax: Axes | None = None
) -> Axes:
    """Each oscillator at angle theta and, as time goes on, further out: a ray once it is locked.

    A network that turns as a whole draws spirals that are alike, an oscillator that slips one that
    crosses them.

    Parameters
    ----------
    recording, sample, reference
        As in `locking_curve`.
    ax
        Polar axes in which to draw.

    Raises
    ------
    ValueError
        For axes that are not polar, and for a sample or reference that is none.
    """
    from matplotlib.ticker import MaxNLocator

    time, phases, silent = phases_of(recording, sample, reference)
    polar = polar_axes(ax)
    for k, colour in drawn(recording, silent):
        polar.plot(phases[:, k], time, color=colour, linewidth=1.2, label=name_of(recording, k))
        polar.plot(phases[-1, k], time[-1], "o", color=colour, markersize=5, clip_on=False)
    polar.set_rlim(0, recording.cycles)
    names = ["0", "π/4", "π/2", "3π/4", "±π", "−3π/4", "−π/2", "−π/4"]
    polar.set_xticks(np.arange(8) * np.pi / 4, names)
    polar.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    polar.tick_params(axis="x", pad=7)
    polar.tick_params(axis="y", labelsize="small", labelcolor=GREY)
    polar.set_rlabel_position(emptiest(np.delete(phases[-1], silent)))
    polar.grid(color=GREY, alpha=0.3, linewidth=0.6)
    polar.set_xlabel(f"angle: {origin(reference)} (rad); radius: time (cycles)")
    tell_oscillators(polar, recording, silent)
    return polar


def voltages(
    recording: Recording,
    sample: int = 0,
    cycles: tuple[float, float] = (0, 5),
    ax: Axes | None = None,
) -> Axes:
    """Membrane and drive of each free oscillator in a row of its own, all on the same two scales.

    Both are in the units of the recording; Winfree oscillators have phase and rate in their place.

    Raises
    ------
    ValueError
        For a recording without membranes, and for a sample or cycles that it does not have.
    """
    time, membrane, drive = recording.voltage_time, recording.voltage, recording.drive
    if time is None or membrane is None or drive is None:
        raise ValueError("recording: has no membranes; record them with voltages=True")
    first, last = window(recording, sample, cycles)
    free = free_of(recording)
    ax = own_axes(ax, height=height_of(2 * free.size))
    shown = (time >= first) & (time <= last)
    traces = (("membrane", membrane, BLUE, 1.1), ("drive", drive, ORANGE, 0.8))
    for name, values, colour, width in traces:
        each = values[sample][np.ix_(free, shown)]
        low, high = float(np.nanmin(each)), float(np.nanmax(each))
        scaled = (each - low) / (high - low) if high > low else np.full_like(each, 0.5)
        for row, trace in enumerate(scaled):
            ax.plot(time[shown], row + ROW * (0.5 - trace), color=colour, linewidth=width)
        ax.lines[-1].set_label(f"{name}: a row is {low:.3f} to {high:.3f}")
    ax.set(xlabel="time (cycles)", ylabel="oscillator", xlim=(first, last))
    ax.set_yticks(range(free.size), [str(k) for k in free])
    ax.set_ylim(free.size - 0.5, -0.5)
    legend_above(ax)
    return ax


def error_against(
    values: npt.ArrayLike,
    errors: Sequence[npt.ArrayLike],
    label: str,
    name: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The greatest phase error over a parameter: median, and the middle 80 % of the trials.

    Parameters
    ----------
    values
        (k,), the parameter, positive.
    errors
        For each value the errors (trials,) in radians, nan where a trial did not lock.
    label
        What the parameter is, such as "coupling per cycle ε" or "steps per cycle".
    name
        Of the series, where there are several in the same axes.
    ax
        Where to draw.

    Raises
    ------
    ValueError
        For values or errors that are not positive, and numbers of them that differ.

    Notes
    -----
    Trials that did not lock are no part of the median; how many there are of how many is written
    at the value.
    """
    at = np.asarray(values, dtype=np.float64)
    each = [np.asarray(e, dtype=np.float64).ravel() for e in errors]
    _check_errors(at, each)
    ax = own_axes(ax)
    order = np.argsort(at)
    at, each = at[order], [each[k] for k in order]
    low, median, high = np.array([_quantiles(e) for e in each]).T
    name = "median and middle 80 %" if name is None else name
    (line,) = ax.plot(at, median, "o-", color=next_colour(ax), markersize=4, label=name)
    ax.fill_between(at, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    sides = np.select([at == at[-1], at == at[0]], ["right", "left"], "center").tolist()
    for x, top, e, side in zip(at.tolist(), high.tolist(), each, sides, strict=True):
        if (lost := int(np.isnan(e).sum())) > 0:
            some = lost < e.size
            ax.annotate(
                f"{lost} of {e.size}\nunlocked", (x, top if some else 0.9), xytext=(0, 4),
                xycoords="data" if some else ("data", "axes fraction"),
                textcoords="offset points", ha=side, fontsize="x-small",
                color=line.get_color(),
            )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel=label, ylabel="max |phase error| (rad)")
    tick_values(ax)
    ax.margins(y=0.1)
    ax.grid(which="major", color=GREY, alpha=0.25, linewidth=0.6)
    ax.legend(frameon=False, fontsize="small")
    return ax


def _quantiles(errors: FloatArray) -> FloatArray:
    locked = errors[~np.isnan(errors)]
    return np.quantile(locked, [0.1, 0.5, 0.9]) if locked.size else np.full(3, np.nan)


def _check_errors(at: FloatArray, each: list[FloatArray]) -> None:
    if at.ndim != 1 or at.size != len(each) or not at.size:
        raise ValueError(
            f"errors: {len(each)} lists for values of shape {at.shape}; give one list a value"
        )
    if not (np.isfinite(at).all() and (at > 0).all()):
        raise ValueError(
            "values: are not all positive, which a logarithmic axis needs; leave out 0"
        )
    if any(not e.size or (e <= 0).any() or np.isinf(e).any() for e in each):
        raise ValueError(
            "errors: there must be some at each value, all positive for the logarithmic axis; give "
            "|error| > 0, or nan for what did not lock"
        )
