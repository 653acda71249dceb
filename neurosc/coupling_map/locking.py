"""Phase-locked states of networks without an energy: found by Newton's method, and certified."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.coupling_map.dynamics import check_coupling, delays, trajectories
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.slope import BoolArray
from neurosc.ideal.threads import one_blas_thread, over_chunks
from neurosc.network import FloatArray, IntArray, wrap
from neurosc.randomness import RNG

TASK = 4_000_000
"""Oscillators cubed that are worth the start of a task on a thread."""
NEWTON_STEPS = 30
MARGIN = 1e-6
"""Least damping of a stable disturbance: a share of its size in a step, or of the largest pull."""


@dataclasses.dataclass(frozen=True, eq=False)
class LockedStates:
    """Where networks turn as a whole, theta_i = phase_i + Omega t.

    Attributes
    ----------
    phases
        Shape (batch, n), radians; of a network that does not lock, where it was last. Without a
        field only their differences mean something.
    frequency
        Omega, shape (batch,); 0 where a field holds the network.
    locked
        Shape (batch,): whether at rest in that frame, and stable.
    """

    phases: FloatArray
    frequency: FloatArray
    locked: BoolArray


class LateNetwork(NamedTuple):
    """One of the batch; `lateness` is tau dt in units of time."""

    coupling: FloatArray
    frequency: FloatArray
    field: FloatArray
    lateness: FloatArray

    @property
    def is_held(self) -> bool:
        """Whether a field tells phases from one another's rotations."""
        return bool(self.field.any())

    def difference(self, phases: FloatArray, turning: float) -> FloatArray:
        """theta_j(t - tau_j) - theta_i(t), (n, n)."""
        return np.asarray((phases - turning * self.lateness)[None, :] - phases[:, None])

    def torque(self, phases: FloatArray, turning: float) -> FloatArray:
        """(n,), less Omega: 0 in a locked state."""
        pull = (self.coupling * np.sin(self.difference(phases, turning))).sum(axis=1)
        return np.asarray(self.frequency + pull + self.field * np.sin(phases) - turning)

    def slopes(self, phases: FloatArray, turning: float) -> tuple[FloatArray, FloatArray]:
        """d torque_i / d theta_j(t - tau_j), (n, n), and d torque_i / d theta_i(t), (n,)."""
        pull = self.coupling * np.cos(self.difference(phases, turning))
        return pull, self.field * np.cos(phases) - pull.sum(axis=1)

    def jacobian(self, phases: FloatArray, turning: float) -> FloatArray:
        """Of the torque and of what fixes the frame, by phases and Omega; (n + 1, n + 1).

        Without a field the mean phase is given and Omega is free; with one Omega is 0.
        """
        n = phases.size
        pull, own = self.slopes(phases, turning)
        whole = np.zeros((n + 1, n + 1))
        whole[:n, :n] = pull + np.diag(own)
        whole[:n, n] = -1 - pull @ self.lateness
        if self.is_held:
            whole[n, n] = 1
        else:
            whole[n, :n] = 1 / n
        return whole


def late_networks(coupling: npt.ArrayLike, instances: Instances, dt: float) -> list[LateNetwork]:
    """All of a batch."""
    pulls, lateness = check_coupling(coupling, instances), dt * delays(instances)
    return [
        LateNetwork(pulls[k], instances.frequency[k], instances.field[k], lateness[k])
        for k in range(instances.batch)
    ]


