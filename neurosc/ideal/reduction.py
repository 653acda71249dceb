"""A batch of samples as the free oscillators see it: held ones become fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.ideal.drift import Drift, Harmonic
from neurosc.ideal.feedback import Feedback, frozen_torque, nudged
from neurosc.ideal.products import factor, product
from neurosc.network import (
    ComplexArray,
    Encoded,
    FloatArray,
    IntArray,
    PhaseNetwork,
    phasors,
)
from neurosc.parameters import dense, is_sparse
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
        (batch, m), less the mean over each floating part: the co-rotating frame; with a frozen
        nudge's.
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
    conservative
        Whether the torque is the gradient of an energy; else `members` need not be Hermitian.
    harmonics
        From the second on, of the interaction.
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
    conservative: bool = True
    harmonics: tuple[Harmonic, ...] = ()

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
        every = _stacked([dense(edges) for edges in self.members])
        imaginary = every.imag if self.network.is_complex else np.zeros((0, 0, 0))
        return _plain(every.real), _plain(imaginary)

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
            harmonics=tuple(harmonic.take(samples) for harmonic in self.harmonics),
        )

    def full(self, free_phases: FloatArray) -> FloatArray:
        """Phases (batch, n) of all oscillators, floating parts turned to their reference."""
        phases = self.encoded.phases.copy()
        phases[:, self.network.free] = free_phases
        return self.network.gauge(phases)


class Request(NamedTuple):
    """What a substrate is asked for; see `Substrate` and `Drift`."""

    network: PhaseNetwork
    x: npt.ArrayLike | None = None
    nudge: Nudge | None = None
    start: npt.ArrayLike | None = None
    drift: Drift | None = None

    def reduced(self) -> Reduction:
        """As the free oscillators see it."""
        return reduce(self.network, self.x, self.nudge, self.start, drift=self.drift)


def reduce(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    nudge: Nudge | None = None,
    start: npt.ArrayLike | None = None,
    *,
    feedback_only: bool = False,
    drift: Drift | None = None,
) -> Reduction:
    """Put samples and nudge into the fields that act on the free oscillators.

    A frozen nudge goes into the frequencies. With `feedback_only` any other stays apart as feedback
    also where it is a field. A `drift` stands in for the couplings.
    """
    rows, phases = batch_start(network, x, start)
    encoded = network.encode(x, rows)
    free = network.free
    if free.size == 0:
        raise ValueError("network: every oscillator is held, nothing can relax; free some")
    fixed = network.fixed
    (inner, outer), *others = [network.blocks] if drift is None else drift.blocks(network)
    z_fixed = phasors(encoded.phases[:, fixed], encoded.amplitude[:, fixed])
    field = network.field[free] + _pull_of_the_held(outer, z_fixed)
    field = np.array(np.broadcast_to(field, (len(encoded.phases), free.size)), complex, order="C")
    harmonic = np.tile(network.second_harmonic[free], (len(field), 1))
    frequency, feedback = encoded.frequency, None
    if nudge is not None and nudge.beta != 0:
        if nudge.at is not None:
            frequency = frequency + frozen_torque(network, nudge, len(field))
        else:
            feedback = nudged(network, encoded, nudge, field, harmonic, feedback_only)
    return Reduction(
        network=network,
        encoded=encoded,
        members=(inner,),
        member=np.zeros(len(field), dtype=np.intp),
        strengths=(network.strength if drift is None else drift.strength(network))[None, free],
        frequency=np.ascontiguousarray(network.co_rotating(frequency)[:, free]),
        field=field,
        second_harmonic=harmonic,
        parts=network.parts[free],
        feedback=feedback,
        start=None if phases is None else np.ascontiguousarray(phases[:, free]),
        conservative=drift is None,
        harmonics=tuple(_harmonic(k, *w, encoded, fixed) for k, w in enumerate(others, 2)),
    )


def _harmonic(k: int, inner: Any, outer: Any, encoded: Encoded, fixed: IntArray) -> Harmonic:
    z_fixed = phasors(k * encoded.phases[:, fixed], encoded.amplitude[:, fixed])
    pull = np.asarray(_pull_of_the_held(outer, z_fixed), dtype=np.complex128)
    return Harmonic((inner,), np.ascontiguousarray(pull))


def _stacked(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """np.stack, without a copy of a single array."""
    return arrays[0][None] if len(arrays) == 1 else np.stack(arrays)


def _plain(values: npt.NDArray[Any]) -> FloatArray:
    """Contiguous and writeable: for other layouts numba compiles other code, of other bits."""
    return np.require(values, np.float64, ["C", "W"])


def _pull_of_the_held(outer: Any, z_fixed: ComplexArray) -> npt.NDArray[Any]:
    """J z_held at the free oscillators, (batch, m)."""
    if z_fixed.shape[1] == 0:
        return np.zeros((len(z_fixed), outer.shape[0]))
    if is_sparse(outer):
        return np.asarray((outer @ z_fixed.T).T)
    return product(z_fixed, factor(outer.T))
