"""Spiking oscillators: neurons that couple like phases, in Brian2."""

from neurosc.hw_models.spiking.averaging import expected_cosine, phase_errors, suggest_cycles
from neurosc.hw_models.spiking.checks import CoarseGridWarning
from neurosc.hw_models.spiking.lif import LIF
from neurosc.hw_models.spiking.neuron import Neuron
from neurosc.hw_models.spiking.oscillators import SpikingOscillators
from neurosc.hw_models.spiking.phasor import SpikingPhasors, SpikingRun
from neurosc.hw_models.spiking.recording import Recording
from neurosc.hw_models.spiking.runtime import MissingCompilerWarning
from neurosc.hw_models.spiking.taps import Taps, pair_design
from neurosc.hw_models.spiking.winfree import Winfree

__all__ = [
    "LIF",
    "CoarseGridWarning",
    "MissingCompilerWarning",
    "Neuron",
    "Recording",
    "SpikingOscillators",
    "SpikingPhasors",
    "SpikingRun",
    "Taps",
    "Winfree",
    "expected_cosine",
    "pair_design",
    "phase_errors",
    "suggest_cycles",
]
