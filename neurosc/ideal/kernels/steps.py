"""Steps in time of a tile of samples: sines, local fields, torques, update.

A tile's arrays are flat. Those of a dense tile run over (oscillators, lanes), one sample a lane,
and X, U over (oscillators, 2, lanes), so that one matrix product does for cos and sin. A sparse
tile is one sample: (1, oscillators), and (1, 2, oscillators). One index loop serves both, with
`rows` and `width` of the tile; the loops are short and many because LLVM vectorises those only.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from neurosc.ideal.kernels.philox import SingleArray, Words, normals
from neurosc.ideal.kernels.trig import cos_sin, cos_sin_single
from neurosc.network import FloatArray

Real = npt.NDArray[Any]
"""float64 or float32; phases are float64 in either precision."""
Indices = npt.NDArray[np.int32]

OF_PROCESS = 40
"""Bits of a step's number; a noise process has its own number above them."""
AT_FIRST = 1 << 39
"""The step of a process's first value, after all that are taken."""


class Coupling(NamedTuple):
    """W = A + iB among the free oscillators, dense or along edges; what is not there is empty.

    The first axis is over harmonics of the interaction, 1 for the phasors themselves.
    """

    A: Real
    """(K, m, m), of a tile whose lanes differ (K, m, m lanes); and B."""
    B: Real
    values: Real
    """CSR: (K, edges), Re W, and Im W on the same edges."""
    imaginary: Real
    indices: Indices
    indptr: Indices

    @property
    def is_sparse(self) -> bool:
        """Whether the edges are used one by one."""
        return self.indptr.size > 0


class Tile(NamedTuple):
    """The state of a tile, its parameters, and room to work; N = rows x width."""

    theta: FloatArray
    """(N,), and `before`, which Heun needs."""
    before: FloatArray
    omega: Real
    """(N,)."""
    hr: Real
    """(K, N), the field on each harmonic, real and imaginary part; (0, N) if all are 0."""
    hi: Real
    harmonic: Real
    """(N,), the second harmonic; empty if all 0."""
    X: Real
    """(2 N,): cos and sin."""
    Y: Real
    """(2 N,): those of multiples of the phases, or of delayed ones; empty without either."""
    U: Real
    """(2 N,): the local field; V is scratch, empty for a real coupling."""
    V: Real
    torque: Real
    block: Words
    """(n,): counters of the noise, four numbers each; `sample` likewise."""
    sample: Words
    scratch: Words
    """(4, n), and the normal numbers, of which the first N count."""
    noise: SingleArray
    wander: FloatArray
    """(P, N): processes that add to the frequency, and `drifted`, (N,), their sum."""
    drifted: FloatArray
    past: Real
    """(steps kept, 2 N): X of the last steps; (0, 2 N) without delays."""
    delay: Indices
    """(K, N): the first axis of the coupling is over taps then, each seen so many steps ago."""
    rows: int
    width: int


class Motion(NamedTuple):
    """d theta = torque dt + sqrt(2 D) dW, kick = sqrt(2 D dt), by Heun or Euler-Maruyama.

    Processes x <- keep x + push xi, (P, lanes), add to the torque. `dt` and `kick` are (lanes,),
    or (1,) for all, and so `key`, (2, n), of each counter. Without `noisy` nothing is drawn and no
    process acts.
    """

    dt: FloatArray
    kick: FloatArray
    keep: FloatArray
    push: FloatArray
    key: Words
    heun: bool
    noisy: bool


@nb.njit(cache=True, nogil=True, error_model="numpy")
def phasors(theta: FloatArray, X: Real, rows: int, width: int) -> None:
    """cos and sin of theta into X."""
    for r in range(rows):
        at, to = r * width, 2 * r * width
        for b in range(width):
            c, s = cos_sin(theta[at + b])
            X[to + b] = c
            X[to + width + b] = s


@nb.njit(cache=True, nogil=True, error_model="numpy")
def phasors_single(theta: FloatArray, X: Real, rows: int, width: int) -> None:
    """As `phasors`, in single precision."""
    for r in range(rows):
        at, to = r * width, 2 * r * width
        for b in range(width):
            c, s = cos_sin_single(theta[at + b])
            X[to + b] = c
            X[to + width + b] = s


