"""Counter-based normal numbers: Philox4x32-10 and Box-Muller.

The number of oscillator i at step k of sample b is a pure function of (key, i, k, b), so that
tiles, batches and threads cannot change it. Its 24 bits round it by 6e-8 standard deviations; the
largest is 6.7.
Source: Salmon, Moraes, Dror, Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from neurosc.ideal.kernels.trig import (
    C1_SINGLE,
    C2_SINGLE,
    C3_SINGLE,
    C4_SINGLE,
    HALF,
    ONE,
    S1_SINGLE,
    S2_SINGLE,
    S3_SINGLE,
    S4_SINGLE,
)

Words = npt.NDArray[np.uint32]
SingleArray = npt.NDArray[np.float32]

MASK = np.uint64(0xFFFFFFFF)
M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
SHIFT = np.uint64(32)

TOP_BIT = np.int32(-(2**31))
QUARTER_TURN = np.float32(np.pi / 2**32)
"""Radians for each unit of a signed word, so that words span [-pi/2, pi/2)."""
ROOT_HALF = np.int32(0x3F3504F3)
"""Bits of sqrt(1/2): mantissas lie between it and sqrt(2)."""
MANTISSA, ONE_BIT = np.int32(23), np.int32(1)
BITS, TWO, LOG_TWO = np.float32(31.0), np.float32(2.0), np.float32(np.log(2.0))
L1, L2, L3 = (
    np.float32(-0.49999997649770979),
    np.float32(0.33333330028354797),
    np.float32(-0.25000781),
)
L4, L5, L6 = (
    np.float32(0.20001234461093455),
    np.float32(-0.16626645629127463),
    np.float32(0.14204856),
)
L7, L8, L9 = (
    np.float32(-0.13127555651287652),
    np.float32(0.12722672788011),
    np.float32(-0.076736415),
)


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
def words(key: Words, step: int, block: Words, sample: Words, out: tuple[Words, ...]) -> None:
    """The four words of each counter (block, low word of step, sample, high word of step).

    key (2, n) has the key of each counter, (2, 1) that of all.
    """
    low, high = np.uint64(step) & MASK, np.uint64(step) >> SHIFT
    first, second, several = key[0], key[1], key.shape[1] > 1
    k0, k1 = np.uint64(first[0]), np.uint64(second[0])
    w0, w1, w2, w3 = out
    for q in range(block.size):
        if several:
            k0, k1 = np.uint64(first[q]), np.uint64(second[q])
        a, b, c, d = philox(np.uint64(block[q]), low, np.uint64(sample[q]), high, k0, k1)
        w0[q], w1[q], w2[q], w3[q] = a, b, c, d


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def box_muller(length: Words, turn: Words, x: SingleArray, y: SingleArray) -> None:
    """x + i y = sqrt(-2 log u) exp(i angle), u of 31 bits of one word and the angle of the other.

    log u is that of the exponent and a polynomial in the mantissa; the angle's top bit turns the
    sign and the others span half a turn.
    """
    for q in range(length.size):
        v = np.float32(np.int32(length[q] >> np.uint32(1))) + HALF
        bits = np.float32(v).view(np.int32)
        exponent = np.int32(np.int32(bits - ROOT_HALF) >> MANTISSA)
        mantissa = np.int32(bits - (exponent << MANTISSA)).view(np.float32)
        f = mantissa - ONE
        log = L4 + f * (L5 + f * (L6 + f * (L7 + f * (L8 + f * L9))))
        log = f + f * f * (L1 + f * (L2 + f * (L3 + f * log)))
        radius = np.sqrt(-TWO * (log + LOG_TWO * (np.float32(exponent) - BITS)))
        word = np.int32(turn[q])
        radius = np.int32(np.float32(radius).view(np.int32) ^ (word & TOP_BIT)).view(np.float32)
        r = np.float32(np.int32(word << ONE_BIT)) * QUARTER_TURN
        r2 = r * r
        sine = S1_SINGLE + r2 * (S2_SINGLE + r2 * (S3_SINGLE + r2 * S4_SINGLE))
        cosine = C1_SINGLE + r2 * (C2_SINGLE + r2 * (C3_SINGLE + r2 * C4_SINGLE))
        x[q] = radius * ((ONE - HALF * r2) + r2 * r2 * cosine)
        y[q] = radius * (r + r * r2 * sine)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def normals(
    key: Words,
    step: int,
    block: Words,
    sample: Words,
    scratch: npt.NDArray[np.uint32],
    out: SingleArray,
) -> None:
    """Standard normal numbers of one step into out (4, n), four to each of the n counters.

    With `block` and `sample` running over (blocks, samples), out is (4 blocks, samples): the
    oscillators block, block + blocks, ... share a counter. scratch (4, n) is overwritten.
    """
    words(key, step, block, sample, (scratch[0], scratch[1], scratch[2], scratch[3]))
    box_muller(scratch[0], scratch[1], out[0], out[1])
    box_muller(scratch[2], scratch[3], out[2], out[3])
