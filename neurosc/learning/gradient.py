"""The gradient of a mean cost with respect to a network's parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.network import ComplexArray, FloatArray, PhaseNetwork, phasors
from neurosc.parameters import is_sparse

Parameter = Literal["frequency", "coupling", "field", "second_harmonic"]


@dataclasses.dataclass(frozen=True, eq=False)
class Gradient:
    """dL/dp of the mean loss L over the samples that locked.

    Attributes
    ----------
    frequency
        (n,); over a floating part it sums to zero, since only omega - mean(omega) matters.
    coupling
        (n, n), Hermitian, sparse if the network's is: entry (i, j) is dL/dRe J_ij + i dL/dIm J_ij
        of the undirected edge, with no factor 2; zero where there is no edge.
    field
        (n,) complex, dL/dRe b + i dL/dIm b; zero in floating parts, which any field would anchor.
    second_harmonic
        (n,); zero in floating parts likewise.
    loss
        The mean cost of the samples that locked.
    unlocked
        How many samples did not lock and are not in the mean.
    """

    frequency: FloatArray
    coupling: Any
    field: ComplexArray
    second_harmonic: FloatArray
    loss: float
    unlocked: int

    def vector(self, *names: str) -> FloatArray:
        """The named parameters (default: all) as one real vector, each edge counted once.

        Couplings are the upper triangle, row by row; of a sparse matrix its edges alone.
        """
        pieces = []
        for name in names or get_args(Parameter):
            values = getattr(self, name)
            if name == "coupling":
                values = upper(values)
            pieces.append(np.real(values))
            if np.iscomplexobj(values):
                pieces.append(np.imag(values))
        return np.concatenate(pieces)


def upper(coupling: Any) -> Any:
    """The entries above the diagonal, row by row: of a sparse matrix those that it stores."""
    if is_sparse(coupling):
        return scipy.sparse.coo_array(scipy.sparse.triu(coupling, 1)).data
    return coupling[np.triu_indices(len(coupling), 1)]


CHUNK = 2**20
"""Products of a sparse correlation that are held at a time."""


def correlation(network: PhaseNetwork, left: ComplexArray, right: ComplexArray) -> Any:
    """The Hermitian part of the mean over rows of left_i conj(right_j), at the edges; (n, n).

    Real for a real network, whose couplings have no imaginary part to learn. Hermitian to the last
    bit: optimisers divide gradients by their sizes, and rounding would grow.
    """
    if is_sparse(network.coupling):
        edges = network.coupling.copy()
        rows = np.repeat(np.arange(network.n), np.diff(edges.indptr))
        chunk = max(1, CHUNK // len(left))
        for first in range(0, rows.size, chunk):
            some = slice(first, first + chunk)
            i, j = rows[some], edges.indices[some]
            values = (left[:, i] * right[:, j].conj()).mean(axis=0)
            edges.data[some] = values if network.is_complex else values.real
        own = np.arange(rows.size)
        opposite = scipy.sparse.csr_array((own, edges.indices, edges.indptr), edges.shape).T.tocsr()
        edges.data = 0.5 * (edges.data + edges.data[opposite.data].conj())
        return edges
    dense = np.asarray(left.T @ right.conj()) / len(left)
    dense = np.where(network.coupling != 0, 0.5 * (dense + dense.conj().T), 0)
    return dense if network.is_complex else np.ascontiguousarray(dense.real)


def of_states(
    network: PhaseNetwork,
    states: FloatArray | ComplexArray,
    weights: npt.ArrayLike,
    amplitude: FloatArray,
    *,
    loss: float,
    unlocked: int,
) -> Gradient:
    """dL/dp = sum_k w_k dE/dp(theta_k), the mean over samples.

    With E of `PhaseNetwork`, dE/dJ_ij = -z_i conj(z_j) per undirected edge, dE/db = -z,
    dE/domega = -theta and dE/ds = -1/2 cos 2 theta, each continued to complex phases.

    Parameters
    ----------
    states
        Phases theta_k, (nudges, batch, n), radians. Complex ones come with their conjugates, so
        that all sums are real.
    weights
        w_k, (nudges,), of sum zero.
    amplitude
        |z|, (batch, n).
    """
    count, batch, n = states.shape
    w = np.reshape(weights, (count, 1, 1)) / batch
    apart = states - states[0]
    apart = apart - 2 * np.pi * np.round(apart.real / (2 * np.pi))
    z, right = phasors(states, amplitude), phasors(states.conj(), amplitude)
    coupling = correlation(network, (w * z).reshape(-1, n), right.reshape(-1, n))
    frequency = -(w * apart).sum(axis=(0, 1)).real
    frequency[np.setdiff1d(np.arange(n), network.free)] = 0.0
    return of_raw_parameters(
        network,
        frequency=frequency,
        coupling=-count * batch * coupling,
        field=-np.asarray((w * z).sum(axis=(0, 1))),
        second_harmonic=-0.5 * (w * np.cos(2 * states)).sum(axis=(0, 1)).real,
        loss=loss,
        unlocked=unlocked,
    )


def of_raw_parameters(
    network: PhaseNetwork,
    frequency: FloatArray,
    coupling: Any,
    field: ComplexArray,
    second_harmonic: FloatArray,
    loss: float,
    unlocked: int,
) -> Gradient:
    """The gradient of what is trained, from slopes taken in the frame of the references.

    A floating part sees its frequencies less their mean, so the slope of the raw ones loses its
    mean; its slopes of field and second harmonic depend on the frame and mean nothing.
    """
    floating = network.parts >= 0
    return Gradient(
        network.co_rotating(frequency),
        coupling,
        np.where(floating, 0, field),
        np.where(floating, 0, second_harmonic),
        loss,
        unlocked,
    )


def learnable(network: PhaseNetwork, learn: Sequence[Parameter] | None) -> tuple[Parameter, ...]:
    """The parameters to learn, checked; by default those that every network of its kind has.

    Raises
    ------
    ValueError
        For unknown names, and for parameters that mean nothing in a floating network.
    """
    floats = bool((network.parts[network.free] >= 0).all())
    if learn is None:
        return ("coupling", "frequency") if floats else ("coupling", "field")
    if set(learn) - set(get_args(Parameter)) or not learn:
        raise ValueError(f"learn: expected some of {get_args(Parameter)} in a tuple, not {learn!r}")
    useless = set(learn) & {"field", "second_harmonic"}
    if floats and useless:
        raise ValueError(
            f"learn: {', '.join(sorted(useless))} has no gradient in a network that floats as a "
            "whole; learn coupling and frequency, or anchor the network"
        )
    return tuple(learn)
