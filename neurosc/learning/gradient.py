"""The gradient of a mean cost with respect to a network's parameters."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from neurosc.network import ComplexArray, FloatArray, PhaseNetwork
from neurosc.parameters import is_sparse


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
        """The named parameters (default: all) as one real vector, each edge counted once."""
        pieces = []
        for name in names or ("frequency", "coupling", "field", "second_harmonic"):
            values = getattr(self, name)
            if name == "coupling":
                dense = values.toarray() if is_sparse(values) else values
                values = dense[np.triu_indices(len(dense), 1)]
            pieces.append(np.real(values))
            if np.iscomplexobj(values):
                pieces.append(np.imag(values))
        return np.concatenate(pieces)


def correlation(network: PhaseNetwork, left: ComplexArray, right: ComplexArray) -> Any:
    """mean over samples of left_i conj(right_j) at the network's edges; (n, n).

    Real for a real network, whose couplings have no imaginary part to learn.
    """
    if is_sparse(network.coupling):
        edges = network.coupling.copy()
        rows = np.repeat(np.arange(network.n), np.diff(edges.indptr))
        values = (left[:, rows] * right[:, edges.indices].conj()).mean(axis=0)
        edges.data = values if network.is_complex else values.real.copy()
        return edges
    dense = np.asarray(left.T @ right.conj()) / len(left)
    dense = np.where(network.coupling != 0, dense, 0)
    return dense if network.is_complex else np.ascontiguousarray(dense.real)


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
