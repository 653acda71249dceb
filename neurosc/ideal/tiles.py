"""A batch cut into tiles of samples that stay in the cache through all their steps in time."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from neurosc.ideal.delays import Delays
from neurosc.ideal.flicker import Flicker
from neurosc.ideal.packing import LANES, pack
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.threads import one_blas_thread, over_chunks
from neurosc.ideal.tile_couplings import is_shared_order, is_sparse_form, of_lanes
from neurosc.network import FloatArray, IntArray

if TYPE_CHECKING:
    from neurosc.ideal.kernels.steps import Coupling, Motion, Tile

Scheme = Literal["heun", "euler-maruyama"]
Precision = Literal["float64", "float32"]

CACHE_LINE = 64
"""Bytes."""
TASK = 2_000_000
"""Oscillator steps, tens of milliseconds, that are worth the start of a task on a thread."""


@dataclasses.dataclass(frozen=True, eq=False)
class Stepping:
    """How to step: d theta = torque dt + sqrt(2 D) dW.

    Parameters
    ----------
    dt
        (batch,), lengths of a step, in units of time.
    diffusion
        D, in rad^2 per unit of time.
    scheme
        `"heun"`: deterministic order 2, strong 1, weak 2; `"euler-maruyama"`: all 1, half the work.
    precision
        Of sines, products and torques; the phases themselves are kept in double.
    seeds
        Of the noise, one for each member of the problem.
    flicker
        1/f noise of the frequencies, or None.
    delays
        Of the couplings, or None; the problem must be `in_the_laboratory` then.
    """

    dt: FloatArray
    diffusion: float
    scheme: Scheme
    precision: Precision
    seeds: tuple[np.random.SeedSequence, ...]
    flicker: Flicker | None = None
    delays: Delays | None = None

    @property
    def is_noisy(self) -> bool:
        """Whether anything is drawn."""
        return self.diffusion > 0 or self.flicker is not None

    def keys(self) -> npt.NDArray[np.uint32]:
        """(members, 2), of the counters."""
        return np.array([seed.generate_state(2, np.uint32) for seed in self.seeds])


def integrate(
    problem: Reduction, stepping: Stepping, marks: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Phases (batch, k, m), unwrapped, after `marks` (batch, k) steps, and the last torque.

    The frame is the co-rotating one. The marks of a sample increase; a nudge that is feedback acts
    in each stage of a step.
    """
    m, real = len(problem.parts), np.dtype(stepping.precision)
    phases = np.empty((*marks.shape, m))
    torque = np.empty((problem.batch, m))
    keys = stepping.keys()
    with one_blas_thread():
        sparse = is_sparse_form(problem)
        shares = not sparse and len(problem.members) > 1 and is_shared_order(m, real)
        lanes = 1 if sparse else LANES
        tiles = pack(problem.member, marks[:, -1], lanes, shares)

        @lru_cache(maxsize=8)
        def shared(member: int) -> Coupling:
            return of_lanes(problem, [member], real, stepping.delays)

        def run(some: slice) -> None:
            for rows in tiles[some]:
                members = np.unique(problem.member[rows])
                one = shared(int(members[0])) if len(members) == 1 else None
                walk = _Walk(problem, stepping, keys, rows, lanes, one)
                mine = marks[rows]
                for mark in np.unique(mine):
                    walk.to(int(mark))
                    lane, column = np.nonzero(mine == mark)
                    phases[rows[lane], column] = walk.theta.T[lane]
                    ended = np.flatnonzero(mine[:, -1] == mark)
                    if ended.size:
                        torque[rows[ended]] = walk.torque().T[ended]

        work = max(1, int(marks[:, -1].max()) * m * lanes)
        over_chunks(run, len(tiles), -(-TASK // work))
    return phases, torque


class _Walk:
    """One tile on its way: some samples, the last repeated to fill the lanes."""

    def __init__(
        self,
        problem: Reduction,
        stepping: Stepping,
        keys: npt.NDArray[np.uint32],
        rows: IntArray,
        lanes: int,
        coupling: Coupling | None,
    ) -> None:
        self.samples = np.append(rows, np.repeat(rows[-1:], lanes - len(rows)))
        self.feedback = problem.feedback
        real = np.dtype(stepping.precision)
        members = problem.member[self.samples].tolist()
        self.coupling = coupling or of_lanes(problem, members, real, stepping.delays)
        self.shape = (len(problem.parts), lanes)
        self.motion = _motion(problem, stepping, keys, self.samples)
        self.tile = _tile(problem, stepping, self.coupling, self.samples)
        if stepping.flicker is not None:
            stepping.flicker.begin(self.tile, self.motion)
        self.omega = self.tile.omega.reshape(self.shape).copy()
        self.step = 0

    @property
    def theta(self) -> FloatArray:
        """Phases (m, lanes)."""
        return self.tile.theta.reshape(self.shape)

    def torque(self) -> FloatArray:
        """At the present phases without noise, (m, lanes)."""
        self._push()
        none = np.zeros_like(self.motion.dt)
        now = self.step
        self._advance(now, now + 1, dt=none, kick=none, noisy=False, heun=False)
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

        The noise is a function of the step, so the second stage has that of the first; 1/f noise
        has come to its next value, and stays there.
        """
        before = self.tile.theta.copy()
        self._push()
        self._advance(step, step + 1, heun=False)
        if self.motion.heun:
            wander, drifted = self.tile.wander.copy(), self.tile.drifted.copy()
            self._push()
            self._advance(step, step + 1, heun=False)
            self.tile.theta[:] = 0.5 * (before + self.tile.theta)
            self.tile.wander[:], self.tile.drifted[:] = wander, drifted

    def _push(self) -> None:
        if self.feedback is not None:
            rows = self.feedback.rows
            slope = self.feedback.gradient(self.theta.T, self.samples)
            self.tile.omega.reshape(self.shape)[rows] = self.omega[rows] - slope.T


def _motion(
    problem: Reduction, stepping: Stepping, keys: npt.NDArray[np.uint32], samples: IntArray
) -> Motion:
    from neurosc.ideal.kernels.steps import Motion

    dt, none = stepping.dt[samples], np.zeros((0, len(samples)))
    keep, push = (none, none) if stepping.flicker is None else stepping.flicker.steps(dt)
    key, step = keys[problem.member[samples]].T, dt
    if (dt == dt[0]).all():  # a number for all is faster than one for each lane
        step = dt[:1]
    key = key[:, :1] if (key == key[:, :1]).all() else np.tile(key, _blocks(problem))
    return Motion(
        dt=step,
        kick=np.sqrt(2 * stepping.diffusion * step),
        keep=keep,
        push=push,
        key=np.ascontiguousarray(key),
        heun=stepping.scheme == "heun",
        noisy=stepping.is_noisy,
    )


def _blocks(problem: Reduction) -> int:
    """Counters of the noise for each sample, of four oscillators each."""
    return -(-len(problem.parts) // 4)


def _tile(problem: Reduction, stepping: Stepping, coupling: Coupling, samples: IntArray) -> Tile:
    from neurosc.ideal.kernels.steps import Tile

    m, lanes, real = len(problem.parts), len(samples), np.dtype(stepping.precision)
    blocks, size = _blocks(problem), m * lanes
    by_oscillator = (1, size) if coupling.is_sparse else (m, lanes)

    def flat(values: npt.NDArray[Any], dtype: Any = real) -> npt.NDArray[Any]:
        return aligned(size, dtype, values[samples].T)

    none = np.empty(0, real)
    fields = [problem.field[samples], *(h.field[samples] for h in problem.harmonics)]
    field = np.zeros((0, size), dtype=complex)
    if any(part.any() for part in fields):
        field = np.stack([part.T.ravel() for part in fields])
    second = problem.second_harmonic[samples]
    sample = samples - np.searchsorted(problem.member, problem.member[samples])
    counters, processes = blocks * lanes, len(stepping.flicker.times) if stepping.flicker else 0
    return Tile(
        theta=aligned(size, float) if problem.start is None else flat(problem.start, float),
        before=aligned(size, float),
        omega=flat(problem.frequency),
        hr=aligned(field.size, real, field.real.ravel()).reshape(-1, size),
        hi=aligned(field.size, real, field.imag.ravel()).reshape(-1, size),
        harmonic=flat(problem.second_harmonic) if second.any() else none,
        X=aligned(2 * size, real),
        Y=aligned(2 * size if problem.harmonics or stepping.delays else 0, real),
        U=aligned(2 * size, real),
        V=aligned(2 * size if coupling.B.size else 0, real),
        torque=aligned(size, real),
        block=aligned(counters, np.uint32, np.repeat(np.arange(blocks), lanes)),
        sample=aligned(counters, np.uint32, np.tile(sample, blocks)),
        scratch=aligned(4 * counters, np.uint32).reshape(4, -1),
        noise=aligned(4 * counters, np.float32),
        wander=np.zeros((processes, size)),
        drifted=np.zeros(size if processes else 0),
        past=np.zeros((stepping.delays.depth if stepping.delays else 0, 2 * size), real),
        delay=_late(stepping.delays, lanes),
        rows=by_oscillator[0],
        width=by_oscillator[1],
    )


def _late(delays: Delays | None, lanes: int) -> npt.NDArray[np.int32]:
    """The delays of a tile, (taps, m lanes)."""
    taps = np.zeros((0, 0), dtype=np.int32) if delays is None else delays.taps.astype(np.int32)
    return np.repeat(taps, lanes, axis=1)


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
