"""Devices that exist: numbers only, each with its source and quality."""

from neurosc.hw_models.presets.catalogue import Preset, find, get, names

list = names

__all__ = ["Preset", "find", "get", "list", "names"]
