"""Online two-phase learning of one small real network: relax, nudge, update, next sample."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from neurosc.ideal.hessians import PIVOT
from neurosc.ideal.kernels.lanes import ARMIJO, MOVING, RESTING, ROUNDING, SADDLE, STUCK
from neurosc.ideal.kernels.trig import sincos
from neurosc.network import FloatArray, IntArray


class Sample(NamedTuple):
    """What acts on the free oscillators: couplings A (m, m), and vectors (m,).

    A nudge of strength 1 is a field f and second harmonic fs, (k,), on the phase of each output
    measured from its reference; where that is -1, what is nudged is in h and s (see `_push`).
    """

    A: FloatArray
    omega: FloatArray
    hr: FloatArray
    hi: FloatArray
    sh: FloatArray
    parts: IntArray
    outputs: IntArray
    references: IntArray
    fr: FloatArray
    fi: FloatArray
    fs: FloatArray


class Work(NamedTuple):
    """Work space: H (m, m) below its diagonal, the rest (m,)."""

    H: FloatArray
    diagonal: FloatArray
    c: FloatArray
    s: FloatArray
    torque: FloatArray
    step: FloatArray
    trial: FloatArray


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def evaluate(p: Sample, beta: float, theta: FloatArray, w: Work) -> float:
    """Torque and lower triangle of the Hessian at theta; the energy is returned."""
    A, H, c, s, torque, diagonal = p.A, w.H, w.c, w.s, w.torque, w.diagonal
    sincos(theta, c, s)
    energy = 0.0
    for i in range(theta.size):
        along, across = c[i] * p.hr[i] + s[i] * p.hi[i], c[i] * p.hi[i] - s[i] * p.hr[i]
        twice = c[i] * c[i] - s[i] * s[i]
        energy -= along + p.omega[i] * theta[i] + 0.5 * p.sh[i] * twice
        push, curve = p.omega[i] + across - 2.0 * p.sh[i] * s[i] * c[i], along
        curve += 2.0 * p.sh[i] * twice
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
    for d in range(p.outputs.size):
        i, j = p.outputs[d], p.references[d]
        if j < 0:
            continue
        cosine, sine = c[i] * c[j] + s[i] * s[j], s[i] * c[j] - c[i] * s[j]
        fr, fi, fs = beta * p.fr[d], beta * p.fi[d], beta * p.fs[d]
        twice = cosine * cosine - sine * sine
        along, push = fr * cosine + fi * sine, fi * cosine - fr * sine - 2.0 * fs * sine * cosine
        weight = along + 2.0 * fs * twice
        energy -= along + 0.5 * fs * twice
        torque[i] += push
        diagonal[i] += weight
        torque[j] -= push
        diagonal[j] += weight
        H[max(i, j), min(i, j)] -= weight
    return float(energy)


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def solve(H: FloatArray, diagonal: FloatArray, parts: IntArray, x: FloatArray) -> bool:
    """x <- H^-1 x by L D L^T in place, with bad pivots replaced; tell whether there was none.

    The rotations of floating parts are lifted out of the null space first.
    """
    m, largest, positive = x.size, 1e-300, True
    for i in range(m):
        largest = max(largest, abs(diagonal[i]))
    for i in range(m):
        if parts[i] >= 0:
            diagonal[i] += largest / m
            for j in range(i):
                H[i, j] += largest / m if parts[j] == parts[i] else 0.0
    for q in range(m):
        if not diagonal[q] > PIVOT * largest:
            positive = False
            diagonal[q] = max(-diagonal[q], 0.01 * largest)
        inverse = 1.0 / diagonal[q]
        for i in range(m - 1, q, -1):
            column = H[i, q]
            factor = column * inverse
            for j in range(q + 1, i):
                H[i, j] -= factor * H[j, q]
            diagonal[i] -= factor * column
            H[i, q] = factor
        for i in range(q + 1, m):
            x[i] -= H[i, q] * x[q]
    for i in range(m - 1, -1, -1):
        total = x[i] / diagonal[i]
        for j in range(i + 1, m):
            total -= H[j, i] * x[j]
        x[i] = total
    return positive


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def relax(
    p: Sample, beta: float, theta: FloatArray, limit: float, longest: float, most: int, w: Work
) -> int:
    """Descend to the minimum in place, as the lanes do; the verdict is one of theirs."""
    m, fraction, slope = theta.size, 1.0, 0.0
    energy, step, trial = np.inf, w.step, w.trial
    for i in range(m):
        trial[i] = theta[i]
    for _ in range(most + 1):
        reached = evaluate(p, beta, trial, w)
        if not reached <= energy - ARMIJO * fraction * slope + ROUNDING * m * (1.0 + abs(reached)):
            fraction *= 0.5
            if fraction < 2.0**-30:
                return STUCK
        else:
            energy, fraction, slope, residual, size = reached, 1.0, 0.0, 0.0, 1e-300
            for i in range(m):
                theta[i], step[i] = trial[i], w.torque[i]
                residual = max(residual, abs(w.torque[i]))
            positive = solve(w.H, w.diagonal, p.parts, step)
            if residual <= limit:
                return RESTING if positive else SADDLE
            for i in range(m):
                size = max(size, abs(step[i]))
            for i in range(m):
                step[i] *= min(1.0, longest / size)
                slope += step[i] * w.torque[i]
        for i in range(m):
            trial[i] = theta[i] + fraction * step[i]
    return MOVING


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _push(p: Sample, more: float) -> None:
    """Strengthen the nudge of outputs that are measured from zero."""
    for d in range(p.outputs.size):
        if p.references[d] < 0:
            i = p.outputs[d]
            p.hr[i] += more * p.fr[d]
            p.hi[i] += more * p.fi[d]
            p.sh[i] += more * p.fs[d]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def start(p: Sample, theta: FloatArray, sweeps: int) -> None:
    """Phase 0, or where there is a field each along the pull of those before it."""
    m, pulled = theta.size, False
    for i in range(m):
        theta[i] = 0.0
        pulled = pulled or p.hr[i] != 0.0 or p.hi[i] != 0.0
    if not pulled:
        return
    c, s = np.zeros(m), np.zeros(m)
    for _ in range(sweeps):
        for i in range(m):
            ur, ui = p.hr[i], p.hi[i]
            for j in range(m):
                ur += p.A[i, j] * c[j]
                ui += p.A[i, j] * s[j]
            size = np.sqrt(ur * ur + ui * ui)
            if size > 0.0:
                lead = min(max(p.omega[i] / size, -0.9), 0.9)
                along = np.sqrt(1.0 - lead * lead)
                c[i], s[i] = (along * ur - lead * ui) / size, (along * ui + lead * ur) / size
    for i in range(m):
        theta[i] = np.arctan2(s[i], c[i])


class Parameters(NamedTuple):
    """What is learned, in place, of all n oscillators; `edge` (n, n) is where a coupling is."""

    coupling: FloatArray
    edge: FloatArray
    frequency: FloatArray
    real_field: FloatArray
    imaginary_field: FloatArray
    second_harmonic: FloatArray


class Roles(NamedTuple):
    """Indices of the free and fixed oscillators and the inputs, and how samples enter there.

    `parts` and `frame` (n,) are those of the network, `parts` with -1 for what is fixed;
    `outputs` and `references` count the free ones. `kind` is 0 for phases, 1 for amplitudes, 2 for
    frequencies.
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
    """Both nudges, what learns (0 or 1 for each vector of `Parameters`), and the relaxations'."""

    betas: tuple[float, float]
    coupling: float
    frequency: float
    field: float
    second_harmonic: float
    tolerance: float
    longest: float
    most: int
    sweeps: int


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _strongest(parameters: Parameters, free: IntArray) -> float:
    """The largest torque that can act on a free oscillator, 1 at least."""
    largest = 1.0
    for i in free:
        total = np.hypot(parameters.real_field[i], parameters.imaginary_field[i])
        for j in range(parameters.frequency.size):
            total += abs(parameters.coupling[i, j])
        largest = max(largest, total)
    return float(largest)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _enter(
    parameters: Parameters,
    roles: Roles,
    x: FloatArray,
    p: Sample,
    held: FloatArray,
    amplitude: FloatArray,
) -> None:
    """Put one sample into what acts on the free oscillators, and phases on the fixed ones."""
    omega = np.empty(parameters.frequency.size)
    for i in range(omega.size):
        omega[i] = parameters.frequency[i]
    for k in range(roles.inputs.size):
        i, value = roles.inputs[k], roles.scale * x[k]
        if roles.kind == 0:
            held[i] = value
        elif roles.kind == 1:
            amplitude[i] = value
        else:
            omega[i] += value
    for i in range(roles.free.size):
        a = roles.free[i]
        p.hr[i], p.hi[i] = parameters.real_field[a], parameters.imaginary_field[a]
        p.omega[i], p.sh[i] = omega[a], parameters.second_harmonic[a]
        for j in range(roles.free.size):
            p.A[i, j] = parameters.coupling[a, roles.free[j]]
        for b in roles.fixed:
            pull = parameters.coupling[a, b] * amplitude[b]
            p.hr[i] += pull * np.cos(held[b])
            p.hi[i] += pull * np.sin(held[b])
    _centre(p.parts, p.omega)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _centre(parts: IntArray, values: FloatArray) -> None:
    """Take the mean over each floating part away."""
    for part in range(parts.max() + 1):
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
    parameters: Parameters,
    roles: Roles,
    settings: Settings,
    rate: float,
    phases: FloatArray,
    amplitude: FloatArray,
) -> None:
    """p <- p - rate [dE/dp(second) - dE/dp(first)] / (their betas' difference)."""
    a, b, n = phases[0], phases[1], phases.shape[1]
    span = settings.betas[1] - settings.betas[0]
    step, rotors = rate / span, np.empty((4, n))
    ca, sa, cb, sb = rotors[0], rotors[1], rotors[2], rotors[3]
    sincos(a, ca, sa)
    sincos(b, cb, sb)
    if settings.coupling > 0.0:
        for i in range(n):
            for j in range(i):
                if parameters.edge[i, j] > 0.0:
                    change = ca[i] * ca[j] + sa[i] * sa[j] - cb[i] * cb[j] - sb[i] * sb[j]
                    moved = parameters.coupling[i, j] - step * amplitude[i] * amplitude[j] * change
                    parameters.coupling[i, j] = parameters.coupling[j, i] = moved
    if settings.frequency > 0.0:
        slope = np.zeros(n)
        for i in roles.free:
            turn = b[i] - a[i]
            slope[i] = -(turn - 2.0 * np.pi * np.ceil((turn - np.pi) / (2.0 * np.pi)))
        _centre(roles.parts, slope)
        for i in roles.free:
            parameters.frequency[i] -= step * slope[i]
    for i in range(n):
        if roles.parts[i] >= 0:
            continue
        if settings.field > 0.0:
            parameters.real_field[i] -= step * amplitude[i] * (ca[i] - cb[i])
            parameters.imaginary_field[i] -= step * amplitude[i] * (sa[i] - sb[i])
        if settings.second_harmonic > 0.0:
            change = ca[i] * ca[i] - cb[i] * cb[i]  # = (cos 2a - cos 2b) / 2
            parameters.second_harmonic[i] -= step * change


