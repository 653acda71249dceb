"""What a rule is: a function that finds where a graph breaks a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from neurosc.export.targets.survey import Survey


class Finding(NamedTuple):
    """Where and how; see `Violation`."""

    node: str
    parameter: str
    value: str
    limit: str
    remedy: str


Rule = Callable[[Survey, Any], Iterator[Finding]]
"""From a graph and the value of the limit."""


class NoTimeStepError(Exception):
    """A rule that needs the time step met a graph that has none."""


def seconds_per_step(survey: Survey) -> float:
    """The time step, or `NoTimeStepError`."""
    if survey.dt is None:
        raise NoTimeStepError
    return survey.dt


def spread(values: Any) -> str:
    """A number, or the range of several, for messages."""
    least, most = float(min(values)), float(max(values))
    return f"{least:.6g}" if least == most else f"{least:.6g} to {most:.6g}"
