"""Slopes of the loss by moving raw parameters: the witness that knows no theory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.costs import Cost, take
from neurosc.ideal import Ideal
from neurosc.learning.gradient import Parameter, learnable, upper
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.parameters import is_sparse
from neurosc.randomness import RNG
from neurosc.substrate import Nudge, Relaxation


@dataclasses.dataclass(frozen=True)
class Deep(Ideal):
    """Newton's method to the last digit, for differences of almost equal phases.

    Conjugate gradients on a sparse network stop two digits earlier, or rounding would stall them.
    """

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        found = super().relax(network, x, nudge=nudge, start=start)
        last = Ideal(
            self.method, tolerance=1e-14 if is_sparse(network.coupling) else 1e-16, max_steps=3
        )
        deeper = last.relax(network, x, nudge=nudge, start=found.phases)
        better = deeper.residual < found.residual
        return Relaxation(
            np.where(better[:, None], deeper.phases, found.phases),
            found.status,
            np.where(better, deeper.residual, found.residual),
        )


EXACT = Deep(tolerance=1e-12)


def finite_differences(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike | None = None,
    *,
    cost: Cost,
    directions: npt.ArrayLike,
    learn: Sequence[Parameter] | None = None,
    size: float = 1e-3,
) -> FloatArray:
    """Slopes of the loss as raw parameters move: [8 (L_1 - L_-1) - (L_2 - L_-2)] / (12 size).

    Parameters
    ----------
    network, x, y, cost
        As in `implicit_gradient`.
    directions
        (k, p): how to move the real vector `Gradient.vector(*learn)`; a missing edge stays so.
    learn
        Names of the parameters, as in `fit`.
    size
        Length of a step, in units of each direction. The error is O(size^4).

    Raises
    ------
    RelaxationError
        If a sample does not lock.
    """
    names = learnable(network, learn)
    start = EXACT.relax(network, x).raise_for_status().phases

    def loss(vector: FloatArray) -> float:
        moved = _moved(network, vector, names)
        end = EXACT.relax(moved, x, start=start).raise_for_status()
        seen = moved.relative(end.phases)[:, moved.outputs]
        return float(cost.value(seen, take(y, np.arange(len(seen)))).mean())

    slopes = []
    for direction in np.atleast_2d(np.asarray(directions, dtype=np.float64)):
        near, far = (loss(k * size * direction) - loss(-k * size * direction) for k in (1, 2))
        slopes.append((8 * near - far) / (12 * size))
    return np.array(slopes)


def _moved(network: PhaseNetwork, vector: FloatArray, names: Sequence[Parameter]) -> PhaseNetwork:
    """The network with `vector` added to the named parameters in the order of `Gradient.vector`."""
    changes: dict[str, Any] = {}
    left = vector
    for name in names:
        old: Any = getattr(network, name)
        count = len(upper(old)) if name == "coupling" else network.n
        step: Any
        step, left = left[:count], left[count:]
        if np.iscomplexobj(old):
            step, left = step + 1j * left[:count], left[count:]
        changes[name] = old + (_hermitian(old, step) if name == "coupling" else step)
    if left.size:
        raise ValueError(
            f"directions: {vector.size} columns are {left.size} too many; give as many as "
            "Gradient.vector has entries"
        )
    return network.replace(**changes)


def _hermitian(coupling: Any, values: FloatArray) -> Any:
    """A matrix on the edges of `coupling` whose upper triangle holds `values`."""
    half: Any
    if is_sparse(coupling):
        half = scipy.sparse.coo_array(scipy.sparse.triu(coupling, 1))
        half.data = values
        return scipy.sparse.csr_array(half + half.conj().T)
    half = np.zeros_like(coupling)
    half[np.triu_indices(len(half), 1)] = values
    return np.where(coupling != 0, half + half.conj().T, 0)
