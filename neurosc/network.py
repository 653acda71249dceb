"""The phase network: its parameters, the roles of its oscillators, and its energy."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.parameters import check_coupling, check_indices, check_vector, dense, is_sparse

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IntArray = npt.NDArray[np.intp]
Indices = Sequence[int] | IntArray | range

EncodingKind = Literal["phase", "amplitude", "frequency"]


@dataclasses.dataclass(frozen=True)
class Encoding:
    """How a sample `x` enters at the input oscillators.

    Parameters
    ----------
    kind
        - `"phase"`: the inputs are held at z = exp(i scale x);
        - `"amplitude"`: the inputs are held at z = scale x;
        - `"frequency"`: the inputs run free with omega = frequency + scale x.
    scale
        Radians (phase), amplitude or dimensionless frequency per unit of `x`.
    """

    kind: EncodingKind = "phase"
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(EncodingKind):
            raise ValueError(
                f"kind: {self.kind!r} is no encoding; use one of {get_args(EncodingKind)}"
            )
        if not np.isfinite(self.scale):
            raise ValueError(f"scale: {self.scale} is not finite; give a finite number")


class Encoded(NamedTuple):
    """A batch of samples as it stands at the oscillators; every array is (batch, n)."""

    phases: FloatArray
    """Phases of the held oscillators in radians; zero at the free ones."""
    amplitude: FloatArray
    """|z_i|: one except at amplitude-coded inputs."""
    frequency: FloatArray


@dataclasses.dataclass(frozen=True, eq=False, init=False, repr=False)
class PhaseNetwork:
    """Coupled phase oscillators with an energy.

    With z_i = r_i exp(i theta_i), J = J^H and u = J z + b,

        E(theta) = -1/2 z^H J z - Re(b^H z) - sum_i omega_i theta_i - 1/2 sum_i s_i cos(2 theta_i)
        dtheta_i/dt = -dE/dtheta_i = omega_i + Im(conj(z_i) u_i) - s_i sin(2 theta_i)

    so that a real J gives Kuramoto's sum_j K_ij sin(theta_j - theta_i), and a phase alpha_ij of
    J_ij = K_ij exp(i alpha_ij) is an antisymmetric lag. r_i = 1 except at amplitude-coded inputs.

    Parameters
    ----------
    coupling
        J, shape (n, n), real symmetric or complex Hermitian, dense or scipy.sparse. Its diagonal
        shifts the energy by a constant and must be zero. Non-zero entries are the edges.
    frequency
        omega, shape (n,) or a scalar, dimensionless.
    field
        b, complex, shape (n,) or a scalar: an injected reference signal.
    second_harmonic
        s, shape (n,) or a scalar: second-harmonic injection.
    inputs, outputs
        Indices of the oscillators at which samples enter and results are read.
    held
        Further oscillators that stand still at phase 0. Phase- and amplitude-coded inputs are
        always held.
    reference
        Oscillators from which phases are measured, one for each part of the network at most.
        A part that no held oscillator, field or second harmonic anchors can turn as a whole, so
        its phases mean something only against a reference. A connected network that floats
        takes its first oscillator; a network in several parts must name one for each part.
        `"mean"`: each floating part is measured from the mean of its phases, themselves measured
        from its first oscillator and brought to (-pi, pi]. A nudge then acts on all oscillators
        with zero sum instead of draining through one; use it with many outputs, and with states
        whose phases keep away from the antiphase of that first oscillator, where they jump.
    encoding
        How samples enter at the inputs.

    Raises
    ------
    ValueError
        For a coupling that is not Hermitian (names the worst pair), shapes that do not fit,
        numbers that are not finite, roles that overlap or are out of range, and floating parts
        without a reference.

    Notes
    -----
    Source: Kuramoto, Chemical Oscillations (1984); the Hermitian form follows
    Noest, NIPS 1987. The network is immutable; `replace` makes a changed copy.
    """

    coupling: Any
    frequency: FloatArray
    field: ComplexArray
    second_harmonic: FloatArray
    inputs: IntArray
    outputs: IntArray
    held: IntArray
    reference: tuple[int, ...] | Literal["mean"]
    encoding: Encoding

    def __init__(
        self,
        coupling: Any,
        frequency: npt.ArrayLike = 0.0,
        field: npt.ArrayLike = 0.0,
        second_harmonic: npt.ArrayLike = 0.0,
        *,
        inputs: Indices = (),
        outputs: Indices = (),
        held: Indices = (),
        reference: int | Sequence[int] | Literal["mean"] | None = None,
        encoding: Encoding | None = None,
    ) -> None:
        coupling = check_coupling(coupling)
        n = coupling.shape[0]
        if encoding is not None and not isinstance(encoding, Encoding):
            raise TypeError(
                f"encoding: expected an Encoding, not {type(encoding).__name__}; "
                'write Encoding("phase", scale)'
            )
        for name, value in {
            "coupling": coupling,
            "frequency": check_vector("frequency", frequency, n, np.float64),
            "field": check_vector("field", field, n, np.complex128),
            "second_harmonic": check_vector("second_harmonic", second_harmonic, n, np.float64),
            "inputs": check_indices("inputs", inputs, n),
            "outputs": check_indices("outputs", outputs, n),
            "held": check_indices("held", held, n),
            "reference": _check_reference(reference, n),
            "encoding": encoding or Encoding(),
        }.items():
            object.__setattr__(self, name, value)
        for role in ("inputs", "held"):
            both = np.intersect1d(self.outputs, getattr(self, role))
            if both.size:
                raise ValueError(
                    f"outputs: oscillators {both.tolist()} are also {role}; "
                    "an output must be free, so choose others"
                )
        _ = self.frame  # floating parts without a reference are an error of the constructor

    @property
    def n(self) -> int:
        """Number of oscillators."""
        return int(self.coupling.shape[0])

    @property
    def is_complex(self) -> bool:
        """Whether the couplings carry lags."""
        return bool(np.issubdtype(self.coupling.dtype, np.complexfloating))

    @cached_property
    def free(self) -> IntArray:
        """Indices of the oscillators that move."""
        moves = np.ones(self.n, dtype=bool)
        moves[self.held] = False
        if self.encoding.kind != "frequency":
            moves[self.inputs] = False
        return np.flatnonzero(moves)

    @cached_property
    def fixed(self) -> IntArray:
        """Indices of the oscillators that stand still."""
        moves = np.zeros(self.n, dtype=bool)
        moves[self.free] = True
        return np.flatnonzero(~moves)

    @cached_property
    def parts(self) -> IntArray:
        """Shape (n,): the number of the floating part of each oscillator, -1 if anchored."""
        inner, outer = self.blocks
        n_parts, label = _components(inner)
        anchored = np.zeros(n_parts, dtype=bool)
        anchors = self._anchor[self.free]
        if self.fixed.size:
            anchors |= np.asarray(abs(outer).sum(axis=1)).ravel() > 0
        anchored[label[anchors]] = True
        number = np.where(anchored, -1, np.cumsum(~anchored) - 1)
        parts = np.full(self.n, -1, dtype=np.intp)
        parts[self.free] = number[label]
        return parts

    @property
    def centred(self) -> bool:
        """Whether phases of floating parts are measured from the mean of their part."""
        return self.reference == "mean"

    @cached_property
    def frame(self) -> IntArray:
        """Shape (n,): the oscillator from which each phase is measured, -1 for the absolute.

        Where the network is `centred`, the mean of phases measured so is the zero.
        """
        frame = np.full(self.n, -1, dtype=np.intp)
        if self.centred:
            for part in self._members:
                frame[part] = part[0]
            return frame
        _, label = _components(self.coupling)
        for r in self._named:
            if (frame[label == label[r]] >= 0).any():
                raise ValueError(
                    f"reference: {frame[r]} and {r} are in the same part; name one for each part"
                )
            frame[label == label[r]] = r
        bare = [part for part in self._members if frame[part[0]] < 0]
        if len(bare) == 1 and bare[0].size == self.n:
            frame[:] = 0
        elif bare:
            raise ValueError(
                f"reference: oscillators {_some(bare[0])} form a part that nothing anchors, so its "
                "phases have no meaning; name one of them in reference=, hold one, give one a "
                "field, or couple them to the rest"
            )
        return frame

    @property
    def _named(self) -> tuple[int, ...]:
        return () if self.reference == "mean" else self.reference

    @cached_property
    def _members(self) -> list[IntArray]:
        """The oscillators of each floating part."""
        order = np.argsort(self.parts, kind="stable")
        starts = np.searchsorted(self.parts[order], np.arange(self.parts.max(initial=-1) + 2))
        return np.split(order, starts)[1:-1]

    @cached_property
    def blocks(self) -> tuple[Any, Any]:
        """J among the free oscillators, and J from the fixed ones to them."""
        if self.free.size == self.n:
            return self.coupling, self.coupling[:, :0]
        rows = self.coupling[self.free]
        return rows[:, self.free], rows[:, self.fixed]

    @cached_property
    def strength(self) -> FloatArray:
        """Shape (n,): sum_j |J_ij| + |b_i|, the largest torque that can act on each."""
        row = np.asarray(abs(self.coupling).sum(axis=1), dtype=np.float64).ravel()
        return np.asarray(row + np.abs(self.field))

    def relative(self, phases: FloatArray) -> FloatArray:
        """Phases (..., n) measured in their `frame`, wrapped to (-pi, pi]."""
        return wrap(phases - self._zero(phases))

    def gauge(self, phases: FloatArray) -> FloatArray:
        """Phases (..., n) with each floating part turned so that its zero stands at 0."""
        return wrap(phases - np.where(self.parts >= 0, self._zero(phases), 0.0))

    def _zero(self, phases: FloatArray) -> FloatArray:
        """The phase from which that of each oscillator is measured, (..., n)."""
        framed = self.frame >= 0
        zero = np.where(framed, phases[..., np.where(framed, self.frame, 0)], 0.0)
        return zero + self.part_mean(wrap(phases - zero)) if self.centred else zero

    def pull_back(self, slope: FloatArray) -> FloatArray:
        """The gradient (..., n) of a cost of `relative` phases, from its slope (..., outputs)."""
        force = np.zeros((*slope.shape[:-1], self.n))
        force[..., self.outputs] = slope
        if self.centred:
            return self.co_rotating(force)
        frame = self.frame[self.outputs]
        for r in np.unique(frame[frame >= 0]):
            force[..., r] -= np.ascontiguousarray(slope[..., frame == r]).sum(axis=-1)
        return force

    def co_rotating(self, values: FloatArray) -> FloatArray:
        """Frequencies (..., n) less their mean over each floating part, which turns as a whole."""
        return values - self.part_mean(values)

    def part_mean(self, values: FloatArray) -> FloatArray:
        """The mean of values (..., n) over the floating part of each oscillator, 0 if anchored."""
        mean = np.zeros_like(values)
        for part in self._members:
            mine = values if part.size == self.n else np.ascontiguousarray(values[..., part])
            mean[..., part] = mine.mean(axis=-1, keepdims=True)
        return mean

    def encode(self, x: npt.ArrayLike | None, batch: int | None = None) -> Encoded:
        """A batch of samples (batch, len(inputs)) at the oscillators.

        `x=None` stands for `batch` samples (1 unless given) of a network without inputs.
        """
        rows = self._check_samples(x, batch)
        phases = np.zeros((len(rows), self.n))
        amplitude = np.ones((len(rows), self.n))
        frequency = np.tile(self.frequency, (len(rows), 1))
        scaled = self.encoding.scale * rows
        if self.encoding.kind == "phase":
            phases[:, self.inputs] = scaled
        elif self.encoding.kind == "amplitude":
            amplitude[:, self.inputs] = scaled
        else:
            frequency[:, self.inputs] += scaled
        return Encoded(phases, amplitude, frequency)

    def _check_samples(self, x: npt.ArrayLike | None, batch: int | None) -> FloatArray:
        if x is None:
            if self.inputs.size:
                raise ValueError(
                    f"x: this network has {self.inputs.size} inputs; give samples of shape "
                    f"(batch, {self.inputs.size})"
                )
            return np.zeros((1 if batch is None else batch, 0))
        rows = np.atleast_2d(np.asarray(x))
        if rows.dtype.kind not in "fiub":
            raise TypeError(f"x: expected real numbers, not {rows.dtype}; convert them to float")
        if rows.ndim != 2 or rows.shape[1] != self.inputs.size:
            raise ValueError(
                f"x: shape {np.shape(x)} does not fit {self.inputs.size} inputs; "
                f"give (batch, {self.inputs.size})"
            )
        if batch is not None and len(rows) != batch:
            raise ValueError(f"x: {len(rows)} samples, but {batch} start states; give as many")
        rows = rows.astype(np.float64)
        if not np.isfinite(rows).all():
            bad = np.argwhere(~np.isfinite(rows))[0].tolist()
            raise ValueError(
                f"x: sample {bad[0]} has {rows[tuple(bad)]} at input {bad[1]}; "
                "drop it or fill it in first"
            )
        return rows

    def energy(self, phases: npt.ArrayLike, amplitude: npt.ArrayLike = 1.0) -> FloatArray:
        """E(theta) of phases (..., n) in radians; shape (...)."""
        theta, z = _state(phases, amplitude, self.n)
        energy = (
            -0.5 * (z.conj() * self._apply(z)).real
            - (self.field.conj() * z).real
            - self.frequency * theta
            - 0.5 * self.second_harmonic * np.cos(2 * theta)
        )
        return np.asarray(energy.sum(axis=-1))

    def torque(self, phases: npt.ArrayLike, amplitude: npt.ArrayLike = 1.0) -> FloatArray:
        """-dE/dtheta = omega + Im(conj(z) u) - s sin(2 theta), shape (..., n)."""
        theta, z = _state(phases, amplitude, self.n)
        pull = (z.conj() * (self._apply(z) + self.field)).imag
        return np.asarray(self.frequency + pull - self.second_harmonic * np.sin(2 * theta))

    def hessian(self, phases: npt.ArrayLike, amplitude: npt.ArrayLike = 1.0) -> FloatArray:
        """d2E/dtheta2 = diag Re(conj(z) u) - Re(conj(D) J D) + 2 diag(s cos 2 theta), D = diag z.

        Dense, shape (..., n, n), also for a sparse coupling.
        """
        theta, z = _state(phases, amplitude, self.n)
        hessian = -(z.conj()[..., :, None] * dense(self.coupling) * z[..., None, :]).real
        diagonal = (z.conj() * (self._apply(z) + self.field)).real
        diagonal = diagonal + 2 * self.second_harmonic * np.cos(2 * theta)
        index = np.arange(self.n)
        hessian[..., index, index] += diagonal
        return np.asarray(hessian)

    def _apply(self, z: ComplexArray) -> ComplexArray:
        flat = z.reshape(-1, self.n)
        return np.asarray((self.coupling @ flat.T).T).reshape(z.shape)

    def replace(self, **changes: Any) -> PhaseNetwork:
        """A copy with some of the constructor's arguments changed."""
        return dataclasses.replace(self, **changes)

    def with_parameters(self, **changes: Any) -> PhaseNetwork:
        """`replace` for a learning step, which knows that its arrays fit and are finite.

        What the roles imply is kept, unless an edge or an anchor came or went.
        """
        other = copy.copy(self)
        for name, value in changes.items():
            object.__setattr__(other, name, value)
            if not is_sparse(value):
                value.flags.writeable = False
        if not (
            _same_edges(self.coupling, other.coupling) and (self._anchor == other._anchor).all()
        ):
            return self.replace(**changes)
        for name in ("blocks", "strength", "_edges"):
            other.__dict__.pop(name, None)
        return other

    @property
    def _anchor(self) -> npt.NDArray[np.bool_]:
        """Shape (n,): where a field or a second harmonic acts."""
        return np.asarray((self.field != 0) | (self.second_harmonic != 0))

    def __repr__(self) -> str:
        kind = "complex" if self.is_complex else "real"
        return (
            f"PhaseNetwork({self.n} oscillators, {_count_edges(self.coupling)} {kind} couplings, "
            f"{self.inputs.size} inputs ({self.encoding.kind}), {self.outputs.size} outputs"
            f"{', phases from the mean' if self.centred else ''})"
        )


