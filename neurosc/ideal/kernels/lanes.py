"""Newton descent of many small networks abreast, each in a lane of the vector registers.

All lanes run the same instructions on their own numbers, so that what a lane computes does not
depend on its neighbours; no products and sums are fused, as vectors and the scalar rest of a loop
might fuse different ones. The number of lanes is read off the arrays: were it a constant, the
compiler would unroll the loops over lanes instead of turning them into vector instructions.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from neurosc.ideal.descent import ARMIJO, ROUNDING, SMALLEST_FRACTION
from neurosc.ideal.hessians import PIVOT
from neurosc.ideal.kernels.trig import sincos
from neurosc.network import FloatArray, IntArray

LANES = 64
RESTING, SADDLE, MOVING, STUCK = 0, 1, 2, 3
"""How a lane ended."""


class Lanes(NamedTuple):
    """Parameters and work space: (m, lanes), (m, m, lanes) for A, B, H, (drives, lanes) for f."""

    A: FloatArray
    B: FloatArray
    omega: FloatArray
    hr: FloatArray
    hi: FloatArray
    sh: FloatArray
    fr: FloatArray
    fi: FloatArray
    fs: FloatArray
    theta: FloatArray
    trial: FloatArray
    step: FloatArray
    c: FloatArray
    s: FloatArray
    torque: FloatArray
    x: FloatArray
    H: FloatArray

    @classmethod
    def empty(cls, m: int, drives: int, is_complex: bool) -> Lanes:
        """Room for networks of m oscillators with `drives` nudges."""
        A, H = np.zeros((2, m, m, LANES))
        B = np.zeros_like(A) if is_complex else np.zeros((0, 0, LANES))
        omega, hr, hi, sh = np.zeros((4, m, LANES))
        fr, fi, fs = np.zeros((3, drives, LANES))
        theta, trial, step, c, s, torque, x = np.zeros((7, m, LANES))
        return cls(A, B, omega, hr, hi, sh, fr, fi, fs, theta, trial, step, c, s, torque, x, H)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def cold(w: Lanes, sweeps: int) -> None:
    """Turn each oscillator to the minimum of its own energy, in order; silent before its turn."""
    m, lanes = w.omega.shape
    ur, ui = np.empty(lanes), np.empty(lanes)
    for i in range(m):
        for k in range(lanes):
            w.c[i, k], w.s[i, k] = 0.0, 0.0
    for _ in range(sweeps):
        for i in range(m):
            for k in range(lanes):
                ur[k], ui[k] = w.hr[i, k], w.hi[i, k]
            for j in range(m):
                for k in range(lanes):
                    ur[k] += w.A[i, j, k] * w.c[j, k]
                    ui[k] += w.A[i, j, k] * w.s[j, k]
                if w.B.size:
                    for k in range(lanes):
                        ur[k] -= w.B[i, j, k] * w.s[j, k]
                        ui[k] += w.B[i, j, k] * w.c[j, k]
            for k in range(lanes):
                size = max(np.sqrt(ur[k] * ur[k] + ui[k] * ui[k]), 1e-300)
                lead = min(max(w.omega[i, k] / size, -0.9), 0.9)
                along = np.sqrt(1.0 - lead * lead)
                w.c[i, k] = (along * ur[k] - lead * ui[k]) / size
                w.s[i, k] = (along * ui[k] + lead * ur[k]) / size
    for i in range(m):
        for k in range(lanes):
            w.theta[i, k] = np.arctan2(w.s[i, k], w.c[i, k])


@nb.njit(cache=True, nogil=True, error_model="numpy")
def evaluate(w: Lanes, outputs: IntArray, references: IntArray, energy: FloatArray) -> None:
    """Energy, torque and the lower triangle of the Hessian at w.trial.

    Loops over lanes that touch few arrays are the ones that vectorise.
    """
    m, lanes = w.omega.shape
    A, B, H, c, s, torque = w.A, w.B, w.H, w.c, w.s, w.torque
    for k in range(lanes):
        energy[k] = 0.0
    for i in range(m):
        sincos(w.trial[i], c[i], s[i])
        for k in range(lanes):
            along = c[i, k] * w.hr[i, k] + s[i, k] * w.hi[i, k]
            twice = c[i, k] * c[i, k] - s[i, k] * s[i, k]
            energy[k] -= along + w.omega[i, k] * w.trial[i, k] + 0.5 * w.sh[i, k] * twice
            H[i, i, k] = along + 2.0 * w.sh[i, k] * twice
        for k in range(lanes):
            across = c[i, k] * w.hi[i, k] - s[i, k] * w.hr[i, k]
            torque[i, k] = w.omega[i, k] + across - 2.0 * w.sh[i, k] * s[i, k] * c[i, k]
    pull = np.empty(lanes)
    for i in range(m):
        for j in range(i):
            for k in range(lanes):
                H[i, j, k] = -A[i, j, k] * (c[i, k] * c[j, k] + s[i, k] * s[j, k])
            for k in range(lanes):
                pull[k] = A[i, j, k] * (c[i, k] * s[j, k] - s[i, k] * c[j, k])
            if B.size:
                for k in range(lanes):
                    H[i, j, k] += B[i, j, k] * (c[i, k] * s[j, k] - s[i, k] * c[j, k])
                for k in range(lanes):
                    pull[k] += B[i, j, k] * (c[i, k] * c[j, k] + s[i, k] * s[j, k])
            for k in range(lanes):
                torque[i, k] += pull[k]
                torque[j, k] -= pull[k]
            for k in range(lanes):
                energy[k] += H[i, j, k]
                H[i, i, k] -= H[i, j, k]
                H[j, j, k] -= H[i, j, k]
    for d in range(outputs.size):
        _drive(w, d, outputs[d], references[d], energy)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _drive(w: Lanes, d: int, i: int, j: int, energy: FloatArray) -> None:
    """A nudge: field f and second harmonic on the phase of i measured from j."""
    low, high = min(i, j), max(i, j)
    for k in range(energy.size):
        cosine = w.c[i, k] * w.c[j, k] + w.s[i, k] * w.s[j, k]
        sine = w.s[i, k] * w.c[j, k] - w.c[i, k] * w.s[j, k]
        twice = cosine * cosine - sine * sine
        along = w.fr[d, k] * cosine + w.fi[d, k] * sine
        push = w.fi[d, k] * cosine - w.fr[d, k] * sine - 2.0 * w.fs[d, k] * sine * cosine
        weight = along + 2.0 * w.fs[d, k] * twice
        energy[k] -= along + 0.5 * w.fs[d, k] * twice
        w.torque[i, k] += push
        w.torque[j, k] -= push
        w.H[high, low, k] -= weight
        w.H[i, i, k] += weight
        w.H[j, j, k] += weight


@nb.njit(cache=True, nogil=True, error_model="numpy")
def lift(w: Lanes, parts: IntArray) -> None:
    """Raise the Hessian off zero on the rotation of each floating part."""
    m, lanes = w.omega.shape
    height = np.empty(lanes)
    for k in range(lanes):
        height[k] = 0.0
    for i in range(m):
        for k in range(lanes):
            height[k] = max(height[k], abs(w.H[i, i, k]) / m)
    for i in range(m):
        for j in range(i + 1):
            if parts[i] >= 0 and parts[j] == parts[i]:
                for k in range(lanes):
                    w.H[i, j, k] += height[k]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def factorise(w: Lanes, positive: FloatArray) -> None:
    """H = L D L^T in place; a pivot that is not positive is replaced, and `positive` is 0 there."""
    m, lanes = w.omega.shape
    H, largest, factor = w.H, np.empty(lanes), np.empty(lanes)
    for k in range(lanes):
        largest[k], positive[k] = 1e-300, 1.0
    for i in range(m):
        for k in range(lanes):
            largest[k] = max(largest[k], abs(H[i, i, k]))
    for q in range(m):
        for k in range(lanes):
            pivot = H[q, q, k]
            good = pivot > PIVOT * largest[k]
            positive[k] = positive[k] if good else 0.0
            H[q, q, k] = pivot if good else max(-pivot, 0.01 * largest[k])
        for i in range(m - 1, q, -1):  # downwards: the rows above need column q as it was
            for k in range(lanes):
                factor[k] = H[i, q, k] / H[q, q, k]
            for j in range(q + 1, i + 1):
                for k in range(lanes):
                    H[i, j, k] -= factor[k] * H[j, q, k]
            for k in range(lanes):
                H[i, q, k] = factor[k]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def substitute(w: Lanes) -> None:
    """x = (L D L^T)^-1 torque."""
    m, lanes = w.omega.shape
    H, x = w.H, w.x
    for i in range(m):
        for k in range(lanes):
            x[i, k] = w.torque[i, k]
        for j in range(i):
            for k in range(lanes):
                x[i, k] -= H[i, j, k] * x[j, k]
    for i in range(m):
        for k in range(lanes):
            x[i, k] /= H[i, i, k]
    for i in range(m - 1, -1, -1):
        for j in range(i):
            for k in range(lanes):
                x[j, k] -= H[i, j, k] * x[i, k]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _largest(values: FloatArray, out: FloatArray) -> None:
    """The largest |value| of each lane."""
    for k in range(values.shape[1]):
        out[k] = 0.0
    for i in range(values.shape[0]):
        for k in range(values.shape[1]):
            out[k] = max(out[k], abs(values[i, k]))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _move(
    w: Lanes, accepted: FloatArray, shorten: FloatArray, fraction: FloatArray, slope: FloatArray
) -> None:
    """Lanes whose trial was accepted start from there; the others try a shorter step."""
    theta, trial, step, x, torque = w.theta, w.trial, w.step, w.x, w.torque
    m, lanes = theta.shape
    for k in range(lanes):
        slope[k] = 0.0 if accepted[k] > 0.0 else slope[k]
    for i in range(m):
        for k in range(lanes):
            new = accepted[k] > 0.0
            step[i, k] = x[i, k] * shorten[k] if new else step[i, k]
            theta[i, k] = trial[i, k] if new else theta[i, k]
            trial[i, k] = theta[i, k] + fraction[k] * step[i, k]
        for k in range(lanes):
            slope[k] += torque[i, k] * step[i, k] if accepted[k] > 0.0 else 0.0


@nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")  # compiled once
def descend(
    w: Lanes,
    parts: IntArray,
    outputs: IntArray,
    references: IntArray,
    limit: FloatArray,
    longest: float,
    max_steps: int,
    residual: FloatArray,
    verdict: IntArray,
) -> None:
    """Newton steps with an Armijo line search on the energy, from w.theta in place.

    A lane ends at rest, stuck without a step downhill, or moving still after `max_steps`;
    `residual` is its largest torque.
    """
    m, lanes = w.omega.shape
    energy, trial_energy, slope = np.empty(lanes), np.empty(lanes), np.empty(lanes)
    fraction, positive, accepted = np.empty(lanes), np.empty(lanes), np.empty(lanes)
    largest, reach = np.empty(lanes), np.empty(lanes)
    for k in range(lanes):
        energy[k], slope[k], fraction[k], verdict[k] = np.inf, 0.0, 1.0, MOVING
        for i in range(m):
            w.trial[i, k] = w.theta[i, k]
    for _ in range(max_steps + 1):
        evaluate(w, outputs, references, trial_energy)
        lift(w, parts)
        factorise(w, positive)
        substitute(w)
        _largest(w.torque, largest)
        _largest(w.x, reach)
        going = 0
        for k in range(lanes):
            target = energy[k] - ARMIJO * fraction[k] * slope[k]
            target += ROUNDING * m * (1.0 + abs(trial_energy[k]))
            good = verdict[k] == MOVING and trial_energy[k] <= target
            accepted[k] = 1.0 if good else 0.0
            if good:
                energy[k], residual[k], fraction[k] = trial_energy[k], largest[k], 1.0
                if residual[k] <= limit[k]:
                    verdict[k] = RESTING if positive[k] > 0.0 else SADDLE
            elif verdict[k] == MOVING:
                fraction[k] *= 0.5
                if fraction[k] < SMALLEST_FRACTION:
                    verdict[k] = STUCK
            reach[k] = min(1.0, longest / max(reach[k], 1e-300))
            going += verdict[k] == MOVING
        _move(w, accepted, reach, fraction, slope)
        if going == 0:
            break


@nb.njit(cache=True, nogil=True, error_model="numpy")
def batch_descend(
    theta: FloatArray,
    samples: IntArray,
    A: FloatArray,
    B: FloatArray,
    member: IntArray,
    rows: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    drives: tuple[FloatArray, FloatArray, FloatArray],
    parts: IntArray,
    outputs: IntArray,
    references: IntArray,
    limit: FloatArray,
    sweeps: int,
    longest: float,
    max_steps: int,
    w: Lanes,
    residual: FloatArray,
    verdict: IntArray,
) -> None:
    """Relax `samples`, so many at a time as `w` has lanes; other arrays have the batch first.

    `rows` are frequency, Re h, Im h and second harmonic (batch, m), `drives` Re f, Im f and second
    harmonic (batch, drives). With `sweeps` the start is cold.
    """
    m, lanes = w.omega.shape
    each, shared = np.empty(lanes, dtype=np.intp), np.intp(-1)
    lane_limit, lane_residual = np.empty(lanes), np.empty(lanes)
    lane_verdict = np.empty(lanes, dtype=np.intp)
    for first in range(0, samples.size, lanes):
        count = min(lanes, samples.size - first)
        for k in range(lanes):
            each[k] = samples[first + min(k, count - 1)]
            lane_limit[k] = limit[each[k]]
        _load(w.theta, theta, each)
        _load(w.omega, rows[0], each)
        _load(w.hr, rows[1], each)
        _load(w.hi, rows[2], each)
        _load(w.sh, rows[3], each)
        _load(w.fr, drives[0], each)
        _load(w.fi, drives[1], each)
        _load(w.fs, drives[2], each)
        shared = _load_couplings(w, A, B, member, each, shared)
        if sweeps > 0:
            cold(w, sweeps)
        descend(
            w, parts, outputs, references, lane_limit, longest, max_steps, lane_residual,
            lane_verdict,
        )  # fmt: skip
        for k in range(count):
            residual[each[k]], verdict[each[k]] = lane_residual[k], lane_verdict[k]
            for i in range(m):
                theta[each[k], i] = w.theta[i, k]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _load(lanes: FloatArray, rows: FloatArray, each: IntArray) -> None:
    for k in range(each.size):
        for i in range(rows.shape[1]):
            lanes[i, k] = rows[each[k], i]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _load_couplings(
    w: Lanes, A: FloatArray, B: FloatArray, member: IntArray, each: IntArray, shared: int
) -> int:
    """Each lane's couplings, unless all lanes hold those of one network, `shared`, already."""
    now = member[each[0]]
    for k in range(each.size):
        if member[each[k]] != now:
            now = -1
            break
    if now < 0 or now != shared:
        for i in range(A.shape[1]):
            for j in range(A.shape[2]):
                for k in range(each.size):
                    w.A[i, j, k] = A[member[each[k]], i, j]
                    if B.size:
                        w.B[i, j, k] = B[member[each[k]], i, j]
    return int(now)
