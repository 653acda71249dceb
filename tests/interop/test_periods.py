"""Lone neurons in every importer, against the closed form of their period."""

from pathlib import Path

import nir
import numpy as np
import pytest

from neurosc.export import simulate
from neurosc.network import FloatArray
from tests.interop import importers
from tests.interop.importers import Importer

pytestmark = pytest.mark.filterwarnings("ignore")  # of the importers

TAU = 20e-3
DRIVE = np.array([1.2, 1.5, 2.0])
PERIODS = TAU * np.log(DRIVE / (DRIVE - 1))
"""Seconds: 35.84, 21.97 and 13.86 ms."""
DT = 1e-4
STEPS = 3000


def lone(tau: float, r: float, drive: FloatArray) -> nir.NIRGraph:
    """Three neurons with a constant drive: tau dv/dt = -v + r drive, spike and reset at 1."""
    every = np.ones(3, dtype=np.float32)
    nodes = {
        "input": nir.Input(input_type=np.array([1])),
        "l0_in": nir.Affine(
            weight=np.zeros((3, 1), dtype=np.float32), bias=drive.astype(np.float32)
        ),
        "l1_lif": nir.LIF(
            tau=tau * every, r=r * every, v_leak=0 * every, v_threshold=every, v_reset=0 * every
        ),
        "output": nir.Output(output_type=np.array([3])),
    }
    edges = [("input", "l0_in"), ("l0_in", "l1_lif"), ("l1_lif", "output")]
    return nir.NIRGraph(nodes=nodes, edges=edges)


SECONDS = lone(TAU, 1.0, DRIVE)
IN_STEPS = lone(-1 / np.log(1 - DT / TAU), 1.0, DRIVE * DT / TAU)
"""For Sinabs, which ignores r and adds the drive as it is."""


@pytest.mark.parametrize(
    ("graph", "importer", "dt"),
    [
        (SECONDS, importers.snntorch, DT),
        (SECONDS, importers.norse, DT),
        (SECONDS, importers.spikingjelly, DT),
        (IN_STEPS, importers.sinabs, 1.0),
    ],
    ids=["snnTorch", "Norse", "SpikingJelly", "Sinabs"],
)
def test_free_periods(graph: nir.NIRGraph, importer: Importer, dt: float, tmp_path: Path) -> None:
    nir.write(tmp_path / "lone.nir", graph)
    spikes = importer(tmp_path / "lone.nir", np.zeros((1, STEPS, 1), dtype=bool), dt)[0]
    found = [np.diff(np.flatnonzero(column)).mean() for column in spikes.T]
    np.testing.assert_allclose(found, PERIODS / DT, atol=1)


def test_free_periods_of_simulate() -> None:
    spikes = simulate(SECONDS, np.zeros((STEPS, 1)), DT).raster("l1_lif")[0]
    found = [np.diff(np.flatnonzero(column)).mean() for column in spikes.T]
    np.testing.assert_allclose(found, PERIODS / DT, atol=1)
