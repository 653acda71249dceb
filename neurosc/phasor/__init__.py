"""Networks of phasors: units e^{i theta} with complex weights."""

from neurosc.phasor.codec import drop_spikes, jitter_spikes, phase_to_spikes, spikes_to_phase

__all__ = ["drop_spikes", "jitter_spikes", "phase_to_spikes", "spikes_to_phase"]
