"""Cross-entropy of a linear read-out."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from neurosc.costs.base import Cost, Target, check_labels
from neurosc.network import ComplexArray, FloatArray


class CrossEntropy(Cost):
    """C = -log p_y with p = softmax(a) and logits a = Re(V z), z = exp(i theta) at the outputs.

    Parameters
    ----------
    weights
        V, complex, shape (classes, k); None stands for 2 I, one output for each class, which
        reads argmax cos theta.

    Notes
    -----
    V learns together with the network where `fit` is told so by `learn=(..., "readout")`. The nudge
    is the field -beta V^H (p - y); it depends on the phases through p, so hardware applies it as a
    feedback that follows the outputs.
    """

    is_analytic: ClassVar[bool] = True

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

    def matrix(self, n_outputs: int) -> ComplexArray:
        """V for so many outputs, (classes, n_outputs)."""
        if self.weights is None:
            return 2 * np.eye(n_outputs, dtype=np.complex128)
        if self.weights.shape[1] != n_outputs:
            raise ValueError(
                f"weights: {self.weights.shape[1]} columns for {n_outputs} outputs; give as many"
            )
        return self.weights

    def _waves(self, phases: FloatArray) -> tuple[ComplexArray, FloatArray, FloatArray]:
        """V, and cos theta and sin theta of shape (batch, 1, k)."""
        v = self.matrix(phases.shape[1])
        return v, np.cos(phases)[:, None, :], np.sin(phases)[:, None, :]

    def _parts(
        self, waves: tuple[ComplexArray, FloatArray, FloatArray], target: Target
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """log p, the error p - y, and Re(V z) per class and output."""
        v, c, s = waves
        labels = check_labels(target, len(c), len(v))
        contributions = v.real * c - v.imag * s
        logits = contributions.sum(axis=-1)
        shifted = logits - logits.real.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        error = np.exp(log_p)
        error[np.arange(len(c)), labels] -= 1
        return log_p, error, contributions

    def weights_gradient(self, phases: FloatArray, target: Target) -> ComplexArray:
        """dC/dRe V + i dC/dIm V, the mean over samples, (classes, k): (p - y) conj(z)."""
        error = self._parts(self._waves(phases), target)[1]
        return np.asarray(error.T @ np.exp(-1j * phases) / len(phases), dtype=np.complex128)

    def value(self, phases: FloatArray, target: Target) -> FloatArray:
        log_p = self._parts(self._waves(phases), target)[0]
        return np.asarray(-log_p[np.arange(len(phases)), np.asarray(target)])

    def gradient(self, phases: FloatArray, target: Target) -> FloatArray:
        waves = self._waves(phases)
        error = self._parts(waves, target)[1]
        return np.asarray((error[:, :, None] * _slopes(*waves)).sum(axis=1))

    def hessian(self, phases: FloatArray, target: Target) -> FloatArray:
        waves = self._waves(phases)
        log_p, error, contributions = self._parts(waves, target)
        slopes = _slopes(*waves)
        weighted = np.exp(log_p)[:, :, None] * slopes
        mean = weighted.sum(axis=1)
        spread = weighted.swapaxes(1, 2) @ slopes
        spread -= mean[:, :, None] * mean[:, None, :]
        own = -(error[:, :, None] * contributions).sum(axis=1)
        return np.asarray(spread + own[..., None] * np.eye(phases.shape[1]))


def _slopes(v: ComplexArray, c: FloatArray, s: FloatArray) -> FloatArray:
    """d logits / d theta, shape (batch, classes, k)."""
    return np.asarray(-v.real * s - v.imag * c)
