"""Phases as spikes on a time grid, one a cycle, and what jitter and lost spikes do to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray
from neurosc.randomness import RNG, stream

BoolArray = npt.NDArray[np.bool_]
UNDECIDED = 1e-9
"""Mean resultant below which spikes point nowhere: it is zero but for rounding."""


def phase_to_spikes(phases: npt.ArrayLike, bins: int) -> BoolArray:
    """Phases as one spike a cycle: theta spikes at t = (theta + pi) / (2 pi) T, the nearest bin.

    Rounding to the nearest leaves no bias, where rounding down would turn every phase by -pi/T.
    Uniform phases come back with errors of at most pi/T and coherence |<e^{i error}>| of
    sinc(pi/T) = sin(pi/T) / (pi/T).

    Parameters
    ----------
    phases
        theta (...), radians; a unit whose phase is NaN is silent and does not spike.
    bins
        T, steps in a cycle, 2 or more.

    Returns
    -------
    ndarray of bool, shape (bins, ...)
        Time first.

    Raises
    ------
    TypeError, ValueError
        For phases that are not real or infinite, and fewer than 2 bins.
    """
    theta, steps = _real("phases", phases), _check_bins(bins)
    if np.isinf(theta).any():
        raise ValueError("phases: some are infinite; give radians, or NaN for a silent unit")
    silent = np.isnan(theta)
    bin_of = np.rint((np.where(silent, 0.0, theta) + np.pi) / (2 * np.pi) * steps) % steps
    spikes = np.arange(steps).reshape(-1, *[1] * theta.ndim) == bin_of
    return np.asarray(spikes & ~silent)


def spikes_to_phase(spikes: npt.ArrayLike, bins: int | None = None) -> FloatArray:
    """The phases of spikes: theta = arg sum_t s(t) e^{i (2 pi t / T - pi)}.

    Parameters
    ----------
    spikes
        (time, ...), time first: whole cycles, whose spikes are averaged on the circle.
    bins
        T, steps in a cycle; by default the whole of the time is one.

    Returns
    -------
    ndarray, shape (...)
        Radians in (-pi, pi]. NaN marks units that are silent, or whose spikes cancel.

    Raises
    ------
    ValueError
        For a time that is not whole cycles, and values other than 0 and 1.
    """
    raster = _check_raster(spikes)
    steps = _check_bins(raster.shape[0] if bins is None else bins)
    if raster.shape[0] % steps:
        raise ValueError(
            f"spikes: {raster.shape[0]} steps are no whole number of cycles of {steps}; "
            "cut off the rest"
        )
    turn = np.exp(1j * (2 * np.pi * (np.arange(raster.shape[0]) % steps) / steps - np.pi))
    resultant = np.tensordot(turn, raster.astype(np.float64), axes=(0, 0))
    count = np.maximum(raster.sum(axis=0), 1)
    phase = np.angle(resultant)
    phase = np.where(phase <= -np.pi, np.pi, phase)
    return np.asarray(np.where(np.abs(resultant) > UNDECIDED * count, phase, np.nan))


def jitter_spikes(
    spikes: npt.ArrayLike, sigma: float, *, bins: int | None = None, rng: RNG = None
) -> BoolArray:
    """Each spike moved by N(0, sigma) cycles within its cycle, to the nearest bin.

    The coherence of many spikes falls by e^{-2 pi^2 sigma^2}. Two spikes of a unit that meet in
    a bin are one.

    Parameters
    ----------
    spikes, bins
        As in `spikes_to_phase`.
    sigma
        Standard deviation in cycles, 0 or more.
    rng
        Random numbers.
    """
    raster = _check_raster(spikes)
    steps = _check_bins(raster.shape[0] if bins is None else bins)
    if not 0 <= sigma < np.inf:
        raise ValueError(f"sigma: {sigma} is no width; give cycles, 0 or more")
    time, *unit = np.nonzero(raster)
    moved = np.rint(stream(rng, "jitter").normal(0.0, sigma * steps, time.size)).astype(np.intp)
    out = np.zeros_like(raster)
    out[(time // steps * steps + (time + moved) % steps, *unit)] = True
    return out


def drop_spikes(spikes: npt.ArrayLike, probability: float, *, rng: RNG = None) -> BoolArray:
    """Spikes (time, ...) of which each is lost with some probability, whatever the others."""
    raster = _check_raster(spikes)
    if not 0 <= probability <= 1:
        raise ValueError(f"probability: {probability} is outside 0 to 1; give a share of spikes")
    out = raster.copy()
    out[raster] = stream(rng, "dropout").random(int(raster.sum())) >= probability
    return out


def _real(name: str, values: npt.ArrayLike) -> FloatArray:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name}: expected real numbers, not {array.dtype}; give radians")
    return array.astype(np.float64)


def _check_bins(bins: Any) -> int:
    if isinstance(bins, bool) or int(bins) != bins or bins < 2:
        raise ValueError(f"bins: {bins} cannot hold a phase; give a whole number of 2 or more")
    return int(bins)


def _check_raster(spikes: npt.ArrayLike) -> BoolArray:
    array = np.asarray(spikes)
    if array.ndim == 0 or array.shape[0] == 0:
        raise ValueError(f"spikes: shape {array.shape} has no time; give (time, ...)")
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise ValueError("spikes: some values are neither 0 nor 1; give a raster")
    return array.astype(np.bool_)
