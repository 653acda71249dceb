"""What a study asks of a device; `neurosc.hw_models.Device` is one, a stranger's may be another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self, runtime_checkable

from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG
from neurosc.substrate import Substrate


class Term(Protocol):
    """One effect of a device: a frozen dataclass."""

    @property
    def strengths(self) -> dict[str, float]:
        """The numbers with which the effect grows, by field."""
        ...

    @property
    def units(self) -> dict[str, str]:
        """The unit of each of its numbers, by field."""
        ...

    @property
    def scope(self) -> str:
        """When it is drawn: "frozen", "dynamic" or "per run"."""
        ...


class Chips(Substrate, Protocol):
    """Chips that relax all at once, to phases (chips, batch, n)."""

    def __getitem__(self, index: Any, /) -> Any:
        """One of them, or `Chips` for a slice; each is the same chip as before."""
        ...

    def at(self, *, run: int) -> Chips:
        """These chips in another run."""
        ...


@runtime_checkable
class Device(Protocol):
    """A kind of chip: an immutable composition of terms, at most one of a kind."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def terms(self) -> Sequence[Any]:
        """Its effects, each a `Term`."""
        ...

    @property
    def acting(self) -> Sequence[Any]:
        """Those whose strength is not zero."""
        ...

    def replace(self, *terms: Any) -> Self:
        """With terms in the place of those of the same kind."""
        ...

    def scale(self, factor: float, *kinds: str) -> Self:
        """With the strengths of the named terms multiplied."""
        ...

    def fabricate(self, network: PhaseNetwork, chips: int = 1, rng: RNG = None) -> Any:
        """Make `Chips`; the same rng gives the same ones whatever the strengths."""
        ...

    def to_json(self) -> str:
        """All that makes it what it is, as text."""
        ...
