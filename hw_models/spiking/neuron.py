"""Neurons with equations of one's own as oscillators."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
from numpy.polynomial import Chebyshev

from neurosc.hw_models.spiking.drive_table import tabulate_drive
from neurosc.hw_models.spiking.equations import Parameters, System, read_parameters, read_system
from neurosc.hw_models.spiking.lif import round_down
from neurosc.hw_models.spiking.limit_cycle import Cycle, NotFiringError, find_cycle
from neurosc.hw_models.spiking.phase_response import Response
from neurosc.hw_models.spiking.time_grid import timing_error
from neurosc.network import ComplexArray, FloatArray

RUNGS = 32
"""Tables of the drive end at multiples of 1/32 octave, so that few serve all networks."""
MISTIMED = 1e-5
"""Periods; at eps = 0.1 such an error of each cycle is a detuning of 6e-4."""


@dataclasses.dataclass(frozen=True)
class Neuron:
    """Any neuron with one threshold and one reset that fires regularly, in Brian2's language.

    Its rhythm and phase response are computed when it is made: the limit cycle by Newton's method,
    the response by the adjoint equation.

    Parameters
    ----------
    equations
        Differential equations, subexpressions and parameters; smooth, without noise, refractory
        periods and the time itself.
    threshold
        One comparison of states and constants, as `"v > v_t"`.
    reset
        Assignments to states, as `"v = v_r; w += b"`.
    drive
        The parameter through which pulses and frequencies act, as `"I"`.
    parameters
        Values of all names that the equations do not define, as in a namespace of Brian2:
        quantities, or numbers in the unit (SI) that the equations declare. That of the drive is
        its value at the free rhythm.

    Raises
    ------
    ValueError
        For equations that are none, for a neuron that does not fire or whose rhythm is not stable,
        and for one whose phase response is flat, such as integrate-and-fire without a leak: it
        cannot couple.

    Examples
    --------
    >>> from brian2 import ms
    >>> Neuron(
    ...     "dv/dt = (v**2 + I)/tau : 1",
    ...     threshold="v > 5",
    ...     reset="v = -5",
    ...     drive="I",
    ...     parameters={"tau": 10 * ms, "I": 1},
    ... ).period_s
    0.0274680153389003

    Notes
    -----
    Phase 0 is right after a reset. Frequencies are set by the drive, so the neuron must fire
    regularly in all of the range that a network needs. What the phase response leaves out is a
    detuning of second order in eps, so phases are off in proportion to eps: little for leaky
    neurons, for quadratic and exponential ones against a clock 0.05 to 0.2 rad at eps = 0.2.

    Source: Ermentrout and Terman, Mathematical Foundations of Neuroscience (2010), chapter 8.
    """

    equations: str
    threshold: str
    reset: str
    drive: str
    parameters: Mapping[str, Any] | Parameters = dataclasses.field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        for name in ("equations", "threshold", "reset", "drive"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(
                    f"{name}: {getattr(self, name)!r} is no text; give one in Brian2's language"
                )
        read = read_parameters(self.equations, self.parameters)
        object.__setattr__(self, "parameters", read)
        _response(self).check()

    @property
    def drive_si(self) -> float:
        """The drive at the free rhythm."""
        return next(value for name, value, _ in _parameters(self) if name == self.drive)

    @property
    def cycle(self) -> Cycle:
        """The limit cycle."""
        return _response(self).cycle

    @property
    def period_s(self) -> float:
        """T, the free period in seconds."""
        return self.cycle.period

    def states(self, phase: npt.ArrayLike) -> dict[str, FloatArray]:
        """The state variables (SI) of the free rhythm, in the shape of the phases."""
        theta = np.asarray(phase, dtype=np.float64)
        time = np.mod(theta / (2 * np.pi), 1.0) * self.period_s
        orbit = self.cycle.orbit(time.ravel())
        names = [symbol.name for symbol in _system(self).states]
        return {name: row.reshape(theta.shape) for name, row in zip(names, orbit, strict=True)}

    def phase_response(self, theta: npt.ArrayLike) -> FloatArray:
        """Z(theta): radians per drive times period (SI drive, periods of T), 2 pi-periodic.

        A drive that rises by delta for a time dt shifts the phase by Z delta dt / T.
        """
        return _response(self)(theta)

    def harmonics(self, order: npt.ArrayLike) -> ComplexArray:
        """Fourier coefficients z_n of the phase response."""
        return _response(self).harmonics(order)

    def current(self, omega: npt.ArrayLike, eps: float) -> FloatArray:
        """The drive (SI) of a neuron of frequency 1 + eps omega / 2 pi per period.

        Raises
        ------
        ValueError
            If the neuron cannot fire regularly at one of them.
        """
        frequency = 1 + eps * np.asarray(omega, dtype=np.float64) / (2 * np.pi)
        if not np.all(frequency > 0):
            raise ValueError(
                f"omega: eps times {float(np.min(omega)):.4g} stops the neuron; lower eps"
            )
        octaves = np.log2(frequency) * RUNGS
        low = min(-1, int(np.floor(octaves.min(initial=0))))
        high = max(1, int(np.ceil(octaves.max(initial=0))))
        return np.asarray(_drives(self, low, high)(frequency))

    @property
    def strongest(self) -> float:
        """8 pi |z_1| / max |Z|: the bound on eps max_i sum_j |J_ij| + |b_i|.

        The drive of the pulses is a wave of amplitude eps J / |z_1|, by which the phase must
        nowhere run more than four times as fast as free. For LIF it is 4 / (I sqrt(1 + a^2)), the
        bound found there.
        """
        response = _response(self)
        return float(8 * np.pi * np.abs(response.harmonics(1)) / response.peak)

    def largest_eps(self, pull: float) -> float:
        """The largest eps, to three digits, for a network whose strongest pull is `pull`."""
        return round_down(self.strongest / pull)

    def check_grid(self, steps_per_cycle: int) -> None:
        """Raise if spike times would be off by more than 1e-5 periods on so coarse a time grid."""
        error = timing_error(self.cycle, steps_per_cycle)
        if error > MISTIMED:
            raise ValueError(
                f"steps_per_cycle: with {steps_per_cycle} the spikes of this neuron are off by "
                f"{error:.2g} periods; give more, or a lower threshold if its upstroke is steep"
            )

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers and text, for JSON."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        parameters = {name: [value, unit] for name, value, unit in _parameters(self)}
        return {**fields, "parameters": parameters}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What `to_dict` described."""
        return cls(**data)


