"""A lock that dies with its process."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

NAME = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from writing into a folder; the system frees it when this one dies.

    Raises
    ------
    BlockingIOError
        If another process holds it.
    """
    with open(folder / NAME, "a+b") as file:
        try:
            _take(file.fileno())
        except OSError:
            raise BlockingIOError(
                f"path: another process is writing into {folder}; wait for it, or name another"
            ) from None
        yield


def _take(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
