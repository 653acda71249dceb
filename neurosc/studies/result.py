"""What a study found, as tables, a figure and a page."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosc.page import Page
from neurosc.storage import Path_, atomic
from neurosc.studies.study import Exhibit, Row, Study
from neurosc.studies.summary import readable, summarised, untouched

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FIGURES = "figures"
"""Folder of the exhibits."""
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
    exhibits
        Pictures of what seed 0 did in each condition, where the study draws them.
    """

    name: str
    table: pd.DataFrame
    summary: pd.DataFrame
    published: pd.DataFrame
    study: Study = dataclasses.field(repr=False)
    made: dict[str, Any] = dataclasses.field(repr=False)
    exhibits: Sequence[Exhibit] = dataclasses.field(default=(), repr=False)

    @classmethod
    def of(
        cls,
        study: Study,
        rows: Sequence[Row],
        made: dict[str, Any],
        exhibits: Sequence[Exhibit] = (),
    ) -> StudyResult:
        """The result that these rows make."""
        import pandas as pd

        table = pd.DataFrame(rows)
        published = pd.DataFrame(
            [(*key, value) for key, value in study.published.items()],
            columns=["condition", "measure", "published"],
        )
        summary = summarised(study, table)
        return cls(study.name, table, summary, published, study, made, exhibits)

    @property
    def figure(self) -> Figure:
        """The table, drawn."""
        return self.study.figure(self.table)

    @property
    def reading(self) -> str:
        """What the table says, in plain sentences."""
        return "" if self.study.reading is None else self.study.reading(self.table)

    def write(self, folder: Path_) -> Path:
        """Write table.csv, summary.csv, figure.png, figure.svg and report.html; return the last.

        Exhibits go into the folder figures beside it.
        """
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
        if self.exhibits:
            page.heading("What seed 0 did")
            (out / FIGURES).mkdir(exist_ok=True)
        for exhibit in self.exhibits:
            path = out / FIGURES / exhibit.name
            with atomic(path) as file:
                file.write(exhibit.data)
            page.picture(path, exhibit.caption)
        page.footer(
            [
                f"neurosc {__version__}, Python {platform.python_version()}, study {self.name}, "
                + ", ".join(f"{key} = {value}" for key, value in self.made.items())
            ]
        )
        page.write(out / "report.html")
        return out / "report.html"
