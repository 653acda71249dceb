"""Graphs that nobody vouches for: what a file or a graph must be before anything works on it."""

from neurosc.export.validation.limits import Limits
from neurosc.export.validation.structure import validate

__all__ = ["Limits", "validate"]
