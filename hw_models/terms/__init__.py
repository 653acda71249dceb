"""Effects of real hardware, one family a file."""

from neurosc.hw_models.terms.base import ImplausibleValueWarning, Term
from neurosc.hw_models.terms.cells import PCM, CellTable, ReRAMHfOx, ReRAMWan2022
from neurosc.hw_models.terms.coupling import (
    CouplingAsymmetry,
    CouplingMismatch,
    SecondHarmonicMismatch,
    WeightQuantization,
)
from neurosc.hw_models.terms.environment import SupplyNoise, Temperature
from neurosc.hw_models.terms.faults import StuckAt, StuckOscillator
from neurosc.hw_models.terms.frequency import FrequencyMismatch
from neurosc.hw_models.terms.interaction import (
    CouplingDelay,
    CouplingHarmonics,
    NonlinearFrequencyShift,
    PhaseLag,
)
from neurosc.hw_models.terms.memristor import (
    ConductanceDrift,
    GlobalDriftCompensation,
    IRDrop,
    ProgrammingNoise,
    ReadNoise,
)
from neurosc.hw_models.terms.noise import FlickerFrequencyNoise, PhaseNoise, SpikeTimeJitter
from neurosc.hw_models.terms.readout import ADC, DAC, TDC, PhaseQuantization, ReadAveraging

KINDS: dict[str, type[Term]] = {
    kind.__name__: kind
    for kind in (
        ADC,
        ConductanceDrift,
        CouplingAsymmetry,
        CouplingDelay,
        CouplingHarmonics,
        CouplingMismatch,
        DAC,
        FlickerFrequencyNoise,
        FrequencyMismatch,
        GlobalDriftCompensation,
        IRDrop,
        NonlinearFrequencyShift,
        PhaseLag,
        PhaseNoise,
        PhaseQuantization,
        ProgrammingNoise,
        ReadAveraging,
        ReadNoise,
        SecondHarmonicMismatch,
        SpikeTimeJitter,
        StuckAt,
        StuckOscillator,
        SupplyNoise,
        TDC,
        Temperature,
        WeightQuantization,
    )
}
"""Every kind of term, by its name in files and in `Device.only` and its like."""

__all__ = [
    "ADC",
    "DAC",
    "KINDS",
    "PCM",
    "TDC",
    "CellTable",
    "ConductanceDrift",
    "CouplingAsymmetry",
    "CouplingDelay",
    "CouplingHarmonics",
    "CouplingMismatch",
    "FlickerFrequencyNoise",
    "FrequencyMismatch",
    "GlobalDriftCompensation",
    "IRDrop",
    "ImplausibleValueWarning",
    "NonlinearFrequencyShift",
    "PhaseLag",
    "PhaseNoise",
    "PhaseQuantization",
    "ProgrammingNoise",
    "ReRAMHfOx",
    "ReRAMWan2022",
    "ReadAveraging",
    "ReadNoise",
    "SecondHarmonicMismatch",
    "SpikeTimeJitter",
    "StuckAt",
    "StuckOscillator",
    "SupplyNoise",
    "Temperature",
    "Term",
    "WeightQuantization",
]
