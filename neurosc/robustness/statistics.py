"""Statistics over chips, which are what varies: intervals, components of variance, yield."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from neurosc.network import FloatArray

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["parameter", "level", "unit"]


class Spread(NamedTuple):
    """Standard deviations over chips and over the trials of one chip."""

    chips: float
    trials: float


def mean_interval(values: FloatArray, confidence: float) -> tuple[float, float]:
    """Bootstrap interval of the mean over chips; nan for a single one.

    BCa, or percentiles where nearly all values are alike, on which BCa is undefined. Source:
    Efron, J. Am. Stat. Assoc. 82:171 (1987).
    """
    if values.size < 2:
        return float("nan"), float("nan")
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    found = _bootstrap(values, confidence, "BCa")
    if not np.isfinite(found).all():
        found = _bootstrap(values, confidence, "percentile")
    return found


def _bootstrap(
    values: FloatArray, confidence: float, method: Literal["BCa", "percentile"]
) -> tuple[float, float]:
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (values,), np.mean, confidence_level=confidence, method=method,
            rng=np.random.default_rng(0),
        ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def spread(values: FloatArray) -> Spread:
    """Components of variance of values (chips, trials), one-way with random effects.

    trials^2 = MSW, chips^2 = max(0, (MSB - MSW) / T) with mean squares between and within chips.
    With one trial the two are not told apart: all of it counts as chips.

    Source: Searle, Casella, McCulloch, Variance Components, Wiley (1992), chapter 3.
    """
    chips, trials = values.shape
    values = values - values[0, 0]  # values that are alike shall differ by nothing, not by rounding
    between = float(values.mean(axis=1).var(ddof=1)) if chips > 1 else float("nan")
    if trials == 1:
        return Spread(float(np.sqrt(between)), float("nan"))
    within = float(values.var(axis=1, ddof=1).mean())
    return Spread(
        float(np.sqrt(np.maximum(0.0, between - within / trials))), float(np.sqrt(within))
    )


def by_level(table: pd.DataFrame, metric: str) -> dict[tuple[Any, ...], FloatArray]:
    """Values (chips, trials) of a metric at each (parameter, level, unit), in their order."""
    mine = table[table["metric"] == metric]
    if mine.empty:
        known = ", ".join(table["metric"].unique())
        raise ValueError(f"metric: {metric!r} was not measured; use {known or 'one of metrics='}")
    return {key: _grid(rows) for key, rows in mine.groupby(KEYS, sort=False)}


def _grid(rows: pd.DataFrame) -> FloatArray:
    """Chips with all trials; a study that still runs may lack some of others."""
    wide = rows.pivot(index="chip", columns="trial", values="value").dropna(axis=0)
    return wide.to_numpy(dtype=np.float64)


def share_interval(hits: int, of: int, confidence: float) -> tuple[float, float]:
    """Clopper-Pearson interval of a share. Source: Biometrika 26:404 (1934)."""
    from scipy import stats

    found = stats.binomtest(hits, of).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def crossing(levels: FloatArray, means: FloatArray, bound: float) -> float:
    """Where a broken line through (levels, means) first falls below `bound`; inf if nowhere."""
    below = np.flatnonzero(means < bound)
    if below.size == 0:
        return float("inf")
    k = int(below[0])
    if k == 0:
        return float(levels[0])
    share = (means[k - 1] - bound) / (means[k - 1] - means[k])
    return float(levels[k - 1] + share * (levels[k] - levels[k - 1]))
