"""The layered Kuramoto network of the phase-gradient work."""

from __future__ import annotations

import numpy as np

from neurosc.network import Encoding, PhaseNetwork
from neurosc.parameters import dense
from neurosc.randomness import RNG, stream

FORMANTS = Encoding("frequency", 1.5)


def layered_kuramoto(
    hidden: int = 5, outputs: int = 2, inputs: int = 2, *, rng: RNG = None
) -> PhaseNetwork:
    """A floating network whose inputs are frequencies, measured from its first input.

    Neighbouring layers are coupled all to all by 2 U(.5, 1.5), hidden oscillators in a chain by
    2 U(.5, 1); omega of hidden ones and outputs is U(-.3, .3), that of the inputs 1.5 x.

    Source: Rashahmadi, phase-gradient work (2026).
    """
    draw = stream(rng, "layered Kuramoto")
    n, first = inputs + hidden + outputs, inputs + hidden
    half = np.zeros((n, n))
    half[:inputs, inputs:first] = 2 * draw.uniform(0.5, 1.5, (inputs, hidden))
    half[inputs:first, first:] = 2 * draw.uniform(0.5, 1.5, (hidden, outputs))
    chain = np.arange(inputs, first - 1)
    half[chain, chain + 1] = 2 * draw.uniform(0.5, 1.0, hidden - 1)
    frequency = np.zeros(n)
    frequency[inputs:] = draw.uniform(-0.3, 0.3, n - inputs)
    return PhaseNetwork(
        half + half.T, frequency, inputs=range(inputs), outputs=range(first, n), encoding=FORMANTS
    )


def seeded(network: PhaseNetwork, scale: float = 0.3) -> PhaseNetwork:
    """The network with frequencies that push its outputs apart along its topology.

    omega = c L^+ s with the Laplacian L of the couplings and a contrast s on the outputs that falls
    evenly from 1 to -1, so e_1 - e_2 for two; `scale` is the largest |omega|. Inputs get none.

    Raises
    ------
    ValueError
        For fewer than two outputs, which nothing could push apart.

    Notes
    -----
    Source: spectral seeding of the phase-gradient work, Rashahmadi (2026), there for two outputs.
    """
    count = network.outputs.size
    if count < 2:
        raise ValueError(f"network: has {count} outputs; name two or more in outputs=")
    contrast = np.zeros(network.n)
    contrast[network.outputs] = np.linspace(1, -1, count)
    coupling = dense(network.coupling)
    frequency = np.linalg.pinv(np.diag(coupling.sum(axis=1)) - coupling) @ contrast
    frequency[network.inputs] = 0.0
    return network.replace(frequency=scale * frequency / np.abs(frequency).max())
