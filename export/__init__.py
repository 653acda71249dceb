"""Oscillator networks as NIR graphs, and NIR graphs in Brian2.

Brian2 and nir are imported by the functions that need them, not by this package.
"""

from neurosc.export.brian.running import run
from neurosc.export.euler.running import simulate
from neurosc.export.files import read, write
from neurosc.export.graph import from_nir, to_nir
from neurosc.export.inputs import PeriodicSpikes
from neurosc.export.phasors import (
    cycles_to_settle,
    phasor_spikes,
    phasor_to_nir,
    resonator_phases,
)
from neurosc.export.portable.comparison import Fidelity, fidelity
from neurosc.export.portable.compiling import Portable, compile_portable
from neurosc.export.portable.signals import decode_outputs, encode_inputs
from neurosc.export.portable.substrate import PortableSubstrate
from neurosc.export.quantization import Quantized, quantize
from neurosc.export.recording import Recording, Spikes
from neurosc.export.substrate import NIRSubstrate
from neurosc.export.targets import Report, Usage, Violation, check
from neurosc.export.units import UnitWarning
from neurosc.export.validation import Limits, validate

__all__ = [
    "Fidelity",
    "Limits",
    "NIRSubstrate",
    "PeriodicSpikes",
    "Portable",
    "PortableSubstrate",
    "Quantized",
    "Recording",
    "Report",
    "Spikes",
    "UnitWarning",
    "Usage",
    "Violation",
    "check",
    "compile_portable",
    "cycles_to_settle",
    "decode_outputs",
    "encode_inputs",
    "fidelity",
    "from_nir",
    "phasor_spikes",
    "phasor_to_nir",
    "quantize",
    "read",
    "resonator_phases",
    "run",
    "simulate",
    "to_nir",
    "validate",
    "write",
]
