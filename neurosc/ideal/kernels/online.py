"""Online two-phase learning of one small real network: relax, nudge, update, next sample."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from neurosc.ideal.descent import ARMIJO, ROUNDING, SMALLEST_FRACTION
from neurosc.ideal.hessians import PIVOT
from neurosc.ideal.kernels.lanes import MOVING, RESTING, SADDLE, STUCK
from neurosc.ideal.kernels.trig import sincos
from neurosc.network import FloatArray, IntArray

OMEGA, HR, HI, SH = 0, 1, 2, 3
"""Rows of what acts on the free oscillators, (4, m); a few arrays pass faster than many."""
COS, SIN, TORQUE, DIAGONAL, INVERSE, STEP, TRIAL = 0, 1, 2, 3, 4, 5, 6
"""Rows of the work space, (7, m or more): whole vectors of sines take no longer than parts."""
FR, FI, FS = 0, 1, 2
"""Rows of a nudge of strength 1, (3, k): a field f and second harmonic on the phase of each output
measured from its reference; where that is -1, what is nudged is in h and s (see `_push`)."""


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def evaluate(
    A: FloatArray,
    acting: FloatArray,
    nudge: FloatArray,
    outputs: IntArray,
    references: IntArray,
    beta: float,
    theta: FloatArray,
    H: FloatArray,
    work: FloatArray,
) -> float:
    """Torque, Hessian below its diagonal, and that, at theta; the energy is returned."""
    c, s, torque, diagonal = work[COS], work[SIN], work[TORQUE], work[DIAGONAL]
    sincos(theta, c, s)
    energy = 0.0
    for i in range(len(A)):
        hr, hi, sh = acting[HR, i], acting[HI, i], acting[SH, i]
        along, twice = c[i] * hr + s[i] * hi, c[i] * c[i] - s[i] * s[i]
        energy -= along + acting[OMEGA, i] * theta[i] + 0.5 * sh * twice
        push = acting[OMEGA, i] + c[i] * hi - s[i] * hr - 2.0 * sh * s[i] * c[i]
        curve = along + 2.0 * sh * twice
        for j in range(i):
            weight = A[i, j] * (c[i] * c[j] + s[i] * s[j])
            pull = A[i, j] * (c[i] * s[j] - s[i] * c[j])
            energy -= weight
            H[i, j] = -weight
            push += pull
            curve += weight
            torque[j] -= pull
            diagonal[j] += weight
        torque[i], diagonal[i] = push, curve
    for d in range(outputs.size):
        i, j = outputs[d], references[d]
        if j < 0:
            continue
        cosine, sine = c[i] * c[j] + s[i] * s[j], s[i] * c[j] - c[i] * s[j]
        fr, fi, fs = beta * nudge[FR, d], beta * nudge[FI, d], beta * nudge[FS, d]
        twice = cosine * cosine - sine * sine
        along, push = fr * cosine + fi * sine, fi * cosine - fr * sine - 2.0 * fs * sine * cosine
        weight = along + 2.0 * fs * twice
        energy -= along + 0.5 * fs * twice
        torque[i] += push
        torque[j] -= push
        diagonal[i] += weight
        diagonal[j] += weight
        H[max(i, j), min(i, j)] -= weight
    return float(energy)


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def solve(H: FloatArray, L: FloatArray, work: FloatArray, parts: IntArray) -> bool:
    """STEP = H^-1 TORQUE by L D L^T, with bad pivots replaced; tell whether there was none.

    The rotations of floating parts are lifted out of the null space.
    """
    m, largest, positive = parts.size, 1e-300, True
    diagonal, inverse, x = work[DIAGONAL], work[INVERSE], work[STEP]
    for i in range(m):
        largest = max(largest, abs(diagonal[i]))
        x[i] = work[TORQUE, i]
    for i in range(m):
        for j in range(i):
            total = H[i, j]
            if parts[i] >= 0 and parts[j] == parts[i]:
                total += largest / m
            for k in range(j):
                total -= H[i, k] * L[j, k]
            H[i, j] = total
        total = diagonal[i] + (largest / m if parts[i] >= 0 else 0.0)
        for k in range(i):
            L[i, k] = H[i, k] * inverse[k]
            total -= L[i, k] * H[i, k]
            x[i] -= L[i, k] * x[k]
        if not total > PIVOT * largest:
            positive = False
            total = max(-total, 0.01 * largest)
        inverse[i] = 1.0 / total
    for i in range(m - 1, -1, -1):
        total = x[i] * inverse[i]
        for j in range(i + 1, m):
            total -= L[j, i] * x[j]
        x[i] = total
    return positive


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def relax(
    A: FloatArray,
    acting: FloatArray,
    parts: IntArray,
    nudge: FloatArray,
    outputs: IntArray,
    references: IntArray,
    beta: float,
    theta: FloatArray,
    limit: float,
    longest: float,
    most: int,
    H: FloatArray,
    L: FloatArray,
    work: FloatArray,
) -> int:
    """Descend to the minimum in place, as the lanes do; the verdict is one of theirs."""
    m, fraction, slope, energy = theta.size, 1.0, 0.0, np.inf
    step, trial, torque = work[STEP], work[TRIAL], work[TORQUE]
    for i in range(m):
        trial[i] = theta[i]
    for _ in range(most + 1):
        reached = evaluate(A, acting, nudge, outputs, references, beta, trial, H, work)
        if not reached <= energy - ARMIJO * fraction * slope + ROUNDING * m * (1.0 + abs(reached)):
            fraction *= 0.5
            if fraction < SMALLEST_FRACTION:
                return STUCK
        else:
            energy, fraction, slope, residual, size = reached, 1.0, 0.0, 0.0, 1e-300
            for i in range(m):
                theta[i] = trial[i]
                residual = max(residual, abs(torque[i]))
            positive = solve(H, L, work, parts)
            if residual <= limit:
                return RESTING if positive else SADDLE
            for i in range(m):
                size = max(size, abs(step[i]))
            for i in range(m):
                step[i] *= min(1.0, longest / size)
                slope += step[i] * torque[i]
        for i in range(m):
            trial[i] = theta[i] + fraction * step[i]
    return MOVING


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _push(
    acting: FloatArray, nudge: FloatArray, outputs: IntArray, references: IntArray, more: float
) -> None:
    """Strengthen the nudge of outputs that are measured from zero."""
    for d in range(outputs.size):
        if references[d] < 0:
            acting[HR, outputs[d]] += more * nudge[FR, d]
            acting[HI, outputs[d]] += more * nudge[FI, d]
            acting[SH, outputs[d]] += more * nudge[FS, d]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def start(A: FloatArray, acting: FloatArray, theta: FloatArray, sweeps: int) -> None:
    """Phase 0, or where there is a field each along the pull of those before it."""
    m, pulled = theta.size, False
    for i in range(m):
        theta[i] = 0.0
        pulled = pulled or acting[HR, i] != 0.0 or acting[HI, i] != 0.0
    if not pulled:
        return
    c, s = np.zeros(m), np.zeros(m)
    for _ in range(sweeps):
        for i in range(m):
            ur, ui = acting[HR, i], acting[HI, i]
            for j in range(m):
                ur += A[i, j] * c[j]
                ui += A[i, j] * s[j]
            size = np.sqrt(ur * ur + ui * ui)
            if size > 0.0:
                lead = min(max(acting[OMEGA, i] / size, -0.9), 0.9)
                along = np.sqrt(1.0 - lead * lead)
                c[i], s[i] = (along * ur - lead * ui) / size, (along * ui + lead * ur) / size
    for i in range(m):
        theta[i] = np.arctan2(s[i], c[i])


class Roles(NamedTuple):
    """Indices of the free and fixed oscillators and the inputs, and how samples enter there.

    `parts` and `frame` (n,) are those of the network; `outputs` and `references` count the free
    oscillators. `kind` is 0 for phases, 1 for amplitudes, 2 for frequencies.
    """

    free: IntArray
    fixed: IntArray
    inputs: IntArray
    parts: IntArray
    frame: IntArray
    outputs: IntArray
    references: IntArray
    kind: int
    scale: float


class Settings(NamedTuple):
    """Both nudges, which of coupling and the rows of `own` learn (0 or 1), the relaxations' own."""

    betas: tuple[float, float]
    learn: tuple[float, float, float, float, float]
    tolerance: float
    longest: float
    most: int
    sweeps: int


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _strongest(coupling: FloatArray, own: FloatArray, free: IntArray) -> float:
    """The largest torque that can act on a free oscillator, 1 at least."""
    largest = 1.0
    for i in free:
        total = np.sqrt(own[HR, i] * own[HR, i] + own[HI, i] * own[HI, i])
        for j in range(len(coupling)):
            total += abs(coupling[i, j])
        largest = max(largest, total)
    return float(largest)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _enter(
    coupling: FloatArray,
    own: FloatArray,
    free: IntArray,
    fixed: IntArray,
    parts: IntArray,
    held: FloatArray,
    amplitude: FloatArray,
    shift: FloatArray,
    A: FloatArray,
    acting: FloatArray,
) -> None:
    """What acts on the free oscillators while the fixed ones are held; omega moves by `shift`."""
    for i in range(free.size):
        a = free[i]
        acting[OMEGA, i] = own[OMEGA, a] + shift[a]
        acting[HR, i], acting[HI, i], acting[SH, i] = own[HR, a], own[HI, a], own[SH, a]
        for j in range(free.size):
            A[i, j] = coupling[a, free[j]]
    for b in fixed:
        c, s = amplitude[b] * np.cos(held[b]), amplitude[b] * np.sin(held[b])
        for i in range(free.size):
            acting[HR, i] += coupling[free[i], b] * c
            acting[HI, i] += coupling[free[i], b] * s
    _centre(parts, acting[OMEGA])


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _centre(parts: IntArray, values: FloatArray) -> None:
    """Take the mean over each floating part away."""
    last = -1
    for i in range(parts.size):
        last = max(last, parts[i])
    for part in range(last + 1):
        total, size = 0.0, 0
        for i in range(parts.size):
            if parts[i] == part:
                total += values[i]
                size += 1
        for i in range(parts.size):
            if parts[i] == part:
                values[i] -= total / size


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _update(
    coupling: FloatArray,
    edge: FloatArray,
    own: FloatArray,
    parts: IntArray,
    learn: tuple[float, float, float, float, float],
    step: float,
    a: FloatArray,
    b: FloatArray,
    amplitude: FloatArray,
    work: FloatArray,
) -> None:
    """p <- p - step [dE/dp(b) - dE/dp(a)], with phases a and b; work is (5, n)."""
    n = a.size
    ca, sa, cb, sb, turn = work[0], work[1], work[2], work[3], work[4]
    sincos(a, ca, sa)
    sincos(b, cb, sb)
    if learn[0] > 0.0:
        for i in range(n):
            for j in range(i):
                change = ca[i] * ca[j] + sa[i] * sa[j] - cb[i] * cb[j] - sb[i] * sb[j]
                moved = step * edge[i, j] * amplitude[i] * amplitude[j] * change
                coupling[i, j] -= moved
                coupling[j, i] -= moved
    for i in range(n):
        turn[i] = a[i] - b[i]
        turn[i] -= 2.0 * np.pi * np.ceil((turn[i] - np.pi) / (2.0 * np.pi))
    _centre(parts, turn)
    for i in range(n):
        own[OMEGA, i] -= step * learn[1] * turn[i]
        if parts[i] < 0:
            own[HR, i] -= step * learn[2] * amplitude[i] * (ca[i] - cb[i])
            own[HI, i] -= step * learn[3] * amplitude[i] * (sa[i] - sb[i])
            own[SH, i] -= step * learn[4] * (ca[i] * ca[i] - cb[i] * cb[i])  # (cos 2a - cos 2b)/2


