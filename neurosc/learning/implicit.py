"""The exact gradient by the implicit function theorem: the yardstick of two-phase gradients."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.costs import Cost, take
from neurosc.ideal import Ideal
from neurosc.ideal.reduction import Reduction, reduce
from neurosc.ideal.sparse import response as solve_sparse
from neurosc.learning.gradient import Gradient, correlation, of_raw_parameters
from neurosc.network import FloatArray, PhaseNetwork, phasors
from neurosc.parameters import is_sparse
from neurosc.substrate import Nudge


def implicit_gradient(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike | None = None,
    *,
    cost: Cost,
    on: Ideal | None = None,
) -> Gradient:
    """dL/dp = -lambda^T d2E/(dtheta dp), where H lambda = dC/dtheta at the free equilibrium.

    H is the Hessian among the free oscillators, inverted on the complement of rotation. With
    w = i lambda z: dL/dJ_ij = w_i conj(z_j) + z_i conj(w_j), dL/db = w, dL/domega = lambda,
    dL/ds = -lambda sin 2 theta. Exact up to the tolerance of the relaxation.

    Parameters
    ----------
    network, x, y
        The network, samples (batch, inputs) and targets, as in `two_phase_gradient`.
    cost
        The cost on the output phases.
    on
        The ideal model that finds the equilibrium; `Ideal(tolerance=1e-12)` unless given.

    Raises
    ------
    RelaxationError
        If no sample locks.
    ValueError
        For an interaction that is no sine, as it leaves the network without an energy.

    Notes
    -----
    The frequency slope of a floating part is that of the raw omega, of which the network feels
    omega - mean(omega): lambda is mean-free there. Source: adjoint of the implicit function
    theorem; for recurrent networks Almeida (1987), Pineda, Phys. Rev. Lett. 59:2229 (1987).
    """
    if on is not None and on.interaction is not None:
        raise ValueError(
            "on: with an interaction there is no energy whose Hessian would tell the gradient; "
            "leave interaction= out"
        )
    relaxed = (Ideal(tolerance=1e-12) if on is None else on).relax(network, x)
    locked = relaxed.locked
    if not locked.any():
        relaxed.raise_for_status()
    phases, targets = relaxed.phases[locked], take(y, locked)
    rows = None if x is None else np.atleast_2d(np.asarray(x))[locked]
    amplitude = network.encode(rows, len(phases)).amplitude
    problem = reduce(network, rows, Nudge(cost, targets, 1.0), phases, feedback_only=True)
    response = _response(problem, phases, amplitude)
    z = phasors(phases, amplitude)
    w = 1j * response * z
    seen = network.relative(phases)[:, network.outputs]
    return of_raw_parameters(
        network,
        frequency=response.mean(axis=0),
        coupling=2 * correlation(network, np.concatenate([w, z]), np.concatenate([z, w])),
        field=np.asarray(w.mean(axis=0), dtype=np.complex128),
        second_harmonic=-(response * np.sin(2 * phases)).mean(axis=0),
        loss=float(cost.value(seen, targets).mean()),
        unlocked=int(locked.size - locked.sum()),
    )


def _response(problem: Reduction, phases: FloatArray, amplitude: FloatArray) -> FloatArray:
    """lambda, (batch, n): H^-1 of the cost's gradient, which acts on references with minus sign."""
    network, free, feedback = problem.network, problem.network.free, problem.feedback
    theta = np.ascontiguousarray(phases[:, free])
    pull = np.zeros_like(theta)
    if feedback is not None:
        pull[:, feedback.rows] = feedback.gradient(theta, np.arange(problem.batch))
    response = np.zeros_like(phases)
    if is_sparse(network.coupling):
        plain = dataclasses.replace(problem, feedback=None)
        response[:, free] = solve_sparse(plain, theta, pull)
        return response
    turn = np.equal.outer(problem.parts, problem.parts) & (problem.parts >= 0)
    for b in range(problem.batch):
        hessian = network.hessian(phases[b], amplitude[b])[np.ix_(free, free)]
        lifted = hessian + turn * (np.abs(hessian).max() / free.size)
        response[b, free] = scipy.linalg.solve(lifted, pull[b], assume_a="pos")
    return response
