"""Coordinate sweeps and modified Newton directions, one sample at a time."""

from __future__ import annotations

import numba as nb
import numpy as np

from neurosc.ideal.kernels.torque import dot
from neurosc.ideal.kernels.trig import sincos
from neurosc.network import FloatArray, IntArray

PIVOT = 1e-11
"""Smallest Cholesky pivot, relative to the largest diagonal entry, that counts as positive."""


@nb.njit(cache=True, nogil=True, error_model="numpy")
def sweep(
    theta: FloatArray,
    A: FloatArray,
    B: FloatArray,
    omega: FloatArray,
    hr: FloatArray,
    hi: FloatArray,
    sweeps: int,
    cold: bool,
) -> None:
    """Turn each oscillator in order to the minimum of its own energy, `sweeps` times.

    With `cold`, an oscillator is silent until its first turn: in a layered network the first
    sweep is the feed-forward pass.
    """
    m = theta.shape[1]
    c, s = np.empty(m), np.empty(m)
    for b in range(theta.shape[0]):
        for i in range(m):
            c[i] = 0.0 if cold else np.cos(theta[b, i])
            s[i] = 0.0 if cold else np.sin(theta[b, i])
        for _ in range(sweeps):
            for i in range(m):
                ur = hr[b, i] + dot(A[i], c)
                ui = hi[b, i] + dot(A[i], s)
                if B.size:
                    ur -= dot(B[i], s)
                    ui += dot(B[i], c)
                size = np.sqrt(ur * ur + ui * ui)
                if size > 0.0:
                    lead = min(max(omega[b, i] / size, -0.9), 0.9)
                    theta[b, i] = np.arctan2(ui, ur) + np.arcsin(lead)
                c[i] = np.cos(theta[b, i])
                s[i] = np.sin(theta[b, i])


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
) -> float:
    """Lower triangle of d2E/dtheta2 into H; its largest diagonal entry is returned.

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
    return largest


@nb.njit(cache=True, nogil=True, error_model="numpy")
def directions(
    theta: FloatArray,
    torque: FloatArray,
    A: FloatArray,
    B: FloatArray,
    hr: FloatArray,
    hi: FloatArray,
    sh: FloatArray,
    parts: IntArray,
    rows: IntArray,
    extra: FloatArray,
    longest: float,
    step: FloatArray,
    stable: FloatArray,
) -> None:
    """Solve (H + shift) step = torque; the shift is 0 and `stable` 1 where H is positive.

    `extra` (batch, len(rows), len(rows)) is a cost's Hessian at oscillators `rows`.
    """
    batch, m = theta.shape
    H, F = np.empty((m, m)), np.empty((m, m))
    for b in range(batch):
        largest = hessian(theta[b], A, B, hr[b], hi[b], sh[b], parts, H)
        for i in range(rows.size):
            for j in range(rows.size):
                if rows[j] <= rows[i]:
                    H[rows[i], rows[j]] += extra[b, i, j]
            largest = max(largest, abs(H[rows[i], rows[i]]))
        shift, stable[b] = 0.0, 1.0
        while True:
            for i in range(m):
                F[i, : i + 1] = H[i, : i + 1]
                F[i, i] += shift
            if cholesky(F, PIVOT * max(largest, 1e-300)):
                break
            stable[b] = 0.0
            shift = max(4.0 * shift, 0.01 * largest + 1e-12)
        step[b] = torque[b]
        solve(F, step[b])
        size = np.max(np.abs(step[b]))
        if size > longest:
            step[b] *= longest / size
