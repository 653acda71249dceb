"""What a sweep found."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc.network import FloatArray
from neurosc.robustness import statistics, store
from neurosc.robustness.measures import KIND
from neurosc.storage import Path_

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

RESAMPLES = 2000
"""Bootstrap replicates of a whole curve."""


@dataclasses.dataclass(frozen=True, eq=False)
class Sweep:
    """One tidy table, and what was asked.

    Attributes
    ----------
    table
        A row for each parameter, level, chip, trial and metric: `preset`, `parameter`, `level`,
        `unit`, `chip`, `trial`, `metric`, `value`, `n_test` samples, `rng_key` of the dynamic
        draws (entropy/spawn key of a SeedSequence), `locked_share` of the samples, `seconds` of
        work for this chip, `version` of neurosc.
    study
        JSON values: the device, digests of network and data, the parameters with their levels.
    """

    table: pd.DataFrame
    study: dict[str, Any]

    @classmethod
    def read(cls, path: Path_) -> Sweep:
        """Read what a sweep wrote, also while it runs.

        Raises
        ------
        FileNotFoundError, ValueError
            If the folder holds no sweep, or a damaged one.
        """
        return cls(*store.read(path, KIND))

    @property
    def is_complete(self) -> bool:
        """Whether every chip was measured at every level in every trial."""
        levels = sum(len(parameter["levels"]) for parameter in self.study["parameters"])
        metrics = len(self.study["measure"]["metrics"])
        rows: int = levels * self.study["chips"] * self.study["trials"] * metrics
        return len(self.table) == rows

    def to_xarray(self) -> xr.Dataset:
        """Each metric, and locked_share, over (parameter, level, chip, trial).

        Parameters with levels of their own leave NaN at those of the others. The units are a
        coordinate of the parameters.

        Raises
        ------
        ImportError
            Without xarray, of the extra `robustness`.
        """
        try:
            import xarray as xr
        except ImportError:
            raise ImportError("to_xarray: pip install 'neurosc[robustness]'") from None
        keys = ["parameter", "level", "chip", "trial"]
        wide = self.table.pivot(index=keys, columns="metric", values="value")
        locked = self.table.drop_duplicates(keys).set_index(keys)["locked_share"]
        found: xr.Dataset = xr.Dataset.from_dataframe(wide.assign(locked_share=locked))
        units = {p["name"]: p["unit"] for p in self.study["parameters"]}
        names = [str(name) for name in found["parameter"].to_numpy()]
        return found.assign_coords(
            unit=("parameter", [units[name] for name in names])
        ).assign_attrs(
            preset=self.study["preset"],
            n_test=self.study["samples"],
            rng=self.study["rng"],
            version=self.study["neurosc"],
        )

    def summary(self, confidence: float = 0.95) -> pd.DataFrame:
        """A row for each level and metric.

        `mean` with its bootstrap interval `low` to `high` over chips; `sd_chips` and `sd_trials`,
        the spread over chips and over the trials of one chip as components of variance; the `worst`
        and `best` chip; `locked_share` of all samples.
        """
        import pandas as pd

        checked_confidence(confidence)
        rows = []
        for metric in self.table["metric"].unique():
            locked = self.table[self.table["metric"] == metric].groupby(statistics.KEYS, sort=False)
            shares = locked["locked_share"].mean()
            for key, values in statistics.by_level(self.table, metric).items():
                each = values.mean(axis=1)
                low, high = statistics.mean_interval(each, confidence)
                sd = statistics.spread(values)
                ends = sorted([each.min(), each.max()], reverse=metric == "loss")
                rows.append(
                    dict(zip(statistics.KEYS, key, strict=True))
                    | {"metric": metric, "chips": values.shape[0], "trials": values.shape[1]}
                    | {"mean": each.mean(), "low": low, "high": high}
                    | {"sd_chips": sd.chips, "sd_trials": sd.trials}
                    | {"worst": ends[0], "best": ends[1], "locked_share": shares[key]}
                )
        return pd.DataFrame(rows)

    def yield_(
        self, minimum: float = 0.9, *, metric: str = "accuracy", confidence: float = 0.95
    ) -> pd.DataFrame:
        """The share of chips whose mean over trials is at least `minimum`, at each level.

        With the Clopper-Pearson interval `low` to `high` over chips.

        Raises
        ------
        ValueError
            For a minimum that is no share, and metrics that are none or were not measured.
        """
        import pandas as pd

        _is_share("minimum", minimum, "0.9 is 90 %")
        _rising(metric)
        checked_confidence(confidence)
        rows = []
        for key, values in statistics.by_level(self.table, metric).items():
            hits, chips = int((values.mean(axis=1) >= minimum).sum()), len(values)
            low, high = statistics.share_interval(hits, chips, confidence)
            rows.append(
                dict(zip(statistics.KEYS, key, strict=True))
                | {"metric": metric, "minimum": minimum, "chips": chips, "good": hits}
                | {"share": hits / chips, "low": low, "high": high}
            )
        return pd.DataFrame(rows)

    def critical(
        self, drop: float = 0.05, *, metric: str = "accuracy", confidence: float = 0.95
    ) -> pd.DataFrame:
        """The level of each parameter at which the mean has lost the share `drop` of its start.

        The start is the mean at the mildest level: the smallest, or for numbers that are no
        strength, such as bits, the largest. Between levels the mean is interpolated linearly; the
        interval `low` to `high` is the bootstrap's over chips, each with all its levels. Where
        the mean never falls so far `censored` is True and `critical` the last level, a bound; an
        end of the interval that lies beyond is infinite, or 0 for numbers that are no strength.

        Raises
        ------
        ValueError
            For a drop that is no share, a single level, and metrics that do not fall.
        """
        import pandas as pd

        _is_share("drop", drop, "0.05 is 5 %")
        _rising(metric)
        checked_confidence(confidence)
        return pd.DataFrame(
            [
                {"parameter": name, "unit": unit, "metric": metric, "drop": drop}
                | _critical(levels, values, strength, drop, confidence)
                for name, unit, strength, levels, values in self._curves(metric)
            ]
        )

    def _curves(self, metric: str) -> Iterator[tuple[str, str, bool, FloatArray, FloatArray]]:
        """Of each parameter name, unit, whether a strength, levels, and values (levels, chips)."""
        found = statistics.by_level(self.table, metric)
        for parameter in self.study["parameters"]:
            name = parameter["name"]
            mine = {key[1]: values.mean(axis=1) for key, values in found.items() if key[0] == name}
            chips = min(map(len, mine.values()), default=0)
            if len(mine) < 2:
                raise ValueError(f"levels: {name} has {len(mine)}, a fall needs two; sweep more")
            values = np.stack([each[:chips] for each in mine.values()])
            yield name, parameter["unit"], parameter["is_strength"], np.array([*mine]), values

    def __repr__(self) -> str:
        names = ", ".join(
            f"{p['name']} at {len(p['levels'])} levels" for p in self.study["parameters"]
        )
        state = "" if self.is_complete else ", not complete"
        return (
            f"Sweep({self.study['preset']}: {names}, {self.study['chips']} chips, "
            f"{self.study['trials']} trials{state})"
        )


def _critical(
    levels: FloatArray, values: FloatArray, strength: bool, drop: float, confidence: float
) -> dict[str, Any]:
    """The critical level of a curve (levels, chips) with its interval."""
    sign = 1.0 if strength else -1.0
    order = np.argsort(sign * levels)
    axis, values = sign * levels[order], values[order]

    def fall(each: FloatArray) -> float:
        means = each.mean(axis=1)
        return statistics.crossing(axis, means, (1 - drop) * means[0])

    draw, chips = np.random.default_rng(0), values.shape[1]
    found = fall(values)
    falls = [fall(values[:, draw.integers(chips, size=chips)]) for _ in range(RESAMPLES)]
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    ends = np.quantile(falls, tails, method="higher") if chips > 1 else np.full(2, np.nan)
    ends = np.sort(np.where(np.isinf(ends), np.inf if strength else 0.0, sign * ends))
    censored = not np.isfinite(found)
    return {
        "start": values[0].mean(),
        "critical": sign * (axis[-1] if censored else found),
        "low": ends[0],
        "high": ends[1],
        "censored": censored,
    }


def checked_confidence(confidence: float) -> None:
    """Raise unless it lies between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: {confidence} is not between 0 and 1; 0.95 is 95 %")


def _is_share(name: str, value: float, example: str) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name}: {value} is no share between 0 and 1; {example}")


def _rising(metric: str) -> None:
    if metric == "loss":
        raise ValueError("metric: a loss rises with the level; use accuracy or locked")
