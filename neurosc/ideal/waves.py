"""The torque of a phase network whose oscillators interact by any wave, and its slope."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np
import numpy.typing as npt

from neurosc.ideal.feedback import nudged
from neurosc.ideal.interaction import Interaction
from neurosc.ideal.reduction import Reduction
from neurosc.network import ComplexArray, FloatArray, IntArray
from neurosc.parameters import dense
from neurosc.substrate import Nudge

STRIDE = 16
"""Orders between those whose sines are taken."""

Pair = tuple[FloatArray, FloatArray]
"""Real and imaginary part. Apart, as NumPy's complex products round the end of an array otherwise
than its middle, and a sample must not depend on its batch."""


def injected(problem: Reduction, nudge: Nudge | None) -> ComplexArray:
    """The fields (batch, m) that arrive as a wave: those of the network and of a static nudge."""
    network = problem.network
    field = np.tile(network.field[network.free], (problem.batch, 1))
    if nudge is not None and nudge.beta != 0 and nudge.at is None:
        nudged(network, problem.encoded, nudge, field, np.zeros(field.shape), feedback_only=False)
    return field


@dataclasses.dataclass(frozen=True, eq=False)
class Waves:
    """Free oscillators that interact by H = mean + sum_k Im(a_k e^{ik phi}).

        torque_i = omega_i + sum_j r_j [A_ij H(phi_ij) + B_ij H(phi_ij + pi/2)]
                   + Re b_i H(-theta_i) + Im b_i H(pi/2 - theta_i) - s_i sin 2 theta_i - nudge

    where phi_ij = theta_j - theta_i and J = A + iB. With e = exp(i theta) and
    F^k = (A + i^k B) (r e^k) + Re b + i^k Im b the waves add up to sum_k Im(a_k conj(e)^k F^k): two
    products of the couplings with all orders.

    Attributes
    ----------
    problem
        The same samples with plain sines, whose frequencies, second harmonic and feedback count.
    injected
        b, with the nudge where that is a field, (batch, m).
    """

    problem: Reduction
    injected: ComplexArray
    interaction: Interaction

    @cached_property
    def _orders(self) -> FloatArray:
        return self.interaction.orders.astype(np.float64)

    @cached_property
    def _split(self) -> list[tuple[FloatArray, IntArray]]:
        """Multiples of 16 and remainders that add up to the orders: far fewer sines than orders."""
        remainders = self._orders % STRIDE
        found = [np.unique(p, return_inverse=True) for p in (self._orders - remainders, remainders)]
        return [(values, np.asarray(places, dtype=np.intp)) for values, places in found]

    @cached_property
    def _coefficients(self) -> Pair:
        a = np.asarray(self.interaction.harmonics)[self.interaction.orders - 1]
        return _parts(a)

    @cached_property
    def _quarter(self) -> Pair:
        """i^k, exactly."""
        return _parts(np.array([1, 1j, -1, -1j])[self.interaction.orders % 4])

    @cached_property
    def _held(self) -> Pair:
        """F of what stands still, (batch, m, orders): held oscillators and fields."""
        network, encoded = self.problem.network, self.problem.encoded
        fixed, b = network.fixed, _parts(self.injected[:, :, None])
        cosine, sine = self._turns(np.ascontiguousarray(encoded.phases[:, fixed]))
        r = np.ascontiguousarray(encoded.amplitude[:, fixed])[:, :, None]
        real, imaginary = self._coupled(_parts(dense(network.blocks[1])), (r * cosine, r * sine))
        return real + b[0] + self._quarter[0] * b[1], imaginary + self._quarter[1] * b[1]

    @cached_property
    def _push(self) -> FloatArray:
        """The mean part of all interactions, (batch, m)."""
        network = self.problem.network
        real, imaginary = self.problem.coupling
        weights = real + imaginary if imaginary.size else real
        outer = np.add(*_parts(dense(network.blocks[1])))
        r = np.ascontiguousarray(self.problem.encoded.amplitude[:, network.fixed])[:, :, None]
        total = weights.sum(axis=1) + (outer @ r)[:, :, 0] + np.add(*_parts(self.injected))
        return np.asarray(self.interaction.mean * total)

    def torque(self, theta: FloatArray, samples: IntArray) -> FloatArray:
        """At phases (rows, m) of some samples, less its mean over each floating part."""
        _, felt = self._felt(self._turns(theta), samples)
        return self._total(felt, theta, samples)

    def linearised(self, theta: FloatArray, samples: IntArray) -> tuple[FloatArray, FloatArray]:
        """The torque and its slope d torque_i / d theta_j (rows, m, m).

        The slope is that of the whole torque, with the mean over floating parts.
        """
        p, waves = self.problem, self._turns(theta)
        own, felt = self._felt(waves, samples)
        real, imaginary = p.coupling
        a = self._coefficients
        slopes = real * self._slopes(a, waves)
        if imaginary.size:
            slopes += imaginary * self._slopes(_times(a, self._quarter), waves)
        diagonal = -(self._orders * own).sum(axis=2)
        diagonal -= 2 * p.second_harmonic[samples] * np.cos(2 * theta)
        index = np.arange(theta.shape[1])
        slopes[:, index, index] += diagonal
        if p.feedback is not None:
            rows = p.feedback.rows
            slopes[:, rows[:, None], rows] -= p.feedback.hessian(theta, samples)
        return self._total(felt, theta, samples), np.asarray(slopes)

    def _total(self, felt: FloatArray, theta: FloatArray, samples: IntArray) -> FloatArray:
        """The torque, with all that does not arrive as a wave."""
        p = self.problem
        torque = p.frequency[samples] + self._push[samples] + felt.sum(axis=2)
        torque -= p.second_harmonic[samples] * np.sin(2 * theta)
        if p.feedback is not None:
            torque[:, p.feedback.rows] -= p.feedback.gradient(theta, samples)
        for part in range(p.parts.max(initial=-1) + 1):
            mine = p.parts == part
            torque[:, mine] -= np.ascontiguousarray(torque[:, mine]).mean(axis=1, keepdims=True)
        return np.asarray(torque)

    def _turns(self, theta: FloatArray) -> Pair:
        """e^{ik theta}, (rows, oscillators, orders), as e^{i(k - r) theta} e^{ir theta}."""
        (large, of_large), (small, of_small) = self._split
        (a, b), (c, d) = (
            (np.cos(angles), np.sin(angles))
            for angles in (theta[:, :, None] * large, theta[:, :, None] * small)
        )
        left = a.take(of_large, axis=2), b.take(of_large, axis=2)
        return _times(left, (c.take(of_small, axis=2), d.take(of_small, axis=2)))

    def _coupled(self, coupling: Pair, waves: Pair) -> Pair:
        """(A + i^k B) e^k: a product of the same shape for each sample."""
        real, imaginary = coupling
        found = real @ waves[0], real @ waves[1]
        if not imaginary.any():
            return found
        turned = _times(self._quarter, (imaginary @ waves[0], imaginary @ waves[1]))
        return found[0] + turned[0], found[1] + turned[1]

    def _felt(self, waves: Pair, samples: IntArray) -> Pair:
        """a_k conj(e)^k F^k, (rows, m, orders)."""
        real, imaginary = self.problem.coupling
        coupled = self._coupled((real, imaginary if imaginary.size else np.zeros(1)), waves)
        held = self._held
        pull = coupled[0] + held[0][samples], coupled[1] + held[1][samples]
        return _times((waves[0], -waves[1]), _times(self._coefficients, pull))

    def _slopes(self, coefficients: Pair, waves: Pair) -> FloatArray:
        """sum_k k Re(a_k conj(e_i)^k e_j^k), (rows, m, m)."""
        k = self._orders
        left = _times((k * coefficients[0], k * coefficients[1]), (waves[0], -waves[1]))
        right = waves[0].transpose(0, 2, 1), waves[1].transpose(0, 2, 1)
        return np.asarray(left[0] @ right[0] - left[1] @ right[1])


def _parts(values: npt.ArrayLike) -> Pair:
    given = np.asarray(values, dtype=np.complex128)
    return np.ascontiguousarray(given.real), np.ascontiguousarray(given.imag)


def _times(left: Pair, right: Pair) -> Pair:
    """The complex product."""
    (a, b), (c, d) = left, right
    return np.asarray(a * c - b * d), np.asarray(a * d + b * c)
