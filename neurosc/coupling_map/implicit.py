"""Exact gradients at phase-locked states, by the implicit function theorem."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost, take
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.locking import TASK, late_networks, locked_states
from neurosc.coupling_map.slope import CouplingSlope
from neurosc.ideal.threads import one_blas_thread, over_chunks
from neurosc.randomness import RNG


def implicit_slope(
    coupling: npt.ArrayLike,
    instances: Instances,
    *,
    cost: Cost,
    dt: float = 0.1,
    steps: int = 500,
    start: npt.ArrayLike | None = None,
    tolerance: float = 1e-10,
    rng: RNG = None,
) -> CouplingSlope:
    """dC/dK of C at the locked state that a run leads to.

        dC/dK_ij = -lambda_i sin(theta_j - theta_i - Omega tau_j dt)
        M^T (lambda, mu) = (dC/dtheta, 0)

    where M is the Jacobian of the torques and of what fixes the frame by the phases and Omega
    (`LateNetwork.jacobian`). It needs no energy: couplings may differ both ways, and delays, which
    are lags of another size for each sender, make them do so.

    Parameters
    ----------
    coupling, instances, dt, steps, start, tolerance, rng
        As for `locked_states`. Without delays dt and steps matter only to where the run leads.
    cost
        Of the phases of all oscillators; one with a target aims at `instances.groups`. Without
        fields it must be a function of phase differences.

    Returns
    -------
    CouplingSlope
        `used` is False for networks that do not lock, or that lock where a disturbance grows.

    Notes
    -----
    Source: adjoint of the implicit function theorem; for recurrent networks Almeida (1987),
    Pineda, Phys. Rev. Lett. 59:2229 (1987).
    """
    every = late_networks(coupling, instances, dt)
    state = locked_states(
        coupling, instances, dt=dt, steps=steps, start=start, tolerance=tolerance, rng=rng
    )
    target = instances.target(cost)
    loss = cost.value(state.phases, target)
    slope, n = np.zeros((instances.batch, instances.n, instances.n)), instances.n
    locked = np.flatnonzero(state.locked)
    pull = cost.gradient(state.phases[locked], take(target, locked))

    def run(some: slice) -> None:
        for place in range(some.start, some.stop):
            k = locked[place]
            at = state.phases[k], float(state.frequency[k])
            response = np.linalg.solve(every[k].jacobian(*at).T, np.append(pull[place], 0.0))
            slope[k] = -response[:n, None] * np.sin(every[k].difference(*at))

    with one_blas_thread():
        over_chunks(run, locked.size, max(1, TASK // n**3))
    return CouplingSlope(slope, loss, state.locked)
