"""A batch of samples as the free oscillators see it: held ones become fields."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.network import (
    ComplexArray,
    Encoded,
    FloatArray,
    IntArray,
    PhaseNetwork,
    phasors,
)
from neurosc.parameters import is_sparse
from neurosc.substrate import Nudge, batch_start

DENSE_LIMIT = 4096
"""Most free oscillators that the dense kernels take: 128 MiB for one Hessian."""


@dataclasses.dataclass(frozen=True, eq=False)
class Reduction:
    """Free oscillators m = len(network.free) under a field h = b + J z_held.

    Attributes
    ----------
    edges
        J among the free ones, (m, m), sparse if the network's is.
    frequency
        (batch, m), less the mean over each floating part: the co-rotating frame.
    field
        h, (batch, m) complex, with the nudge's where that is one.
    second_harmonic
        (batch, m), likewise.
    parts
        (m,), the floating part of each oscillator, -1 if anchored.
    feedback
        The nudge that is left, as a cost that depends on the phases; None if there is none.
    start
        (batch, m) or None.
    """

    network: PhaseNetwork
    encoded: Encoded
    edges: Any
    frequency: FloatArray
    field: ComplexArray
    second_harmonic: FloatArray
    parts: IntArray
    feedback: Feedback | None
    start: FloatArray | None

    @property
    def batch(self) -> int:
        """Number of samples."""
        return len(self.frequency)

    @cached_property
    def coupling(self) -> tuple[FloatArray, FloatArray]:
        """Re J and Im J among the free ones as dense arrays; Im J is empty for a real network."""
        if len(self.parts) > DENSE_LIMIT:
            raise ValueError(
                f"network: {len(self.parts)} free oscillators exceed the {DENSE_LIMIT} that dense "
                'kernels hold; make the coupling sparse and use method="sparse"'
            )
        dense = self.edges.toarray() if is_sparse(self.edges) else self.edges
        imaginary = dense.imag if self.network.is_complex else np.zeros((0, 0))
        return np.ascontiguousarray(dense.real), np.ascontiguousarray(imaginary)

    def full(self, free_phases: FloatArray) -> FloatArray:
        """Phases (batch, n) of all oscillators, floating parts turned to their reference."""
        phases = self.encoded.phases.copy()
        phases[:, self.network.free] = free_phases
        return self.network.gauge(phases)


@dataclasses.dataclass(frozen=True, eq=False)
class Feedback:
    """beta C as a function of the free phases (batch, m).

    `rows` are the free oscillators on which it acts: the outputs and, with the opposite torque,
    the references from which they are measured. `frame` (k, len(rows)) takes their phases to the
    k output phases that the cost sees, less the constant `offset` (batch, k) of held references.
    """

    nudge: Nudge
    rows: IntArray
    frame: FloatArray
    offset: FloatArray

    def seen(self, free_phases: FloatArray, samples: IntArray) -> FloatArray:
        """The output phases that the cost sees."""
        own = free_phases[:, self.rows]
        return np.asarray((own[:, None, :] * self.frame).sum(axis=-1) - self.offset[samples])

    def _target(self, samples: IntArray) -> npt.NDArray[np.generic]:
        return np.asarray(self.nudge.target)[samples]

    def energy(self, free_phases: FloatArray, samples: IntArray) -> FloatArray:
        """beta C of some samples, (len(samples),)."""
        seen = self.seen(free_phases, samples)
        return self.nudge.beta * self.nudge.cost.value(seen, self._target(samples))

    def gradient(self, free_phases: FloatArray, samples: IntArray) -> FloatArray:
        """beta dC/dtheta at `rows`."""
        seen = self.seen(free_phases, samples)
        slope = self.nudge.cost.gradient(seen, self._target(samples))
        return np.asarray(self.nudge.beta * (slope[:, :, None] * self.frame).sum(axis=1))

    def hessian(self, free_phases: FloatArray, samples: IntArray) -> FloatArray:
        """beta d2C/dtheta2 at `rows`."""
        seen = self.seen(free_phases, samples)
        curvature = self.nudge.cost.hessian(seen, self._target(samples))
        return np.asarray(self.nudge.beta * (self.frame.T @ curvature @ self.frame))


def reduce(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    nudge: Nudge | None = None,
    start: npt.ArrayLike | None = None,
) -> Reduction:
    """Put samples and nudge into the fields that act on the free oscillators."""
    rows, phases = batch_start(network, x, start)
    encoded = network.encode(x, rows)
    free = network.free
    if free.size == 0:
        raise ValueError("network: every oscillator is held, nothing can relax; free some")
    fixed = np.setdiff1d(np.arange(network.n), free)
    coupling = network.coupling
    to_free = coupling[free] if is_sparse(coupling) else coupling[free, :]
    inner, outer = to_free[:, free], to_free[:, fixed]
    z_fixed = phasors(encoded.phases[:, fixed], encoded.amplitude[:, fixed])
    field = network.field[free] + (_weigh(z_fixed, outer) if fixed.size else 0.0)
    field = np.array(np.broadcast_to(field, (len(encoded.phases), free.size)), dtype=complex)
    harmonic = np.tile(network.second_harmonic[free], (len(field), 1))
    feedback = None
    if nudge is not None and nudge.beta != 0:
        feedback = _nudged(network, encoded, nudge, field, harmonic)
    return Reduction(
        network=network,
        encoded=encoded,
        edges=inner,
        frequency=network.co_rotating(encoded.frequency)[:, free],
        field=field,
        second_harmonic=harmonic,
        parts=network.parts[free],
        feedback=feedback,
        start=None if phases is None else np.ascontiguousarray(phases[:, free]),
    )


def _weigh(z_fixed: ComplexArray, outer: npt.NDArray[np.generic]) -> ComplexArray:
    """J z of the held oscillators, one sample at a time so that the bits do not know the batch."""
    return np.stack([np.asarray(outer @ z).ravel() for z in z_fixed])


def _nudged(
    network: PhaseNetwork,
    encoded: Encoded,
    nudge: Nudge,
    field: ComplexArray,
    harmonic: FloatArray,
) -> Feedback | None:
    """Add the nudge to field and second harmonic in place, or return it as feedback."""
    outputs = network.outputs
    if outputs.size == 0:
        raise ValueError("nudge: the network has no outputs to nudge; name them in outputs=")
    if len(np.atleast_1d(np.asarray(nudge.target))) != len(field):
        raise ValueError(
            f"target: {len(np.atleast_1d(np.asarray(nudge.target)))} targets for {len(field)} "
            "samples; give one for each"
        )
    column = np.full(network.n, -1)
    column[network.free] = np.arange(network.free.size)
    references = network.frame[outputs]
    drive = nudge.cost.drive(nudge.target, outputs.size)
    if drive is not None and (references < 0).all():
        field[:, column[outputs]] += nudge.beta * drive.field
        harmonic[:, column[outputs]] += nudge.beta * drive.second_harmonic
        return None
    moving = np.unique(references[(references >= 0) & (column[references] >= 0)])
    acted_on = np.concatenate([outputs, np.setdiff1d(moving, outputs)])
    frame = np.zeros((outputs.size, acted_on.size))
    frame[:, : outputs.size] = np.eye(outputs.size)
    offset = np.zeros((len(field), outputs.size))
    for k, r in enumerate(references):
        if r >= 0 and column[r] >= 0:
            frame[k, acted_on == r] -= 1
        elif r >= 0:
            offset[:, k] = encoded.phases[:, r]
    return Feedback(nudge, column[acted_on], frame, offset)
