"""What `from_nir` needs beyond the graph: the network, bit for bit, as one JSON string."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.network import Encoding, PhaseNetwork

KEY = "neurosc"
VERSION = 1
LONGEST_CYCLE = 2**31
"""Above the steps of a cycle that are believed."""
DAMAGE = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError,
    ValueError, zlib.error,
)  # fmt: skip
"""What Python, numpy and scipy raise for JSON that does not hold what it should."""
SPIKE = {
    "one": "the value 1 for one step of period / steps_per_cycle seconds",
    "impulse": "an impulse of area 1",
}
"""For readers without neurosc."""


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
    shape, amplitude, latency, affine
        See `to_nir`.
    """

    eps: float
    period: float
    steps_per_cycle: int
    shape: str = "faithful"
    amplitude: str = "one"
    latency: str = "loops"
    affine: bool = False

    @property
    def dt(self) -> float:
        """One step, in seconds; 1 in the sinabs shape, which counts in steps."""
        return self.period / self.steps_per_cycle

    @property
    def spike_area(self) -> float:
        """The integral of a spike over time, in seconds, or 1 for an impulse."""
        return self.dt if self.amplitude == "one" else 1.0

    @property
    def absorbed(self) -> float:
        """The part of a delay in a loop that is the step of the loop, in seconds."""
        return self.dt if self.latency == "absorbed" else 0.0


def pack(network: PhaseNetwork, settings: Settings) -> dict[str, str]:
    """The metadata of a graph."""
    values = {
        "version": VERSION,
        "eps": settings.eps.hex(),
        "period": settings.period.hex(),
        "steps_per_cycle": settings.steps_per_cycle,
        "shape": settings.shape,
        "amplitude": settings.amplitude,
        "latency": settings.latency,
        "affine": settings.affine,
        "spike": SPIKE[settings.amplitude],
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
        from neurosc.export.inventory import (
            foreign,
        )  # which needs the targets, and they this module

        raise ValueError(f"graph: {foreign(graph)}")
    try:
        values = json.loads(metadata[KEY])
        if values["version"] != VERSION:
            raise ValueError(f"version {values['version']}")
        settings = Settings(
            _positive(float.fromhex(values["eps"]), "eps"),
            _positive(float.fromhex(values["period"]), "period"),
            _whole(values["steps_per_cycle"], LONGEST_CYCLE, "steps_per_cycle"),
            str(values.get("shape", "faithful")),
            str(values.get("amplitude", "one")),
            str(values.get("latency", "loops")),
            bool(values.get("affine", False)),
        )
        return _restore(values["network"], channels(graph)), settings
    except DAMAGE as error:
        raise ValueError(
            f"graph: its metadata {KEY!r} cannot be read ({type(error).__name__}: {error}); "
            "write it again with this version of neurosc"
        ) from error


def counts_in_steps(graph: Any) -> bool:
    """Whether the times of a graph are steps on purpose: in the sinabs shape of `to_nir`."""
    try:
        return bool(json.loads(graph.metadata[KEY])["shape"] == "sinabs")
    except DAMAGE:
        return False


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


def channels(graph: Any) -> int:
    """Channels of all nodes, those of nested graphs included; a bound on its oscillators."""
    total, waiting, seen = 0, [graph], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        inner = getattr(node, "nodes", None)
        if isinstance(inner, dict):
            waiting += inner.values()
            continue
        for shape in (getattr(node, "output_type", None) or {}).values():
            total += 0 if shape is None else math.prod(int(n) for n in np.ravel(shape))
    return total


def _restore(values: dict[str, Any], room: int) -> PhaseNetwork:
    """`describe` undone, for at most `room` oscillators.

    A graph has a channel for each oscillator, so a small file cannot ask for a large network.
    """
    n = _whole(values["coupling"]["n"], room, "n")
    kind, scale = values["encoding"]
    return PhaseNetwork(
        _restore_coupling(values["coupling"], n),
        _vector(values["frequency"], np.float64, n),
        _vector(values["field"], np.complex128, n),
        _vector(values["second_harmonic"], np.float64, n),
        inputs=values["inputs"],
        outputs=values["outputs"],
        held=values["held"],
        reference=values["reference"],
        encoding=Encoding(kind, float.fromhex(scale)),
    )


def _positive(value: float, name: str) -> float:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} is {value}")
    return value


def _whole(value: Any, most: int, name: str) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"{name} is {value!r}, not a whole number from 1 to {most:,}")
    return value


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


def _restore_coupling(values: dict[str, Any], n: int) -> Any:
    i, j = (_from_text(values[name], np.int64, n * n) for name in ("i", "j"))
    entries = _from_text(values["values"], np.float64, n * n)
    if not i.size == j.size == entries.size:
        raise ValueError(f"{i.size} rows, {j.size} columns and {entries.size} couplings")
    for index in (i, j):
        if index.size and not (index.min() >= 0 and index.max() < n):
            raise ValueError(f"couplings beyond the {n} oscillators")
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


def _vector(text: str, dtype: npt.DTypeLike, n: int) -> npt.NDArray[Any]:
    found = _from_text(text, dtype, n)
    if found.size != n:
        raise ValueError(f"{found.size} numbers for {n} oscillators")
    return found


def _from_text(text: str, dtype: npt.DTypeLike, most: int) -> npt.NDArray[Any]:
    """`_to_text` undone, and no further than for `most` numbers."""
    stored = np.dtype(dtype).newbyteorder("<")
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(base64.b64decode(text, validate=True), most * stored.itemsize + 1)
    if len(raw) > most * stored.itemsize or not unpacker.eof:
        raise ValueError(f"an array of more than {most:,} numbers, or one that is cut short")
    return np.frombuffer(raw, dtype=stored).astype(dtype)
