"""Newton descent of batches of small networks, each sample in a lane of the vector registers."""

from __future__ import annotations

import numba as nb
import numpy as np

from neurosc.ideal.kernels.abreast import (
    FR,
    FS,
    HI,
    HR,
    OMEGA,
    OUTPUT,
    PART,
    REFERENCE,
    SH,
    STEP,
    THETA,
    TRIAL,
    Lanes,
    Plan,
    X,
    inner,
    largest,
    pulls,
    relax,
    start,
)  # fmt: skip
from neurosc.ideal.kernels.simd import WIDTH, Vector, get, put, spread, where
from neurosc.network import FloatArray, IntArray

RESTING, SADDLE, MOVING, STUCK = 0, 1, 2, 3
"""How a lane ended."""


@inner
def _strongest(p: Plan, w: Lanes) -> Vector:
    """No torque on an oscillator has second derivatives above four times that."""
    work, acting, nudge, outputs = w.work, w.acting, w.nudge, p.outputs
    pulls(p, w, acting)
    for i in range(work.shape[1]):
        put(work, (X, i), get(work, (X, i)) + abs(get(acting, (SH, i))))
    for d in range(outputs.shape[1]):
        pull = abs(get(nudge, (FR, d))) + abs(get(nudge, (FR + 1, d)))
        pull += 4.0 * abs(get(nudge, (FS, d)))
        for i in (outputs[OUTPUT, d], outputs[REFERENCE, d]):
            put(work, (X, i), get(work, (X, i)) + pull)
    return largest(w, X)


@inner
def _load(lanes: FloatArray, row: int, values: FloatArray, each: IntArray) -> None:
    for i in range(values.shape[1]):
        for k in range(WIDTH):
            lanes[row, i, k] = values[each[k], i]


@inner
def _load_anchors(p: Plan, w: Lanes, row: int, values: FloatArray, each: IntArray) -> None:
    """As `_load`, of what does not act on parts that float."""
    lanes, roles = w.acting, p.roles
    for i in range(values.shape[1]):
        if roles[PART, i] < 0:
            for k in range(WIDTH):
                lanes[row, i, k] = values[each[k], i]


@inner
def _load_couplings(lanes: FloatArray, edges: FloatArray, member: IntArray, each: IntArray) -> None:
    for k in range(WIDTH):
        for e in range(len(lanes)):
            lanes[e, k] = edges[member[each[k]], e]


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def batch_descend(
    p: Plan,
    w: Lanes,
    theta: FloatArray,
    samples: IntArray,
    couplings: tuple[FloatArray, FloatArray],
    member: IntArray,
    acting: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    nudge: tuple[FloatArray, FloatArray, FloatArray],
    limit: FloatArray,
    sweeps: int,
    longest: float,
    max_steps: int,
    residual: FloatArray,
    verdict: IntArray,
) -> None:
    """Relax `samples`, `WIDTH` at a time, from `theta` in place; arrays have the batch first.

    `couplings` are Re J and Im J (members, edges), the latter empty for real networks, `acting`
    frequency, Re h, Im h and second harmonic (batch, m), `nudge` Re f, Im f and second harmonic
    (batch, outputs). With `sweeps` the start is cold. A lane ends at rest, stuck without a step
    downhill, or moving still after `max_steps`; `residual` bounds its largest torque.
    """
    m, each, loaded = theta.shape[1], np.empty(WIDTH, dtype=np.intp), -1
    limits = np.empty((1, 1, WIDTH))
    for first in range(0, samples.size, WIDTH):
        count, shared = min(WIDTH, samples.size - first), True
        for k in range(WIDTH):
            each[k] = samples[first + min(k, count - 1)]
            limits[0, 0, k] = limit[each[k]]
            shared &= member[each[k]] == member[each[0]]
        _load(w.work, THETA, theta, each)
        _load(w.acting, OMEGA, acting[0], each)
        _load_anchors(p, w, HR, acting[1], each)
        _load_anchors(p, w, HI, acting[2], each)
        _load_anchors(p, w, SH, acting[3], each)
        for q in range(3):
            _load(w.nudge, q, nudge[q], each)
        if not shared or member[each[0]] != loaded:
            _load_couplings(w.coupling, couplings[0], member, each)
            _load_couplings(w.imaginary, couplings[1], member, each)
            loaded = member[each[0]] if shared else -1
        if sweeps > 0:
            start(p, w, 0.0, sweeps)
        else:
            for i in range(m):
                put(w.work, (TRIAL, i), get(w.work, (THETA, i)))
        energy, all_lanes = spread(np.inf), spread(1.0) > 0.0
        _, left, rest, saddle, moving = relax(
            p, w, 1.0, energy, spread(0.0), all_lanes, get(limits, (0, 0)),
            _strongest(p, w), longest, max_steps,
        )  # fmt: skip
        for i in range(m):
            step = where(rest, get(w.work, (STEP, i)), 0.0)
            put(w.work, (THETA, i), get(w.work, (THETA, i)) + step)
        put(w.work, (X, 0), left)
        ended = where(saddle, SADDLE, where(rest, RESTING, where(moving, MOVING, STUCK)))
        put(w.work, (STEP, 0), ended)
        for k in range(count):
            residual[each[k]], verdict[each[k]] = w.work[X, 0, k], int(w.work[STEP, 0, k])
            for i in range(m):
                theta[each[k], i] = w.work[THETA, i, k]
