"""Couplings that pairs of memristive cells hold."""

from __future__ import annotations

import abc
import dataclasses
from typing import Annotated, ClassVar, Self

import numpy as np
import numpy.typing as npt

from neurosc.hw_models.terms.base import RATIO, NetworkTerm, Quantity, Scope, Site, Term
from neurosc.hw_models.terms.cells import Cell
from neurosc.hw_models.terms.edges import with_lost_edges
from neurosc.network import FloatArray, PhaseNetwork


@dataclasses.dataclass(frozen=True, eq=False)
class Conductances:
    """The cells of an array: J = full (g+ - g-) / (g_max - g_min), one of a pair at g_min.

    A pair of cells holds the real, another the imaginary part of J_ij, i < j, for both
    directions, and so for fields. Where nothing is asked for, there is no cell.

    Attributes
    ----------
    target, programmed, present
        Conductances (2, cells) in uS: as they were to be written, as they were, and as they are.
    full
        (cells,), the full scale of each: the largest part of any coupling, or of any field.
    there
        (cells,), where there are cells.
    """

    cell: Cell
    target: FloatArray
    programmed: FloatArray
    present: FloatArray
    full: FloatArray
    there: npt.NDArray[np.bool_]

    @classmethod
    def written(cls, cell: Cell, network: PhaseNetwork, site: Site) -> Self:
        """Cells to which the couplings and fields of `network` are written exactly."""
        couplings, fields = _parts(site.values(network), site.asked), _parts(network.field)
        asked = _parts(site.pairs.values, site.asked), _parts(site.asked.field)
        largest = [np.full(v.size, np.abs(v).max(initial=0)) for v in (couplings, fields)]
        full = np.concatenate(largest)
        values = np.concatenate([couplings.ravel(), fields.ravel()])
        share = np.divide(values, full, out=np.zeros_like(values), where=full > 0)
        low, high = cell.range_us
        target = low + (high - low) * np.maximum([share, -share], 0.0)
        there = np.concatenate([part.ravel() for part in asked]) != 0
        return cls(cell, target, target, target, full, there)

    def on(self, network: PhaseNetwork, site: Site) -> PhaseNetwork:
        """The network with the couplings and fields that the cells hold."""
        low, high = self.cell.range_us
        share = (self.present[0] - self.present[1]) / (high - low)
        values = np.where(self.there, self.full * share, 0.0)
        pairs = site.pairs.i.size
        split = values.size - 2 * network.n
        couplings = values[:split].reshape(-1, pairs) if split else np.zeros((1, 0))
        fields = values[split:].reshape(2, -1)
        joined = couplings[0] + 1j * couplings[1] if len(couplings) == 2 else couplings[0]
        return with_lost_edges(
            network, coupling=site.coupling(joined), field=fields[0] + 1j * fields[1]
        )


def _parts(values: npt.NDArray[np.generic], network: PhaseNetwork | None = None) -> FloatArray:
    """Real and imaginary part, (2, k); of the couplings of a real network the real one, (1, k)."""
    if network is not None and not network.is_complex:
        return np.asarray([values.real], dtype=np.float64)
    return np.asarray([values.real, values.imag], dtype=np.float64)


