"""The ideal model: the exact equilibrium, or noisy steps in time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal, get_args

import numpy.typing as npt

from neurosc.ideal.blocks import blocks
from neurosc.ideal.escape import leave_saddles
from neurosc.ideal.lanes import lanes
from neurosc.ideal.newton import newton
from neurosc.ideal.pcg import pcg
from neurosc.ideal.reduction import Reduction, reduce
from neurosc.ideal.sparse import adaptive_newton, amg_newton, direct_newton, sparse_newton
from neurosc.ideal.steps import TOLERANCE as STEPS_TOLERANCE
from neurosc.ideal.steps import Clock, steps
from neurosc.network import PhaseNetwork
from neurosc.parameters import is_sparse
from neurosc.randomness import RNG, substream
from neurosc.substrate import Nudge, Relaxation

__all__ = ["Ideal"]

Method = Literal["auto", "lanes", "newton", "pcg", "blocks", "sparse", "amg", "direct", "steps"]
Solver = Callable[[Reduction, float, int], Relaxation]
SOLVERS: dict[str, Solver] = {
    "lanes": lanes,
    "newton": newton,
    "pcg": pcg,
    "blocks": blocks,
    "sparse": sparse_newton,
    "amg": amg_newton,
    "direct": direct_newton,
}
"""The methods that find the equilibrium itself, by name."""
NEWTON_TOLERANCE = 1e-10
SPARSE_FROM = 400
"""Free oscillators of a sparse network above which its edges are used one by one."""
LANES_TO = 24
"""Free oscillators to which lanes are faster than matrix products."""


def choose(problem: Reduction) -> Solver:
    """The fastest method for a problem: it depends on the network, never on the batch."""
    m = len(problem.parts)
    if is_sparse(problem.members[0]) and m > SPARSE_FROM:
        return adaptive_newton
    if m <= LANES_TO:
        return lanes
    return pcg if len(problem.members) == 1 else newton


@dataclasses.dataclass(frozen=True)
class Ideal:
    """The ideal substrate.

    Parameters
    ----------
    method
        - `"newton"`: descend the energy to its minimum and certify it;
        - `"sparse"`, `"amg"`, `"direct"`: the same in memory linear in the edges, for large sparse
          couplings, with a diagonal, multigrid (the extra `grids`) or factorised preconditioner;
        - `"steps"`: integrate d theta = torque dt + sqrt(2 D) dW by stochastic Heun;
        - `"auto"`: steps with noise; without, for sparse couplings of more than 400 free
          oscillators the one of these three that proves best, else newton.
    tolerance
        Largest |torque| at rest, in units of the largest sum of couplings and field on one
        oscillator (at least 1). Default 1e-10 for newton, 1e-3 for steps.
    noise
        D, in rad^2 per unit of time.

    Other arguments
    ---------------
    duration, dt
        Length of a `"steps"` run and of one step, in units of time. Defaults: 300 and .25 over
        the strongest pull.
    max_steps
        Most Newton steps of one sample.
    escape
        Descend from saddles to a minimum instead of reporting them as UNSTABLE; not for `"steps"`,
        which noise drives off them.

    Raises
    ------
    ValueError
        For an unknown method, negative numbers, or noise with `method="newton"`.

    Notes
    -----
    Without `start`, newton begins where each oscillator follows those before it (in a layered
    network the feed-forward pass), steps at phase 0.
    """

    method: Method = "auto"
    tolerance: float | None = None
    noise: float = 0.0
    duration: float | None = dataclasses.field(default=None, kw_only=True)
    dt: float | None = dataclasses.field(default=None, kw_only=True)
    max_steps: int = dataclasses.field(default=200, kw_only=True)
    escape: bool = dataclasses.field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ValueError(f"method: {self.method!r} is unknown; use one of {get_args(Method)}")
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
        if self.escape and (self.method == "steps" or self.noise):
            raise ValueError('escape: steps run through time and hold no saddle; use method="auto"')
        if self.max_steps < 1:
            raise ValueError(f"max_steps: {self.max_steps} allows no step; give 1 or more")

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
        if self.method == "steps" or self.noise > 0:
            return steps(
                problem,
                Clock.of(problem, self.duration, self.dt),
                diffusion=self.noise,
                tolerance=self.tolerance or STEPS_TOLERANCE,
                seed=substream(rng if self.noise else 0, "phase noise"),
            )
        solve = choose(problem) if self.method == "auto" else SOLVERS[self.method]

        def run(part: Reduction) -> Relaxation:
            return solve(part, self.tolerance or NEWTON_TOLERANCE, self.max_steps)

        found = run(problem)
        return leave_saddles(problem, found, run) if self.escape else found
