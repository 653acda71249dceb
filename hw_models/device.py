"""Analog devices: a composition of terms, and the chips that come out of its fabrication."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from neurosc.hw_models.terms.base import NetworkTerm, NoiseTerm, ReadoutTerm, Term
from neurosc.ideal import Ideal
from neurosc.ideal.ensemble import gather
from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG, seed_sequence, stream, substream
from neurosc.substrate import Nudge, Relaxation


@dataclasses.dataclass(frozen=True, init=False)
class Device:
    """A kind of analog chip.

    Parameters
    ----------
    terms
        Its effects. They act in the order of the signal path (quantisation, coupling mismatch,
        frequency mismatch, noise, read-out), however they are listed.
    coupling_rad_per_s
        The coupling of the chip, rad/s, that stands for coupling 1 of the ideal model. At the
        default of 1 all rates of the terms are shares of the coupling.

    Raises
    ------
    TypeError, ValueError
        For what is no term, a term given twice, and a coupling scale that is not positive.
    """

    terms: tuple[Term, ...]
    coupling_rad_per_s: float

    def __init__(self, *terms: Term, coupling_rad_per_s: float = 1.0) -> None:
        for term in terms:
            if not isinstance(term, NetworkTerm | NoiseTerm | ReadoutTerm):
                raise TypeError(
                    f"terms: {term!r} is no term; give such as FrequencyMismatch(sigma_rad_per_s)"
                )
        names = [type(term).__name__ for term in terms]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"terms: {', '.join(twice)} is given twice; combine them into one")
        if not 0 < coupling_rad_per_s < np.inf:
            raise ValueError(f"coupling_rad_per_s: {coupling_rad_per_s} is not a positive number")
        object.__setattr__(self, "terms", tuple(sorted(terms, key=lambda t: (t.order, repr(t)))))
        object.__setattr__(self, "coupling_rad_per_s", float(coupling_rad_per_s))

    def fabricate(self, network: PhaseNetwork, chips: int = 1, rng: RNG = None) -> Chips:
        """Make `chips` chips for networks of the size of `network`, each with its own draws."""
        if int(chips) != chips or chips < 1:
            raise ValueError(f"chips: {chips} is no number of chips; give 1 or more")
        root = substream(rng, "fabrication")
        return Chips(tuple(Chip(self, network.n, k, root) for k in range(int(chips))))

    @property
    def noise(self) -> float:
        """D in units of the coupling: the sum over its noise terms."""
        noise = sum(t.diffusion() for t in self.terms if isinstance(t, NoiseTerm))
        return noise / self.coupling_rad_per_s

    def read(self, network: PhaseNetwork, found: Relaxation) -> Relaxation:
        """What its read-out makes of the phases."""
        phases = found.phases
        for term in self.terms:
            if isinstance(term, ReadoutTerm):
                phases = network.gauge(term.on_phases(phases))
        return dataclasses.replace(found, phases=phases)

    def __repr__(self) -> str:
        terms = ", ".join(map(repr, self.terms))
        return f"Device({terms}, coupling_rad_per_s={self.coupling_rad_per_s:g})"


@dataclasses.dataclass(frozen=True, eq=False)
class Chip:
    """One fabricated chip: a substrate.

    Attributes
    ----------
    device, n, number
        Its kind, its number of oscillators, and its own number among the chips made with it.
    root
        The random root of its frozen draws.
    """

    device: Device
    n: int
    number: int
    root: np.random.SeedSequence

    def program(self, network: PhaseNetwork) -> PhaseNetwork:
        """The network that this chip realises when it is asked for `network`."""
        if network.n != self.n:
            raise ValueError(
                f"network: has {network.n} oscillators, the chip {self.n}; fabricate one that fits"
            )
        for term in self.device.terms:
            if isinstance(term, NetworkTerm):
                draw = stream(self.root, type(term).__name__, self.number)
                network = term.on_network(network, draw, self.device.coupling_rad_per_s)
        return network

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """Relax `network` as this chip realises it; see `Substrate`.

        With phase noise the chip runs through time, from phase 0 unless `start` says otherwise;
        without, it is at the equilibrium of its own parameters.
        """
        noise = self.device.noise
        own = substream(rng, "chip", self.number) if noise else None
        found = Ideal(noise=noise).relax(
            self.program(network), x, nudge=nudge, start=start, rng=own
        )
        return self.device.read(network, found)

    def __repr__(self) -> str:
        return f"Chip({self.number} of {self.device!r})"


@dataclasses.dataclass(frozen=True, eq=False)
class Chips(Sequence[Chip]):
    """Chips of one device; as a substrate, all at once with a leading axis (chips,)."""

    chips: tuple[Chip, ...]

    @overload
    def __getitem__(self, index: int) -> Chip: ...
    @overload
    def __getitem__(self, index: slice) -> Chips: ...
    def __getitem__(self, index: int | slice) -> Chip | Chips:
        if isinstance(index, slice):
            return Chips(self.chips[index])
        return self.chips[index]

    def __len__(self) -> int:
        return len(self.chips)

    def __iter__(self) -> Iterator[Chip]:
        return iter(self.chips)

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """Relax on every chip: phases (chips, batch, n). Each has its own dynamic noise."""
        if not self.chips:
            raise ValueError("chips: there are none; fabricate at least one")
        device = self.chips[0].device
        if device.noise:
            root = seed_sequence(rng)
            return gather(
                [c.relax(network, x, nudge=nudge, start=start, rng=root) for c in self.chips]
            )
        programmed = [chip.program(network) for chip in self.chips]
        found = Ideal().relax_each(programmed, x, nudge=nudge, start=start)
        return device.read(network, found)

    def __repr__(self) -> str:
        return f"Chips({len(self.chips)} of {self.chips[0].device!r})" if self.chips else "Chips()"
