"""The substrate: phase networks relaxed by spiking neurons."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.hw_models.spiking import runtime
from neurosc.hw_models.spiking.averaging import suggest_cycles
from neurosc.hw_models.spiking.checks import check_networks, check_strength
from neurosc.hw_models.spiking.circuit import Circuit, compile_circuit
from neurosc.hw_models.spiking.kinds import Kind, Phases, Pulsed
from neurosc.hw_models.spiking.lif import LIF
from neurosc.hw_models.spiking.locking import Schedule, lock
from neurosc.hw_models.spiking.neuron import Neuron
from neurosc.hw_models.spiking.recording import Recording, record
from neurosc.hw_models.spiking.runs import Noise, whole_blocks
from neurosc.hw_models.spiking.runtime import Target
from neurosc.hw_models.spiking.taps import Taps, pair_design
from neurosc.hw_models.spiking.winfree import Winfree
from neurosc.hw_models.terms.coupling import WeightQuantization
from neurosc.ideal import Interaction
from neurosc.ideal.ensemble import gather, starts
from neurosc.ideal.flicker import Flicker
from neurosc.ideal.reduction import Request
from neurosc.learning.gradient import Parameter
from neurosc.learning.two_phase import Scheme
from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG, seed_sequence, substream
from neurosc.substrate import Nudge, Relaxation

FIRST, DOUBLINGS = 125.0, 3
"""The first run in units of time over the strongest pull, and how often its length doubles."""
NOISY = 1000.0
"""That of the only run with noise."""
LONGEST = 1e6
"""Cycles beyond which a network is taken to be too weak."""
PAIRS, POLES = 3, 2
"""Of a synapse unless others are asked for."""
Named = Literal["lif", "winfree"]


@dataclasses.dataclass(frozen=True)
class SpikingOscillators:
    """Neurons that spike once a cycle and couple through delayed pulses, in Brian2.

    Each free oscillator is a neuron of free period 1; each coupling is a synapse of 2 `pairs`
    delays and `poles` filters whose pulses, weighted by the phase response of the neuron, add up to

        eps (omega_i + sum_j |J_ij| H(theta_j - theta_i + arg J_ij) + field)   radians per cycle

    with H the sine but for a few thousandths, so one cycle is eps units of the network's time. Held
    oscillators spike once a cycle at their phase, inputs of amplitude r with r times the weight;
    fields come from clocks at phase 0 and pi/2. Phases are read from spike times, which are not
    bound to the time grid.

    Parameters
    ----------
    neuron
        `"lif"` for leaky integrate-and-fire neurons, `"winfree"` for phase neurons that pull one
        another with a few pulses a cycle, an `LIF` or `Winfree`, or a `Neuron` of own equations.
    eps
        Coupling per cycle, radians per unit of torque: smaller is closer to the phase network
        and takes longer.
    steps_per_cycle
        Time steps in a free period: a multiple of 2 (pairs + 1), with lags also of 4; for Winfree
        oscillators of their pulses.
    cycles
        Length of a run in free periods, rounded up to a multiple of 20. Default: until locked; 125
        units of time over the strongest pull, then twice, four and eight times that for the samples
        that need it. With noise one run of 1000 such units and three readings.
    read_cycles
        Periods over which a phase is averaged.
    noise
        sigma of the phase of each free oscillator, rad per sqrt(cycle); D = sigma^2 / (2 eps) of
        `Ideal(noise=D)`.

    Other arguments
    ---------------
    jitter
        Standard deviation of each spike's time, in periods, that leaves the phase alone.
    weight_bits
        Synapses on 2^bits - 1 signed levels up to the largest; None does not quantise.
    pairs, poles
        Of the synapses: see `pair_design`. Default 3 and 2.
    tolerance
        Radians from rest at which a sample is locked.
    target
        What runs Brian2: `"cpp_standalone"` (compiled once for each shape of network and kept in
        the user's cache), `"cython"` or `"numpy"`; `"auto"` takes the first that works.
    progress
        Show a bar; None shows it on a terminal for what takes longer than ten seconds.

    Raises
    ------
    ValueError
        For numbers out of range; in `relax`, for what these neurons cannot do: second harmonics
        (but Winfree oscillators), couplings too strong for `eps`, and nudges that are no static
        field, unless frozen; without the compiler of a `target`.

    Warns
    -----
    MissingCompilerWarning
        Where NumPy has to do, many times slower.
    CoarseGridWarning
        Where the time grid moves phases by more than .05 rad, some .08 (2 pi / steps)^2 of the
        strength over the lowest eigenvalue; it tells the steps that are needed.

    Notes
    -----
    Phases are read three times: over the last `read_cycles`, and over as many a tenth and a fifth
    of the run before. The steps between tell the way that is left; a sample is LOCKED if that is
    at most `tolerance`, NOT_LOCKED if a phase moved by more than half a radian in a step or a
    neuron did not spike once a cycle, give or take one spike, else STEP_LIMIT. With noise, a step
    may be six spreads of a locked oscillator longer, and what does not drift is LOCKED. `explain`
    names the oscillators. The residual is the torque of the phase network at the phases read.
    `standard_error` is the scatter of eight parts of the reading, honest where one is longer than
    the network remembers, 1/(eps lambda_2) cycles.

    Source: phase reduction after Kuramoto (1984) and Winfree (1967); the taps are `pair_design`.
    """

    neuron: Named | LIF | Winfree | Neuron = "lif"
    eps: float = 0.2
    steps_per_cycle: int = 128
    cycles: int | None = None
    read_cycles: int = 16
    noise: float = 0.0
    jitter: float = dataclasses.field(default=0.0, kw_only=True)
    weight_bits: int | None = dataclasses.field(default=None, kw_only=True)
    pairs: int | None = dataclasses.field(default=None, kw_only=True)
    poles: int | None = dataclasses.field(default=None, kw_only=True)
    tolerance: float = dataclasses.field(default=1e-3, kw_only=True)
    target: Target = dataclasses.field(default="auto", kw_only=True)
    progress: bool | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.neuron, LIF | Winfree | Neuron) and self.neuron not in get_args(
            Named
        ):
            raise ValueError(
                f"neuron: {self.neuron!r} is none; use 'lif', 'winfree', LIF(drive), "
                "Winfree(pulses) or Neuron(equations, ...)"
            )
        for name, remedy in {"eps": "about 0.2", "tolerance": "about 1e-3"}.items():
            if not 0 < _number(name, getattr(self, name)) < np.inf:
                raise ValueError(
                    f"{name}: {getattr(self, name)} is not a positive number; give {remedy}"
                )
        for name, unit in {"noise": "rad per sqrt(cycle)", "jitter": "periods"}.items():
            if not 0 <= _number(name, getattr(self, name)) < np.inf:
                raise ValueError(f"{name}: {getattr(self, name)} is not a number >= 0; give {unit}")
        for name in ("steps_per_cycle", "read_cycles"):
            if _number(name, getattr(self, name)) % 1 or getattr(self, name) < 1:
                raise ValueError(
                    f"{name}: {getattr(self, name)} is no whole number of 1 or more; give one"
                )
        if self.cycles is not None and self.cycles < 3 * self.read_cycles:
            raise ValueError(
                f"cycles: {self.cycles} leave no room for three readings of {self.read_cycles}; "
                f"give {3 * self.read_cycles} or more, or less read_cycles"
            )
        if self.target not in get_args(Target):
            raise ValueError(f"target: {self.target!r} is unknown; use one of {get_args(Target)}")
        if self.weight_bits is not None:
            WeightQuantization(self.weight_bits)  # tells what it may be
        _ = self.kind

    @cached_property
    def kind(self) -> Kind:
        """The oscillators on their time grid."""
        neuron = self.neuron
        if isinstance(neuron, str):
            neuron = LIF() if neuron == "lif" else Winfree()
        if not isinstance(neuron, Winfree):
            return Pulsed(self.steps_per_cycle, neuron, self._taps(neuron))
        for name in ("pairs", "poles"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name}: Winfree oscillators have no taps; leave it out")
        if self.jitter:
            raise ValueError(
                "jitter: a pulse of a Winfree oscillator tells its phase, whenever it comes; use "
                "neuron='lif', or noise="
            )
        if self.steps_per_cycle % neuron.pulses:
            raise ValueError(
                f"steps_per_cycle: {self.steps_per_cycle} is no multiple of the {neuron.pulses} "
                "pulses; choose one"
            )
        return Phases(self.steps_per_cycle, neuron)

    def _taps(self, neuron: LIF | Neuron) -> Taps:
        pairs = PAIRS if self.pairs is None else self.pairs
        poles = POLES if self.poles is None else self.poles
        return pair_design(pairs, poles, neuron=neuron, steps_per_cycle=self.steps_per_cycle)

    @property
    def is_noisy(self) -> bool:
        """Whether two relaxations differ."""
        return self.noise > 0 or self.jitter > 0

    @property
    def taps(self) -> Taps:
        """The taps of every synapse.

        Raises
        ------
        ValueError
            For Winfree oscillators, which have none.
        """
        if isinstance(self.kind, Pulsed):
            return self.kind.taps
        raise ValueError("taps: Winfree oscillators have none; see interaction")

    @property
    def interaction(self) -> Interaction:
        """H, averaged over a cycle: `Ideal(interaction=on.interaction)` predicts the phases."""
        return self.kind.interaction

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """Relax samples x (batch, inputs); see `Substrate`.

        Without `start` each oscillator begins along the pull of those before it, as on the ideal
        model: as if the layers were switched on one after the other. `rng` matters only with noise
        or jitter.
        """
        return self._relax([Request(network, x, nudge, start)], [rng])[0]

    def relax_each(
        self,
        networks: Sequence[PhaseNetwork],
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """The same samples on several networks of the same roles: phases (networks, batch, n)."""
        if len(networks) == 0:
            raise ValueError("networks: there are none; give at least one")
        each = starts(start, len(networks))
        root = seed_sequence(rng)
        return gather(
            self._relax(
                [Request(n, x, nudge, s) for n, s in zip(networks, each, strict=True)],
                [substream(root, "network", k) for k in range(len(networks))],
            )
        )

    def relax_requests(
        self, requests: Sequence[Request], rngs: Sequence[RNG], flicker: Flicker | None = None
    ) -> Relaxation:
        """What chips ask for, as one batch: phases (chips, batch, n); see `Ideal.relax_requests`.

        Raises
        ------
        ValueError
            For `flicker`, 1/f noise, which these neurons do not have.
        """
        if flicker is not None:
            raise ValueError(
                "FlickerFrequencyNoise: the drive of spiking neurons stays constant; leave the "
                "term out, or simulate the device without oscillators="
            )
        return gather(self._relax(requests, rngs))

    def averaged(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None,
        y: npt.ArrayLike | None = None,
        *,
        cost: Cost,
        beta: float,
        cosine: float = 0.95,
        scheme: Scheme = "symmetric",
        frozen: bool = False,
        learn: Sequence[Parameter] | None = None,
    ) -> SpikingOscillators:
        """These oscillators, read for as long as noise makes a gradient of these samples need.

        `read_cycles` grows to what `suggest_cycles` says for `cosine`, and so do fixed `cycles`, by
        three readings. Without noise nothing changes.

        Raises
        ------
        ValueError, RelaxationError
            As `suggest_cycles`, which has the other arguments.
        """
        if not self.is_noisy:
            return self
        needed = suggest_cycles(
            network, x, y, cost=cost, beta=beta, eps=self.eps, noise=self.noise,
            jitter=self.jitter, cosine=cosine, scheme=scheme, frozen=frozen, learn=learn,
        )  # fmt: skip
        read = max(self.read_cycles, needed)
        longer = None if self.cycles is None else self.cycles + 3 * (read - self.read_cycles)
        return dataclasses.replace(self, read_cycles=read, cycles=longer)

    def record(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        cycles: int = 100,
        voltages: bool = False,
        rng: RNG = None,
    ) -> Recording:
        """The spikes of all oscillators over `cycles`, rounded up to a multiple of 20.

        With `voltages` also membrane and drive at each step of the grid.
        """
        if cycles < 1:
            raise ValueError(f"cycles: {cycles} records nothing; give 1 or more")
        request = self._quantised(Request(network, x, nudge, start))
        circuit = self._compile([request])
        return record(
            circuit, whole_blocks(cycles), self._noise([rng]), runtime.choose_target(self.target),
            progress=self.progress, voltages=voltages,
        )  # fmt: skip

    def _relax(self, requests: Sequence[Request], rngs: Sequence[RNG]) -> list[Relaxation]:
        circuit = self._compile([self._quantised(request) for request in requests])
        target = runtime.choose_target(self.target)
        schedule = Schedule(self._legs(circuit), self.read_cycles, self.tolerance)
        return lock(circuit, schedule, self._noise(rngs), target, self.progress)

    def _compile(self, requests: Sequence[Request]) -> Circuit:
        check_networks(requests, self.kind)
        circuit = compile_circuit(requests, self.kind, self.eps)
        check_strength(circuit)
        return circuit

    def _quantised(self, request: Request) -> Request:
        """With couplings and fields of `weight_bits`."""
        if self.weight_bits is None:
            return request
        if request.drift is not None:
            raise ValueError(
                "weight_bits: is for networks; a device quantises by its term WeightQuantization"
            )
        return request._replace(
            network=WeightQuantization(self.weight_bits).quantised(request.network)
        )

    def _noise(self, rngs: Sequence[RNG]) -> Noise:
        """With a key for each problem."""
        if not self.is_noisy:
            return Noise(0.0, 0.0, np.zeros((len(rngs), 2), dtype=np.int32))
        words = [substream(rng, "spikes").generate_state(2, np.uint32) for rng in rngs]
        return Noise(float(self.noise), float(self.jitter), np.stack(words).view(np.int32))

    def _legs(self, circuit: Circuit) -> tuple[int, ...]:
        """Cycles of each run, whole numbers of blocks."""
        if self.cycles is not None:
            return (whole_blocks(self.cycles),)
        least = 3 * self.read_cycles
        strongest = float(max(p.strengths.max() for p in circuit.problems))
        unit = 1 / (strongest * self.eps) if strongest > 0 else 0.0
        if self.is_noisy:
            legs = [NOISY * unit]
        else:
            legs = [FIRST * unit * 2**k for k in range(DOUBLINGS + 1)]
        if sum(legs) > LONGEST:
            raise ValueError(
                f"cycles: with couplings and fields of {strongest:.3g} at most this network takes "
                f"{sum(legs):.3g} to settle; raise eps, scale the network up, or give cycles="
            )
        if self.is_noisy:  # long readings must not eat the time to settle
            return (whole_blocks(legs[0] + least),)
        return tuple(whole_blocks(max(leg, least)) for leg in legs)

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}


def _number(name: str, value: object) -> float:
    """The value, if it is a number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, not {value!r}")
    return float(value)