@nb.njit(cache=True, nogil=True, error_model="numpy")
def multiply(Y: Real, X: Real, rows: int, width: int) -> None:
    """Phasors Y of a multiple of the phases become those of the next."""
    for r in range(rows):
        x = 2 * r * width
        y = x + width
        for b in range(width):
            c, s = Y[x + b], Y[y + b]
            Y[x + b] = c * X[x + b] - s * X[y + b]
            Y[y + b] = c * X[y + b] + s * X[x + b]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def look_back(past: Real, delay: Indices, step: int, Y: Real, rows: int, width: int) -> None:
    """Phasors of so many steps ago into Y; before the first step all stood still."""
    depth = past.shape[0]
    for r in range(rows):
        at, to = r * width, 2 * r * width
        for b in range(width):
            seen = past[max(step - delay[at + b], 0) % depth]
            Y[to + b] = seen[to + b]
            Y[to + width + b] = seen[to + width + b]


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def each_product(A: Real, X: Real, U: Real, lanes: int) -> None:
    """U = A X with a matrix of its own for each lane, A (m, m lanes), X and U (m, 2 lanes).

    In order, each product fused with its sum, as `np.dot` does on processors with AVX-512.
    """
    m = U.shape[0]
    U[:] = 0.0
    for i in range(m):
        u, v = U[i, :lanes], U[i, lanes:]
        for j in range(m):
            a = A[i, j * lanes : (j + 1) * lanes]
            x, y = X[j, :lanes], X[j, lanes:]
            for b in range(lanes):
                u[b] = u[b] + a[b] * x[b]
                v[b] = v[b] + a[b] * y[b]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def product(A: Real, X: Real, U: Real, lanes: int) -> None:
    """U = A X, by BLAS where the lanes share A."""
    m = A.shape[0]
    if A.shape[1] > m:
        each_product(A, X.reshape(m, -1), U.reshape(m, -1), lanes)
    else:
        np.dot(A, X.reshape(m, -1), U.reshape(m, -1))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def dense_field(A: Real, B: Real, k: int, X: Real, U: Real, V: Real, width: int) -> None:
    """U = (A + iB)(c + is) of harmonic k."""
    m = A.shape[1]
    product(A[k], X, U, width)
    if B.size:
        product(B[k], X, V, width)
        for i in range(m):
            x = 2 * i * width
            y = x + width
            for b in range(width):
                U[x + b] -= V[y + b]
                U[y + b] += V[x + b]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def sparse_field(
    values: Real, imaginary: Real, indices: Indices, indptr: Indices, X: Real, U: Real
) -> None:
    """U = (A + iB)(c + is) along the edges."""
    m = indptr.size - 1
    for i in range(m):
        ur = ui = X.dtype.type(0.0)
        for e in range(indptr[i], indptr[i + 1]):
            ur += values[e] * X[indices[e]]
            ui += values[e] * X[m + indices[e]]
        if imaginary.size:
            for e in range(indptr[i], indptr[i + 1]):
                ur -= imaginary[e] * X[m + indices[e]]
                ui += imaginary[e] * X[indices[e]]
        U[i], U[m + i] = ur, ui


@nb.njit(cache=True, nogil=True, error_model="numpy")
def pull(
    X: Real, U: Real, hr: Real, hi: Real, k: int, base: Real, out: Real, rows: int, width: int
) -> None:
    """base + Im(conj(z) (u + h)); LLVM makes two loops of the one with and without h."""
    field = hr.shape[0] > k
    fr, fi = hr[k * field], hi[k * field]
    for r in range(rows):
        at, x = r * width, 2 * r * width
        y = x + width
        for b in range(width):
            ur, ui = U[x + b], U[y + b]
            if field:
                ur += fr[at + b]
                ui += fi[at + b]
            out[at + b] = base[at + b] + X[x + b] * ui - X[y + b] * ur


