"""What is broken from the start."""

from __future__ import annotations

import dataclasses
from typing import Annotated, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from neurosc.hw_models.terms.base import SHARE, NetworkTerm, Quantity, Site
from neurosc.hw_models.terms.edges import with_lost_edges
from neurosc.network import PhaseNetwork

Pattern = Literal["scattered", "rows", "columns"]


@dataclasses.dataclass(frozen=True)
class StuckAt(NetworkTerm):
    """Coupling cells that stand at a level of their own whatever is written, frozen on each chip.

    One cell serves both directions of a pair i < j, in row i and column j of the array. Cells at
    full scale, max |J|, have a random sign, and so have those at a random level, which is uniform
    up to full scale. Where no coupling is asked for, there is no cell.

    Parameters
    ----------
    share_low, share_high, share_random
        Expected shares of cells that are stuck at 0, at full scale and at a random level: 0.01 is
        1 %.
    pattern
        `"scattered"` cells, or whole `"rows"` or `"columns"` that break together.
    """

    share_low: Annotated[float, Quantity("p0", SHARE, strength=True, sane=0.5, most=1)] = 0.0
    share_high: Annotated[float, Quantity("p1", SHARE, strength=True, sane=0.5, most=1)] = 0.0
    pattern: Pattern = "scattered"
    share_random: Annotated[float, Quantity("pr", SHARE, strength=True, sane=0.5, most=1)] = 0.0
    order: ClassVar[int] = 18

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pattern not in get_args(Pattern):
            raise ValueError(
                f"pattern: {self.pattern!r} is unknown; use one of {get_args(Pattern)}"
            )
        if sum(self.strengths.values()) > 1:
            shares = ", ".join(f"{share:g}" for share in self.strengths.values())
            raise ValueError(
                f"{', '.join(self.strengths)}: {shares} exceed 1 together; give each as {SHARE}"
            )

    def on_network(self, network: PhaseNetwork, site: Site) -> PhaseNetwork:
        draw, asked = site.frozen(self), site.pairs.values
        sign = 2.0 * draw.integers(0, 2, asked.size) - 1
        fate, level = self._fate(draw, site), draw.random(asked.size)
        size = np.abs(asked)
        there = size > 0
        full = max(np.abs(part).max(initial=0.0) for part in (asked.real, asked.imag))
        direction = np.divide(asked, size, out=np.zeros_like(asked), where=there)
        kinds = np.cumsum([self.share_low, self.share_high, self.share_random])
        kind = np.where(there, np.searchsorted(kinds, fate, side="right"), len(kinds))
        values = np.array(site.values(network), dtype=asked.dtype)
        for k, stuck in enumerate((0.0, full, full * level)):
            values = np.where(kind == k, stuck * sign * direction, values)
        return with_lost_edges(network, coupling=site.coupling(values))

    def _fate(self, draw: np.random.Generator, site: Site) -> npt.NDArray[np.float64]:
        """Uniform numbers, one a cell, shared by what breaks together."""
        if self.pattern == "scattered":
            return draw.random(site.pairs.i.size)
        line = site.pairs.i if self.pattern == "rows" else site.pairs.j
        return np.asarray(draw.random(site.asked.n)[line])


@dataclasses.dataclass(frozen=True)
class StuckOscillator(NetworkTerm):
    """Oscillators that do not swing, frozen on each chip.

    Their pull on the others averages out, so their couplings and fields are cut; they read as a
    phase that is random and always the same. Held oscillators and inputs are driven from outside
    and never stuck. Parts that lose their anchor turn freely.

    Parameters
    ----------
    share
        Expected share of stuck oscillators: 0.01 is 1 %.
    """

    share: Annotated[float, Quantity("p", SHARE, strength=True, sane=0.5, most=1)]
    order: ClassVar[int] = 38

    def on_network(self, network: PhaseNetwork, site: Site) -> PhaseNetwork:
        draw = site.frozen(self)
        dead = draw.random(network.n) < self.share
        phases = draw.uniform(-np.pi, np.pi, network.n)
        dead[network.inputs] = False
        dead[network.fixed] = False
        cut = dead[site.pairs.i] | dead[site.pairs.j]
        values = np.where(cut, 0, site.values(network))
        pin = max(1.0, float(network.strength.max()))
        return with_lost_edges(
            network,
            coupling=site.coupling(values),
            frequency=np.where(dead, 0.0, network.frequency),
            field=np.where(dead, pin * np.exp(1j * phases), network.field),
            second_harmonic=np.where(dead, 0.0, network.second_harmonic),
        )
