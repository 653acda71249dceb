"""Online learning of small networks on the ideal model: compiled loops through the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurosc.costs import Cost, Drive
from neurosc.datasets import Dataset
from neurosc.ideal import Ideal
from neurosc.ideal.descent import COLD_SWEEPS, LONGEST_STEP
from neurosc.ideal.lanes import LARGEST
from neurosc.ideal.methods import TOLERANCE
from neurosc.ideal.threads import over_chunks
from neurosc.learning.gradient import Parameter
from neurosc.learning.layout import Layout
from neurosc.network import FloatArray, IntArray, PhaseNetwork
from neurosc.parameters import is_sparse
from neurosc.substrate import Substrate, Technology


def takes(network: PhaseNetwork, on: Substrate | Technology) -> bool:
    """Whether the compiled loop can train a network.

    It takes real dense couplings, up to 32 free oscillators, the noiseless ideal model by one of
    the methods that factorise, and outputs measured absolutely or from other free oscillators.
    """
    references = network.frame[network.outputs]
    measured = np.isin(references, network.free) & (references != network.outputs)
    return (
        isinstance(on, Ideal)
        and on.method in ("auto", "lanes", "newton")
        and not (on.noise or on.escape or on.interaction)
        and not (network.is_complex or network.centred or is_sparse(network.coupling))
        and network.free.size <= LARGEST
        and bool((measured | (references < 0)).all())
    )


def drive_of(
    network: PhaseNetwork, on: Substrate | Technology, cost: Cost, data: Dataset
) -> Drive | None:
    """The nudges of all samples if the compiled loop can take them, static ones; else None."""
    return cost.drive(data.y, network.outputs.size) if takes(network, on) else None


def alike(networks: Sequence[PhaseNetwork]) -> bool:
    """Whether all have the same edges and roles, so that they can learn abreast."""
    first = networks[0]
    roles = ("inputs", "outputs", "free", "parts", "frame")
    return all(
        net.encoding == first.encoding
        and all(np.array_equal(getattr(net, name), getattr(first, name)) for name in roles)
        and np.array_equal(net.coupling != 0, first.coupling != 0)
        for net in networks[1:]
    )


def learn(
    networks: Sequence[PhaseNetwork],
    on: Ideal,
    x: FloatArray,
    drive: Drive,
    samples: IntArray,
    betas: tuple[float, float],
    rates: FloatArray,
    parameters: Sequence[Parameter],
) -> tuple[list[PhaseNetwork], FloatArray]:
    """One update p <- p - rate dL/dp for each of `samples` (updates, networks), in order.

    The networks are `alike`; x (m, inputs) and `drive` are those of all samples. Returns the
    networks, and the energies (updates, networks) of a nudge of strength 1: the mean of both
    states if both are nudged, else that of the free one, and NaN where a sample did not lock,
    which is passed over.
    """
    from neurosc.ideal.kernels import online as kernels
    from neurosc.ideal.kernels.simd import WIDTH

    layout = Layout(networks[0])
    plan = layout.plan
    settings = kernels.Settings(
        betas=(float(betas[0]), float(betas[1])),
        learn=(
            float("coupling" in parameters),
            float("frequency" in parameters),
            float("field" in parameters),
            float("second_harmonic" in parameters),
        ),
        tolerance=on.tolerance or TOLERANCE,
        longest=LONGEST_STEP,
        most=on.max_steps,
        sweeps=COLD_SWEEPS,
    )
    x = np.array(x, np.float64, order="C")  # of another layout, it would take other code
    drives = np.array([drive.field.real, drive.field.imag, drive.second_harmonic], order="C")
    costs = np.empty(samples.shape)
    learnt = list(networks)

    def run(part: slice) -> None:
        """The networks of one register; the lanes that are left repeat the last one."""
        own = np.minimum(np.arange(WIDTH), part.stop - part.start - 1) + part.start
        lanes, each = layout.pack([networks[k] for k in own]), np.empty((len(samples), WIDTH))
        orders = np.ascontiguousarray(samples[:, own])
        kernels.learn(plan, lanes, settings, x, drives, orders, rates, each)
        for lane, k in enumerate(range(part.start, part.stop)):
            costs[:, k] = each[:, lane]
            learnt[k] = layout.unpack(networks[k], lanes, lane)

    over_chunks(run, len(networks), WIDTH)
    return learnt, costs
