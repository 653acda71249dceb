"""The rhythm of a neuron with a reset.

A neuron moves as dx/dt = F(x, I). Where h(x) rises through 0 it spikes and x becomes R(x). Its
limit cycle runs from reset to reset; F- and F+ are its velocities before and after.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy

from neurosc.network import ComplexArray, FloatArray

TOLERANCE = 1e-12
"""Relative error per step; of a variable near zero, relative to its scale, a tenth of it."""
STEPS = 5000
"""Steps of integration without a spike: at a resting point some 30,000 membrane times."""
STILL = 1e-10
"""Relative motion in each of ten steps of a neuron at rest."""
SETTLE = 50
"""Spikes that a neuron gets to approach its rhythm by itself."""
ROUNDS = 100
"""Spikes to close the cycle, with Newton's method."""
ROUNDING = 1e-9
"""Relative distance from the threshold that counts as none."""
CLOSED = 1e-10
"""Relative gap of a closed cycle."""

Field = Callable[..., FloatArray]


class NotFiringError(ValueError):
    """At this drive the neuron does not reach its threshold."""


class Dynamics(NamedTuple):
    """The functions of a neuron, in SI units; states have shape (k,) or (k, points).

    Attributes
    ----------
    velocity, jacobian, push
        F(x, I) (k, ...), dF/dx (k, k, ...) and dF/dI (k, ...).
    height, normal
        h(x) (1, ...) and its gradient (k, ...).
    reset, reset_jacobian
        R(x) (k, ...) and dR/dx (k, k, ...).
    """

    velocity: Field
    jacobian: Field
    push: Field
    height: Field
    normal: Field
    reset: Field
    reset_jacobian: Field


@dataclasses.dataclass(frozen=True, eq=False)
class Cycle:
    """A limit cycle, or an orbit from a state after a spike to the next that is to become one.

    Attributes
    ----------
    dynamics
        Of the neuron.
    drive
        I at which it was found.
    start, end
        States after and before the reset, (k,).
    orbit
        The states at times in [0, T].
    scale
        Size of each variable along the cycle, (k,).
    """

    dynamics: Dynamics
    drive: float
    start: FloatArray
    end: FloatArray
    orbit: scipy.integrate.OdeSolution
    scale: FloatArray

    @property
    def period(self) -> float:
        """T, in seconds."""
        return float(self.orbit.t_max)

    @cached_property
    def after(self) -> FloatArray:
        """The state after the spike, (k,): the start of the next."""
        return self.dynamics.reset(self.end, self.drive)

    @property
    def gap(self) -> float:
        """Relative distance of the start from that of the next."""
        return float(np.abs((self.after - self.start) / self.scale).max())

    @cached_property
    def transition(self) -> FloatArray:
        """Phi(T) (k, k) of dPhi/dt = J Phi: where a small change of the start has gone by T."""
        size, scale = self.scale.size, self.scale

        def slope(t: float, flat: FloatArray) -> FloatArray:
            jacobian = self.dynamics.jacobian(self.orbit(t), self.drive)
            return np.asarray((jacobian @ flat.reshape(size, size)).ravel())

        done = scipy.integrate.solve_ivp(
            slope,
            (0.0, self.period),
            np.eye(size).ravel(),
            method="DOP853",
            rtol=TOLERANCE,
            atol=0.1 * TOLERANCE * np.outer(scale, 1 / scale).ravel(),
        )
        return np.asarray(done.y[:, -1].reshape(size, size))

    @cached_property
    def descent(self) -> FloatArray:
        """DR (1 - F- grad h / (grad h . F-)) (k, k): a change of the orbit after the spike."""
        before, normal = self._approach
        jump = self.dynamics.reset_jacobian(self.end, self.drive)
        return np.asarray(jump - np.outer(jump @ before, normal))

    @property
    def saltation(self) -> FloatArray:
        """S = DR + (F+ - DR F-) grad h / (grad h . F-) (k, k): a change at a fixed time."""
        behind = self.dynamics.velocity(self.after, self.drive)
        return np.asarray(self.descent + np.outer(behind, self._approach[1]))

    @property
    def _approach(self) -> tuple[FloatArray, FloatArray]:
        """F- and grad h / (grad h . F-)."""
        before = self.dynamics.velocity(self.end, self.drive)
        normal = self.dynamics.normal(self.end, self.drive)
        return before, normal / (normal @ before)

    @property
    def monodromy(self) -> FloatArray:
        """S Phi(T) (k, k) in units of `scale`; its eigenvalues are the Floquet multipliers."""
        return np.asarray(self.saltation @ self.transition * self.scale / self.scale[:, None])

    @property
    def multipliers(self) -> ComplexArray:
        """The k - 1 Floquet multipliers other than the 1 of a shift in time, largest first."""
        if self.scale.size == 1:
            return np.empty(0, dtype=np.complex128)
        values = np.linalg.eigvals(self.monodromy).astype(np.complex128)
        others = np.delete(values, np.abs(values - 1).argmin())
        return np.asarray(others[np.argsort(-np.abs(others))])

    def check(self) -> None:
        """Raise if a small change of the cycle grows."""
        largest = float(np.abs(self.multipliers).max(initial=0))
        if largest >= 1 - 1e-6:
            raise ValueError(
                f"drive: at {self.drive:.6g} (SI) the regular rhythm is not stable (Floquet "
                f"multiplier {largest:.4g}), so the neuron bursts or alternates; change drive or "
                "the reset"
            )


