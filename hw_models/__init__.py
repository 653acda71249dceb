"""Device models: analog chips and spiking oscillators."""

from neurosc.hw_models.device import Chip, Chips, Device
# SPIKING
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
    # SPIKING
    "WeightQuantization",
]
