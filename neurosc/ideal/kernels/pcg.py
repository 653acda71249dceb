"""Row-wise halves of the batched conjugate gradients; the products between them are `gemm`.

A batch of phasors is an array (rows, 2, m): cosines, then sines. Products are of its rows with J,
so that A stands for z -> Re(J) z and, for complex couplings, B for z -> z Im(J).

Only sums may be reordered, to be taken in vectors: those functions only read. A loop that writes is
compiled twice, in vectors and without, for arrays that might overlap, and which one runs depends on
where the arrays happen to lie; there each operation is rounded as it is written.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from neurosc.ideal.kernels.trig import sincos
from neurosc.network import FloatArray, IntArray

Float32Array = npt.NDArray[np.float32]

_VECTOR = {"reassoc", "contract", "nnan", "ninf", "nsz"}
"""What lets sums and maxima become vectors."""
_TINY, _FLOOR = np.float32(1e-30), np.float32(1e-6)
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def rotors(theta: FloatArray, z: FloatArray) -> None:
    """cos and sin of theta (rows, m) into z (rows, 2, m)."""
    for b in range(theta.shape[0]):
        sincos(theta[b], z[b, 0], z[b, 1])


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath=_VECTOR)
def _dot(a: Float32Array, b: Float32Array) -> np.float32:
    total = _ZERO
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath=_VECTOR)
def _largest(v: Float32Array) -> np.float32:
    largest = _ZERO
    for i in range(v.size):
        largest = max(largest, abs(v[i]))
    return largest


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _energy(
    theta: FloatArray,
    z: FloatArray,
    za: FloatArray,
    zb: FloatArray,
    omega: FloatArray,
    hr: FloatArray,
    hi: FloatArray,
    sh: FloatArray,
    b: int,
) -> float:
    """Of sample b."""
    total = 0.0
    for i in range(theta.shape[1]):
        c, s = z[b, 0, i], z[b, 1, i]
        ur, ui = za[b, 0, i], za[b, 1, i]
        if zb.size:
            ur += zb[b, 1, i]
            ui -= zb[b, 0, i]
        total -= 0.5 * (c * ur + s * ui) + c * hr[b, i] + s * hi[b, i]
        total -= omega[b, i] * theta[b, i] + 0.5 * sh[b, i] * (c * c - s * s)
    return total


@nb.njit(cache=True, nogil=True, error_model="numpy")
def assess(
    theta: FloatArray,
    z: FloatArray,
    za: FloatArray,
    zb: FloatArray,
    omega: FloatArray,
    hr: FloatArray,
    hi: FloatArray,
    sh: FloatArray,
    diagonal: FloatArray,
    torque: FloatArray,
    energy: FloatArray,
) -> None:
    """Diagonal of the Hessian, torque and energy from z, z Re(J) and z Im(J) (may be empty)."""
    for b in range(theta.shape[0]):
        energy[b] = _energy(theta, z, za, zb, omega, hr, hi, sh, b)
        for i in range(theta.shape[1]):
            c, s = z[b, 0, i], z[b, 1, i]
            ur, ui = za[b, 0, i], za[b, 1, i]
            if zb.size:
                ur += zb[b, 1, i]
                ui -= zb[b, 0, i]
            twice = c * c - s * s
            ur += hr[b, i]
            ui += hi[b, i]
            diagonal[b, i] = c * ur + s * ui + 2.0 * sh[b, i] * twice
            torque[b, i] = omega[b, i] + c * ui - s * ur - 2.0 * sh[b, i] * s * c


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _project(v: Float32Array, members: Float32Array) -> None:
    """Take the mean over each floating part, a row of 0 and 1 / sqrt(size), out of v."""
    for p in range(members.shape[0]):
        mean = _dot(members[p], v)
        for i in range(v.size):
            v[i] -= members[p, i] * mean


class Work(NamedTuple):
    """What the conjugate gradients of a batch keep, in single precision.

    They solve H x = torque / scale to the largest residual `forcing`; `reach` is, in units of x,
    the longest step along a direction of negative curvature. `running` lists the rows that go on,
    whose zp come first and in that order.
    """

    z: Float32Array
    inverse: Float32Array
    x: Float32Array
    r: Float32Array
    p: Float32Array
    zp: Float32Array
    rho: Float32Array
    forcing: Float32Array
    reach: Float32Array
    running: IntArray

    @classmethod
    def empty(cls, rows: int, m: int) -> Work:
        """Room for `rows` samples of m oscillators."""
        inverse, x, r, p = np.zeros((4, rows, m), np.float32)
        rho, forcing, reach = np.zeros((3, rows), np.float32)
        z, zp = np.zeros((2, rows, 2, m), np.float32)
        return cls(z, inverse, x, r, p, zp, rho, forcing, reach, np.arange(rows))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def begin(
    torque: FloatArray,
    z: FloatArray,
    diagonal: FloatArray,
    members: Float32Array,
    scale: FloatArray,
    work: Work,
) -> None:
    """x = 0, r = torque / scale, p = preconditioned r, zp = z p, rho = r p."""
    rows, m = torque.shape
    for b in range(rows):
        largest = _TINY
        for i in range(m):
            largest = max(largest, np.float32(abs(diagonal[b, i])))
        floor = _FLOOR * largest
        inverse, r, p = work.inverse[b], work.r[b], work.p[b]
        for i in range(m):
            inverse[i] = _ONE / max(np.float32(abs(diagonal[b, i])), floor)
            r[i] = np.float32(torque[b, i] / scale[b])
            p[i] = r[i] * inverse[i]
        _project(p, members)
        work.rho[b] = _dot(r, p)
        for i in range(m):
            c, s = np.float32(z[b, 0, i]), np.float32(z[b, 1, i])
            work.z[b, 0, i], work.z[b, 1, i] = c, s
            work.zp[b, 0, i], work.zp[b, 1, i] = c * p[i], s * p[i]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _hessian_product(
    pa: Float32Array,
    pb: Float32Array,
    diagonal: FloatArray,
    acted_on: IntArray,
    block: FloatArray,
    p: Float32Array,
    z: Float32Array,
    out: Float32Array,
) -> None:
    """H p of one sample."""
    for i in range(p.size):
        qr, qi = pa[0, i], pa[1, i]
        if pb.size:
            qr += pb[1, i]
            qi -= pb[0, i]
        out[i] = np.float32(diagonal[i]) * p[i] - z[0, i] * qr - z[1, i] * qi
    for j in range(acted_on.size):
        pull = _ZERO
        for k in range(acted_on.size):
            pull += np.float32(block[j, k]) * p[acted_on[k]]
        out[acted_on[j]] += pull


@nb.njit(cache=True, nogil=True, error_model="numpy")
def advance(
    pa: Float32Array,
    pb: Float32Array,
    diagonal: FloatArray,
    members: Float32Array,
    acted_on: IntArray,
    block: FloatArray,
    work: Work,
) -> int:
    """One conjugate-gradient step of the rows that run, from pa = zp Re(J), pb = zp Im(J).

    `block` (rows, k, k) is a cost's Hessian at the oscillators `acted_on`. A row ends at a small
    residual, or along a direction of negative curvature. The number of those that go on is
    returned.
    """
    m, left = work.x.shape[1], 0
    hp, none = np.empty(m, dtype=np.float32), pb[:0, :, 0]
    for k in range(len(pa)):
        b = work.running[k]
        x, r, p, zp = work.x[b], work.r[b], work.p[b], work.zp[left]
        imaginary = pb[k] if pb.size else none
        _hessian_product(pa[k], imaginary, diagonal[b], acted_on, block[b], p, work.z[b], hp)
        curvature = _dot(p, hp)
        downhill = curvature > _ZERO
        rate = work.rho[b] / curvature if downhill else work.reach[b] / max(_largest(p), _TINY)
        for i in range(m):
            x[i] += rate * p[i]
            r[i] -= rate * hp[i]
        if not downhill or _largest(r) <= work.forcing[b]:
            continue
        work.running[left] = b
        left += 1
        for i in range(m):
            hp[i] = r[i] * work.inverse[b, i]
        _project(hp, members)
        rho = _dot(r, hp)
        turn = rho / work.rho[b]
        work.rho[b] = rho
        for i in range(m):
            p[i] = hp[i] + turn * p[i]
            zp[0, i] = work.z[b, 0, i] * p[i]
            zp[1, i] = work.z[b, 1, i] * p[i]
    return left
