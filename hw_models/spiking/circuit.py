"""A phase network and its samples as spiking neurons: drives, spike times and synapses."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.hw_models.spiking.kinds import Kind
from neurosc.hw_models.spiking.model import AFFERENTS, OSCILLATORS, RECURRENTS, SOURCES, Shape
from neurosc.ideal.descent import cold_start
from neurosc.ideal.reduction import Reduction, Request
from neurosc.network import ComplexArray, FloatArray, IntArray
from neurosc.parameters import dense

CLOCKS = 2
"""Clocks at phase 0 and pi/2 give the real and the imaginary part of a field."""
NEURONS_PER_RUN, SYNAPSES_PER_RUN = (128, 1024), 200_000
"""Most that is simulated at once: many hide Brian2's overhead, and still fit the cache."""

Arrays = dict[str, npt.NDArray[Any]]


class Edges(NamedTuple):
    """Synapses within a sample, in the order of their sources."""

    pre: IntArray
    post: IntArray


@dataclasses.dataclass(frozen=True, eq=False)
class Circuit:
    """The neurons and synapses of one sample, and what differs between samples.

    Attributes
    ----------
    kind
        What the oscillators are, and their taps on the grid.
    eps
        Radians per cycle and unit of torque.
    problems
        The reduced networks whose samples these are, one after the other.
    frequency
        (batch, m), of the free oscillators in the co-rotating frame.
    start
        (batch, m), their phases at the start.
    sources
        (batch, sources), phases of the held oscillators and of two clocks.
    afferents, recurrents
        Source and target within a sample.
    afferent_weights, recurrent_weights
        (batch, edges), the couplings and fields, complex where there are lags.
    second
        (batch, afferents), second harmonics of the first clock.
    pull
        (batch, m), sum_j |J_ij| r_j + |b_i| + |s_i|: the largest torque on each oscillator.
    """

    kind: Kind
    eps: float
    problems: tuple[Reduction, ...]
    frequency: FloatArray
    start: FloatArray
    sources: FloatArray
    afferents: Edges
    recurrents: Edges
    afferent_weights: npt.NDArray[Any]
    recurrent_weights: npt.NDArray[Any]
    second: FloatArray
    pull: FloatArray

    @property
    def free(self) -> int:
        """Oscillators of a sample that move."""
        return int(self.frequency.shape[1])

    def room(self, batch: int) -> int:
        """How many samples one run holds.

        There are two sizes, for few samples and for many, so that two builds serve all batches.
        """
        synapses = max(1, self.afferents.pre.size + self.recurrents.pre.size)
        few, many = (
            max(2, min(neurons // self.free, SYNAPSES_PER_RUN // synapses))
            for neurons in NEURONS_PER_RUN
        )  # of two samples, every array is one that a run can set
        return few if batch <= few else many

    @property
    def lags(self) -> bool:
        """Whether couplings are complex."""
        return np.iscomplexobj(self.recurrent_weights)

    def shape(self, samples: int, block: int, *, noisy: bool, voltages: bool) -> Shape:
        """What a run of so many samples needs compiled."""
        return Shape(
            oscillators=samples * self.free,
            sources=samples * self.sources.shape[1],
            afferents=samples * self.afferents.pre.size,
            recurrents=samples * self.recurrents.pre.size,
            block=block,
            lags=self.lags,
            noisy=noisy,
            voltages=voltages,
            **self.kind.compiled(self.lags),
        )

    @cached_property
    def origin(self) -> tuple[IntArray, IntArray]:
        """Which problem a sample is of, and its number there, (batch,) each."""
        sizes = [problem.batch for problem in self.problems]
        number = np.concatenate([np.arange(size) for size in sizes])
        return np.repeat(np.arange(len(sizes)), sizes), number

    def arrays(self, samples: IntArray, start: FloatArray, keys: IntArray, room: int) -> Arrays:
        """The numbers of some samples from phases `start`, padded with silent ones to `room`.

        `keys` (problems, 2) are those of their noise, which does not know who else is simulated.
        """
        of_sources = self.kind.of_sources(self.sources[samples])
        of_oscillators = self.kind.of_oscillators(self.frequency[samples], start, self.eps)
        m, c = self.free, self.sources.shape[1]
        problem, number = (each[samples] for each in self.origin)
        stream = number[:, None] * m + np.arange(m)
        weights = {
            AFFERENTS: self.eps * self.afferent_weights[samples],
            RECURRENTS: self.eps * self.recurrent_weights[samples],
        }
        found: Arrays = {f"{OSCILLATORS}.stream": _padded(stream, room, 0)}
        for k in (0, 1):
            key = np.repeat(keys[problem, k, None], m, axis=1)
            found[f"{OSCILLATORS}.key{k}"] = _padded(key, room, 0)
        for part, values in ((SOURCES, of_sources), (OSCILLATORS, of_oscillators)):
            for name, (each, silent) in values.items():
                found[f"{part}.{name}"] = _padded(each, room, silent)
        for part, weight in weights.items():
            found[f"{part}.weight"] = _padded(weight.real, room, 0.0)
            found[f"{part}.cross"] = _padded(weight.imag, room, 0.0)
        found[f"{AFFERENTS}.twice"] = _padded(self.eps * self.second[samples], room, 0.0)
        sample = np.arange(room)[:, None]
        for part, edges, of_a_sample in (
            (AFFERENTS, self.afferents, c),
            (RECURRENTS, self.recurrents, m),
        ):
            found[f"{part}.pre"] = (sample * of_a_sample + edges.pre).ravel()
            found[f"{part}.post"] = (sample * m + edges.post).ravel()
        return found


def compile_circuit(requests: Sequence[Request], kind: Kind, eps: float) -> Circuit:
    """The circuit of networks that share their roles, each with couplings of its own."""
    problems = tuple(request.reduced() for request in requests)
    network = requests[0].network
    free, fixed = network.free, network.fixed
    couplings = [_coupling(request) for request in requests]
    inner, outer = _edges(couplings, free, free), _edges(couplings, fixed, free)
    fields = [clock_field(request, p.batch) for request, p in zip(requests, problems, strict=True)]
    seconds = [p.second_harmonic for p in problems]
    driven = _driven(requests)
    clocks = np.repeat(fixed.size + np.arange(CLOCKS), driven.size)
    weights, held, second, pull = [], [], [], []
    for w, b, s, p in zip(couplings, fields, seconds, problems, strict=True):
        weights.append(np.broadcast_to(_at(w, free, inner, free), (p.batch, inner.pre.size)))
        from_held = _at(w, fixed, outer, free) * p.encoded.amplitude[:, fixed][:, outer.pre]
        held.append(np.concatenate([from_held, b.real[:, driven], b.imag[:, driven]], axis=1))
        own = np.zeros((p.batch, held[-1].shape[1]))
        own[:, outer.pre.size : outer.pre.size + driven.size] = s[:, driven]
        second.append(own)
        pull.append(np.abs(b) + np.abs(s))
        for edges, values in ((inner, weights[-1]), (outer, from_held)):
            np.add.at(pull[-1].T, edges.post, np.abs(values).T)
    return Circuit(
        kind=kind,
        eps=eps,
        problems=problems,
        frequency=np.concatenate([p.frequency for p in problems]),
        start=np.concatenate([cold_start(p) for p in problems]),
        sources=np.concatenate([_source_phases(p) for p in problems]),
        afferents=Edges(
            np.concatenate([outer.pre, clocks]),
            np.concatenate([outer.post, np.tile(driven, CLOCKS)]),
        ),
        recurrents=inner,
        afferent_weights=np.concatenate(held),
        recurrent_weights=np.concatenate(weights),
        second=np.concatenate(second),
        pull=np.concatenate(pull),
    )


def _coupling(request: Request) -> Any:
    """J (n, n), or what stands in its place: pulses need no pair to pull alike."""
    if request.drift is None:
        return request.network.coupling
    first, *others = request.drift.couplings
    if others:
        raise ValueError(
            "CouplingHarmonics: taps are made for one harmonic and cancel the others; leave the "
            "term out, or simulate the device without oscillators="
        )
    return first


def clock_field(request: Request, batch: int) -> ComplexArray:
    """The field of the clocks at the free oscillators, (batch, m): b and that of a nudge."""
    network, nudge = request.network, request.nudge
    field = np.tile(network.field, (batch, 1))
    if nudge is not None and nudge.beta != 0 and nudge.at is None:
        drive = nudge.cost.drive(nudge.target, network.outputs.size)
        if drive is not None:
            field[:, network.outputs] += nudge.beta * drive.field
    return field[:, network.free]


def _driven(requests: Sequence[Request]) -> IntArray:
    """The free oscillators that clocks reach; outputs too, so that a nudge needs no other build."""
    driven = np.zeros(requests[0].network.n, dtype=bool)
    for network in (request.network for request in requests):
        driven |= (network.field != 0) | (network.second_harmonic != 0)
        driven[network.outputs] = True
    return np.flatnonzero(driven[requests[0].network.free])


def _source_phases(problem: Reduction) -> FloatArray:
    """Phases (batch, sources) of the held oscillators and of the clocks."""
    held = problem.encoded.phases[:, problem.network.fixed]
    clocks = np.broadcast_to([0.0, np.pi / 2], (problem.batch, CLOCKS))
    return np.concatenate([held, clocks], axis=1)


def _edges(couplings: Sequence[Any], sources: IntArray, targets: IntArray) -> Edges:
    """Where any of some couplings (n, n) leads from a source to a target, numbered among these."""
    union: Any = None
    for coupling in couplings:
        pattern: Any = scipy.sparse.csr_array(coupling[targets][:, sources]).astype(bool)
        union = pattern if union is None else union + pattern
    post, pre = scipy.sparse.coo_array(union).coords
    order = np.lexsort((post, pre))
    return Edges(pre[order].astype(np.intp), post[order].astype(np.intp))


def _at(coupling: Any, sources: IntArray, edges: Edges, targets: IntArray) -> npt.NDArray[Any]:
    """The values (edges,) of a coupling (n, n)."""
    return dense(coupling[targets[edges.post], sources[edges.pre]]).ravel()


def _padded(values: npt.NDArray[Any], rows: int, silent: float) -> npt.NDArray[Any]:
    """Rows one after another, with further ones of a constant."""
    padding = np.full((rows - len(values), values.shape[1]), silent, dtype=values.dtype)
    return np.asarray(np.concatenate([values, padding]).ravel())
