"""A batch of networks that differ in features, frequencies, fields and delays."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.network import FloatArray, IntArray


@dataclasses.dataclass(frozen=True, eq=False, init=False)
class Instances:
    """Networks of n oscillators each, all but their couplings.

    Oscillator i of a network moves as

        dtheta_i/dt = omega_i + sum_j K_ij sin(theta_j(t - tau_j) - theta_i) + h_i sin theta_i

    Parameters
    ----------
    features
        Shape (batch, n, d): what is known of each oscillator.
    frequency
        omega, shape (batch, n) or a scalar, dimensionless.
    field
        h, shape (batch, n) or a scalar. As a field of a `PhaseNetwork` it is b = -h.
    delay_steps
        tau in steps, whole numbers from 0 on, shape (batch, n): oscillator j is seen tau_j steps
        late. None for no delays.
    groups
        Labels 0 to k - 1 of the clusters, shape (batch, n); None where there are none.

    Raises
    ------
    TypeError, ValueError
        For arrays that do not fit, entries that are not finite, and numbers below 0.

    Notes
    -----
    Source: Ricci et al., KuraNet, arXiv 2105.02838 (2021). Arrays are copied and read-only.
    """

    features: FloatArray
    frequency: FloatArray
    field: FloatArray
    delay_steps: IntArray | None
    groups: IntArray | None

    def __init__(
        self,
        features: npt.ArrayLike,
        frequency: npt.ArrayLike = 0.0,
        field: npt.ArrayLike = 0.0,
        delay_steps: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> None:
        known = _finite("features", features)
        if known.ndim != 3 or 0 in known.shape:
            raise ValueError(
                f"features: shape {known.shape} does not fit; give (batch, n, d), for one network "
                "features[None]"
            )
        shape = known.shape[:2]
        for name, value in {
            "features": known,
            "frequency": _filled("frequency", frequency, shape),
            "field": _filled("field", field, shape),
            "delay_steps": _whole("delay_steps", delay_steps, shape),
            "groups": _whole("groups", groups, shape),
        }.items():
            if value is not None:
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    @property
    def batch(self) -> int:
        """Number of networks."""
        return int(self.features.shape[0])

    @property
    def n(self) -> int:
        """Oscillators of each."""
        return int(self.features.shape[1])

    def target(self, cost: Cost) -> IntArray | None:
        """What the cost aims at: the groups, or None for a cost without a target.

        Raises
        ------
        ValueError
            If the cost needs groups and there are none.
        """
        if not cost.has_target:
            return None
        if self.groups is None:
            raise ValueError(
                f"groups: {type(cost).__name__} needs the group of each oscillator; give the "
                "Instances their groups, or use SynchronyCost"
            )
        return self.groups

    def take(self, rows: npt.ArrayLike | slice) -> Instances:
        """Some of the networks, by their numbers."""
        index: Any = rows if isinstance(rows, slice) else np.atleast_1d(np.asarray(rows))
        some: dict[str, Any] = {
            name: None if array is None else array[index] for name, array in vars(self).items()
        }
        return Instances(**some)


def _finite(name: str, given: npt.ArrayLike) -> FloatArray:
    array = np.asarray(given)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected real numbers, not {array.dtype}; convert them to float")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: has entries that are not finite; replace NaN and inf")
    return np.array(array, dtype=np.float64, order="C")


def _filled(name: str, given: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    array = _finite(name, given)
    if array.shape not in ((), shape):
        raise ValueError(f"{name}: shape {array.shape} does not fit; give a scalar or {shape}")
    return np.array(np.broadcast_to(array, shape))


def _whole(name: str, given: npt.ArrayLike | None, shape: tuple[int, ...]) -> IntArray | None:
    if given is None:
        return None
    array = np.asarray(given)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected whole numbers, not {array.dtype}; round them")
    if array.shape != shape:
        raise ValueError(f"{name}: shape {array.shape} does not fit; give {shape}")
    if array.size and array.min() < 0:
        raise ValueError(f"{name}: holds {array.min()}; give numbers from 0 on")
    return np.array(array, dtype=np.intp)