def locked_states(
    coupling: npt.ArrayLike,
    instances: Instances,
    *,
    dt: float,
    steps: int,
    start: npt.ArrayLike | None = None,
    tolerance: float = 1e-10,
    rng: RNG = None,
) -> LockedStates:
    """Step towards a locked state, then solve for it and certify that it is stable.

        Omega = omega_i + sum_j K_ij sin(theta_j - theta_i - Omega tau_j dt) + h_i sin theta_i

    Unknowns are the phases and, without fields, Omega. Without delays a state is stable if every
    eigenvalue of the Jacobian but that of rotation lies left of 0; with delays if every
    disturbance of the steps of length dt, all late phases included, shrinks.

    Parameters
    ----------
    coupling, instances, dt, steps, start, rng
        As for `trajectories`; `steps` are those before Newton's method takes over.
    tolerance
        Largest |torque| at rest, in units of the largest sum of couplings and field on one
        oscillator (at least 1).
    """
    late = delays(instances)
    every = late_networks(coupling, instances, dt)
    way = trajectories(coupling, instances, dt=dt, steps=steps, start=start, rng=rng)
    turning = (way[:, -1] - way[:, -2]).mean(axis=1) / dt
    free = ~instances.field.any(axis=1)
    phases = wrap(way[:, -1] - np.where(free, way[:, -1, 0], 0.0)[:, None])  # big ones lose digits
    locked = np.zeros(instances.batch, dtype=bool)

    def run(rows: slice) -> None:
        for k in range(rows.start, rows.stop):
            net = every[k]
            begin = 0.0 if net.is_held else float(turning[k])
            found = _newton(net, phases[k], begin, tolerance)
            if found is not None:
                phases[k], turning[k] = found
                locked[k] = _is_stable(net, *found, late[k], dt)

    with one_blas_thread():
        over_chunks(run, instances.batch, max(1, TASK // instances.n**3))
    return LockedStates(phases, turning, locked)


def _newton(
    net: LateNetwork, phases: FloatArray, turning: float, tolerance: float
) -> tuple[FloatArray, float] | None:
    """Phases and Omega at rest, or None."""
    n, strength = phases.size, np.abs(net.coupling).sum(axis=1) + np.abs(net.field)
    close = tolerance * max(1.0, float(strength.max()))
    for _ in range(NEWTON_STEPS):
        torque = net.torque(phases, turning)
        if not np.isfinite(torque).all():
            return None
        if np.abs(torque).max() <= close:
            return phases, turning
        try:
            step = np.linalg.solve(net.jacobian(phases, turning), np.append(torque, 0.0))
        except np.linalg.LinAlgError:
            return None
        phases, turning = phases - step[:n], turning - float(step[n])
    return None


def _is_stable(
    net: LateNetwork, phases: FloatArray, turning: float, late: IntArray, dt: float
) -> bool:
    """Whether every disturbance but a rotation dies out."""
    pull, own = net.slopes(phases, turning)
    if late.any():
        return _radius(pull, own, late, dt, net.is_held) < 1 - MARGIN
    scale = float(np.abs(own).max(initial=1e-300))
    flow = pull + np.diag(own)
    if not net.is_held:
        flow -= scale / phases.size  # moves the eigenvalue of rotation, and no other, to -scale
    return bool(np.linalg.eigvals(flow).real.max() < -MARGIN * scale)


def _radius(pull: FloatArray, own: FloatArray, late: IntArray, dt: float, held: bool) -> float:
    """Largest |eigenvalue|, but that of rotation, of a step of disturbances and their past.

    inf where Arnoldi's iteration does not find it.
    """
    n, depth, place = late.size, int(late.max()) + 1, np.arange(late.size)

    def step(flat: FloatArray) -> FloatArray:
        past = flat.reshape(depth, n)
        now = past[0] + dt * (own * past[0] + pull @ past[late, place])
        moved = np.concatenate([now[None], past[:-1]])
        return np.asarray(moved if held else moved - past[0].mean()).ravel()

    linear = scipy.sparse.linalg.LinearOperator((depth * n,) * 2, matvec=step, dtype=np.float64)
    first = np.cos(np.arange(depth * n))
    try:
        found = scipy.sparse.linalg.eigs(
            linear, k=1, v0=first, tol=0.1 * MARGIN, return_eigenvectors=False
        )
    except scipy.sparse.linalg.ArpackNoConvergence:
        return float("inf")
    return float(np.abs(found).max())
