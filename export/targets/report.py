"""What a check found."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True)
class Violation:
    """A limit that a graph does not keep.

    Attributes
    ----------
    node
        Its name, nested ones as outer.inner; "graph" for the whole.
    parameter
        What of the node.
    value, limit
        What it is, and what the target allows.
    remedy
        What to do.
    source
        Where the limit comes from.
    rule
        Name of the limit in the data of the target.
    """

    node: str
    parameter: str
    value: str
    limit: str
    remedy: str
    source: str
    rule: str

    def __str__(self) -> str:
        return f"{self.node}: {self.complaint}"

    @property
    def complaint(self) -> str:
        """All but the node."""
        return (
            f"{self.parameter} is {self.value}, allowed is {self.limit}; {self.remedy} "
            f"[{self.source}]"
        )


@dataclasses.dataclass(frozen=True)
class Usage:
    """How much of a resource a graph takes; `limit` is None where the target states none."""

    resource: str
    used: float
    limit: float | None

    @property
    def share(self) -> float | None:
        """Of what the target has."""
        return None if not self.limit else self.used / self.limit


@dataclasses.dataclass(frozen=True)
class Report:
    """A graph held against a target.

    Attributes
    ----------
    target, about
        Its name, and what it is.
    violations
        Limits that are not kept.
    warnings
        What may be wrong, and limits that could not be checked.
    usage
        Resources that the graph takes.
    """

    target: str
    about: str
    violations: tuple[Violation, ...]
    warnings: tuple[str, ...]
    usage: tuple[Usage, ...]

    @property
    def ok(self) -> bool:
        """Whether every limit that could be checked is kept."""
        return not self.violations

    def table(self) -> pd.DataFrame:
        """Resource, used, limit and share of the chip, one resource a row; nan for no limit."""
        import pandas as pd

        rows = [(u.resource, u.used, u.limit, u.share) for u in self.usage]
        columns = ["resource", "used", "limit", "share"]
        table = pd.DataFrame(rows, columns=columns)
        return table.astype(dict.fromkeys(columns[1:], float))

    def __str__(self) -> str:
        verdict = "suits" if self.ok else f"does not suit, violations: {len(self.violations)}"
        lines = [f"{self.target} ({self.about}): {verdict}"]
        alike: dict[str, list[str]] = {}
        for violation in self.violations:
            alike.setdefault(violation.complaint, []).append(violation.node)
        lines += [f"  violation  {', '.join(nodes)}: {what}" for what, nodes in alike.items()]
        lines += [f"  warning    {warning}" for warning in self.warnings]
        lines.append(f"  {'resource':18}{'used':>12}{'limit':>12}{'share':>9}")
        for row in self.usage:
            limit = "-" if row.limit is None else f"{row.limit:,.0f}"
            share = "-" if row.share is None else f"{row.share:.1%}"
            lines.append(f"  {row.resource:18}{row.used:12,.10g}{limit:>12}{share:>9}")
        return "\n".join(lines)
