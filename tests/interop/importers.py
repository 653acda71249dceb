"""Tools that read NIR files, each behind one function: spikes in, spikes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import numpy.typing as npt

Raster = npt.NDArray[np.bool_]
Importer = Callable[[Path, Raster, float], Raster]
"""The file, spikes of its Input (batch, steps, channels), seconds in a step; spikes of its Output
(batch, steps, neurons)."""


def snntorch(path: Path, spikes: Raster, dt: float) -> Raster:
    """snnTorch takes every file for one of 1e-4 s."""
    from snntorch.import_nir import import_from_nir

    if dt != 1e-4:
        raise ValueError(f"dt: snnTorch runs at 1e-4 s, not {dt}; export for that")
    return _stepped(import_from_nir(nir.read(path)), spikes)


def norse(path: Path, spikes: Raster, dt: float) -> Raster:
    """Norse."""
    import norse.torch

    return _stepped(norse.torch.from_nir(nir.read(path), dt=dt), spikes)


def spikingjelly(path: Path, spikes: Raster, dt: float) -> Raster:
    """SpikingJelly."""
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    return _stepped(import_from_nir(path, dt=dt), spikes)


def _stepped(model: Any, spikes: Raster) -> Raster:
    """Call the model once a step; it takes its state as the second argument and returns it."""
    import torch

    torch.set_num_threads(1)  # more of them spend longer on waiting than on such small nets
    rows: list[Any] = []
    state: list[Any] = []
    with torch.no_grad():
        for given in torch.as_tensor(spikes, dtype=torch.float32).unbind(1):
            row, *state = model(given, *state)
            rows.append(row.numpy().copy())
    raster: npt.NDArray[np.float32] = np.stack(rows, axis=1)
    if not np.isin(raster, (0, 1)).all():
        raise ValueError("model: its output is no raster of spikes; it was wired wrongly")
    return raster.astype(np.bool_)


IMPORTERS: dict[str, Importer] = {
    "snnTorch": snntorch,
    "Norse": norse,
    "SpikingJelly": spikingjelly,
}
