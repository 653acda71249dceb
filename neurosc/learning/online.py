"""Online learning of a small network on the ideal model: one compiled loop through the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

import numpy as np

from neurosc.costs import Cost, Drive
from neurosc.datasets import Dataset
from neurosc.ideal import Ideal
from neurosc.ideal.descent import COLD_SWEEPS, LONGEST_STEP
from neurosc.ideal.lanes import LARGEST
from neurosc.ideal.methods import TOLERANCE
from neurosc.learning.gradient import Parameter
from neurosc.network import FloatArray, IntArray, PhaseNetwork
from neurosc.parameters import is_sparse
from neurosc.substrate import Substrate, Technology

if TYPE_CHECKING:
    from neurosc.ideal.kernels.online import Roles

KINDS = {"phase": 0, "amplitude": 1, "frequency": 2}


def drive_of(
    network: PhaseNetwork, on: Substrate | Technology, cost: Cost, data: Dataset
) -> Drive | None:
    """The nudges of all samples if the compiled loop can take them; else None.

    It takes real dense couplings, up to 32 free oscillators, the noiseless ideal model by one of
    the methods that factorise, costs whose nudge is static, and outputs measured absolutely or
    from free oscillators.
    """
    simple = (
        isinstance(on, Ideal)
        and on.method in ("auto", "lanes", "newton")
        and not (on.noise or on.escape)
        and not (network.is_complex or network.centred or is_sparse(network.coupling))
        and network.free.size <= LARGEST
    )
    references = network.frame[network.outputs]
    if not simple or not np.isin(references[references >= 0], network.free).all():
        return None
    return cost.drive(data.y, network.outputs.size)


def epoch(
    network: PhaseNetwork,
    on: Ideal,
    x: FloatArray,
    drive: Drive,
    betas: tuple[float, float],
    rates: FloatArray,
    learn: Sequence[str],
) -> tuple[PhaseNetwork, FloatArray, int]:
    """One update p <- p - rate dL/dp for each sample x (samples, inputs), in order.

    Returns the network, both states of each sample (samples, 2, n), and the number of samples
    taken: fewer than all if one did not lock, before which the network is left.
    """
    from neurosc.ideal.kernels import online as kernels

    coupling, edge = np.array(network.coupling), (network.coupling != 0).astype(np.float64)
    field = network.field
    own = np.stack([network.frequency, field.real, field.imag, network.second_harmonic])
    learns = {name: float(name in learn) for name in get_args(Parameter)}
    settings = kernels.Settings(
        betas=(float(betas[0]), float(betas[1])),
        learn=(
            learns["coupling"],
            learns["frequency"],
            learns["field"],
            learns["field"],
            learns["second_harmonic"],
        ),
        tolerance=on.tolerance or TOLERANCE,
        longest=LONGEST_STEP,
        most=on.max_steps,
        sweeps=COLD_SWEEPS,
    )
    phases = np.empty((len(x), 2, network.n))
    drives = np.stack([drive.field.real, drive.field.imag, drive.second_harmonic])
    taken = kernels.epoch(coupling, edge, own, _roles(network), settings, x, drives, rates, phases)
    frequency, real, imaginary, second_harmonic = own
    learnt = network.with_parameters(
        coupling=coupling,
        frequency=frequency,
        field=real + 1j * imaginary,
        second_harmonic=second_harmonic,
    )
    return learnt, phases, int(taken)


def _roles(network: PhaseNetwork) -> Roles:
    from neurosc.ideal.kernels.online import Roles

    column: IntArray = np.full(network.n, -1, dtype=np.intp)
    column[network.free] = np.arange(network.free.size)
    references = network.frame[network.outputs]
    return Roles(
        network.free,
        np.setdiff1d(np.arange(network.n), network.free),
        network.inputs,
        network.parts,
        network.frame,
        column[network.outputs],
        np.where(references >= 0, column[references], -1),
        KINDS[network.encoding.kind],
        float(network.encoding.scale),
    )
