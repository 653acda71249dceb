"""Couplings and fields that hardware cannot hold exactly."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import scipy

from neurosc.hw_models.terms.base import NetworkTerm, check_bits, check_strength
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.parameters import is_sparse


@dataclasses.dataclass(frozen=True)
class WeightQuantization(NetworkTerm):
    """x <- step round(x / step), step = max |x| / (2^(bits - 1) - 1); no randomness.

    Couplings and fields have a full scale each; real and imaginary part are quantised alike.

    Parameters
    ----------
    bits
        Signed levels are -(2^(bits - 1) - 1) to 2^(bits - 1) - 1; 2 to 32.
    """

    bits: int
    order: ClassVar[int] = 10

    def __post_init__(self) -> None:
        check_bits(self.bits, 2)

    def on_network(
        self, network: PhaseNetwork, draw: np.random.Generator, coupling_rad_per_s: float
    ) -> PhaseNetwork:
        if is_sparse(network.coupling):
            coupling = network.coupling.copy()
            coupling.data = self._quantise(coupling.data)
        else:
            coupling = self._quantise(network.coupling)
        return network.replace(coupling=coupling, field=self._quantise(network.field))

    def _quantise(self, values: Any) -> Any:
        complex_ = np.iscomplexobj(values)
        parts = [values.real, values.imag] if complex_ else [values]
        largest = max((np.abs(part).max(initial=0.0) for part in parts), default=0.0)
        if largest == 0:
            return values
        step = largest / (2 ** (self.bits - 1) - 1)
        parts = [step * np.round(part / step) for part in parts]
        return parts[0] + 1j * parts[1] if complex_ else parts[0]


@dataclasses.dataclass(frozen=True)
class CouplingMismatch(NetworkTerm):
    """J_ij <- J_ij (1 + sigma xi_ij), b_i <- b_i (1 + sigma xi_i), frozen on each chip.

    xi_ij = xi_ji, so that the coupling stays Hermitian.

    Parameters
    ----------
    sigma_relative
        Standard deviation as a share of each value: 0.05 is 5 %.
    """

    sigma_relative: float
    order: ClassVar[int] = 20

    def __post_init__(self) -> None:
        check_strength("sigma_relative", self.sigma_relative, "shares: 0.05 is 5 %")

    def on_network(
        self, network: PhaseNetwork, draw: np.random.Generator, coupling_rad_per_s: float
    ) -> PhaseNetwork:
        field = network.field * (1 + self.sigma_relative * draw.standard_normal(network.n))
        return network.replace(coupling=self._scatter(network.coupling, draw), field=field)

    def _scatter(self, coupling: Any, draw: np.random.Generator) -> Any:
        if not is_sparse(coupling):
            return coupling * (1 + self.sigma_relative * _symmetric(len(coupling), draw))
        upper: Any = scipy.sparse.coo_array(scipy.sparse.triu(coupling, 1))
        data = upper.data * (1 + self.sigma_relative * draw.standard_normal(upper.nnz))
        half: Any = scipy.sparse.csr_array((data, upper.coords), shape=coupling.shape)
        return half + half.conj().T


def _symmetric(n: int, draw: np.random.Generator) -> FloatArray:
    values = np.zeros((n, n))
    above = np.triu_indices(n, 1)
    values[above] = draw.standard_normal(above[0].size)
    return values + values.T