@lru_cache(maxsize=64)
def _system(neuron: Neuron) -> System:
    """The formulas."""
    return read_system(
        neuron.equations, neuron.threshold, neuron.reset, neuron.drive, _parameters(neuron)
    )


@lru_cache(maxsize=64)
def _response(neuron: Neuron) -> Response:
    """The phase response of the free rhythm."""
    system = _system(neuron)
    cycle = find_cycle(system.dynamics(), neuron.drive_si, len(system.states))
    cycle.check()
    return Response(cycle)


@lru_cache(maxsize=256)
def _drives(neuron: Neuron, low: int, high: int) -> Chebyshev:
    """The drive by frequency between two rungs."""
    free = neuron.cycle

    def at(drive: float) -> Cycle:
        return find_cycle(free.dynamics, drive, free.scale.size, near=free)

    def rate(drive: float) -> float:
        try:
            return free.period / at(drive).period
        except NotFiringError:
            return 0.0

    slope = float(neuron.harmonics(0).real) / (2 * np.pi)
    lowest, highest = 2 ** (low / RUNGS), 2 ** (high / RUNGS)
    table = tabulate_drive(rate, free.drive, slope, lowest, highest)
    for frequency in (lowest, highest):
        at(float(table(frequency))).check()
    return table


def _parameters(neuron: Neuron) -> Parameters:
    """As `__post_init__` left them."""
    return cast(Parameters, neuron.parameters)
