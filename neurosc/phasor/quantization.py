"""Phasor nets of which the weights have few bits, and the substrate that learns with them."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.costs import CrossEntropy
from neurosc.network import ComplexArray, FloatArray, PhaseNetwork
from neurosc.phasor.layers import PhasorLinear, PhasorReadout
from neurosc.phasor.mlp import PhasorMLP
from neurosc.randomness import RNG
from neurosc.substrate import Nudge, Relaxation, Substrate

MOST_BITS = 24
SCALES = np.linspace(0.2, 1.0, 33)
"""Shares of the largest entry that are tried as the range of the levels."""


class Quantization(abc.ABC):
    """Weights of few bits: `net -> net`.

    Each layer, weights and bias together, has one scale: of several, the one with the smallest
    squared error. Weights that are 0 stay 0, as where there is no device.
    """

    @abc.abstractmethod
    def levels(self, weights: npt.ArrayLike) -> ComplexArray:
        """The nearest levels of complex weights (...) of one scale."""

    def __call__(self, net: PhasorMLP) -> PhasorMLP:
        """The net with quantised weights, biases and read-out."""
        hidden = []
        for layer in net.hidden:
            both = self.levels(np.column_stack([layer.weight, layer.bias]))
            hidden.append(PhasorLinear(both[:, :-1], both[:, -1]))
        readout = PhasorReadout(self.levels(net.readout.weight))
        return dataclasses.replace(net, hidden=tuple(hidden), readout=readout)


@dataclasses.dataclass(frozen=True)
class Polar(Quantization):
    """Magnitude and phase of few bits each: r_k e^{2 pi i l / 2^q}, r_k = (k + 1/2) s / 2^b.

    Parameters
    ----------
    bits
        b, of the magnitude, k = 0 to 2^b - 1.
    phase_bits
        q, of the phase; as many as of the magnitude unless given.
    """

    bits: int
    phase_bits: int | None = None

    def __post_init__(self) -> None:
        _check_bits("bits", self.bits)
        if self.phase_bits is not None:
            _check_bits("phase_bits", self.phase_bits)

    def levels(self, weights: npt.ArrayLike) -> ComplexArray:
        """See `Quantization`."""
        w = np.asarray(weights, dtype=np.complex128)
        step = 2 * np.pi / 2 ** (self.bits if self.phase_bits is None else self.phase_bits)
        turn = np.exp(1j * step * np.rint(np.angle(w) / step))
        size = _best(np.abs(w), lambda r, scale: _midpoints(r, 2**self.bits, scale))
        return np.asarray(np.where(w == 0, 0, size * turn))


@dataclasses.dataclass(frozen=True)
class Cartesian(Quantization):
    """Real and imaginary part of few bits each: +-(k + 1/2) s / 2^(b-1).

    Parameters
    ----------
    bits
        b, of each part with its sign.
    """

    bits: int

    def __post_init__(self) -> None:
        _check_bits("bits", self.bits)

    def levels(self, weights: npt.ArrayLike) -> ComplexArray:
        """See `Quantization`."""
        w = np.asarray(weights, dtype=np.complex128)
        parts = np.stack([w.real, w.imag])
        signs = np.where(parts < 0, -1.0, 1.0)
        half = 2 ** (self.bits - 1)
        size = _best(np.abs(parts), lambda r, scale: _midpoints(r, half, scale))
        re, im = signs * size
        return np.asarray(np.where(w == 0, 0, re + 1j * im))


@dataclasses.dataclass(frozen=True, eq=False)
class QuantizedPhasors:
    """The oscillators of a phasor net on hardware that quantises its weights.

    It relaxes, on another substrate, the network of the quantised net; the read-out in a nudge is
    quantised too. Learning on it is straight-through: a slope of the energy needs the states alone,
    so that those of the quantised net move the weights themselves.

    Parameters
    ----------
    net
        A net of the same sizes: what places the weights among the couplings.
    quantize
        What becomes of the weights.
    gamma
        Of the networks that it is given; see `PhasorMLP.to_network`.
    on
        The substrate.
    """

    net: PhasorMLP
    quantize: Quantization
    gamma: float
    on: Substrate
    _seen: dict[str, Any] = dataclasses.field(default_factory=dict, init=False, repr=False)
    """The last network and what became of it: both relaxations of a gradient share it."""

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """See `Substrate`."""
        if self._seen.get("network") is not network:
            coarse = self.quantize(self.net.with_network(network, gamma=self.gamma))
            self._seen.update(network=network, coarse=coarse.to_network(self.gamma))
        if nudge is not None and isinstance(nudge.cost, CrossEntropy):
            v = nudge.cost.matrix(network.outputs.size)
            nudge = dataclasses.replace(nudge, cost=CrossEntropy(self.quantize.levels(v)))
        return self.on.relax(self._seen["coarse"], x, nudge=nudge, start=start, rng=rng)


def _midpoints(sizes: FloatArray, count: int, scale: float) -> FloatArray:
    """The nearest of (k + 1/2) scale / count, k = 0 to count - 1."""
    k = np.clip(np.floor(sizes * (count / scale)), 0, count - 1)
    return np.asarray((k + 0.5) * (scale / count))


def _best(sizes: FloatArray, levels: Callable[[FloatArray, float], FloatArray]) -> FloatArray:
    """Levels of sizes (...) on the scale with the smallest squared error."""
    largest = float(sizes.max(initial=0.0))
    if largest == 0:
        return np.zeros_like(sizes)
    found = [levels(sizes, float(share) * largest) for share in SCALES]
    return found[int(np.argmin([np.square(f - sizes).sum() for f in found]))]


def _check_bits(name: str, bits: Any) -> None:
    if isinstance(bits, bool) or int(bits) != bits or not 1 <= bits <= MOST_BITS:
        raise ValueError(f"{name}: {bits} is no number of bits; give 1 to {MOST_BITS}")
