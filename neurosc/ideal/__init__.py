"""The ideal model: the exact equilibrium, or noisy steps in time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, get_args

import numpy.typing as npt

from neurosc.ideal.delays import Delays, check_delay_steps, in_the_laboratory
from neurosc.ideal.ensemble import batches, gather, split, stack, starts
from neurosc.ideal.escape import leave_saddles
from neurosc.ideal.flicker import Flicker
from neurosc.ideal.interaction import Interaction, check_interaction
from neurosc.ideal.lanes import lanes
from neurosc.ideal.methods import SOLVERS, TOLERANCE, Method, Solver, choose
from neurosc.ideal.phase_locking import phase_locked
from neurosc.ideal.reduction import Reduction, Request, reduce
from neurosc.ideal.steps import TOLERANCE as STEPS_TOLERANCE
from neurosc.ideal.steps import Clock, steps
from neurosc.ideal.tiles import Precision, Scheme, Stepping
from neurosc.ideal.trajectory import Trajectory, record
from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG, seed_sequence, substream
from neurosc.substrate import Nudge, Relaxation

__all__ = ["Ideal", "Interaction"]

TIMED = ("duration", "dt", "scheme", "precision")
"""Arguments of stepping alone."""


@dataclasses.dataclass(frozen=True)
class Ideal:
    """The ideal substrate.

    Parameters
    ----------
    method
        All but the last descend the energy to its minimum and certify it:

        - `"lanes"`: many small networks or samples abreast, up to 32 free oscillators;
        - `"pcg"`: batches by conjugate gradients in matrix products;
        - `"newton"`: one dense factorisation a sample and step;
        - `"blocks"`: layer by layer to the exact minimum, without a step size;
        - `"sparse"`, `"amg"`, `"direct"`: in memory linear in the edges, for large sparse
          couplings, with a diagonal, multigrid (the extra `grids`) or factorised preconditioner;
        - `"steps"`: integrate d theta = torque dt + sqrt(2 D) dW.

        `"auto"`: steps with noise; without, for sparse couplings of more than 400 free oscillators
        the one of the sparse three that proves best, else lanes up to 32 free oscillators, and pcg.
    tolerance
        Largest |torque| at rest, in units of the largest sum of couplings and field on one
        oscillator (at least 1). Default 1e-10, for steps 1e-3.
    noise
        D, in rad^2 per unit of time.

    Other arguments
    ---------------
    duration, dt
        Length of a `"steps"` run and of one step, in units of time. Defaults: 300 and .25 over
        the strongest pull.
    scheme
        Of the steps: `"heun"` (order 2; with noise strong 1, weak 2) or `"euler-maruyama"` (all
        1, half the work).
    precision
        Of the steps: `"float64"`, or `"float32"` for sines, couplings and torques; the phases are
        kept in double, so errors do not pile up.
    max_steps
        Most Newton steps of one sample; 20 sweeps of blocks count as one.
    escape
        Descend from saddles to a minimum instead of reporting them as UNSTABLE; not for `"steps"`,
        which noise drives off them.
    interaction
        H in the place of the sine, for up to 1,500 free oscillators. There need be no energy then:
        the phases lock where no torque is left but the mean over each floating part, which turns
        as a whole. See `neurosc.ideal.phase_locking`.
    delay_steps
        Of the steps: tau, whole numbers of steps `dt`, (n,) of each sender j or (n, n) of each
        receiver i and sender j, in u_i = sum_j J_ij z_j(t - tau_ij). Before the start all stood
        still. There is no energy then: a floating part locks where it turns as a whole, at a
        frequency that the delays turn too, and a nudge must be a field or frozen.

    Raises
    ------
    TypeError, ValueError
        For an unknown method, negative numbers, noise with a method that knows no time, what is no
        interaction, one with noise or with a method other than `"auto"` and `"newton"`, and
        delays without `dt` or with a method other than `"steps"`.

    Notes
    -----
    Without `start`, descents begin where each oscillator follows those before it (in a layered
    network the feed-forward pass), steps at phase 0. Which method when: neurosc/ideal/METHODS.md.
    """

    method: Method = "auto"
    tolerance: float | None = None
    noise: float = 0.0
    duration: float | None = dataclasses.field(default=None, kw_only=True)
    dt: float | None = dataclasses.field(default=None, kw_only=True)
    scheme: Scheme = dataclasses.field(default="heun", kw_only=True)
    precision: Precision = dataclasses.field(default="float64", kw_only=True)
    max_steps: int = dataclasses.field(default=200, kw_only=True)
    escape: bool = dataclasses.field(default=False, kw_only=True)
    interaction: Interaction | None = dataclasses.field(default=None, kw_only=True)
    delay_steps: npt.ArrayLike | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ValueError(f"method: {self.method!r} is unknown; use one of {get_args(Method)}")
        for name, choices in {"scheme": get_args(Scheme), "precision": get_args(Precision)}.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name}: {getattr(self, name)!r} is unknown; use one of {choices}"
                )
        for name in ("tolerance", "duration", "dt"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name}: {value} is not a positive number")
        if not 0 <= self.noise < float("inf"):
            raise ValueError(f"noise: {self.noise} is not a number >= 0 (rad^2 per unit of time)")
        if self.noise and self.method in SOLVERS:
            raise ValueError(
                f'noise: {self.method} solves the noiseless network; use method="steps"'
            )
        timed = self._timed()
        if timed and self.method in SOLVERS:
            raise ValueError(
                f"{timed[0]}: {self.method} takes no steps in time; leave it out or use "
                'method="steps"'
            )
        if self.escape and (self.method == "steps" or self.noise):
            raise ValueError('escape: steps run through time and hold no saddle; use method="auto"')
        if self.max_steps < 1:
            raise ValueError(f"max_steps: {self.max_steps} allows no step; give 1 or more")
        if self.interaction is not None:
            check_interaction(self.interaction, self.method, self.noise, self.escape, self._timed())
        if self.delay_steps is not None:
            steps = check_delay_steps(self.delay_steps, self.method, self.dt)
            object.__setattr__(self, "delay_steps", steps)

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """Relax samples x (batch, inputs); see `Substrate`. `rng` matters only with noise."""
        problem = reduce(network, x, nudge, start)
        if self.interaction is None:
            return self._relax(problem, [rng])
        limits = self.tolerance or TOLERANCE, self.max_steps
        return phase_locked(problem, nudge, self.interaction, *limits, self._solver(problem))

    def relax_each(
        self,
        networks: Sequence[PhaseNetwork],
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """Relax the same samples on several networks: phases (networks, batch, n).

        `start` is (batch, n), or (networks, batch, n). Networks of one topology go abreast in
        steps and, without noise, with up to 32 free oscillators, each in lanes with couplings of
        its own; the result is that of one by one, bit for bit. With noise, network k draws from
        its own stream of `rng`.

        Raises
        ------
        ValueError
            For no networks, and for networks of different sizes.
        """
        if not networks:
            raise ValueError("networks: is empty; give at least one")
        sizes = {network.n for network in networks}
        if len(sizes) > 1:
            raise ValueError(
                f"networks: have {sorted(sizes)} oscillators; give networks of one size"
            )
        each = starts(start, len(networks))
        if self.interaction is not None:
            pairs = zip(networks, each, strict=True)
            return gather([self.relax(net, x, nudge=nudge, start=s) for net, s in pairs])
        requests = [Request(net, x, nudge, s) for net, s in zip(networks, each, strict=True)]
        root = seed_sequence(rng if self.noise else 0)
        return self.relax_requests(
            requests, [substream(root, "network", k) for k in range(len(networks))]
        )

    def relax_requests(
        self,
        requests: Sequence[Request],
        rngs: Sequence[RNG],
        flicker: Flicker | None = None,
    ) -> Relaxation:
        """What chips ask for, with as many samples each: phases (requests, batch, n).

        Each request draws from its own of `rngs`, and `flicker` is 1/f noise of all frequencies.
        Requests with a `Drift` are stepped.

        Raises
        ------
        ValueError
            For an `interaction`, as couplings and fields have been put together as those of sines.
        """
        if self.interaction is not None:
            raise ValueError(
                "interaction: a device brings its own; leave it out, and give the device the terms "
                "CouplingHarmonics and PhaseLag"
            )
        problems = [request.reduced() for request in requests]
        stepped = self._is_stepped(problems[0], flicker)
        together = stepped or self._solver(problems[0]) is lanes
        found: dict[int, Relaxation] = {}
        for some in batches(problems) if together else [[k] for k in range(len(problems))]:
            batch = stack([problems[k] for k in some])
            parts = split(self._relax(batch, [rngs[k] for k in some], flicker), len(some))
            found.update(zip(some, parts, strict=True))
        return gather([found[k] for k in range(len(problems))])

    def _solver(self, problem: Reduction) -> Solver:
        return choose(problem) if self.method == "auto" else SOLVERS[self.method]

    def _is_stepped(self, problem: Reduction, flicker: Flicker | None) -> bool:
        through_time = self.noise > 0 or flicker is not None or not problem.conservative
        if through_time and self.method in SOLVERS:
            raise ValueError(
                f'method: {self.method} descends an energy without noise; use method="steps"'
            )
        return through_time or self.method == "steps"

    def _relax(
        self, problem: Reduction, rng: Sequence[RNG], flicker: Flicker | None = None
    ) -> Relaxation:
        if self._is_stepped(problem, flicker):
            clock = Clock.of(problem, self.duration, self.dt)
            stepping = self._stepping(problem, clock, rng, flicker)
            problem = problem if stepping.delays is None else in_the_laboratory(problem)
            return steps(problem, clock.steps, stepping, self.tolerance or STEPS_TOLERANCE)
        if self._timed():
            raise ValueError(
                f"{self._timed()[0]}: without noise the equilibrium is found without stepping; "
                'leave it out or use method="steps"'
            )
        solve = self._solver(problem)

        def run(part: Reduction) -> Relaxation:
            return solve(part, self.tolerance or TOLERANCE, self.max_steps)

        found = run(problem)
        return leave_saddles(problem, found, run) if self.escape else found

    def record(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        times: npt.ArrayLike,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Trajectory:
        """Step through time and keep the phases at chosen times.

        Parameters
        ----------
        network, x, nudge, start, rng
            As for `relax`.
        times
            Shape (times,), increasing, from 0 on, in units of time. Each is rounded to the
            nearest step; the run ends at the last.

        Returns
        -------
        Trajectory
            With phases (batch, times, n) in double precision: mind batch x times x n.

        Raises
        ------
        ValueError
            For times that do not increase or share a step, and for a method without time.
        """
        if self.interaction is not None:
            raise ValueError(
                "interaction: is solved for without stepping; to record, use a Device with "
                "CouplingHarmonics and PhaseLag"
            )
        if self.method in SOLVERS:
            raise ValueError(
                f'method: {self.method} jumps to the equilibrium; use method="steps" to record'
            )
        problem = reduce(network, x, nudge, start)
        clock = Clock.of(problem, self.duration, self.dt)
        stepping = self._stepping(problem, clock, [rng])
        problem = problem if stepping.delays is None else in_the_laboratory(problem)
        return record(problem, times, stepping)

    def _timed(self) -> list[str]:
        """Arguments that were given and matter to stepping alone."""
        return [name for name in TIMED if getattr(self, name) != getattr(type(self), name)]

    def _stepping(
        self,
        problem: Reduction,
        clock: Clock,
        rng: Sequence[RNG],
        flicker: Flicker | None = None,
    ) -> Stepping:
        noisy = self.noise > 0 or flicker is not None
        seeds = tuple(substream(own if noisy else 0, "phase noise") for own in rng)
        late: Any = self.delay_steps
        network = problem.network
        delays = None if late is None else Delays.of(late, network.free, network.n)
        return Stepping(clock.dt, self.noise, self.scheme, self.precision, seeds, flicker, delays)
