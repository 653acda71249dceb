"""A batch cut into tiles of samples that stay in the cache through all their steps in time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.ideal.reduction import Reduction
from neurosc.ideal.threads import one_blas_thread, over_chunks
from neurosc.network import FloatArray
from neurosc.parameters import is_sparse

if TYPE_CHECKING:
    from neurosc.ideal.kernels.steps import Coupling, Motion, Tile

Scheme = Literal["heun", "euler-maruyama"]
Precision = Literal["float64", "float32"]

LANES = 64
"""Samples of a dense tile, the last one padded: a matrix product of always one shape gives bits
that do not depend on the batch."""
CACHE_LINE = 64
"""Bytes."""
TASK = 2_000_000
"""Oscillator steps, tens of milliseconds, that are worth the start of a task on a thread."""
EDGE_PRICE = 10
"""Entries that BLAS multiplies in the time of one edge of a sparse product."""


@dataclasses.dataclass(frozen=True)
class Stepping:
    """How to step: d theta = torque dt + sqrt(2 D) dW.

    Parameters
    ----------
    dt
        Length of a step, in units of time.
    diffusion
        D, in rad^2 per unit of time.
    scheme
        `"heun"`: deterministic order 2, strong 1, weak 2; `"euler-maruyama"`: all 1, half the work.
    precision
        Of sines, products and torques; the phases themselves are kept in double.
    seed
        Of the noise.
    """

    dt: float
    diffusion: float
    scheme: Scheme
    precision: Precision
    seed: np.random.SeedSequence

    def motion(self) -> Motion:
        """As the kernels see it."""
        from neurosc.ideal.kernels.steps import Motion

        return Motion(
            float(self.dt),
            float(np.sqrt(2 * self.diffusion * self.dt)),
            self.scheme == "heun",
            self.seed.generate_state(2, np.uint32).astype(np.uint64),
        )


def integrate(
    problem: Reduction, stepping: Stepping, marks: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    """Phases (batch, len(marks), m), unwrapped, after `marks` steps, and the last torque.

    The frame is the co-rotating one. `marks` increase; a nudge that is feedback acts in each
    stage of a step.
    """
    coupling = _coupling(problem.edges, np.dtype(stepping.precision))
    lanes = 1 if coupling.is_sparse else LANES
    m = len(problem.parts)
    phases = np.empty((problem.batch, len(marks), m))
    torque = np.empty((problem.batch, m))

    motion = stepping.motion()

    def run(rows: slice) -> None:
        for first in range(rows.start, rows.stop, lanes):
            walk = _Walk(problem, coupling, motion, first, lanes)
            mine = slice(first, min(first + lanes, rows.stop))
            for k, mark in enumerate(marks):
                walk.to(mark)
                phases[mine, k] = walk.theta.T[: mine.stop - first]
            torque[mine] = walk.torque().T[: mine.stop - first]

    tiles_a_task = -(-TASK // max(1, marks[-1] * m * lanes))
    with one_blas_thread():
        over_chunks(run, problem.batch, tiles_a_task * lanes)
    return phases, torque


class _Walk:
    """One tile on its way: samples `first` to `first` + `lanes` - 1, the last repeated."""

    def __init__(
        self, problem: Reduction, coupling: Coupling, motion: Motion, first: int, lanes: int
    ) -> None:
        self.coupling, self.motion, self.feedback = coupling, motion, problem.feedback
        self.samples = np.minimum(np.arange(first, first + lanes), problem.batch - 1)
        self.shape = (len(problem.parts), lanes)
        self.tile = _tile(problem, coupling, self.samples, first)
        self.omega = self.tile.omega.reshape(self.shape).copy()
        self.step = 0

    @property
    def theta(self) -> FloatArray:
        """Phases (m, lanes)."""
        return self.tile.theta.reshape(self.shape)

    def torque(self) -> FloatArray:
        """At the present phases, (m, lanes)."""
        self._push()
        self._advance(0, 1, dt=0.0, kick=0.0, heun=False)
        return np.asarray(self.tile.torque.reshape(self.shape), dtype=np.float64)

    def to(self, step: int) -> None:
        """Go on to the state after `step` steps in all."""
        if self.feedback is None:
            self._advance(self.step, step)
        else:
            for k in range(self.step, step):
                self._fed_back(k)
        self.step = step

    def _advance(self, first: int, last: int, **changes: Any) -> None:
        from neurosc.ideal.kernels.steps import advance

        advance(self.tile, self.coupling, self.motion._replace(**changes), first, last)

    def _fed_back(self, step: int) -> None:
        """Heun's step or Euler's, with the nudge renewed before each stage.

        The noise is a function of the step, so the second stage has that of the first.
        """
        before = self.tile.theta.copy()
        for _ in range(2 if self.motion.heun else 1):
            self._push()
            self._advance(step, step + 1, heun=False)
        if self.motion.heun:
            self.tile.theta[:] = 0.5 * (before + self.tile.theta)

    def _push(self) -> None:
        if self.feedback is not None:
            rows = self.feedback.rows
            slope = self.feedback.gradient(self.theta.T, self.samples)
            self.tile.omega.reshape(self.shape)[rows] = self.omega[rows] - slope.T


def _coupling(edges: Any, real: np.dtype[Any]) -> Coupling:
    """The couplings in the form that multiplies faster: it depends on the network alone."""
    from neurosc.ideal.kernels.steps import Coupling

    m = edges.shape[0]
    flat, square = np.zeros(0, dtype=real), np.zeros((0, 0), dtype=real)
    if is_sparse(edges) and edges.nnz * EDGE_PRICE < m * m:
        rows = scipy.sparse.csr_array(edges)
        indices, indptr = rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
        return Coupling(square, square, *_split(rows.data, real), indices, indptr)
    dense = edges.toarray() if is_sparse(edges) else edges
    none = np.zeros(0, dtype=np.int32)
    return Coupling(*_split(dense, real), flat, flat, none, none)


def _split(values: npt.NDArray[Any], real: np.dtype[Any]) -> tuple[FloatArray, FloatArray]:
    """Real and imaginary part; the latter is empty where there is none."""
    imaginary = values.imag if np.iscomplexobj(values) else np.zeros((0,) * values.ndim)
    return values.real.astype(real, order="C"), imaginary.astype(real, order="C")


def _tile(
    problem: Reduction, coupling: Coupling, samples: npt.NDArray[np.intp], first: int
) -> Tile:
    from neurosc.ideal.kernels.steps import Tile

    m, lanes, real = len(problem.parts), len(samples), coupling.A.dtype
    blocks, size = -(-m // 4), m * lanes
    by_oscillator = (1, size) if coupling.is_sparse else (m, lanes)

    def flat(values: npt.NDArray[Any], dtype: Any = real) -> npt.NDArray[Any]:
        return aligned(size, dtype, values[samples].T)

    none = np.empty(0, real)
    field, second = problem.field[samples].any(), problem.second_harmonic[samples]
    block = np.repeat(np.arange(blocks), lanes)
    sample = np.tile(np.arange(first, first + lanes), blocks)
    return Tile(
        theta=aligned(size, float) if problem.start is None else flat(problem.start, float),
        before=aligned(size, float),
        omega=flat(problem.frequency),
        hr=flat(problem.field.real) if field else none,
        hi=flat(problem.field.imag) if field else none,
        harmonic=flat(problem.second_harmonic) if second.any() else none,
        X=aligned(2 * size, real),
        U=aligned(2 * size, real),
        V=aligned(2 * size if coupling.B.size else 0, real),
        torque=aligned(size, real),
        block=aligned(block.size, np.uint32, block),
        sample=aligned(block.size, np.uint32, sample),
        scratch=aligned(4 * block.size, np.uint32).reshape(4, -1),
        noise=aligned(4 * block.size, np.float32),
        rows=by_oscillator[0],
        width=by_oscillator[1],
    )


def aligned(size: int, dtype: Any, values: npt.ArrayLike = 0) -> npt.NDArray[Any]:
    """A flat array of `values` in memory at a multiple of a cache line.

    Of small matrices BLAS multiplies the rows where they lie, at 2/3 of the speed if each load
    touches two lines.
    """
    bytes_ = np.dtype(dtype).itemsize * size
    room = np.empty(bytes_ + CACHE_LINE, np.uint8)
    shift = -room.ctypes.data % CACHE_LINE
    array: npt.NDArray[Any] = room[shift : shift + bytes_].view(dtype)
    array.reshape(np.shape(values) or size)[...] = values
    return array
