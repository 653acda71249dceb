"""Local fields, torques and energies of one sample."""

from __future__ import annotations

import numba as nb
import numpy as np

from neurosc.ideal.kernels.trig import sincos
from neurosc.network import FloatArray, IntArray


@nb.njit(cache=True, nogil=True, error_model="numpy")
def of_member(matrices: FloatArray, k: int) -> FloatArray:
    """Matrix k, or an empty one where there are none."""
    return matrices[k] if matrices.size else np.empty((0, 0))


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def dot(a: FloatArray, b: FloatArray) -> float:
    total = 0.0
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def local_field(
    A: FloatArray, B: FloatArray, c: FloatArray, s: FloatArray, ur: FloatArray, ui: FloatArray
) -> None:
    """u = (A + iB)(c + is); an empty B stands for a real coupling."""
    for i in range(c.size):
        real, imag = 0.0, 0.0
        for k in range(c.size):
            real += A[i, k] * c[k]
            imag += A[i, k] * s[k]
        ur[i] = real
        ui[i] = imag
    if B.size:
        for i in range(c.size):
            real, imag = 0.0, 0.0
            for k in range(c.size):
                real += B[i, k] * s[k]
                imag += B[i, k] * c[k]
            ur[i] -= real
            ui[i] += imag


@nb.njit(cache=True, nogil=True, error_model="numpy")
def torque(
    theta: FloatArray,
    A: FloatArray,
    B: FloatArray,
    omega: FloatArray,
    hr: FloatArray,
    hi: FloatArray,
    sh: FloatArray,
    work: FloatArray,
    out: FloatArray,
) -> float:
    """Torque into `out`; the energy is returned. work (4, m) keeps cos, sin and u + h."""
    c, s, ur, ui = work[0], work[1], work[2], work[3]
    sincos(theta, c, s)
    local_field(A, B, c, s, ur, ui)
    energy = 0.0
    for i in range(theta.size):
        energy -= 0.5 * (c[i] * ur[i] + s[i] * ui[i]) + c[i] * hr[i] + s[i] * hi[i]
        energy -= omega[i] * theta[i] + 0.5 * sh[i] * (c[i] * c[i] - s[i] * s[i])
        ur[i] += hr[i]
        ui[i] += hi[i]
        out[i] = omega[i] + c[i] * ui[i] - s[i] * ur[i] - 2.0 * sh[i] * s[i] * c[i]
    return energy


@nb.njit(cache=True, nogil=True, error_model="numpy")
def batch_torque(
    theta: FloatArray,
    A: FloatArray,
    B: FloatArray,
    member: IntArray,
    omega: FloatArray,
    hr: FloatArray,
    hi: FloatArray,
    sh: FloatArray,
    energy: FloatArray,
    out: FloatArray,
) -> None:
    """Energies (batch,) and torques (batch, m) of samples of networks A[member], B[member]."""
    work = np.empty((4, theta.shape[1]))
    for b in range(theta.shape[0]):
        real, imag = of_member(A, member[b]), of_member(B, member[b])
        energy[b] = torque(theta[b], real, imag, omega[b], hr[b], hi[b], sh[b], work, out[b])
