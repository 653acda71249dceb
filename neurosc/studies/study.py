"""What makes a study."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Row = dict[str, Any]
Settings = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Exhibit:
    """A picture of what one run did, for the page of a study.

    Parameters
    ----------
    name
        Of its file, .png or .gif, in the folder `figures` beside the page.
    caption
        What it shows.
    data
        The file.
    """

    name: str
    caption: str
    data: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Study:
    """A published result, and how to measure it again.

    Parameters
    ----------
    name, about
        Its name, and what it shows in one line.
    reported
        The published figures in one line, with their source.
    conditions
        `conditions(**options)` gives the settings of each condition by its name, in the order of
        the table. Its keyword arguments are the options of the study; all have defaults.
    measure
        `measure(seed, rng, **settings)` gives one row of numbers: those of one condition and one
        seed. `rng` is a SeedSequence of that seed, the same in all conditions, so that they compare
        in pairs; the number `seed` itself may choose a split. It runs in a process of its own, so
        it must be a function of a module, and settings must be plain values.
    measures
        Columns of the rows that are summarised.
    figure
        Draws the table.
    published
        Published figures by condition and measure.
    reading
        What the table says, in plain sentences; None for a study whose figures speak.
    exhibits
        `exhibits(rng, **settings)` runs one condition again as `measure` does with seed 0, and
        draws what it did. Rows are numbers, so this costs one run of each condition more; it is
        done where a page is written. None for none.
    seeds
        How many are run unless told otherwise.
    """

    name: str
    about: str
    reported: str
    conditions: Callable[..., Mapping[str, Settings]]
    measure: Callable[..., Row]
    measures: tuple[str, ...]
    figure: Callable[[pd.DataFrame], Figure]
    published: Mapping[tuple[str, str], float] = dataclasses.field(default_factory=dict)
    reading: Callable[[pd.DataFrame], str] | None = None
    exhibits: Callable[..., list[Exhibit]] | None = None
    seeds: int = 20

    @property
    def options(self) -> dict[str, Any]:
        """The options and their defaults."""
        parameters = inspect.signature(self.conditions).parameters
        return {name: parameter.default for name, parameter in parameters.items()}

    def settings(self, **options: Any) -> dict[str, Settings]:
        """The settings of each condition.

        Raises
        ------
        TypeError
            For an option that the study does not have.
        """
        unknown = sorted(set(options) - set(self.options))
        if unknown:
            known = ", ".join(self.options) or "none"
            raise TypeError(f"{unknown[0]}: is no option of {self.name}, which has {known}")
        return dict(self.conditions(**options))