def _same_edges(one: Any, other: Any) -> bool:
    return one is other or (not is_sparse(one) and np.array_equal(one != 0, other != 0))


def _check_reference(given: Any, n: int) -> tuple[int, ...] | Literal["mean"]:
    if isinstance(given, str):
        if given != "mean":
            raise ValueError(f'reference: {given!r} is no oscillator; give numbers or "mean"')
        return "mean"
    return tuple(
        check_indices("reference", np.atleast_1d([] if given is None else given), n).tolist()
    )


def phasors(phases: FloatArray | ComplexArray, amplitude: npt.ArrayLike = 1.0) -> ComplexArray:
    """z = r exp(i theta)."""
    return np.asarray(np.asarray(amplitude) * np.exp(1j * phases), dtype=np.complex128)


def wrap(phases: npt.ArrayLike) -> FloatArray:
    """Angles in radians, of complex ones the real parts, brought to (-pi, pi]."""
    turned = np.asarray(phases)
    return np.asarray(turned - 2 * np.pi * np.ceil((turned.real - np.pi) / (2 * np.pi)))


def _state(
    phases: npt.ArrayLike, amplitude: npt.ArrayLike, n: int
) -> tuple[FloatArray, ComplexArray]:
    """Checked phases (..., n), and z."""
    theta = _phases(phases, n)
    return theta, phasors(theta, amplitude)


def _phases(given: npt.ArrayLike, n: int) -> FloatArray:
    theta = np.asarray(given, dtype=np.float64)
    if theta.ndim == 0 or theta.shape[-1] != n:
        raise ValueError(f"phases: shape {theta.shape} does not end in {n}; give (..., {n})")
    return theta


def _components(coupling: Any) -> tuple[int, IntArray]:
    """Number of parts that couplings connect, and the part of each oscillator."""
    graph = scipy.sparse.csr_array(coupling)
    if np.iscomplexobj(graph.data):  # the real part alone would lose couplings of a quarter turn
        graph = scipy.sparse.csr_array((abs(graph.data), graph.indices, graph.indptr), graph.shape)
    count, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
    return int(count), np.asarray(label)


def _count_edges(coupling: Any) -> int:
    stored = coupling.nnz if is_sparse(coupling) else np.count_nonzero(coupling)
    return int(stored) // 2


def _some(indices: IntArray) -> str:
    listed = indices[:6].tolist()
    return f"{listed}" if indices.size <= 6 else f"{listed[:-1]}... ({indices.size} in all)"
