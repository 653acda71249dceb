"""Why a sample did not lock, and the way off a saddle."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from neurosc.ideal.reduction import Reduction
from neurosc.ideal.stability import fastest_mode
from neurosc.network import FloatArray, IntArray
from neurosc.parameters import is_sparse
from neurosc.substrate import Status

DENSE_MODES = 1500
"""Most free oscillators whose Hessian is diagonalised as a dense matrix."""
NAMED = 6
"""Most oscillators that a message lists."""


def explain(problem: Reduction, theta: FloatArray, status: np.ndarray, sample: int) -> str:
    """What keeps one sample from locking, by name of the oscillators; empty for a locked one."""
    if status[sample] == Status.UNSTABLE:
        find, what = lowest_mode, "lowest eigenvalue of the Hessian"
        if not problem.conservative:
            find, what = fastest_mode, "a disturbance grows at the rate"
        value, mode = find(problem, theta[sample], sample)
        active = np.flatnonzero(np.abs(mode) >= 0.5 * np.abs(mode).max())
        names = _names(problem, active, -np.abs(mode[active]))
        return f"{what} {value:.3g}, along {names}"
    if status[sample] == Status.LOCKED:
        return ""
    members, detuning, hold = weakest_cut(problem, theta[sample], sample)
    own = "detuning" if members.size == 1 else "detunings, which sum to"
    names = _names(problem, members, -np.abs(problem.frequency[sample, members]))
    verdict = "exceeds" if detuning > hold else "comes closest to"
    return f"{names}: {own} {detuning:.3g} {verdict} the {hold:.3g} that couplings and field hold"


def lowest_mode(problem: Reduction, theta: FloatArray, sample: int) -> tuple[float, FloatArray]:
    """The lowest eigenvalue of the Hessian off the rotations, and its eigenvector (m,)."""
    from neurosc.ideal.hessians import hessians

    if theta.size <= DENSE_MODES:
        hessian = hessians(problem, theta[None], np.array([sample]))[0]
        values, modes = scipy.linalg.eigh(hessian, lower=True, subset_by_index=[0, 0])
        return float(values[0]), np.asarray(modes[:, 0])
    operator, first = _lifted(problem, theta, sample), np.cos(np.arange(theta.size))
    values, modes = scipy.sparse.linalg.eigsh(operator, k=1, which="SA", tol=1e-4, v0=first)
    return float(values[0]), np.asarray(modes[:, 0])


def _lifted(problem: Reduction, theta: FloatArray, sample: int) -> Any:
    """The sparse Hessian with the rotations of floating parts lifted out of the way."""
    from neurosc.ideal.sparse.hessian import samples

    hessian = samples(problem)[sample].evaluate(theta).hessian
    members = [np.flatnonzero(problem.parts == p) for p in range(problem.parts.max() + 1)]

    def product(v: FloatArray) -> FloatArray:
        v = np.ascontiguousarray(v.ravel())
        out = hessian @ v
        for mine in members:
            out[mine] += hessian.scale * v[mine].mean()
        return out

    shape, kind = (theta.size, theta.size), np.dtype(np.float64)
    return scipy.sparse.linalg.LinearOperator(shape, matvec=product, dtype=kind)


def weakest_cut(
    problem: Reduction, theta: FloatArray, sample: int
) -> tuple[IntArray, float, float]:
    """Oscillators S that have drifted ahead or behind, |sum of their detunings|, and what holds.

    A locked state needs |sum_S omega_i| <= sum over couplings out of S + sum_S |h_i| + |s_i|,
    whatever S. Those tried are single oscillators and, since what slips drifts apart, the leading
    ones in order of their phases; the S closest to breaking the bound is returned.
    """
    edges = problem.members[problem.member[sample]]
    graph = scipy.sparse.coo_array(abs(edges) if is_sparse(edges) else np.abs(edges))
    omega = problem.frequency[sample]
    anchor = np.abs(problem.field[sample]) + np.abs(problem.second_harmonic[sample])
    alone = np.asarray(graph.sum(axis=1)).ravel() + anchor
    order = np.argsort(theta, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    crossing = np.zeros(order.size + 1)
    ends = place[graph.coords[0]], place[graph.coords[1]]
    np.add.at(crossing, np.minimum(*ends), 0.5 * graph.data)
    np.add.at(crossing, np.maximum(*ends), -0.5 * graph.data)
    pull = np.abs(np.cumsum(omega[order]))[:-1]
    cut = np.cumsum(crossing)[: order.size - 1] + np.cumsum(anchor[order])[:-1]
    share = np.append(np.abs(omega) / np.maximum(alone, 1e-300), pull / np.maximum(cut, 1e-300))
    best = int(np.argmax(share))
    if best < omega.size:
        return np.array([best]), float(abs(omega[best])), float(alone[best])
    best -= omega.size
    low, high = order[: best + 1], order[best + 1 :]
    floats = bool((problem.parts == 0).all())  # then both sides pull alike: the shorter is named
    members = high if floats and high.size < low.size else low
    return members, float(pull[best]), float(cut[best])


def _names(problem: Reduction, members: IntArray, order: FloatArray) -> str:
    """The worst of some free oscillators by their numbers in the network."""
    worst = problem.network.free[members[np.argsort(order, kind="stable")]].tolist()
    if len(worst) == 1:
        return f"oscillator {worst[0]}"
    more = f" and {len(worst) - NAMED} more" if len(worst) > NAMED else ""
    return "oscillators " + ", ".join(map(str, worst[:NAMED])) + more
