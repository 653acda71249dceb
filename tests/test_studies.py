"""The harness of the studies, on the smallest of them."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neurosc import studies
from neurosc.cli import main
from neurosc.studies import running, xor
from neurosc.studies.result import FILES
from neurosc.studies.study import Row
from neurosc.studies.summary import readable, summarised, untouched


@pytest.fixture(scope="module")
def result() -> studies.StudyResult:
    return studies.run("xor", seeds=4, rng=3)


def test_every_study_is_described() -> None:
    for name in studies.names():
        study = studies.get(name)
        assert study.name == name
        assert study.about
        assert study.reported
        assert not study.about.endswith(".")
        assert study.settings()


def test_an_unknown_study_and_option_are_told() -> None:
    with pytest.raises(ValueError, match="name: 'xnor' is no study; use one of"):
        studies.run("xnor")
    with pytest.raises(TypeError, match="wings: is no option of xor, which has epochs"):
        studies.run("xor", wings=2)
    with pytest.raises(ValueError, match="seeds: 0 is no number of seeds"):
        studies.run("xor", seeds=0)


def test_table_and_summary_are_tidy(result: studies.StudyResult) -> None:
    table = result.table
    assert table["seed"].tolist() == [0, 1, 2, 3]
    assert {"condition", "seed", "unlocked", "seconds"} <= set(table.columns)
    solved = result.summary.set_index("measure").loc["solved"]
    assert solved["mean"] == table["solved"].mean()
    assert solved["lowest"] == table["solved"].min()
    assert solved["published"] == 1.0
    assert solved["seeds"] == 4


def test_the_summary_reads_as_a_line_for_each_condition(result: studies.StudyResult) -> None:
    read = readable(result.summary)
    assert len(read) == result.table["condition"].nunique()
    assert read["solved (%)"].tolist() == ["100.0"]
    assert read["published solved (%)"].tolist() == ["100.0"]
    assert "unlocked (%)" not in read
    assert untouched(result.summary) == "No sample unlocked in any run."


def test_what_differs_between_seeds_is_told() -> None:
    table = pd.DataFrame(
        {
            "condition": ["a", "a", "b", "b"],
            "solved": [1.0, 0.0, 1.0, 1.0],
            "epochs_to_solve": [25.0, np.nan, 12.0, 50.0],
            "unlocked": [0.0, 0.25, 0.0, 0.0],
        }
    )
    summary = summarised(xor.STUDY, table)
    read = readable(summary).set_index("condition")
    assert read.loc["a", "solved (%)"] == "50.0 (0.0 to 100.0)"
    assert read.loc["a", "epochs to solve"] == "25 (1 of 2 seeds)"
    assert read.loc["b", "epochs to solve"] == "31 (12 to 50)"
    assert read.loc["a", "unlocked (%)"] == "12.5 (0.0 to 25.0)"
    assert untouched(summary) == ""


def test_rows_are_the_same_in_processes(result: studies.StudyResult) -> None:
    other = studies.run("xor", seeds=4, rng=3, jobs=2)
    pd.testing.assert_frame_equal(
        result.table.drop(columns="seconds"), other.table.drop(columns="seconds")
    )


def test_files_are_written_once_and_not_over_others(tmp_path: Path) -> None:
    out = tmp_path / "xor"
    studies.run("xor", seeds=1, out=out, epochs=25)
    assert {f.name for f in out.iterdir() if not f.name.startswith(".")} == set(FILES)
    assert not (out / running.CELLS).exists()
    assert "epochs = 25" in (out / "report.html").read_text()
    with pytest.raises(FileExistsError, match=r"out: .* add --overwrite"):
        studies.run("xor", seeds=1, out=out, epochs=25)
    again = studies.run("xor", seeds=2, out=out, epochs=25, overwrite=True)
    assert len(pd.read_csv(out / "table.csv")) == len(again.table) == 2


def test_an_interrupted_study_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "xor"
    calls: list[int] = []

    def counting(seed: int, rng: np.random.SeedSequence, *, epochs: int) -> Row:
        calls.append(seed)
        if calls == [0, 1, 2]:
            raise KeyboardInterrupt
        return {"solved": 1.0, "epochs_to_solve": 25.0, "when": time.perf_counter()}

    counting.__module__ = xor.__name__  # its source tells rows of other code apart
    monkeypatch.setattr(xor, "STUDY", dataclasses.replace(xor.STUDY, measure=counting))
    with pytest.raises(KeyboardInterrupt):
        studies.run("xor", seeds=4, out=out)
    assert calls == [0, 1, 2]
    result = studies.run("xor", seeds=4, out=out)
    assert calls == [0, 1, 2, 2, 3]
    assert result.table["when"].is_monotonic_increasing
    assert (out / "table.csv").exists()


def test_the_command_lists_and_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in studies.names())
    assert "published: solved with 5 oscillators" in listed
    out = tmp_path / "xor"
    assert main(["study", "xor", "--seeds", "2", "--jobs", "1", "--out", str(out)]) == 0
    assert "solved (%)" in capsys.readouterr().out
    assert main(["study", "xor", "--seeds", "2", "--jobs", "1", "--out", str(out)]) == 1
    assert "add --overwrite" in capsys.readouterr().err
    assert main(["study", "xor", "--data", "x.csv"]) == 1
    assert "leave --data out" in capsys.readouterr().err


def test_the_command_shortens_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "xor"
    few = ["study", "xor", "--seeds", "1", "--jobs", "1", "--out", str(out), "--epochs"]
    assert main([*few, "0"]) == 1
    assert "epochs: 0 is no number of epochs; give 1 or more" in capsys.readouterr().err
    assert main([*few, "2"]) == 0
    assert "epochs = 2" in (out / "report.html").read_text("utf-8")
    assert not pd.read_csv(out / "table.csv")["solved"].any()
    assert main(["study", "xor", "--batches", "3"]) == 1
    assert "the study xor has none; leave --batches out" in capsys.readouterr().err


def test_five_oscillators_solve_xor(result: studies.StudyResult) -> None:
    assert result.table["solved"].all()
    assert result.table["epochs_to_solve"].max() <= 1000
    assert (result.table["unlocked"] == 0).all()


def test_xor_is_solved_from_eighteen_starts_of_twenty() -> None:
    assert studies.run("xor").table["solved"].sum() >= 18
