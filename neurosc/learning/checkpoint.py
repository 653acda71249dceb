"""The state of an interrupted training run, and the proof that it is the same run."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from neurosc import storage
from neurosc.datasets import Dataset
from neurosc.network import PhaseNetwork


@dataclasses.dataclass(frozen=True, eq=False)
class Checkpoint:
    """Everything that the next epoch needs."""

    network: PhaseNetwork
    memory: dict[str, Any]
    history: list[dict[str, float]]
    entropy: str
    """The random root, as a decimal number and its spawn key."""

    def write(self, path: storage.Path_, fingerprint: str) -> None:
        """Write atomically: a kill leaves the last complete epoch."""
        header = {
            "kind": "checkpoint",
            "network": storage.network_header(self.network),
            "history": self.history,
            "entropy": self.entropy,
            "fingerprint": fingerprint,
        }
        memory = {f"memory.{name}": value for name, value in self.memory.items()}
        storage.write(path, header, storage.network_arrays(self.network) | memory)

    @classmethod
    def read(cls, path: storage.Path_, fingerprint: str) -> Checkpoint | None:
        """The state stored under `path`, None if there is none.

        Raises
        ------
        ValueError
            If it belongs to another run.
        """
        if not Path(path).exists():
            return None
        header, arrays = storage.read(path)
        if header["kind"] != "checkpoint" or header["fingerprint"] != fingerprint:
            raise ValueError(
                f"checkpoint: {path} belongs to a run with another network, data or settings; "
                "remove it or give another path"
            )
        memory = {k.removeprefix("memory."): v for k, v in arrays.items() if k.startswith("memory")}
        network = storage.network_from(header["network"], arrays)
        return cls(network, memory, header["history"], header["entropy"])


def fingerprint(network: PhaseNetwork, data: Dataset, settings: dict[str, Any]) -> str:
    """A hash of all that decides the course of a run except its random root."""
    digest = hashlib.sha256()
    arrays = storage.network_arrays(network) | {"x": data.x, "y": data.y}
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {values.shape} {values.dtype}".encode())
        digest.update(values.tobytes())
    digest.update(repr(storage.network_header(network)).encode())
    digest.update(repr(sorted((k, repr(v)) for k, v in settings.items())).encode())
    return digest.hexdigest()
