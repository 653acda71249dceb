"""Spiking oscillators as plain numbers and text, for JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

from neurosc.hw_models.spiking.lif import LIF
from neurosc.hw_models.spiking.neuron import Neuron
from neurosc.hw_models.spiking.oscillators import SpikingOscillators
from neurosc.hw_models.spiking.winfree import Winfree

KINDS: dict[str, type[LIF | Winfree | Neuron]] = {"LIF": LIF, "Winfree": Winfree, "Neuron": Neuron}


def to_dict(oscillators: SpikingOscillators) -> dict[str, Any]:
    """The parameters, of which those of what runs the simulation are no part."""
    neuron, told = oscillators.neuron, {"target", "progress", "neuron"}
    values = {
        f.name: getattr(oscillators, f.name)
        for f in dataclasses.fields(oscillators)
        if f.name not in told
    }
    if isinstance(neuron, str):
        return {"neuron": neuron, **values}
    known = neuron.to_dict() if isinstance(neuron, Neuron) else dataclasses.asdict(neuron)
    return {"neuron": {"kind": type(neuron).__name__, **known}, **values}


def from_dict(read: Any) -> SpikingOscillators:
    """What `to_dict` described.

    Raises
    ------
    ValueError
        For what is none.
    """
    if not isinstance(read, dict):
        raise ValueError(f"text: {read!r} are no oscillators; give what to_json wrote")
    values, neuron = dict(read), read.get("neuron")
    try:
        if isinstance(neuron, dict):
            known = dict(neuron)
            values["neuron"] = KINDS[known.pop("kind")](**known)
        return SpikingOscillators(**values)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"text: oscillators do not fit ({error}); give what to_json wrote"
        ) from None