@nb.njit(cache=True, nogil=True, error_model="numpy")
def epoch(
    parameters: Parameters,
    roles: Roles,
    settings: Settings,
    x: FloatArray,
    drives: tuple[FloatArray, FloatArray, FloatArray],
    rates: FloatArray,
    phases: FloatArray,
) -> int:
    """One update for each sample x (samples, inputs) in order, with its own rate.

    `drives` are Re f, Im f and fs of the nudges, (samples, outputs). The two states of a sample go
    to `phases` (samples, 2, n), measured in the network's frame. It ends before a sample that does
    not lock; the number of samples taken is returned.
    """
    m, outputs = roles.free.size, roles.outputs.size
    n = parameters.frequency.size
    vectors, nudge = np.empty((4, m)), np.empty((3, outputs))
    p = Sample(
        np.empty((m, m)), vectors[0], vectors[1], vectors[2], vectors[3], roles.parts[roles.free],
        roles.outputs, roles.references, nudge[0], nudge[1], nudge[2],
    )  # fmt: skip
    rows = np.empty((6, m))
    w = Work(np.empty((m, m)), rows[0], rows[1], rows[2], rows[3], rows[4], rows[5])
    theta, held, amplitude = np.empty(m), np.zeros(n), np.ones(n)
    for t in range(len(x)):
        limit = settings.tolerance * _strongest(parameters, roles.free)
        _enter(parameters, roles, x[t], p, held, amplitude)
        for d in range(outputs):
            nudge[0, d], nudge[1, d], nudge[2, d] = (
                drives[0][t, d],
                drives[1][t, d],
                drives[2][t, d],
            )
        beta = 0.0
        for side in range(2):
            _push(p, settings.betas[side] - beta)
            beta = settings.betas[side]
            if side == 0:
                start(p, theta, settings.sweeps)
            if relax(p, beta, theta, limit, settings.longest, settings.most, w) != RESTING:
                return t
            for i in range(m):
                held[roles.free[i]] = theta[i]
            for i in range(n):
                floats = roles.parts[i] >= 0
                phases[t, side, i] = held[i] - (held[roles.frame[i]] if floats else 0.0)
        _update(parameters, roles, settings, rates[t], phases[t], amplitude)
    return len(x)
