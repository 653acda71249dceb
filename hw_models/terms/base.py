"""What a term is: numbers with units, the moment its randomness is drawn, its place in the path."""

from __future__ import annotations

import abc
import dataclasses
import functools
import numbers
import typing
import warnings
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from neurosc.hw_models.terms.edges import Directed, Pairs, hermitian, pairs
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.parameters import dense
from neurosc.randomness import stream

Scope = Literal["frozen", "dynamic", "per run"]
Quality = Literal["given", "measured", "stated", "assumed"]


class ImplausibleValueWarning(UserWarning):
    """A number that is possible, but looks as if it were in another unit."""


@dataclasses.dataclass(frozen=True)
class Quantity:
    """What a number of a term is.

    Parameters
    ----------
    symbol, unit
        As in its equation.
    strength
        Whether the effect grows with it and is gone at zero; `Device.scale` multiplies it.
    whole
        Whether it counts something.
    least, most
        What it may be.
    sane
        The bound above which it looks like another unit.
    """

    symbol: str
    unit: str
    strength: bool = False
    whole: bool = False
    least: float = 0.0
    most: float = np.inf
    sane: float = np.inf

    def check(self, name: str, value: object) -> None:
        """Raise, or warn, for a value that is none."""
        if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
            raise TypeError(f"{name}: expected a number, not {value!r}; give it in {self.unit}")
        value = float(value)
        if self.whole and not (value.is_integer() and self.least <= value <= self.most):
            raise ValueError(
                f"{name}: {value:g} is no whole number from {self.least:g} to {self.most:g}; "
                f"give it in {self.unit}"
            )
        if not self.least <= value < np.inf or value == -np.inf:
            raise ValueError(
                f"{name}: {value:g} is not a number >= {self.least:g}; give it in {self.unit}"
            )
        if value > self.most:
            raise ValueError(f"{name}: {value:g} exceeds {self.most:g}; give it in {self.unit}")
        if value > self.sane:
            warnings.warn(
                f"{name}: {value:g} is above {self.sane:g}; its unit is {self.unit}",
                ImplausibleValueWarning,
                stacklevel=5,
            )


SHARE = "share (0.05 is 5 %)"
"""The unit of what others state in percent."""
RATIO = "plain numbers"
"""The unit of what has none."""


@dataclasses.dataclass(frozen=True, eq=False)
class Site:
    """One chip on which a term acts.

    Attributes
    ----------
    asked
        The ideal network that the chip was asked for.
    coupling_rad_per_s
        What stands for coupling 1 of the ideal model, rad/s.
    root, number
        The random root of a batch of chips, and the number of this one.
    writing
        Which programming event; what is written, and how often, decides it.
    time_s
        Seconds since then.
    run
        Number of the run.
    relaxation
        The random root of one relaxation; None while there is none.
    """

    asked: PhaseNetwork
    coupling_rad_per_s: float
    root: np.random.SeedSequence
    number: int
    writing: tuple[int, ...]
    time_s: float
    run: int
    relaxation: np.random.SeedSequence | None

    @functools.cached_property
    def pairs(self) -> Pairs:
        """The couplings that were asked for. Draws follow their order, whatever became of them."""
        return pairs(self.asked.coupling)

    def values(self, network: PhaseNetwork) -> npt.NDArray[Any]:
        """The couplings of a realised network at `pairs`."""
        found = network.coupling[self.pairs.i, self.pairs.j]
        return dense(found)

    def coupling(self, values: npt.NDArray[Any]) -> Any:
        """A coupling that has these values at `pairs`, dense or sparse as was asked."""
        return hermitian(self.asked.coupling, self.pairs, values)

    def frozen(self, term: Term) -> np.random.Generator:
        """What fabrication drew for a term: the same on each call."""
        return stream(self.root, type(term).__name__, self.number)

    def written(self, term: Term) -> np.random.Generator:
        """What this programming event drew for a term."""
        return stream(self.root, f"{type(term).__name__}, written", self.number, *self.writing)

    def of_run(self, term: Term) -> np.random.Generator:
        """What this run drew for a term."""
        return stream(self.root, f"{type(term).__name__}, run", self.number, self.run)

    def of_relaxation(self, term: Term) -> np.random.Generator:
        """What this relaxation drew for a term."""
        return stream(self.relaxation, type(term).__name__)


