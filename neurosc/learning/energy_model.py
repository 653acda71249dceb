"""What learning with two relaxations needs to know of a model."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from neurosc.randomness import RNG
from neurosc.substrate import Nudge, Status

Array = npt.NDArray[Any]
Arrays = dict[str, Any]


class Rest(NamedTuple):
    """The end of a relaxation of an energy model."""

    state: Array
    """(batch, ...)."""
    status: npt.NDArray[np.int8]
    """(batch,), values of `Status`."""
    residual: Array
    """(batch,): what keeps each sample from rest, in units of the torque."""

    @property
    def locked(self) -> npt.NDArray[np.bool_]:
        """Shape (batch,): which samples came to rest in a stable state."""
        return np.asarray(self.status == Status.LOCKED)


@runtime_checkable
class EnergyModel(Protocol):
    """A model that goes downhill in an energy E(state; parameters, sample).

    Laws, for a model `m`, samples `x`, states `s` (batch, ...) and a small change of either:

        m.torque(s, x) == -dE/ds
        m.parameter_gradient(np.stack([s, t]), [1, -1], x)[name]
            == mean over samples of dE/dname(s) - dE/dname(t)       # any weights of sum zero
        m.with_parameters(**m.parameters).energy(s, x) == m.energy(s, x)
        m.relax(x, nudge=Nudge(cost, y, beta))  # goes downhill in E + beta cost(m.seen(s), y)
        m.with_parameters(...) is another model; m has not changed

    A phase network on a substrate is one (`PhaseModel`), `ContinuousHopfield` is another.
    """

    @property
    def parameters(self) -> Arrays:
        """What can learn, arrays by name; names such as w.0 and w.1 are those of layers."""
        ...

    @property
    def n_outputs(self) -> int:
        """How many values a cost sees."""
        ...

    def with_parameters(self, **changes: Any) -> Self:
        """The model with other parameters."""
        ...

    def energy(self, state: Array, x: npt.ArrayLike | None) -> Array:
        """E, (batch,)."""
        ...

    def torque(self, state: Array, x: npt.ArrayLike | None) -> Array:
        """-dE/dstate, in the shape of the state."""
        ...

    def parameter_gradient(
        self, states: Array, weights: npt.ArrayLike, x: npt.ArrayLike | None
    ) -> Arrays:
        """sum_k w_k dE/dp(s_k), the mean over samples, of states (k, batch, ...); sum w_k = 0."""
        ...

    def seen(self, state: Array) -> Array:
        """What a cost sees of a state, (batch, n_outputs)."""
        ...

    def relax(
        self,
        x: npt.ArrayLike | None,
        *,
        nudge: Nudge | None = None,
        start: Array | None = None,
        rng: RNG = None,
    ) -> Rest:
        """Go downhill for samples x (batch, inputs), from states `start` (batch, ...)."""
        ...
