"""The rows of a study over its seeds: one table to compute with, one to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurosc.studies.study import Study

if TYPE_CHECKING:
    import pandas as pd

SHARES = ("unlocked", "solved", "recalled", "diverged", "unused")
"""Measures that are shares, besides accuracies."""
FAULTS = ("unlocked", "diverged", "unused")
"""Shares that are told in a sentence where no run has any."""


def summarised(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Mean, lowest and highest of each measure over the seeds of each condition."""
    import pandas as pd

    rows = []
    for condition, mine in table.groupby("condition", sort=False):
        for measure in study.measures:
            if measure not in mine or mine[measure].isna().all():
                continue
            values = mine[measure].astype(float)
            rows.append(
                {
                    "condition": condition,
                    "measure": measure,
                    "seeds": int(values.count()),
                    "mean": values.mean(),
                    "lowest": values.min(),
                    "highest": values.max(),
                    "published": study.published.get((str(condition), measure), float("nan")),
                }
            )
    return pd.DataFrame(rows)


def readable(summary: pd.DataFrame) -> pd.DataFrame:
    """A line for each condition, a column for each measure: mean (lowest to highest), published.

    Accuracies and shares are in percent, the rest has four digits. Faults that no run has are left
    to `untouched`; a measure that only some seeds have says how many.
    """
    import pandas as pd

    seeds = summary.groupby("condition", sort=False)["seeds"].max()
    lines = {name: {"condition": name, "seeds": int(count)} for name, count in seeds.items()}
    for name, mine in summary.groupby("measure", sort=False):
        measure = str(name)
        if measure in _absent(summary):
            continue
        label, share = _label(measure), _is_share(measure)
        for row in mine.to_dict("records"):
            lines[row["condition"]][label] = _cell(row, share, seeds[row["condition"]])
            if not pd.isna(row["published"]):
                lines[row["condition"]][f"published {label}"] = _text(row["published"], share)
    return pd.DataFrame(lines.values()).fillna("–")


def untouched(summary: pd.DataFrame) -> str:
    """Which faults no run has, in a sentence; empty if each has some."""
    absent = _absent(summary)
    return f"No sample {' or '.join(absent)} in any run." if absent else ""


def _absent(summary: pd.DataFrame) -> list[str]:
    highest = summary.groupby("measure")["highest"].max()
    return [fault for fault in FAULTS if fault in highest.index and highest[fault] == 0]


def _cell(row: dict[Any, Any], share: bool, seeds: int) -> str:
    """mean (lowest to highest), the mean alone if they do not differ."""
    mean, lowest, highest = (_text(row[key], share) for key in ("mean", "lowest", "highest"))
    notes = [] if lowest == highest else [f"{lowest} to {highest}"]
    if row["seeds"] < seeds:
        notes.append(f"{row['seeds']} of {seeds} seeds")
    return mean + (f" ({'; '.join(notes)})" if notes else "")


def _is_share(measure: str) -> bool:
    return measure.endswith("accuracy") or measure in SHARES


def _label(measure: str) -> str:
    return measure.replace("_", " ") + (" (%)" if _is_share(measure) else "")


def _text(value: float, share: bool) -> str:
    return f"{100 * value:.1f}" if share else f"{value:.4g}"
