"""Online two-phase learning of small real networks: relax, nudge, update, next sample.

Up to `WIDTH` networks of one topology learn abreast, each in a lane of the vector registers. All
lanes take the same steps until the last one rests; those that rest already wait with the bits that
they have, so that a network learns the same in any company.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from neurosc.ideal.descent import ARMIJO, ROUNDING, SMALLEST_FRACTION
from neurosc.ideal.hessians import PIVOT
from neurosc.ideal.kernels import trig
from neurosc.ideal.kernels.simd import (
    WIDTH,
    Mask,
    Vector,
    aligned,
    get,
    put,
    some,
    spread,
    sqrt,
    where,
)
from neurosc.ideal.kernels.trig import cos_sin
from neurosc.network import FloatArray, IntArray

# Rows are NumPy's integers: for each plain one numba would compile a function of its own.
PART, PINNED, FRAME = np.arange(3)
"""Rows of `Plan.roles`."""
NEAR, EDGE, ENTRY = np.arange(3)
"""Rows of `Plan.edges`."""
OUTPUT, REFERENCE, BETWEEN = np.arange(3)
"""Rows of `Plan.outputs`."""
OMEGA, HR, HI, SH = np.arange(4)
"""Rows of what acts on each free oscillator: frequency, Re h, Im h, second harmonic."""
FR, FI, FS = np.arange(3)
"""Rows of a nudge of strength 1: a field f and second harmonic on the phase of each output."""
HELD, SIZE, ALONG, ACROSS = np.arange(4)
"""Rows of the fixed oscillators: phase, amplitude z, Re z, Im z."""
TRIAL, THETA, STEP, X, TORQUE, INVERSE, FIRST, SECOND = np.array([0, 3, 4, 5, 6, 7, 8, 11])
"""Rows of the work space. TRIAL and both states of a sample have their cosines and sines next."""
ROWS = 14
TRUSTED = 0.25
"""Radians from the first state to the second that its Hessian may foretell."""


class Plan(NamedTuple):
    """The topology; oscillators count in the order of elimination, fixed ones on their own.

    Attributes
    ----------
    fixed
        How many oscillators are fixed.
    kind, scale, inputs
        The sample times `scale` is the phase (kind 0) or amplitude (1) of fixed oscillators, or
        shifts the frequency (2) of free ones; which ones, (inputs,).
    roles
        (3, m): floating part or -1, whether the last of its part, from which its phase is measured.
    first, edges
        Oscillator i has neighbours first[i] ... first[i + 1] - 1, (m + 1,); of each (3, ...) the
        other oscillator, the coupling, and the entry in H or -1 where the other comes later.
    start, row, target
        See `neurosc.ideal.elimination.Pattern`.
    driven
        (2, driven): oscillators and the fixed ones that act on them, by the last couplings.
    outputs
        (3, k): output, its reference or -1, and the entry in H between both.
    """

    fixed: int
    kind: int
    scale: float
    roles: IntArray
    first: IntArray
    edges: IntArray
    start: IntArray
    row: IntArray
    target: IntArray
    driven: IntArray
    outputs: IntArray
    inputs: IntArray


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


class Lanes(NamedTuple):
    """Parameters and work space, last axis `WIDTH`.

    Couplings (edges,), those among free oscillators first; `own` and `acting` (4, m), as learnt and
    as they act on a sample; `fixed` (4, fixed); `nudge` (3, k); `work` (14, m); H (m + entries,),
    its diagonal first, and L (entries,).
    """

    coupling: FloatArray
    own: FloatArray
    acting: FloatArray
    fixed: FloatArray
    nudge: FloatArray
    work: FloatArray
    H: FloatArray
    L: FloatArray

    @classmethod
    def empty(cls, p: Plan) -> Lanes:
        """Room for networks of a topology."""
        m = p.first.size - 1
        return cls(
            aligned(p.edges.shape[1] // 2 + p.driven.shape[1]),
            aligned(4, m),
            aligned(4, m),
            aligned(4, p.fixed),
            aligned(3, p.outputs.shape[1]),
            aligned(ROWS, m),
            aligned(m + p.row.size),
            aligned(p.row.size),
        )


_inner = nb.njit(  # called from `learn` alone, which is cached with them
    nogil=True,
    error_model="numpy",
    fastmath={"contract"},  # in all lanes alike
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    forceinline=True,  # or each call counts the references to all arrays
)


@_inner
def _larger(x: Vector, y: Vector) -> Vector:
    return where(y > x, y, x)


@_inner
def _centre(p: Plan, values: FloatArray, row: int) -> None:
    """Take the mean over each floating part away."""
    m, last = p.first.size - 1, -1
    for i in range(m):
        last = max(last, p.roles[PART, i])
    for part in range(last + 1):
        total, size = spread(0.0), 0
        for i in range(m):
            if p.roles[PART, i] == part:
                total += get(values, (row, i))
                size += 1
        total = total / size
        for i in range(m):
            if p.roles[PART, i] == part:
                put(values, (row, i), get(values, (row, i)) - total)


@_inner
def _strongest(p: Plan, w: Lanes) -> Vector:
    """The largest torque that can act on a free oscillator, 1 at least."""
    work, largest = w.work, spread(1.0)
    for i in range(work.shape[1]):
        hr, hi = get(w.own, (HR, i)), get(w.own, (HI, i))
        total = sqrt(hr * hr + hi * hi)
        for e in range(p.first[i], p.first[i + 1]):
            total += abs(get(w.coupling, p.edges[EDGE, e]))
        put(work, (X, i), total)
    among = len(w.coupling) - p.driven.shape[1]
    for d in range(p.driven.shape[1]):
        i = p.driven[0, d]
        put(work, (X, i), get(work, (X, i)) + abs(get(w.coupling, among + d)))
    for i in range(work.shape[1]):
        largest = _larger(largest, get(work, (X, i)))
    return largest


@_inner
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
    _centre(p, acting, OMEGA)
    for q in range(3):
        for d in range(p.outputs.shape[1]):
            for lane in range(WIDTH):
                w.nudge[q, d, lane] = drives[q, samples[lane], d]


@_inner
def _angle(c: Vector, s: Vector) -> Vector:
    """The direction of (c, s) to 3e-4 rad: near enough to start from."""
    across, along = abs(s), abs(c)
    steep = across > along
    t = where(steep, along, across) / where(steep, across, along)
    q = t * t
    angle = ((-0.0464964749 * q + 0.15931422) * q - 0.327622764) * q * t + t
    angle = where(steep, 0.5 * np.pi - angle, angle)
    angle = where(c < 0.0, np.pi - angle, angle)
    return where(s < 0.0, -angle, angle)


@_inner
def _start(p: Plan, w: Lanes, beta: float, sweeps: int) -> None:
    """Phase 0, or where there is a field each along the pull of those before it.

    The nudge of an output that is measured absolutely is a field, too.
    """
    work, m, strongest = w.work, w.work.shape[1], spread(0.0)
    for i in range(m):
        put(work, (TRIAL + 1, i), 0.0)
        put(work, (TRIAL + 2, i), 0.0)
        put(work, (X, i), get(w.acting, (HR, i)))
        put(work, (STEP, i), get(w.acting, (HI, i)))
    for d in range(p.outputs.shape[1]):
        i = p.outputs[OUTPUT, d]
        if p.outputs[REFERENCE, d] < 0:
            put(work, (X, i), get(work, (X, i)) + beta * get(w.nudge, (FR, d)))
            put(work, (STEP, i), get(work, (STEP, i)) + beta * get(w.nudge, (FI, d)))
    for i in range(m):
        strongest = _larger(strongest, abs(get(work, (X, i))))
        strongest = _larger(strongest, abs(get(work, (STEP, i))))
    pulled = strongest > 0.0
    if some(pulled):
        for _ in range(sweeps):
            for i in range(m):
                _turn(p, w, i)
    for i in range(m):
        c, s = get(work, (TRIAL + 1, i)), get(work, (TRIAL + 2, i))
        heard = pulled & (c * c + s * s > 0.0)
        put(work, (TRIAL, i), where(heard, _angle(c, s), 0.0))


@_inner
def _turn(p: Plan, w: Lanes, i: int) -> None:
    """Turn oscillator i along the pull on it, leading as its frequency wants."""
    work = w.work
    ur, ui = get(work, (X, i)), get(work, (STEP, i))
    for e in range(p.first[i], p.first[i + 1]):
        j, a = p.edges[NEAR, e], get(w.coupling, p.edges[EDGE, e])
        ur += a * get(work, (TRIAL + 1, j))
        ui += a * get(work, (TRIAL + 2, j))
    size = sqrt(ur * ur + ui * ui)
    lead = get(w.acting, (OMEGA, i)) / size
    lead = where(lead > 0.9, 0.9, where(lead < -0.9, -0.9, lead))
    along = sqrt(1.0 - lead * lead)
    c, s = (along * ur - lead * ui) / size, (along * ui + lead * ur) / size
    put(work, (TRIAL + 1, i), where(size > 0.0, c, get(work, (TRIAL + 1, i))))
    put(work, (TRIAL + 2, i), where(size > 0.0, s, get(work, (TRIAL + 2, i))))


@_inner
def _rotors(w: Lanes, state: int) -> None:
    """Cosines and sines of the phases in a row of the work space, into the two that follow."""
    for i in range(w.work.shape[1]):
        c, s = cos_sin(get(w.work, (state, i)))
        put(w.work, (state + 1, i), c)
        put(w.work, (state + 2, i), s)


@_inner
def _evaluate(p: Plan, w: Lanes, beta: float) -> Vector:
    """Torque, and Hessian below and on its diagonal, at the trial; the energy is returned."""
    work, acting, H, m = w.work, w.acting, w.H, w.work.shape[1]
    _rotors(w, TRIAL)
    for e in range(m, len(H)):
        put(H, e, 0.0)
    energy = spread(0.0)
    for i in range(m):
        ci, si = get(work, (TRIAL + 1, i)), get(work, (TRIAL + 2, i))
        push, curve = get(acting, (OMEGA, i)), spread(0.0)
        energy -= push * get(work, (TRIAL, i))
        if p.roles[PART, i] < 0:
            hr, hi, sh = get(acting, (HR, i)), get(acting, (HI, i)), get(acting, (SH, i))
            along, twice = ci * hr + si * hi, ci * ci - si * si
            energy -= along + 0.5 * sh * twice
            push += ci * hi - si * hr - 2.0 * sh * si * ci
            curve = along + 2.0 * sh * twice
        for e in range(p.first[i], p.first[i + 1]):
            j, a = p.edges[NEAR, e], get(w.coupling, p.edges[EDGE, e])
            cj, sj = get(work, (TRIAL + 1, j)), get(work, (TRIAL + 2, j))
            weight = a * (ci * cj + si * sj)
            push += a * (ci * sj - si * cj)
            curve += weight
            if j < i:
                energy -= weight
                put(H, m + p.edges[ENTRY, e], -weight)
        put(work, (TORQUE, i), push)
        put(H, i, curve)
    return energy + beta * _nudge(p, w, TRIAL, beta)


@_inner
def _nudge(p: Plan, w: Lanes, state: int, beta: float) -> Vector:
    """Add a nudge to a torque and to the Hessian; the energy of one of strength 1 is returned."""
    work, H, m, energy = w.work, w.H, w.work.shape[1], spread(0.0)
    for d in range(p.outputs.shape[1]):
        i, j = p.outputs[OUTPUT, d], p.outputs[REFERENCE, d]
        c, s = get(work, (state + 1, i)), get(work, (state + 2, i))
        if j >= 0:
            cj, sj = get(work, (state + 1, j)), get(work, (state + 2, j))
            c, s = c * cj + s * sj, s * cj - c * sj
        fr, fi, fs = get(w.nudge, (FR, d)), get(w.nudge, (FI, d)), get(w.nudge, (FS, d))
        along, twice = fr * c + fi * s, c * c - s * s
        energy -= along + 0.5 * fs * twice
        push = beta * (fi * c - fr * s - 2.0 * fs * s * c)
        weight = beta * (along + 2.0 * fs * twice)
        put(work, (TORQUE, i), get(work, (TORQUE, i)) + push)
        put(H, i, get(H, i) + weight)
        if j >= 0:
            e = m + p.outputs[BETWEEN, d]
            put(work, (TORQUE, j), get(work, (TORQUE, j)) - push)
            put(H, j, get(H, j) + weight)
            put(H, e, get(H, e) - weight)
    return energy


@_inner
def _factorise(p: Plan, w: Lanes) -> Mask:
    """H = L D L^T, with bad pivots replaced; true where there was none.

    The last pivot of a floating part is zero, as its rotation costs nothing, and raised: that one
    stays where it is.
    """
    H, L, m = w.H, w.L, w.work.shape[1]
    largest, t = spread(1e-300), 0
    for i in range(m):
        largest = _larger(largest, abs(get(H, i)))
    positive = largest > 0.0
    for q in range(m):
        pivot = get(H, q)
        if p.roles[PINNED, q]:
            pivot += largest
        good = pivot > PIVOT * largest
        positive = positive & good
        inverse = 1.0 / where(good, pivot, _larger(-pivot, 0.01 * largest))
        put(w.work, (INVERSE, q), inverse)
        for a in range(p.start[q], p.start[q + 1]):
            i, h = p.row[a], get(H, m + a)
            factor = h * inverse
            for b in range(p.start[q], a):
                e = m + p.target[t]
                put(H, e, get(H, e) - factor * get(H, m + b))
                t += 1
            put(H, i, get(H, i) - factor * h)
            put(L, a, factor)
    return positive


@_inner
def _solve(p: Plan, w: Lanes, longest: float) -> Vector:
    """X = H^-1 TORQUE, as long as may be; the size of the full step is returned.

    Every floating part keeps its mean.
    """
    work, m, size = w.work, w.work.shape[1], spread(1e-300)
    for q in range(m):
        put(work, (X, q), get(work, (TORQUE, q)))
    for q in range(m):
        xq = get(work, (X, q))
        for a in range(p.start[q], p.start[q + 1]):
            i = p.row[a]
            put(work, (X, i), get(work, (X, i)) - get(w.L, a) * xq)
    for q in range(m - 1, -1, -1):
        xq = get(work, (X, q)) * get(work, (INVERSE, q))
        for a in range(p.start[q], p.start[q + 1]):
            xq -= get(w.L, a) * get(work, (X, p.row[a]))
        put(work, (X, q), xq)
    _centre(p, w.work, X)
    for q in range(m):
        size = _larger(size, abs(get(work, (X, q))))
    factor = longest / size
    factor = where(factor < 1.0, factor, 1.0)
    for q in range(m):
        put(work, (X, q), factor * get(work, (X, q)))
    return size


@_inner
def _relax(
    p: Plan,
    w: Lanes,
    settings: Settings,
    beta: float,
    energy: Vector,
    slope: Vector,
    moving: Mask,
    limit: Vector,
) -> tuple[Vector, Mask]:
    """Newton steps with an Armijo line search from THETA and its energy, TRIAL to begin with.

    A lane rests once its torque is below `limit`, or its next step is so short that the torque
    left after it is: |F(theta + d)| <= 2 |d|^2 sum_j |J_ij| + ..., by the third derivatives of the
    energy. That last step is left in STEP, and the Hessian before it is what tells a minimum.
    Returns the energy before it and which lanes did not come to rest in one.
    """
    work, m = w.work, w.work.shape[1]
    near, fraction, failed = np.sqrt(0.05 * settings.tolerance), spread(1.0), moving & ~moving
    for _ in range(settings.most + 1):
        reached = _evaluate(p, w, beta)
        rounding = ROUNDING * m * (1.0 + abs(reached))
        new = moving & (reached <= energy - ARMIJO * fraction * slope + rounding)
        residual = spread(0.0)
        for i in range(m):
            residual = _larger(residual, abs(get(work, (TORQUE, i))))
        positive = _factorise(p, w)
        short = positive & (_solve(p, w, settings.longest) <= near)
        rests = new & (short | (residual <= limit))
        energy = where(new, reached, energy)
        fraction = where(new, 1.0, 0.5 * fraction)
        failed = failed | (rests & ~positive) | (moving & (fraction < SMALLEST_FRACTION))
        moving = moving & ~rests & ~failed
        slope = where(new, 0.0, slope)
        for i in range(m):
            here = where(new, get(work, (TRIAL, i)), get(work, (THETA, i)))
            along = where(rests & ~short, 0.0, get(work, (X, i)))
            along = where(new, along, get(work, (STEP, i)))
            put(work, (THETA, i), here)
            put(work, (STEP, i), along)
            put(work, (TRIAL, i), where(moving, here + fraction * along, here))
            slope += where(new, along * get(work, (TORQUE, i)), 0.0)
        if not some(moving):
            break
    return energy, failed | moving


@_inner
def _onward(p: Plan, w: Lanes, settings: Settings, energy: Vector) -> tuple[Vector, Vector]:
    """From the first state towards the second, with the Hessian of the first.

    A step that is long might lead to another minimum than descent from the first state does; that
    lane starts there instead. THETA stays at the point of the Hessian. Returns its energy under the
    second nudge, and the slope along STEP.
    """
    work, more, slope = w.work, settings.betas[1] - settings.betas[0], spread(0.0)
    energy += more * _nudge(p, w, TRIAL, more)
    short = _solve(p, w, settings.longest) <= TRUSTED
    for i in range(work.shape[1]):
        along = where(short, get(work, (X, i)), get(work, (STEP, i)))
        put(work, (STEP, i), along)
        put(work, (TRIAL, i), get(work, (THETA, i)) + along)
        slope += where(short, along * get(work, (TORQUE, i)), 0.0)
    return where(short, energy, np.inf), slope


@_inner
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
    _centre(p, w.work, X)
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


@_inner
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
        limit = settings.tolerance * _strongest(p, w)
        _enter(p, w, x, drives, samples[t])
        _start(p, w, betas[0], settings.sweeps)
        energy, slope = spread(np.inf), spread(0.0)
        locked = limit > 0.0
        for side in range(2):
            if side == 1:
                energy, slope = _onward(p, w, settings, energy)
            energy, failed = _relax(p, w, settings, betas[side], energy, slope, locked, limit)
            locked = locked & ~failed
            for i in range(m):
                end = get(w.work, (THETA, i)) + get(w.work, (STEP, i))
                put(w.work, (SECOND if side else FIRST, i), end)
        _rotors(w, FIRST)
        _rotors(w, SECOND)
        cost, other = _nudge(p, w, FIRST, 0.0), _nudge(p, w, SECOND, 0.0)
        put(costs, t, where(locked, 0.5 * (cost + other) if betas[0] != 0.0 else cost, np.nan))
        _update(p, w, settings, rates[t], locked)
