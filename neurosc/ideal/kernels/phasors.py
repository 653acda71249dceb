"""Layers of phasors that turn, one after the other, until a sample rests: sample by sample."""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np

from neurosc.network import FloatArray, IntArray

PARTS = np.arange(2)
"""Real and imaginary part."""


class Weights(NamedTuple):
    """What the layers after the first feel, and the read-out; in all arrays (2, ...) of parts.

    Attributes
    ----------
    ends
        (layers + 1,): layer k has the units ends[k] to ends[k + 1].
    places
        (layers,): where block k begins in `up` and `down`; that of the first layer is empty.
    up, down
        (2, edges): block after block, W_k^T (units before, units) and W_k (units, units before).
    bias
        (2, units), of all layers but the first, whose is in its drive.
    readout
        (2, classes x units of the last layer), V, row after row; empty without a nudge.
    """

    ends: IntArray
    places: IntArray
    up: FloatArray
    down: FloatArray
    bias: FloatArray
    readout: FloatArray


@nb.njit(cache=True, nogil=True, error_model="numpy")
def descend(
    weights: Weights,
    drive: FloatArray,
    labels: IntArray,
    gamma: float,
    beta: float,
    cold: bool,
    sweeps: int,
    tolerance: float,
    state: FloatArray,
    residual: FloatArray,
) -> None:
    """Turn the rotors `state` (batch, 2, units) until the residual (batch,) is small.

    `drive` (batch, 2, units of the first layer) is W_1 z_0 + b_1. A cold state is filled by a pass
    forwards. The residual counts each layer in units of the last one's strength. A beta of 0 stands
    for no nudge, whatever the labels.
    """
    layers = len(weights.ends) - 1
    last = weights.ends[layers - 1]
    seen = weights.ends[layers] - last
    u = np.empty((2, weights.ends[layers]))
    p = np.empty(weights.readout.shape[1] // seen)
    for sample in range(len(drive)):
        z = state[sample]
        if cold:
            for k in range(layers):
                _pull(weights, drive[sample], z, k, 0.0, u)
                _turn(u, z, weights.ends[k], weights.ends[k + 1])
        for _ in range(sweeps + 1):
            largest, scale = 0.0, gamma ** (1 - layers)
            for k in range(layers):
                _pull(weights, drive[sample], z, k, gamma, u)
                if k + 1 == layers and beta != 0:
                    _nudge(weights.readout, z, last, seen, labels[sample], beta, p, u)
                torque = scale * _torque(u, z, weights.ends[k], weights.ends[k + 1])
                largest = max(largest, torque)
                scale *= gamma
                _turn(u, z, weights.ends[k], weights.ends[k + 1])
            residual[sample] = largest
            if largest <= tolerance:
                break


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _pull(
    weights: Weights, drive: FloatArray, z: FloatArray, k: int, gamma: float, u: FloatArray
) -> None:
    """u of layer k: from below, and gamma times what comes from above."""
    first, last = weights.ends[k], weights.ends[k + 1]
    size = last - first
    for part in PARTS:
        for i in range(size):
            u[part, first + i] = drive[part, i] if k == 0 else weights.bias[part, first + i]
    if k > 0:
        at = weights.places[k]
        for j in range(weights.ends[k - 1], first):
            _add(u, first, weights.up, at, size, z[0, j], z[1, j])
            at += size
    if k + 2 < len(weights.ends) and gamma != 0:
        at = weights.places[k + 1]
        for i in range(last, weights.ends[k + 2]):
            _add_conjugate(u, first, weights.down, at, size, gamma * z[0, i], gamma * z[1, i])
            at += size


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _add(
    u: FloatArray, first: int, w: FloatArray, at: int, size: int, re: float, im: float
) -> None:
    """u += w z, for `size` units from `first` on and as many weights from `at` on."""
    for i in range(size):
        u[0, first + i] += w[0, at + i] * re - w[1, at + i] * im
        u[1, first + i] += w[0, at + i] * im + w[1, at + i] * re


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _add_conjugate(
    u: FloatArray, first: int, w: FloatArray, at: int, size: int, re: float, im: float
) -> None:
    """u += conj(w) z."""
    for i in range(size):
        u[0, first + i] += w[0, at + i] * re + w[1, at + i] * im
        u[1, first + i] += w[0, at + i] * im - w[1, at + i] * re


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _logit(v: FloatArray, at: int, size: int, z: FloatArray, first: int) -> float:
    """Re(v z)."""
    total = 0.0
    for i in range(size):
        total += v[0, at + i] * z[0, first + i] - v[1, at + i] * z[1, first + i]
    return total


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _nudge(
    v: FloatArray,
    z: FloatArray,
    first: int,
    size: int,
    label: int,
    beta: float,
    p: FloatArray,
    u: FloatArray,
) -> None:
    """u -= beta V^H (p - y) for the last layer, which begins at `first`."""
    largest = -math.inf
    for c in range(len(p)):
        p[c] = _logit(v, c * size, size, z, first)
        largest = max(largest, p[c])
    total = 0.0
    for c in range(len(p)):
        p[c] = math.exp(p[c] - largest)
        total += p[c]
    for c in range(len(p)):
        error = p[c] / total - (1.0 if c == label else 0.0)
        _add_conjugate(u, first, v, c * size, size, -beta * error, 0.0)


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _torque(u: FloatArray, z: FloatArray, first: int, last: int) -> float:
    """The largest |Im(conj(z) u)|."""
    largest = 0.0
    for i in range(first, last):
        largest = max(largest, abs(z[0, i] * u[1, i] - z[1, i] * u[0, i]))
    return largest


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _turn(u: FloatArray, z: FloatArray, first: int, last: int) -> None:
    """z = u / |u|; where nothing pulls it stays, which at the beginning is phase 0."""
    for i in range(first, last):
        size = math.sqrt(u[0, i] * u[0, i] + u[1, i] * u[1, i])
        if size > 0:
            z[0, i] = u[0, i] / size
            z[1, i] = u[1, i] / size
