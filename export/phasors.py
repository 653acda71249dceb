"""Layers of phasors as NIR graphs: spikes, quarter-cycle delays and resonators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray
from neurosc.phasor import PhasorLinear, phase_to_spikes

if TYPE_CHECKING:
    import nir

PERIOD = 25.6e-3
"""Seconds of a cycle: 256 steps of .1 ms."""
DT = 1e-4
"""Seconds of a step, which snnTorch assumes of every file."""
SETTLED = 8.0
"""Time constants after which a resonator has settled: e^-8 = 3e-4."""


def phasor_to_nir(
    layer: PhasorLinear,
    *,
    period: float = PERIOD,
    dt: float = DT,
    leak: float | None = None,
) -> nir.NIRGraph:
    """u = W z + b as resonators, z' = (-lambda - i w) z with w = 2 pi / T, that spikes drive.

    An input of phase theta spikes once a cycle, at t = (theta + pi) / w. Its spike and, a quarter
    of a cycle later, that spike again are worth Re W and Im W:

        W e^{i theta} = Re W s(t) + Im W s(t - T/4),

    so that z settles to -u e^{-i w t} / (lambda T), of which `resonator_phases` reads arg u:

        input -> real ----------------> resonator -> output
        input -> quarter -> imaginary -> resonator <-> rotation

    `resonator` holds Re z of all outputs, then Im z: LI nodes with tau = r = 1/lambda, closed
    through the matrix `rotation`, [[0, w], [-w, 0]]. The last channel of `input` is a clock at
    phase 0, which carries b. A spike counts as 1 for one step, so weights are per dt.

    Parameters
    ----------
    layer
        W and b.
    period
        T, seconds; a multiple of 4 dt.
    dt
        Seconds per step of what will run the graph.
    leak
        lambda, 1/s; twice the least that forward Euler bears unless given. The time to settle is
        1/(lambda - w^2 dt / 2) there.

    Notes
    -----
    The grid turns all phases alike, by -w dt / 3 under forward Euler and 2 w dt / 3 in `run` (-.008
    and .016 rad at 256 steps of a cycle), and rounds each spike by at most w dt / 2.

    Raises
    ------
    ValueError
        For a period that is no multiple of 4 dt, and a leak with which forward Euler, the way of
        most importers, blows up: |1 - (lambda + i w) dt| < 1 asks for
        lambda > (w^2 + lambda^2) dt / 2. The message names the dt that works.
    """
    import nir

    steps = period / dt
    if not (dt > 0 and steps > 2) or abs(steps / 4 - round(steps / 4)) > 1e-6:
        raise ValueError(
            f"period: {period} s are {steps:g} steps, which have no quarter; give a multiple of "
            "4 dt"
        )
    w = 2 * np.pi / period
    rate = w * w * dt if leak is None else float(leak)
    _check_stable(rate, w, dt)
    outputs, inputs = layer.weight.shape
    weight = np.column_stack([layer.weight, layer.bias]) / dt
    still = np.zeros_like(weight.real)
    rotation = w * np.kron([[0.0, 1.0], [-1.0, 0.0]], np.eye(outputs))
    tau = np.full(2 * outputs, 1 / rate)
    nodes = {
        "input": nir.Input(input_type=np.array([inputs + 1])),
        "real": nir.Linear(weight=np.vstack([weight.real, still])),
        "quarter": nir.Delay(delay=np.full(inputs + 1, period / 4)),
        "imaginary": nir.Linear(weight=np.vstack([weight.imag, still])),
        "resonator": nir.LI(tau=tau, r=tau.copy(), v_leak=np.zeros(2 * outputs)),
        "rotation": nir.Linear(weight=rotation),
        "output": nir.Output(output_type=np.array([2 * outputs])),
    }
    edges = [
        ("input", "real"),
        ("real", "resonator"),
        ("input", "quarter"),
        ("quarter", "imaginary"),
        ("imaginary", "resonator"),
        ("resonator", "rotation"),
        ("rotation", "resonator"),
        ("resonator", "output"),
    ]
    return nir.NIRGraph(nodes=nodes, edges=edges)


def phasor_spikes(
    phases: npt.ArrayLike, cycles: int, *, period: float = PERIOD, dt: float = DT
) -> FloatArray:
    """What `input` gets for phases (batch, inputs): (batch, cycles x steps, inputs + 1), 0 and 1.

    The nearest-bin code of `phase_to_spikes`, cycle after cycle, and the clock.
    """
    theta = np.atleast_2d(np.asarray(phases, dtype=np.float64))
    theta = np.column_stack([theta, np.zeros(len(theta))])
    one = phase_to_spikes(theta, round(period / dt)).swapaxes(0, 1).astype(np.float64)
    return np.tile(one, (1, cycles, 1))


def cycles_to_settle(leak: float | None = None, *, period: float = PERIOD, dt: float = DT) -> int:
    """Cycles after which resonators of `phasor_to_nir` have settled under forward Euler."""
    w = 2 * np.pi / period
    rate = w * w * dt if leak is None else float(leak)
    _check_stable(rate, w, dt)
    slow = -np.log(abs(1 - (rate + 1j * w) * dt)) / dt
    return int(np.ceil(SETTLED / (slow * period))) + 1


def resonator_phases(
    signal: npt.ArrayLike, *, period: float = PERIOD, dt: float = DT
) -> FloatArray:
    """arg u (batch, outputs) of the last cycle of what `output` got, (batch, steps, 2 outputs).

    theta = arg of the mean of -z e^{i w t} over the cycle: of all that a resonator rings with, the
    part at w, on which the leak acts alike whenever a spike came.
    """
    traces = np.asarray(signal, dtype=np.float64)
    steps = round(period / dt)
    if traces.ndim != 3 or traces.shape[2] % 2 or traces.shape[1] % steps:
        raise ValueError(
            f"signal: shape {traces.shape} does not fit; give (batch, whole cycles of {steps} "
            "steps, 2 x outputs)"
        )
    last = traces[:, -steps:]
    re, im = np.split(last, 2, axis=2)
    turn = np.exp(2j * np.pi * (np.arange(steps) + 1) / steps)
    return np.asarray(np.angle(-np.einsum("t,bto->bo", turn, re + 1j * im)))


def _check_stable(rate: float, w: float, dt: float) -> None:
    if not 0 < rate < np.inf:
        raise ValueError(f"leak: {rate} is no rate; give 1/s, such as {w * w * dt:.4g}")
    largest = 2 * rate / (rate * rate + w * w)
    if dt >= largest:
        raise ValueError(
            f"leak: with {rate:.4g} 1/s, forward Euler blows up at dt = {dt:.4g} s; give a dt "
            f"below {largest:.4g} s, or a leak above {w * w * dt / 2:.4g} 1/s"
        )
