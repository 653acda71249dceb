"""What a study turns: the strength of a whole device, of one of its terms, or a number of one."""

from __future__ import annotations

import dataclasses
import difflib
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray
from neurosc.robustness.protocols import Device

WHOLE = "device"
"""The parameter that is the strength of all terms."""
FACTOR = "x"
"""The unit of factors."""
Names = str | Sequence[str] | None
Levels = npt.ArrayLike | Mapping[str, npt.ArrayLike]


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A number on which a device depends.

    Attributes
    ----------
    name
        "device", a kind of term, or kind and field.
    unit
        Of its levels; "x" for factors of the strength that the device has.
    is_strength
        Whether the effect grows with it, as it does not with a number of bits.
    kinds
        The terms that it scales, or the one whose field it sets.
    field
        The field that it sets; None to scale.
    """

    name: str
    unit: str
    is_strength: bool
    kinds: tuple[str, ...]
    field: str | None = None

    def at(self, device: Device, level: float) -> Device:
        """The device at a level."""
        if self.field is None:
            return device.scale(level, *self.kinds)
        term = dataclasses.replace(_terms(device)[self.kinds[0]], **{self.field: level})
        return device.replace(term)


@dataclasses.dataclass(frozen=True)
class Case:
    """A device at one level of a parameter."""

    parameter: str
    level: float
    unit: str
    device: Device


def resolve(device: Device, name: str | None, relative: bool = False) -> Parameter:
    """The parameter called `name`; with `relative` as factors of what the device has.

    Raises
    ------
    ValueError
        For what the device does not have, what has no strength, and a term with several numbers
        of which none is named.
    """
    if name is None or name == WHOLE:
        return _scaling(device, WHOLE, tuple(_terms(device)))
    kind, _, field = name.partition(".")
    terms = _terms(device)
    if kind not in terms:
        raise ValueError(
            f"parameter: the device has no {kind}; use {_nearest(kind, terms)}, "
            "or add the term to the device"
        )
    term = terms[kind]
    if field and field not in term.units:
        full = [f"{kind}.{known}" for known in term.units]
        raise ValueError(f"parameter: there is no {name}; use {_nearest(name, full)}")
    if relative and not field:
        return _scaling(device, kind, (kind,))
    field = field or _only_field(kind, term)
    if relative:
        raise ValueError(
            f"parameter: {name} is one number of a term, and factors scale whole terms; name "
            f"{kind}, or give levels in {term.units[field]} with relative=False"
        )
    return Parameter(f"{kind}.{field}", term.units[field], field in term.strengths, (kind,), field)


def cases(
    device: Device, levels: Levels, names: Names, relative: bool
) -> dict[Parameter, list[Case]]:
    """The device at every level of every parameter, one parameter after another."""
    if isinstance(levels, Mapping):
        if names is not None:
            raise ValueError("parameter: levels name the parameters already; leave it out")
        pairs: list[tuple[str | None, Any]] = list(levels.items())
    else:
        several = [names] if names is None or isinstance(names, str) else names
        pairs = [(name, levels) for name in several]
    if not pairs:
        raise ValueError("parameter: none is named; name one, or leave it out for the whole device")
    found: dict[Parameter, list[Case]] = {}
    for name, given in pairs:
        parameter = resolve(device, name, relative)
        if parameter in found:
            raise ValueError(f"parameter: {parameter.name} is given twice; give it once")
        found[parameter] = _at_levels(device, parameter, checked_levels(given, parameter))
    return found


def checked_levels(levels: Any, parameter: Parameter) -> FloatArray:
    """Increasing finite numbers (levels,) that are strengths if the parameter is one."""
    try:
        values = np.asarray(levels, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"levels: {levels!r} are no numbers; give them in {parameter.unit}"
        ) from None
    if values.ndim != 1 or values.size == 0:
        raise ValueError(
            f"levels: shape {values.shape} is no row of numbers; give some in {parameter.unit}"
        )
    if not np.isfinite(values).all():
        bad = values[~np.isfinite(values)][0]
        raise ValueError(f"levels: {bad} is not finite; give numbers in {parameter.unit}")
    if (np.diff(values) <= 0).any():
        k = int(np.flatnonzero(np.diff(values) <= 0)[0])
        raise ValueError(
            f"levels: {values[k + 1]:g} follows {values[k]:g}; give each once, in increasing order"
        )
    if parameter.is_strength and values[0] < 0:
        raise ValueError(
            f"levels: {values[0]:g} is a negative strength; give numbers >= 0 in {parameter.unit}"
        )
    return values


def _at_levels(device: Device, parameter: Parameter, levels: FloatArray) -> list[Case]:
    """The device at each level; of all that looks like another unit, the first is told."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        made = [
            Case(parameter.name, level, parameter.unit, parameter.at(device, level))
            for level in levels.tolist()
        ]
    if told:
        warnings.warn(f"levels: {told[0].message}", told[0].category, stacklevel=4)
    return made


def _scaling(device: Device, name: str, kinds: tuple[str, ...]) -> Parameter:
    terms = _terms(device)
    strong = tuple(kind for kind in kinds if any(terms[kind].strengths.values()))
    if not strong:
        options = [f"{kind}.{field}" for kind in kinds for field in terms[kind].units]
        raise ValueError(
            f"parameter: {name} has no strength to multiply; "
            + (f"name a number, such as {options[0]}" if options else "add a term to the device")
        )
    return Parameter(name, FACTOR, True, strong)


def _only_field(kind: str, term: Any) -> str:
    fields: list[str] = [*term.strengths] or [*term.units]
    if len(fields) != 1:
        full = " or ".join(f"{kind}.{field}" for field in fields)
        raise ValueError(
            f"parameter: {kind} has {len(fields)} numbers; name "
            + (full or "another term, this one has none to set")
        )
    return fields[0]


def _terms(device: Device) -> dict[str, Any]:
    return {type(term).__name__: term for term in device.terms}


def _nearest(name: str, known: Any) -> str:
    parts = [k for k in known if name.lower() in k.lower()]
    near = parts or difflib.get_close_matches(name, known, 3, 0.4) or [*known]
    return " or ".join(near) or "Device(...) with terms, this one has none"
