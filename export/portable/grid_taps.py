"""Oscillators and sinusoidal coupling on the time grid that importers share."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from neurosc.export.portable.relays import Decays
from neurosc.hw_models.spiking.lif import DRIVE
from neurosc.network import FloatArray, IntArray

RESOLUTION = 2.0**-18
"""1 - decay is a multiple of it, so that float32 importers recover it from a time constant."""


def decays_of(steps: int) -> Decays:
    """The neurons of a period of some steps: drive 1.2, synapses half a period long."""
    membrane = (1 - 1 / DRIVE) ** (1 / (steps - 0.5))
    return Decays(_rounded(membrane), _rounded(np.exp(-2 / steps)))


def bias(decays: Decays, period: npt.ArrayLike) -> FloatArray:
    """x of a neuron of a period in steps: (1 - membrane)(1 - synapse) / (1 - membrane^(T - 1/2)).

    Half a step less, as a spike comes half a step after v crosses the threshold on average.
    """
    crossing = np.asarray(period, dtype=np.float64) - 0.5
    scale = (1 - decays.membrane) * (1 - decays.synapse)
    return np.asarray(scale / (1 - decays.membrane**crossing))


def phase_advance(decays: Decays, steps: int) -> FloatArray:
    """G(j) for j = 1..steps, shape (steps,): steps won by x = 1, arriving j steps after a reset.

    G(j) = [h(max(T - j + 1, 0)) + synapse^(n + 1 - j) h(T) / (1 - synapse^n)] / slope, where
    T = n - 1/2 is when v crosses the threshold and slope how steeply. The second term is what the
    current leaves for all later cycles.
    """
    j = np.arange(1, steps + 1)
    crossing = steps - 0.5
    beyond = 1 / (1 - decays.membrane**crossing) - 1
    slope = -np.log(decays.membrane) * beyond
    now = decays.response(np.maximum(crossing - j + 1, 0))
    later = decays.synapse ** (steps + 1 - j) / (1 - decays.synapse**steps)
    return np.asarray((now + later * decays.response(crossing)) / slope)


@dataclasses.dataclass(frozen=True)
class GridTaps:
    """Delayed copies of a spike whose sum couples like a sine.

    Attributes
    ----------
    delays
        In steps, increasing.
    weights
        Per unit of eps K_ij.
    deviation
        max |H - sin| of the interaction H that they make.
    gain
        Phase advance of a spike of weight 1, in radians, (steps,); see `phase_advance`.
    """

    delays: tuple[int, ...]
    weights: tuple[float, ...]
    deviation: float
    gain: FloatArray = dataclasses.field(repr=False, compare=False)


def grid_taps(decays: Decays, steps: int, pairs: int) -> GridTaps:
    """Taps of the pair design, moved to whole steps, with weights by least squares.

    A source that spikes k steps before a neuron has the phase phi = 2 pi k / n ahead of it, and
    its tap of delay D arrives D - k + 1 steps after the neuron's reset, so that

        H(phi) = sum_m x_m G(((D_m - k) mod n) + 1) 2 pi / n  should be  sin(phi).

    G jumps at a reset, and with it H where a tap arrives then. All taps are moved by up to n/32
    steps so that max |H - sin| + |H(0)| is least: an H(0) would turn neurons of equal phase away
    from the clock together, the more the weaker it holds them.

    Parameters
    ----------
    steps
        n, of a period.
    pairs
        P; there are 2 P taps, at d0 + k pi / (P + 1) and at the antipodes.
    """
    gain = phase_advance(decays, steps) * 2 * np.pi / steps
    first = gain @ np.exp(-2j * np.pi * np.arange(steps) / steps)
    k = np.arange(pairs) - (pairs - 1) / 2
    near = np.rint((np.angle(1j / first) / (2 * np.pi) + k / (2 * (pairs + 1))) * steps)
    whole = np.concatenate([near, near + steps // 2]).astype(np.int64)
    reach = steps // 32
    fits = [_fit(gain, np.unique((whole + s) % steps)) for s in range(-reach, reach + 1)]
    return min(fits, key=lambda fit: fit[0])[1]


def interaction(taps: GridTaps, lag: FloatArray) -> FloatArray:
    """What each tap, of weight 1, wins a neuron in a cycle, radians, (..., taps).

    Parameters
    ----------
    lag
        Phase of the source ahead of the neuron, radians; between steps the gain is interpolated.
    """
    steps = taps.gain.size
    k = np.mod(np.array(taps.delays) - np.asarray(lag)[..., None] * steps / (2 * np.pi), steps)
    return np.asarray(np.interp(k, np.arange(steps + 1), np.append(taps.gain, taps.gain[0])))


def _fit(gain: FloatArray, delays: IntArray) -> tuple[float, GridTaps]:
    """max |H - sin| + |H(0)|, and the taps."""
    steps = gain.size
    step = np.arange(steps)
    basis = gain[(delays - step[:, None]) % steps]
    sine = np.sin(2 * np.pi * step / steps)
    weights = np.linalg.lstsq(basis, sine, rcond=None)[0]
    off = np.abs(basis @ weights - sine)
    taps = GridTaps(tuple(delays.tolist()), tuple(weights.tolist()), float(off.max()), gain)
    return float(off.max() + off[0]), taps


def _rounded(decay: float) -> float:
    return float(1 - np.rint((1 - decay) / RESOLUTION) * RESOLUTION)
