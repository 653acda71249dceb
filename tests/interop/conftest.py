"""Networks as files, with what `simulate` makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from neurosc import CosineCost, Encoding, PhaseNetwork, datasets, fit, topology
from neurosc.datasets import Dataset
from neurosc.export import Recording, encode_inputs, simulate, to_nir, write
from neurosc.network import FloatArray
from tests.interop.importers import Raster

CYCLE = 128
STEPS = 2048
SAMPLES = 4
FORMS: dict[str, dict[str, Any]] = {
    "portable": {"shape": "portable"},
    "affine": {"shape": "portable", "affine": True},
    "flat": {"shape": "flat"},
    "sinabs": {"shape": "sinabs"},
}


class Exported(NamedTuple):
    """A file of each form, spikes in (batch, steps, channels) and out (batch, steps, neurons).

    `expected` are those of a reset to v_reset, `subtracted` those of one by subtraction.
    """

    files: dict[str, Path]
    spikes: Raster
    expected: Raster
    subtracted: Raster


@pytest.fixture(scope="session", params=["vowels", "20 oscillators"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A net that learned to tell vowels, and a larger one with random couplings."""
    network, x = vowels() if request.param == "vowels" else random_net()
    folder = tmp_path_factory.mktemp("nir")
    graphs = {name: to_nir(network, steps_per_cycle=CYCLE, **form) for name, form in FORMS.items()}
    for name, graph in graphs.items():
        write(graph, folder / f"{name}.nir")
    periodic = encode_inputs(network, x, CYCLE)
    step = np.arange(STEPS)[None, :, None] % CYCLE
    return Exported(
        files={name: folder / f"{name}.nir" for name in graphs},
        spikes=step == periodic.due[:, None, :],
        expected=_raster(simulate(graphs["portable"], periodic, steps=STEPS)),
        subtracted=_raster(simulate(graphs["portable"], periodic, steps=STEPS, reset="subtract")),
    )


def _raster(recording: Recording) -> Raster:
    (node,) = recording.spikes
    return recording.raster(node)


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
