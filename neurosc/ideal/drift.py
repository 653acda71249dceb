"""Couplings that are not the gradient of an energy."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from neurosc.network import ComplexArray, FloatArray, IntArray, PhaseNetwork


@dataclasses.dataclass(frozen=True, eq=False)
class Drift:
    """What acts in the place of the couplings of a network.

        d theta_i = omega_i + Im(conj(e_i) b_i) - s_i sin 2 theta_i
                    + sum_k Im(conj(e_i)^k sum_j W^k_ij r_j e_j^k),    e = exp(i theta)

    Frequencies, fields and second harmonic remain those of the network, and so do its roles: a
    network with a `Drift` floats where the network does. There is no energy to descend, so it
    relaxes through time.

    Parameters
    ----------
    couplings
        W^1, W^2, ..., each (n, n), dense, or sparse with the same edges; they need not be
        Hermitian.
    """

    couplings: tuple[Any, ...]

    def blocks(self, network: PhaseNetwork) -> list[tuple[Any, Any]]:
        """W^k among the free oscillators, and from the fixed ones to them."""
        rows = [w[network.free] for w in self.couplings]
        return [(w[:, network.free], w[:, network.fixed]) for w in rows]

    def strength(self, network: PhaseNetwork) -> FloatArray:
        """(n,), the steepest slope of the torque that can act on each, at least its largest."""
        sums = [k * abs(w).sum(axis=1) for k, w in enumerate(self.couplings, 1)]
        return np.asarray(np.sum(sums, axis=0).ravel() + np.abs(network.field), dtype=np.float64)


@dataclasses.dataclass(frozen=True, eq=False)
class Harmonic:
    """A harmonic of the interaction as the free oscillators of a batch see it.

    Attributes
    ----------
    members
        W^k among them, (m, m), of each network.
    field
        (batch, m), the pull of the held ones.
    """

    members: tuple[Any, ...]
    field: ComplexArray

    def take(self, samples: IntArray) -> Harmonic:
        """That of some of the samples."""
        return dataclasses.replace(self, field=self.field[samples])
