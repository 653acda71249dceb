"""A study cut into chunks of work, each of which any process can do with the same bits."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from neurosc import storage
from neurosc.datasets import Dataset
from neurosc.network import PhaseNetwork
from neurosc.randomness import key_text, substream
from neurosc.robustness.measures import Measure, Row
from neurosc.robustness.parameters import Case, Parameter
from neurosc.robustness.protocols import Device

FORMAT, VERSION = "neurosc robustness study", 1
CHUNK_SAMPLES = 2**12
"""Relaxations of one sample that a chunk holds at least; a second or so of work."""


@dataclasses.dataclass(frozen=True, eq=False)
class Bench:
    """What all chunks of a study share.

    Attributes
    ----------
    root
        The random root. Chip k is drawn from it alone, so it is the same chip at every level;
        trial t draws its noise from the stream ("trial", t), the same numbers at every level.
    """

    network: PhaseNetwork
    data: Dataset
    measure: Measure
    chips: int
    root: np.random.SeedSequence
    preset: str


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Some chips, `first` to `last` - 1, of one case in one trial."""

    number: int
    case: Case
    trial: int
    first: int
    last: int


def run(bench: Bench, chunk: Chunk) -> list[Row]:
    """The rows of a chunk; all but their seconds depend on nothing but the arguments."""
    import threadpoolctl

    from neurosc import __version__

    case, count = chunk.case, chunk.last - chunk.first
    key = substream(bench.root, "trial", chunk.trial)
    with threadpoolctl.threadpool_limits(1, "blas"):
        started = time.perf_counter()
        every = case.device.fabricate(bench.network, bench.chips, rng=bench.root)
        chips = every[chunk.first : chunk.last]
        if any(term.scope == "per run" for term in case.device.acting):
            chips = chips.at(run=chunk.trial)
        readings = bench.measure(bench.network, bench.data, chips, count, key)
        seconds = (time.perf_counter() - started) / count
    return [
        {
            "preset": bench.preset,
            "parameter": case.parameter,
            "level": case.level,
            "unit": case.unit,
            **reading,
            "chip": chunk.first + reading["chip"],
            "trial": chunk.trial,
            "n_test": len(bench.data.y),
            "rng_key": key_text(key),
            "seconds": seconds,
            "version": __version__,
        }
        for reading in readings
    ]


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """All that a study will measure."""

    bench: Bench
    device: Device
    parameters: tuple[Parameter, ...]
    cases: tuple[Case, ...]
    trials: int

    @functools.cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """Its work in the order of the table: case by case, trial by trial, chips in blocks."""
        return tuple(self._cut())

    def _cut(self) -> Iterator[Chunk]:
        of_chip = self.bench.measure.relaxations * len(self.bench.data.y)
        block = -(-CHUNK_SAMPLES // of_chip)
        number = 0
        for case in self.cases:
            for trial in range(self.trials):
                for first in range(0, self.bench.chips, block):
                    last = min(first + block, self.bench.chips)
                    yield Chunk(number, case, trial, first, last)
                    number += 1

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """JSON values that tell it from any other study."""
        from neurosc import __version__

        bench = self.bench
        header = json.dumps(storage.network_header(bench.network)).encode()
        arrays = storage.network_arrays(bench.network)
        devices = [case.device.to_json().encode() for case in self.cases]
        return {
            "format": FORMAT,
            "version": VERSION,
            "neurosc": __version__,
            "preset": bench.preset,
            "device": json.loads(self.device.to_json()),
            "network": _digest(header, *(np.asarray(arrays[k]).tobytes() for k in sorted(arrays))),
            "data": _digest(bench.data.x.tobytes(), bench.data.y.tobytes()),
            "samples": len(bench.data.y),
            "measure": bench.measure.describe(),
            "parameters": [
                {
                    "name": p.name,
                    "unit": p.unit,
                    "is_strength": p.is_strength,
                    "levels": [c.level for c in self.cases if c.parameter == p.name],
                }
                for p in self.parameters
            ],
            "cases": _digest(*devices),
            "chips": bench.chips,
            "trials": self.trials,
            "rng": key_text(bench.root),
        }


def counted(name: str, value: int) -> int:
    """A whole number >= 1."""
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise ValueError(f"{name}: {value} is no number of {name}; give 1 or more")
    return int(value)


def _digest(*parts: bytes) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()
