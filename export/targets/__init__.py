"""Chips and importers: their limits as data, and whether a graph keeps them."""

from neurosc.export.targets.checking import check
from neurosc.export.targets.report import Report, Usage, Violation
from neurosc.export.targets.target import Limit, Target, find, names

__all__ = ["Limit", "Report", "Target", "Usage", "Violation", "check", "find", "names"]
