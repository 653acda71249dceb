"""Figures of coupled oscillators, and those that a study writes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from neurosc import studies
from neurosc.coupling_map import Instances, Picture, figures, trajectories
from neurosc.coupling_map.figures import Run

HALVES = np.repeat([[0.1, 0.9]], 4, axis=0).repeat(3, axis=1)


def watched(instances: Instances) -> dict[str, Run]:
    """A run with and one without couplings that pull within halves and push between them."""
    n = instances.n
    side = np.arange(n) % 6 < 3
    coupling = np.where(side[:, None] == side, 1.0, -1.0)[None] / n
    runs = {}
    for name, k in {"trained": coupling, "untrained": 0 * coupling}.items():
        way = trajectories(k, instances, dt=0.1, steps=200, rng=0)[0]
        runs[name] = Run(np.linspace(0, 20, 201), way, k[0])
    return runs


@pytest.fixture(scope="module")
def picture() -> Picture:
    return Picture(HALVES, 2)


@pytest.fixture(scope="module")
def runs(picture: Picture) -> dict[str, Run]:
    return watched(picture.whole())


def test_order_of_groups_is_within_them_and_of_all(picture: Picture, runs: dict[str, Run]) -> None:
    left, right = figures.order_in_time(runs, picture.whole()).axes
    ends = {line.get_label(): np.asarray(line.get_ydata())[-1] for line in left.lines}
    assert ends["trained: within groups"] > 0.99
    assert ends["trained: all oscillators"] < 0.1
    assert ends["untrained: within groups"] < 0.9
    assert np.asarray(right.lines[0].get_ydata())[-1] < 0.01  # the cost of clusters


def test_order_of_frequencies_is_one_line_a_run() -> None:
    frequencies = Instances(np.zeros((1, 12, 1)), frequency=np.linspace(-1, 1, 12)[None])
    (ax,) = figures.order_in_time(watched(frequencies), frequencies).axes
    assert [line.get_label() for line in ax.lines] == ["trained", "untrained"]


def test_the_circle_has_start_and_ends(picture: Picture, runs: dict[str, Run]) -> None:
    drawn = figures.phases_on_circle(runs, picture.whole())
    titles = [ax.get_title() for ax in drawn.axes[:3]]
    assert titles == ["start", "trained, t = 20", "untrained, t = 20"]
    assert drawn.axes[-1].get_ylabel() == "group"


def test_matrices_are_sorted_by_group(picture: Picture, runs: dict[str, Run]) -> None:
    shown = np.asarray(
        figures.coupling_matrices(runs, picture.whole()).axes[0].images[0].get_array()
    )
    assert (shown[:12, :12] > 0).all()
    assert (shown[:12, 12:] < 0).all()


def test_hues_do_not_turn_with_the_whole(picture: Picture, runs: dict[str, Run]) -> None:
    run = runs["trained"]
    turned = Run(run.time, run.phases + 1.0, run.coupling)
    one, other = (
        np.asarray(figures.segmented(picture, {"trained": r}).axes[2].images[0].get_array())
        for r in (run, turned)
    )
    np.testing.assert_allclose(np.exp(1j * one), np.exp(1j * other), atol=1e-6)
    left = np.exp(1j * one[:, :3])
    assert np.abs(left - left[0, 0]).max() < 0.01


def test_the_animation_moves_and_holds_its_end(picture: Picture, runs: dict[str, Run]) -> None:
    from PIL import Image, ImageSequence

    with Image.open(io.BytesIO(figures.locking(picture, runs["trained"]))) as file:
        assert file.format == "GIF"
        every = ImageSequence.Iterator(file)
        frames = [np.asarray(frame.convert("RGB")).astype(int) for frame in every]
    assert len(frames) > 10
    assert np.abs(frames[0] - frames[-1]).max() > 50


def test_a_study_writes_figures_beside_its_page(tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", HALVES)
    file, out = tmp_path / "own.toml", tmp_path / "out"
    file.write_text(
        'about = "own"\n[source]\nkind = "picture"\npicture = "own.npy"\ngroups = 2\n'
        '[map]\nhidden = [4, 4]\nnormalise = "graph"\n'
        "[train]\nbatches = 2\nn = 8\nrandom_field = 2.0\n"
    )
    result = studies.run("kuranet", seeds=1, experiment=str(file), out=out)
    names = {path.name for path in (out / "figures").iterdir()}
    assert names == {
        "own-order.png", "own-circle.png", "own-couplings.png", "own-segments.png",
        "own-locking.gif",
    }  # fmt: skip
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert page.count("data:image/gif;base64,") == 1
    assert "own, 24 oscillators" in page
    assert np.isfinite(result.table["loss"].to_numpy(float)).all()