@nb.njit(cache=True, nogil=True, error_model="numpy")
def second_harmonic(X: Real, harmonic: Real, out: Real, rows: int, width: int) -> None:
    """-s sin 2 theta, added."""
    for r in range(rows):
        at, x = r * width, 2 * r * width
        for b in range(width):
            product = X[x + b] * X[x + width + b]
            out[at + b] -= harmonic[at + b] * (product + product)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def move(
    theta: FloatArray, torque: Real, dt: FloatArray, noise: SingleArray, kick: FloatArray
) -> None:
    """theta += dt torque + kick noise, of one lane, or of (oscillators, lanes)."""
    lanes = dt.size
    if lanes == 1:
        step, size = dt[0], kick[0]
        for i in range(theta.size):
            theta[i] += step * torque[i] + size * noise[i]
        return
    for r in range(theta.size // lanes):
        at = r * lanes
        for b in range(lanes):
            theta[at + b] += dt[b] * torque[at + b] + kick[b] * noise[at + b]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def average(theta: FloatArray, before: FloatArray) -> None:
    """theta = (before + theta) / 2."""
    for i in range(theta.size):
        theta[i] = 0.5 * (before[i] + theta[i])


@nb.njit(cache=True, nogil=True, error_model="numpy")
def follow(
    x: FloatArray, noise: SingleArray, keep: FloatArray, push: FloatArray, total: FloatArray
) -> None:
    """x <- keep x + push noise, and its part of the total."""
    lanes = keep.size
    if lanes == 1:
        a, b = keep[0], push[0]
        for i in range(x.size):
            x[i] = a * x[i] + b * noise[i]
            total[i] += x[i]
        return
    for r in range(x.size // lanes):
        at = r * lanes
        for b in range(lanes):
            x[at + b] = keep[b] * x[at + b] + push[b] * noise[at + b]
            total[at + b] += x[at + b]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def wander_on(tile: Tile, motion: Motion, step: int) -> None:
    """Bring all processes to the next step; overwrites the normal numbers of the tile."""
    noise, drifted = tile.noise, tile.drifted
    numbers = noise.reshape((4, tile.block.size))
    drifted[:] = 0.0
    for p in range(tile.wander.shape[0]):
        counter = step + ((p + 1) << OF_PROCESS)
        normals(motion.key, counter, tile.block, tile.sample, tile.scratch, numbers)
        follow(tile.wander[p], noise, motion.keep[p], motion.push[p], drifted)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def add(values: FloatArray, out: Real) -> None:
    """out += values."""
    for i in range(out.size):
        out[i] += values[i]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def advance(tile: Tile, coupling: Coupling, motion: Motion, first: int, last: int) -> None:
    """Steps `first` to `last` - 1; the torque at the last evaluation stays in the tile.

    Heun's step is the mean of where it starts and where two Euler steps with the same noise end.
    The arrays are taken out of their tuples once: each access counts references.
    """
    theta, before, X, Y, U, V, torque, noise = (
        tile.theta, tile.before, tile.X, tile.Y, tile.U, tile.V, tile.torque, tile.noise
    )  # fmt: skip
    omega, hr, hi, harmonic = tile.omega, tile.hr, tile.hi, tile.harmonic
    past, delay = tile.past, tile.delay
    block, sample, scratch = tile.block, tile.sample, tile.scratch
    rows, width = tile.rows, tile.width
    A, B = coupling.A, coupling.B
    values, imaginary = coupling.values, coupling.imaginary
    indices, indptr = coupling.indices, coupling.indptr
    dt, kick, heun, key = motion.dt, motion.kick, motion.heun, motion.key
    harmonics = max(A.shape[0], values.shape[0])
    kicked = motion.noisy and kick[0] > 0.0
    wanders = motion.noisy and tile.wander.size > 0
    numbers = noise.reshape((4, block.size))
    for step in range(first, last):
        if heun:
            before[:] = theta
        for stage in range(2 if heun else 1):
            if X.itemsize == 4:
                phasors_single(theta, X, rows, width)
            else:
                phasors(theta, X, rows, width)
            if past.size:
                past[(step + stage) % past.shape[0]] = X
            for k in range(harmonics):
                Z = X
                if past.size:
                    look_back(past, delay[k], step + stage, Y, rows, width)
                    Z = Y
                elif k:
                    if k == 1:
                        Y[:] = X
                    multiply(Y, X, rows, width)
                    Z = Y
                if indptr.size:
                    part = imaginary[k if imaginary.size else 0]
                    sparse_field(values[k], part, indices, indptr, Z, U)
                else:
                    dense_field(A, B, k, Z, U, V, width)
                own = X if past.size else Z
                pull(own, U, hr, hi, k, torque if k else omega, torque, rows, width)
            if harmonic.size:
                second_harmonic(X, harmonic, torque, rows, width)
            if wanders:
                add(tile.drifted, torque)
                if stage == 0:
                    wander_on(tile, motion, step)
            if kicked and stage == 0:
                normals(key, step, block, sample, scratch, numbers)
            move(theta, torque, dt, noise, kick)
        if heun:
            average(theta, before)
