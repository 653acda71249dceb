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


class Coupling(NamedTuple):
    """J = A + iB among the free oscillators, dense or along edges; what is not there is empty."""

    A: Real
    """(m, m), and B."""
    B: Real
    values: Real
    """CSR: Re J, and Im J on the same edges."""
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
    """(N,), as the field's real and imaginary part and the second harmonic (empty if all 0)."""
    hr: Real
    hi: Real
    harmonic: Real
    X: Real
    """(2 N,): cos and sin."""
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
    rows: int
    width: int


class Motion(NamedTuple):
    """d theta = torque dt + sqrt(2 D) dW, kick = sqrt(2 D dt), by Heun or Euler-Maruyama."""

    dt: float
    kick: float
    heun: bool
    key: npt.NDArray[np.uint64]


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
def dense_field(A: Real, B: Real, X: Real, U: Real, V: Real, width: int) -> None:
    """U = (A + iB)(c + is) by BLAS."""
    m = A.shape[0]
    np.dot(A, X.reshape(m, -1), U.reshape(m, -1))
    if B.size:
        np.dot(B, X.reshape(m, -1), V.reshape(m, -1))
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
    X: Real, U: Real, omega: Real, hr: Real, hi: Real, out: Real, rows: int, width: int
) -> None:
    """omega + Im(conj(z) (u + h)); LLVM makes two loops of the one with and without h."""
    field = hr.size > 0
    for r in range(rows):
        at, x = r * width, 2 * r * width
        y = x + width
        for b in range(width):
            ur, ui = U[x + b], U[y + b]
            if field:
                ur += hr[at + b]
                ui += hi[at + b]
            out[at + b] = omega[at + b] + X[x + b] * ui - X[y + b] * ur


@nb.njit(cache=True, nogil=True, error_model="numpy")
def second_harmonic(X: Real, harmonic: Real, out: Real, rows: int, width: int) -> None:
    """-s sin 2 theta, added."""
    for r in range(rows):
        at, x = r * width, 2 * r * width
        for b in range(width):
            product = X[x + b] * X[x + width + b]
            out[at + b] -= harmonic[at + b] * (product + product)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def move(theta: FloatArray, torque: Real, dt: float, noise: SingleArray, kick: float) -> None:
    """theta += dt torque + kick noise."""
    for i in range(theta.size):
        theta[i] += dt * torque[i] + kick * noise[i]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def average(theta: FloatArray, before: FloatArray) -> None:
    """theta = (before + theta) / 2."""
    for i in range(theta.size):
        theta[i] = 0.5 * (before[i] + theta[i])


@nb.njit(cache=True, nogil=True, error_model="numpy")
def advance(tile: Tile, coupling: Coupling, motion: Motion, first: int, last: int) -> None:
    """Steps `first` to `last` - 1; the torque at the last evaluation stays in the tile.

    Heun's step is the mean of where it starts and where two Euler steps with the same noise end.
    The arrays are taken out of their tuples once: each access counts references.
    """
    theta, before, X, U, V, torque, noise = (
        tile.theta, tile.before, tile.X, tile.U, tile.V, tile.torque, tile.noise
    )  # fmt: skip
    omega, hr, hi, harmonic = tile.omega, tile.hr, tile.hi, tile.harmonic
    block, sample, scratch = tile.block, tile.sample, tile.scratch
    rows, width = tile.rows, tile.width
    A, B = coupling.A, coupling.B
    values, imaginary = coupling.values, coupling.imaginary
    indices, indptr = coupling.indices, coupling.indptr
    dt, kick, heun, key = motion.dt, motion.kick, motion.heun, motion.key
    numbers = noise.reshape((4, block.size))
    for step in range(first, last):
        if kick > 0.0:
            normals(key, step, block, sample, scratch, numbers)
        if heun:
            before[:] = theta
        for _ in range(2 if heun else 1):
            if X.itemsize == 4:
                phasors_single(theta, X, rows, width)
            else:
                phasors(theta, X, rows, width)
            if indptr.size:
                sparse_field(values, imaginary, indices, indptr, X, U)
            else:
                dense_field(A, B, X, U, V, width)
            pull(X, U, omega, hr, hi, torque, rows, width)
            if harmonic.size:
                second_harmonic(X, harmonic, torque, rows, width)
            move(theta, torque, dt, noise, kick)
        if heun:
            average(theta, before)
