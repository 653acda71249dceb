"""Files: one .npz with a JSON header and plain arrays, no pickle, written atomically."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import scipy

from neurosc import costs
from neurosc.network import Encoding, PhaseNetwork
from neurosc.parameters import is_sparse

FORMAT = "neurosc"
VERSION = 1
HEADER = "header"
Path_ = str | os.PathLike[str]


def save(
    network: PhaseNetwork,
    path: Path_,
    *,
    cost: costs.Cost | None = None,
    info: dict[str, Any] | None = None,
) -> None:
    """Write a network, the cost it was trained with, and JSON values about it.

    The file appears under `path` complete or not at all.
    """
    header = {
        "kind": "network",
        "network": network_header(network),
        "cost": None if cost is None else costs.to_dict(cost),
        "info": info or {},
    }
    write(path, header, network_arrays(network))


def load(path: Path_) -> PhaseNetwork:
    """Read the network of a file that `save` wrote, bit for bit.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is truncated, or not one of neurosc's.
    """
    header, arrays = _read_network(path)
    return network_from(header["network"], arrays)


def load_cost(path: Path_) -> costs.Cost | None:
    """The cost stored with a network, or None."""
    stored = _read_network(path)[0]["cost"]
    return None if stored is None else costs.from_dict(stored)


def load_info(path: Path_) -> dict[str, Any]:
    """The JSON values stored with a network."""
    info: dict[str, Any] = _read_network(path)[0]["info"]
    return info


def _read_network(path: Path_) -> tuple[dict[str, Any], dict[str, Any]]:
    header, arrays = read(path)
    if header["kind"] != "network":
        raise ValueError(f"path: {path} holds a {header['kind']}, not a network; give a model file")
    return header, arrays


def network_header(network: PhaseNetwork) -> dict[str, Any]:
    """What of a network goes into the JSON header."""
    return {
        "encoding": [network.encoding.kind, network.encoding.scale],
        "reference": network.reference if network.centred else list(network.reference),
        "sparse": is_sparse(network.coupling),
        "n": network.n,
    }


def network_arrays(network: PhaseNetwork) -> dict[str, Any]:
    """What of a network goes into arrays."""
    arrays = {
        name: getattr(network, name)
        for name in ("frequency", "field", "second_harmonic", "inputs", "outputs", "held")
    }
    if is_sparse(network.coupling):
        j = network.coupling
        return arrays | {"data": j.data, "indices": j.indices, "indptr": j.indptr}
    return arrays | {"coupling": network.coupling}


def network_from(header: dict[str, Any], arrays: dict[str, Any]) -> PhaseNetwork:
    """The network of a header and arrays."""
    if header["sparse"]:
        shape = (header["n"], header["n"])
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        coupling: Any = scipy.sparse.csr_array(parts, shape=shape)
    else:
        coupling = arrays["coupling"]
    return PhaseNetwork(
        coupling,
        arrays["frequency"],
        arrays["field"],
        arrays["second_harmonic"],
        inputs=arrays["inputs"],
        outputs=arrays["outputs"],
        held=arrays["held"],
        reference=header["reference"] or None,
        encoding=Encoding(*header["encoding"]),
    )


def write(path: Path_, header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Write header and arrays atomically."""
    text = json.dumps({"format": FORMAT, "version": VERSION, **header})
    stored: dict[str, Any] = {HEADER: np.frombuffer(text.encode(), dtype=np.uint8), **arrays}
    with atomic(path) as file:
        np.savez_compressed(file, **stored)


def read(path: Path_) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read header and arrays of a file that `write` wrote."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"path: {path} does not exist; check the name")
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            if not hasattr(file, "files") or HEADER not in file.files:
                raise ValueError("it has no neurosc header")
            header: dict[str, Any] = json.loads(file[HEADER].tobytes())
            arrays = {name: file[name] for name in file.files if name != HEADER}
    except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"path: {path} is truncated or not a neurosc file ({error}); write it again with save"
        ) from error
    if header.get("format") != FORMAT:
        raise ValueError(f"path: {path} is an .npz of another program; give a neurosc file")
    if header["version"] > VERSION:
        raise ValueError(
            f"path: {path} has format version {header['version']}, newer than {VERSION}; "
            "upgrade neurosc"
        )
    return header, arrays


@contextlib.contextmanager
def atomic(path: Path_) -> Iterator[BinaryIO]:
    """A binary file that appears under `path` complete, or not at all."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def replacing(path: Path_) -> Iterator[Path]:
    """The name of a temporary file that takes the place of `path` if all goes well."""
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path: the folder {target.parent} does not exist; make it first")
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, 0o666 & ~_umask())  # mkstemp makes files that only their owner can read
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The mask of this process; there is no way to read it without setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
