"""Analog devices: a composition of terms."""

from __future__ import annotations

import dataclasses
import difflib
import warnings
from collections.abc import Iterable

import numpy as np

from neurosc.hw_models.chip import Chip, Chips
from neurosc.hw_models.explain import explain
from neurosc.hw_models.spiking import SpikingOscillators
from neurosc.hw_models.terms import KINDS
from neurosc.hw_models.terms.base import (
    DriftTerm,
    ImplausibleValueWarning,
    NetworkTerm,
    NoiseTerm,
    ReadoutTerm,
    Term,
)
from neurosc.hw_models.terms.memristor import (
    ArrayTerm,
    ConductanceDrift,
    GlobalDriftCompensation,
)
from neurosc.hw_models.terms.noise import FlickerFrequencyNoise, SpikeTimeJitter
from neurosc.hw_models.terms.readout import ReadAveraging
from neurosc.ideal import Ideal
from neurosc.ideal.flicker import Flicker
from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG, substream

Kind = type[Term] | str
SANE_SHARE = 2.0
"""Detuning or noise in units of the coupling above which they look like percentages."""


@dataclasses.dataclass(frozen=True, init=False)
class Device:
    """A kind of chip: an immutable composition of terms.

        device = Device(FrequencyMismatch(0.01), PhaseNoise(1e-3)) | WeightQuantization(5)
        device.only(PhaseNoise)                 # one effect alone
        device.scale(2, "FrequencyMismatch")    # twice as strong
        device.replace(WeightQuantization(3))

    Parameters
    ----------
    terms
        Its effects. They act in the order of the signal path (quantisation, coupling mismatch,
        lags and harmonics, frequency mismatch, noise, read-out), however they are listed.
    coupling_rad_per_s
        The coupling of the chip, rad/s, that stands for coupling 1 of the ideal model. At the
        default of 1 all rates of the terms are shares of the coupling.
    name, source
        What it is called, and where the coupling comes from; for people only.
    oscillators
        Spiking neurons in the place of analog oscillators; terms add to their noise. A cycle is
        their `eps` over the coupling.

    Raises
    ------
    TypeError, ValueError
        For what is no term, a term given twice, and a coupling scale that is not positive; in
        `fabricate` and `Chip.relax`, for terms that these oscillators do not have.

    Warns
    -----
    ImplausibleValueWarning
        For shares that look like percentages.
    """

    terms: tuple[Term, ...]
    coupling_rad_per_s: float
    name: str
    source: str
    oscillators: SpikingOscillators | None

    def __init__(
        self,
        *terms: Term,
        coupling_rad_per_s: float = 1.0,
        name: str = "",
        source: str = "",
        oscillators: SpikingOscillators | None = None,
    ) -> None:
        for term in terms:
            if not isinstance(term, Term):
                raise TypeError(
                    f"terms: {term!r} is no term; give such as FrequencyMismatch(sigma_rad_per_s)"
                )
        names = [type(term).__name__ for term in terms]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"terms: {', '.join(twice)} is given twice; combine them into one")
        cells = {repr(term.cell) for term in terms if isinstance(term, ArrayTerm)}
        if len(cells) > 1:
            raise ValueError(
                f"terms: are on different cells, {', '.join(sorted(cells))}; a device has one array"
            )
        if not 0 < coupling_rad_per_s < np.inf:
            raise ValueError(f"coupling_rad_per_s: {coupling_rad_per_s} is not a positive number")
        if not isinstance(oscillators, SpikingOscillators | None):
            raise TypeError(
                f"oscillators: {oscillators!r} are none; give SpikingOscillators(...), or leave "
                "them out for analog ones"
            )
        ordered = sorted(terms, key=lambda t: (t.order, type(t).__name__))
        object.__setattr__(self, "terms", tuple(ordered))
        object.__setattr__(self, "coupling_rad_per_s", float(coupling_rad_per_s))
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "oscillators", oscillators)
        for rate, value in (
            ("detuning", self.detuning),
            ("D", self.noise),
            ("1/f floor", self.wander),
        ):
            if self.coupling_rad_per_s == 1 and value > SANE_SHARE:
                warnings.warn(
                    f"terms: {rate}/K is {value:g}; at coupling_rad_per_s=1 their rates are shares "
                    "of the coupling, 0.05 is 5 %; give coupling_rad_per_s= with rates in rad/s",
                    ImplausibleValueWarning,
                    stacklevel=2,
                )

    def fabricate(self, network: PhaseNetwork, chips: int = 1, rng: RNG = None) -> Chips:
        """Make `chips` chips for networks of the size of `network`, each with its own draws."""
        if int(chips) != chips or chips < 1:
            raise ValueError(f"chips: {chips} is no number of chips; give 1 or more")
        noisy = any(isinstance(t, ReadoutTerm) and t.is_noisy for t in self.terms)
        if self.reads > 1 and not noisy:
            raise ValueError(
                f"reads: all {self.reads} reads are alike, as no term makes them noisy; add "
                "TDC(jitter_s=) or ADC(noise_relative=), or leave ReadAveraging out"
            )
        if self.oscillators is None and self.jitter:
            raise ValueError(
                "SpikeTimeJitter: analog oscillators have no spikes; give the device "
                "oscillators=SpikingOscillators(...), or use TDC(jitter_s=) for the read-out"
            )
        ages = [isinstance(t, ConductanceDrift) for t in self.terms]
        if not any(ages) and any(isinstance(t, GlobalDriftCompensation) for t in self.terms):
            raise ValueError(
                "GlobalDriftCompensation: no term makes the conductances drift; add "
                "ConductanceDrift(cell), or leave it out"
            )
        root = substream(rng, "fabrication")
        return Chips(tuple(Chip(self, network.n, k, root) for k in range(int(chips))))

    @property
    def acting(self) -> tuple[Term, ...]:
        """The terms whose strength is not zero, in the order in which they act."""
        return tuple(term for term in self.terms if not term.is_off)

    @property
    def is_dynamic(self) -> bool:
        """Whether anything is drawn in a relaxation."""
        own = self.oscillators is not None and self.oscillators.is_noisy
        return own or any(t.scope == "dynamic" for t in self.acting)

    @property
    def reads(self) -> int:
        """How often a state is read."""
        return next((t.reads for t in self.terms if isinstance(t, ReadAveraging)), 1)

    @property
    def substrate(self) -> Ideal | SpikingOscillators:
        """What solves or steps the equations of its chips, or simulates their neurons."""
        on = self.oscillators
        if on is None:
            return Ideal(noise=self.noise)
        noise = np.hypot(on.noise, np.sqrt(2 * self.noise * on.eps))
        jitter = np.hypot(on.jitter, self.jitter)
        return dataclasses.replace(on, noise=float(noise), jitter=float(jitter))

    @property
    def noise(self) -> float:
        """D/K: the sum over its noise terms, in units of the coupling."""
        noise = sum(t.diffusion() for t in self.terms if isinstance(t, NoiseTerm))
        for term in self.terms:
            noise *= term.noise_factor if isinstance(term, DriftTerm) else 1.0
        return noise / self.coupling_rad_per_s

    @property
    def jitter(self) -> float:
        """Of spike times, in free periods."""
        return sum(t.sigma_relative for t in self.terms if isinstance(t, SpikeTimeJitter))

    @property
    def flicker(self) -> Flicker | None:
        """1/f noise of the frequencies, in units of the coupling."""
        terms = [t for t in self.acting if isinstance(t, FlickerFrequencyNoise)]
        return terms[0].processes(self.coupling_rad_per_s) if terms else None

    @property
    def wander(self) -> float:
        """The Allan floor of 1/f noise in units of the coupling."""
        each = [t.floor_rad_per_s for t in self.terms if isinstance(t, FlickerFrequencyNoise)]
        return sum(each) / self.coupling_rad_per_s

    @property
    def detuning(self) -> float:
        """Standard deviation of the frequencies in units of the coupling."""
        each = [t.detuning_rad_per_s for t in self.terms if isinstance(t, NetworkTerm)]
        return float(np.sqrt(sum(sigma**2 for sigma in each))) / self.coupling_rad_per_s

    def __or__(self, other: Term | Device) -> Device:
        """With further terms.

        Two devices must have the same coupling, unless one has no rates that depend on it.
        """
        if isinstance(other, Term):
            return self._with((*self.terms, other))
        if not isinstance(other, Device):
            return NotImplemented
        if None not in (self.oscillators, other.oscillators) and (
            self.oscillators != other.oscillators
        ):
            raise ValueError(
                "oscillators: the devices have different ones; make them equal with "
                "replace(oscillators=)"
            )
        if not self._has_rates and other._has_rates:
            return other | self
        if other._has_rates and other.coupling_rad_per_s != self.coupling_rad_per_s:
            raise ValueError(
                f"coupling_rad_per_s: {self.coupling_rad_per_s:g} and "
                f"{other.coupling_rad_per_s:g} do not combine; join terms, as in device | term, "
                "or make them equal with replace(coupling_rad_per_s=)"
            )
        return Device(
            *self.terms,
            *other.terms,
            coupling_rad_per_s=self.coupling_rad_per_s,
            name=" | ".join(filter(None, (self.name, other.name))),
            source=self.source or other.source,
            oscillators=self.oscillators or other.oscillators,
        )

    @property
    def _has_rates(self) -> bool:
        rates = (self.noise, self.detuning, self.wander)
        return self.coupling_rad_per_s != 1 or any(rates)

    def __ror__(self, other: Term) -> Device:
        return self | other

    def only(self, *kinds: Kind) -> Device:
        """Nothing but these terms, named or given by class."""
        kept = self._find(kinds)
        return self._with(t for t in self.terms if type(t).__name__ in kept)

    def without(self, *kinds: Kind) -> Device:
        """Everything but these terms."""
        gone = self._find(kinds)
        return self._with(t for t in self.terms if type(t).__name__ not in gone)

    def scale(self, factor: float, *kinds: Kind) -> Device:
        """With the strengths of these terms, or of all, multiplied by `factor` >= 0.

        Raises
        ------
        ValueError
            For a term without a strength, such as a number of bits.
        """
        if not 0 <= factor < np.inf:
            raise ValueError(f"factor: {factor} is not a number >= 0; give one")
        scaled = self._find(kinds or tuple(type(t) for t in self.terms))
        for term in self.terms:
            if type(term).__name__ in scaled and not term.strengths:
                some = [type(t).__name__ for t in self.terms if t.strengths]
                raise ValueError(
                    f"kinds: {term!r} has no strength to multiply; name others"
                    f" ({', '.join(some) or 'this device has none'}), or use replace(...)"
                )
        return self._with(t.scaled(factor) if type(t).__name__ in scaled else t for t in self.terms)

    def replace(
        self,
        *terms: Term,
        coupling_rad_per_s: float | None = None,
        oscillators: SpikingOscillators | None = None,
    ) -> Device:
        """With terms put in the place of those of the same kind, on other oscillators."""
        new = {type(t).__name__: t for t in terms}
        if terms:
            self._find(tuple(type(t) for t in terms))
        if len(new) < len(terms):
            raise ValueError("terms: two are of the same kind; give one of them")
        coupling = self.coupling_rad_per_s if coupling_rad_per_s is None else coupling_rad_per_s
        return Device(
            *(new.get(type(t).__name__, t) for t in self.terms),
            coupling_rad_per_s=coupling,
            name=self.name,
            source=self.source if coupling_rad_per_s is None else "",
            oscillators=oscillators or self.oscillators,
        )

    def explain(self) -> str:
        """A table of every term: scope, symbol, value, unit, source; then D/K and detuning/K."""
        return explain(self)

    def to_json(self) -> str:
        """As text that `from_json` reads, number for number."""
        from neurosc.hw_models.files import to_json

        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Device:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            For text that is none, another version, and unknown terms or fields.
        """
        from neurosc.hw_models.files import from_json

        return from_json(text)

    def _with(self, terms: Iterable[Term]) -> Device:
        return Device(
            *terms,
            coupling_rad_per_s=self.coupling_rad_per_s,
            name=self.name,
            source=self.source,
            oscillators=self.oscillators,
        )

    def _find(self, kinds: tuple[Kind, ...]) -> set[str]:
        """The names of these kinds, each one of the device's."""
        mine = [type(t).__name__ for t in self.terms]
        if not kinds:
            raise ValueError(f"kinds: none is named; name some of {', '.join(mine) or 'no term'}")
        names = [kind if isinstance(kind, str) else kind.__name__ for kind in kinds]
        for name in names:
            if name not in mine:
                known = "not a term of this device" if name in KINDS else "no kind of term"
                near = difflib.get_close_matches(name, mine, 3, 0.4) or mine
                raise ValueError(f"kinds: {name} is {known}; use {', '.join(near) or 'Device()'}")
        return set(names)

    def __repr__(self) -> str:
        terms = ", ".join(map(repr, self.terms))
        on = "" if self.oscillators is None else f", oscillators={self.oscillators}"
        return f"Device({terms}, coupling_rad_per_s={self.coupling_rad_per_s:g}{on})"
