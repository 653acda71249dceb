"""One step of forward Euler of a neuron node, as numbers; knows no simulator."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurosc.export.lowering.models import Model
from neurosc.network import FloatArray

WIRE, LEAKY, CUBA = np.arange(3)
"""Kinds of nodes by their states: v = drive + x; v from x; i from x and v from i."""


class EulerStep(NamedTuple):
    """The numbers of one step, each (neurons,), with x the sum of what arrives.

    - WIRE: v <- v_drive + x,
    - LEAKY: v <- v_decay v + v_drive + gain x,
    - CUBA: i <- i_decay i + i_drive + gain x, then v <- v_decay v + v_drive + r i.
    """

    i_decay: FloatArray
    i_drive: FloatArray
    gain: FloatArray
    v_decay: FloatArray
    v_drive: FloatArray
    r: FloatArray
    threshold: FloatArray
    reset: FloatArray


def wire(drive: FloatArray) -> EulerStep:
    """The step of an Output, to which biases add `drive`."""
    zero = np.zeros(drive.size)
    return EulerStep(*[zero] * len(EulerStep._fields))._replace(v_drive=drive)


def euler_step(name: str, model: Model, constant: FloatArray | float, dt: float) -> EulerStep:
    """The step of a node.

    Parameters
    ----------
    name
        What messages call it.
    model
        Its equations.
    constant
        What biases add to its input.
    dt
        Seconds.

    Raises
    ------
    ValueError
        For a step at which forward Euler grows without bound.
    """
    step = wire(np.zeros(model.neurons) + (constant if model.states == 0 else 0.0))
    b = model.b.copy()
    if model.states:
        b[:, 0] += model.gain * constant
        step = step._replace(
            gain=dt * model.gain,
            v_decay=1 + dt * model.A[:, -1, -1],
            v_drive=dt * b[:, -1],
        )
    if model.states == 2:
        step = step._replace(
            i_decay=1 + dt * model.A[:, 0, 0],
            i_drive=dt * b[:, 0],
            r=dt * model.A[:, 1, 0],
        )
    _check_growth(name, dt, step.i_decay, step.v_decay)
    if model.threshold is not None:
        step = step._replace(threshold=model.threshold)
    if model.reset is not None:
        step = step._replace(reset=model.reset)
    return step


def _check_growth(name: str, dt: float, *decays: FloatArray) -> None:
    lowest = min(float(decay.min(initial=1.0)) for decay in decays)
    if lowest < -1:
        raise ValueError(
            f"dt: {dt:g} s is more than twice a time constant of node {name!r} "
            f"({dt / (1 - lowest):g} s), so forward Euler grows without bound; give a smaller dt"
        )
