"""The layers of a feed-forward phasor net, in the vocabulary of Flax and torch."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.network import ComplexArray, FloatArray
from neurosc.randomness import RNG, stream


def real_to_phasor(x: npt.ArrayLike, scale: float = np.pi) -> ComplexArray:
    """z = e^{i scale x} of real numbers (...).

    Parameters
    ----------
    x
        Real; within an interval shorter than 2 pi / scale, if no two are to meet.
    scale
        Radians per unit of x.

    Raises
    ------
    TypeError, ValueError
        For what is not real, or not finite. A silent unit is the phasor 0.
    """
    values = np.asarray(x)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"x: expected real numbers, not {values.dtype}; convert them to float")
    if not np.isfinite(values).all():
        raise ValueError("x: has entries that are not finite; replace NaN and inf")
    return np.asarray(np.exp(1j * scale * values.astype(np.float64)))


def phase_of(z: npt.ArrayLike) -> FloatArray:
    """arg z in (-pi, pi], radians; NaN where z = 0, a silent unit."""
    values = np.asarray(z, dtype=np.complex128)
    return np.asarray(np.where(values == 0, np.nan, np.angle(values)))


def phasor_to_real(z: npt.ArrayLike, scale: float = np.pi) -> FloatArray:
    """x = arg(z) / scale, the inverse of `real_to_phasor` for x in (-pi, pi] / scale."""
    return np.asarray(phase_of(z) / scale)


@dataclasses.dataclass(frozen=True, eq=False, init=False)
class PhasorLinear:
    """u = W z + b.

    Parameters
    ----------
    weight
        W, complex, (outputs, inputs).
    bias
        b, complex, (outputs,), or a scalar.

    Raises
    ------
    ValueError
        For shapes that do not fit, and numbers that are not finite.
    """

    weight: ComplexArray
    bias: ComplexArray

    def __init__(self, weight: npt.ArrayLike, bias: npt.ArrayLike = 0.0) -> None:
        matrix, shift = _matrix(weight), np.array(bias, dtype=np.complex128)
        if shift.ndim and shift.shape != (len(matrix),):
            raise ValueError(
                f"bias: shape {shift.shape} does not fit {len(matrix)} outputs; give one for each"
            )
        if not np.isfinite(shift).all():
            raise ValueError("bias: some numbers are not finite; give finite ones")
        shift = np.array(np.broadcast_to(shift, len(matrix)))
        shift.flags.writeable = False
        object.__setattr__(self, "weight", matrix)
        object.__setattr__(self, "bias", shift)

    @classmethod
    def random(
        cls, inputs: int, outputs: int, *, bias_scale: float = 0.1, rng: RNG = None
    ) -> PhasorLinear:
        """W complex normal of variance 1/inputs, b of variance 2 `bias_scale`^2."""
        draw = stream(rng, "phasor linear")
        parts = draw.standard_normal((2, outputs, inputs)) / np.sqrt(2 * inputs)
        shift = bias_scale * draw.standard_normal((2, outputs))
        return cls(parts[0] + 1j * parts[1], shift[0] + 1j * shift[1])

    def __call__(self, z: npt.ArrayLike) -> ComplexArray:
        """Of z (..., inputs), the sums u (..., outputs)."""
        return np.asarray(_units(z, self.weight.shape[1]) @ self.weight.T + self.bias)


class PhasorActivation:
    """z = u / |u|, and 0 of 0: a unit that nothing drives is silent.

    It ignores the scale of u, which is why a layer may be as weak a part of an energy as one likes.
    """

    def __call__(self, u: npt.ArrayLike) -> ComplexArray:
        """Of u (...), phasors (...)."""
        values = np.asarray(u, dtype=np.complex128)
        size = np.abs(values)
        return np.asarray(np.divide(values, size, out=np.zeros_like(values), where=size > 0))

    def __repr__(self) -> str:
        return "PhasorActivation()"


@dataclasses.dataclass(frozen=True, eq=False, init=False)
class PhasorReadout:
    """Logits a = Re(V z).

    Parameters
    ----------
    weight
        V, complex, (classes, inputs).
    """

    weight: ComplexArray

    def __init__(self, weight: npt.ArrayLike) -> None:
        object.__setattr__(self, "weight", _matrix(weight))

    @classmethod
    def random(cls, inputs: int, classes: int, *, rng: RNG = None) -> PhasorReadout:
        """V complex normal of variance 2/inputs, so that logits have variance 1."""
        parts = stream(rng, "phasor readout").standard_normal((2, classes, inputs))
        parts /= np.sqrt(inputs)
        return cls(parts[0] + 1j * parts[1])

    def __call__(self, z: npt.ArrayLike) -> FloatArray:
        """Of phasors z (..., inputs), logits (..., classes)."""
        return np.asarray((_units(z, self.weight.shape[1]) @ self.weight.T).real)


def _matrix(values: Any) -> ComplexArray:
    matrix = np.array(values, dtype=np.complex128)
    if matrix.ndim != 2 or 0 in matrix.shape or not np.isfinite(matrix).all():
        raise ValueError(
            f"weight: shape {matrix.shape} does not fit; give a finite (outputs, inputs)"
        )
    matrix.flags.writeable = False
    return matrix


def _units(z: npt.ArrayLike, count: int) -> ComplexArray:
    values = np.asarray(z, dtype=np.complex128)
    if values.ndim == 0 or values.shape[-1] != count:
        raise ValueError(f"z: shape {values.shape} does not end in {count}; give (..., {count})")
    return values
