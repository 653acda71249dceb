"""Effects of real hardware, one family a file."""

from neurosc.hw_models.terms.base import ImplausibleValueWarning, Term
from neurosc.hw_models.terms.coupling import (
    CouplingMismatch,
    SecondHarmonicMismatch,
    WeightQuantization,
)
from neurosc.hw_models.terms.frequency import FrequencyMismatch
from neurosc.hw_models.terms.noise import PhaseNoise
from neurosc.hw_models.terms.readout import PhaseQuantization

KINDS: dict[str, type[Term]] = {
    kind.__name__: kind
    for kind in (
        CouplingMismatch,
        FrequencyMismatch,
        PhaseNoise,
        PhaseQuantization,
        SecondHarmonicMismatch,
        WeightQuantization,
    )
}
"""Every kind of term, by its name in files and in `Device.only` and its like."""

__all__ = [
    "KINDS",
    "CouplingMismatch",
    "FrequencyMismatch",
    "ImplausibleValueWarning",
    "PhaseNoise",
    "PhaseQuantization",
    "SecondHarmonicMismatch",
    "Term",
    "WeightQuantization",
]
