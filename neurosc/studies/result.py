"""What a study found, as tables, a figure and a page."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosc.page import Page
from neurosc.storage import Path_, atomic
from neurosc.studies.study import Row, Study
from neurosc.studies.summary import readable, summarised, untouched

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FILES = ("table.csv", "summary.csv", "figure.png", "figure.svg", "report.html")


@dataclasses.dataclass(frozen=True, eq=False)
class StudyResult:
    """The rows of a study and what they say.

    Attributes
    ----------
    name
        Of the study.
    table
        One row for each condition and seed: condition, seed, all that was measured, and seconds.
    summary
        One row for each condition and measure: seeds, mean, lowest, highest, published.
    published
        The published figures: condition, measure, published.
    study
        The study itself.
    made
        Random root, options and seconds of the run.
    """

    name: str
    table: pd.DataFrame
    summary: pd.DataFrame
    published: pd.DataFrame
    study: Study = dataclasses.field(repr=False)
    made: dict[str, Any] = dataclasses.field(repr=False)

    @classmethod
    def of(cls, study: Study, rows: Sequence[Row], made: dict[str, Any]) -> StudyResult:
        """The result that these rows make."""
        import pandas as pd

        table = pd.DataFrame(rows)
        published = pd.DataFrame(
            [(*key, value) for key, value in study.published.items()],
            columns=["condition", "measure", "published"],
        )
        return cls(study.name, table, summarised(study, table), published, study, made)

    @property
    def figure(self) -> Figure:
        """The table, drawn."""
        return self.study.figure(self.table)

    @property
    def reading(self) -> str:
        """What the table says, in plain sentences."""
        return "" if self.study.reading is None else self.study.reading(self.table)

    def write(self, folder: Path_) -> Path:
        """Write table.csv, summary.csv, figure.png, figure.svg and report.html; return the last."""
        from neurosc import __version__

        out = Path(folder)
        for name, table in {"table": self.table, "summary": self.summary}.items():
            with atomic(out / f"{name}.csv") as file:
                file.write(table.to_csv(index=False).encode())
        figure = self.figure
        figure.savefig(out / "figure.png", dpi=150)
        figure.savefig(out / "figure.svg")
        page = Page(self.study.about)
        page.paragraph(f"Published: {self.study.reported}.")
        if self.reading:
            page.paragraph(self.reading)
        page.picture(out / "figure.png", f"The study {self.name}.")
        page.heading("Summary over seeds")
        page.table(readable(self.summary))
        if never := untouched(self.summary):
            page.paragraph(never)
        page.footer(
            [
                f"neurosc {__version__}, Python {platform.python_version()}, study {self.name}, "
                + ", ".join(f"{key} = {value}" for key, value in self.made.items())
            ]
        )
        page.write(out / "report.html")
        return out / "report.html"
