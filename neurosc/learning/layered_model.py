"""A layered network that sweeps and learns block by block: nothing is as large as (n, n)."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.ideal.layer_stack import Push, Real, Stack
from neurosc.ideal.layers import Layers
from neurosc.ideal.sweeps import Sweeps
from neurosc.learning.bounds import Bounds
from neurosc.learning.energy_model import Array, Arrays, Rest
from neurosc.learning.polar import cartesian, polar, polar_slopes
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.randomness import RNG
from neurosc.substrate import Nudge


@dataclasses.dataclass(frozen=True, eq=False)
class LayeredModel:
    """What `PhaseModel(network, sweeps)` is, in the order and precision of a `Stack`.

    Its state are the rotors (batch, 2, m) of the oscillators that move: cosines and sines.
    """

    stack: Stack
    sweeps: Sweeps
    learn: tuple[str, ...]
    _shown: dict[str, Any] = dataclasses.field(default_factory=dict, init=False, repr=False)
    """Read-only samples and what layer 0 makes of them, which both relaxations share."""

    @classmethod
    def of(cls, network: PhaseNetwork, sweeps: Sweeps, learn: tuple[str, ...]) -> LayeredModel:
        """The model of a layered network."""
        return cls(Stack.of(network, Layers.of(network), sweeps.precision), sweeps, learn)

    @property
    def network(self) -> PhaseNetwork:
        """The network as it has been trained."""
        return self.stack.unpacked()

    @property
    def n_outputs(self) -> int:
        """See `EnergyModel`."""
        return int(self.stack.network.outputs.size)

    @property
    def parameters(self) -> Arrays:
        """See `EnergyModel`."""
        stack = self.stack
        own = {
            "coupling": stack.coupling,
            "field": stack.field,
            "frequency": stack.frequency,
            "second_harmonic": stack.second_harmonic,
        }
        if "lag" in self.learn:
            own |= polar(stack.coupling)
        return {name: own[name] for name in self.learn}

    def with_parameters(self, **changes: Any) -> LayeredModel:
        """See `EnergyModel`."""
        named = {k: v for k, v in changes.items() if k != "lag"}
        if "lag" in changes:
            modulus = changes.get("coupling", polar(self.stack.coupling)["coupling"])
            named["coupling"] = cartesian(modulus, changes["lag"])
        return dataclasses.replace(self, stack=dataclasses.replace(self.stack, **named))

    def energy(self, state: Array, x: npt.ArrayLike | None) -> Array:
        """See `EnergyModel`."""
        from neurosc.learning.phase_model import PhaseModel

        return PhaseModel(self.network, self.sweeps).energy(self._phases(state, x), x)

    def torque(self, state: Array, x: npt.ArrayLike | None) -> Array:
        """-dE/dtheta of the oscillators that move, (batch, m)."""
        from neurosc.learning.phase_model import PhaseModel

        phases = self._phases(state, x)
        return PhaseModel(self.network, self.sweeps).torque(phases, x)[:, self.stack.layers.free]

    def _phases(self, state: Array, x: npt.ArrayLike | None) -> FloatArray:
        phases = self.stack.network.encode(x, len(state)).phases
        phases[:, self.stack.layers.free] = np.arctan2(state[:, 1], state[:, 0])
        return phases

    def seen(self, state: Array) -> Array:
        """See `EnergyModel`."""
        outputs = self._outputs
        return np.asarray(np.arctan2(state[:, 1, outputs], state[:, 0, outputs]), dtype=float)

    @cached_property
    def _outputs(self) -> Array:
        stack = self.stack
        last = stack.layers.members[-1]
        start = stack.layers.columns[-1].start
        return np.asarray(start + np.searchsorted(last, stack.network.outputs))

    def relax(
        self,
        x: npt.ArrayLike | None,
        *,
        nudge: Nudge | None = None,
        start: Array | None = None,
        rng: RNG = None,
    ) -> Rest:
        """See `EnergyModel`."""
        _, drive = self._driven(x)
        push = Push.of(self.stack, nudge, len(drive))
        sweeps = self.sweeps
        return Rest(*self.stack.descend(drive, start, push, sweeps.count, sweeps.tolerance))

    def _driven(self, x: npt.ArrayLike | None) -> tuple[Real, Real]:
        """Rotors of layer 0, and what they and the fields pull."""
        if self._shown.get("x") is not x or not isinstance(x, np.ndarray) or x.flags.writeable:
            held = self.stack.held(x)
            self._shown.update(x=x, held=held, drive=self.stack.drive(held))
        return self._shown["held"], self._shown["drive"]

    def parameter_gradient(
        self, states: Array, weights: npt.ArrayLike, x: npt.ArrayLike | None
    ) -> Arrays:
        """See `EnergyModel`; in the same form as that of `PhaseModel`."""
        stack, batch = self.stack, states.shape[1]
        w = np.asarray(weights, dtype=stack.real) / batch
        weighted = states * w[:, None, None, None]
        found: Arrays = {}
        if {"coupling", "lag"} & set(self.learn):
            found["coupling"] = self._coupling(weighted, states, self._driven(x)[0])
            if "lag" in self.learn:
                found |= polar_slopes(stack.coupling, found["coupling"])
        if "field" in self.learn:
            pull = weighted.sum(axis=(0, 1))
            found["field"] = -(pull[0] + 1j * pull[1])
        if "second_harmonic" in self.learn:
            twice = weighted * states
            found["second_harmonic"] = -0.5 * (twice[:, :, 0] - twice[:, :, 1]).sum(axis=(0, 1))
        if "frequency" in self.learn:
            z, zero = states, states[:1]
            sine = z[:, :, 1] * zero[:, :, 0] - z[:, :, 0] * zero[:, :, 1]
            apart = np.arctan2(sine, (z * zero).sum(axis=2))
            found["frequency"] = -(apart * w[:, None, None]).sum(axis=(0, 1))
        return {name: found[name] for name in self.learn}

    def _coupling(self, weighted: Array, states: Array, held: Real) -> Array:
        """-sum_k w_k mean z_i conj(z_j) at the edges, flat."""
        columns = self.stack.layers.columns
        flat = np.empty_like(self.stack.coupling)
        blocks = self.stack.layers.blocks(flat)
        blocks[0][...] = _correlation(weighted[..., columns[0]].sum(axis=0), held, blocks[0])
        for k, block in enumerate(blocks[1:], 1):
            upper, lower = weighted[..., columns[k]], states[..., columns[k - 1]]
            block[...] = _correlation(
                upper.reshape(-1, *upper.shape[2:]), lower.reshape(-1, *lower.shape[2:]), block
            )
        flat[self.stack.layers.absent] = 0
        return -flat

    def bounded(self, bounds: Bounds) -> LayeredModel:
        """The model within bounds; see `Bounds`."""
        stack, changes = self.stack, bounds.clipped(self.stack)
        if bounds.strength is not None:
            scale = np.minimum(1, bounds.strength / np.maximum(stack.strength, 1e-30))
            if (scale < 1).any():
                coupling = stack.coupling.copy()
                changes["coupling"], changes["field"] = coupling, stack.field * scale
                blocks, columns = stack.layers.blocks(coupling), stack.layers.columns
                blocks[0] *= scale[columns[0], None]
                for block, upper, lower in zip(blocks[1:], columns[1:], columns[:-1], strict=True):
                    np.multiply(block, np.minimum(scale[upper, None], scale[lower]), out=block)
        if not changes:
            return self
        return dataclasses.replace(self, stack=dataclasses.replace(stack, **changes))

    def arranged(self, name: str, table: Array) -> Array:
        """A table over oscillators (n,) or pairs (n, n) in the shape of a parameter."""
        layers = self.stack.layers
        packed = layers.pack(table) if name in ("coupling", "lag") else table[layers.free]
        return packed if packed.dtype == bool else packed.astype(self.stack.real)


def _correlation(upper: Array, lower: Array, like: Array) -> Array:
    """sum over samples of z_i conj(z_j), rotors (samples, 2, i) and (samples, 2, j)."""
    rows, columns = upper.shape[2], lower.shape[2]
    real = upper.reshape(-1, rows).T @ lower.reshape(-1, columns)
    if not np.iscomplexobj(like):
        return np.asarray(real)
    turned = np.stack([-lower[:, 1], lower[:, 0]], axis=1)
    return np.asarray(real + 1j * (upper.reshape(-1, rows).T @ turned.reshape(-1, columns)))
