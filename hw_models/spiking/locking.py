"""Samples that run until they lock: how long, and what is said of those that do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from neurosc.hw_models.spiking.checks import check_grid
from neurosc.hw_models.spiking.circuit import Circuit
from neurosc.hw_models.spiking.readout import (
    Plan,
    Readings,
    distance_to_rest,
    read,
    standard_errors,
)
from neurosc.hw_models.spiking.runs import Noise, Spikes, over_runs, progress_bar
from neurosc.hw_models.spiking.runtime import Chosen
from neurosc.ideal.diagnosis import explain
from neurosc.ideal.newton import Dense
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.steps import SIGMAS, SLIP
from neurosc.network import FloatArray, IntArray, PhaseNetwork
from neurosc.substrate import Relaxation, Status

WATCH = 0.1
"""Share of a run from one reading of the phases to the next."""
RIPPLE = 16.0
"""Radians, times the square of the steps in a cycle, that phases at rest beat with the grid."""
NAMED = 6
"""Most oscillators that a message lists."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long samples run and when their phases are read.

    Attributes
    ----------
    legs
        Cycles of each run; those that are not locked go on with the next from where they are.
    read
        Cycles of a reading.
    tolerance
        Radians from rest at which a sample is locked.
    """

    legs: tuple[int, ...]
    read: int
    tolerance: float


@dataclasses.dataclass(frozen=True, eq=False)
class Outcome:
    """Of all samples of a circuit.

    Attributes
    ----------
    theta
        (batch, m), phases of the free oscillators.
    status
        (batch,).
    drift
        (batch, m), radians between the last two readings, against the reference.
    distance
        (batch,), the estimated way to rest.
    count
        (batch, m), spikes in the last reading, in turns.
    error
        (batch, n), standard errors of the relative phases.
    spacing
        (batch,), cycles between the last two readings.
    """

    theta: FloatArray
    status: npt.NDArray[np.int8]
    drift: FloatArray
    distance: FloatArray
    count: IntArray
    error: FloatArray
    spacing: IntArray

    @classmethod
    def empty(cls, batch: int, m: int, n: int) -> Outcome:
        """To be filled."""
        return cls(
            np.zeros((batch, m)),
            np.full(batch, Status.STEP_LIMIT, dtype=np.int8),
            np.zeros((batch, m)),
            np.full(batch, np.inf),
            np.zeros((batch, m), dtype=np.intp),
            np.zeros((batch, n)),
            np.zeros(batch, dtype=np.intp),
        )


def lock(
    circuit: Circuit, schedule: Schedule, noise: Noise, target: Chosen, progress: bool | None
) -> list[Relaxation]:
    """Run a circuit; a relaxation for each of its problems.

    A sample is LOCKED if the way to its rest, which its last three readings tell, is at most the
    tolerance. It is NOT_LOCKED if a phase moved by more than half a radian from one reading to the
    next, and with noise by six spreads of a locked oscillator more, or if a neuron did not spike
    once a cycle; else STEP_LIMIT. With noise what does not drift is LOCKED.
    """
    batch, network = len(circuit.start), circuit.problems[0].network
    outcome = Outcome.empty(batch, circuit.free, network.n)
    left, start = np.arange(batch), circuit.start
    with progress_bar(progress, batch * sum(schedule.legs)) as told:
        for leg, cycles in enumerate(schedule.legs if batch else ()):
            plan = Plan.of(cycles, schedule.read, WATCH)
            each = _read_all(circuit, left, start[left], plan, noise, target, told)
            _judge(circuit, outcome, left, plan, each, schedule.tolerance, noise)
            start = outcome.theta
            done = left.size
            left = left[outcome.status[left] != Status.LOCKED]
            told((done - left.size) * sum(schedule.legs[leg + 1 :]))
            if left.size == 0:
                break
    return _relaxations(circuit, outcome, noisy=noise.is_on)


def _read_all(
    circuit: Circuit,
    samples: IntArray,
    start: FloatArray,
    plan: Plan,
    noise: Noise,
    target: Chosen,
    told: Callable[[int], object],
) -> Readings:
    """Readings of samples, (..., samples, m)."""
    m = circuit.free

    def take(count: int, spikes: Spikes) -> Readings:
        return read(
            plan,
            count * m,
            spikes.neuron,
            spikes.time,
            spikes.turned,
            circuit.kind.spikes_per_turn,
        )

    some = over_runs(
        circuit, samples, start, take,
        cycles=plan.cycles, read_from=int(plan.begins[0]), noise=noise, target=target, told=told,
    )  # fmt: skip
    joined = (np.concatenate(parts, axis=-1) for parts in zip(*some, strict=True))
    return Readings(*(part.reshape(*part.shape[:-1], -1, m) for part in joined))


def _judge(
    circuit: Circuit,
    outcome: Outcome,
    samples: IntArray,
    plan: Plan,
    each: Readings,
    tolerance: float,
    noise: Noise,
) -> None:
    """Write what was read of some samples into the outcome."""
    network = circuit.problems[0].network
    seen = _whole(network, each.phases)
    seen = seen - np.where(network.parts >= 0, _zero(network, seen), 0.0)
    drift = np.abs(seen[2] - seen[1])[:, network.free]
    distance = distance_to_rest(seen[:, :, network.free], RIPPLE / circuit.kind.steps**2)
    allowed = np.full_like(drift, SLIP)
    if noise.is_on:
        allowed += SIGMAS * _spread(circuit, samples, noise)
        distance = np.zeros_like(distance)
    regular = np.abs(each.counts - plan.read) <= 1
    slips = ~(drift <= np.minimum(allowed, np.pi))
    status = np.where(distance <= tolerance, Status.LOCKED, Status.STEP_LIMIT)
    status[(slips | ~regular).any(axis=1)] = Status.NOT_LOCKED
    parts = _whole(network, each.parts)
    outcome.theta[samples] = each.phases[2]
    outcome.status[samples] = status
    outcome.drift[samples] = drift
    outcome.distance[samples] = distance
    outcome.count[samples] = each.counts
    outcome.error[samples] = standard_errors(parts - _zero(network, parts))
    outcome.spacing[samples] = plan.spacing


def _spread(circuit: Circuit, samples: IntArray, noise: Noise) -> FloatArray:
    """sqrt(2 D / pull) of each free oscillator, and two jittered readings, (samples, m)."""
    pull = np.stack([p.strengths[0] for p in circuit.problems])[circuit.origin[0][samples]]
    diffusion = noise.phase**2 / (2 * circuit.eps)
    wander = 2 * diffusion / np.maximum(pull, 1e-300)
    return np.asarray(np.sqrt(wander + 2 * (2 * np.pi * noise.jitter) ** 2))


def _whole(network: PhaseNetwork, free: FloatArray) -> FloatArray:
    """Phases (..., n) of all oscillators against those that are held."""
    phases = np.zeros((*free.shape[:-1], network.n))
    phases[..., network.free] = free
    return phases


def _zero(network: PhaseNetwork, phases: FloatArray) -> FloatArray:
    """What the phase of each oscillator is measured from, (..., n), unwrapped."""
    if network.centred:
        return network.part_mean(phases)
    framed = network.frame >= 0
    return np.where(framed, phases[..., np.where(framed, network.frame, 0)], 0.0)


def _relaxations(circuit: Circuit, outcome: Outcome, *, noisy: bool) -> list[Relaxation]:
    """One for each problem."""
    found, first = [], 0
    for problem in circuit.problems:
        rows = slice(first, first + problem.batch)
        mine = Outcome(*(value[rows] for value in vars(outcome).values()))
        torque = Dense(problem).evaluate(mine.theta, np.arange(problem.batch)).torque
        if not problem.conservative:  # a floating part may turn as a whole
            whole = problem.network.co_rotating(_whole(problem.network, torque))
            torque = whole[:, problem.network.free]
        found.append(
            Relaxation(
                problem.full(mine.theta),
                mine.status,
                np.abs(torque).max(axis=1),
                _Reasons(problem, mine),
                mine.error,
            )
        )
        if not noisy:
            check_grid(circuit.kind, problem, mine.theta, mine.status)
        first += problem.batch
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class _Reasons:
    """What keeps a sample from locking, by name of the oscillators."""

    problem: Reduction
    outcome: Outcome

    def __call__(self, sample: int) -> str:
        o, free = self.outcome, self.problem.network.free
        status, drift, cycles = o.status[sample], o.drift[sample], o.spacing[sample]
        if status == Status.LOCKED:
            return ""
        silent = o.count[sample] == 0
        if silent.any():
            return f"silent: {_named(free[silent])}"
        if status == Status.STEP_LIMIT:
            slowest = int(drift.argmax())
            return (
                f"oscillator {free[slowest]} moved {drift[slowest]:.2g} rad in the last {cycles} "
                f"cycles, and is some {o.distance[sample]:.2g} rad from its rest"
            )
        turning = np.flatnonzero(drift > SLIP)
        if turning.size == 0:
            return "spikes are missing or doubled; lower eps"
        turning = turning[np.argsort(-drift[turning])]
        turns = drift[turning[0]] / (2 * np.pi)
        slipped = f"{turns:.2g} turns of {_named(free[turning])} in the last {cycles} cycles"
        return f"{slipped}; {explain(self.problem, o.theta, o.status, sample)}"


def _named(oscillators: Sequence[int] | IntArray) -> str:
    names = ", ".join(str(k) for k in oscillators[:NAMED])
    more = len(oscillators) - NAMED
    plural = "s" if len(oscillators) > 1 else ""
    return f"oscillator{plural} {names}" + (f" and {more} more" if more > 0 else "")
