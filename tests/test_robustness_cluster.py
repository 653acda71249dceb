"""Sweeps on dask.distributed: the same bits as here, workers that die, schedulers that are not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import distributed
import pytest

from neurosc.robustness import backends
from tests.robustness_studies import CHUNKS, parts, same, study


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two worker processes on this machine."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as made:
        yield made


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        return int(nobody.getsockname()[1])


def when_parts(path: Path, act: Callable[[], Any]) -> None:
    """Act in the middle of a study."""
    while parts(path) < 3:
        time.sleep(0.001)
    act()


def test_a_worker_that_dies_loses_nothing(cluster: Any, tmp_path: Path) -> None:
    """One of two is killed in the middle; the table is that of one process, bit for bit."""
    path = tmp_path / "study"
    with distributed.Client(cluster, set_as_default=False) as client:
        first, second = client.run(os.getpid).values()
    left = []

    def kill() -> None:
        os.kill(first, signal.SIGKILL)
        left.append(parts(path))

    assassin = threading.Thread(target=when_parts, args=(path, kill))
    assassin.start()
    found = study(path, scheduler=cluster.scheduler_address)
    assassin.join()
    assert left[0] < CHUNKS
    with distributed.Client(cluster, set_as_default=False) as client:
        now = client.run(os.getpid).values()
    assert first not in now
    assert second in now
    same(found.table, study(None).table)


def test_errors_of_workers_arrive(cluster: Any) -> None:
    with pytest.raises(ValueError, match=r"x: shape .* does not fit 4 inputs"):
        study(None, scheduler=cluster.scheduler_address, width=3)


def test_a_dead_scheduler_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "TIMEOUT_S", 0.5)
    for address in (f"tcp://127.0.0.1:{free_port()}", "nonsense://x"):
        with pytest.raises(ConnectionError, match=f"scheduler: {address} does not answer"):
            study(None, scheduler=address)


@pytest.mark.slow
def test_a_scheduler_that_dies_leaves_the_rows_so_far(tmp_path: Path) -> None:
    path, address = tmp_path / "study", f"tcp://127.0.0.1:{free_port()}"
    module = [sys.executable, "-m", "distributed.cli.dask_"]
    port = ["--port", address.rpartition(":")[2], "--no-dashboard"]
    with open(tmp_path / "log", "w") as log:
        scheduler = subprocess.Popen([*module[:-1], f"{module[-1]}scheduler", *port], stderr=log)
        worker = subprocess.Popen([*module[:-1], f"{module[-1]}worker", address], stderr=log)
    killer = threading.Thread(target=when_parts, args=(path, scheduler.kill))
    killer.start()
    try:
        with pytest.raises(ConnectionError, match="is gone; the finished rows are kept"):
            study(path, scheduler=address)
        killer.join()
        assert 3 <= parts(path) < CHUNKS
        same(study(path).table, study(None).table)
    finally:
        scheduler.kill()
        worker.terminate()
        worker.wait(30)


def test_a_cluster_without_workers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "TIMEOUT_S", 0.5)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        pytest.raises(ConnectionError, match="has no workers; start some with `dask worker"),
    ):
        study(None, scheduler=empty.scheduler_address)


def test_without_dask_a_scheduler_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"scheduler: .*pip install 'neurosc\[cluster\]'"):
        study(None, scheduler="tcp://127.0.0.1:1")
