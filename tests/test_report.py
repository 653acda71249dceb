"""The demonstration, small: every file it promises, and what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurosc import export, load, report


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small demonstration."""
    out = tmp_path_factory.mktemp("demo") / "out"
    settings = report.DemoSettings(epochs=6, images=6, chips=2, rng=1)
    report.demo(out, settings, say=lambda _: None, progress=False)
    return out


def test_every_file_is_there(folder: Path) -> None:
    expected = set(report.FILES) - {"training.npz"}
    assert {p.name for p in folder.iterdir()} == expected


def test_the_table_holds_all_substrates(folder: Path) -> None:
    table: Any = pd.read_csv(folder / "results.csv").set_index("substrate")
    assert list(table.index) == [
        "ideal model", "for comparison: tanh MLP 64-20-10", "2 analog chips",
        "spiking (Brian2)", "NIR file (Brian2)",
    ]  # fmt: skip
    assert table.loc["ideal model", "accuracy"] > 0.7
    for name in ("spiking (Brian2)", "NIR file (Brian2)"):
        assert table.loc[name, "images"] == 6
        assert table.loc[name, "median_phase_error_rad"] < 0.02


def test_the_model_and_its_export_are_the_same_network(folder: Path) -> None:
    network = load(folder / "model.npz")
    exported = export.from_nir(export.read(folder / "model.nir"))
    assert (network.coupling == exported.coupling).all()
    assert (network.field == exported.field).all()


def test_the_report_is_self_contained(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    for outside in ("http://", "https://", 'src="/', "href="):
        assert outside not in page
    assert "NIR file (Brian2)" in page


def test_a_table_for_people(folder: Path) -> None:
    text = report.readable(pd.read_csv(folder / "results.csv")).to_string(index=False)
    assert "nan" not in text
    assert "95 % interval" in text


def test_settings_out_of_range() -> None:
    with pytest.raises(ValueError, match="images: 361 exceed the 360"):
        report.DemoSettings(images=361)


def test_a_folder_with_files_needs_overwrite(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError, match="--overwrite"):
        report.prepare_folder(tmp_path, overwrite=False)
    report.prepare_folder(tmp_path, overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "keep"
    assert np.all([p.name == "mine.txt" for p in tmp_path.iterdir()])
