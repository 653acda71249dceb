"""Compiled steps in time of one network, and their adjoint, which runs backwards.

With c, s of the phases and c', s' of the delayed ones, a step is
theta_i += dt (omega_i + c_i sum_j K_ij s'_j - s_i sum_j K_ij c'_j + h_i s_i).
"""

from __future__ import annotations

import numba as nb
import numpy as np

from neurosc.ideal.kernels.trig import sincos
from neurosc.network import FloatArray, IntArray


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def row_sums(row: FloatArray, c: FloatArray, s: FloatArray) -> tuple[float, float]:
    """sum_j row_j c_j and sum_j row_j s_j."""
    u, v = 0.0, 0.0
    for j in range(row.size):
        u += row[j] * c[j]
        v += row[j] * s[j]
    return u, v


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def add_rows(a: float, b: float, row: FloatArray, p: FloatArray, q: FloatArray) -> None:
    """p += a row, q += b row."""
    for j in range(row.size):
        p[j] += a * row[j]
        q[j] += b * row[j]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def see(
    t: int, delay: IntArray, cos: FloatArray, sin: FloatArray, c: FloatArray, s: FloatArray
) -> None:
    """Into c and s, cos and sin as they are seen at step t; before 0 all stood still."""
    for j in range(delay.size):
        k = max(t - delay[j], 0)
        c[j] = cos[k, j]
        s[j] = sin[k, j]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def walk(
    K: FloatArray,
    omega: FloatArray,
    h: FloatArray,
    delay: IntArray,
    dt: float,
    phases: FloatArray,
    cos: FloatArray,
    sin: FloatArray,
    own: FloatArray,
) -> None:
    """Fill phases (steps + 1, n) from its first row on.

    So are `cos` and `sin`, of all but the last, and `own`: d torque_i / d theta_i, (steps, n).
    """
    steps, n = own.shape
    c, s = np.empty(n), np.empty(n)
    for t in range(steps):
        sincos(phases[t], cos[t], sin[t])
        see(t, delay, cos, sin, c, s)
        for i in range(n):
            u, v = row_sums(K[i], c, s)
            ci, si = cos[t, i], sin[t, i]
            phases[t + 1, i] = phases[t, i] + dt * (omega[i] + ci * v - si * u + h[i] * si)
            own[t, i] = h[i] * ci - (ci * u + si * v)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def walk_back(
    K: FloatArray,
    delay: IntArray,
    dt: float,
    cos: FloatArray,
    sin: FloatArray,
    own: FloatArray,
    first: int,
    pull: FloatArray,
) -> FloatArray:
    """dC/dK (n, n) by way of the steps from `first` on, where pull (steps + 1, n) is dC/dtheta(t).

    `pull` becomes the total derivative lambda(t), in which the later phases follow:

        lambda_i(t) = pull_i(t) + lambda_i(t + 1) (1 + dt own_i(t))
                      + dt sum_k lambda_k(t + tau_i + 1) K_ki cos(theta_i(t) - theta_k(t + tau_i))
        dC/dK_ij = dt sum_t lambda_i(t + 1) sin(theta_j(t - tau_j) - theta_i(t))

    The sum over t is one product of matrices in the end. What is pulled before `first` stays put.
    """
    steps, n = own.shape
    count = steps - first
    left, right = np.empty((2, count, n)), np.empty((2, count, n))
    p, q = np.empty(n), np.empty(n)
    for t in range(steps - 1, first - 1, -1):
        a, b = left[0, t - first], left[1, t - first]
        s, c = right[0, t - first], right[1, t - first]
        see(t, delay, cos, sin, c, s)
        p[:] = 0.0
        q[:] = 0.0
        for i in range(n):
            a[i] = dt * pull[t + 1, i] * cos[t, i]
            b[i] = -dt * pull[t + 1, i] * sin[t, i]
            add_rows(a[i], b[i], K[i], p, q)
        for j in range(n):
            pull[t, j] += pull[t + 1, j] * (1.0 + dt * own[t, j])
        for j in range(n):
            pull[max(t - delay[j], 0), j] += c[j] * p[j] - s[j] * q[j]
    slope: FloatArray = np.dot(left.reshape(-1, n).T, right.reshape(-1, n))
    return slope
