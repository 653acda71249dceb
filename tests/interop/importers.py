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


def sinabs(path: Path, spikes: Raster, dt: float) -> Raster:
    """Sinabs as it comes: it counts in steps and subtracts the threshold at a spike."""
    return _stepped(_sinabs_model(path, len(spikes), dt), spikes)


def sinabs_reset(path: Path, spikes: Raster, dt: float) -> Raster:
    """Sinabs, told to reset to 0 and to spike at most once in a step."""
    from sinabs.activation import MembraneReset, SingleSpike
    from sinabs.layers import LIFSqueeze

    model = _sinabs_model(path, len(spikes), dt)
    for layer in model.modules():
        if isinstance(layer, LIFSqueeze):
            layer.reset_fn, layer.spike_fn = MembraneReset(), SingleSpike
    return _stepped(model, spikes)


def rockpool(path: Path, spikes: Raster, dt: float) -> Raster:
    """Rockpool: exponential decays, steps of tau_mem / (1 + r), reset by subtraction."""
    import torch
    from rockpool.nn.modules.torch.nir import from_nir

    torch.set_num_threads(1)
    with torch.no_grad():
        raster, _ = from_nir(path)(torch.as_tensor(spikes, dtype=torch.float32))
    return _raster(raster.numpy())


def spyx(path: Path, spikes: Raster, dt: float) -> Raster:
    """Spyx shows the spikes of a step in the next one, and resets by subtraction."""
    import jax.numpy as jnp
    from spyx.nir import from_nir

    given = np.pad(spikes, ((0, 0), (0, 1), (0, 0))).swapaxes(0, 1)
    _, output = from_nir(nir.read(path), jnp.asarray(given, dtype=jnp.float32), dt=dt)
    return _raster(np.asarray(output)[1:].swapaxes(0, 1))


def _sinabs_model(path: Path, batch: int, dt: float) -> Any:
    from sinabs.nir import from_nir

    if dt != 1:
        raise ValueError(f"dt: Sinabs counts in steps, not in {dt} s; export for that")
    return from_nir(nir.read(path), batch_size=batch)


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
    return _raster(np.stack(rows, axis=1))


def _raster(output: npt.NDArray[np.float32]) -> Raster:
    if not np.isin(output, (0, 1)).all():
        raise ValueError("model: its output is no raster of spikes; it was wired wrongly")
    return output.astype(np.bool_)
