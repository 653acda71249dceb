"""Relaxation by stepping through time."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from neurosc.ideal.diagnosis import explain
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.tiles import Stepping, integrate
from neurosc.network import FloatArray
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


@dataclasses.dataclass(frozen=True)
class Clock:
    """How long and how finely to step, in units of time of the network's equation."""

    duration: float
    dt: float

    @classmethod
    def of(cls, problem: Reduction, duration: float | None, dt: float | None) -> Clock:
        """The given values, or defaults from the strongest pull on any free oscillator."""
        network = problem.network
        strength = float(network.strength[network.free].max())
        pull = max(strength, float(np.abs(problem.frequency).max()), 1e-12)
        return cls(
            TURNS / max(strength, 1e-12) if duration is None else duration,
            STEP / pull if dt is None else dt,
        )

    @property
    def steps(self) -> int:
        """Number of steps."""
        return max(1, round(self.duration / self.dt))


def steps(problem: Reduction, count: int, stepping: Stepping, tolerance: float) -> Relaxation:
    """Where `count` steps end.

    A noiseless sample is LOCKED if its residual torque is below `tolerance` times the strength.
    Any sample is NOT_LOCKED if a phase, unwrapped and against its reference, drifts by more than
    half a radian over the last tenth of the duration; with noise, by more than that and six times
    sqrt(2 D / strength), the spread of two readings of a locked oscillator, but half a turn at
    most. A noisy sample that does not drift is LOCKED.
    """
    watched = max(1, round(WATCH * count))
    phases, torque = integrate(problem, stepping, [count - watched, count])
    residual = np.abs(torque).max(axis=1)
    strength = max(1.0, float(problem.network.strength[problem.network.free].max()))
    drift = np.abs(_turned_back(problem, phases[:, 1] - phases[:, 0]))
    pull = np.maximum(problem.strengths[problem.member], 1e-300)
    slipped = ~(drift <= np.minimum(SLIP + SIGMAS * np.sqrt(2 * stepping.diffusion / pull), np.pi))
    status = np.full(len(drift), Status.LOCKED, dtype=np.int8)
    if stepping.diffusion == 0:
        status[residual > tolerance * strength] = Status.STEP_LIMIT
    status[slipped.any(axis=1) | ~np.isfinite(residual)] = Status.NOT_LOCKED
    reasons = partial(explain, problem, phases[:, 1], status)
    return Relaxation(problem.full(phases[:, 1]), status, residual, reasons)


def _turned_back(problem: Reduction, change: FloatArray) -> FloatArray:
    """Changes of phases (batch, m) less that of the reference of each floating part."""
    network, relative = problem.network, change.copy()
    for part in range(problem.parts.max(initial=-1) + 1):
        mine = np.flatnonzero(problem.parts == part)
        reference = np.searchsorted(network.free, network.frame[network.free[mine[0]]])
        relative[:, mine] -= change[:, reference, None]
    return relative
