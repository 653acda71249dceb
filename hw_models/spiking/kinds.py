"""The kinds of oscillators, and their numbers for a run."""

from __future__ import annotations

import abc
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosc.hw_models.spiking.lif import LIF
from neurosc.hw_models.spiking.model import SPIKES, WARM_UP
from neurosc.hw_models.spiking.taps import Taps
from neurosc.hw_models.spiking.winfree import WATCHED, Winfree
from neurosc.ideal import Interaction
from neurosc.network import FloatArray

if TYPE_CHECKING:
    from neurosc.hw_models.spiking.neuron import Neuron

Values = dict[str, tuple[npt.NDArray[Any], float]]
"""Arrays (samples, neurons) by variable, and what keeps a neuron silent."""
GRID_ERROR = 0.08
"""Of ten networks of 2-5-2 oscillators at 32, 64 and 128 steps: .01 to .09, median .04."""
NEVER = -1
"""A number that no step has."""


@dataclasses.dataclass(frozen=True)
class Kind(abc.ABC):
    """What `compile_circuit` and the reading of phases need to know of a kind of oscillator.

    Attributes
    ----------
    steps
        Of the time grid in a cycle.
    """

    steps: int

    @property
    def spikes_per_turn(self) -> int:
        """How often one spikes in a cycle."""
        return 1

    @property
    @abc.abstractmethod
    def strongest(self) -> float:
        """Bound on eps max_i sum_j |J_ij| + |b_i|."""

    @property
    @abc.abstractmethod
    def interaction(self) -> Interaction:
        """H, of which a coupling is a multiple."""

    @property
    def grid_error(self) -> float:
        """c of the largest phase error c (2 pi / steps)^2 strength / lambda, empirical."""
        return 0.0

    @property
    def has_second_harmonics(self) -> bool:
        """Whether clocks can pull twice a turn."""
        return False

    @abc.abstractmethod
    def compiled(self, lags: bool) -> dict[str, Any]:
        """Their part of a `Shape`."""

    @abc.abstractmethod
    def of_sources(self, phases: FloatArray) -> Values:
        """Sources that stand at phases (samples, sources)."""

    @abc.abstractmethod
    def of_oscillators(self, frequency: FloatArray, start: FloatArray, eps: float) -> Values:
        """Oscillators of frequencies omega that start at phases, (samples, m) each."""

    @abc.abstractmethod
    def spikes(self, run: dict[str, npt.NDArray[Any]]) -> tuple[FloatArray, FloatArray | None]:
        """When each spike of a run was, in periods, and the unwrapped phase at which it was.

        Without the latter each spike is a turn after the one before.
        """

    @property
    @abc.abstractmethod
    def watched(self) -> tuple[str, str]:
        """The variables of membrane and drive that a recording keeps."""

    @abc.abstractmethod
    def elapsed(self, time: FloatArray) -> FloatArray:
        """Periods since the start, of seconds in Brian2."""

    def early(self, frequency: FloatArray, start: FloatArray, eps: float) -> FloatArray:
        """The phases before the warm-up."""
        return start - WARM_UP * eps * frequency


