"""Couplings by strength and lag, J = K exp(i alpha)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def polar(coupling: Array) -> dict[str, Array]:
    """K = |J| and alpha, radians; both zero where there is no edge."""
    return {"coupling": np.abs(coupling), "lag": np.angle(coupling)}


def cartesian(strength: Array, lag: Array) -> Array:
    """J, Hermitian to the last bit for symmetric K and antisymmetric alpha."""
    return np.asarray(strength * (np.cos(lag) + 1j * np.sin(lag)))


def polar_slopes(coupling: Array, slope: Array) -> dict[str, Array]:
    """dL/dK and dL/dalpha out of dL/dRe J + i dL/dIm J."""
    along = coupling.conj() * slope
    size = np.abs(coupling)
    edge = size > 0
    return {
        "coupling": np.where(edge, along.real / np.where(edge, size, 1), 0).astype(size.dtype),
        "lag": np.ascontiguousarray(along.imag),
    }
