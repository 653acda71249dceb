"""Figures of spiking oscillators: what they show of what they are given."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurosc.hw_models.spiking import Recording, SpikingOscillators, pair_design, plots
from neurosc.network import FloatArray, wrap

TAPS = pair_design()
CYCLES, STEPS = 60, 20
REST = np.array([0.4, -2.0, 1.0, -3.0, 0.0])
"""Oscillators 0 and 1 are held, 2 and 3 settle within 8 cycles, 4 is silent."""


def recorded(n_free: int = 3, slip: float = 0.0) -> Recording:
    """Two samples, of which the second rests; the first slips by so many radians a cycle."""
    times, neurons, samples = [], [], []
    rest = np.concatenate([REST[:4], np.linspace(-1, 1, max(0, n_free - 3)), [0.0]])
    turns = np.arange(-3, 2 * CYCLES)
    for sample in range(2):
        for k in range(rest.size - 1):
            moving, slips = k >= 2 and sample == 0, slip * (k == 3)
            spikes = turns - rest[k] / (2 * np.pi)
            for _ in range(50 * moving):  # until t = turns - theta(t) / 2 pi
                theta = rest[k] + 2 * np.exp(-spikes.clip(0) / 8) + slips * spikes
                spikes = turns - theta / (2 * np.pi)
            spikes = spikes[(spikes >= 0) & (spikes < CYCLES)]
            times.append(spikes)
            neurons.append(np.full(spikes.size, k))
            samples.append(np.full(spikes.size, sample))
    time = np.concatenate(times)
    order = np.argsort(time)
    grid = np.arange(CYCLES * STEPS) / STEPS
    membrane = np.broadcast_to(grid % 1, (2, rest.size, grid.size)).copy()
    membrane[:, :2] = np.nan
    return Recording(
        time[order],
        np.concatenate(neurons)[order],
        np.concatenate(samples)[order],
        CYCLES,
        rest.size,
        np.array([0, 1]),
        grid,
        membrane,
        1.2 + 0.1 * membrane,
    )


def lines(ax: Axes) -> dict[str, tuple[FloatArray, FloatArray]]:
    """The labelled curves of axes."""
    return {
        str(line.get_label()): (np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))
        for line in ax.lines
    }


def legend(ax: Axes) -> list[str]:
    """What the legend says."""
    found = ax.get_legend()
    assert found is not None
    return [text.get_text() for text in found.get_texts()]


RUN = recorded()
DRAWN: dict[str, Callable[..., Axes]] = {
    "interaction": lambda **ax: plots.interaction(TAPS, **ax),
    "harmonics": lambda **ax: plots.harmonics(TAPS, **ax),
    "raster": lambda **ax: plots.raster(RUN, **ax),
    "locking_curve": lambda **ax: plots.locking_curve(RUN, **ax),
    "phase_portrait": lambda **ax: plots.phase_portrait(RUN, **ax),
    "voltages": lambda **ax: plots.voltages(RUN, **ax),
    "error_against": lambda **ax: plots.error_against([1, 2], [[0.1], [0.2]], "steps", **ax),
}


@pytest.mark.parametrize("name", DRAWN)
def test_figures_are_labelled_and_nothing_is_cut_off(name: str, tmp_path: Path) -> None:
    ax = DRAWN[name]()
    figure = ax.figure
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert ax.get_xlabel()
    assert ax.get_ylabel() or name == "phase_portrait"
    drawn, room = figure.get_tightbbox(), figure.get_size_inches()
    assert min(drawn.x0, drawn.y0) > -0.02
    assert drawn.x1 < room[0] + 0.02
    assert drawn.y1 < room[1] + 0.02


@pytest.mark.parametrize("name", DRAWN)
def test_they_draw_where_they_are_told(name: str) -> None:
    projection = "polar" if name == "phase_portrait" else None
    ax = Figure().add_subplot(projection=projection)
    assert DRAWN[name](ax=ax) is ax


@pytest.mark.parametrize("taps", [TAPS, pair_design(1, 1), SpikingOscillators("winfree")])
def test_interaction_against_the_sine(taps: Any) -> None:
    ax = plots.interaction(taps)
    shown = lines(ax)
    phase, torque = shown["H"]
    np.testing.assert_allclose(torque, taps.interaction(phase))
    np.testing.assert_allclose(shown["sin"][1], np.sin(phase))
    other = [axes for axes in ax.figure.axes if axes is not ax]
    difference = np.asarray(other[0].lines[0].get_ydata())
    np.testing.assert_allclose(difference, torque - np.sin(phase), atol=1e-15)
    assert legend(ax)[2] == f"H − sin, up to {np.abs(difference).max():.2g}"
    for axes, values in ((ax, torque), (ax, np.sin(phase)), (other[0], difference)):
        low, high = axes.get_ylim()
        assert low < values.min() <= values.max() < high
        assert low == -high  # both zeros are at one height


def test_harmonics_that_survive() -> None:
    ax = plots.harmonics(TAPS, orders=20)
    first, others = (np.asarray(line.get_xdata()).tolist() for line in ax.lines)
    assert first == [1]
    assert others == [7, 9, 15, 17]
    sizes = np.abs(TAPS.interaction.harmonics)
    np.testing.assert_allclose(np.asarray(ax.lines[1].get_ydata()), sizes[[6, 8, 14, 16]])
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[0] < sizes[16]
    with pytest.raises(ValueError, match=r"^orders: there is no harmonic up to 0; give more"):
        plots.harmonics(TAPS, orders=0)


def test_raster_has_the_spikes_of_a_sample_and_window() -> None:
    ax = plots.raster(RUN, sample=1, cycles=(10, 15))
    assert legend(ax) == ["held", "free"]
    held, free = (
        np.array([segment[:, :].mean(axis=0) for segment in c.get_segments()])  # type: ignore[attr-defined]
        for c in ax.collections
    )
    assert set(held[:, 1]) == {0, 1}
    assert set(free[:, 1]) == {2, 3}
    for neuron in (2, 3):
        mine = free[free[:, 1] == neuron, 0]
        whole = RUN.of(1, neuron)
        np.testing.assert_allclose(mine, whole[(whole >= 10) & (whole <= 15)])
    assert ax.get_xlim() == (10, 15)


def test_locking_curves_end_where_the_phases_rest() -> None:
    ax = plots.locking_curve(RUN)
    shown = lines(ax)
    time, phase = shown["2"]
    np.testing.assert_allclose(time, np.arange(CYCLES) + 0.5)
    assert phase[-1] == pytest.approx(REST[2], abs=0.005)
    assert phase[0] == pytest.approx(REST[2] + 2 * np.exp(-1 / 16), abs=0.1)
    assert np.abs(np.diff(phase)).max() < 0.5
    np.testing.assert_allclose(shown["held"][1], REST[0])
    assert legend(ax) == ["held", "2", "3"]
    assert ax.get_title() == "1 without a phase: 4"


def test_phases_from_a_reference() -> None:
    shown = lines(plots.locking_curve(RUN, reference=2))
    assert not shown["2"][1].any()
    assert shown["3"][1][-1] == pytest.approx(wrap(REST[3] - REST[2]), abs=0.005)
    assert "from that of 2" in plots.locking_curve(RUN, reference=2).get_ylabel()
    assert "from that of 2" in plots.phase_portrait(RUN, reference=2).get_xlabel()


def test_who_slips_is_a_slope() -> None:
    ax = plots.locking_curve(recorded(slip=0.5))
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    _, phase = lines(ax)["3"]
    assert np.diff(phase)[-20:-1] == pytest.approx(0.5, rel=0.05)
    assert -np.pi < phase[-1] <= np.pi
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert "0" in names
    assert any(name.endswith("π") for name in names)
    assert not any("/2" in name for name in names)


def test_a_portrait_has_time_as_radius() -> None:
    ax = plots.phase_portrait(RUN)
    angle, radius = lines(ax)["3"]
    np.testing.assert_allclose(radius, np.arange(CYCLES) + 0.5)
    assert wrap(angle[-1] - REST[3]) == pytest.approx(0, abs=0.005)
    assert ax.get_title() == "1 without a phase: 4"


@pytest.mark.parametrize("draw", [plots.locking_curve, plots.phase_portrait])
def test_many_oscillators_have_shades(draw: Callable[..., Axes]) -> None:
    ax = draw(recorded(20))
    assert ax.get_legend() is None
    (bar,) = (axes for axes in ax.figure.axes if axes is not ax)
    assert bar.get_ylabel() == "oscillator"
    colours = {str(line.get_label()): line.get_color() for line in ax.lines}
    assert len({str(colours[str(k)]) for k in range(2, 19)}) == 17


def test_nothing_but_silence_is_no_error() -> None:
    one, nobody = np.zeros(1, dtype=np.intp), np.zeros(0, dtype=np.intp)
    silent = Recording(np.array([0.5]), one, one, 20, 2, nobody)
    for draw in (plots.locking_curve, plots.phase_portrait):
        ax = draw(silent)
        ax.figure.draw_without_rendering()  # type: ignore[union-attr]
        assert ax.get_title() == "2 without a phase: 0, 1"
    plots.raster(silent, cycles=(1, 2))


def test_who_stops_does_not_look_locked() -> None:
    kept = (RUN.neuron != 3) | (RUN.time < 20)
    stopped = dataclasses.replace(
        RUN, time=RUN.time[kept], neuron=RUN.neuron[kept], sample=RUN.sample[kept]
    )
    time, phases = stopped.phases()
    assert not np.isnan(phases[time < 20, 3]).any()
    assert np.isnan(phases[time > 23, 3]).all()
    assert not np.isnan(phases[:, :3]).any()
    for draw in (plots.locking_curve, plots.phase_portrait):
        assert draw(stopped).get_title() == "2 without a phase: 3, 4"
    with pytest.raises(ValueError, match=r"^reference: 3 spiked less than twice or stopped"):
        plots.locking_curve(stopped, reference=3)


def test_membranes_share_a_scale() -> None:
    ax = plots.voltages(RUN, cycles=(2, 4))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["2", "3", "4"]
    assert len(ax.lines) == 6
    for row, line in enumerate(ax.lines[:3]):
        time, height = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        assert time.min() >= 2
        assert time.max() <= 4
        scaled = (time % 1) / 0.95
        np.testing.assert_allclose(height, row + plots.ROW * (0.5 - scaled), atol=1e-9)
    assert legend(ax) == ["membrane: a row is 0.000 to 0.950", "drive: a row is 1.200 to 1.295"]


def test_errors_over_a_parameter() -> None:
    draw = np.random.default_rng(0)
    errors: list[FloatArray] = [0.1 * draw.random(50) + 0.01 for _ in range(3)]
    errors[1][:5] = np.nan
    ax = plots.error_against([0.2, 0.05, 0.1], errors, "coupling per cycle ε", name="LIF")
    at, median = lines(ax)["LIF"]
    assert at.tolist() == [0.05, 0.1, 0.2]
    np.testing.assert_allclose(median, [np.nanmedian(errors[k]) for k in (1, 2, 0)])
    assert [text.get_text() for text in ax.texts] == ["5 of 50\nunlocked"]
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.05", "0.1", "0.2"]
    plots.error_against([0.05], [errors[0]], "coupling per cycle ε", name="Winfree", ax=ax)
    assert legend(ax) == ["LIF", "Winfree"]
    assert len({line.get_color() for line in ax.lines}) == 2


def test_what_never_locks_is_written_and_has_no_point() -> None:
    ax = plots.error_against([64, 128], [[np.nan, np.nan], [0.1, 0.2]], "steps per cycle")
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert [text.get_text() for text in ax.texts] == ["2 of 2\nunlocked"]
    box = ax.texts[0].get_window_extent()
    assert ax.get_window_extent().x0 < box.x0 < box.x1 < ax.get_window_extent().x1
    assert np.isnan(lines(ax)["median and middle 80 %"][1][0])


BARE = dataclasses.replace(RUN, voltage_time=None, voltage=None, drive=None)
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "sample": (lambda: plots.raster(RUN, 2), "^sample: 2 is none of the 2 recorded; count from 0"),
    "negative": (lambda: plots.phase_portrait(RUN, -1), "^sample: -1 is none"),
    "window": (
        lambda: plots.raster(RUN, cycles=(70, 80)),
        r"^cycles: 70 to 80 is no part of a run of 60; give \(first, last\)",
    ),
    "backwards": (lambda: plots.voltages(RUN, cycles=(5, 5)), "^cycles: 5 to 5 is no part"),
    "reference": (
        lambda: plots.locking_curve(RUN, reference=5),
        "^reference: 5 is none of the 5 oscillators; count",
    ),
    "silent": (
        lambda: plots.locking_curve(RUN, reference=4),
        "^reference: 4 spiked less than twice or stopped, .* choose another",
    ),
    "membranes": (lambda: plots.voltages(BARE), "^recording: has no membranes; record them with"),
    "axes": (
        lambda: plots.phase_portrait(RUN, ax=Figure().add_subplot()),
        '^ax: is not polar; give axes with projection="polar"',
    ),
    "count": (lambda: plots.error_against([1, 2], [[0.1]], "x"), "^errors: 1 lists for values of"),
    "values": (lambda: plots.error_against([0], [[0.1]], "x"), "^values: are not all positive"),
    "errors": (lambda: plots.error_against([1], [[0.0]], "x"), "^errors: there must be some"),
    "none": (lambda: plots.error_against([1], [[]], "x"), "^errors: there must be some"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()
