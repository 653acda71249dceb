"""Steps in time of networks that differ in everything."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosc.coupling_map.instances import Instances
from neurosc.ideal.threads import over_chunks
from neurosc.network import FloatArray, IntArray
from neurosc.randomness import RNG, seed_sequence, stream

TASK = 20_000_000
"""Couplings times steps, some ten milliseconds, that are worth the start of a task on a thread."""


def trajectories(
    coupling: npt.ArrayLike,
    instances: Instances,
    *,
    dt: float,
    steps: int,
    start: npt.ArrayLike | None = None,
    rng: RNG = None,
) -> FloatArray:
    """Phases of each network at each step of Euler's scheme.

        theta_i(t + 1) = theta_i(t) + dt (omega_i + sum_j K_ij sin(theta_j(t - tau_j) - theta_i(t))
                                          + h_i sin theta_i(t))

    where t counts steps, and before t = 0 all phases stood at their start.

    Parameters
    ----------
    coupling
        K, shape (batch, n, n), dimensionless: K_ij is the pull of j on i. Need not be symmetric.
    instances
        omega, h and tau of the networks.
    dt
        Length of a step, in units of time of the frequencies.
    steps
        How many.
    start
        Phases (batch, n) in radians, or a number for all; None draws them evenly from the circle,
        for each network by its place in the batch.
    rng
        Of the start.

    Returns
    -------
    ndarray, shape (batch, steps + 1, n)
        Radians, unwrapped, the start first.

    Raises
    ------
    ValueError
        For arrays that do not fit and numbers that are not positive.

    Notes
    -----
    Source of the model: Ricci et al., KuraNet, arXiv 2105.02838 (2021), which takes the same steps.
    """
    pulls = check_coupling(coupling, instances)
    check_clock(dt, steps)
    n = instances.n
    phases = np.empty((instances.batch, steps + 1, n))
    phases[:, 0] = start_phases(instances, start, rng)
    delay = delays(instances)

    def run(rows: slice) -> None:
        from neurosc.coupling_map.kernel import walk

        room = np.empty((3, steps, n))
        for k in range(rows.start, rows.stop):
            alone = instances.frequency[k], instances.field[k], delay[k]
            walk(pulls[k], *alone, dt, phases[k], *room)

    over_chunks(run, instances.batch, samples_a_task(n, steps))
    return phases


def samples_a_task(n: int, steps: int) -> int:
    """How many networks of n oscillators a thread takes at a time."""
    return max(1, TASK // (n * n * steps))


def check_coupling(coupling: npt.ArrayLike, instances: Instances) -> FloatArray:
    """K (batch, n, n), contiguous, or an error that tells the shape that fits."""
    given, shape = np.asarray(coupling), (instances.batch, instances.n, instances.n)
    if given.shape != shape:
        raise ValueError(f"coupling: shape {given.shape} does not fit the instances; give {shape}")
    if given.dtype.kind not in "fiu" or not np.isfinite(given).all():
        raise ValueError("coupling: has entries that are no finite real numbers; replace them")
    # writeable: of read-only arrays numba would compile a second kernel
    return np.require(given, np.float64, ["C", "W"])


def check_clock(dt: float, steps: int) -> None:
    """Raise ValueError unless a run has length."""
    if not 0 < dt < np.inf:
        raise ValueError(f"dt: {dt} is not a positive number; give the length of a step")
    if steps < 1 or steps != int(steps):
        raise ValueError(f"steps: {steps!r} is not a whole number from 1 on; give how many to take")


def start_phases(instances: Instances, start: npt.ArrayLike | None, rng: RNG) -> FloatArray:
    """Phases (batch, n) to start from, drawn for each network from a stream of its own."""
    shape = instances.batch, instances.n
    if start is None:
        root = seed_sequence(rng)
        each = [stream(root, "start phases", k) for k in range(instances.batch)]
        return np.stack([draw.uniform(-np.pi, np.pi, instances.n) for draw in each])
    given = np.asarray(start, dtype=np.float64)
    if given.shape not in ((), shape):
        raise ValueError(f"start: shape {given.shape} does not fit; give a number or {shape}")
    if not np.isfinite(given).all():
        raise ValueError("start: has phases that are not finite; replace NaN and inf")
    return np.array(np.broadcast_to(given, shape))


def delays(instances: Instances) -> IntArray:
    """tau (batch, n) in steps; zeros where there are none."""
    if instances.delay_steps is None:
        return np.zeros((instances.batch, instances.n), dtype=np.intp)
    return np.array(instances.delay_steps)
