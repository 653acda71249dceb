"""Where chunks are worked on: in this process, in others on this machine, or on a cluster."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from neurosc.robustness.measures import Row
from neurosc.robustness.study import Bench, Chunk, run

Found = Iterator[tuple[int, list[Row]]]
"""Numbers of chunks and their rows, as they are done."""
TIMEOUT_S = 10.0
"""Seconds that a scheduler and its first worker may take to answer."""
RESUME = "the finished rows are kept if there is a path=; run the same study again to go on"


def in_chunks(bench: Bench, chunks: Sequence[Chunk], jobs: int, scheduler: str | None) -> Found:
    """Run chunks in any order."""
    if not chunks:
        return iter(())
    if scheduler is not None:
        return _on_cluster(bench, chunks, scheduler)
    return _here(bench, chunks) if jobs == 1 else _in_processes(bench, chunks, jobs)


def _here(bench: Bench, chunks: Sequence[Chunk]) -> Found:
    for chunk in chunks:
        yield chunk.number, run(bench, chunk)


def _in_processes(bench: Bench, chunks: Sequence[Chunk], jobs: int) -> Found:
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
        tasks = (joblib.delayed(_numbered)(bench, chunk) for chunk in chunks)
        try:
            yield from parallel(tasks)
        except TerminatedWorkerError as error:
            raise RuntimeError(
                f"jobs: a worker process died, killed or out of memory; {RESUME}, with fewer jobs "
                "if memory is short"
            ) from error


def _on_cluster(bench: Bench, chunks: Sequence[Chunk], scheduler: str) -> Found:
    distributed = _distributed()
    with _client(distributed, scheduler) as client, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
        # a task of its own, unlike scattered data, is done again where its worker dies
        shared = client.submit(_same, bench, pure=False)
        futures = client.map(_on_worker, chunks, bench=shared, pure=False)
        try:
            for done in distributed.as_completed(futures, loop=client.loop):
                yield _result(distributed, done, scheduler)
                done.release()
        finally:
            with contextlib.suppress(Exception):
                client.cancel(futures)


@contextlib.contextmanager
def _client(distributed: Any, scheduler: str) -> Iterator[Any]:
    quiet = logging.getLogger("distributed.client")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)
    try:
        try:
            client = distributed.Client(scheduler, timeout=TIMEOUT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ConnectionError(
                f"scheduler: {scheduler} does not answer within {TIMEOUT_S:g} s ({error}); "
                "start it with `dask scheduler`, check address and port, or leave scheduler out"
            ) from None
        with client:
            _check_workers(client, scheduler)
            yield client
    finally:
        quiet.setLevel(level)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise ImportError(
            "scheduler: needs dask.distributed; pip install 'neurosc[cluster]'"
        ) from None
    return distributed


def _check_workers(client: Any, scheduler: str) -> None:
    from neurosc import __version__

    try:
        client.wait_for_workers(1, timeout=TIMEOUT_S)
    except TimeoutError:
        raise ConnectionError(
            f"scheduler: {scheduler} has no workers; start some with `dask worker {scheduler}`"
        ) from None
    others = {str(v) for v in client.run(_version).values()} - {__version__}
    if others:
        raise RuntimeError(
            f"scheduler: its workers have neurosc {', '.join(sorted(others))}, this is "
            f"{__version__}; install the same on all"
        )


def _result(distributed: Any, done: Any, scheduler: str) -> tuple[int, list[Row]]:
    try:
        found: tuple[int, list[Row]] = done.result()
    except distributed.KilledWorker as error:
        raise RuntimeError(
            f"scheduler: one piece of work killed several workers, so memory may be short; {RESUME}"
        ) from error
    except (distributed.CancelledError, distributed.comm.CommClosedError):
        raise ConnectionError(f"scheduler: {scheduler} is gone; {RESUME}") from None
    return found


def _numbered(bench: Bench, chunk: Chunk) -> tuple[int, list[Row]]:
    return chunk.number, run(bench, chunk)


def _on_worker(chunk: Chunk, bench: Bench) -> tuple[int, list[Row]]:
    return _numbered(bench, chunk)


def _same(bench: Bench) -> Bench:
    return bench


def _version() -> str:
    from neurosc import __version__

    return __version__
