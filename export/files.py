"""NIR files: written whole or not at all, and read with an error that says what is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from neurosc.storage import replacing

if TYPE_CHECKING:
    import nir

SIGNATURE = b"\x89HDF\r\n\x1a\n"


def write(graph: nir.NIRGraph, path: str | os.PathLike[str]) -> None:
    """Write a NIR graph to `path` (.nir, HDF5).

    A file that stood there is replaced in one step once the new one is complete.

    Raises
    ------
    TypeError
        For something that is not a NIR graph.
    FileNotFoundError
        If the folder does not exist.
    """
    import nir

    if not isinstance(graph, nir.NIRGraph):
        raise TypeError(
            f"graph: expected a NIRGraph, not {type(graph).__name__}; make one with to_nir"
        )
    with replacing(path) as temporary:
        nir.write(temporary, graph)


def read(path: str | os.PathLike[str]) -> nir.NIRGraph:
    """Read a NIR graph, by whatever tool it was written.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        For an empty, truncated or foreign file.
    """
    import nir

    source = Path(path)
    if not source.is_file():
        raise FileNotFoundError(f"path: there is no file {source}; check the name")
    with source.open("rb") as file:
        start = file.read(len(SIGNATURE))
    if not start:
        raise ValueError(f"path: {source} is empty; write it again")
    if start != SIGNATURE:
        raise ValueError(f"path: {source} is not HDF5, so no NIR file; give one that nir wrote")
    try:
        return nir.read(source)
    except Exception as error:  # h5py and nir raise almost anything on a damaged file
        raise ValueError(
            f"path: {source} is HDF5, but no complete NIR graph "
            f"({type(error).__name__}: {error}); it may be cut short: copy or write it again"
        ) from error
