"""Phase-change cells against the model of IBM's aihwkit, where that is installed."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import scipy

from neurosc import PhaseNetwork
from neurosc.hw_models import PCM, ConductanceDrift, Device, ProgrammingNoise, ReadNoise
from neurosc.network import FloatArray

CELLS = 4000
DAY = 86_400.0
DETUNING = 0.02


def read_through_phases(share: float, time_s: float) -> FloatArray:
    """g+ - g- in uS of cells that hold `share` of the full scale.

    Oscillators without couplings settle where b sin theta = omega, so their phases tell the field
    b that the array held in that relaxation.
    """
    field = np.full(CELLS + 1, share)
    field[0] = 1.0
    network = PhaseNetwork(scipy.sparse.csr_array((CELLS + 1, CELLS + 1)), DETUNING, field)
    device = Device(ProgrammingNoise(PCM()), ConductanceDrift(PCM()), ReadNoise(PCM()))
    chip = device.fabricate(network, rng=0)[0].at(time_s=time_s)
    phases = chip.relax(network, rng=1).phases[0, 1:]
    return np.asarray(DETUNING / np.sin(phases) * PCM().range_us[1])


@pytest.mark.slow
@pytest.mark.parametrize("time_s", [1.0, DAY])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_pairs_of_cells_are_distributed_as_those_of_aihwkit(share: float, time_s: float) -> None:
    """Two-sample Kolmogorov-Smirnov test."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("aihwkit")
    noise = importlib.import_module("aihwkit.inference.noise.pcm")
    torch.manual_seed(2)
    model = noise.PCMLikeNoiseModel(g_max=25.0)
    cells = []
    for target in (25.0 * share, 0.0):
        g = model.apply_programming_noise_to_conductance(torch.full((CELLS,), target))
        nu = model.generate_drift_coefficients(torch.full((CELLS,), target))
        cells.append(model.apply_drift_noise_to_conductance(g, nu, time_s).numpy())
    ours = read_through_phases(share, time_s)
    assert scipy.stats.ks_2samp(ours, cells[0] - cells[1]).pvalue > 1e-3
