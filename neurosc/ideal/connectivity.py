"""How stiff an equilibrium is against its softest disturbance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.ideal.reduction import reduce
from neurosc.ideal.sparse import lowest_curvature
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.parameters import is_sparse


def algebraic_connectivity(
    network: PhaseNetwork, phases: npt.ArrayLike, x: npt.ArrayLike | None = None
) -> FloatArray:
    """lambda_2: the smallest eigenvalue of the Hessian on the complement of rotation, (batch,).

    A nudge of strength beta moves the phases by about beta |dC/dtheta| / lambda_2, and takes the
    equilibrium away where beta |d2C/dtheta2| reaches lambda_2. So beta of 1e-3 lambda_2 suits
    networks of any size.

    Parameters
    ----------
    network, x
        The network and its samples (batch, inputs).
    phases
        Locked phases (batch, n), radians, as `Ideal().relax(network, x).phases`.

    Notes
    -----
    Exact for dense couplings; for sparse ones from above to about a percent, by inverse iteration.
    """
    states = np.atleast_2d(np.asarray(phases, dtype=np.float64))
    problem = reduce(network, x, start=states)
    if is_sparse(network.coupling):
        return lowest_curvature(problem, np.ascontiguousarray(states[:, network.free]))
    found = np.empty(problem.batch)
    turn = np.equal.outer(problem.parts, problem.parts) & (problem.parts >= 0)
    amplitude = network.encode(x, problem.batch).amplitude
    for b, theta in enumerate(states):
        hessian = network.hessian(theta, amplitude[b])[np.ix_(network.free, network.free)]
        lifted = hessian + turn * np.abs(hessian).sum()
        found[b] = scipy.linalg.eigvalsh(lifted, subset_by_index=[0, 0])[0]
    return found
