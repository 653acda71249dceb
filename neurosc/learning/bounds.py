"""Bounds on parameters, applied after each update."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy

from neurosc.network import PhaseNetwork
from neurosc.parameters import is_sparse


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Limits within which learning keeps a network.

    Parameters
    ----------
    strength
        Largest sum_j |J_ij| + |b_i| on a free oscillator. An oscillator above it has its field
        scaled down, and each coupling is scaled by the stronger need of its two ends.
    frequency
        Largest |omega_i|.
    second_harmonic
        Largest |s_i|.
    """

    strength: float | None = None
    frequency: float | None = None
    second_harmonic: float | None = None

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if value is not None and not value > 0:
                raise ValueError(f"{name}: a bound of {value} leaves nothing; give more than 0")

    def apply(self, network: PhaseNetwork) -> PhaseNetwork:
        """The network within the bounds; itself if it is."""
        changes = self.clipped(network)
        if self.strength is not None:
            scale = np.ones(network.n)
            strength = network.strength[network.free]
            over = strength > self.strength
            scale[network.free[over]] = self.strength / strength[over]
            if over.any():
                changes["field"] = network.field * scale
                changes["coupling"] = _scaled(network.coupling, scale)
        return network.replace(**changes) if changes else network

    def clipped(self, holder: Any) -> dict[str, Any]:
        """Frequencies and second harmonics of anything that has them, where they are beyond."""
        changes: dict[str, Any] = {}
        for name in ("frequency", "second_harmonic"):
            bound, values = getattr(self, name), getattr(holder, name)
            if bound is not None and np.abs(values).max() > bound:
                changes[name] = np.clip(values, -bound, bound)
        return changes


def _scaled(coupling: Any, scale: Any) -> Any:
    if not is_sparse(coupling):
        return coupling * np.minimum(scale[:, None], scale[None, :])
    edges = scipy.sparse.coo_array(coupling)
    row, column = edges.coords
    data = edges.data * np.minimum(scale[row], scale[column])
    return scipy.sparse.csr_array((data, (row, column)), shape=edges.shape)