@dataclasses.dataclass(frozen=True)
class Term(abc.ABC):
    """One effect of a device.

    `scope` says when its randomness is drawn: "frozen" on each chip at fabrication or when it is
    programmed, "dynamic" anew in each relaxation, "per run" once for all relaxations of a run.
    `order` is its place in the signal path, whatever the order in which a device is written down.

    Other arguments
    ---------------
    source, quality
        Where the numbers come from: "measured", "stated" by a publication, "assumed", or else
        "given" by whoever wrote the device.
    """

    scope: ClassVar[Scope]
    order: ClassVar[int]
    source: str = dataclasses.field(default="", kw_only=True, repr=False)
    quality: Quality = dataclasses.field(default="given", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        if self.quality not in get_args(Quality):
            raise ValueError(f"quality: {self.quality!r} is none; use one of {get_args(Quality)}")
        for name, quantity in quantities(type(self)).items():
            value = getattr(self, name)
            quantity.check(name, value)
            object.__setattr__(self, name, int(value) if quantity.whole else float(value))

    @property
    def strengths(self) -> dict[str, float]:
        """The numbers with which the effect grows."""
        known = quantities(type(self))
        return {name: getattr(self, name) for name in known if known[name].strength}

    @property
    def units(self) -> dict[str, str]:
        """The unit of each of its numbers."""
        return {name: quantity.unit for name, quantity in quantities(type(self)).items()}

    @property
    def choices(self) -> dict[str, object]:
        """What it holds beside numbers."""
        other = {"source", "quality", *quantities(type(self))}
        names = [field.name for field in dataclasses.fields(self)]
        return {name: getattr(self, name) for name in names if name not in other}

    @property
    def is_off(self) -> bool:
        """Whether it has strengths, and all are zero."""
        return bool(self.strengths) and not any(self.strengths.values())

    def scaled(self, factor: float) -> Self:
        """With its strengths multiplied."""
        changes: Any = {name: factor * value for name, value in self.strengths.items()}
        return dataclasses.replace(self, **changes)

    def check_network(self, network: PhaseNetwork) -> None:  # noqa: B027 - most act on any
        """Raise for a network on which it cannot act."""


@functools.cache
def quantities(kind: type[Term]) -> dict[str, Quantity]:
    """The numbers of a kind of term, by field, in the order of its definition."""
    hints = typing.get_type_hints(kind, include_extras=True)
    found = {}
    for field in dataclasses.fields(kind):
        for note in getattr(hints[field.name], "__metadata__", ()):
            if isinstance(note, Quantity):
                found[field.name] = note
    return found


@dataclasses.dataclass(frozen=True)
class NetworkTerm(Term):
    """An effect on the parameters, frozen on each chip or the same through a run."""

    scope: ClassVar[Scope] = "frozen"

    @property
    def detuning_rad_per_s(self) -> float:
        """Standard deviation of the frequencies that it causes, rad/s."""
        return 0.0

    @abc.abstractmethod
    def on_network(self, network: PhaseNetwork, site: Site) -> PhaseNetwork:
        """The network as the chip realises it.

        What is drawn from the frozen stream of `site` depends on the oscillators and stored
        couplings only, so that reprogramming does not redraw the chip.
        """


@dataclasses.dataclass(frozen=True)
class DriftTerm(Term):
    """An effect on the couplings that leaves the network without an energy.

    A chip with one runs through time also without noise.
    """

    scope: ClassVar[Scope] = "frozen"

    @property
    def noise_factor(self) -> float:
        """What it multiplies D of the noise terms with."""
        return 1.0

    @abc.abstractmethod
    def on_directed(self, directed: Directed, site: Site) -> Directed:
        """The couplings as the chip realises them, each direction apart."""


@dataclasses.dataclass(frozen=True)
class NoiseTerm(Term):
    """White phase noise while the network runs."""

    scope: ClassVar[Scope] = "dynamic"

    @abc.abstractmethod
    def diffusion(self) -> float:
        """D in rad^2/s of d theta = ... + sqrt(2 D) dW."""


@dataclasses.dataclass(frozen=True)
class ReadoutTerm(Term):
    """An effect on the phases as they are read."""

    scope: ClassVar[Scope] = "dynamic"

    @property
    def is_noisy(self) -> bool:
        """Whether two reads of the same phases differ."""
        return False

    @abc.abstractmethod
    def on_phases(self, phases: FloatArray, draw: np.random.Generator | None = None) -> FloatArray:
        """The phases (batch, n) in radians as they are read once."""


@dataclasses.dataclass(frozen=True)
class InputTerm(Term):
    """An effect on the samples as they enter; no randomness."""

    scope: ClassVar[Scope] = "frozen"

    @abc.abstractmethod
    def on_inputs(self, x: FloatArray) -> FloatArray:
        """The samples (batch, inputs) as they enter."""
