"""Relaxation by stepping through time."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from neurosc.ideal.diagnosis import explain
from neurosc.ideal.hessians import certify
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.stability import DENSE_MODES, grows
from neurosc.ideal.tiles import Stepping, integrate
from neurosc.network import FloatArray, IntArray
from neurosc.substrate import Relaxation, Status

TURNS = 300.0
"""Default duration in units of 1/strength: enough to read trained digits nets, whose slowest modes
are then still on their way."""
STEP = 0.25
"""Default step in units of 1/strength."""
WATCH = 0.1
"""Share of the duration over which the drift is watched."""
SLIP = 0.5
"""Radians of drift within the watch that count as not locked."""
SIGMAS = 6.0
"""Spreads of a locked, noisy phase that are no slip yet."""
TOLERANCE = 1e-3
"""Default residual torque, in units of the strength, of a noiseless sample at rest."""


@dataclasses.dataclass(frozen=True, eq=False)
class Clock:
    """How long and how finely to step each sample (batch,), in units of time of its equation."""

    duration: FloatArray
    dt: FloatArray

    @classmethod
    def of(cls, problem: Reduction, duration: float | None, dt: float | None) -> Clock:
        """The given values, or defaults from the strongest pull on any free oscillator."""
        strength = np.maximum(problem.strengths.max(axis=1)[problem.member], 1e-12)
        pull = np.maximum(strength, np.abs(problem.frequency).max(axis=1))
        return cls(
            TURNS / strength if duration is None else np.full_like(strength, duration),
            STEP / pull if dt is None else np.full_like(strength, dt),
        )

    @property
    def steps(self) -> IntArray:
        """Numbers of steps."""
        return np.asarray(np.maximum(1, np.rint(self.duration / self.dt)), dtype=np.intp)


def steps(problem: Reduction, count: IntArray, stepping: Stepping, tolerance: float) -> Relaxation:
    """Where `count` (batch,) steps end.

    A noiseless sample is LOCKED if its residual torque is below `tolerance` times the strength.
    Any sample is NOT_LOCKED if a phase, unwrapped and against its reference, drifts by more than
    half a radian over the last tenth of the duration; with noise, by more than that and six times
    sqrt(2 D / strength), the spread of two readings of a locked oscillator, but half a turn at
    most. A noisy sample that does not drift is LOCKED. A noiseless one of up to 1,500 free
    oscillators that rests where a disturbance would grow is UNSTABLE, but for delays, of which
    only those states are left that the steps hold by themselves. Where the torque is no
    gradient, a floating part may turn as a whole, and its mean torque is no residual.
    """
    watched = np.maximum(1, np.rint(WATCH * count)).astype(np.intp)
    phases, torque = integrate(problem, stepping, np.stack([count - watched, count], axis=1))
    if not problem.conservative:
        torque = _less_part_mean(problem, torque)
    residual = np.abs(torque).max(axis=1)
    strength = np.maximum(1.0, problem.strengths.max(axis=1))[problem.member]
    drift = np.abs(_turned_back(problem, phases[:, 1] - phases[:, 0]))
    pull = np.maximum(problem.strengths[problem.member], 1e-300)
    slipped = ~(drift <= np.minimum(SLIP + SIGMAS * np.sqrt(2 * stepping.diffusion / pull), np.pi))
    status = np.full(len(drift), Status.LOCKED, dtype=np.int8)
    if not stepping.is_noisy:
        status[residual > tolerance * strength] = Status.STEP_LIMIT
    status[slipped.any(axis=1) | ~np.isfinite(residual)] = Status.NOT_LOCKED
    end = np.ascontiguousarray(phases[:, 1])
    certifies = not stepping.is_noisy and stepping.delays is None
    if certifies and len(problem.parts) <= DENSE_MODES:
        if problem.conservative:
            certify(problem, end, status)
        else:
            status[grows(problem, end, np.flatnonzero(status == Status.LOCKED))] = Status.UNSTABLE
    reasons = partial(explain, problem, end, status)
    return Relaxation(problem.full(end), status, residual, reasons)


def _less_part_mean(problem: Reduction, torque: FloatArray) -> FloatArray:
    """Torques (batch, m) less the mean of each floating part."""
    network = problem.network
    whole = np.zeros((len(torque), network.n))
    whole[:, network.free] = torque
    return np.ascontiguousarray(network.co_rotating(whole)[:, network.free])


def _turned_back(problem: Reduction, change: FloatArray) -> FloatArray:
    """Changes of phases (batch, m) less that of the reference of each floating part."""
    network, relative = problem.network, change.copy()
    for part in range(problem.parts.max(initial=-1) + 1):
        mine = np.flatnonzero(problem.parts == part)
        reference = np.searchsorted(network.free, network.frame[network.free[mine[0]]])
        relative[:, mine] -= change[:, reference, None]
    return relative
