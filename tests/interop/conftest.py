"""Networks as files, with what `simulate` makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from neurosc import CosineCost, Encoding, PhaseNetwork, datasets, fit, topology
from neurosc.datasets import Dataset
from neurosc.export import encode_inputs, simulate, to_nir, write
from neurosc.network import FloatArray
from tests.interop.importers import Raster

CYCLE = 128
STEPS = 2048
SAMPLES = 4


class Exported(NamedTuple):
    """A network, its portable file, and the rasters (batch, steps, channels or neurons)."""

    network: PhaseNetwork
    path: Path
    dt: float
    spikes: Raster
    expected: Raster


@pytest.fixture(scope="session", params=["vowels", "20 oscillators"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A net that learned to tell vowels, and a larger one with random couplings."""
    network, x = vowels() if request.param == "vowels" else random_net()
    graph = to_nir(network, steps_per_cycle=CYCLE, shape="portable")
    path = tmp_path_factory.mktemp("nir") / "net.nir"
    write(graph, path)
    periodic = encode_inputs(network, x, CYCLE)
    recording = simulate(graph, periodic, steps=STEPS)
    (node,) = recording.spikes
    step = np.arange(STEPS)[None, :, None] % CYCLE
    spikes = step == periodic.due[:, None, :]
    return Exported(network, path, recording.dt, spikes, recording.raster(node))


def vowels() -> tuple[PhaseNetwork, FloatArray]:
    """2-5-2 oscillators that tell /a/ from /i/, and samples of both.

    Normal clouds with the mean formants F1, F2 (Hz) of men in Peterson & Barney, JASA 24:175
    (1952), spread by a tenth; scaled to [0, 1].
    """
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    formants = np.array([[730.0, 1090.0], [270.0, 2290.0]])[y] * rng.normal(1, 0.1, (60, 2))
    low, high = formants.min(axis=0), formants.max(axis=0)
    train, test = datasets.split(Dataset((formants - low) / (high - low), y), 0.2, rng=0)
    start = topology.layered([2, 5, 2], rng=0)
    fitted = fit(start, train, cost=CosineCost(), epochs=3, learning_rate=0.2, rng=0)
    return fitted.network, test.x[:SAMPLES]


def random_net() -> tuple[PhaseNetwork, FloatArray]:
    """6-9-5 oscillators."""
    network = topology.layered([6, 9, 5], encoding=Encoding("phase", 1.0), rng=0)
    return network, np.random.default_rng(1).uniform(-1, 1, (SAMPLES, 6))
