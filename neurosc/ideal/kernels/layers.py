"""Sweeps of a layered network sample by sample, whose rotors stay in the first-level cache.

Rotors z and pulls are (batch, 2, m), cosines and sines of the oscillators that move, layer by
layer; layer k takes the columns from ends[k] to ends[k + 1]. Couplings come as a flat vector of
blocks: block k, from offsets[k], holds those of layer k to the one before, row by row; block 0 is
not read here. The imaginary part is empty if they are real.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from neurosc.network import IntArray

Real = npt.NDArray[Any]
"""Of float32 or float64."""
SURE_LEAD = 0.99
"""Largest |tau| / |u| at which an oscillator still follows u, so that one that slips can turn."""

compiled = nb.njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"}
)  # sums in any order, the same one for every sample


@compiled
def _see(
    u: Real, z: Real, pull: Real, k: int, ends: IntArray, offsets: IntArray, real: Real,
    imaginary: Real,
) -> None:  # fmt: skip
    """u = J z + b of layer k of one sample, (2, m) each."""
    a, b = ends[k], ends[k + 1]
    for i in range(a, b):
        u[0, i], u[1, i] = pull[0, i], pull[1, i]
    if k > 0:
        c, s = z[0, ends[k - 1] : a], z[1, ends[k - 1] : a]
        for i in range(a, b):
            first = offsets[k] + (i - a) * c.size
            row = real[first : first + c.size]
            along, across = u[0, i], u[1, i]
            for j in range(c.size):
                along += row[j] * c[j]
                across += row[j] * s[j]
            if imaginary.size:
                row = imaginary[first : first + c.size]
                for j in range(c.size):
                    along -= row[j] * s[j]
                    across += row[j] * c[j]
            u[0, i], u[1, i] = along, across
    if k + 2 < ends.size:
        x, y = u[0, a:b], u[1, a:b]
        for i in range(b, ends[k + 2]):
            first = offsets[k + 1] + (i - b) * x.size
            cosine, sine = z[0, i], z[1, i]
            row = real[first : first + x.size]
            for j in range(x.size):
                x[j] += row[j] * cosine
                y[j] += row[j] * sine
            if imaginary.size:  # from above the conjugate pulls
                row = imaginary[first : first + x.size]
                for j in range(x.size):
                    x[j] += row[j] * sine
                    y[j] -= row[j] * cosine


@compiled
def _turn(c: Real, s: Real, x: Real, y: Real, tau: Real) -> None:
    """Rotors c + i s along u = x + i y or, with a torque, ahead of it."""
    one = x.dtype.type(1)
    most = x.dtype.type(SURE_LEAD)
    unseen = 0
    for i in range(x.size):
        unseen += x[i] * x[i] + y[i] * y[i] == 0
    if unseen:  # nothing pulls: it stays where it is, which at the beginning is phase 0
        for i in range(x.size):
            if x[i] * x[i] + y[i] * y[i] == 0:
                x[i], y[i] = c[i], s[i]
                if c[i] == 0 and s[i] == 0:
                    x[i] = one
    if tau.size == 0:
        for i in range(x.size):
            inverse = one / np.sqrt(x[i] * x[i] + y[i] * y[i])
            c[i] = x[i] * inverse
            s[i] = y[i] * inverse
        return
    for i in range(x.size):
        inverse = one / np.sqrt(x[i] * x[i] + y[i] * y[i])
        lead = min(max(tau[i] * inverse, -most), most)
        along = np.sqrt(one - lead * lead) * inverse
        lead *= inverse
        c[i] = x[i] * along - y[i] * lead
        s[i] = x[i] * lead + y[i] * along


@compiled
def sweep(
    z: Real, pull: Real, tau: Real, count: int, ends: IntArray, offsets: IntArray, real: Real,
    imaginary: Real,
) -> None:  # fmt: skip
    """Turn each layer of each sample to arg u + arcsin(tau / |u|), `count` times; in place.

    tau (batch, m) is what is no pull, held constant; empty where there is none.
    """
    u = np.empty_like(z[0])
    for sample in range(len(z)):
        own = z[sample]
        for _ in range(count):
            for k in range(ends.size - 1):
                a, b = ends[k], ends[k + 1]
                _see(u, own, pull[sample], k, ends, offsets, real, imaginary)
                lead = tau[sample, a:b] if tau.size else real[:0]
                _turn(own[0, a:b], own[1, a:b], u[0, a:b], u[1, a:b], lead)


@compiled
def see(
    z: Real, pull: Real, ends: IntArray, offsets: IntArray, real: Real, imaginary: Real
) -> Real:
    """u = J z + b of all that move, (batch, 2, m)."""
    u = np.empty_like(z)
    for sample in range(len(z)):
        for k in range(ends.size - 1):
            _see(u[sample], z[sample], pull[sample], k, ends, offsets, real, imaginary)
    return u


@compiled
def between(
    z: Real, samples: IntArray, place: IntArray, out: Real, ends: IntArray, offsets: IntArray,
    real: Real, imaginary: Real,
) -> None:  # fmt: skip
    """Re(conj(z_i) J_ij z_j) into out (samples, k, others), which are zeros where no edge is.

    The last layer and every other one before it are the first half of the network; `place` is where
    an oscillator stands in its half.
    """
    last = ends.size - 2
    for row in range(len(samples)):
        own = z[samples[row]]
        for k in range(1, last + 1):
            c, s = own[0, ends[k - 1] : ends[k]], own[1, ends[k - 1] : ends[k]]
            below, first_half = place[ends[k - 1]], (last - k) % 2 == 0
            for i in range(ends[k], ends[k + 1]):
                first = offsets[k] + (i - ends[k]) * c.size
                cosine, sine = own[0, i], own[1, i]
                if first_half:
                    line = out[row, place[i], below : below + c.size]
                else:
                    line = out[row, below : below + c.size, place[i]]
                for j in range(c.size):
                    line[j] = real[first + j] * (cosine * c[j] + sine * s[j])
                if imaginary.size:
                    for j in range(c.size):
                        line[j] -= imaginary[first + j] * (cosine * s[j] - sine * c[j])
