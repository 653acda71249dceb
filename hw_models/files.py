"""Devices as JSON."""

from __future__ import annotations

import dataclasses
import difflib
import json
from typing import Any, TypeVar

from neurosc.hw_models.device import Device
from neurosc.hw_models.spiking import files as spiking
from neurosc.hw_models.terms import KINDS
from neurosc.hw_models.terms.base import Term
from neurosc.hw_models.terms.cells import CELLS, Cell

FORMAT = "neurosc device"
VERSION = 2
"""2 knows oscillators; 1 is read too."""
Part = TypeVar("Part", Term, Cell)


def to_json(device: Device) -> str:
    """A device as text."""
    return json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "name": device.name,
            "coupling_rad_per_s": device.coupling_rad_per_s,
            "source": device.source,
            "oscillators": None
            if device.oscillators is None
            else spiking.to_dict(device.oscillators),
            "terms": [_to_dict(term) for term in device.terms],
        },
        indent=2,
    )


def from_json(text: str) -> Device:
    """The device of such a text."""
    try:
        read = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"text: is no JSON ({error}); give what to_json wrote") from None
    if not isinstance(read, dict) or read.get("format") != FORMAT:
        raise ValueError("text: is no device; give what to_json wrote")
    if read.get("version") not in (1, VERSION):
        raise ValueError(
            f"text: has version {read.get('version')}, this neurosc reads {VERSION}; "
            "use the neurosc that wrote it"
        )
    missing = {"name", "coupling_rad_per_s", "source", "terms"} - read.keys()
    if missing:
        raise ValueError(f"text: lacks {', '.join(sorted(missing))}; give what to_json wrote")
    oscillators = read.get("oscillators")
    return Device(
        *map(_term, read["terms"]),
        coupling_rad_per_s=read["coupling_rad_per_s"],
        name=read["name"],
        source=read["source"],
        oscillators=None if oscillators is None else spiking.from_dict(oscillators),
    )


def _to_dict(part: Term | Cell) -> dict[str, Any]:
    values = {f.name: getattr(part, f.name) for f in dataclasses.fields(part)}
    cells = {k: _to_dict(v) for k, v in values.items() if isinstance(v, Cell)}
    return {"kind": type(part).__name__, **values, **cells}


def _term(read: Any) -> Term:
    return _part(read, KINDS)


def _part(read: Any, kinds: dict[str, type[Part]]) -> Part:
    """A term or a cell."""
    if not isinstance(read, dict):
        raise ValueError(f"text: {read!r} is no term; give what to_json wrote")
    values = dict(read)
    kind: Any = kinds[_known("kind", values.pop("kind", "none"), list(kinds))]
    fields = dataclasses.fields(kind)
    for name in values:
        _known(f"{kind.__name__}, field", name, [field.name for field in fields])
    missing = {f.name for f in fields if f.default is dataclasses.MISSING} - values.keys()
    if missing:
        raise ValueError(f"text: {kind.__name__} lacks {', '.join(sorted(missing))}; add it")
    if "cell" in values:
        values["cell"] = _part(values["cell"], CELLS)
    made: Part = kind(**values)
    return made


def _known(what: str, name: str, names: list[str]) -> str:
    if name not in names:
        near = difflib.get_close_matches(name, names, 3, 0.4) or names
        raise ValueError(f"text: {what} {name!r} is unknown; use {' or '.join(near)}")
    return name
