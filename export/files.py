"""NIR files: written whole or not at all, and read without trust in who wrote them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from neurosc.export.units import warn_of_units
from neurosc.export.validation.limits import InvalidGraphError, Limits
from neurosc.export.validation.stored import load
from neurosc.export.validation.structure import check_tree
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


def read(path: str | os.PathLike[str], *, limits: Limits | None = None) -> nir.NIRGraph:
    """Read a NIR graph, by whatever tool it was written.

    Nothing in the file is trusted. Its links, types and sizes are checked before data are read,
    packed data unpack no further than they may, and `validate` passes the graph before nir builds
    it. A file that is damaged, or made to harm, ends in a ValueError.

    Parameters
    ----------
    path
        A .nir file (HDF5).

    Other arguments
    ---------------
    limits
        How much the file may ask for; by default `Limits()`, half a gigabyte. For a larger file
        that you trust: `read(path, limits=Limits(bytes=2**32))`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        For an empty, truncated or foreign file, one beyond the limits, links to other files, node
        types that nir 1.0.8 does not know, and whatever `validate` objects to.

    Warns
    -----
    UnitWarning
        For time constants below a microsecond or above 10 s, as of tools that write milliseconds.
        `read` is where a foreign file comes in, so it is told once; `run` and `simulate` take the
        numbers as they are, and `check` says it in its report.
    """
    import nir

    source, bounds = Path(path), limits or Limits()
    _check_signature(source)
    try:
        tree = load(source, bounds)
        check_tree(tree, bounds)
    except InvalidGraphError as error:
        raise ValueError(f"path: {source}: {error}") from None
    except Exception as error:  # h5py and nir raise almost anything on a damaged file
        raise ValueError(
            f"path: {source} is HDF5, but no complete NIR graph "
            f"({type(error).__name__}: {error}); it may be cut short: copy or write it again"
        ) from error
    try:
        graph: nir.NIRGraph = nir.dict2NIRNode(tree)
    except Exception as error:  # it infers the shapes of convolutions and pools, and asserts much
        raise ValueError(
            f"path: {source}: nir cannot build the graph ({type(error).__name__}: {error}); "
            "correct it where it was made"
        ) from error
    warn_of_units(graph, str(source))
    return graph


def _check_signature(source: Path) -> None:
    """Raise for what is no HDF5 file at first sight."""
    if not source.is_file():
        raise FileNotFoundError(f"path: there is no file {source}; check the name")
    with source.open("rb") as file:
        start = file.read(len(SIGNATURE))
    if not start:
        raise ValueError(f"path: {source} is empty; write it again")
    if start != SIGNATURE:
        raise ValueError(f"path: {source} is not HDF5, so no NIR file; give one that nir wrote")
