"""Device models: analog chips and spiking oscillators."""

from neurosc.hw_models.device import Chip, Chips, Device
from neurosc.hw_models.spiking import SpikingOscillators
from neurosc.hw_models.terms import (
    CouplingMismatch,
    FrequencyMismatch,
    PhaseNoise,
    PhaseQuantization,
    WeightQuantization,
)

__all__ = [
    "Chip",
    "Chips",
    "CouplingMismatch",
    "Device",
    "FrequencyMismatch",
    "PhaseNoise",
    "PhaseQuantization",
    "SpikingOscillators",
    "WeightQuantization",
]
