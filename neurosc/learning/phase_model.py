"""A phase network on a substrate as an energy model."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.learning.energy_model import Array, Arrays, Rest
from neurosc.learning.gradient import Gradient, of_states
from neurosc.learning.polar import cartesian, polar, polar_slopes
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.parameters import dense, is_sparse
from neurosc.randomness import RNG
from neurosc.substrate import Nudge, Substrate

OWN = ("frequency", "coupling", "field", "second_harmonic")
"""Parameters that a network holds under their names."""


@dataclasses.dataclass(frozen=True, eq=False)
class PhaseModel:
    """A phase network that relaxes on a substrate; its state are the phases (batch, n), radians.

    Parameters
    ----------
    network, on
        The network and the substrate.
    learn
        The names of its `parameters`. With `"lag"` among them, couplings are polar,
        J_ij = K_ij exp(i alpha_ij): `"coupling"` is K and `"lag"` is alpha. Of a sparse network,
        both are those of its edges alone.
    """

    network: PhaseNetwork
    on: Substrate
    learn: tuple[str, ...] = OWN

    @property
    def n_outputs(self) -> int:
        """See `EnergyModel`."""
        return int(self.network.outputs.size)

    @property
    def parameters(self) -> Arrays:
        """See `EnergyModel`."""
        edges = self._edges(self.network.coupling)
        own = {name: getattr(self.network, name) for name in OWN} | {"coupling": edges}
        if "lag" in self.learn:
            own |= polar(edges)
        return {name: own[name] for name in self.learn}

    def with_parameters(self, **changes: Any) -> PhaseModel:
        """See `EnergyModel`."""
        network, named = self.network, {k: v for k, v in changes.items() if k != "lag"}
        if "lag" in changes:
            modulus = changes.get("coupling", polar(self._edges(network.coupling))["coupling"])
            named["coupling"] = cartesian(modulus, changes["lag"])
        if "coupling" in named and is_sparse(network.coupling):
            edges = network.coupling.astype(np.asarray(named["coupling"]).dtype)
            edges.data = named["coupling"]
            named["coupling"] = edges
        return dataclasses.replace(self, network=network.with_parameters(**named))

    def energy(self, state: Array, x: npt.ArrayLike | None) -> Array:
        """See `EnergyModel`."""
        encoded = self.network.encode(x, len(state))
        shift = ((encoded.frequency - self.network.frequency) * state).sum(axis=-1)
        return np.asarray(self.network.energy(state, encoded.amplitude) - shift)

    def torque(self, state: Array, x: npt.ArrayLike | None) -> Array:
        """See `EnergyModel`; zero at oscillators that stand still."""
        encoded = self.network.encode(x, len(state))
        torque = self.network.torque(state, encoded.amplitude)
        torque += encoded.frequency - self.network.frequency
        torque[:, self.network.fixed] = 0.0
        return torque

    def parameter_gradient(
        self, states: Array, weights: npt.ArrayLike, x: npt.ArrayLike | None
    ) -> Arrays:
        """See `EnergyModel`; in the co-rotating frame, as `Gradient` has it."""
        amplitude = self.network.encode(x, states.shape[1]).amplitude
        found = of_states(self.network, states, weights, amplitude, loss=0.0, unlocked=0)
        return self.named(found)

    def named(self, gradient: Gradient) -> Arrays:
        """A gradient by the names of the parameters."""
        own = {name: getattr(gradient, name) for name in OWN}
        own["coupling"] = self._edges(gradient.coupling)
        if "lag" in self.learn:
            own |= polar_slopes(self._edges(self.network.coupling), own["coupling"])
        return {name: own[name] for name in self.learn}

    def seen(self, state: Array) -> FloatArray:
        """See `EnergyModel`."""
        return self.network.relative(state)[:, self.network.outputs]

    def relax(
        self,
        x: npt.ArrayLike | None,
        *,
        nudge: Nudge | None = None,
        start: Array | None = None,
        rng: RNG = None,
    ) -> Rest:
        """See `EnergyModel`."""
        found = self.on.relax(self.network, x, nudge=nudge, start=start, rng=rng)
        if found.phases.ndim != 2:
            raise ValueError("on: several chips relax at once; learn on one, such as chips[0]")
        return Rest(found.phases, found.status, found.residual)

    def arranged(self, name: str, table: Array) -> Array:
        """A table over oscillators (n,) or pairs (n, n) in the shape of a parameter."""
        coupling = self.network.coupling
        if name not in ("coupling", "lag") or not is_sparse(coupling):
            return table
        rows = np.repeat(np.arange(self.network.n), np.diff(coupling.indptr))
        return np.asarray(dense(table)[rows, coupling.indices])

    @staticmethod
    def _edges(coupling: Any) -> Array:
        return np.asarray(coupling.data if is_sparse(coupling) else coupling)
