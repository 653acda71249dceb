"""Sweeps on dask.distributed: the same bits as here, workers that die, schedulers that are not."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neurosc.robustness import backends
from tests.robustness_studies import CHUNKS, parts, same, study

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two worker processes on this machine."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as made:
        yield made


def test_a_worker_that_dies_loses_nothing(cluster: Any, tmp_path: Path) -> None:
    """One of two is killed in the middle; the table is that of one process, bit for bit."""
    path = tmp_path / "study"
    with distributed.Client(cluster, set_as_default=False) as client:
        first, second = client.run(os.getpid).values()
    left = []

    def kill() -> None:
        while parts(path) < 3:
            time.sleep(0.001)
        os.kill(first, signal.SIGKILL)
        left.append(parts(path))

    assassin = threading.Thread(target=kill)
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
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    for address in (f"tcp://127.0.0.1:{port}", "nonsense://x"):
        with pytest.raises(ConnectionError, match=f"scheduler: {address} does not answer"):
            study(None, scheduler=address)


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
