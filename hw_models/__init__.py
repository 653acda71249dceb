"""Device models: analog chips and spiking oscillators."""

from neurosc.hw_models.chip import Chip, Chips
from neurosc.hw_models.device import Device
from neurosc.hw_models.spiking import SpikingOscillators
from neurosc.hw_models.terms import (
    CouplingMismatch,
    FrequencyMismatch,
    ImplausibleValueWarning,
    PhaseNoise,
    PhaseQuantization,
    SecondHarmonicMismatch,
    WeightQuantization,
)

__all__ = [
    "Chip",
    "Chips",
    "CouplingMismatch",
    "Device",
    "FrequencyMismatch",
    "ImplausibleValueWarning",
    "PhaseNoise",
    "PhaseQuantization",
    "SecondHarmonicMismatch",
    "SpikingOscillators",
    "WeightQuantization",
]
