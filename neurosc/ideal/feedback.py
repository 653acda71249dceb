"""A nudge as the free oscillators feel it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy

from neurosc.costs import check_batch, take
from neurosc.network import ComplexArray, Encoded, FloatArray, IntArray, PhaseNetwork, wrap
from neurosc.substrate import Nudge


class RelativeDrive(NamedTuple):
    """A nudge -Re(conj(f) e^{i d}) - 1/2 s cos 2d on d = theta_output - theta_reference.

    Free oscillators (k,), then Re f, Im f and s, (batch, k) each.
    """

    outputs: IntArray
    references: IntArray
    real: FloatArray
    imaginary: FloatArray
    second_harmonic: FloatArray


@dataclasses.dataclass(frozen=True, eq=False)
class Feedback:
    """beta C as a function of the free phases (batch, m).

    The cost sees the phases of `outputs` less those of their references or, where `parts` is not
    empty, less the mean of their floating part; both take the opposite torque.

    Attributes
    ----------
    outputs, references
        (k,), numbers among the free oscillators; -1 for a reference that is none of them.
    offset
        (batch, k), the constant phases of held references.
    parts
        (m,), the floating part of each free oscillator, of a `centred` network; else empty.
    drive
        The same nudge where the cost is a static one and all outputs have free references.
    """

    nudge: Nudge
    outputs: IntArray
    references: IntArray
    offset: FloatArray
    parts: IntArray
    drive: RelativeDrive | None

    @cached_property
    def rows(self) -> IntArray:
        """The free oscillators on which it acts, the outputs first."""
        others = np.unique(self.references[self.references >= 0])
        if self.parts.size:
            acted_on = np.isin(self.parts, self.parts[self.outputs]) & (self.parts >= 0)
            others = np.flatnonzero(acted_on)
        return np.concatenate([self.outputs, np.setdiff1d(others, self.outputs)])

    @cached_property
    def _groups(self) -> list[tuple[IntArray, IntArray]]:
        """Outputs of one zero, and the places among `rows` of the oscillators that make it.

        The first of these is that with the lowest number, from which a mean is taken.
        """
        if self.parts.size:
            order = np.argsort(self.rows)
            part, mine = self.parts[self.rows[order]], self.parts[self.outputs]
            floating = np.unique(mine[mine >= 0])
            return [(np.flatnonzero(mine == p), order[part == p]) for p in floating]
        moving = np.unique(self.references[self.references >= 0])
        return [
            (np.flatnonzero(self.references == r), np.flatnonzero(self.rows == r)) for r in moving
        ]

    def take(self, samples: IntArray) -> Feedback:
        """The nudge of some of the samples."""
        drive = self.drive
        if drive is not None:
            drive = drive._replace(
                real=drive.real[samples],
                imaginary=drive.imaginary[samples],
                second_harmonic=drive.second_harmonic[samples],
            )
        nudge = dataclasses.replace(self.nudge, target=self._target(samples))
        return dataclasses.replace(self, nudge=nudge, offset=self.offset[samples], drive=drive)

    def seen(self, free_phases: FloatArray, samples: IntArray) -> FloatArray:
        """The output phases that the cost sees."""
        own = np.ascontiguousarray(free_phases[:, self.rows])
        seen = own[:, : self.outputs.size] - self.offset[samples]
        for outputs, zero in self._groups:
            first = own[:, zero[0], None]
            around = np.ascontiguousarray(wrap(own[:, zero] - first))
            seen[:, outputs] -= first + around.mean(axis=1, keepdims=True)
        return seen

    def _target(self, samples: IntArray) -> Any:
        return take(self.nudge.target, samples)

    def energy(self, free_phases: FloatArray, samples: IntArray) -> FloatArray:
        """beta C of some samples, (len(samples),)."""
        seen = self.seen(free_phases, samples)
        return self.nudge.beta * self.nudge.cost.value(seen, self._target(samples))

    def gradient(self, free_phases: FloatArray, samples: IntArray) -> FloatArray:
        """beta dC/dtheta at `rows`."""
        seen = self.seen(free_phases, samples)
        slope = self.nudge.beta * self.nudge.cost.gradient(seen, self._target(samples))
        force = np.zeros((len(slope), self.rows.size), dtype=slope.dtype)
        force[:, : self.outputs.size] = slope
        for outputs, zero in self._groups:
            net = np.ascontiguousarray(slope[:, outputs]).sum(axis=1, keepdims=True)
            force[:, zero] -= net / zero.size
        return force

    def hessian(self, free_phases: FloatArray, samples: IntArray) -> FloatArray:
        """beta d2C/dtheta2 at `rows`, dense."""
        seen = self.seen(free_phases, samples)
        curvature = self.nudge.cost.hessian(seen, self._target(samples))
        frame = np.eye(self.outputs.size, self.rows.size)
        for outputs, zero in self._groups:
            frame[np.ix_(outputs, zero)] -= 1 / zero.size
        return np.asarray(self.nudge.beta * (frame.T @ curvature @ frame))

    def sparse_hessian(self, free_phases: FloatArray, sample: int) -> Any:
        """beta d2C/dtheta2 (m, m) of one sample with phases (m,), in compressed rows.

        Of a `centred` network it leaves out that the means are taken away, on both sides.
        """
        m, k, samples = free_phases.size, self.outputs.size, np.array([sample])
        seen, target = self.seen(free_phases[None], samples), self._target(samples)
        own = self.nudge.cost.hessian_diagonal(seen, target)
        curvature: Any
        if own is None:
            curvature = scipy.sparse.csr_array(self.nudge.cost.hessian(seen, target)[0])
        else:
            curvature = scipy.sparse.diags_array(own[0])
        ones, numbers = np.ones(k), np.arange(k)
        frame = scipy.sparse.csr_array((ones, (numbers, self.outputs)), shape=(k, m))
        if not self.parts.size:
            moving = self.references >= 0
            at = (numbers[moving], self.references[moving])
            frame = frame - scipy.sparse.csr_array((ones[moving], at), shape=(k, m))
        return self.nudge.beta * scipy.sparse.csr_array(frame.T @ curvature @ frame)


def nudged(
    network: PhaseNetwork,
    encoded: Encoded,
    nudge: Nudge,
    field: ComplexArray,
    harmonic: FloatArray,
    feedback_only: bool,
) -> Feedback | None:
    """Add the nudge to field and second harmonic in place, or return it as feedback."""
    _check(network, nudge, len(field))
    outputs = network.outputs
    column = np.full(network.n, -1)
    column[network.free] = np.arange(network.free.size)
    references = network.frame[outputs]
    drive = None if feedback_only else nudge.cost.drive(nudge.target, outputs.size)
    if drive is not None and (references < 0).all():
        field[:, column[outputs]] += nudge.beta * drive.field
        harmonic[:, column[outputs]] += nudge.beta * drive.second_harmonic
        return None
    offset = np.zeros((len(field), outputs.size))
    still = np.flatnonzero((references >= 0) & (column[references] < 0))
    offset[:, still] = encoded.phases[:, references[still]]
    moving = np.where(references >= 0, column[references], -1)
    parts = network.parts[network.free] if network.centred else np.zeros(0, dtype=np.intp)
    relative = None
    if drive is not None and (moving >= 0).all() and not network.centred:
        fields = (drive.field.real, drive.field.imag, drive.second_harmonic)
        scaled = [np.array(np.broadcast_to(nudge.beta * f, offset.shape)) for f in fields]
        relative = RelativeDrive(column[outputs], moving, *scaled)
    return Feedback(nudge, column[outputs], moving, offset, parts, relative)


def frozen_torque(network: PhaseNetwork, nudge: Nudge, batch: int) -> FloatArray:
    """-beta dC/dtheta at the phases `nudge.at`, (batch, n): what a frozen nudge adds to omega.

    The slopes are those of the output phases as the cost sees them, pulled back to all
    oscillators (`PhaseNetwork.pull_back`).
    """
    _check(network, nudge, batch)
    at = np.asarray(nudge.at, dtype=np.float64)
    if at.shape != (batch, network.n):
        raise ValueError(
            f"at: shape {at.shape} does not fit {batch} samples; give the phases "
            f"({batch}, {network.n}) of one free relaxation"
        )
    if not np.isfinite(at).all():
        raise ValueError("at: has phases that are not finite; replace NaN and inf")
    seen = np.ascontiguousarray(network.relative(at)[:, network.outputs])
    return -nudge.beta * network.pull_back(nudge.cost.gradient(seen, nudge.target))


def _check(network: PhaseNetwork, nudge: Nudge, batch: int) -> None:
    if network.outputs.size == 0:
        raise ValueError("nudge: the network has no outputs to nudge; name them in outputs=")
    check_batch(nudge.cost, nudge.target, batch)


def joined(each: Sequence[Feedback | None]) -> Feedback | None:
    """The nudges of several networks of one topology, one batch after the other."""
    first = each[0]
    if first is None:
        return None
    several = [f for f in each if f is not None]
    nudge = first.nudge
    if nudge.target is not None:
        targets = [np.atleast_1d(np.asarray(f.nudge.target)) for f in several]
        nudge = dataclasses.replace(nudge, target=np.concatenate(targets))
    offset = np.concatenate([f.offset for f in several])
    drives = [f.drive for f in several if f.drive is not None]
    drive = None
    if drives:
        drive = RelativeDrive(
            drives[0].outputs,
            drives[0].references,
            *(np.concatenate(part) for part in list(zip(*drives, strict=True))[2:]),
        )
    return dataclasses.replace(first, nudge=nudge, offset=offset, drive=drive)
