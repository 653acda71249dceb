"""What `from_nir` needs beyond the graph: the network, bit for bit, as one JSON string."""

from __future__ import annotations

import base64
import dataclasses
import json
import zlib
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.network import Encoding, PhaseNetwork

KEY = "neurosc"
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a network was turned into a graph.

    Attributes
    ----------
    eps
        Units of the network's time in one cycle.
    period
        Of the free oscillator, seconds.
    steps_per_cycle
        Steps of the time grid for which the taps and the weights were made.
    shape
        "faithful", "portable" or "flat"; see `to_nir`.
    """

    eps: float
    period: float
    steps_per_cycle: int
    shape: str = "faithful"

    @property
    def dt(self) -> float:
        """The time for which a spike counts as 1, in seconds."""
        return self.period / self.steps_per_cycle


def pack(network: PhaseNetwork, settings: Settings) -> dict[str, str]:
    """The metadata of a graph."""
    values = {
        "version": VERSION,
        "eps": settings.eps.hex(),
        "period": settings.period.hex(),
        "steps_per_cycle": settings.steps_per_cycle,
        "shape": settings.shape,
        "spike": "the value 1 for one step of period / steps_per_cycle seconds",
        "network": describe(network),
    }
    return {KEY: json.dumps(values)}


def unpack(graph: Any) -> tuple[PhaseNetwork, Settings]:
    """Network and settings of a graph that `to_nir` made.

    Raises
    ------
    ValueError
        For any other graph, and for metadata that cannot be read.
    """
    metadata = getattr(graph, "metadata", None)
    if not isinstance(metadata, dict) or KEY not in metadata:
        raise ValueError(
            f"graph: {inventory(graph)}, without the description of an oscillator network; only "
            "graphs of to_nir and files written from them carry one"
        )
    try:
        values = json.loads(metadata[KEY])
        if values["version"] != VERSION:
            raise ValueError(f"version {values['version']}")
        settings = Settings(
            float.fromhex(values["eps"]),
            float.fromhex(values["period"]),
            int(values["steps_per_cycle"]),
            str(values.get("shape", "faithful")),
        )
        return _restore(values["network"]), settings
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise ValueError(
            f"graph: its metadata {KEY!r} cannot be read ({error}); "
            "write it again with this version of neurosc"
        ) from error


def inventory(graph: Any) -> str:
    """The node types of a graph and how many there are of each, for messages."""
    nodes = getattr(graph, "nodes", None)
    if not isinstance(nodes, dict):
        return f"a {type(graph).__name__}"
    counts = Counter(type(node).__name__ for node in nodes.values())
    return "a graph of " + ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()))


def describe(network: PhaseNetwork) -> dict[str, Any]:
    """A network as plain JSON values; equal exactly if the networks are, to the bit."""
    return {
        "coupling": _describe_coupling(network.coupling),
        "frequency": _to_text(network.frequency),
        "field": _to_text(network.field),
        "second_harmonic": _to_text(network.second_harmonic),
        "inputs": network.inputs.tolist(),
        "outputs": network.outputs.tolist(),
        "held": network.held.tolist(),
        "reference": network.reference if network.centred else list(network.reference),
        "encoding": [network.encoding.kind, float(network.encoding.scale).hex()],
    }


def _restore(values: dict[str, Any]) -> PhaseNetwork:
    kind, scale = values["encoding"]
    return PhaseNetwork(
        _restore_coupling(values["coupling"]),
        _from_text(values["frequency"], np.float64),
        _from_text(values["field"], np.complex128),
        _from_text(values["second_harmonic"], np.float64),
        inputs=values["inputs"],
        outputs=values["outputs"],
        held=values["held"],
        reference=values["reference"],
        encoding=Encoding(kind, float.fromhex(scale)),
    )


def _describe_coupling(coupling: Any) -> dict[str, Any]:
    """The lower triangle where the upper mirrors it exactly, else every entry that is stored."""
    i: npt.NDArray[np.integer]
    j: npt.NDArray[np.integer]
    sparse = scipy.sparse.issparse(coupling)
    if sparse:
        entries = scipy.sparse.coo_array(coupling)
        i, j, values = np.asarray(entries.row), np.asarray(entries.col), entries.data
        mirrored = (coupling != coupling.T).nnz == 0
    else:
        bits = coupling.view(np.uint64)  # so that -0.0 counts as an entry
        i, j = np.nonzero(bits)
        values = coupling[i, j]
        mirrored = np.array_equal(bits, bits.T)
    kept = i >= j if mirrored else np.ones(i.size, dtype=bool)
    return {
        "n": coupling.shape[0],
        "sparse": sparse,
        "mirrored": bool(mirrored),
        "i": _to_text(i[kept].astype(np.int64)),
        "j": _to_text(j[kept].astype(np.int64)),
        "values": _to_text(values[kept]),
    }


def _restore_coupling(values: dict[str, Any]) -> Any:
    n = values["n"]
    i, j = _from_text(values["i"], np.int64), _from_text(values["j"], np.int64)
    entries = _from_text(values["values"], np.float64)
    if values["mirrored"]:
        i, j, entries = np.append(i, j), np.append(j, i), np.append(entries, entries)
    if values["sparse"]:
        return scipy.sparse.csr_array((entries, (i, j)), shape=(n, n))
    dense = np.zeros((n, n))
    dense[i, j] = entries
    return dense


def _to_text(array: npt.NDArray[Any]) -> str:
    """Raw little-endian bytes, compressed, in base64."""
    raw = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
    return base64.b64encode(zlib.compress(raw, 9)).decode("ascii")


def _from_text(text: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    raw = zlib.decompress(base64.b64decode(text, validate=True))
    return np.frombuffer(raw, dtype=np.dtype(dtype).newbyteorder("<")).astype(dtype)
