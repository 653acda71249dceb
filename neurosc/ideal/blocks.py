"""Block descent: sets of oscillators that do not see each other turn to their minimum at once."""

from __future__ import annotations

import numpy as np

from neurosc.ideal import descent
from neurosc.ideal.hessians import certify
from neurosc.ideal.pcg import CHUNK
from neurosc.ideal.products import factor, product
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.threads import over_chunks
from neurosc.network import ComplexArray, FloatArray, IntArray
from neurosc.substrate import Relaxation, Status

SWEEPS_PER_STEP = 20
"""Sweeps that count as one of `max_steps`: each is a product, as an inner iteration is."""
SURE_LEAD = 0.99
"""Largest |omega| / |u| at which an oscillator still follows u, so that one that slips can turn."""


def blocks(problem: Reduction, tolerance: float, max_steps: int) -> Relaxation:
    """Minimise E by theta_i <- arg u_i + arcsin(omega_i / |u_i|), u = J z + b, block by block.

    A block is an independent set of the coupling graph, in a layered network every other layer,
    so that each update is the exact minimum over the block: the energy never rises and there is
    no step size. Converges linearly, as fast as the softest mode allows.

    Raises
    ------
    ValueError
        With a second harmonic or a nudge that follows the phases, where the minimum over one
        oscillator has no closed form.
    """
    if problem.feedback is not None or problem.second_harmonic.any():
        raise ValueError(
            'method: "blocks" takes no second harmonic and no nudge that follows the phases; '
            'use method="auto"'
        )
    limit = descent.torque_limit(problem, tolerance)
    theta, residual = descent.cold_start(problem), np.empty(problem.batch)
    status = np.empty(problem.batch, dtype=np.int8)
    sweep = _Sweep(problem)

    def run(part: slice) -> None:
        theta[part], residual[part], status[part] = sweep.descend(
            theta[part], np.arange(problem.batch)[part], limit[part], SWEEPS_PER_STEP * max_steps
        )

    over_chunks(run, problem.batch, max(1, CHUNK // theta.shape[1]))
    certify(problem, theta, status)
    return descent.ending(problem, theta, residual, status)


class _Sweep:
    """The blocks of one network, with the columns of J that pull on each."""

    def __init__(self, problem: Reduction) -> None:
        real, imaginary = problem.coupling
        J = real + 1j * imaginary if imaginary.size else real
        self.problem = problem
        self.blocks = independent_sets(real != 0 if not imaginary.size else J != 0)
        self.columns = [factor(J[block].T) for block in self.blocks]

    def descend(
        self, theta: FloatArray, samples: IntArray, limit: FloatArray, sweeps: int
    ) -> tuple[FloatArray, FloatArray, np.ndarray]:
        """Phases, residual and status after as many sweeps as each sample needs."""
        end, residual = theta.copy(), np.full(len(theta), np.inf)
        status = np.full(len(theta), Status.STEP_LIMIT, dtype=np.int8)
        active, z = np.arange(len(theta)), np.exp(1j * theta)
        for _ in range(sweeps):
            torque = self._turn(z, samples[active])
            resting = torque <= limit[active]
            residual[active], end[active] = torque, np.angle(z)
            status[active[resting]] = Status.LOCKED
            active, z = active[~resting], z[~resting]
            if active.size == 0:
                break
        return end, residual, status

    def _turn(self, z: ComplexArray, samples: IntArray) -> FloatArray:
        """One sweep in place; the largest torque that any oscillator felt before its turn.

        Of a sample at rest nothing moves any more, so that these are the torques at its end.
        """
        p, largest = self.problem, np.zeros(len(z))
        for block, columns in zip(self.blocks, self.columns, strict=True):
            u = product(z, columns) + p.field[samples][:, block]
            omega, size = p.frequency[samples][:, block], np.abs(u)
            torque = omega + (z[:, block].conj() * u).imag
            np.maximum(largest, np.abs(torque).max(axis=1), out=largest)
            lead = np.clip(omega / np.maximum(size, 1e-300), -SURE_LEAD, SURE_LEAD)
            turned = u / np.maximum(size, 1e-300) * (np.sqrt(1 - lead**2) + 1j * lead)
            z[:, block] = np.where(size > 0, turned, z[:, block])
        return largest


def independent_sets(adjacent: np.ndarray) -> list[IntArray]:
    """Greedy colouring of the graph with adjacency matrix (m, m): sets without an inner edge."""
    colour = np.full(len(adjacent), -1)
    for i in range(len(adjacent)):
        taken = set(colour[adjacent[i]].tolist())
        colour[i] = next(c for c in range(len(adjacent)) if c not in taken)
    return [np.flatnonzero(colour == c) for c in range(colour.max() + 1)]
