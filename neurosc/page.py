"""A self-contained HTML page: text, tables and pictures in one file."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neurosc.storage import Path_, atomic

if TYPE_CHECKING:
    import pandas as pd

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2733; max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .8rem; border-bottom: 1px solid #d8dee6; text-align: right; }
th:first-child, td:first-child { text-align: left; }
td { white-space: nowrap; }
img { max-width: 100%; height: auto; } figure { margin: 1rem 0; overflow-x: auto; }
figcaption, footer { color: #566373; font-size: .9rem; }
"""


class Page:
    """Collects parts in reading order, then writes them."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._parts = [f"<h1>{html.escape(title)}</h1>"]

    def heading(self, text: str) -> None:
        """A section heading."""
        self._parts.append(f"<h2>{html.escape(text)}</h2>")

    def paragraph(self, text: str) -> None:
        """A paragraph of plain text."""
        self._parts.append(f"<p>{html.escape(text)}</p>")

    def table(self, table: pd.DataFrame) -> None:
        """A table of strings."""
        self._parts.append(
            "<figure>" + table.to_html(index=False, border=0, na_rep="–") + "</figure>"
        )

    def picture(self, file: Path, caption: str) -> None:
        """A file .png or .gif, embedded."""
        data = base64.b64encode(file.read_bytes()).decode()
        text, kind = html.escape(caption), file.suffix[1:]
        self._parts.append(
            f'<figure><img alt="{text}" src="data:image/{kind};base64,{data}">'
            f"<figcaption>{text}</figcaption></figure>"
        )

    def footer(self, lines: Sequence[str]) -> None:
        """Small print."""
        body = "<br>".join(html.escape(line) for line in lines)
        self._parts.append(f"<footer><hr>{body}</footer>")

    def write(self, path: Path_) -> None:
        """Write the page, complete or not at all."""
        text = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(self.title)}</title><style>{STYLE}</style></head><body>"
            + "\n".join(self._parts)
            + "</body></html>\n"
        )
        with atomic(path) as file:
            file.write(text.encode())
