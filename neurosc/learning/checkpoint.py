"""The state of an interrupted training run, and the proof that it is the same run."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from neurosc import storage
from neurosc.costs import CrossEntropy
from neurosc.datasets import Dataset
from neurosc.learning.phase_model import OWN
from neurosc.learning.selection import READOUT
from neurosc.learning.trainer import Learner
from neurosc.network import PhaseNetwork


@dataclasses.dataclass(frozen=True, eq=False)
class Course:
    """How far a run has come.

    Attributes
    ----------
    learner
        After the last epoch.
    rows
        The history.
    best, best_epoch
        The learner after the epoch that validated best, and its number; None without validation.
        `best` is kept only for runs that end with it.
    """

    learner: Learner
    rows: list[dict[str, float]]
    best: Learner | None = None
    best_epoch: int | None = None

    def write(self, path: storage.Path_, entropy: str, fingerprint: str) -> None:
        """Write atomically: a kill leaves the last complete epoch."""
        arrays = _arrays("last", self.learner)
        arrays |= {f"memory.{name}": value for name, value in self.learner.memory.items()}
        if self.learner.states is not None:
            arrays["states"] = self.learner.states
        if self.best is not None:
            arrays |= _arrays("best", self.best)
        header = {
            "kind": "checkpoint",
            "history": self.rows,
            "entropy": entropy,
            "fingerprint": fingerprint,
            "best_epoch": self.best_epoch,
        }
        storage.write(path, header, arrays)

    @classmethod
    def read(
        cls, path: storage.Path_, first: Learner, fingerprint: str
    ) -> tuple[Course, str] | None:
        """The state stored under `path` and the random root; None if there is none.

        `first` is the learner at the beginning of the run.

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
        learner = dataclasses.replace(
            _restored(first, _under("last", arrays)),
            memory=_under("memory", arrays),
            states=arrays.get("states"),
        )
        kept = _under("best", arrays)
        best = _restored(first, kept) if kept else None
        return cls(learner, header["history"], best, header["best_epoch"]), header["entropy"]


def _arrays(prefix: str, learner: Learner) -> dict[str, Any]:
    model: Any = learner.model
    if hasattr(model, "learn"):  # couplings as they are: by strength and lag they would be rounded
        model = dataclasses.replace(model, learn=OWN)
    found = {f"{prefix}.{name}": value for name, value in model.parameters.items()}
    if isinstance(learner.cost, CrossEntropy) and learner.cost.weights is not None:
        found[f"{prefix}.{READOUT}"] = learner.cost.weights
    return found


def _under(prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}


def _restored(first: Learner, arrays: dict[str, Any]) -> Learner:
    """The learner at the beginning, with other parameters."""
    own = {name: value for name, value in arrays.items() if name != READOUT}
    cost = CrossEntropy(arrays[READOUT]) if READOUT in arrays else first.cost
    model = first.model.with_parameters(**own) if own else first.model
    return dataclasses.replace(first, model=model, cost=cost)


def fingerprint(network: Any, data: Dataset, settings: dict[str, Any]) -> str:
    """A hash of all that decides the course of a run except its random root."""
    digest = hashlib.sha256()
    arrays = {"x": data.x, "y": data.y}
    if isinstance(network, PhaseNetwork):
        arrays |= storage.network_arrays(network)
        digest.update(repr(storage.network_header(network)).encode())
    else:
        arrays |= network.parameters
        _update(digest, network if dataclasses.is_dataclass(network) else type(network).__name__)
    for name in sorted(arrays):
        digest.update(name.encode())
        _update(digest, arrays[name])
    for name in sorted(settings):
        digest.update(name.encode())
        _update(digest, settings[name])
    return digest.hexdigest()


def _update(digest: Any, value: Any) -> None:
    """Add a value, of which the text alone may leave something out."""
    if isinstance(value, np.ndarray):
        digest.update(f"{value.shape} {value.dtype}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        for name in sorted(value):
            digest.update(str(name).encode())
            _update(digest, value[name])
    elif isinstance(value, tuple | list):
        for each in value:
            _update(digest, each)
    elif isinstance(value, CrossEntropy):
        _update(digest, [repr(value), value.weights])
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        digest.update(type(value).__name__.encode())
        _update(digest, {f.name: getattr(value, f.name) for f in dataclasses.fields(value)})
    else:
        digest.update(repr(value).encode())
