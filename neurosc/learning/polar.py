"""Couplings by strength and lag, J = K exp(i alpha)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def polar(coupling: Array) -> dict[str, Array]:
    """K and alpha, radians; both zero where there is no edge.

    Of a real coupling K has the sign and alpha is 0: alpha is antisymmetric to the last bit.
    """
    real = np.imag(coupling) == 0
    strength = np.where(real, coupling.real, np.abs(coupling))
    return {
        "coupling": strength,
        "lag": np.where(real, 0, np.angle(coupling)).astype(strength.dtype),
    }


def cartesian(strength: Array, lag: Array) -> Array:
    """J, Hermitian to the last bit for symmetric K and antisymmetric alpha."""
    return np.asarray(strength * (np.cos(lag) + 1j * np.sin(lag)))


def polar_slopes(coupling: Array, slope: Array) -> dict[str, Array]:
    """dL/dK and dL/dalpha out of dL/dRe J + i dL/dIm J."""
    along = coupling.conj() * slope
    size = polar(coupling)["coupling"]
    edge = size != 0
    return {
        "coupling": np.where(edge, along.real / np.where(edge, size, 1), 0).astype(size.dtype),
        "lag": np.ascontiguousarray(along.imag),
    }
