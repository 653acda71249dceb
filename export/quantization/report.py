"""What became of the numbers of a graph on the grids of a target."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.export.portable.comparison import Fidelity, fidelity
from neurosc.network import FloatArray

if TYPE_CHECKING:
    import nir
    import pandas as pd


class Group(NamedTuple):
    """Numbers that lie on one grid.

    Attributes
    ----------
    name
        What they are.
    size
        How many rows or numbers.
    unit
        One level.
    used, most
        The largest level on either side of zero that is used, and that the target has.
    note
        What else there is to say.
    """

    name: str
    size: int
    unit: float
    used: int
    most: int
    note: str


@dataclasses.dataclass(frozen=True, eq=False)
class Quantized:
    """A graph on the grids of a target.

    Attributes
    ----------
    graph
        The new graph, of the same shape; its numbers are those of the levels.
    original
        The graph that was given.
    target
        Name of the target.
    groups
        How numbers of each role lie on their grid; none if the target takes float32.
    couplings, lost
        Synapses between oscillators, and those among them that became 0. Of a graph that is not
        made of oscillators: weights, and those that became 0.
    shift
        How far the new numbers should move the phases: the largest of each sample in radians,
        (batch,), to first order; None for graphs without phases.
    """

    graph: nir.NIRGraph
    original: nir.NIRGraph
    target: str
    groups: tuple[Group, ...]
    couplings: int
    lost: int
    shift: FloatArray | None

    def measure(
        self, x: npt.ArrayLike | None = None, *, cycles: int | None = None
    ) -> tuple[Fidelity, Fidelity]:
        """Run the original and the quantised graph; see `fidelity`.

        Raises
        ------
        ValueError
            For a graph that is none of `to_nir`, portable or flat.
        """
        before, after = (fidelity(g, x, cycles=cycles) for g in (self.original, self.graph))
        return before, after

    def table(self) -> pd.DataFrame:
        """Numbers, how many, unit, levels used, levels there are and notes, one group a row."""
        import pandas as pd

        return pd.DataFrame(list(self.groups), columns=list(Group._fields))

    def __str__(self) -> str:
        if not self.groups:
            return f"{self.target} takes float32: nothing to quantise"
        lines = [f"quantised for {self.target}: {self.lost} of {self.couplings} couplings are 0"]
        if self.shift is not None:
            lines.append(
                f"phases should move by {np.median(self.shift):.2g} rad, at worst "
                f"{self.shift.max():.2g}"
            )
        lines.append(f"  {'numbers':20}{'count':>9}{'unit':>12}{'levels':>8}{'of':>8}")
        for g in self.groups:
            row = f"  {g.name:20}{g.size:9,}{g.unit:12.4g}{g.used:8,}{g.most:8,}  {g.note}"
            lines.append(row.rstrip())
        return "\n".join(lines)
