"""Equilibria under complex nudges, continued analytically from the free ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosc.ideal.feedback import Feedback
from neurosc.ideal.reduction import DENSE_LIMIT, Reduction, reduce
from neurosc.network import ComplexArray, FloatArray, IntArray, PhaseNetwork
from neurosc.parameters import dense
from neurosc.substrate import Nudge

LONGEST_STEP = 0.5
"""Radians that one Newton step may move a phase; a longer one has left the branch."""
CONTRACTION = 0.5
"""Newton steps must shrink by this factor, else the nudge is approached in smaller parts."""
SMALL_STEP = 1e-9
"""Radians below which one Newton step squares the error to less than rounding."""
NEWTON_STEPS = 12
SMALLEST_PART = 2.0**-8
"""Least part of a nudge that is approached at once."""
ENTRIES = 2**21
"""Complex numbers in the Hessians that are held at once: 32 MiB."""


def complex_equilibria(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    nudge: Nudge,
    factors: ComplexArray,
    start: FloatArray,
) -> tuple[ComplexArray, npt.NDArray[np.bool_]]:
    """Phases at rest on E + factor beta C for complex factors, by Newton's method.

    With z = exp(i theta) and y = exp(-i theta), which is conj(z) only where theta is real, the
    torque continues to omega + [y (J z + b) - z (conj(J) y + conj(b))] / 2i - s sin 2 theta.
    Each state is followed from the free equilibrium along the ray 0 to factor beta.

    Parameters
    ----------
    network, x
        The network and its samples.
    nudge
        Cost, target and beta; the cost must be analytic.
    factors
        Complex numbers, (k,), by which beta is multiplied.
    start
        Free equilibria, (batch, n), radians.

    Returns
    -------
    phases
        (k, batch, n) complex, radians; zero imaginary part at held oscillators.
    followed
        (k, batch): whether Newton arrived; at a real factor also whether the state is stable.
    """
    if network.free.size > DENSE_LIMIT:
        raise ValueError(
            f"network: {network.free.size} free oscillators exceed the {DENSE_LIMIT} for which "
            'complex nudges are solved; use scheme="symmetric"'
        )
    problem = reduce(network, x, nudge, start, feedback_only=True)
    if problem.feedback is None or problem.start is None:
        raise ValueError("nudge: beta is 0, which leaves the free equilibrium; give another")
    branch = _Branch(problem, problem.feedback)
    batch, m = problem.start.shape
    samples = np.tile(np.arange(batch), len(factors))
    rays = np.repeat(factors, batch)
    moved = np.empty((rays.size, m), dtype=np.complex128)
    followed = np.empty(rays.size, dtype=bool)
    chunk = max(1, ENTRIES // m**2)
    for first in range(0, rays.size, chunk):
        rows = slice(first, first + chunk)
        moved[rows], followed[rows] = branch.follow(samples[rows], rays[rows])
    phases = np.tile(problem.encoded.phases.astype(np.complex128), (len(factors), 1))
    phases[:, network.free] = moved
    return phases.reshape(len(factors), batch, -1), followed.reshape(len(factors), batch)


class _Branch:
    """The equilibria that grow out of the free ones as the complex nudge grows."""

    def __init__(self, problem: Reduction, feedback: Feedback) -> None:
        self.problem, self.feedback = problem, feedback
        edges = problem.edges
        self.J = dense(edges).astype(np.complex128)
        parts = problem.parts
        self.turn = np.equal.outer(parts, parts) & (parts >= 0)

    def follow(
        self, samples: IntArray, rays: ComplexArray
    ) -> tuple[ComplexArray, npt.NDArray[np.bool_]]:
        """The state of each row's sample at the end of its ray, and whether it was reached."""
        start: FloatArray = np.asarray(self.problem.start)
        theta = start[samples].astype(np.complex128)
        reached, part = np.zeros(rays.size), np.ones(rays.size)
        while (todo := np.flatnonzero((reached < 1) & (part >= SMALLEST_PART))).size:
            aim = np.minimum(1.0, reached[todo] + part[todo])
            moved, arrived = self._newton(theta[todo], samples[todo], aim * rays[todo])
            on, off = todo[arrived], todo[~arrived]
            theta[on], reached[on] = moved[arrived], aim[arrived]
            part[on] *= 2
            part[off] /= 2
        followed = reached == 1
        real = np.flatnonzero(followed & (rays.imag == 0))
        _, hessian = self._linearised(theta[real], samples[real], rays[real])
        followed[real] = np.linalg.eigvalsh(hessian.real)[:, 0] > 0
        return theta, followed

    def _newton(
        self, theta: ComplexArray, samples: IntArray, factors: ComplexArray
    ) -> tuple[ComplexArray, npt.NDArray[np.bool_]]:
        theta = theta.copy()
        arrived = np.zeros(len(theta), dtype=bool)
        last = np.full(len(theta), LONGEST_STEP / CONTRACTION)
        active = np.arange(len(theta))
        for _ in range(NEWTON_STEPS):
            torque, hessian = self._linearised(theta[active], samples[active], factors[active])
            step = np.linalg.solve(hessian, torque[..., None])[..., 0]
            size = np.abs(step).max(axis=1)
            shrinks = size <= np.maximum(CONTRACTION * last[active], SMALL_STEP)
            active, size = active[shrinks], size[shrinks]
            theta[active] += step[shrinks]
            last[active] = size
            arrived[active] = size <= SMALL_STEP
            active = active[size > SMALL_STEP]
            if active.size == 0:
                break
        return theta, arrived

    def _linearised(
        self, theta: ComplexArray, samples: IntArray, factors: ComplexArray
    ) -> tuple[ComplexArray, ComplexArray]:
        """Torque (rows, m), and the Hessian (rows, m, m) lifted off zero along the rotations."""
        problem, feedback = self.problem, self.feedback
        z, y = np.exp(1j * theta), np.exp(-1j * theta)
        h, s = problem.field[samples], problem.second_harmonic[samples]
        to_left = y * (np.matmul(self.J, z[..., None])[..., 0] + h)
        to_right = z * (np.matmul(self.J.conj(), y[..., None])[..., 0] + h.conj())
        torque = problem.frequency[samples] + (to_left - to_right) / 2j - s * np.sin(2 * theta)
        pairs = y[:, :, None] * self.J * z[:, None, :]
        hessian = -0.5 * (pairs + pairs.swapaxes(1, 2))
        m = np.arange(theta.shape[1])
        hessian[:, m, m] += 0.5 * (to_left + to_right) + 2 * s * np.cos(2 * theta)
        scale = np.abs(hessian[:, m, m]).mean(axis=1) / max(1, m.size)
        hessian += scale[:, None, None] * self.turn
        rows = feedback.rows
        torque[:, rows] -= factors[:, None] * feedback.gradient(theta, samples)  # type: ignore[arg-type]
        block = feedback.hessian(theta, samples)  # type: ignore[arg-type]
        hessian[:, rows[:, None], rows] += factors[:, None, None] * block
        return torque, hessian
