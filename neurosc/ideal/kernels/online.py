"""Online two-phase learning of small real networks: relax, nudge, update, next sample.

Up to `WIDTH` networks of one topology learn abreast; a network learns the same in any company.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from neurosc.ideal.kernels import trig
from neurosc.ideal.kernels.abreast import (
    ACROSS,
    ALONG,
    EDGE,
    FIRST,
    FRAME,
    HELD,
    HI,
    HR,
    NEAR,
    OMEGA,
    PART,
    SECOND,
    SH,
    SIZE,
    STEP,
    THETA,
    TORQUE,
    TRIAL,
    Lanes,
    Plan,
    X,
    centre,
    inner,
    larger,
    largest,
    nudge,
    pulls,
    relax,
    rotors,
    solve,
    start,
)
from neurosc.ideal.kernels.simd import WIDTH, Mask, Vector, get, put, spread, where
from neurosc.ideal.kernels.trig import cos_sin
from neurosc.network import FloatArray, IntArray

__all__ = ["Lanes", "Plan", "Settings", "learn"]

TRUSTED = 0.25
"""Radians from the first state to the second that its Hessian may foretell."""


class Settings(NamedTuple):
    """Settings of a run.

    Both nudges; which of coupling, frequency, field and second harmonic learn, 0 or 1; and those of
    a relaxation.
    """

    betas: tuple[float, float]
    learn: tuple[float, float, float, float]
    tolerance: float
    longest: float
    most: int
    sweeps: int


@inner
def _strongest(p: Plan, w: Lanes) -> Vector:
    """The largest torque that can act on a free oscillator, 1 at least."""
    pulls(p, w, w.own)
    among = len(w.coupling) - p.driven.shape[1]
    for d in range(p.driven.shape[1]):
        i = p.driven[0, d]
        put(w.work, (X, i), get(w.work, (X, i)) + abs(get(w.coupling, among + d)))
    return larger(spread(1.0), largest(w, X))


@inner
def _enter(p: Plan, w: Lanes, x: FloatArray, drives: FloatArray, samples: IntArray) -> None:
    """What acts on the free oscillators as each lane sees its sample, and its nudge."""
    acting = w.acting
    for q in range(4):
        for i in range(acting.shape[1]):
            put(acting, (q, i), get(w.own, (q, i)))
    for k in range(p.inputs.size):
        for lane in range(WIDTH):
            value = p.scale * x[samples[lane], k]
            if p.kind == 2:
                acting[OMEGA, p.inputs[k], lane] += value
            else:
                w.fixed[p.kind, p.inputs[k], lane] = value
    for b in range(w.fixed.shape[1]):
        c, s = cos_sin(get(w.fixed, (HELD, b)))
        put(w.fixed, (ALONG, b), get(w.fixed, (SIZE, b)) * c)
        put(w.fixed, (ACROSS, b), get(w.fixed, (SIZE, b)) * s)
    among = len(w.coupling) - p.driven.shape[1]
    for d in range(p.driven.shape[1]):
        i, b, a = p.driven[0, d], p.driven[1, d], get(w.coupling, among + d)
        put(acting, (HR, i), get(acting, (HR, i)) + a * get(w.fixed, (ALONG, b)))
        put(acting, (HI, i), get(acting, (HI, i)) + a * get(w.fixed, (ACROSS, b)))
    centre(p, acting, OMEGA)
    for q in range(3):
        for d in range(p.outputs.shape[1]):
            for lane in range(WIDTH):
                w.nudge[q, d, lane] = drives[q, samples[lane], d]


@inner
def _onward(p: Plan, w: Lanes, settings: Settings, energy: Vector) -> tuple[Vector, Vector]:
    """From the first state towards the second, with the Hessian of the first.

    A step that is long might lead to another minimum than descent from the first state does; that
    lane starts there instead. THETA stays at the point of the Hessian. Returns its energy under the
    second nudge, and the slope along STEP.
    """
    work, more, slope = w.work, settings.betas[1] - settings.betas[0], spread(0.0)
    energy += more * nudge(p, w, TRIAL, more)
    short = solve(p, w, settings.longest) <= TRUSTED
    for i in range(work.shape[1]):
        along = where(short, get(work, (X, i)), get(work, (STEP, i)))
        put(work, (STEP, i), along)
        put(work, (TRIAL, i), get(work, (THETA, i)) + along)
        slope += where(short, along * get(work, (TORQUE, i)), 0.0)
    return where(short, energy, np.inf), slope


@inner
def _update(p: Plan, w: Lanes, settings: Settings, rate: float, locked: Mask) -> None:
    """p <- p - rate [dE/dp(second state) - dE/dp(first state)] / (beta_2 - beta_1)."""
    coupling, own, work, learn, m = w.coupling, w.own, w.work, settings.learn, w.work.shape[1]
    rate = rate / (settings.betas[1] - settings.betas[0])
    among = len(coupling) - p.driven.shape[1]
    for i in range(m):
        f = p.roles[FRAME, i]
        by = get(work, (FIRST, i)) - get(work, (SECOND, i))
        if f >= 0:
            by -= get(work, (FIRST, f)) - get(work, (SECOND, f))
        turns = (by * (0.5 / np.pi) + trig.ROUNDING) - trig.ROUNDING
        put(work, (X, i), by - 2.0 * np.pi * turns)
    centre(p, w.work, X)
    for i in range(m):
        c, s, c1, s1 = (
            get(work, (SECOND + 1, i)), get(work, (SECOND + 2, i)),
            get(work, (FIRST + 1, i)), get(work, (FIRST + 2, i)),
        )  # fmt: skip
        for e in range(p.first[i], p.first[i + 1]):
            j, k = p.edges[NEAR, e], p.edges[EDGE, e]
            if j < i:
                change = c1 * get(work, (FIRST + 1, j)) + s1 * get(work, (FIRST + 2, j))
                change -= c * get(work, (SECOND + 1, j)) + s * get(work, (SECOND + 2, j))
                put(coupling, k, get(coupling, k) - _step(rate * learn[0], change, locked))
        turn = _step(rate * learn[1], get(work, (X, i)), locked)
        put(own, (OMEGA, i), get(own, (OMEGA, i)) - turn)
        if p.roles[PART, i] < 0:
            put(own, (HR, i), get(own, (HR, i)) - _step(rate * learn[2], c1 - c, locked))
            put(own, (HI, i), get(own, (HI, i)) - _step(rate * learn[2], s1 - s, locked))
            twice = c1 * c1 - c * c  # (cos 2 first - cos 2 second) / 2
            put(own, (SH, i), get(own, (SH, i)) - _step(rate * learn[3], twice, locked))
    for d in range(p.driven.shape[1]):
        i, b, k = p.driven[0, d], p.driven[1, d], among + d
        change = (get(work, (FIRST + 1, i)) - get(work, (SECOND + 1, i))) * get(w.fixed, (ALONG, b))
        change += (get(work, (FIRST + 2, i)) - get(work, (SECOND + 2, i))) * get(
            w.fixed, (ACROSS, b)
        )
        put(coupling, k, get(coupling, k) - _step(rate * learn[0], change, locked))


@inner
def _step(rate: float, change: Vector, locked: Mask) -> Vector:
    return where(locked, rate * change, 0.0)


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def learn(
    p: Plan,
    w: Lanes,
    settings: Settings,
    x: FloatArray,
    drives: FloatArray,
    samples: IntArray,
    rates: FloatArray,
    costs: FloatArray,
) -> None:
    """One update for each row of `samples` (updates, WIDTH), with its own rate.

    Learns `coupling` and `own` of the lanes. `x` (m, inputs) are all
    samples and `drives` (3, m, k) their nudges. The energy of a nudge of strength 1 goes to `costs`
    (updates, WIDTH), the mean of both states where both are nudged, or NaN where a sample did not
    lock, which changes nothing.
    """
    m, betas = w.work.shape[1], settings.betas
    w.fixed[SIZE] = 1.0
    for t in range(len(samples)):
        strongest = _strongest(p, w)
        limit = settings.tolerance * strongest
        _enter(p, w, x, drives, samples[t])
        start(p, w, betas[0], settings.sweeps)
        energy, slope = spread(np.inf), spread(0.0)
        locked = limit > 0.0
        for side in range(2):
            if side == 1:
                energy, slope = _onward(p, w, settings, energy)
            energy, _, rest, saddle, _ = relax(
                p, w, betas[side], energy, slope, locked, limit, strongest,
                settings.longest, settings.most,
            )  # fmt: skip
            locked = rest & ~saddle
            for i in range(m):
                end = get(w.work, (THETA, i)) + get(w.work, (STEP, i))
                put(w.work, (SECOND if side else FIRST, i), end)
        rotors(w, FIRST)
        rotors(w, SECOND)
        cost, other = nudge(p, w, FIRST, 0.0), nudge(p, w, SECOND, 0.0)
        put(costs, t, where(locked, 0.5 * (cost + other) if betas[0] != 0.0 else cost, np.nan))
        _update(p, w, settings, rates[t], locked)
