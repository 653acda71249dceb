"""What spiking neurons cannot do, and grids that are too coarse for a network."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from neurosc.hw_models.spiking.circuit import Circuit
from neurosc.hw_models.spiking.kinds import Kind
from neurosc.hw_models.spiking.lif import round_down
from neurosc.ideal.hessians import hessians
from neurosc.ideal.reduction import Reduction, Request
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.substrate import Nudge, Status

COARSE = 0.05
"""Radians that the time grid may cost without a warning."""
LARGEST = 300
"""Most free oscillators whose modes are computed for it."""


class CoarseGridWarning(UserWarning):
    """The time grid moves phases."""


def check_networks(requests: Sequence[Request], kind: Kind) -> None:
    """Raise for parameters that the neurons do not have, and for networks of several roles."""
    first = requests[0].network
    for request in requests:
        network = request.network
        if any(
            getattr(network, name).tobytes() != getattr(first, name).tobytes()
            for name in ("free", "parts", "frame")
        ):
            raise ValueError(
                "networks: differ in which oscillators are held or measured from which; relax them "
                "one by one"
            )
        if network.second_harmonic[network.free].any() and not kind.has_second_harmonics:
            raise ValueError(
                "second_harmonic: the taps cancel the second harmonic of the pulses, so none can "
                "be injected; set it to zero, or use neuron='winfree' or on=Ideal()"
            )
        _check_nudge(network, request.nudge, kind)


def _check_nudge(network: PhaseNetwork, nudge: Nudge | None, kind: Kind) -> None:
    if nudge is None or nudge.beta == 0 or nudge.at is not None:
        return
    frozen = "freeze it: Nudge(..., at=phases of the free state), in training frozen=True"
    drive = nudge.cost.drive(nudge.target, network.outputs.size)
    if drive is None or (np.any(drive.second_harmonic) and not kind.has_second_harmonics):
        raise ValueError(
            f"nudge: {type(nudge.cost).__name__} is not the static field that clocks can give; "
            f"{frozen}, or use CosineCost"
        )
    if network.centred or (network.frame[network.outputs] >= 0).any():
        raise ValueError(
            "nudge: the outputs are measured against a reference, which a clock does not follow; "
            f"{frozen}, or anchor them with a held oscillator or a field instead of reference="
        )


def check_strength(circuit: Circuit) -> None:
    """Raise for pulses too strong for phase reduction, and frequencies that stop a neuron."""
    eps, bound = circuit.eps, circuit.kind.strongest
    pull = float(circuit.pull.max(initial=0.0))
    if eps * pull > bound:
        raise ValueError(
            f"eps: {eps:g} times the largest pull on an oscillator, {pull:.4g}, exceeds "
            f"{bound:.3g}, above which these neurons leave the rhythm; for this network give "
            f"eps <= {round_down(bound / pull)}"
        )
    slowest = float(circuit.frequency.min(initial=0.0))
    if eps * slowest <= -2 * np.pi:
        raise ValueError(
            f"eps: {eps:g} times the frequency {slowest:.4g} stops the oscillator; "
            f"give eps < {round_down(2 * np.pi / -slowest)}"
        )


def check_grid(kind: Kind, problem: Reduction, theta: FloatArray, status: np.ndarray) -> None:
    """Warn of locked samples whose slowest mode takes more steps per cycle."""
    if not kind.grid_error or not problem.conservative or len(problem.parts) > LARGEST:
        return
    locked = np.flatnonzero(status == Status.LOCKED)
    if locked.size == 0:
        return
    lowest = np.linalg.eigvalsh(hessians(problem, theta[locked], locked), UPLO="L")[:, 0]
    strength = problem.strengths.max(axis=1)[problem.member[locked]]
    slow = lowest > 0  # where it is not, the ideal state is unstable, and its modes tell nothing
    softness = float((strength[slow] / lowest[slow]).max(initial=0.0))
    moved = kind.grid_error * (2 * np.pi / kind.steps) ** 2 * softness
    if moved > COARSE:
        finer = kind.steps * 2 ** int(np.ceil(0.5 * np.log2(moved / COARSE)))
        warnings.warn(
            f"steps_per_cycle: {kind.steps} are too few for the slowest mode of the network, which "
            f"may be off by more than {COARSE} rad; give {finer}",
            CoarseGridWarning,
            stacklevel=6,
        )
