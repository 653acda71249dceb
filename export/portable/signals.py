"""What goes into a portable graph and what comes out: samples as spikes, spikes as phases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.export.inputs import PeriodicSpikes
from neurosc.export.portable.compiling import Portable
from neurosc.export.recording import Recording
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
    raster: npt.ArrayLike | Recording, program: Portable, cost: Cost | None = None
) -> tuple[FloatArray, IntArray | None]:
    """Phases (batch, k) of the outputs relative to the clock, and their classes by a cost.

    theta = arg sum exp(-2 pi i t / n) over the spikes. The phases are those of `network.outputs`,
    of all free oscillators if the network has none; a network that floats turns as a whole.

    Parameters
    ----------
    raster
        Spikes (batch, steps, neurons) from the start of a cycle on, or what `simulate` recorded.
        Best over a multiple of `program.beat` cycles, after the network has locked.
    program
        The population that ran.
    cost
        What reads the class; without it there are none.

    Raises
    ------
    ValueError
        For other shapes, and for an output that never spikes.
    """
    batch, sample, step, neuron = _events(raster, program)
    k, place = program.outputs.size, np.full(program.bias.size, -1)
    place[program.outputs] = np.arange(k)
    own = place[neuron] >= 0
    cell, angle = sample[own] * k + place[neuron[own]], -2 * np.pi * step[own] / program.steps
    silent = np.flatnonzero(np.bincount(cell, minlength=batch * k) == 0)
    if silent.size:
        raise ValueError(
            f"raster: output {silent[0] % k} of sample {silent[0] // k} never spikes; record longer"
        )
    x, y = (np.bincount(cell, part(angle), batch * k) for part in (np.cos, np.sin))
    phases = np.arctan2(y, x).reshape(batch, k)
    return phases, None if cost is None else cost.predict(phases)


def _events(
    raster: npt.ArrayLike | Recording, program: Portable
) -> tuple[int, IntArray, IntArray, IntArray]:
    """Number of samples; sample, step and neuron of each spike."""
    size = program.bias.size
    if isinstance(raster, Recording):
        found = [own for node, own in raster.spikes.items() if raster.sizes[node] == size]
        if len(found) != 1:
            raise ValueError(
                f"raster: the recording holds no population of {size} neurons; record the one "
                "that was compiled"
            )
        step = np.rint(found[0].time / raster.dt - 0.5).astype(np.intp)
        return raster.batch, found[0].sample, step, found[0].neuron
    spikes = np.asarray(raster)
    if spikes.ndim != 3 or spikes.shape[2] != size:
        raise ValueError(f"raster: shape {spikes.shape} does not fit; give (batch, steps, {size})")
    sample, step, neuron = np.nonzero(spikes)
    return len(spikes), sample, step, neuron
