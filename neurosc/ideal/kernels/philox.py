"""Counter-based normal numbers: Philox4x32-10 and Box-Muller.

The number of oscillator i at step k of sample b is a pure function of (key, i, k, b), so that
tiles, batches and threads cannot change it.
Source: Salmon, Moraes, Dror, Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray

MASK = np.uint64(0xFFFFFFFF)
M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
SHIFT = np.uint64(32)
UNIT = 2.0**-32


@nb.njit(cache=True, nogil=True, inline="always")
def philox(
    x0: np.uint64, x1: np.uint64, x2: np.uint64, x3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Ten rounds on a counter of four 32-bit words under a key of two, all held in uint64."""
    for _ in range(10):
        p0, p1 = M0 * x0, M1 * x2
        x0, x1, x2, x3 = (p1 >> SHIFT) ^ x1 ^ k0, p1 & MASK, (p0 >> SHIFT) ^ x3 ^ k1, p0 & MASK
        k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
    return x0, x1, x2, x3


@nb.njit(cache=True, nogil=True, error_model="numpy")
def normals(key: npt.NDArray[np.uint64], sample: int, step: int, out: FloatArray) -> None:
    """Standard normal numbers of one sample at one step, four to a counter."""
    m = out.size
    low, high = np.uint64(step) & MASK, np.uint64(step) >> SHIFT
    for block in range((m + 3) // 4):
        words = philox(np.uint64(block), low, np.uint64(sample), high, key[0], key[1])
        for half in range(2):
            radius = np.sqrt(-2.0 * np.log((float(words[2 * half]) + 0.5) * UNIT))
            angle = 2.0 * np.pi * float(words[2 * half + 1]) * UNIT
            i = 4 * block + 2 * half
            if i < m:
                out[i] = radius * np.cos(angle)
            if i + 1 < m:
                out[i + 1] = radius * np.sin(angle)
