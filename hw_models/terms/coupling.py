"""Couplings and fields that hardware cannot hold exactly."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar

import numpy as np

from neurosc.hw_models.terms.base import SHARE, DriftTerm, NetworkTerm, Quantity, Site
from neurosc.hw_models.terms.edges import Directed, with_lost_edges
from neurosc.network import PhaseNetwork
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

    bits: Annotated[int, Quantity("b", "bits", whole=True, least=2, most=32)]
    order: ClassVar[int] = 10

    def on_network(self, network: PhaseNetwork, site: Site) -> PhaseNetwork:
        return self.quantised(network)

    def quantised(self, network: PhaseNetwork) -> PhaseNetwork:
        """The network on the grid."""
        if is_sparse(network.coupling):
            coupling = network.coupling.copy()
            coupling.data = self._quantise(coupling.data)
        else:
            coupling = self._quantise(network.coupling)
        return with_lost_edges(network, coupling=coupling, field=self._quantise(network.field))

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

    sigma_relative: Annotated[float, Quantity("sigma", SHARE, strength=True, sane=0.5)]
    order: ClassVar[int] = 20

    def on_network(self, network: PhaseNetwork, site: Site) -> PhaseNetwork:
        draw = site.frozen(self)
        field = network.field * (1 + self.sigma_relative * draw.standard_normal(network.n))
        values = site.values(network)
        values = values * (1 + self.sigma_relative * draw.standard_normal(values.size))
        return network.with_parameters(coupling=site.coupling(values), field=field)


@dataclasses.dataclass(frozen=True)
class CouplingAsymmetry(DriftTerm):
    """J_ij <- J_ij (1 + sigma xi_ij), xi_ij and xi_ji independent, frozen on each chip.

    Each direction of a pair has hardware of its own, so the two scatter apart around the coupling
    that both were to have, and the network has no energy. Fields have one direction; they are
    scattered by `CouplingMismatch`.

    Parameters
    ----------
    sigma_relative
        Standard deviation as a share of each value: 0.05 is 5 %.
    """

    sigma_relative: Annotated[float, Quantity("sigma", SHARE, strength=True, sane=0.5)]
    order: ClassVar[int] = 24

    def on_directed(self, directed: Directed, site: Site) -> Directed:
        xi = site.frozen(self).standard_normal(directed.gain.shape)
        return directed._replace(gain=directed.gain * (1 + self.sigma_relative * xi))


@dataclasses.dataclass(frozen=True)
class SecondHarmonicMismatch(NetworkTerm):
    """s_i <- s_i (1 + sigma xi_i), frozen on each chip.

    Parameters
    ----------
    sigma_relative
        Standard deviation as a share of each value: 0.05 is 5 %.
    """

    sigma_relative: Annotated[float, Quantity("sigma", SHARE, strength=True, sane=0.5)]
    order: ClassVar[int] = 22

    def check_network(self, network: PhaseNetwork) -> None:
        if not network.second_harmonic.any():
            raise ValueError(
                "SecondHarmonicMismatch: the network has no second harmonic to scatter; give it "
                "one with second_harmonic=, or leave the term out"
            )

    def on_network(self, network: PhaseNetwork, site: Site) -> PhaseNetwork:
        scatter = 1 + self.sigma_relative * site.frozen(self).standard_normal(network.n)
        return network.with_parameters(second_harmonic=network.second_harmonic * scatter)
