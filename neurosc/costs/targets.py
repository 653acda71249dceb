"""Costs that give each output a target of its own."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar

import numpy as np

from neurosc.costs.base import Cost, Drive, Target, check_labels
from neurosc.network import FloatArray


@dataclasses.dataclass(frozen=True)
class TargetCost(Cost):
    """A sum over outputs of a function of theta_o and its target.

    Parameters
    ----------
    right, wrong
        Target of the output that stands for the class, and of the others.
    """

    right: float = 0.0
    wrong: float = np.pi / 2
    is_analytic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (np.isfinite(self.right) and np.isfinite(self.wrong)):
            raise ValueError("right, wrong: targets must be finite")
        if self.right == self.wrong:
            raise ValueError(f"right, wrong: both are {self.right}; no class could be read")

    def targets(self, target: Target, batch: int, n_outputs: int) -> FloatArray:
        """Targets per output, (batch, k), from class labels or as they are."""
        given = np.asarray(target)
        if given.dtype.kind == "f":
            if given.shape != (batch, n_outputs):
                raise ValueError(
                    f"target: shape {given.shape} does not fit; give class labels ({batch},) or "
                    f"values ({batch}, {n_outputs})"
                )
            if not np.isfinite(given).all():
                raise ValueError("target: has entries that are not finite; replace NaN and inf")
            return given.astype(np.float64)
        labels = check_labels(given, batch, n_outputs)
        return np.where(labels[:, None] == np.arange(n_outputs), self.right, self.wrong)

    def hessian_diagonal(self, phases: FloatArray, target: Target) -> FloatArray:
        return self._curvature(phases, self.targets(target, *phases.shape))

    def hessian(self, phases: FloatArray, target: Target) -> FloatArray:
        curvature = self.hessian_diagonal(phases, target)
        return curvature[..., None] * np.eye(phases.shape[1])

    @abc.abstractmethod
    def _curvature(self, phases: FloatArray, targets: FloatArray) -> FloatArray:
        """The diagonal of the Hessian, (batch, k)."""


@dataclasses.dataclass(frozen=True)
class CosineCost(TargetCost):
    """C = sum_o 1 - cos(theta_o - t_o). Its nudge is the field beta exp(i t_o), exactly.

    With right = 0 and wrong = pi/2 the read-out is argmax(cos theta - sin theta).
    """

    def value(self, phases: FloatArray, target: Target) -> FloatArray:
        return _sum(1 - np.cos(phases - self.targets(target, *phases.shape)))

    def gradient(self, phases: FloatArray, target: Target) -> FloatArray:
        return np.asarray(np.sin(phases - self.targets(target, *phases.shape)))

    def _curvature(self, phases: FloatArray, targets: FloatArray) -> FloatArray:
        return np.asarray(np.cos(phases - targets))

    def drive(self, target: Target, n_outputs: int) -> Drive:
        targets = self.targets(target, len(np.atleast_1d(np.asarray(target))), n_outputs)
        return Drive(np.exp(1j * targets), np.zeros(targets.shape))


@dataclasses.dataclass(frozen=True)
class LogCosineCost(TargetCost):
    """C = -sum_o log((1 + cos(theta_o - t_o)) / 2); infinite opposite the target.

    Source: Wang, Wanjura, Marquardt, arXiv 2402.08579 (2024).
    """

    def value(self, phases: FloatArray, target: Target) -> FloatArray:
        half = 0.5 * (phases - self.targets(target, *phases.shape))
        with np.errstate(divide="ignore"):
            return _sum(-np.log(np.cos(half) ** 2))

    def gradient(self, phases: FloatArray, target: Target) -> FloatArray:
        return np.asarray(np.tan(0.5 * (phases - self.targets(target, *phases.shape))))

    def _curvature(self, phases: FloatArray, targets: FloatArray) -> FloatArray:
        return np.asarray(0.5 / np.cos(0.5 * (phases - targets)) ** 2)


@dataclasses.dataclass(frozen=True)
class SquaredCosineCost(TargetCost):
    """C = 1/2 sum_o (cos theta_o - y_o)^2, the cost of oscillator Ising machines.

    Its nudge shifts the field by beta y and the second harmonic by -beta/2, exactly. Targets are
    values of the cosine. Source: Gower, arXiv 2505.02103 (2025).
    """

    right: float = 1.0
    wrong: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if max(abs(self.right), abs(self.wrong)) > 1:
            raise ValueError("right, wrong: a cosine reaches -1 to 1; choose targets in between")

    def value(self, phases: FloatArray, target: Target) -> FloatArray:
        return _sum(0.5 * (np.cos(phases) - self.targets(target, *phases.shape)) ** 2)

    def gradient(self, phases: FloatArray, target: Target) -> FloatArray:
        error = np.cos(phases) - self.targets(target, *phases.shape)
        return np.asarray(-error * np.sin(phases))

    def _curvature(self, phases: FloatArray, targets: FloatArray) -> FloatArray:
        return np.asarray(-np.cos(2 * phases) + targets * np.cos(phases))

    def drive(self, target: Target, n_outputs: int) -> Drive:
        targets = self.targets(target, len(np.atleast_1d(np.asarray(target))), n_outputs)
        return Drive(targets.astype(np.complex128), np.full(targets.shape, -0.5))


@dataclasses.dataclass(frozen=True)
class SquaredCost(TargetCost):
    """C = 1/2 sum_o (s_o - y_o)^2 of values on a line, such as those of `ContinuousHopfield`.

    Phases it is not for: it changes when one of them turns once. Its nudge is the force
    beta (y - s). Source: Scellier, Bengio, Front. Comput. Neurosci. 11:24 (2017).
    """

    right: float = 1.0
    wrong: float = 0.0
    is_periodic: ClassVar[bool] = False

    def value(self, phases: FloatArray, target: Target) -> FloatArray:
        return _sum(0.5 * self.gradient(phases, target) ** 2)

    def gradient(self, phases: FloatArray, target: Target) -> FloatArray:
        return np.asarray(phases - self.targets(target, *phases.shape))

    def _curvature(self, phases: FloatArray, targets: FloatArray) -> FloatArray:
        return np.ones_like(phases)


def _sum(terms: Any) -> FloatArray:
    return np.asarray(terms.sum(axis=-1))
