"""The presets by name."""

from __future__ import annotations

import dataclasses
import difflib
from typing import get_args

from neurosc.hw_models.device import Device
from neurosc.hw_models.presets.arrays import ARRAYS
from neurosc.hw_models.presets.oscillators import OSCILLATORS
from neurosc.hw_models.terms.base import Quality


@dataclasses.dataclass(frozen=True)
class Preset:
    """A device and what it stands for."""

    name: str
    about: str
    device: Device

    @property
    def qualities(self) -> tuple[Quality, ...]:
        """Those of its numbers, from measured to assumed."""
        found = {term.quality for term in self.device.terms}
        return tuple(q for q in get_args(Quality) if q in found)


_PRESETS = {
    device.name: Preset(device.name, about, device) for about, device in (*OSCILLATORS, *ARRAYS)
}


def names() -> list[str]:
    """The names of all presets."""
    return [*_PRESETS]


def find(name: str) -> Preset:
    """A preset with its description.

    Raises
    ------
    ValueError
        For an unknown name; it tells the nearest ones.
    """
    if name not in _PRESETS:
        parts = [known for known in names() if name in known]
        near = parts or difflib.get_close_matches(name, _PRESETS, 3, 0.4) or names()
        raise ValueError(f"name: there is no preset {name!r}; use {' or '.join(near)}")
    return _PRESETS[name]


def get(name: str) -> Device:
    """The device of a preset; `explain()` tells its numbers and where they come from."""
    return find(name).device
