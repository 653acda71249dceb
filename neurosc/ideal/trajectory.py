"""Phases on their way, recorded at chosen times."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from neurosc import observables
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.tiles import Stepping, integrate
from neurosc.network import ComplexArray, FloatArray, IntArray, PhaseNetwork


@dataclasses.dataclass(frozen=True, eq=False)
class Trajectory:
    """Phases at recorded times.

    Attributes
    ----------
    times
        Shape (times,), in units of time: whole numbers of steps, nearest to those asked for.
    phases
        Shape (batch, times, n), radians, unwrapped, in the frame in which the network's
        frequencies are given.
    network
        Whose phases they are.
    """

    times: FloatArray
    phases: FloatArray
    network: PhaseNetwork

    def relative(self) -> FloatArray:
        """Phases (batch, times, n) against their references or mean, unwrapped."""
        if self.network.centred:
            return np.asarray(self.phases - self.network.part_mean(self.phases))
        frame = self.network.frame
        zero = np.where(frame >= 0, self.phases[..., np.maximum(frame, 0)], 0.0)
        return np.asarray(self.phases - zero)

    def order_parameter(self, m: int = 1) -> FloatArray:
        """R_m = |Z_m|, shape (batch, times); see `neurosc.order_parameter`."""
        return observables.order_parameter(self.phases, m)

    def complex_order_parameter(self, m: int = 1) -> ComplexArray:
        """Z_m, shape (batch, times); see `neurosc.complex_order_parameter`."""
        return observables.complex_order_parameter(self.phases, m)

    def phase_velocity(self) -> FloatArray:
        """Mean frequencies between the times, (batch, times - 1, n), radians per unit of time."""
        return observables.phase_velocity(self.times, self.phases)

    def locking_time(self, tolerance: float = 0.01) -> FloatArray:
        """First time after which all relative phases stay within `tolerance` radians of their end.

        Shape (batch,), NaN where they do so in the last tenth of the record only.
        """
        return observables.locking_time(self.times, self.relative(), tolerance)


def record(problem: Reduction, times: npt.ArrayLike, stepping: Stepping) -> Trajectory:
    """Step to the last of `times` and keep the phases at each; all samples take the same steps."""
    dt = float(stepping.dt.min())
    marks = _marks(times, dt)
    stepping = dataclasses.replace(stepping, dt=np.full_like(stepping.dt, dt))
    moving, _ = integrate(problem, stepping, np.tile(marks, (problem.batch, 1)))
    reached = np.asarray(marks * dt, dtype=np.float64)
    free = problem.network.free
    if stepping.delays is None:  # else the steps were those of the laboratory
        turning = problem.network.part_mean(problem.encoded.frequency)[:, free]
        moving += turning[:, None, :] * reached[:, None]
    phases = np.repeat(problem.encoded.phases[:, None, :], len(marks), axis=1)
    phases[..., free] = moving
    return Trajectory(reached, phases, problem.network)


def _marks(times: npt.ArrayLike, dt: float) -> IntArray:
    """Numbers of steps."""
    asked = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if asked.ndim != 1 or asked.size == 0 or not np.isfinite(asked).all() or asked[0] < 0:
        raise ValueError("times: give one or more finite, increasing times from 0 on")
    if not (np.diff(asked) > 0).all():
        k = int(np.argmin(np.diff(asked)))
        raise ValueError(
            f"times: {asked[k + 1]:g} follows {asked[k]:g}; sort them and name each once"
        )
    marks = np.rint(asked / dt).astype(np.intp)
    if not (np.diff(marks) > 0).all():
        k = int(np.argmin(np.diff(marks)))
        raise ValueError(
            f"times: {asked[k]:g} and {asked[k + 1]:g} fall on the same step of dt = {dt:g}; "
            "leave one out, or give a smaller dt="
        )
    return marks
