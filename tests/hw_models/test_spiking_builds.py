"""Builds in the cache: shared by processes, made once, and gone when nothing uses them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurosc.hw_models.spiking import runtime

RELAX = """
import numpy as np
from neurosc import topology
from neurosc.hw_models.spiking import SpikingOscillators, runtime
{before}
found = SpikingOscillators(cycles=60).relax(topology.layered([2, 2, 2], rng=0), np.zeros((3, 2)))
print(found.phases.tobytes().hex())
"""


def started(cache: Path, before: str = "") -> subprocess.Popen[str]:
    """A process of its own that relaxes a network."""
    return subprocess.Popen(
        [sys.executable, "-c", RELAX.format(before=before)],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_share_a_build_and_do_not_clash(tmp_path: Path) -> None:
    """Two at the same time, and a third that may not compile."""
    both = [started(tmp_path) for _ in range(2)]
    found = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    (build,) = (tmp_path / "neurosc" / "spiking").iterdir()
    assert sorted(file.name for file in build.iterdir()) == ["files.json", "main", "shape.json"]
    later = started(tmp_path, "runtime._child = None")
    assert later.communicate()[0] == found[0] == found[1] != ""


def test_what_nothing_uses_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = runtime.cache_directory()
    ages = {"old": 91, "used": 10, ".neurosc-killed": 2, ".neurosc-running": 0.1}
    for name, days in ages.items():
        (cache / name).mkdir(parents=True)
        (cache / name / "main").touch()
        then = time.time() - 86400 * days
        os.utime(cache / name, (then, then))
    runtime._forget(cache)
    assert sorted(place.name for place in cache.iterdir()) == [".neurosc-running", "used"]


def test_a_run_that_dies_says_so(tmp_path: Path) -> None:
    """As when something kills it."""
    with pytest.raises(RuntimeError, match=r"failed with code -9; its last words: going"):
        runtime._call(["sh", "-c", "echo going; kill -9 $$"], tmp_path, None, None)
