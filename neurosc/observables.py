"""Observables of phases, as plain arrays: order parameters, velocities, locking times.

Phases are in radians, (..., n) with one column for each oscillator, or (..., times, n) along time
and then unwrapped. They may come from any substrate, simulator or measurement.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosc.network import ComplexArray, FloatArray

WATCH = 0.1
"""Last share of a record in which no locking is recognised."""


def complex_order_parameter(phases: npt.ArrayLike, m: int = 1) -> ComplexArray:
    """Daido's order parameter Z_m = 1/n sum_j exp(i m theta_j).

    Parameters
    ----------
    phases
        Radians, shape (..., n).
    m
        The moment, an integer: 1 is Kuramoto's, 2 sees two clusters half a turn apart.

    Returns
    -------
    ndarray
        Complex, shape (...).

    Notes
    -----
    Source: Daido, Prog. Theor. Phys. 88, 1213 (1992).
    """
    if isinstance(m, bool) or not isinstance(m, int | np.integer):
        raise TypeError(f"m: {m!r} is not an integer; give the moment as 1, 2, ...")
    theta = _phases(phases, 1)
    return np.asarray(np.exp(1j * m * theta).mean(axis=-1))


def order_parameter(phases: npt.ArrayLike, m: int = 1) -> FloatArray:
    """R_m = |Z_m|, shape (...): for m = 1 Kuramoto's R, 1 in synchrony and about 0 in disorder.

    See `complex_order_parameter` for parameters. Source: Kuramoto, Chemical Oscillations (1984).
    """
    return np.abs(complex_order_parameter(phases, m))


def phase_velocity(times: npt.ArrayLike, phases: npt.ArrayLike) -> FloatArray:
    """Mean frequency (theta(t_{k+1}) - theta(t_k)) / (t_{k+1} - t_k) between recorded times.

    Parameters
    ----------
    times
        Shape (times,), increasing, in units of time.
    phases
        Unwrapped radians, shape (..., times, n).

    Returns
    -------
    ndarray
        Radians per unit of time, shape (..., times - 1, n).
    """
    t, theta = _record(times, phases)
    return np.asarray(np.diff(theta, axis=-2) / np.diff(t)[:, None])


def locking_time(
    times: npt.ArrayLike, phases: npt.ArrayLike, tolerance: float = 0.01
) -> FloatArray:
    """First recorded time after which all phases stay within `tolerance` of their end.

    Parameters
    ----------
    times
        Shape (times,), increasing, in units of time.
    phases
        Unwrapped radians, shape (..., times, n), against a reference that does not turn.
    tolerance
        Radians.

    Returns
    -------
    ndarray
        Shape (...). NaN where the phases come within the tolerance only in the last tenth of the
        record: whatever drifts is near its end just before it.
    """
    if not 0 < tolerance < float("inf"):
        raise ValueError(f"tolerance: {tolerance} is not a positive number of radians")
    t, theta = _record(times, phases)
    away = ~(np.abs(theta - theta[..., -1:, :]).max(axis=-1) <= tolerance)
    stays = t.size - np.argmax(away[..., ::-1], axis=-1)
    first = np.where(away.any(axis=-1), np.minimum(stays, t.size - 1), 0)
    locked = t[first] <= t[-1] - WATCH * (t[-1] - t[0])
    return np.where(locked, t[first], np.nan)


def _phases(given: npt.ArrayLike, dimensions: int) -> FloatArray:
    theta = np.asarray(given, dtype=np.float64)
    if theta.ndim < dimensions or theta.shape[-1] == 0:
        wanted = "(..., n)" if dimensions == 1 else "(..., times, n)"
        raise ValueError(f"phases: shape {theta.shape} does not fit; give {wanted} with n >= 1")
    return theta


def _record(times: npt.ArrayLike, phases: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    theta = _phases(phases, 2)
    t = np.asarray(times, dtype=np.float64)
    if t.shape != theta.shape[-2:-1] or t.size < 2 or not (np.diff(t) > 0).all():
        raise ValueError(
            f"times: shape {t.shape} for phases {theta.shape}; give two or more increasing times, "
            "one for each recorded state"
        )
    return t, theta
