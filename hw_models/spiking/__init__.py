"""Spiking oscillators: LIF neurons that couple like phases, in Brian2."""

from neurosc.hw_models.spiking.oscillators import Recording, SpikingOscillators
from neurosc.hw_models.spiking.taps import LIF, Taps, pair_design

__all__ = ["LIF", "Recording", "SpikingOscillators", "Taps", "pair_design"]
