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

    def _parts(
        self, phases: FloatArray, target: Target
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """log p, p, the error p - y, and Re(V z) per class and output."""
        batch, k = phases.shape
        v = self.matrix(k)
        labels = check_labels(target, batch, len(v))
        c, s = np.cos(phases)[:, None, :], np.sin(phases)[:, None, :]
        contributions = v.real * c - v.imag * s
        logits = contributions.sum(axis=-1)
        shifted = logits - logits.real.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        p = np.exp(log_p)
        error = p.copy()
        error[np.arange(batch), labels] -= 1
        return log_p, p, error, contributions

    def _slopes(self, phases: FloatArray) -> FloatArray:
        """d logits / d theta, shape (batch, classes, k)."""
        v = self.matrix(phases.shape[1])
        c, s = np.cos(phases)[:, None, :], np.sin(phases)[:, None, :]
        return np.asarray(-v.real * s - v.imag * c)

    def weights_gradient(self, phases: FloatArray, target: Target) -> ComplexArray:
        """dC/dRe V + i dC/dIm V, the mean over samples, (classes, k): (p - y) conj(z)."""
        error = self._parts(phases, target)[2]
        return np.asarray(error.T @ np.exp(-1j * phases) / len(phases), dtype=np.complex128)

    def value(self, phases: FloatArray, target: Target) -> FloatArray:
        log_p = self._parts(phases, target)[0]
        return np.asarray(-log_p[np.arange(len(phases)), np.asarray(target)])

    def gradient(self, phases: FloatArray, target: Target) -> FloatArray:
        error = self._parts(phases, target)[2]
        return np.asarray((error[:, :, None] * self._slopes(phases)).sum(axis=1))

    def hessian(self, phases: FloatArray, target: Target) -> FloatArray:
        _, p, error, contributions = self._parts(phases, target)
        slopes = self._slopes(phases)
        mean = (p[:, :, None] * slopes).sum(axis=1)
        spread = (p[:, :, None] * slopes).swapaxes(1, 2) @ slopes
        spread -= mean[:, :, None] * mean[:, None, :]
        own = -(error[:, :, None] * contributions).sum(axis=1)
        return np.asarray(spread + own[..., None] * np.eye(phases.shape[1]))
