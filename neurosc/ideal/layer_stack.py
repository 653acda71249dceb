"""A layered network in matrix products of whole layers, swept block by block."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost, Target, check_batch
from neurosc.ideal.hessians import are_positive
from neurosc.ideal.layers import Layers
from neurosc.ideal.products import Panels, panels, real_product
from neurosc.network import IntArray, PhaseNetwork
from neurosc.substrate import Nudge, Status

Real = npt.NDArray[Any]
"""Of float32 or float64."""
TINY = 1e-30
"""What no stiffness is divided below."""
CHUNK = 2**20
"""Entries of the matrices of one certificate that are held at a time."""


class Rotors(NamedTuple):
    """The end of some sweeps: cosines and sines (batch, 2, m), layer by layer."""

    state: Real
    status: npt.NDArray[np.int8]
    residual: Real


@dataclasses.dataclass(frozen=True, eq=False)
class Stack:
    """A layered network as its layers see it.

    Attributes
    ----------
    network
        Whose roles it has; its parameters do not matter.
    coupling
        (edges,), see `Layers.pack`; float32 or float64, or complex of that precision.
    field, frequency, second_harmonic
        (m,), of the oscillators that move, layer by layer.
    """

    network: PhaseNetwork
    layers: Layers
    coupling: npt.NDArray[Any]
    field: npt.NDArray[Any]
    frequency: Real
    second_harmonic: Real

    @classmethod
    def of(cls, network: PhaseNetwork, layers: Layers, precision: npt.DTypeLike) -> Stack:
        """The parameters of a network in the given precision."""
        real = np.dtype(precision)
        kind = np.result_type(real, np.complex64) if network.is_complex else real
        free = layers.free
        return cls(
            network,
            layers,
            layers.pack(network.coupling).astype(kind),
            network.field[free].astype(np.result_type(real, np.complex64)),
            network.frequency[free].astype(real),
            network.second_harmonic[free].astype(real),
        )

    @property
    def real(self) -> np.dtype[Any]:
        """The precision."""
        return self.frequency.dtype

    def unpacked(self) -> PhaseNetwork:
        """The network with these parameters."""
        net, free = self.network, self.layers.free
        changes: dict[str, Any] = {"coupling": self.layers.unpack(self.coupling, net.coupling)}
        for name in ("field", "frequency", "second_harmonic"):
            values = getattr(net, name).copy()
            values[free] = getattr(self, name)
            changes[name] = values
        return net.with_parameters(**changes)

    @cached_property
    def blocks(self) -> list[npt.NDArray[Any]]:
        """Couplings of each layer that moves to the one before, (oscillators, those before)."""
        return self.layers.blocks(self.coupling)

    @cached_property
    def _from_held(self) -> tuple[Panels, ...]:
        return _factor(self.blocks[0].T, self.real)

    @cached_property
    def strength(self) -> Real:
        """(m,): sum_j |J_ij| + |b_i|."""
        sizes = [np.abs(block) for block in self.blocks]
        total = np.concatenate([size.sum(axis=1) for size in sizes]) + np.abs(self.field)
        for columns, size in zip(self.layers.columns[:-1], sizes[1:], strict=True):
            total[columns] += size.sum(axis=0)
        return np.asarray(total)

    def held(self, x: npt.ArrayLike | None, batch: int | None = None) -> Real:
        """Cosines and sines of layer 0, (batch, 2, oscillators)."""
        encoded, still = self.network.encode(x, batch), self.layers.members[0]
        phases = encoded.phases[:, still].astype(self.real, order="C")
        z = np.stack([np.cos(phases), np.sin(phases)], axis=1)
        if self.network.encoding.kind == "amplitude":
            z *= encoded.amplitude[:, None, still].astype(self.real)
        return z

    def drive(self, held: Real) -> Real:
        """What layer 0 and the fields pull on all that move, (batch, 2, m)."""
        field = np.stack([self.field.real, self.field.imag])
        pull = np.repeat(field[None], len(held), axis=0)
        first = self.layers.columns[0]
        pull[:, :, first] += _product(held, self._from_held, first.stop)
        return pull

    @cached_property
    def _plan(self) -> tuple[IntArray, IntArray, Real, Real]:
        """Columns and offsets of the layers, and the couplings, as the kernels take them."""
        sizes = np.array(self.layers.sizes, dtype=np.int64)
        ends = np.concatenate([[0], np.cumsum(sizes[1:])])
        offsets = np.concatenate([[0], np.cumsum(sizes[1:] * sizes[:-1])])
        imaginary = np.zeros(0, self.real)
        if np.iscomplexobj(self.coupling):
            imaginary = np.ascontiguousarray(self.coupling.imag)
        return ends, offsets, np.ascontiguousarray(self.coupling.real), imaginary

    def descend(
        self, drive: Real, start: Real | None, push: Push | None, sweeps: int, tolerance: float
    ) -> Rotors:
        """Turn each layer to the minimum of its own phases, from the first to the last, `sweeps`
        times; without a start, after one pass in which no layer sees those after it.

        theta_i <- arg u_i + arcsin(tau_i / |u_i|) with u = J z + b and tau all that is no pull:
        omega - s sin 2 theta and the torque of a nudge.
        """
        from neurosc.ideal.kernels.layers import sweep

        cold = start is None
        z = np.zeros(drive.shape, self.real)
        if start is not None:
            z[...] = start
        pull = np.ascontiguousarray(drive)
        if push is not None:
            pull = pull.copy()
            pull[:, :, self._pushed(push)] += push.field
        changes = self.second_harmonic.any() or (push is not None and push.moves)
        rounds, count = (sweeps + cold, 1) if changes else (1, sweeps + cold)
        for _ in range(rounds):
            tau = self._torque(z, push)
            sweep(z, pull, np.zeros((0, 0), self.real) if tau is None else tau, count, *self._plan)
        return self._judged(z, pull, push, tolerance)

    def _pushed(self, push: Push) -> IntArray:
        """The columns of the outputs."""
        return np.asarray(self._last.start + push.place)

    def _torque(self, z: Real, push: Push | None) -> Real | None:
        """tau, (batch, m); None where there is none."""
        omega, s = self.frequency, self.second_harmonic
        tau: Real | None = None
        if omega.any() or s.any():
            tau = np.asarray(omega - 2 * s * z[:, 0] * z[:, 1])
        if push is not None and push.follows:
            tau = np.zeros(z[:, 0].shape, self.real) if tau is None else tau
            tau[:, self._pushed(push)] += push.torque(z[:, :, self._last])
        return tau

    @property
    def _last(self) -> slice:
        """The columns of the last layer."""
        return self.layers.columns[-1]

    def _judged(self, z: Real, pull: Real, push: Push | None, tolerance: float) -> Rotors:
        """Status and residual of where the sweeps have come to."""
        from neurosc.ideal.kernels.layers import see

        u, tau = see(z, pull, *self._plan), self._torque(z, push)
        torque = z[:, 0] * u[:, 1] - z[:, 1] * u[:, 0]
        torque = torque if tau is None else torque + tau
        residual = np.abs(torque).max(axis=1).astype(np.float64)
        stiffness = z[:, 0] * u[:, 0] + z[:, 1] * u[:, 1]
        if self.second_harmonic.any():
            stiffness += 2 * self.second_harmonic * (z[:, 0] ** 2 - z[:, 1] ** 2)
        status = np.full(len(residual), Status.STEP_LIMIT, dtype=np.int8)
        resting = np.flatnonzero(residual <= tolerance * max(1.0, float(self.strength.max())))
        status[resting] = Status.LOCKED
        first, second = self._halves
        rows = max(1, CHUNK // (max(first.size, second.size) * first.size))
        for begin in range(0, resting.size, rows):
            some = resting[begin : begin + rows]
            complement = self._complement(z, stiffness[some], some, push)
            status[some[~are_positive(complement)]] = Status.UNSTABLE
        return Rotors(z, status, residual)

    @cached_property
    def _halves(self) -> tuple[IntArray, IntArray]:
        """The columns of the last layer and every other one before it, and of the rest."""
        sizes = self.layers.sizes[1:]
        layer = np.repeat(np.arange(len(sizes)), sizes)
        first = (len(sizes) - 1 - layer) % 2 == 0
        return np.flatnonzero(first), np.flatnonzero(~first)

    def _complement(
        self, z: Real, stiffness: Real, samples: IntArray, push: Push | None
    ) -> npt.NDArray[np.float64]:
        """The Hessian less what its other half takes off it, (samples, k, k).

        Every other layer sees no oscillator of its own, so that in two halves the Hessian is
        [[D, -B], [-B^T, E]] with diagonal D, E. It is positive if E and D - B E^-1 B^T are. A
        sample with E below zero gets -1. `stiffness` is that of these samples.
        """
        from neurosc.ideal.kernels.layers import between

        first, second = self._halves
        D, E = stiffness[:, first].astype(np.float64), stiffness[:, second]
        out = D[:, :, None] * np.eye(first.size)
        if push is not None and push.moves:
            at = np.searchsorted(first, self._pushed(push))
            out[:, at[:, None], at] += push.hessian(z[samples][:, :, self._last], samples)
        if not second.size:
            return out
        place = np.empty(z.shape[2], dtype=np.int64)
        place[first], place[second] = np.arange(first.size), np.arange(second.size)
        B = np.zeros((len(samples), first.size, second.size), self.real)
        between(z, samples, place, B, *self._plan)
        out -= (B / np.maximum(E, TINY)[:, None, :]) @ B.swapaxes(1, 2)
        out[(E <= 0).any(axis=1)] = -np.eye(first.size)
        return out


@dataclasses.dataclass(frozen=True, eq=False)
class Push:
    """A nudge on the last layer.

    Attributes
    ----------
    place
        (k,), the outputs in their layer.
    field
        (batch, 2, k), of a nudge that is a field; else zeros.
    constant
        (batch, k), the torque of a frozen one; else zeros.
    follows
        Whether there is a torque, constant or one that follows the phases.
    """

    cost: Cost
    target: Target
    beta: float
    place: IntArray
    field: Real
    constant: Real
    follows: bool
    moves: bool

    @classmethod
    def of(cls, stack: Stack, nudge: Nudge | None, batch: int) -> Push | None:
        """The nudge as the last layer feels it; None if it does nothing."""
        if nudge is None or nudge.beta == 0:
            return None
        network = stack.network
        if network.outputs.size == 0:
            raise ValueError("nudge: the network has no outputs to nudge; name them in outputs=")
        check_batch(nudge.cost, nudge.target, batch)
        count, real = network.outputs.size, stack.real
        place = np.searchsorted(stack.layers.members[-1], network.outputs)
        field, constant = np.zeros((batch, 2, count), real), np.zeros((batch, count), real)
        moves = False
        drive = nudge.cost.drive(nudge.target, count) if nudge.at is None else None
        if nudge.at is not None:
            seen = network.relative(np.asarray(nudge.at, dtype=np.float64))[:, network.outputs]
            constant[:] = -nudge.beta * nudge.cost.gradient(seen, nudge.target)
        elif drive is not None and not drive.second_harmonic.any():
            field[:, 0], field[:, 1] = nudge.beta * drive.field.real, nudge.beta * drive.field.imag
        else:
            moves = True
        follows = moves or nudge.at is not None
        return cls(nudge.cost, nudge.target, nudge.beta, place, field, constant, follows, moves)

    def torque(self, z: Real) -> Real:
        """-beta dC/dtheta, (batch, k), of the last layer's rotors."""
        if not self.moves:
            return self.constant
        return np.asarray(-self.beta * self.cost.gradient(self._phases(z), self.target))

    def hessian(self, z: Real, samples: IntArray) -> Real:
        """beta d2C/dtheta2 of some samples, (samples, k, k)."""
        if not self.moves:
            return np.zeros((len(samples), self.place.size, self.place.size))
        target = None if self.target is None else np.asarray(self.target)[samples]
        return self.beta * self.cost.hessian(self._phases(z), target)

    def _phases(self, z: Real) -> Real:
        cos, sin = z[:, 0, self.place], z[:, 1, self.place]
        return np.asarray(np.arctan2(sin, cos), dtype=np.float64)


def _factor(matrix: npt.NDArray[Any], real: npt.DTypeLike) -> tuple[Panels, ...]:
    """The real part of a right factor in panels, and the imaginary one of a complex matrix."""
    if np.iscomplexobj(matrix):
        return panels(matrix.real, real), panels(matrix.imag, real)
    return (panels(matrix, real),)


def _product(z: Real, matrix: tuple[Panels, ...], columns: int) -> Real:
    """Rotors (batch, 2, k) times a matrix (k, columns), as complex numbers."""
    out = real_product(z, matrix[0])[:, :, :columns]
    if len(matrix) > 1:
        turned = real_product(z, matrix[1])[:, :, :columns]
        out[:, 0] -= turned[:, 1]
        out[:, 1] += turned[:, 0]
    return out
