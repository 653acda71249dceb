"""How a pulse shifts the rhythm of a neuron with a reset: numerical phase reduction."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import cast

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.hw_models.spiking.limit_cycle import TOLERANCE, Cycle
from neurosc.network import ComplexArray, FloatArray

FLAT = 1e-4
"""|z_1| / |z_0| of a response that no taps can use: they would be ten thousand times too strong."""
HIGHEST = 1000
"""Largest order of a harmonic for which the quadrature is made."""
PANELS, NODES = 256, 16
"""Gauss-Legendre: at least 256 panels of 16 nodes in a cycle, more than 4 nodes a wave."""


@dataclasses.dataclass(frozen=True, eq=False)
class Response:
    """The phase response of a cycle to its drive.

    By the adjoint equation dZ/dt = -Z J along the cycle, Z(T) = Z(0) S across the reset and
    Z . F = omega; the response is T Z . dF/dI, in radians per unit of drive times period.

    Source: Malkin (1949); Shirasaka, Kurebayashi and Nakao, Chaos 27, 023119 (2017), for resets.
    """

    cycle: Cycle

    @cached_property
    def adjoint(self) -> scipy.integrate.OdeSolution:
        """Z (k,) at times in [0, T], integrated backwards, in which direction errors decay."""
        cycle, dynamics = self.cycle, self.cycle.dynamics
        values, vectors = np.linalg.eig(cycle.monodromy.T)
        first = vectors[:, np.abs(values - 1).argmin()].real / cycle.scale
        omega = 2 * np.pi / cycle.period
        first = first * omega / (first @ dynamics.velocity(cycle.start, cycle.drive))
        done = scipy.integrate.solve_ivp(
            lambda t, z: -z @ dynamics.jacobian(cycle.orbit(t), cycle.drive),
            (cycle.period, 0.0),
            first @ cycle.saltation,
            method="DOP853",
            rtol=TOLERANCE,
            atol=0.1 * TOLERANCE / cycle.scale,
            dense_output=True,
        )
        closed = done.y[:, -1] @ dynamics.velocity(cycle.start, cycle.drive) / omega
        if not abs(closed - 1) < 1e-6:
            raise ValueError(
                f"equations: the phase response is lost in rounding (Z . F / omega = {closed:.6g} "
                "instead of 1); use equations that are less stiff, or a lower threshold"
            )
        return cast(scipy.integrate.OdeSolution, done.sol)

    def __call__(self, theta: npt.ArrayLike) -> FloatArray:
        """The response at phases of any shape, 2 pi-periodic."""
        cycle = self.cycle
        theta = np.asarray(theta, dtype=np.float64)
        time = np.mod(theta.ravel(), 2 * np.pi) * cycle.period / (2 * np.pi)
        return self._at(time).reshape(theta.shape)

    def _at(self, time: FloatArray) -> FloatArray:
        push = self.cycle.dynamics.push(self.cycle.orbit(time), self.cycle.drive)
        return np.asarray(self.cycle.period * (self.adjoint(time) * push).sum(axis=0))

    @cached_property
    def samples(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Phases, weights of their quadrature over a cycle, and the response there."""
        period = self.cycle.period
        even = np.linspace(0, period, PANELS + 1)
        edges = np.union1d(even, np.clip(self.adjoint.ts, 0, period))
        node, weight = np.polynomial.legendre.leggauss(NODES)
        half = np.diff(edges)[:, None] / 2
        time = (edges[:-1, None] + half * (1 + node)).ravel()
        turn = 2 * np.pi / period
        return turn * time, turn * (half * weight).ravel(), self._at(time)

    def harmonics(self, order: npt.ArrayLike) -> ComplexArray:
        """z_n = int Z exp(-i n theta) d theta / 2 pi, by Gauss-Legendre between the resets."""
        n = np.asarray(order)
        if np.any(n != np.round(n)) or np.any(np.abs(n) > HIGHEST):
            raise ValueError(f"order: give integers up to {HIGHEST} in size")
        theta, weight, value = self.samples
        each, where = np.unique(n, return_inverse=True)
        waves = np.exp(-1j * np.multiply.outer(each.astype(np.float64), theta))
        return np.asarray((waves @ (weight * value) / (2 * np.pi))[where].reshape(n.shape))

    @property
    def peak(self) -> float:
        """max |Z|."""
        edges = np.abs(self._at(np.array([0.0, self.cycle.period]))).max()
        return float(max(edges, np.abs(self.samples[2]).max()))

    def check(self) -> None:
        """Raise unless the response has a first harmonic to couple with."""
        flat, first = np.abs(self.harmonics([0, 1]))
        if first <= FLAT * max(flat, self.peak):
            raise ValueError(
                "equations: flat phase response: a pulse advances the neuron by the same amount "
                "at each phase, so no taps can make a sine of it; use a leaky or quadratic neuron"
            )