@nb.njit(cache=True, nogil=True, error_model="numpy")
def epoch(
    coupling: FloatArray,
    edge: FloatArray,
    own: FloatArray,
    roles: Roles,
    settings: Settings,
    x: FloatArray,
    drives: FloatArray,
    rates: FloatArray,
    phases: FloatArray,
) -> int:
    """One update for each sample x (samples, inputs) in order, with its own rate.

    Learns, in place, the couplings (n, n) where `edge` is 1, and frequency, field and second
    harmonic: the rows of `own` (4, n). `drives` (3, samples, outputs) are the nudges. The two
    states of a sample go to `phases` (samples, 2, n), measured in the network's frame. It ends
    before a sample that does not lock; the number of samples taken is returned.
    """
    free, fixed, outputs, references = roles.free, roles.fixed, roles.outputs, roles.references
    m, n, betas = free.size, len(coupling), settings.betas
    A, H, L = np.empty((m, m)), np.empty((m, m)), np.empty((m, m))
    acting, work, vectors = np.empty((4, m)), np.zeros((7, m + -m % 4)), np.empty((5, n))
    nudge, theta = np.empty((3, outputs.size)), np.empty(m)
    held, amplitude, shift = np.zeros(n), np.ones(n), np.zeros(n)
    parts = np.empty(m, dtype=np.intp)
    for i in range(m):
        parts[i] = roles.parts[free[i]]
    for t in range(len(x)):
        limit = settings.tolerance * _strongest(coupling, own, free)
        for k in range(roles.inputs.size):
            entry = held if roles.kind == 0 else amplitude if roles.kind == 1 else shift
            entry[roles.inputs[k]] = roles.scale * x[t, k]
        _enter(coupling, own, free, fixed, parts, held, amplitude, shift, A, acting)
        for q in range(3):
            for d in range(outputs.size):
                nudge[q, d] = drives[q, t, d]
        beta = 0.0
        for side in range(2):
            _push(acting, nudge, outputs, references, betas[side] - beta)
            beta = betas[side]
            if side == 0:
                start(A, acting, theta, settings.sweeps)
            verdict = relax(
                A, acting, parts, nudge, outputs, references, beta, theta, limit,
                settings.longest, settings.most, H, L, work,
            )  # fmt: skip
            if verdict != RESTING:
                return t
            for i in range(m):
                held[free[i]] = theta[i]
            for i in range(n):
                floats = roles.parts[i] >= 0
                phases[t, side, i] = held[i] - (held[roles.frame[i]] if floats else 0.0)
        step = rates[t] / (betas[1] - betas[0])
        _update(
            coupling, edge, own, roles.parts, settings.learn, step, phases[t, 0], phases[t, 1],
            amplitude, vectors,
        )  # fmt: skip
    return len(x)
