"""Interactions of oscillators in the place of the sine."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray, IntArray

NEGLIGIBLE = 1e-12
"""A coefficient that counts as none, in units of the largest."""


@dataclasses.dataclass(frozen=True)
class Interaction:
    """H(phi) = mean + sum_k Im(a_k e^{ik phi}), phi = theta_j - theta_i.

    The torque with which oscillator j acts on i through a coupling of 1; `Interaction((1,))` is the
    sine, `Interaction((exp(-1j * alpha),))` the lag of Sakaguchi and Kuramoto.

    Parameters
    ----------
    harmonics
        a_1, a_2, ..., complex.
    mean
        The constant part.

    Raises
    ------
    ValueError
        Without harmonics, and for numbers that are not finite.
    """

    harmonics: tuple[complex, ...]
    mean: float = 0.0

    def __post_init__(self) -> None:
        given = np.asarray(self.harmonics, dtype=np.complex128)
        if given.ndim != 1 or given.size == 0:
            raise ValueError(
                f"harmonics: shape {given.shape} is no list of harmonics; give (a_1, a_2, ...)"
            )
        if not (np.isfinite(given).all() and np.isfinite(self.mean)):
            raise ValueError("harmonics, mean: are not all finite; replace NaN and inf")
        object.__setattr__(self, "harmonics", tuple(given.tolist()))
        object.__setattr__(self, "mean", float(self.mean))

    @classmethod
    def from_samples(cls, torques: npt.ArrayLike) -> Self:
        """From samples (n,) of one period, at phi = 0, 2 pi/n, ..., which it interpolates.

        Raises
        ------
        ValueError
            For fewer than four samples, and numbers that are not finite.
        """
        samples = np.asarray(torques, dtype=np.float64)
        if samples.ndim != 1 or samples.size < 4 or not np.isfinite(samples).all():
            raise ValueError(
                f"torques: shape {samples.shape} is no period of an interaction; give four finite "
                "samples or more of one"
            )
        spectrum = np.fft.rfft(samples) / samples.size
        harmonics = 2j * spectrum[1:]
        if samples.size % 2 == 0:
            harmonics[-1] /= 2  # both signs of the highest harmonic are the same wave there
        return cls.trimmed(harmonics, float(spectrum[0].real))

    @classmethod
    def trimmed(cls, harmonics: npt.ArrayLike, mean: float = 0.0) -> Self:
        """With negligible harmonics set to zero, and cut where they are the last."""
        given = np.array(harmonics, dtype=np.complex128)
        largest = max(np.abs(given).max(initial=0.0), abs(mean))
        given[np.abs(given) <= NEGLIGIBLE * largest] = 0
        last = max(1, int(np.max(np.flatnonzero(given), initial=0)) + 1)
        return cls(tuple(given[:last].tolist()), 0.0 if abs(mean) <= NEGLIGIBLE * largest else mean)

    @property
    def orders(self) -> IntArray:
        """The numbers k of the harmonics that are not negligible, in order."""
        sizes = np.abs(self.harmonics)
        return np.asarray(np.flatnonzero(sizes > NEGLIGIBLE * sizes.max()) + 1, dtype=np.intp)

    @property
    def overtones(self) -> dict[int, complex]:
        """What makes it more than a lagged sine: a_k by k, of k >= 2 that are not negligible."""
        return {int(k): self.harmonics[k - 1] for k in self.orders if k > 1}

    @property
    def steepness(self) -> float:
        """A bound of |H'| that exceeds its largest value by 2 % at most.

        A wave of highest order n that is seen at N points is larger between them by
        1 / cos(pi n / N) at most: Ehlich, Zeller, Math. Z. 86:41 (1964).
        """
        points = 16 * len(self.harmonics)
        spectrum = np.zeros(points, dtype=np.complex128)
        orders = np.arange(1, len(self.harmonics) + 1)
        spectrum[orders] = orders * np.asarray(self.harmonics)
        slopes = np.fft.fft(spectrum).real
        return float(np.abs(slopes).max() / np.cos(np.pi / 16))

    def __call__(self, phase: npt.ArrayLike) -> FloatArray:
        """H at phases of any shape, radians."""
        k = self.orders
        return self.mean + self._waves(phase, np.asarray(self.harmonics)[k - 1])

    def slope(self, phase: npt.ArrayLike) -> FloatArray:
        """dH/dphi at phases of any shape, radians."""
        k = self.orders
        return self._waves(phase, 1j * k * np.asarray(self.harmonics)[k - 1])

    def _waves(self, phase: npt.ArrayLike, coefficients: npt.ArrayLike) -> FloatArray:
        """sum_k Im(c_k e^{ik phi}) over `orders`."""
        angles = np.multiply.outer(np.asarray(phase, dtype=np.float64), self.orders)
        return np.asarray((np.exp(1j * angles) @ np.asarray(coefficients)).imag)


def check_interaction(
    given: object, method: str, noise: float, escape: bool, timed: Sequence[str]
) -> None:
    """Raise for what is no interaction, and for arguments of `Ideal` that do not go with one.

    `timed` names those given that matter to stepping alone.
    """
    if not isinstance(given, Interaction):
        raise TypeError(
            f"interaction: expected an Interaction, not {type(given).__name__}; write "
            "Interaction((a_1, a_2, ...)) or Interaction.from_samples(torques)"
        )
    if noise or method not in ("auto", "newton"):
        what = "noise" if noise else f'method "{method}"'
        raise ValueError(
            f'interaction: {what} goes with sines alone; use method="auto" without noise, or a '
            "Device with CouplingHarmonics and PhaseLag, which steps through time"
        )
    if escape:
        raise ValueError(
            "interaction: has no energy in which escape= could descend; leave escape out"
        )
    if timed:
        raise ValueError(
            f"{timed[0]}: with interaction= nothing is stepped through time; leave it out"
        )
