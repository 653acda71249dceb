"""Sine and cosine of many angles at once, in a form that compilers vectorise.

The angle is brought to [-pi/2, pi/2] by half turns k, and the parity of k turns the sign of both.
Adding 1.5 x 2^52 rounds to an integer and leaves it in the lowest bits of the sum. The polynomials
interpolate sin and cos at Chebyshev nodes: nothing branches, so several angles share an
instruction.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from neurosc.ideal.kernels.simd import Vector, turned
from neurosc.network import FloatArray

PER_HALF_TURN = 1 / np.pi
ROUNDING = 1.5 * 2.0**52
# pi in two parts: k times the first is exact for |k| < 2^20
PI = (3.1415926534682512, 1.2154201013012384e-10)
S1, S2, S3 = -0.16666666666666666633, 0.0083333333333333158688, -0.00019841269841254973769
S4, S5, S6 = 2.7557319219163233416e-6, -2.5052107616996182891e-8, 1.6058977312464087621e-10
S7, S8 = -7.6439702967985720524e-13, 2.7314447669863993424e-15
C1, C2, C3 = 0.04166666666666665629, -0.0013888888888884767035, 0.000024801587298913551188
C4, C5, C6 = -2.7557318573366175545e-7, 2.0876681558867396905e-9, -1.1466252259718478396e-11
C7 = 4.646435959112480308e-14

ONE, HALF = np.float32(1.0), np.float32(0.5)
SIGN_SINGLE = np.int64(31)
S1_SINGLE, S2_SINGLE = np.float32(-0.1666666596382118729), np.float32(0.0083332421350969387576)
S3_SINGLE, S4_SINGLE = np.float32(-0.00019822739488631101798), np.float32(2.6347563917e-6)
C1_SINGLE, C2_SINGLE = np.float32(0.041666666078306378236), np.float32(-0.001388881255124698348)
C3_SINGLE, C4_SINGLE = np.float32(0.000024786082439949470568), np.float32(-2.6546065805412775e-7)


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def cos_sin(x: float | Vector) -> tuple[float | Vector, float | Vector]:
    """cos x and sin x to 2.3e-16 for |x| < 1e6, of a number or a vector of them."""
    shifted = x * PER_HALF_TURN + ROUNDING
    k = shifted - ROUNDING
    r = (x - k * PI[0]) - k * PI[1]
    q = r * r
    sine = S4 + q * (S5 + q * (S6 + q * (S7 + q * S8)))
    sine = r + r * q * (S1 + q * (S2 + q * (S3 + q * sine)))
    cosine = C1 + q * (C2 + q * (C3 + q * (C4 + q * (C5 + q * (C6 + q * C7)))))
    cosine = (1.0 - 0.5 * q) + q * q * cosine
    return turned(shifted, cosine), turned(shifted, sine)


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def cos_sin_single(x: float) -> tuple[np.float32, np.float32]:
    """cos x and sin x to 1e-7 for |x| < 1e6: only the reduction is in double."""
    shifted = x * PER_HALF_TURN + ROUNDING
    k = shifted - ROUNDING
    flip = np.int32(np.float64(shifted).view(np.int64) << SIGN_SINGLE)
    r = np.float32((x - k * PI[0]) - k * PI[1])
    q = r * r
    sine = S1_SINGLE + q * (S2_SINGLE + q * (S3_SINGLE + q * S4_SINGLE))
    sine = r + r * q * sine
    cosine = C1_SINGLE + q * (C2_SINGLE + q * (C3_SINGLE + q * C4_SINGLE))
    cosine = (ONE - HALF * q) + q * q * cosine
    return (
        np.int32(np.float32(cosine).view(np.int32) ^ flip).view(np.float32),
        np.int32(np.float32(sine).view(np.int32) ^ flip).view(np.float32),
    )


@nb.njit(cache=True, nogil=True, error_model="numpy")
def sincos(theta: FloatArray, c: FloatArray, s: FloatArray) -> None:
    """cos and sin of theta into c and s."""
    for i in range(theta.size):
        c[i], s[i] = cos_sin(theta[i])
