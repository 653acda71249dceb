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
SURE_LEAD = 0.99
"""Largest |omega| / |u| at which an oscillator still follows u, so that one that slips can turn."""
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
    def _from_below(self) -> list[tuple[Panels, ...]]:
        return [_factor(block.T, self.real) for block in self.blocks]

    @cached_property
    def _from_above(self) -> list[tuple[Panels, ...]]:
        return [_factor(block.conj(), self.real) for block in self.blocks[1:]]

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
        pull[:, :, first] += _product(held, self._from_below[0], first.stop)
        return pull

    def descend(
        self, drive: Real, start: Real | None, push: Push | None, sweeps: int, tolerance: float
    ) -> Rotors:
        """Turn each layer to the minimum of its own phases, from the first to the last, `sweeps`
        times; without a start, after one pass in which no layer sees those after it.

        theta_i <- arg u_i + arcsin(tau_i / |u_i|) with u = J z + b and tau all that is no pull:
        omega - s sin 2 theta and the torque of a nudge.
        """
        cold = start is None
        batch = len(drive)
        z = [
            np.zeros((batch, 2, size), self.real)
            if start is None
            else np.array(start[:, :, own], dtype=self.real, order="C")  # turned in place
            for size, own in zip(self.layers.sizes[1:], self.layers.columns, strict=True)
        ]
        pull = [np.ascontiguousarray(drive[:, :, own]) for own in self.layers.columns]
        if push is not None:
            pull[-1][:, :, push.place] += push.field
        for _ in range(sweeps + cold):
            for k in range(len(z)):
                _turn(z[k], self._seen(z, pull, k), self._torque(z[k], k, push))
        return self._judged(z, pull, push, tolerance)

    def _seen(self, z: list[Real], pull: list[Real], k: int) -> Real:
        """u of layer k + 1."""
        u, size = pull[k], z[k].shape[2]
        if k > 0:
            u = u + _product(z[k - 1], self._from_below[k], size)
        if k + 1 < len(z):
            u = u + _product(z[k + 1], self._from_above[k], size)
        return u

    def _torque(self, z: Real, k: int, push: Push | None) -> Real | None:
        """tau of layer k + 1, (batch, oscillators); None where there is none."""
        own = self.layers.columns[k]
        omega, s = self.frequency[own], self.second_harmonic[own]
        tau: Real | None = None
        if omega.any() or s.any():
            tau = np.asarray(omega - 2 * s * z[:, 0] * z[:, 1])
        if push is not None and push.follows and k + 1 == len(self.layers.columns):
            tau = np.zeros(z[:, 0].shape, self.real) if tau is None else tau
            tau[:, push.place] += push.torque(z)
        return tau

    def _judged(
        self, z: list[Real], pull: list[Real], push: Push | None, tolerance: float
    ) -> Rotors:
        """Status and residual of where the sweeps have come to."""
        residual, stiffness = np.zeros(len(z[0])), []
        for k, own in enumerate(self.layers.columns):
            u, tau = self._seen(z, pull, k), self._torque(z[k], k, push)
            torque = z[k][:, 0] * u[:, 1] - z[k][:, 1] * u[:, 0]
            torque = torque if tau is None else torque + tau
            np.maximum(residual, np.abs(torque).max(axis=1), out=residual)
            cos_twice = z[k][:, 0] ** 2 - z[k][:, 1] ** 2
            along = (z[k] * u).sum(axis=1) + 2 * self.second_harmonic[own] * cos_twice
            stiffness.append(along)
        status = np.full(len(residual), Status.STEP_LIMIT, dtype=np.int8)
        resting = np.flatnonzero(residual <= tolerance * max(1.0, float(self.strength.max())))
        status[resting] = Status.LOCKED
        rows = max(1, 2 * CHUNK // len(self.layers.free) ** 2)
        for first in range(0, resting.size, rows):
            some = resting[first : first + rows]
            complement = self._complement([part[some] for part in z], stiffness, some, push)
            status[some[~are_positive(complement)]] = Status.UNSTABLE
        return Rotors(np.concatenate(z, axis=2), status, residual)

    def _complement(
        self, z: list[Real], stiffness: list[Real], samples: IntArray, push: Push | None
    ) -> Real:
        """The Hessian less what its other half takes off it, (samples, k, k).

        Every other layer sees no oscillator of its own, so that in two halves the Hessian is
        [[D, -B], [-B^T, D']] with diagonal D, D'. It is positive if D and D' - B^T D^-1 B are. A
        sample with D below zero gets -1.
        """
        last = len(z) - 1
        mine, other = list(range(last % 2, last + 1, 2)), list(range((last + 1) % 2, last + 1, 2))
        D = np.concatenate([stiffness[k][samples] for k in mine], axis=1).astype(np.float64)
        out = D[:, :, None] * np.eye(D.shape[1])
        if push is not None and push.follows:
            at = push.place + D.shape[1] - z[last].shape[2]
            out[:, at[:, None], at] += push.hessian(z[last], samples)
        if not other:
            return out
        E = np.concatenate([stiffness[k][samples] for k in other], axis=1)
        B = np.zeros((len(samples), E.shape[1], D.shape[1]), self.real)
        rows, columns = _places(z, other), _places(z, mine)
        for k in range(1, last + 1):
            between = _between(z[k], self.blocks[k], z[k - 1])
            if k in columns:
                B[:, rows[k - 1], columns[k]] = between.swapaxes(1, 2)
            else:
                B[:, rows[k], columns[k - 1]] = between
        out -= B.swapaxes(1, 2) @ (B / np.maximum(E, TINY)[:, :, None])
        out[(E <= 0).any(axis=1)] = -np.eye(D.shape[1])
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


def _turn(z: Real, u: Real, tau: Real | None) -> None:
    """Rotors (batch, 2, oscillators) along u or, with a torque, ahead of it; in place."""
    size = np.sqrt(u[:, 0] * u[:, 0] + u[:, 1] * u[:, 1])
    unseen = size == 0
    if unseen.any():  # nothing pulls: it stays where it is, which at the beginning is phase 0
        kept = np.where((z == 0).all(axis=1), 1.0, z[:, 0]), z[:, 1].copy()
        size = np.where(unseen, 1, size)
        u = np.where(unseen[:, None], np.stack(kept, axis=1).astype(u.dtype), u)
    inverse = 1 / size
    if tau is None:
        np.multiply(u, inverse[:, None], out=z)
        return
    lead = np.clip(tau * inverse, -SURE_LEAD, SURE_LEAD)
    along = np.sqrt(1 - lead * lead) * inverse
    lead *= inverse
    z[:, 0] = u[:, 0] * along - u[:, 1] * lead
    z[:, 1] = u[:, 0] * lead + u[:, 1] * along


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


def _between(upper: Real, block: npt.NDArray[Any], lower: Real) -> Real:
    """Re(conj(z_i) J_ij z_j) of two layers, (batch, i, j)."""
    cosine = upper.swapaxes(1, 2) @ lower
    if not np.iscomplexobj(block):
        return np.asarray(block * cosine)
    sine = upper.swapaxes(1, 2) @ np.stack([lower[:, 1], -lower[:, 0]], axis=1)
    return np.asarray(block.real * cosine - block.imag * sine)


def _places(z: list[Real], chosen: list[int]) -> dict[int, slice]:
    """Where each of the chosen layers lies if they stand side by side."""
    ends = np.cumsum([0, *(z[k].shape[2] for k in chosen)]).tolist()
    return {k: slice(a, b) for k, a, b in zip(chosen, ends[:-1], ends[1:], strict=True)}