def find_cycle(dynamics: Dynamics, drive: float, size: int, near: Cycle | None = None) -> Cycle:
    """The limit cycle at a drive, searched from rest or from a cycle at a drive near it.

    The reset map, from the state after a spike to that after the next, is solved for its fixed
    point by Newton's method, with a new derivative only where the last one does not serve.

    Raises
    ------
    NotFiringError
        If the threshold is never reached.
    ValueError
        If the neuron does not settle into equal cycles.
    """
    state, scale = _settle(dynamics, drive, size) if near is None else (near.start, near.scale)
    slope = None if near is None or size == 1 else near.descent @ near.transition
    least = np.inf
    for _ in range(ROUNDS):
        cycle = _fly(dynamics, drive, state, scale)
        gap, scale = cycle.gap, cycle.scale
        if gap <= CLOSED:
            return cycle
        if slope is None or gap > 0.1 * least:
            slope = cycle.descent @ cycle.transition
        newton = state + np.linalg.lstsq(np.eye(size) - slope, cycle.after - state)[0]
        # where Newton's method does not gain, the neuron itself may
        helps = gap < 0.5 * least and dynamics.height(newton, drive)[0] < 0
        state = newton if helps else cycle.after
        least = min(least, gap)
    raise ValueError(
        f"drive: at {drive:.6g} (SI) the intervals between spikes do not become equal; change "
        "drive or the reset until the neuron fires regularly"
    )


def _settle(dynamics: Dynamics, drive: float, size: int) -> tuple[FloatArray, FloatArray]:
    """A state after a spike, near the rhythm, and the scale of the variables."""
    state = np.zeros(size)
    for _ in range(ROUNDS):
        state = dynamics.reset(state, drive)
        if dynamics.height(state, drive)[0] < 0:
            break
    scale = np.full(size, 1e-4)  # in SI units small against what neurons have, until it is known
    for _ in range(SETTLE):
        cycle = _fly(dynamics, drive, state, scale)
        scale, state = cycle.scale, cycle.after
        if cycle.gap <= CLOSED:
            break
    return state, scale


def _fly(dynamics: Dynamics, drive: float, start: FloatArray, scale: FloatArray) -> Cycle:
    """From a state to its threshold."""
    margin = np.abs(dynamics.normal(start, drive)) @ np.abs(start)
    if dynamics.height(start, drive)[0] >= -ROUNDING * margin:
        raise ValueError(
            "reset: it leaves the neuron at or above its threshold, where it spikes for ever; "
            "reset to a state below the threshold"
        )
    solver = scipy.integrate.DOP853(
        lambda _, x: dynamics.velocity(x, drive),
        0.0,
        start,
        np.inf,
        rtol=TOLERANCE,
        atol=0.1 * TOLERANCE * scale,  # type: ignore[arg-type]
    )
    times, pieces, still = [0.0], [], 0
    with np.errstate(all="ignore"):  # a trial step may leave the domain; it is then shortened
        for _ in range(STEPS):
            before = solver.y
            if solver.step() is not None:
                break
            pieces.append(solver.dense_output())
            if dynamics.height(solver.y, drive)[0] >= 0:
                orbit, end = _cut(dynamics, drive, times, pieces)
                return Cycle(dynamics, drive, start, end, orbit, _extent(orbit))
            times.append(solver.t)
            moved = np.abs(solver.y - before) > STILL * np.maximum(np.abs(before), scale)
            still = 0 if moved.any() else still + 1
            if still == 10:
                break
    raise NotFiringError(
        f"drive: at {drive:.6g} (SI) the neuron does not reach its threshold within "
        f"{solver.t:.3g} s; raise drive, or correct the equations"
    )


def _cut(
    dynamics: Dynamics,
    drive: float,
    times: list[float],
    pieces: Sequence[scipy.integrate.DenseOutput],
) -> tuple[scipy.integrate.OdeSolution, FloatArray]:
    """The orbit that ends where the last piece crosses the threshold."""
    last = pieces[-1]
    crossing = scipy.optimize.brentq(
        lambda t: float(dynamics.height(last(t), drive)[0]),
        last.t_old,
        last.t,
        xtol=1e-15 * last.t,
        rtol=1e-15,
    )
    return scipy.integrate.OdeSolution([*times, crossing], [*pieces]), np.asarray(last(crossing))


def _extent(orbit: scipy.integrate.OdeSolution) -> FloatArray:
    """The largest size of each variable on an orbit, or a tiny number for one that stays zero."""
    return np.asarray(np.maximum(np.abs(orbit(np.asarray(orbit.ts))).max(axis=1), 1e-16))
