"""What a compiled Brian2 model depends on, and the parts that all models share.

Time is counted in free periods of the oscillators. All samples of a run live in one group of
oscillators and one group of sources, sample after sample.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, NamedTuple

OSCILLATORS, SOURCES = "oscillators", "sources"
AFFERENTS, RECURRENTS = "afferents", "recurrents"
SPIKES, VOLTAGES = "spikes", "voltages"
READ = "read"
"""The event that the monitor of spikes watches."""
WARM_UP = 2
"""Cycles before the start: delays last one, and then the poles forget how it began."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """All that the compiled model depends on; two networks of one shape share a build.

    Attributes
    ----------
    neuron
        What the oscillators are, as JSON: its `kind` and what else defines it.
    oscillators, sources
        Neurons of all samples together.
    afferents, recurrents
        Synapses from sources and among oscillators, of all samples together.
    steps_per_cycle
        The time grid.
    poles, pole
        Filters of a synapse, and the time constant of each in periods.
    delays
        Of the taps, in steps.
    weights, crossed
        Of the taps, for the real and the imaginary part of a coupling.
    block
        Cycles per call of Brian2's run; a simulation lasts a whole number of blocks.
    lags
        Whether couplings are complex.
    noisy
        Whether phases or spike times are.
    voltages
        Whether membranes are recorded at each step.
    """

    neuron: str
    oscillators: int
    sources: int
    afferents: int
    recurrents: int
    steps_per_cycle: int
    block: int
    poles: int = 0
    pole: float = 0.0
    delays: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    crossed: tuple[float, ...] = ()
    lags: bool = False
    noisy: bool = False
    voltages: bool = False

    @property
    def kind(self) -> str:
        """Of the neuron."""
        return str(json.loads(self.neuron)["kind"])

    @property
    def inputs(self) -> dict[str, tuple[str, ...]]:
        """The variables that a run sets anew, by part."""
        theirs = _module(self).inputs(self)
        common: tuple[str, ...] = ("read_from", "blocks")
        if self.noisy:
            common += ("stream", "key0", "key1", "sigma", "jitter")
        parts = {OSCILLATORS: common + theirs[OSCILLATORS]}
        for part in (SOURCES, AFFERENTS, RECURRENTS):
            if getattr(self, part):
                parts[part] = theirs[part]
        return parts

    @property
    def outputs(self) -> dict[str, tuple[str, ...]]:
        """The variables that a run leaves, by part."""
        left = {SPIKES: ("i", "t", *_module(self).OF_A_SPIKE)}
        if self.voltages:
            left[VOLTAGES] = ("t", *_module(self).watched(self))
        return left


class Model(NamedTuple):
    """A Brian2 network and its parts by name."""

    network: Any
    parts: dict[str, Any]


def build(shape: Shape) -> Model:
    """The Brian2 network of a shape; its numbers are set by a run, its edges are placeholders.

    Call it with Brian2's device and preferences as they are to be.
    """
    import brian2

    module = _module(shape)
    brian2.defaultclock.dt = module.period(shape) / shape.steps_per_cycle * brian2.second
    parts: dict[str, Any] = module.parts(shape)
    parts[SPIKES] = brian2.EventMonitor(
        parts[OSCILLATORS], READ, variables=list(module.OF_A_SPIKE), name=SPIKES
    )
    parts[SPIKES].when = "after_resets"  # what belongs to a spike is new then
    if shape.voltages:
        parts[VOLTAGES] = brian2.StateMonitor(
            parts[OSCILLATORS], list(module.watched(shape)), record=True, name=VOLTAGES
        )
    return Model(brian2.Network(*parts.values()), parts)


def shared_equations(shape: Shape) -> list[str]:
    """Lines that the equations of all oscillators have."""
    lines = ["read_from : integer (shared)", "blocks : integer (shared)", "open : 1 (shared)"]
    if shape.noisy:
        lines += [
            "stream : integer (constant)",
            "count : integer",
            "key0 : integer (constant)",
            "key1 : integer (constant)",
            "sigma : 1 (shared)",
            "jitter : 1 (shared)",
        ]
    return lines


def period(shape: Shape) -> float:
    """A free period in seconds of Brian2."""
    return float(_module(shape).period(shape))


def _module(shape: Shape) -> Any:
    from neurosc.hw_models.spiking import membrane, winfree

    return {"winfree": winfree}.get(shape.kind, membrane)
