"""Coordinate sweeps, Hessians and modified Newton directions, one sample at a time."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from neurosc.ideal.hessians import PIVOT
from neurosc.ideal.kernels.torque import dot, of_member
from neurosc.ideal.kernels.trig import sincos
from neurosc.network import FloatArray, IntArray


@nb.njit(cache=True, nogil=True, error_model="numpy")
def sweep(
    theta: FloatArray,
    A: FloatArray,
    B: FloatArray,
    member: IntArray,
    omega: FloatArray,
    hr: FloatArray,
    hi: FloatArray,
    sweeps: int,
) -> None:
    """Turn each oscillator in order to the minimum of its own energy, `sweeps` times.

    An oscillator is silent until its first turn: in a layered network the first sweep is the
    feed-forward pass. With u = |u| exp(i phi) the minimum lies at phi + arcsin(omega / |u|), which
    takes no trigonometry but once at the end.
    """
    m = theta.shape[1]
    c, s = np.empty(m), np.empty(m)
    for b in range(theta.shape[0]):
        real, imag = of_member(A, member[b]), of_member(B, member[b])
        c[:], s[:] = 0.0, 0.0
        for _ in range(sweeps):
            for i in range(m):
                ur = hr[b, i] + dot(real[i], c)
                ui = hi[b, i] + dot(real[i], s)
                if imag.size:
                    ur -= dot(imag[i], s)
                    ui += dot(imag[i], c)
                size = np.sqrt(ur * ur + ui * ui)
                if size > 0.0:
                    lead = min(max(omega[b, i] / size, -0.9), 0.9)
                    along = np.sqrt(1.0 - lead * lead)
                    c[i] = (along * ur - lead * ui) / size
                    s[i] = (along * ui + lead * ur) / size
        for i in range(m):
            theta[b, i] = np.arctan2(s[i], c[i])


@nb.njit(cache=True, nogil=True, error_model="numpy")
def cholesky(H: FloatArray, floor: float) -> bool:
    """Replace the lower triangle of H by its factor; False at a pivot that is not above `floor`."""
    m = H.shape[0]
    for i in range(m):
        for j in range(i):
            H[i, j] = (H[i, j] - dot(H[i, :j], H[j, :j])) / H[j, j]
        pivot = H[i, i] - dot(H[i, :i], H[i, :i])
        if not pivot > floor:
            return False
        H[i, i] = np.sqrt(pivot)
    return True


@nb.njit(cache=True, nogil=True, error_model="numpy")
def solve(L: FloatArray, x: FloatArray) -> None:
    """x <- (L L^T)^-1 x."""
    m = x.size
    for i in range(m):
        x[i] = (x[i] - dot(L[i, :i], x[:i])) / L[i, i]
    for i in range(m - 1, -1, -1):
        x[i] /= L[i, i]
        for j in range(i):
            x[j] -= L[i, j] * x[i]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def hessian(
    theta: FloatArray,
    A: FloatArray,
    B: FloatArray,
    hr: FloatArray,
    hi: FloatArray,
    sh: FloatArray,
    parts: IntArray,
    H: FloatArray,
) -> None:
    """Lower triangle of d2E/dtheta2 into H.

    A positive projector on the rotation of each floating part is added, so that H is positive
    definite exactly if the Hessian is so on the complement of the rotations.
    """
    m = theta.size
    c, s = np.empty(m), np.empty(m)
    sincos(theta, c, s)
    diagonal = np.zeros(m)
    for i in range(m):
        for j in range(i):
            w = A[i, j] * (c[i] * c[j] + s[i] * s[j])
            if B.size:
                w += B[i, j] * (s[i] * c[j] - c[i] * s[j])
            H[i, j] = -w
            diagonal[i] += w
            diagonal[j] += w
    largest = 0.0
    for i in range(m):
        diagonal[i] += c[i] * hr[i] + s[i] * hi[i]
        diagonal[i] += 2.0 * sh[i] * (c[i] * c[i] - s[i] * s[i])
        H[i, i] = diagonal[i]
        largest = max(largest, abs(diagonal[i]))
    for i in range(m):
        if parts[i] >= 0:
            for j in range(i + 1):
                if parts[j] == parts[i]:
                    H[i, j] += max(largest, 1e-300) / m


@nb.njit(cache=True, nogil=True, error_model="numpy")
def batch_hessian(
    theta: FloatArray,
    A: FloatArray,
    B: FloatArray,
    member: IntArray,
    hr: FloatArray,
    hi: FloatArray,
    sh: FloatArray,
    parts: IntArray,
    rows: IntArray,
    extra: FloatArray,
    out: FloatArray,
) -> None:
    """Lower triangles of the Hessians; `extra` (batch, k, k) is a cost's at oscillators `rows`."""
    for b in range(theta.shape[0]):
        real, imag = of_member(A, member[b]), of_member(B, member[b])
        hessian(theta[b], real, imag, hr[b], hi[b], sh[b], parts, out[b])
        for i in range(rows.size):
            for j in range(rows.size):
                if rows[j] <= rows[i]:
                    out[b, rows[i], rows[j]] += extra[b, i, j]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def directions(H: FloatArray, torque: FloatArray, longest: float, step: FloatArray) -> None:
    """Solve (H + shift) step = torque; the shift is 0 where H is positive."""
    m = H.shape[1]
    F = np.empty((m, m))
    for b in range(H.shape[0]):
        largest = 1e-300
        for i in range(m):
            largest = max(largest, abs(H[b, i, i]))
        shift = 0.0
        while True:
            for i in range(m):
                F[i, : i + 1] = H[b, i, : i + 1]
                F[i, i] += shift
            if cholesky(F, PIVOT * largest):
                break
            shift = max(4.0 * shift, 0.01 * largest)
        step[b] = torque[b]
        solve(F, step[b])
        size = np.max(np.abs(step[b]))
        if size > longest:
            step[b] *= longest / size


@nb.njit(cache=True, nogil=True, error_model="numpy")
def positive(H: FloatArray, verdict: npt.NDArray[np.bool_]) -> None:
    """Which of the Hessians are positive definite; their triangles are overwritten."""
    for b in range(H.shape[0]):
        largest = 1e-300
        for i in range(H.shape[1]):
            largest = max(largest, abs(H[b, i, i]))
        verdict[b] = cholesky(H[b], PIVOT * largest)
