"""Stochastic Heun stepping in time."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from neurosc.ideal.newton import Dense
from neurosc.ideal.reduction import Reduction
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
TOLERANCE = 1e-3
"""Default residual torque, in units of the strength, of a noiseless sample at rest."""
ROWS_PER_TASK = 16


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


def steps(
    problem: Reduction,
    clock: Clock,
    *,
    diffusion: float = 0.0,
    tolerance: float = TOLERANCE,
    seed: np.random.SeedSequence,
) -> Relaxation:
    """Integrate d theta = torque dt + sqrt(2 D) dW by stochastic Heun (strong 1, weak 2).

    A noiseless sample is LOCKED if its residual torque is below `tolerance` times the strength.
    Any sample is NOT_LOCKED if a phase, against its reference, drifts by more than half a radian
    over the last tenth of the duration. A noisy sample that does not drift is LOCKED.
    """
    theta = np.zeros(problem.frequency.shape) if problem.start is None else problem.start.copy()
    key = seed.generate_state(2, np.uint32).astype(np.uint64)
    watched = max(1, round(WATCH * clock.steps))
    _advance(problem, theta, clock.dt, diffusion, key, 0, clock.steps - watched)
    before = problem.full(theta)
    _advance(problem, theta, clock.dt, diffusion, key, clock.steps - watched, watched)
    phases = problem.full(theta)
    torque = Dense(problem).evaluate(theta, np.arange(len(theta))).torque
    residual = np.abs(torque).max(axis=1)
    strength = max(1.0, float(problem.network.strength[problem.network.free].max()))
    drift = np.abs(np.angle(np.exp(1j * (phases - before)))).max(axis=1)
    status = np.full(len(theta), Status.LOCKED, dtype=np.int8)
    if diffusion == 0:
        status[residual > tolerance * strength] = Status.STEP_LIMIT
    status[(drift > SLIP) | ~np.isfinite(residual)] = Status.NOT_LOCKED
    return Relaxation(phases, status, residual)


def _advance(
    problem: Reduction,
    theta: FloatArray,
    dt: float,
    diffusion: float,
    key: npt.NDArray[np.uint64],
    first: int,
    count: int,
) -> None:
    """Step `theta` in place; a nudge that is feedback is sampled once a step."""
    import joblib

    from neurosc.ideal.kernels.steps import heun

    A, B = problem.coupling
    hr, hi = np.ascontiguousarray(problem.field.real), np.ascontiguousarray(problem.field.imag)
    samples = np.arange(len(theta))

    def run(rows: slice, omega: FloatArray, k: int, n: int) -> None:
        heun(
            theta[rows], A, B, omega[rows], hr[rows], hi[rows], problem.second_harmonic[rows],
            dt, diffusion, key, samples[rows], k, n,
        )  # fmt: skip

    if problem.feedback is not None:
        for k in range(first, first + count):
            omega = problem.frequency.copy()
            omega[:, problem.feedback.rows] -= problem.feedback.gradient(theta, samples)
            run(slice(None), omega, k, 1)
        return
    tasks = [slice(a, a + ROWS_PER_TASK) for a in range(0, len(theta), ROWS_PER_TASK)]
    parallel = joblib.Parallel(n_jobs=-1 if len(tasks) > 1 else 1, backend="threading")
    parallel(joblib.delayed(run)(rows, problem.frequency, first, count) for rows in tasks)
