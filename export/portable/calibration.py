"""Couplings and frequencies of a compiled population, corrected where the network is to work."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosc.export.compile import CLOCKS, detuning, sources
from neurosc.export.portable.grid_taps import GridTaps, interaction
from neurosc.export.portable.rehearsal import Rehearsal, Run, Score, check_relays, perform
from neurosc.export.portable.wiring import Wiring
from neurosc.ideal import Ideal
from neurosc.network import ComplexArray, FloatArray, IntArray, PhaseNetwork, wrap
from neurosc.randomness import stream

SAMPLES = 64
"""Inputs at which the taps are fitted, at most."""
RIDGE = 0.01
"""Weight of the whole circle against the phases at which the network works."""
REHEARSED = 8
"""Points from which the population is run."""
ROUNDS = 3
"""Corrections of the frequencies, of which the best is kept."""
SLIP = 0.5
"""Radians from one reading to the next beyond which a sample is not locked."""


def operating_points(network: PhaseNetwork, samples: npt.ArrayLike | None) -> FloatArray:
    """Phases at which the ideal network rests, (points, n), of the samples that lock.

    Parameters
    ----------
    samples
        Inputs (batch, inputs); by default 64 random ones in [-1, 1], always the same.

    Raises
    ------
    ValueError
        For samples that do not fit.
    """
    if samples is None and network.inputs.size:
        shape = (SAMPLES, network.inputs.size)
        samples = stream(0, "operating points").uniform(-1, 1, shape)
    if samples is not None:
        samples = _some(_checked(network, samples), SAMPLES)
    found = Ideal(escape=True).relax(network, samples)
    return np.asarray(found.phases[found.locked])


def tap_weights(network: PhaseNetwork, taps: GridTaps, points: FloatArray) -> FloatArray:
    """Weights of the taps of every coupling, (m, m + c, taps), per unit of eps K_ij.

    The weights x of a coupling minimise

        < (H(phi) - sin phi)^2 > + r < (H - sin)^2 >_circle,   H(phi) = sum_m x_m basis_m(phi),

    where the first mean is over the phase differences of the points. So H is right where the
    network works, and close to a sine elsewhere. Without points all have the weights of `taps`.

    Parameters
    ----------
    points
        Phases (points, n), radians.
    """
    free = points[:, network.free]
    clocks = np.tile(CLOCKS, (len(points), 1))
    every = np.concatenate([free, clocks, points[:, sources(network)]], axis=1)
    if not len(points):
        shape = (network.free.size, every.shape[1], 1)
        return np.tile(np.array(taps.weights), shape)
    lag = every[:, None, :] - free[:, :, None]
    here = interaction(taps, lag)
    circle = np.linspace(0, 2 * np.pi, taps.gain.size, endpoint=False)
    around = interaction(taps, circle)
    gram = np.einsum("sijt,siju->ijtu", here, here) / len(points)
    gram += RIDGE * around.T @ around / circle.size
    wanted = np.einsum("sijt,sij->ijt", here, np.sin(lag)) / len(points)
    wanted += RIDGE * np.sin(circle) @ around / circle.size
    return np.asarray(np.linalg.solve(gram, wanted[..., None])[..., 0])


def calibrate(
    network: PhaseNetwork, eps: float, wiring: Wiring, points: FloatArray
) -> tuple[Score, Rehearsal]:
    """Frequencies at which the population turns as fast as the ideal network at the points.

    A reset on a grid, pulses of finite size and taps that are no sine make oscillators faster or
    slower; where few clamps hold many oscillators, a common error is much amplified. So the
    population runs from some of the points, and the mean excess of each oscillator is subtracted
    from its frequency. The grid answers a change in small jumps, so of several rounds the best is
    kept.

    Parameters
    ----------
    points
        Phases (points, n), radians. Without any, the relays alone are rehearsed.

    Raises
    ------
    ValueError
        For a relay that does not keep time.
    """
    known = len(points) > 0
    some = _some(points, REHEARSED) if known else np.zeros((1, network.n))
    some, due = _on_grid(network, some, wiring.steps)
    cycles, omega = wiring.dither.period // 2 + 1, detuning(network)
    tried: list[tuple[float, Score, Run]] = []
    for _ in range(ROUNDS + 1 if known else 1):
        score = wiring.score(eps * omega / (2 * np.pi))
        run = perform(score, due, some[:, network.free], 3 * cycles)
        more = excess(network, eps, score, run, some, cycles)
        if not known or not len(more):
            tried.append((np.inf, score, run))
            break
        tried.append((float(np.sqrt((more**2).mean())), score, run))
        omega = omega - more.mean(axis=0)
    off, score, run = min(tried, key=lambda one: one[0])
    return score, check_relays(score, run, points=len(points), excess=off)


def _on_grid(network: PhaseNetwork, points: FloatArray, steps: int) -> tuple[FloatArray, IntArray]:
    """Points with held phases on whole steps, and the steps at which the channels spike."""
    whole = np.rint(points * steps / (2 * np.pi))
    rounded = points.copy()
    rounded[:, network.fixed] = whole[:, network.fixed] * (2 * np.pi / steps)
    clocks = np.tile(np.rint(np.array(CLOCKS) * steps / (2 * np.pi)), (len(points), 1))
    due = np.concatenate([clocks, whole[:, sources(network)]], axis=1)
    return rounded, np.mod(-due, steps).astype(np.intp)


def excess(
    network: PhaseNetwork, eps: float, score: Score, run: Run, points: FloatArray, cycles: int
) -> FloatArray:
    """By how much oscillators turn faster than the ideal network says, (samples that locked, m).

    In units of frequency of the network: what the phases gained from one reading to the next, less
    the ideal torque half-way.

    Parameters
    ----------
    points
        Phases of the held oscillators in each sample of the run, (batch, n).
    cycles
        In a reading; the run ends with two.
    """
    first, second = np.angle(_readings(score, run, cycles))
    gained = wrap(second - first)
    phases = points.copy()
    phases[:, network.free] = first + gained / 2
    torque = (network.torque(phases) - network.frequency)[:, network.free] + detuning(network)
    locked = np.abs(gained).max(axis=1) < SLIP
    return np.asarray((gained / (eps * cycles) - torque)[locked])


def _readings(score: Score, run: Run, cycles: int) -> ComplexArray:
    """sum exp(-2 pi i t / n) over the spikes of the last two readings, (2, batch, m)."""
    m, length = score.oscillators.size, cycles * score.steps
    place = np.full(score.bias.size, -1)
    place[score.oscillators] = np.arange(m)
    sums = np.zeros((2, len(run.events), m), dtype=np.complex128)
    for sample, events in enumerate(run.events):
        window = (events[:, 0] - (run.steps - 2 * length)) // length
        seen = (place[events[:, 1]] >= 0) & (window >= 0)
        angle = -2 * np.pi * events[seen, 0] / score.steps
        cell = window[seen] * m + place[events[seen, 1]]
        sums[:, sample].real = np.bincount(cell, np.cos(angle), 2 * m).reshape(2, m)
        sums[:, sample].imag = np.bincount(cell, np.sin(angle), 2 * m).reshape(2, m)
    return sums


def _some(rows: FloatArray, most: int) -> FloatArray:
    """At most so many rows, spread evenly."""
    return rows if len(rows) <= most else rows[np.arange(most) * len(rows) // most]


def _checked(network: PhaseNetwork, samples: npt.ArrayLike) -> FloatArray:
    rows = np.asarray(samples)
    if rows.ndim != 2 or rows.shape[1] != network.inputs.size or not len(rows):
        raise ValueError(
            f"samples: shape {rows.shape} does not fit {network.inputs.size} inputs; give "
            f"(batch, {network.inputs.size}), or leave them out"
        )
    if rows.dtype.kind not in "fiub" or not np.isfinite(rows).all():
        raise ValueError("samples: some are no finite numbers; drop those rows or fill them in")
    return rows.astype(np.float64)
