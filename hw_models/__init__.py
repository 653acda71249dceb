"""Device models: analog chips and spiking oscillators."""

from neurosc.hw_models.chip import Chip, Chips
from neurosc.hw_models.device import Device
from neurosc.hw_models.spiking import SpikingOscillators
from neurosc.hw_models.terms import (
    ADC,
    DAC,
    TDC,
    CouplingMismatch,
    FrequencyMismatch,
    ImplausibleValueWarning,
    PhaseNoise,
    PhaseQuantization,
    ReadAveraging,
    SecondHarmonicMismatch,
    StuckAt,
    StuckOscillator,
    SupplyNoise,
    Temperature,
    WeightQuantization,
)

__all__ = [
    "ADC",
    "DAC",
    "TDC",
    "Chip",
    "Chips",
    "CouplingMismatch",
    "Device",
    "FrequencyMismatch",
    "ImplausibleValueWarning",
    "PhaseNoise",
    "PhaseQuantization",
    "ReadAveraging",
    "SecondHarmonicMismatch",
    "SpikingOscillators",
    "StuckAt",
    "StuckOscillator",
    "SupplyNoise",
    "Temperature",
    "WeightQuantization",
]
