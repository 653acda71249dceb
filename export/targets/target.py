"""The limits of a target, read from `data/NAME.toml`."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import tomllib
from importlib import resources
from typing import Any

COMMON = "common"
"""Limits that hold for every target, unless its own file says otherwise."""


@dataclasses.dataclass(frozen=True)
class Limit:
    """One limit.

    Attributes
    ----------
    name
        Which rule it sets; see `structure.RULES` and `values.RULES`.
    value
        A number, a range [least, most], a list of names or a word, as the rule needs.
    source
        Where it comes from.
    """

    name: str
    value: Any
    source: str


@dataclasses.dataclass(frozen=True)
class Target:
    """A chip or an importer.

    Attributes
    ----------
    name, about
        How it is called, and what it is.
    unit
        In what it reads times: "s", "ms" or "step".
    limits
        By name.
    """

    name: str
    about: str
    unit: str
    limits: dict[str, Limit]

    def value(self, name: str, default: Any = None) -> Any:
        """The value of a limit; `default` if it has none of that name."""
        return self.limits[name].value if name in self.limits else default


@functools.cache
def names() -> tuple[str, ...]:
    """The names of all targets, in alphabetical order."""
    files = (file.name for file in _folder().iterdir())
    found = {name.removesuffix(".toml") for name in files if name.endswith(".toml")}
    return tuple(sorted(found - {COMMON}))


@functools.cache
def find(name: str) -> Target:
    """A target.

    Raises
    ------
    ValueError
        For an unknown name; it lists the known ones.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"target: there is no {name!r}; {hint}use one of {', '.join(names())}")
    own = _load(name)
    about, unit = own.pop("about"), own.pop("unit", "s")
    tables = _load(COMMON) | own
    limits = {key: Limit(key, table["value"], table["source"]) for key, table in tables.items()}
    return Target(name, about, unit, limits)


def _load(name: str) -> dict[str, Any]:
    return tomllib.loads((_folder() / f"{name}.toml").read_text(encoding="utf-8"))


def _folder() -> Any:
    return resources.files("neurosc.export.targets") / "data"
