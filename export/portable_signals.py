"""What goes into a portable graph and what comes out: samples as spikes, spikes as phases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.export.inputs import PeriodicSpikes
from neurosc.export.portable import Portable
from neurosc.export.substrate import clock_spikes
from neurosc.network import FloatArray, IntArray, PhaseNetwork


def encode_inputs(
    network: PhaseNetwork, x: npt.ArrayLike | None, steps_per_cycle: int = 256
) -> PeriodicSpikes:
    """The spikes of the Input for samples x (batch, inputs): one a cycle, on whole steps.

    A phase theta spikes at step -theta n / 2 pi mod n, rounded; the clocks come first.
    """
    exact = clock_spikes(network, network.encode(x).phases, steps_per_cycle)
    return PeriodicSpikes(exact.due.astype(np.float64), steps_per_cycle)


def decode_outputs(
    raster: npt.ArrayLike, program: Portable, cost: Cost | None = None
) -> tuple[FloatArray, IntArray | None]:
    """Phases (batch, k) of the outputs relative to the clock, and their classes by a cost.

    theta = arg sum exp(-2 pi i t / n) over the spikes. The phases are those of `network.outputs`,
    of all free oscillators if the network has none; a network that floats turns as a whole.

    Parameters
    ----------
    raster
        Spikes (batch, steps, neurons) from the start of a cycle on. Best over a multiple of
        .618 n cycles, the beat with the dither, after the network has locked.
    program
        The population that ran.
    cost
        What reads the class; without it there are none.

    Raises
    ------
    ValueError
        For other shapes, and for an output that never spikes.
    """
    spikes = np.asarray(raster)
    if spikes.ndim != 3 or spikes.shape[2] != program.bias.size:
        raise ValueError(
            f"raster: shape {spikes.shape} does not fit; give (batch, steps, {program.bias.size})"
        )
    turn = np.exp(-2j * np.pi * np.arange(spikes.shape[1]) / program.steps)
    outputs = spikes[:, :, program.outputs]
    silent = np.argwhere(~outputs.any(axis=1))
    if silent.size:
        raise ValueError(
            f"raster: output {silent[0, 1]} of sample {silent[0, 0]} never spikes; record longer"
        )
    phases = np.angle(np.einsum("bko,k->bo", outputs, turn))
    return phases, None if cost is None else cost.predict(phases)
