"""What was measured of memristive cells: conductances g in uS, x = g / g_max."""

from __future__ import annotations

import abc
import dataclasses
import os
from typing import ClassVar, NamedTuple

import numpy as np

from neurosc.network import FloatArray

DAY_S = 86_400.0


@dataclasses.dataclass(frozen=True)
class Cell(abc.ABC):
    """A kind of cell: how it is written, how it drifts, how it reads.

    Times are seconds since programming was done; `xi` are standard normal numbers like `target`.
    """

    has_read_noise: ClassVar[bool] = True
    """Whether it was measured."""

    @property
    @abc.abstractmethod
    def range_us(self) -> tuple[float, float]:
        """Lowest and highest conductance that is written, uS."""

    @abc.abstractmethod
    def programming_sigma(self, target: FloatArray) -> FloatArray:
        """Standard deviation of what is written around the target, uS."""

    @abc.abstractmethod
    def drifted(
        self, target: FloatArray, programmed: FloatArray, time_s: float, xi: FloatArray
    ) -> FloatArray:
        """Conductances at a time, uS."""

    @abc.abstractmethod
    def read_sigma(self, target: FloatArray, present: FloatArray, time_s: float) -> FloatArray:
        """Standard deviation of one read, uS."""


@dataclasses.dataclass(frozen=True)
class PCM(Cell):
    """Phase-change memory, g_max = 25 uS, ready t0 = 20 s after programming.

    sigma_prog = .26348 + 1.9650 x - 1.1731 x^2;
    g(t) = g_p (t / t0)^-nu, t = time + t0, nu = |N(mu, sigma)|,
    mu = clip(-.0155 ln x + .0244, .049, .1), sigma = clip(-.0125 ln x - .0059, .008, .045);
    sigma_read = g Q sqrt(ln((t + t_r) / (2 t_r))), Q = min(.0088 / x^.65, .2), t_r = 250 ns.

    Notes
    -----
    Source: Nandakumar et al., ICECS 2019, as in aihwkit's PCMLikeNoiseModel.
    """

    g_max: ClassVar[float] = 25.0
    t0_s: ClassVar[float] = 20.0
    t_read_s: ClassVar[float] = 250e-9

    @property
    def range_us(self) -> tuple[float, float]:
        return 0.0, self.g_max

    def programming_sigma(self, target: FloatArray) -> FloatArray:
        return _polynomial(target / self.g_max, (0.26348, 1.9650, -1.1731))

    def drift_exponent(self, target: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of nu."""
        log = np.log(np.maximum(target / self.g_max, 1e-30))
        mean = np.clip(-0.0155 * log + 0.0244, 0.049, 0.1)
        return mean, np.clip(-0.0125 * log - 0.0059, 0.008, 0.045)

    def drifted(
        self, target: FloatArray, programmed: FloatArray, time_s: float, xi: FloatArray
    ) -> FloatArray:
        mean, sigma = self.drift_exponent(target)
        nu = np.abs(mean + sigma * xi)
        return np.asarray(programmed * ((time_s + self.t0_s) / self.t0_s) ** -nu)

    def read_quality(self, target: FloatArray) -> FloatArray:
        """Q."""
        x = np.maximum(target / self.g_max, 1e-30)
        return np.minimum(0.0088 / x**0.65, 0.2)

    def read_sigma(self, target: FloatArray, present: FloatArray, time_s: float) -> FloatArray:
        t = time_s + self.t0_s
        slow = np.sqrt(np.log((t + self.t_read_s) / (2 * self.t_read_s)))
        return np.asarray(present * self.read_quality(target) * slow)


@dataclasses.dataclass(frozen=True)
class ReRAMWan2022(Cell):
    """Filamentary ReRAM up to 40 uS whose spread was measured after 1 s, 1 day and 2 days.

    sigma(x, t) is a polynomial in x at each of these times and linear in ln t between; what is
    added after 1 s is sqrt(sigma(x, t)^2 - sigma(x, 1 s)^2), where that is real. Read noise was
    not measured.

    Notes
    -----
    Source: Wan et al., Nature 608:504 (2022), as in aihwkit's ReRamWan2022NoiseModel.
    """

    has_read_noise: ClassVar[bool] = False
    g_max: ClassVar[float] = 40.0
    times_s: ClassVar[tuple[float, ...]] = (1.0, DAY_S, 2 * DAY_S)
    polynomials: ClassVar[tuple[tuple[float, ...], ...]] = (
        (0.348, 16.030, -43.853, 45.393, -16.815),
        (0.701, 22.086, -50.773, 47.095, -16.458),
        (0.782, 20.274, -43.507, 37.062, -11.934),
    )

    @property
    def range_us(self) -> tuple[float, float]:
        return 0.0, self.g_max

    def sigma(self, target: FloatArray, time_s: float) -> FloatArray:
        """Standard deviation at a time, uS."""
        if time_s > self.times_s[-1]:
            raise ValueError(
                f"time_s: {time_s:g} is after the last measurement of this ReRAM; give at most "
                f"{self.times_s[-1]:g} s (2 days)"
            )
        x = target / self.g_max
        each = [_polynomial(x, c) for c in self.polynomials]
        place = np.interp(np.log(max(time_s, 1.0)), np.log(self.times_s), [0, 1, 2])
        before = min(int(place), 1)
        share = place - before
        mixed = (1 - share) * each[before] + share * each[before + 1]
        return np.asarray(np.maximum(mixed, 0.0))

    def programming_sigma(self, target: FloatArray) -> FloatArray:
        return self.sigma(target, 1.0)

    def drifted(
        self, target: FloatArray, programmed: FloatArray, time_s: float, xi: FloatArray
    ) -> FloatArray:
        added = self.sigma(target, time_s) ** 2 - self.programming_sigma(target) ** 2
        return np.asarray(np.maximum(programmed + np.sqrt(np.maximum(added, 0.0)) * xi, 0.0))

    def read_sigma(self, target: FloatArray, present: FloatArray, time_s: float) -> FloatArray:
        return np.zeros_like(target)


@dataclasses.dataclass(frozen=True)
class ReRAMHfOx(Cell):
    """CMO/HfOx ReRAM of 9 to 88.2 uS, written until it is within an acceptance range.

    sigma_prog = .00106879 g + .00081107 (0.2 %) or .01129027 g + .01121854 (2 %);
    g(t) = g_p - .089 ln t + (.0420 ln t + .4118) xi, t = time in s, from 1 s on;
    sigma_read = .02773 log10(g) sqrt(ln((t + 1 us) / 2 us)).

    Parameters
    ----------
    acceptance_percent
        0.2 or 2.

    Notes
    -----
    Source: Falcone et al., as in aihwkit's ReRamCMONoiseModel.
    """

    acceptance_percent: float = 0.2
    sigmas: ClassVar[dict[float, tuple[float, float]]] = {
        0.2: (0.00106879, 0.00081107),
        2.0: (0.01129027, 0.01121854),
    }

    def __post_init__(self) -> None:
        if self.acceptance_percent not in self.sigmas:
            raise ValueError(
                f"acceptance_percent: {self.acceptance_percent} was not measured; give 0.2 or 2"
            )

    @property
    def range_us(self) -> tuple[float, float]:
        return 9.0, 88.2

    def programming_sigma(self, target: FloatArray) -> FloatArray:
        slope, base = self.sigmas[self.acceptance_percent]
        return np.asarray(slope * target + base)

    def drifted(
        self, target: FloatArray, programmed: FloatArray, time_s: float, xi: FloatArray
    ) -> FloatArray:
        if time_s < 1:
            return programmed
        log = np.log(time_s)
        spread = 0.0420 * log + 0.4118
        return np.asarray(np.maximum(programmed - 0.089 * log + spread * xi, 0.0))

    def read_sigma(self, target: FloatArray, present: FloatArray, time_s: float) -> FloatArray:
        slow = np.sqrt(np.log((max(time_s, 1.0) + 1e-6) / 2e-6))
        return np.asarray(0.02773 * np.log10(np.maximum(present, 1.0)) * slow)


class Row(NamedTuple):
    """One conductance of a `CellTable`, in the order of its columns."""

    conductance_us: float
    programming_sigma_us: float
    drift_exponent: float
    read_sigma_us: float


@dataclasses.dataclass(frozen=True)
class CellTable(Cell):
    """A user's own measurement: rows of conductance, linear between them.

    g(t) = g_p (t / t0)^-nu, t = time + t0.

    Parameters
    ----------
    rows
        (conductance, programming sigma, drift exponent nu, read sigma), in uS but for nu, two or
        more, with conductances that increase; the first and the last are the range.
    t0_s
        Time after programming at which the table was measured, s.

    Raises
    ------
    ValueError
        For gaps, conductances that do not increase, and negative numbers.
    """

    rows: tuple[Row, ...]
    t0_s: float = 1.0

    def __post_init__(self) -> None:
        table = np.array([tuple(row) for row in self.rows], dtype=np.float64)
        if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] != len(Row._fields):
            raise ValueError(
                f"rows: shape {table.shape} does not fit; give two or more rows of "
                f"{', '.join(Row._fields)}"
            )
        for k, values in enumerate(table):
            for name, value in zip(Row._fields, values, strict=True):
                if not 0 <= value < np.inf:
                    raise ValueError(
                        f"rows: row {k} has {name} = {value:g}; fill the gap or leave the row out, "
                        "numbers are >= 0"
                    )
        if (np.diff(table[:, 0]) <= 0).any():
            k = int(np.flatnonzero(np.diff(table[:, 0]) <= 0)[0]) + 1
            raise ValueError(f"rows: conductance_us does not increase at row {k}; sort the rows")
        if not 0 < self.t0_s < np.inf:
            raise ValueError(f"t0_s: {self.t0_s} is not a positive number; give seconds")
        object.__setattr__(self, "rows", tuple(Row(*values) for values in table.tolist()))

    @classmethod
    def read_csv(cls, path: str | os.PathLike[str], t0_s: float = 1.0) -> CellTable:
        """Read a table with the columns of `Row`, in any order."""
        import pandas as pd

        table = pd.read_csv(path)
        missing = [name for name in Row._fields if name not in table.columns]
        if missing:
            raise ValueError(f"path: {path} has no column {', '.join(missing)}; add it")
        numbers = table[list(Row._fields)].to_numpy(dtype=np.float64)
        return cls(tuple(Row(*values) for values in numbers.tolist()), t0_s)

    def _column(self, name: str, at: FloatArray) -> FloatArray:
        known = [row.conductance_us for row in self.rows]
        return np.asarray(np.interp(at, known, [getattr(row, name) for row in self.rows]))

    @property
    def range_us(self) -> tuple[float, float]:
        return self.rows[0].conductance_us, self.rows[-1].conductance_us

    def programming_sigma(self, target: FloatArray) -> FloatArray:
        return self._column("programming_sigma_us", target)

    def drifted(
        self, target: FloatArray, programmed: FloatArray, time_s: float, xi: FloatArray
    ) -> FloatArray:
        nu = self._column("drift_exponent", target)
        return np.asarray(programmed * ((time_s + self.t0_s) / self.t0_s) ** -nu)

    def read_sigma(self, target: FloatArray, present: FloatArray, time_s: float) -> FloatArray:
        return self._column("read_sigma_us", target)


def _polynomial(x: FloatArray, ascending: tuple[float, ...]) -> FloatArray:
    return np.asarray(np.polynomial.polynomial.polyval(x, ascending), dtype=np.float64)


CELLS: dict[str, type[Cell]] = {
    kind.__name__: kind for kind in (PCM, CellTable, ReRAMHfOx, ReRAMWan2022)
}
"""Every kind of cell, by its name in files."""