@dataclasses.dataclass(frozen=True)
class Pulsed(Kind):
    """Membranes that couple through taps; `turned` are taps for the imaginary part of couplings."""

    neuron: LIF | Neuron
    taps: Taps

    @property
    def strongest(self) -> float:
        return self.neuron.strongest

    @property
    def interaction(self) -> Interaction:
        return self.taps.interaction

    @property
    def grid_error(self) -> float:
        return GRID_ERROR

    def compiled(self, lags: bool) -> dict[str, Any]:
        delays, weights, crossed = self.taps.on_grid(self.steps, lags)
        return {
            "neuron": json.dumps(self._described),
            "steps_per_cycle": self.steps,
            "poles": self.taps.poles,
            "pole": self.taps.pole,
            "delays": delays,
            "weights": weights,
            "crossed": crossed,
        }

    @property
    def _described(self) -> dict[str, Any]:
        if isinstance(self.neuron, LIF):
            known = {"states": ["I", "v"], "watched": self.watched}
            return {"kind": "lif", "drive": self.neuron.drive, **known}
        known = {"states": ["bias", *self._names], "watched": self.watched}
        return {
            "kind": "custom",
            "period_s": self.neuron.period_s,
            **known,
            **self.neuron.to_dict(),
        }

    @property
    def _names(self) -> list[str]:
        """Of the states of a neuron of own equations."""
        return [] if isinstance(self.neuron, LIF) else list(self.neuron.states(np.zeros(1)))

    @property
    def watched(self) -> tuple[str, str]:
        return ("v" if isinstance(self.neuron, LIF) else self._names[0]), "drive"

    def elapsed(self, time: FloatArray) -> FloatArray:
        period = 1.0 if isinstance(self.neuron, LIF) else self.neuron.period_s
        return time / period - WARM_UP

    def of_sources(self, phases: FloatArray) -> Values:
        exact = (-phases / (2 * np.pi)) % 1.0 * self.steps
        nearest = np.rint(exact)
        age = (nearest - exact) / (self.steps * self.taps.pole)
        return {
            "step": (nearest.astype(np.intp) % self.steps, NEVER),
            "gain0": (np.exp(-age), 0.0),
            "gain1": (age * np.exp(-age), 0.0),
        }

    def of_oscillators(self, frequency: FloatArray, start: FloatArray, eps: float) -> Values:
        drive = self.neuron.current(frequency, eps)
        # time 0 is in the middle of a step
        phase = self.early(frequency, start, eps) - np.pi / self.steps
        if isinstance(self.neuron, LIF):
            elapsed = (phase / (2 * np.pi)) % 1.0
            v = -drive * np.expm1(elapsed * np.log1p(-1 / drive))
            return {"I": (drive, 0.0), "v": (v, 0.0)}  # I = 0 never reaches the threshold
        states = self.neuron.states(phase)
        silent = self.neuron.states(np.zeros(1))
        return {
            "bias": (drive, self.neuron.drive_si),
            **{name: (values, float(silent[name][0])) for name, values in states.items()},
        }

    def spikes(self, run: dict[str, npt.NDArray[Any]]) -> tuple[FloatArray, None]:
        age = run[f"{SPIKES}.age"] * self.taps.pole
        return self.elapsed(run[f"{SPIKES}.t"]) - age, None


@dataclasses.dataclass(frozen=True)
class Phases(Kind):
    """Winfree oscillators."""

    neuron: Winfree

    @property
    def spikes_per_turn(self) -> int:
        return self.neuron.pulses

    @property
    def strongest(self) -> float:
        return self.neuron.strongest

    @property
    def interaction(self) -> Interaction:
        return Interaction((1,))

    @property
    def has_second_harmonics(self) -> bool:
        return True

    def compiled(self, lags: bool) -> dict[str, Any]:
        described = {"kind": "winfree", "pulses": self.neuron.pulses}
        return {"neuron": json.dumps(described), "steps_per_cycle": self.steps}

    @property
    def watched(self) -> tuple[str, str]:
        return WATCHED

    def elapsed(self, time: FloatArray) -> FloatArray:
        return time - WARM_UP

    def of_sources(self, phases: FloatArray) -> Values:
        first = np.floor((-phases / (2 * np.pi)) % 1.0 * self.steps).astype(np.intp)
        return {"step": (first % (self.steps // self.neuron.pulses), NEVER), "phase": (phases, 0.0)}

    def of_oscillators(self, frequency: FloatArray, start: FloatArray, eps: float) -> Values:
        theta = self.early(frequency, start, eps)
        apart = 2 * np.pi / self.neuron.pulses
        return {
            "rate": (2 * np.pi + eps * frequency, 0.0),
            "theta": (theta, 0.0),
            "nxt": (apart * (np.floor(theta / apart) + 1), 1.0),
        }

    def spikes(self, run: dict[str, npt.NDArray[Any]]) -> tuple[FloatArray, FloatArray]:
        time = self.elapsed(run[f"{SPIKES}.t"]) + 1 / self.steps - run[f"{SPIKES}.late"]
        return time, run[f"{SPIKES}.turned"]
