"""Effects of real hardware, one family a file."""

from neurosc.hw_models.terms.coupling import CouplingMismatch, WeightQuantization
from neurosc.hw_models.terms.frequency import FrequencyMismatch
from neurosc.hw_models.terms.noise import PhaseNoise
from neurosc.hw_models.terms.readout import PhaseQuantization

__all__ = [
    "CouplingMismatch",
    "FrequencyMismatch",
    "PhaseNoise",
    "PhaseQuantization",
    "WeightQuantization",
]
