"""What learning needs to know of a cost, and the checks of its targets."""

from __future__ import annotations

import abc
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.network import ComplexArray, FloatArray, IntArray

Target = npt.ArrayLike | None
"""Class labels (batch,), phases (batch, k), or None for a cost without a target."""


class Drive(NamedTuple):
    """A static nudge that hardware can inject: shifts of b and s at the outputs, (batch, k)."""

    field: ComplexArray
    second_harmonic: FloatArray


class Cost(abc.ABC):
    """What two-phase learning needs to know of a cost.

    Attributes
    ----------
    has_target
        Whether it aims at a target; without one, targets are None.
    is_analytic
        Whether value, gradient and hessian take complex phases to their analytic continuation,
        as holomorphic nudges need it: no conj, real, imag or abs of anything with phases in it.
    is_periodic
        Whether it is a function on the circle, as phases ask for; those of values are not.
    """

    has_target: ClassVar[bool] = True
    is_analytic: ClassVar[bool] = False
    is_periodic: ClassVar[bool] = True

    @abc.abstractmethod
    def value(self, phases: FloatArray, target: Target) -> FloatArray:
        """C, shape (batch,)."""

    @abc.abstractmethod
    def gradient(self, phases: FloatArray, target: Target) -> FloatArray:
        """dC/dtheta, shape (batch, k)."""

    @abc.abstractmethod
    def hessian(self, phases: FloatArray, target: Target) -> FloatArray:
        """d2C/dtheta2, shape (batch, k, k)."""

    def hessian_diagonal(self, phases: FloatArray, target: Target) -> FloatArray | None:
        """The diagonal (batch, k) of a Hessian that is diagonal, or None."""
        return None

    def classes(self, n_outputs: int) -> int:
        """How many classes `n_outputs` oscillators can tell apart."""
        return n_outputs

    def drive(self, target: Target, n_outputs: int) -> Drive | None:
        """The field and second harmonic that add exactly 1 x C to the energy, or None."""
        return None

    def predict(self, phases: FloatArray) -> IntArray:
        """The class whose target costs least, shape (batch,)."""
        batch, k = phases.shape
        costs = [self.value(phases, np.full(batch, c)) for c in range(self.classes(k))]
        return np.asarray(np.argmin(costs, axis=0), dtype=np.intp)


def take(target: Target, index: npt.ArrayLike) -> Any:
    """The targets of some samples; None stays None."""
    return None if target is None else np.asarray(target)[np.asarray(index)]


def check_batch(cost: Cost, target: Target, batch: int) -> None:
    """Raise ValueError unless there is one target for each of `batch` samples, or none at all."""
    if not cost.has_target:
        if target is not None:
            raise ValueError(f"target: {type(cost).__name__} has no target; give None")
    elif target is None:
        raise ValueError(
            f"target: {type(cost).__name__} aims at a target; give one for each sample, such as "
            "its class label"
        )
    elif len(np.atleast_1d(np.asarray(target))) != batch:
        raise ValueError(
            f"target: {len(np.atleast_1d(np.asarray(target)))} targets for {batch} samples; give "
            "one for each"
        )


def check_labels(target: Target, batch: int, n_classes: int) -> IntArray:
    """Class labels (batch,), or an error that names the one outside the classes."""
    labels = np.asarray(target)
    if labels.dtype.kind not in "iu" or labels.shape != (batch,):
        raise ValueError(
            f"target: expected {batch} integer class labels, not shape {labels.shape} of "
            f"{labels.dtype}"
        )
    outside = labels[(labels < 0) | (labels >= n_classes)]
    if outside.size:
        raise ValueError(
            f"target: class {outside[0]} is outside the {n_classes} classes 0 to {n_classes - 1}; "
            "relabel it or give the network one output for each class"
        )
    return labels.astype(np.intp)
