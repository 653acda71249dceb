"""A batch of samples as the free oscillators see it: held ones become fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.costs import check_batch, take
from neurosc.ideal.products import padded, product
from neurosc.network import (
    ComplexArray,
    Encoded,
    FloatArray,
    IntArray,
    PhaseNetwork,
    phasors,
    wrap,
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
    network
        Whose roles they have: of several networks of one topology, the first.
    members
        J among the free ones, (m, m), of each network; sparse if the network's is.
    member
        (batch,), which of them a sample belongs to.
    strengths
        (members, m), the largest torque that couplings and field can exert on each oscillator.
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
    members: tuple[Any, ...]
    member: IntArray
    strengths: FloatArray
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
    def couplings(self) -> tuple[FloatArray, FloatArray]:
        """Re J and Im J, dense (members, m, m); Im J is empty for real networks."""
        if len(self.parts) > DENSE_LIMIT:
            raise ValueError(
                f"network: {len(self.parts)} free oscillators exceed the {DENSE_LIMIT} that dense "
                'kernels hold; make the coupling sparse and use method="sparse"'
            )
        dense = _stacked([_dense(edges) for edges in self.members])
        imaginary = dense.imag if self.network.is_complex else np.zeros((0, 0, 0))
        return np.ascontiguousarray(dense.real), np.ascontiguousarray(imaginary)

    @property
    def edges(self) -> Any:
        """J among the free ones of the only network, as it is stored."""
        if len(self.members) > 1:
            raise ValueError(
                f"networks: {len(self.members)} networks do not relax together with this method; "
                'use method="lanes" or "newton", or relax them one by one'
            )
        return self.members[0]

    @property
    def coupling(self) -> tuple[FloatArray, FloatArray]:
        """Re J and Im J of the only network, dense (m, m); Im J is empty for a real network."""
        _ = self.edges
        real, imaginary = self.couplings
        return real[0], imaginary[0] if imaginary.size else np.zeros((0, 0))

    @cached_property
    def _field_parts(self) -> tuple[FloatArray, FloatArray]:
        return np.ascontiguousarray(self.field.real), np.ascontiguousarray(self.field.imag)

    def split_field(self, samples: IntArray | slice = slice(None)) -> tuple[FloatArray, FloatArray]:
        """Re h and Im h of some samples, each contiguous."""
        real, imaginary = self._field_parts
        return real[samples], imaginary[samples]

    @cached_property
    def holding(self) -> FloatArray:
        """The largest torque that could hold each oscillator against its frequency, (batch, m)."""
        sums = np.stack([np.asarray(abs(edges).sum(axis=1)).ravel() for edges in self.members])
        return np.asarray(sums[self.member] + np.abs(self.field) + np.abs(self.second_harmonic))

    def take(self, samples: IntArray, start: FloatArray | None) -> Reduction:
        """Some of the samples, from other start phases (len(samples), m)."""
        return dataclasses.replace(
            self,
            encoded=Encoded(*(part[samples] for part in self.encoded)),
            member=self.member[samples],
            frequency=self.frequency[samples],
            field=self.field[samples],
            second_harmonic=self.second_harmonic[samples],
            feedback=None if self.feedback is None else self.feedback.take(samples),
            start=start,
        )

    def full(self, free_phases: FloatArray) -> FloatArray:
        """Phases (batch, n) of all oscillators, floating parts turned to their reference."""
        phases = self.encoded.phases.copy()
        phases[:, self.network.free] = free_phases
        return self.network.gauge(phases)


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


def reduce(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    nudge: Nudge | None = None,
    start: npt.ArrayLike | None = None,
    *,
    feedback_only: bool = False,
) -> Reduction:
    """Put samples and nudge into the fields that act on the free oscillators.

    With `feedback_only` the nudge stays apart as feedback also where it is a field.
    """
    rows, phases = batch_start(network, x, start)
    encoded = network.encode(x, rows)
    free = network.free
    if free.size == 0:
        raise ValueError("network: every oscillator is held, nothing can relax; free some")
    fixed = network.fixed
    inner, outer = network.blocks
    z_fixed = phasors(encoded.phases[:, fixed], encoded.amplitude[:, fixed])
    field = network.field[free] + (_pull_of_the_held(outer, z_fixed))
    field = np.array(np.broadcast_to(field, (len(encoded.phases), free.size)), dtype=complex)
    harmonic = np.tile(network.second_harmonic[free], (len(field), 1))
    feedback = None
    if nudge is not None and nudge.beta != 0:
        feedback = _nudged(network, encoded, nudge, field, harmonic, feedback_only)
    return Reduction(
        network=network,
        encoded=encoded,
        members=(inner,),
        member=np.zeros(len(field), dtype=np.intp),
        strengths=network.strength[None, free],
        frequency=network.co_rotating(encoded.frequency)[:, free],
        field=field,
        second_harmonic=harmonic,
        parts=network.parts[free],
        feedback=feedback,
        start=None if phases is None else np.ascontiguousarray(phases[:, free]),
    )


def alike(problems: Sequence[Reduction]) -> bool:
    """Whether their networks have one topology: the same oscillators free, anchored and complex."""
    first = problems[0].network
    return all(
        p.network.is_complex == first.is_complex
        and all(
            np.array_equal(getattr(first, name), getattr(p.network, name))
            for name in ("free", "parts", "frame", "centred")
        )
        for p in problems[1:]
    )


def stack(problems: Sequence[Reduction]) -> Reduction:
    """The samples of networks that are `alike` as one batch, network by network."""
    first = problems[0]
    rows = [len(p.frequency) for p in problems]

    def joined(name: str) -> Any:
        return np.concatenate([getattr(p, name) for p in problems])

    encoded = zip(*(p.encoded for p in problems), strict=True)
    return Reduction(
        network=first.network,
        encoded=Encoded(*map(np.concatenate, encoded)),
        members=tuple(p.edges for p in problems),
        member=np.repeat(np.arange(len(problems)), rows),
        strengths=joined("strengths"),
        frequency=joined("frequency"),
        field=joined("field"),
        second_harmonic=joined("second_harmonic"),
        parts=first.parts,
        feedback=_joined_feedback([p.feedback for p in problems]),
        start=None if first.start is None else joined("start"),
    )


def _joined_feedback(each: Sequence[Feedback | None]) -> Feedback | None:
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


def _stacked(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """np.stack, without a copy of a single array."""
    return arrays[0][None] if len(arrays) == 1 else np.stack(arrays)


def _dense(edges: Any) -> npt.NDArray[np.generic]:
    return np.asarray(edges.toarray() if is_sparse(edges) else edges)


def _pull_of_the_held(outer: Any, z_fixed: ComplexArray) -> npt.NDArray[Any]:
    """J z_held at the free oscillators, (batch, m)."""
    if is_sparse(outer):
        return np.asarray((outer @ z_fixed.T).T)
    return product(z_fixed, padded(outer.T), len(outer))


def _nudged(
    network: PhaseNetwork,
    encoded: Encoded,
    nudge: Nudge,
    field: ComplexArray,
    harmonic: FloatArray,
    feedback_only: bool,
) -> Feedback | None:
    """Add the nudge to field and second harmonic in place, or return it as feedback."""
    outputs = network.outputs
    if outputs.size == 0:
        raise ValueError("nudge: the network has no outputs to nudge; name them in outputs=")
    check_batch(nudge.cost, nudge.target, len(field))
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
