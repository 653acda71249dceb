"""Gradients of transients: the discrete adjoint of the stepping."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost, take
from neurosc.coupling_map.dynamics import (
    check_clock,
    check_coupling,
    delays,
    samples_a_task,
    start_phases,
)
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.slope import CouplingSlope
from neurosc.ideal.threads import one_blas_thread, over_chunks
from neurosc.network import FloatArray
from neurosc.randomness import RNG


def adjoint_slope(
    coupling: npt.ArrayLike,
    instances: Instances,
    *,
    cost: Cost,
    dt: float,
    steps: int,
    truncate: int | None = None,
    average: int = 1,
    start: npt.ArrayLike | None = None,
    rng: RNG = None,
) -> CouplingSlope:
    """dC/dK of C at the end of a run, by reverse mode through its steps.

    It needs neither a locked state nor an energy, so it is the gradient of transients, of delays
    and of networks that drift. It is exact for the steps as taken: see `trajectories` for them.

    Parameters
    ----------
    coupling, instances, dt, steps, start, rng
        As for `trajectories`.
    cost
        Of the phases of all oscillators; one with a target aims at `instances.groups`.
    truncate
        Go back through that many steps only, and take the phases before them as given; None for
        all. A truncated gradient is biased, and its variance does not grow with the run. Let it be
        longer than the longest delay: what a step pulls at comes back one delay later.
    average
        C is the mean over the phases after each of the last so many steps.

    Returns
    -------
    CouplingSlope
        `used` is False where the run left the finite numbers.

    Raises
    ------
    ValueError
        For arrays that do not fit, and counts below 1 or beyond the steps.

    Notes
    -----
    Phases, sines and slopes of all steps are kept, 56 n steps bytes a network, of one network at a
    time on each thread: recomputing them would cost more than it saves. The truncation is that of
    Ricci et al., arXiv 2105.02838 (2021), who average over the steps that they go back through.
    """
    pulls = check_coupling(coupling, instances)
    check_clock(dt, steps)
    back = steps if truncate is None else truncate
    for name, count in {"truncate": back, "average": average}.items():
        if not 1 <= count <= steps:
            raise ValueError(f"{name}: {count} is not between 1 and the {steps} steps; choose so")
    begin, delay, n = start_phases(instances, start, rng), delays(instances), instances.n
    target = instances.target(cost)
    slope, loss = np.zeros(pulls.shape), np.empty(instances.batch)

    def run(rows: slice) -> None:
        from neurosc.coupling_map.kernel import walk, walk_back

        phases, room = np.empty((steps + 1, n)), np.empty((3, steps, n))
        for k in range(rows.start, rows.stop):
            phases[0] = begin[k]
            alone = instances.frequency[k], instances.field[k], delay[k]
            walk(pulls[k], *alone, dt, phases, *room)
            aims = take(target, np.full(average, k))
            value, pull = _pull(cost, phases, average, aims)
            loss[k] = value
            slope[k] = walk_back(pulls[k], delay[k], dt, *room, steps - back, pull)

    with one_blas_thread():
        over_chunks(run, instances.batch, samples_a_task(n, steps))
    used = np.isfinite(loss) & np.isfinite(slope).all(axis=(1, 2))
    slope[~used] = 0.0
    return CouplingSlope(slope, loss, used)


def _pull(
    cost: Cost, phases: FloatArray, average: int, target: npt.ArrayLike | None
) -> tuple[float, FloatArray]:
    """C and dC/dtheta (steps + 1, n)."""
    last = phases[-average:]
    pull = np.zeros_like(phases)
    pull[-average:] = cost.gradient(last, target) / average
    return float(cost.value(last, target).mean()), pull
