"""Chunks of a batch on several threads, each with a BLAS of its own single thread."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from typing import Any


@cache
def _controller() -> Any:
    import threadpoolctl

    importlib.import_module("scipy.linalg.cython_blas")  # numba's BLAS, loaded to be counted
    return threadpoolctl.ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[Any]:
    """Keep BLAS from splitting products that are too small to gain by it."""
    limit: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limit


def over_chunks(run: Callable[[slice], None], total: int, size: int) -> None:
    """Call `run` on slices of at most `size` rows that cover `total`, on all cores."""
    slices = [slice(a, min(a + size, total)) for a in range(0, total, size)]
    if len(slices) == 1:
        run(slices[0])
        return
    import joblib

    parallel = joblib.Parallel(n_jobs=-1, backend="threading")
    parallel(joblib.delayed(run)(rows) for rows in slices)
