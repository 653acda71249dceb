"""Costs on the circle; each owns its targets, its nudge and the read-out that agrees with them.

A cost sees output phases theta (batch, k) in radians, measured in the network's frame, and a
target: class labels (batch,) or, where it has phases as targets, phases (batch, k). The class
that it reads is the one whose target costs least, so at the exact target of class c it reads c.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.network import ComplexArray, FloatArray, IntArray


class Drive(NamedTuple):
    """A static nudge that hardware can inject: shifts of b and s at the outputs, (batch, k)."""

    field: ComplexArray
    second_harmonic: FloatArray


class Cost(abc.ABC):
    """What two-phase learning needs to know of a cost."""

    @abc.abstractmethod
    def value(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
        """C, shape (batch,)."""

    @abc.abstractmethod
    def gradient(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
        """dC/dtheta, shape (batch, k)."""

    @abc.abstractmethod
    def hessian(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
        """d2C/dtheta2, shape (batch, k, k)."""

    def classes(self, n_outputs: int) -> int:
        """How many classes `n_outputs` oscillators can tell apart."""
        return n_outputs

    def drive(self, target: npt.ArrayLike, n_outputs: int) -> Drive | None:
        """The field and second harmonic that add exactly 1 x C to the energy, or None."""
        return None

    def predict(self, phases: FloatArray) -> IntArray:
        """The class whose target costs least, shape (batch,)."""
        batch, k = phases.shape
        costs = [self.value(phases, np.full(batch, c)) for c in range(self.classes(k))]
        return np.asarray(np.argmin(costs, axis=0), dtype=np.intp)


def check_labels(target: npt.ArrayLike, batch: int, n_classes: int) -> IntArray:
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

    def __post_init__(self) -> None:
        if not (np.isfinite(self.right) and np.isfinite(self.wrong)):
            raise ValueError("right, wrong: targets must be finite")
        if self.right == self.wrong:
            raise ValueError(f"right, wrong: both are {self.right}; no class could be read")

    def targets(self, target: npt.ArrayLike, batch: int, n_outputs: int) -> FloatArray:
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

    def hessian(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
        curvature = self._curvature(phases, self.targets(target, *phases.shape))
        return curvature[..., None] * np.eye(phases.shape[1])

    @abc.abstractmethod
    def _curvature(self, phases: FloatArray, targets: FloatArray) -> FloatArray:
        """The diagonal of the Hessian, (batch, k)."""


@dataclasses.dataclass(frozen=True)
class CosineCost(TargetCost):
    """C = sum_o 1 - cos(theta_o - t_o). Its nudge is the field beta exp(i t_o), exactly.

    With right = 0 and wrong = pi/2 the read-out is argmax(cos theta - sin theta).
    """

    def value(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
        return _sum(1 - np.cos(phases - self.targets(target, *phases.shape)))

    def gradient(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
        return np.asarray(np.sin(phases - self.targets(target, *phases.shape)))

    def _curvature(self, phases: FloatArray, targets: FloatArray) -> FloatArray:
        return np.asarray(np.cos(phases - targets))

    def drive(self, target: npt.ArrayLike, n_outputs: int) -> Drive:
        targets = self.targets(target, len(np.asarray(target)), n_outputs)
        return Drive(np.exp(1j * targets), np.zeros(targets.shape))


@dataclasses.dataclass(frozen=True)
class LogCosineCost(TargetCost):
    """C = -sum_o log((1 + cos(theta_o - t_o)) / 2); infinite opposite the target.

    Source: Wang, Wanjura, Marquardt, arXiv 2402.08579 (2024).
    """

    def value(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
        half = 0.5 * (phases - self.targets(target, *phases.shape))
        with np.errstate(divide="ignore"):
            return _sum(-2 * np.log(np.abs(np.cos(half))))

    def gradient(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
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

    def value(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
        return _sum(0.5 * (np.cos(phases) - self.targets(target, *phases.shape)) ** 2)

    def gradient(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
        error = np.cos(phases) - self.targets(target, *phases.shape)
        return np.asarray(-error * np.sin(phases))

    def _curvature(self, phases: FloatArray, targets: FloatArray) -> FloatArray:
        return np.asarray(-np.cos(2 * phases) + targets * np.cos(phases))

    def drive(self, target: npt.ArrayLike, n_outputs: int) -> Drive:
        targets = self.targets(target, len(np.asarray(target)), n_outputs)
        return Drive(targets.astype(np.complex128), np.full(targets.shape, -0.5))


class CrossEntropy(Cost):
    """C = -log p_y with p = softmax(a) and logits a = Re(V z), z = exp(i theta) at the outputs.

    Parameters
    ----------
    weights
        V, complex, shape (classes, k); None stands for 2 I, one output for each class, which
        reads argmax cos theta.

    Notes
    -----
    The nudge is the field -beta V^H (p - y); it depends on the phases through p, so hardware
    applies it as a feedback that follows the outputs.
    """

    def __init__(self, weights: npt.ArrayLike | None = None) -> None:
        self.weights: ComplexArray | None = None
        if weights is not None:
            v = np.array(weights, dtype=np.complex128)
            if v.ndim != 2 or v.shape[0] < 2 or not np.isfinite(v).all():
                raise ValueError(
                    f"weights: shape {v.shape} does not fit; give finite (classes >= 2, outputs)"
                )
            v.flags.writeable = False
            self.weights = v

    def __repr__(self) -> str:
        shape = None if self.weights is None else self.weights.shape
        return f"CrossEntropy(weights of shape {shape})" if shape else "CrossEntropy()"

    def classes(self, n_outputs: int) -> int:
        return n_outputs if self.weights is None else len(self.weights)

    def _matrix(self, n_outputs: int) -> ComplexArray:
        if self.weights is None:
            return 2 * np.eye(n_outputs, dtype=np.complex128)
        if self.weights.shape[1] != n_outputs:
            raise ValueError(
                f"weights: {self.weights.shape[1]} columns for {n_outputs} outputs; give as many"
            )
        return self.weights

    def _parts(
        self, phases: FloatArray, target: npt.ArrayLike
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """log p, p, the error p - y, and Re(V z) per class and output."""
        batch, k = phases.shape
        v = self._matrix(k)
        labels = check_labels(target, batch, len(v))
        contributions = (v * np.exp(1j * phases)[:, None, :]).real
        logits = contributions.sum(axis=-1)
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        p = np.exp(log_p)
        error = p.copy()
        error[np.arange(batch), labels] -= 1
        return log_p, p, error, contributions

    def _slopes(self, phases: FloatArray) -> FloatArray:
        """d logits / d theta, shape (batch, classes, k)."""
        v = self._matrix(phases.shape[1])
        return np.asarray((1j * v * np.exp(1j * phases)[:, None, :]).real)

    def value(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
        log_p = self._parts(phases, target)[0]
        return np.asarray(-log_p[np.arange(len(phases)), np.asarray(target)])

    def gradient(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
        error = self._parts(phases, target)[2]
        return np.asarray((error[:, :, None] * self._slopes(phases)).sum(axis=1))

    def hessian(self, phases: FloatArray, target: npt.ArrayLike) -> FloatArray:
        _, p, error, contributions = self._parts(phases, target)
        slopes = self._slopes(phases)
        mean = (p[:, :, None] * slopes).sum(axis=1)
        spread = (p[:, :, None] * slopes).swapaxes(1, 2) @ slopes
        spread -= mean[:, :, None] * mean[:, None, :]
        own = -(error[:, :, None] * contributions).sum(axis=1)
        return np.asarray(spread + own[..., None] * np.eye(phases.shape[1]))


def to_dict(cost: Cost) -> dict[str, Any]:
    """A cost as plain JSON values."""
    if isinstance(cost, CrossEntropy):
        v = cost.weights
        return {
            "kind": "CrossEntropy",
            "weights": None if v is None else [v.real.tolist(), v.imag.tolist()],
        }
    if type(cost) in (CosineCost, LogCosineCost, SquaredCosineCost):
        return {"kind": type(cost).__name__, **dataclasses.asdict(cost)}  # type: ignore[call-overload]
    raise TypeError(
        f"cost: {type(cost).__name__} is not one of neurosc's costs and cannot be saved"
    )


def from_dict(values: dict[str, Any]) -> Cost:
    """The cost that `to_dict` described."""
    kinds = {c.__name__: c for c in (CosineCost, LogCosineCost, SquaredCosineCost)}
    arguments = {k: v for k, v in values.items() if k != "kind"}
    if values.get("kind") == "CrossEntropy":
        v = arguments["weights"]
        return CrossEntropy(None if v is None else np.asarray(v[0]) + 1j * np.asarray(v[1]))
    if values.get("kind") not in kinds:
        raise ValueError(f"kind: {values.get('kind')!r} is no cost; use one of {sorted(kinds)}")
    return kinds[values["kind"]](**arguments)


def _sum(terms: Any) -> FloatArray:
    return np.asarray(terms.sum(axis=-1))
