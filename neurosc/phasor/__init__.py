"""Networks of phasors: units e^{i theta} with complex weights."""

from neurosc.phasor.algebra import (
    ResidueCode,
    bind,
    bundle,
    nearest,
    random_symbols,
    similarity,
    unbind,
)
from neurosc.phasor.codec import drop_spikes, jitter_spikes, phase_to_spikes, spikes_to_phase
from neurosc.phasor.hierarchy import NestedMemory, slot_harmonics
from neurosc.phasor.layers import (
    PhasorActivation,
    PhasorLinear,
    PhasorReadout,
    phase_of,
    phasor_to_real,
    real_to_phasor,
)
from neurosc.phasor.learning import (
    PhasorFit,
    PhasorGradient,
    reference_gradient,
    relaxed_gradient,
    train,
)
from neurosc.phasor.memory import (
    AssociativeMemory,
    Recall,
    mean_field_overlap,
    random_patterns,
)
from neurosc.phasor.mlp import PhasorMLP
from neurosc.phasor.model import PhasorModel
from neurosc.phasor.quantization import Cartesian, Polar, Quantization, QuantizedPhasors

__all__ = [
    "AssociativeMemory",
    "Cartesian",
    "NestedMemory",
    "PhasorActivation",
    "PhasorFit",
    "PhasorGradient",
    "PhasorLinear",
    "PhasorMLP",
    "PhasorModel",
    "PhasorReadout",
    "Polar",
    "Quantization",
    "QuantizedPhasors",
    "Recall",
    "ResidueCode",
    "bind",
    "bundle",
    "drop_spikes",
    "jitter_spikes",
    "mean_field_overlap",
    "nearest",
    "phase_of",
    "phase_to_spikes",
    "phasor_to_real",
    "random_patterns",
    "random_symbols",
    "real_to_phasor",
    "reference_gradient",
    "relaxed_gradient",
    "similarity",
    "slot_harmonics",
    "spikes_to_phase",
    "train",
    "unbind",
]
