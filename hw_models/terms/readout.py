"""Samples as they enter, and phases as instruments read them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, ClassVar

import numpy as np

from neurosc.hw_models.terms.base import (
    SHARE,
    InputTerm,
    Quantity,
    ReadoutTerm,
    Scope,
    Term,
)
from neurosc.network import FloatArray, PhaseNetwork, wrap


@dataclasses.dataclass(frozen=True)
class DAC(InputTerm):
    """Samples enter through a converter: x clipped to its range, on 2^bits even levels.

    Parameters
    ----------
    bits
        1 to 32.
    lowest, highest
        The range, in units of x.
    """

    bits: Annotated[int, Quantity("b", "bits", whole=True, least=1, most=32)]
    lowest: Annotated[float, Quantity("x_min", "units of x", least=-np.inf)] = 0.0
    highest: Annotated[float, Quantity("x_max", "units of x", least=-np.inf)] = 1.0
    order: ClassVar[int] = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.lowest < self.highest:
            raise ValueError(
                f"lowest, highest: {self.lowest:g} is not below {self.highest:g}; swap them"
            )

    def check_network(self, network: PhaseNetwork) -> None:
        if network.inputs.size == 0:
            raise ValueError("DAC: the network has no inputs to convert; leave the term out")

    def on_inputs(self, x: FloatArray) -> FloatArray:
        step = (self.highest - self.lowest) / (2**self.bits - 1)
        inside = np.clip(x, self.lowest, self.highest)
        return np.asarray(self.lowest + step * np.round((inside - self.lowest) / step))


@dataclasses.dataclass(frozen=True)
class ADC(ReadoutTerm):
    """theta <- arg(q(cos theta) + i q(sin theta)): both quadratures through a converter.

    q(v) = step round((v + noise) / step) within +-1, step = 1 / (2^(bits - 1) - 1).

    Parameters
    ----------
    bits
        2 to 32.
    noise_relative
        Standard deviation of the noise on each quadrature, as a share of the amplitude.
    """

    bits: Annotated[int, Quantity("b", "bits", whole=True, least=2, most=32)]
    noise_relative: Annotated[float, Quantity("sigma", SHARE, strength=True, sane=0.5)] = 0.0
    order: ClassVar[int] = 48

    @property
    def is_off(self) -> bool:
        """Never: it has its levels without noise too."""
        return False

    @property
    def is_noisy(self) -> bool:
        return self.noise_relative > 0

    def on_phases(self, phases: FloatArray, draw: np.random.Generator | None = None) -> FloatArray:
        waves = np.stack([np.cos(phases), np.sin(phases)], axis=-1)
        if self.is_noisy:
            waves += self.noise_relative * _required(draw).standard_normal(waves.shape)
        top = 2 ** (self.bits - 1) - 1
        read = np.round(top * np.clip(waves, -1, 1))
        return np.asarray(np.arctan2(read[..., 1], read[..., 0]))


@dataclasses.dataclass(frozen=True)
class TDC(ReadoutTerm):
    """t = theta / (2 pi f0) is read as lsb round((t + jitter) / lsb).

    Parameters
    ----------
    frequency_hz
        f0 of the oscillators.
    lsb_s
        Time of one level, s; 0 for no levels. There are log2(1 / (f0 lsb)) bits.
    jitter_s
        Standard deviation of the noise of one read, s.
    """

    frequency_hz: Annotated[float, Quantity("f0", "Hz")]
    lsb_s: Annotated[float, Quantity("lsb", "s", strength=True)] = 0.0
    jitter_s: Annotated[float, Quantity("sigma_t", "s", strength=True)] = 0.0
    order: ClassVar[int] = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lsb_s", "jitter_s"):
            if getattr(self, name) * self.frequency_hz > 0.5:
                raise ValueError(
                    f"{name}: {getattr(self, name):g} s exceeds half a period at "
                    f"{self.frequency_hz:g} Hz; give seconds, such as 1e-12 for 1 ps"
                )

    @property
    def bits(self) -> float:
        """log2 of the levels in a period."""
        return float(-np.log2(self.frequency_hz * self.lsb_s)) if self.lsb_s else np.inf

    @property
    def is_noisy(self) -> bool:
        return self.jitter_s > 0

    def on_phases(self, phases: FloatArray, draw: np.random.Generator | None = None) -> FloatArray:
        radians = 2 * np.pi * self.frequency_hz
        read = phases
        if self.is_noisy:
            read = read + radians * self.jitter_s * _required(draw).standard_normal(phases.shape)
        if self.lsb_s:
            read = radians * self.lsb_s * np.round(read / (radians * self.lsb_s))
        return wrap(read)


@dataclasses.dataclass(frozen=True)
class PhaseQuantization(ReadoutTerm):
    """theta <- step round(theta / step), step = 2 pi / 2^bits, around the circle.

    The error has variance step^2 / 12, and turning all phases by a step turns the result by one.

    Parameters
    ----------
    bits
        2^bits levels on the circle; 1 to 32.
    """

    bits: Annotated[int, Quantity("b", "bits", whole=True, least=1, most=32)]
    order: ClassVar[int] = 52

    def on_phases(self, phases: FloatArray, draw: np.random.Generator | None = None) -> FloatArray:
        step = 2 * np.pi / 2**self.bits
        return wrap(step * np.round(phases / step))


@dataclasses.dataclass(frozen=True)
class ReadAveraging(Term):
    """The resting state is read several times: arg of the mean of e^{i theta} over the reads.

    It averages the noise of the read-out, each read with its own, not that of the oscillators.

    Parameters
    ----------
    reads
        How many; the noise shrinks with their square root.
    """

    reads: Annotated[int, Quantity("M", "reads", whole=True, least=1)]
    scope: ClassVar[Scope] = "dynamic"
    order: ClassVar[int] = 60


def _required(draw: np.random.Generator | None) -> np.random.Generator:
    if draw is None:
        raise ValueError("draw: this read-out is noisy; give a numpy Generator")
    return draw
