"""Equilibria of `WIDTH` small networks abreast, each in a lane of the vector registers.

All lanes take the same steps until the last one rests; those that rest already wait with the bits
that they have, so that what a lane computes does not depend on its neighbours.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numba as nb
import numpy as np

from neurosc.ideal.descent import ARMIJO, ROUNDING, SMALLEST_FRACTION
from neurosc.ideal.hessians import PIVOT
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
FIRM = 1e3
"""Times the last step by which pivots exceed what that step can change in the Hessian."""
SUMS = 1e-14
"""Of the strongest torque, to which one is known."""


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


class Lanes(NamedTuple):
    """Parameters and work space, last axis `WIDTH`.

    Couplings (edges,), those among free oscillators first, and their imaginary parts where there
    are any, at the oscillator that is eliminated later; `own` and `acting` (4, m), as learnt and
    as they act on a sample; `fixed` (4, fixed); `nudge` (3, k); `work` (14, m); H (m + entries,),
    its diagonal first, and L (entries,).
    """

    coupling: FloatArray
    imaginary: FloatArray
    own: FloatArray
    acting: FloatArray
    fixed: FloatArray
    nudge: FloatArray
    work: FloatArray
    H: FloatArray
    L: FloatArray

    @classmethod
    def empty(cls, p: Plan, is_complex: bool = False) -> Lanes:
        """Room for networks of a topology."""
        m, among = p.first.size - 1, p.edges.shape[1] // 2
        shapes: list[tuple[int, ...]] = [
            (among + p.driven.shape[1],), (among if is_complex else 0,), (4, m), (4, m),
            (4, p.fixed), (3, p.outputs.shape[1]), (ROWS, m), (m + p.row.size,), (p.row.size,),
        ]  # fmt: skip
        ends = list(itertools.accumulate(math.prod(shape) for shape in shapes))
        block = aligned(ends[-1])
        return cls(
            *(
                block[end - math.prod(shape) : end].reshape(*shape, WIDTH)
                for shape, end in zip(shapes, ends, strict=True)
            )
        )


# Arrays are taken out of named tuples before loops, or their references are counted there.
inner = nb.njit(  # not cached, as the loops that call them are
    nogil=True,
    error_model="numpy",
    fastmath={"contract"},  # in all lanes alike
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    forceinline=True,  # or each call counts the references to all arrays
)


@inner
def larger(x: Vector, y: Vector) -> Vector:
    return where(y > x, y, x)


@inner
def largest(w: Lanes, row: int) -> Vector:
    """The largest modulus in a row of the work space."""
    work, size = w.work, spread(0.0)
    for i in range(work.shape[1]):
        size = larger(size, abs(get(work, (row, i))))
    return size


@inner
def pulls(p: Plan, w: Lanes, fields: FloatArray) -> None:
    """The largest torques that couplings among free oscillators and fields can exert, into X."""
    work, coupling, imaginary, first, edges = w.work, w.coupling, w.imaginary, p.first, p.edges
    for i in range(work.shape[1]):
        hr, hi = get(fields, (HR, i)), get(fields, (HI, i))
        total = sqrt(hr * hr + hi * hi)
        for e in range(first[i], first[i + 1]):
            total += abs(get(coupling, edges[EDGE, e]))
            if len(imaginary):
                total += abs(get(imaginary, edges[EDGE, e]))
        put(work, (X, i), total)


@inner
def centre(p: Plan, values: FloatArray, row: int) -> None:
    """Take the mean over each floating part away."""
    m, last, roles = p.first.size - 1, -1, p.roles
    for i in range(m):
        last = max(last, roles[PART, i])
    for part in range(last + 1):
        total, size = spread(0.0), 0
        for i in range(m):
            if roles[PART, i] == part:
                total += get(values, (row, i))
                size += 1
        total = total / size
        for i in range(m):
            if roles[PART, i] == part:
                put(values, (row, i), get(values, (row, i)) - total)


@inner
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


@inner
def start(p: Plan, w: Lanes, beta: float, sweeps: int) -> None:
    """Phase 0, or where there is a field each along the pull of those before it.

    The nudge of an output that is measured absolutely is a field, too.
    """
    work, m, strongest = w.work, w.work.shape[1], spread(0.0)
    acting, outputs, nudges = w.acting, p.outputs, w.nudge
    for i in range(m):
        put(work, (TRIAL + 1, i), 0.0)
        put(work, (TRIAL + 2, i), 0.0)
        put(work, (X, i), get(acting, (HR, i)))
        put(work, (STEP, i), get(acting, (HI, i)))
    for d in range(outputs.shape[1]):
        i = outputs[OUTPUT, d]
        if outputs[REFERENCE, d] < 0:
            put(work, (X, i), get(work, (X, i)) + beta * get(nudges, (FR, d)))
            put(work, (STEP, i), get(work, (STEP, i)) + beta * get(nudges, (FI, d)))
    for i in range(m):
        strongest = larger(strongest, abs(get(work, (X, i))))
        strongest = larger(strongest, abs(get(work, (STEP, i))))
    pulled = strongest > 0.0
    if some(pulled):
        for _ in range(sweeps):
            _sweep(p, w)
    for i in range(m):
        c, s = get(work, (TRIAL + 1, i)), get(work, (TRIAL + 2, i))
        heard = pulled & (c * c + s * s > 0.0)
        put(work, (TRIAL, i), where(heard, _angle(c, s), 0.0))


@inner
def _sweep(p: Plan, w: Lanes) -> None:
    """Turn each oscillator in order along the pull on it, leading as its frequency wants."""
    work, acting, coupling, imaginary = w.work, w.acting, w.coupling, w.imaginary
    first, edges = p.first, p.edges
    for i in range(work.shape[1]):
        ur, ui = get(work, (X, i)), get(work, (STEP, i))
        for e in range(first[i], first[i + 1]):
            j, k = edges[NEAR, e], edges[EDGE, e]
            a, c, s = get(coupling, k), get(work, (TRIAL + 1, j)), get(work, (TRIAL + 2, j))
            ur += a * c
            ui += a * s
            if len(imaginary):
                b = get(imaginary, k)
                b = b if j < i else -b
                ur -= b * s
                ui += b * c
        size = sqrt(ur * ur + ui * ui)
        lead = get(acting, (OMEGA, i)) / size
        lead = where(lead > 0.9, 0.9, where(lead < -0.9, -0.9, lead))
        along = sqrt(1.0 - lead * lead)
        c, s = (along * ur - lead * ui) / size, (along * ui + lead * ur) / size
        put(work, (TRIAL + 1, i), where(size > 0.0, c, get(work, (TRIAL + 1, i))))
        put(work, (TRIAL + 2, i), where(size > 0.0, s, get(work, (TRIAL + 2, i))))


@inner
def rotors(w: Lanes, state: int) -> None:
    """Cosines and sines of the phases in a row of the work space, into the two that follow."""
    work = w.work
    for i in range(work.shape[1]):
        c, s = cos_sin(get(work, (state, i)))
        put(work, (state + 1, i), c)
        put(work, (state + 2, i), s)


@inner
def evaluate(p: Plan, w: Lanes, beta: float) -> Vector:
    """Torque, and Hessian below and on its diagonal, at the trial; the energy is returned."""
    work, acting, H, m = w.work, w.acting, w.H, w.work.shape[1]
    coupling, imaginary = w.coupling, w.imaginary
    roles, first, edges = p.roles, p.first, p.edges
    rotors(w, TRIAL)
    for e in range(m, len(H)):
        put(H, e, 0.0)
    energy = spread(0.0)
    for i in range(m):
        ci, si = get(work, (TRIAL + 1, i)), get(work, (TRIAL + 2, i))
        push, curve = get(acting, (OMEGA, i)), spread(0.0)
        energy -= push * get(work, (TRIAL, i))
        if roles[PART, i] < 0:
            hr, hi, sh = get(acting, (HR, i)), get(acting, (HI, i)), get(acting, (SH, i))
            along, twice = ci * hr + si * hi, ci * ci - si * si
            energy -= along + 0.5 * sh * twice
            push += ci * hi - si * hr - 2.0 * sh * si * ci
            curve = along + 2.0 * sh * twice
        put(work, (TORQUE, i), push)
        put(H, i, curve)
    for i in range(m):
        ci, si = get(work, (TRIAL + 1, i)), get(work, (TRIAL + 2, i))
        push, curve = get(work, (TORQUE, i)), get(H, i)
        for e in range(first[i], first[i + 1]):
            j, k = edges[NEAR, e], edges[EDGE, e]
            if j > i:
                break
            cj, sj, a = get(work, (TRIAL + 1, j)), get(work, (TRIAL + 2, j)), get(coupling, k)
            along, across = ci * cj + si * sj, ci * sj - si * cj
            weight, pull = a * along, a * across
            if len(imaginary):
                b = get(imaginary, k)
                weight -= b * across
                pull += b * along
            energy -= weight
            push += pull
            curve += weight
            put(work, (TORQUE, j), get(work, (TORQUE, j)) - pull)
            put(H, j, get(H, j) + weight)
            put(H, m + edges[ENTRY, e], -weight)
        put(work, (TORQUE, i), push)
        put(H, i, curve)
    return energy + beta * nudge(p, w, TRIAL, beta)


@inner
def nudge(p: Plan, w: Lanes, state: int, beta: float) -> Vector:
    """Add a nudge to a torque and to the Hessian; the energy of one of strength 1 is returned."""
    work, H, m, energy = w.work, w.H, w.work.shape[1], spread(0.0)
    outputs, acting = p.outputs, w.nudge
    for d in range(outputs.shape[1]):
        i, j = outputs[OUTPUT, d], outputs[REFERENCE, d]
        c, s = get(work, (state + 1, i)), get(work, (state + 2, i))
        if j >= 0:
            cj, sj = get(work, (state + 1, j)), get(work, (state + 2, j))
            c, s = c * cj + s * sj, s * cj - c * sj
        fr, fi, fs = get(acting, (FR, d)), get(acting, (FI, d)), get(acting, (FS, d))
        along, twice = fr * c + fi * s, c * c - s * s
        energy -= along + 0.5 * fs * twice
        push = beta * (fi * c - fr * s - 2.0 * fs * s * c)
        weight = beta * (along + 2.0 * fs * twice)
        put(work, (TORQUE, i), get(work, (TORQUE, i)) + push)
        put(H, i, get(H, i) + weight)
        if j >= 0:
            e = m + outputs[BETWEEN, d]
            put(work, (TORQUE, j), get(work, (TORQUE, j)) - push)
            put(H, j, get(H, j) + weight)
            put(H, e, get(H, e) - weight)
    return energy


@inner
def factorise(p: Plan, w: Lanes) -> tuple[Mask, Vector]:
    """H = L D L^T, with bad pivots replaced; true where there was none, and the least pivot.

    The last pivot of a floating part is zero, as its rotation costs nothing, and raised: that one
    stays where it is.
    """
    H, L, work, m = w.H, w.L, w.work, w.work.shape[1]
    roles, first, row, target = p.roles, p.start, p.row, p.target
    largest, t = spread(1e-300), 0
    for i in range(m):
        largest = larger(largest, abs(get(H, i)))
    positive, least = largest > 0.0, largest
    for q in range(m):
        pivot = get(H, q)
        if roles[PINNED, q]:
            pivot += largest
        good = pivot > PIVOT * largest
        positive = positive & good
        least = where(pivot < least, pivot, least)
        inverse = 1.0 / where(good, pivot, larger(-pivot, 0.01 * largest))
        put(work, (INVERSE, q), inverse)
        for a in range(first[q], first[q + 1]):
            i, h = row[a], get(H, m + a)
            factor = h * inverse
            for b in range(first[q], a):
                e = m + target[t]
                put(H, e, get(H, e) - factor * get(H, m + b))
                t += 1
            put(H, i, get(H, i) - factor * h)
            put(L, a, factor)
    return positive, least


@inner
def solve(p: Plan, w: Lanes, longest: float) -> Vector:
    """X = H^-1 TORQUE, as long as may be; the size of the full step is returned.

    Every floating part keeps its mean.
    """
    work, L, m, size = w.work, w.L, w.work.shape[1], spread(1e-300)
    first, row = p.start, p.row
    for q in range(m):
        put(work, (X, q), get(work, (TORQUE, q)))
    for q in range(m):
        xq = get(work, (X, q))
        for a in range(first[q], first[q + 1]):
            i = row[a]
            put(work, (X, i), get(work, (X, i)) - get(L, a) * xq)
    for q in range(m - 1, -1, -1):
        xq = get(work, (X, q)) * get(work, (INVERSE, q))
        for a in range(first[q], first[q + 1]):
            xq -= get(L, a) * get(work, (X, row[a]))
        put(work, (X, q), xq)
    centre(p, work, X)
    size = larger(size, largest(w, X))
    factor = longest / size
    factor = where(factor < 1.0, factor, 1.0)
    for q in range(m):
        put(work, (X, q), factor * get(work, (X, q)))
    return size


@inner
def relax(
    p: Plan,
    w: Lanes,
    beta: float,
    energy: Vector,
    slope: Vector,
    moving: Mask,
    limit: Vector,
    strongest: Vector,
    longest: float,
    most: int,
) -> tuple[Vector, Vector, Mask, Mask, Mask]:
    """Newton steps with an Armijo line search from THETA and its energy, TRIAL to begin with.

    A lane rests once its torque is below `limit`, or its next step d is so short that the torque
    after it is: |F(theta + d)| <= 2 |d|^2 `strongest`, by the third derivatives of the energy.
    That last step is left in STEP, and not evaluated: the Hessian before it tells a minimum, with
    pivots that it cannot turn. Returns the energy before it, the torque that is left, and which
    lanes rest, which of them on no minimum, and which still move.
    """
    work, m, fraction = w.work, w.work.shape[1], spread(1.0)
    rest = saddle = moving & ~moving
    left = spread(np.inf)
    for _ in range(most + 1):
        reached = evaluate(p, w, beta)
        rounding = ROUNDING * m * (1.0 + abs(reached))
        new = moving & (reached <= energy - ARMIJO * fraction * slope + rounding)
        residual = largest(w, TORQUE)
        positive, least = factorise(p, w)
        size = solve(p, w, longest)
        bound = (2.0 * size * size + SUMS) * strongest
        short = positive & (bound <= 0.1 * limit) & (least > FIRM * size * strongest)
        rests = new & (short | (residual <= limit))
        rest, saddle = rest | rests, saddle | (rests & ~positive)
        energy = where(new, reached, energy)
        left = where(new, where(short, bound, residual), left)
        fraction = where(new, 1.0, 0.5 * fraction)
        moving = moving & ~rests & ~(fraction < SMALLEST_FRACTION)
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
    return energy, left, rest, saddle, moving
