"""Torques, Hessians and conjugate gradients on the edges of a sparse coupling (CSR).

J = A + iB on the edges, B empty where J is real. The Hessian is held as weights
w_ij = Re(conj(z_i) J_ij z_j) and a diagonal `anchor`:

    (H v)_i = sum_j w_ij (v_i - v_j) + anchor_i v_i + (C v)_i

where C (`extra`, CSR too, or empty) is a cost's own Hessian. Differences keep the rotation in the
kernel of H to the last bit. Where `label` is not empty, C sees phases less the mean of their part
(label 0: no part) and its result is spread likewise: P C P.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from neurosc.ideal.kernels.trig import sincos
from neurosc.network import ComplexArray, FloatArray, IntArray

BLOCK = 1024
"""Oscillators whose energies are summed before they join the total, which loses fewer digits."""


@nb.njit(cache=True, nogil=True, error_model="numpy")
def phasors(theta: FloatArray, z: FloatArray) -> None:
    """cos and sin of theta side by side into z (m, 2): a neighbour is one cache line."""
    c, s = np.empty(BLOCK), np.empty(BLOCK)
    for a in range(0, theta.size, BLOCK):
        n = min(BLOCK, theta.size - a)
        sincos(theta[a : a + n], c[:n], s[:n])
        for i in range(n):
            z[a + i, 0] = c[i]
            z[a + i, 1] = s[i]


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def evaluate(
    theta: FloatArray,
    z: FloatArray,
    indptr: IntArray,
    indices: IntArray,
    A: FloatArray,
    B: FloatArray,
    omega: FloatArray,
    h: ComplexArray,
    sh: FloatArray,
    torque: FloatArray,
    weights: FloatArray,
    anchor: FloatArray,
    bound: FloatArray,
) -> tuple[float, float]:
    """Energy and the smallest weight; torque and Hessian into the arrays, all in one pass.

    `bound` is the diagonal of the Hessian with |w| and |anchor| for w and anchor.
    """
    energy, lowest = 0.0, np.inf
    for a in range(0, theta.size, BLOCK):
        part = 0.0
        for i in range(a, min(a + BLOCK, theta.size)):
            c, s = z[i, 0], z[i, 1]
            pull, total, size = 0.0, 0.0, 0.0
            for e in range(indptr[i], indptr[i + 1]):
                cj, sj = z[indices[e], 0], z[indices[e], 1]
                cosine, sine = c * cj + s * sj, c * sj - s * cj
                w = A[e] * cosine
                pull += A[e] * sine
                if B.size:
                    w -= B[e] * sine
                    pull += B[e] * cosine
                weights[e] = w
                total += w
                size += abs(w)
                lowest = min(lowest, w)
            own = c * h[i].real + s * h[i].imag
            twice = 2.0 * sh[i] * (c * c - s * s)
            part -= 0.5 * total + own + omega[i] * theta[i] + 0.25 * twice
            torque[i] = omega[i] + pull + c * h[i].imag - s * h[i].real - 2.0 * sh[i] * s * c
            anchor[i] = own + twice
            bound[i] = size + abs(own + twice)
        energy += part
    return energy, lowest


@nb.njit(cache=True, nogil=True, error_model="numpy")
def sweep(
    theta: FloatArray,
    z: FloatArray,
    indptr: IntArray,
    indices: IntArray,
    A: FloatArray,
    B: FloatArray,
    omega: FloatArray,
    h: ComplexArray,
    sweeps: int,
) -> None:
    """Turn each oscillator in order to the minimum of its energy, without second harmonic.

    z (m, 2) are the rotors; where they are zero, an oscillator is silent until its first turn. In
    a layered network the first sweep is then the feed-forward pass, and what floats stays at 0.
    """
    for _ in range(sweeps):
        for i in range(theta.size):
            ur, ui = h[i].real, h[i].imag
            for e in range(indptr[i], indptr[i + 1]):
                cj, sj = z[indices[e], 0], z[indices[e], 1]
                ur += A[e] * cj
                ui += A[e] * sj
                if B.size:
                    ur -= B[e] * sj
                    ui += B[e] * cj
            size = np.sqrt(ur * ur + ui * ui)
            if size > 0.0:
                lead = np.arcsin(min(max(omega[i] / size, -0.9), 0.9))
                turn = np.arctan2(ui, ur) + lead - theta[i]
                theta[i] += turn - 2.0 * np.pi * np.round(turn / (2.0 * np.pi))
                z[i, 0] = np.cos(theta[i])
                z[i, 1] = np.sin(theta[i])


@nb.njit(cache=True, nogil=True, error_model="numpy")
def largest_lag(
    v: FloatArray, indptr: IntArray, indices: IntArray, h: ComplexArray, sh: FloatArray
) -> float:
    """max |v_i - v_j| over edges, and |v_i| where a field or second harmonic acts."""
    largest = 0.0
    for i in range(v.size):
        if h[i] != 0 or sh[i] != 0:
            largest = max(largest, abs(v[i]))
        for e in range(indptr[i], indptr[i + 1]):
            largest = max(largest, abs(v[i] - v[indices[e]]))
    return largest


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def product(
    p: FloatArray,
    q: FloatArray,
    indptr: IntArray,
    indices: IntArray,
    weights: FloatArray,
    anchor: FloatArray,
    cptr: IntArray,
    cindices: IntArray,
    cdata: FloatArray,
    label: IntArray,
    share: FloatArray,
) -> float:
    """q <- H p; p^T H p is returned. `share` (parts + 1,) is 1/size of each part, 0 for none."""
    curvature = 0.0
    for i in range(p.size):
        total = anchor[i] * p[i]
        for e in range(indptr[i], indptr[i + 1]):
            total += weights[e] * (p[i] - p[indices[e]])
        q[i] = total
        curvature += p[i] * total
    if cptr.size:
        mean, given = np.zeros(share.size), np.zeros(share.size)
        if label.size:
            for i in range(p.size):
                mean[label[i]] += p[i]
            mean *= share
        for i in range(p.size):
            if cptr[i] < cptr[i + 1]:
                total = 0.0 * p[i]
                for e in range(cptr[i], cptr[i + 1]):
                    j = cindices[e]
                    total += cdata[e] * (p[j] - (mean[label[j]] if label.size else 0.0))
                q[i] += total
                own = mean[label[i]] if label.size else 0.0
                curvature += (p[i] - own) * total
                if label.size:
                    given[label[i]] += total
        if label.size:
            given *= share
            for i in range(p.size):
                q[i] -= given[label[i]]
    return curvature


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def jacobi_cg(
    b: FloatArray,
    x: FloatArray,
    p: FloatArray,
    indptr: IntArray,
    indices: IntArray,
    weights: FloatArray,
    anchor: FloatArray,
    cptr: IntArray,
    cindices: IntArray,
    cdata: FloatArray,
    label: IntArray,
    share: FloatArray,
    inverse: FloatArray,
    tolerance: float,
    most: int,
) -> tuple[int, bool]:
    """x <- H^-1 b from 0 to |residual| <= tolerance |b|, preconditioned by diag `inverse`.

    Returns the number of steps and whether it stopped on a direction p of curvature <= 0. All
    vectors are of one type; sums are float64.
    """
    r, q = np.empty_like(x), np.empty_like(x)
    rho, size = 0.0, 0.0
    for i in range(b.size):
        x[i] = 0
        r[i] = b[i]
        p[i] = inverse[i] * r[i]
        rho += r[i] * p[i]
        size += r[i] * r[i]
    for k in range(most):
        curvature = product(
            p, q, indptr, indices, weights, anchor, cptr, cindices, cdata, label, share
        )
        if not curvature > 0.0:
            return k, True
        step = x.dtype.type(rho / curvature)
        left, new = 0.0, 0.0
        for i in range(b.size):
            x[i] += step * p[i]
            r[i] -= step * q[i]
            left += r[i] * r[i]
            new += r[i] * (inverse[i] * r[i])
        if left <= tolerance * tolerance * size:
            return k + 1, False
        turn = x.dtype.type(new / rho)
        rho = new
        for i in range(b.size):
            p[i] = inverse[i] * r[i] + turn * p[i]
    return most, False
