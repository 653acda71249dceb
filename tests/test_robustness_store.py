"""Sweeps on disk: killed, read while they run, full disks, two at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from neurosc import PhaseNetwork, robustness
from neurosc.robustness.lock import locked
from tests.robustness_studies import CHUNKS, LEVELS, parts, same, study


@pytest.fixture(scope="module")
def whole() -> pd.DataFrame:
    """The table of a run that nothing disturbs."""
    return study(None).table


def started(path: Path, program: str) -> subprocess.Popen[bytes]:
    """A process of its own that runs `program` after the imports of this file."""
    text = (
        "import sys, resource; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent.parent)!r})\n"
        f"from tests.robustness_studies import study\npath = Path({str(path)!r})\n{program}"
    )
    with open(path.with_suffix(".err"), "w") as error:
        command = [sys.executable, "-c", text]
        return subprocess.Popen(command, stderr=error, start_new_session=True)


def wait_for_parts(path: Path, process: subprocess.Popen[bytes], count: int) -> None:
    while parts(path) < count:
        assert process.poll() is None, path.with_suffix(".err").read_text()
        time.sleep(0.001)


def test_a_killed_run_ends_with_the_same_table(tmp_path: Path, whole: pd.DataFrame) -> None:
    """Killed in two processes, read as it lies, refused to others, gone on with in one."""
    path = tmp_path / "study"
    process = started(path, "study(path, jobs=2)")
    wait_for_parts(path, process, 3)
    with pytest.raises(BlockingIOError, match="path: another process is writing into"):
        study(path)
    process.kill()
    process.wait()
    left = parts(path)
    assert 3 <= left < CHUNKS
    partial = robustness.Sweep.read(path)
    assert len(partial.table) == 2 * left
    assert not partial.is_complete
    assert len(partial.summary()) <= len(LEVELS)
    (path / ".part-000000.parquet.torn").write_bytes(b"half")
    found = study(path)
    same(found.table, whole)
    assert found.is_complete
    assert {p.name for p in path.iterdir()} == {"_study.json", "table.parquet", ".lock"}
    same(robustness.Sweep.read(path).table, whole)
    same(pd.read_parquet(path), whole)
    os.killpg(process.pid, signal.SIGKILL)  # its workers, which wait for work for minutes


def test_a_finished_study_is_not_run_again(tmp_path: Path) -> None:
    """Not even its seconds change; without rng a path gives its own."""
    first = study(tmp_path, trials=1)
    pd.testing.assert_frame_equal(study(tmp_path, trials=1).table, first.table)
    pd.testing.assert_frame_equal(study(tmp_path, trials=1, rng=None).table, first.table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rng": 1}, "rng is 0, not 1"),
        ({"chips": 3}, "chips is 2, not 3"),
        ({"metrics": "accuracy"}, "measure differs"),
    ],
)
def test_a_path_with_another_study_raises(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    study(tmp_path, trials=1)
    before = (tmp_path / "table.parquet").read_bytes()
    with pytest.raises(ValueError, match=rf"path: .*another study \({message}\); name another"):
        study(tmp_path, trials=1, **change)
    assert (tmp_path / "table.parquet").read_bytes() == before


def test_a_path_with_other_files_raises(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError, match="holds other files"):
        study(tmp_path)
    with pytest.raises(FileExistsError, match="is a file"):
        study(tmp_path / "mine.txt")
    with pytest.raises(FileNotFoundError, match="holds no study"):
        robustness.Sweep.read(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_damage_is_told(tmp_path: Path) -> None:
    study(tmp_path, trials=1)
    table = tmp_path / "table.parquet"
    table.write_bytes(table.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"path: .*table.parquet is damaged .* delete it"):
        robustness.Sweep.read(tmp_path)
    table.unlink()
    assert study(tmp_path, trials=1).is_complete
    (tmp_path / "_study.json").write_text("{")
    with pytest.raises(ValueError, match=r"path: .*_study.json is damaged"):
        robustness.Sweep.read(tmp_path)


FULL = """
from neurosc import CosineCost
calls = []
predict = CosineCost.predict

def filling(self, phases):
    calls.append(1)
    if len(calls) == 6:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
    return predict(self, phases)

CosineCost.predict = filling
try:
    study(path)
except OSError as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are of Unix")
def test_a_full_disk_leaves_the_rows_so_far(tmp_path: Path, whole: pd.DataFrame) -> None:
    """A limit on file sizes, set in the middle, stands for the disk."""
    path = tmp_path / "study"
    process = started(path, FULL)
    assert process.wait(timeout=120) == 1
    error = path.with_suffix(".err").read_text()
    assert "those of 5 finished chunks stay readable: free space and run the same" in error
    assert len(robustness.Sweep.read(path).table) == 10
    assert not [p for p in path.iterdir() if p.name.startswith(".part")]
    same(study(path).table, whole)


def test_a_lock_ends_with_its_owner(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(BlockingIOError), locked(tmp_path):
        pass
    with locked(tmp_path):
        assert os.listdir(tmp_path) == [".lock"]


def test_without_pyarrow_a_path_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: PhaseNetwork
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r"path: .*pip install 'neurosc\[robustness\]'"):
        study(tmp_path / "study", trials=1)
    assert not (tmp_path / "study").exists()