@dataclasses.dataclass(frozen=True)
class ArrayTerm(Term):
    """An effect on the cells of a memristive array.

    Parameters
    ----------
    cell
        `PCM()`, `ReRAMWan2022()`, `ReRAMHfOx()`, or a `CellTable` of one's own; the same for all
        terms of a device.
    scale
        Factor on the effect; 1 as measured.
    """

    cell: Cell
    scale: Annotated[float, Quantity("factor", RATIO, strength=True)] = 1.0
    scope: ClassVar[Scope] = "frozen"
    ages: ClassVar[bool] = True
    """Whether the effect depends on the time since programming, or else is there from then on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.cell, Cell):
            raise TypeError(f"cell: {self.cell!r} is no kind of cell; give such as PCM()")

    @abc.abstractmethod
    def on_cells(self, cells: Conductances, site: Site) -> FloatArray:
        """The present conductances (2, cells), uS."""


@dataclasses.dataclass(frozen=True)
class ProgrammingNoise(ArrayTerm):
    """g <- max(0, g + sigma_prog(g) xi), drawn whenever other couplings are written.

    The same couplings on the same chip are one programming event; `chip.at(writing=k)` writes
    them once more.
    """

    order: ClassVar[int] = 12
    ages: ClassVar[bool] = False

    def on_cells(self, cells: Conductances, site: Site) -> FloatArray:
        xi = site.written(self).standard_normal(cells.target.shape)
        sigma = self.scale * cells.cell.programming_sigma(cells.target)
        return np.maximum(cells.present + sigma * xi, 0.0)


@dataclasses.dataclass(frozen=True)
class ConductanceDrift(ArrayTerm):
    """Cells as they are `time_s` after programming: `chip.at(time_s=...)`; see each cell.

    `scale` shrinks or stretches the change.
    """

    order: ClassVar[int] = 14

    def on_cells(self, cells: Conductances, site: Site) -> FloatArray:
        xi = site.written(self).standard_normal(cells.target.shape)
        later = cells.cell.drifted(cells.target, cells.present, site.time_s, xi)
        return np.maximum(cells.present + self.scale * (later - cells.present), 0.0)


@dataclasses.dataclass(frozen=True)
class ReadNoise(ArrayTerm):
    """g <- g + sigma_read(g, t) xi, drawn in each relaxation.

    This noise is slow: it stands still through one call of `relax`, whose samples share it.
    """

    scope: ClassVar[Scope] = "dynamic"
    order: ClassVar[int] = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.cell.has_read_noise:
            raise ValueError(
                f"cell: the read noise of {type(self.cell).__name__} was not measured; leave the "
                "term out, or give a CellTable"
            )

    def on_cells(self, cells: Conductances, site: Site) -> FloatArray:
        xi = site.of_relaxation(self).standard_normal(cells.target.shape)
        sigma = cells.cell.read_sigma(cells.target, cells.present, site.time_s)
        return np.asarray(cells.present + self.scale * sigma * xi)


@dataclasses.dataclass(frozen=True)
class GlobalDriftCompensation(ArrayTerm):
    """J <- J (1 + s (f - 1)), f = sum |g+ - g-| after programming / sum |g+ - g-| as it reads now.

    The currents of all pairs of cells are measured once after programming and again when the
    array is used, and one digital factor f makes up for what they lost on average. It multiplies
    the read noise as well, and cannot mend that cells drift apart.

    Parameters
    ----------
    scale
        s; 1 compensates in full.

    Notes
    -----
    Source: Joshi et al., Nature Communications 11:2473 (2020).
    """

    order: ClassVar[int] = 17

    def on_cells(self, cells: Conductances, site: Site) -> FloatArray:
        before, now = (
            np.abs(g[0] - g[1])[cells.there].sum() for g in (cells.programmed, cells.present)
        )
        factor = before / now if now > 0 else 1.0
        return np.asarray(cells.present * (1 + self.scale * (factor - 1)))


@dataclasses.dataclass(frozen=True)
class IRDrop(NetworkTerm):
    """Voltage lost along the wires of an array with |x_j| = 1 at its n columns.

    The current of row i is sum_j w_ij x_j (1 - s c_i [1 - (1 - j/n)^2]), with w = J / max |J|,
    a_i = sum_j |w_ij| n R g_max and c = a (a (.05 a - .2) + .5). One pair of cells serves both
    directions, so J_ij is scaled with the mean of the factors of (i, j) and (j, i), and keeps its
    symmetry. Fields have no wires.

    Parameters
    ----------
    scale
        s; 1 as in the source.
    wire_ohm
        R of the wire between two cells.
    g_max_us
        Conductance of |w| = 1, uS.

    Notes
    -----
    Source: aihwkit, analog matrix product with ir_drop; G_w / g_max = 1 / (R g_max).
    """

    scale: Annotated[float, Quantity("s", RATIO, strength=True)] = 1.0
    wire_ohm: Annotated[float, Quantity("R", "Ohm")] = 0.35
    g_max_us: Annotated[float, Quantity("g_max", "uS")] = 5.0
    order: ClassVar[int] = 19

    def loss(self, load: npt.ArrayLike, column: npt.ArrayLike, n: int) -> FloatArray:
        """s c_i [1 - (1 - j/n)^2] of a row with load sum_j |w_ij| at column j of n."""
        a = np.asarray(load) * n * self.wire_ohm * self.g_max_us * 1e-6
        bend = a * (a * (0.05 * a - 0.2) + 0.5)
        return np.asarray(self.scale * bend * (1 - (1 - np.asarray(column) / n) ** 2))

    def on_network(self, network: PhaseNetwork, site: Site) -> PhaseNetwork:
        values, n = site.values(network), network.n
        size = np.abs(values.real) + np.abs(values.imag)
        full = max(np.abs(part).max(initial=0.0) for part in (values.real, values.imag))
        if full == 0:
            return network
        i, j = site.pairs.i, site.pairs.j
        load = (np.bincount(i, size, n) + np.bincount(j, size, n)) / full
        mean = 1 - (self.loss(load[i], j, n) + self.loss(load[j], i, n)) / 2
        return network.with_parameters(coupling=site.coupling(values * mean))
