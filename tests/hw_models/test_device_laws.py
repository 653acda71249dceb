"""Laws of chips: what relaxations share, what they do not, and a closed form for the yield."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import erf

from neurosc import CosineCost, PhaseNetwork, Relaxation, evaluate, fit, two_phase_gradient
from neurosc.hw_models import (
    PCM,
    TDC,
    Chip,
    CouplingMismatch,
    Device,
    FrequencyMismatch,
    PhaseNoise,
    ProgrammingNoise,
    ReadNoise,
    StuckAt,
    presets,
)
from neurosc.network import FloatArray


class Recorder:
    """A chip that keeps what it found."""

    def __init__(self, chip: Chip) -> None:
        self.chip, self.found = chip, list[FloatArray]()

    def relax(self, network: PhaseNetwork, x: Any = None, **others: Any) -> Relaxation:
        found = self.chip.relax(network, x, **others)
        self.found.append(found.phases)
        return found


@pytest.mark.parametrize(
    ("device", "shared"),
    [
        (Device(ProgrammingNoise(PCM()), CouplingMismatch(0.1), StuckAt(0.1)), True),
        (Device(ReadNoise(PCM())), False),
        (Device(PhaseNoise(1e-3)), False),
        (Device(TDC(1e9, jitter_s=1e-12)), False),
    ],
)
def test_the_two_relaxations_share_the_chip_and_never_the_noise(
    device: Device, shared: bool, small: PhaseNetwork, samples: FloatArray
) -> None:
    on = Recorder(device.fabricate(small, rng=0)[0])
    y = np.arange(12) % 3
    two_phase_gradient(small, samples, y, cost=CosineCost(), beta=1e-7, on=on, rng=0)
    one, two = (phases[:, small.free] for phases in on.found)
    if shared:
        np.testing.assert_allclose(one, two, atol=1e-5)
    else:
        assert (np.abs(one - two) > 1e-5).mean() > 0.9


def test_effects_never_compound(small: PhaseNetwork, samples: FloatArray) -> None:
    before = small.coupling.copy(), small.frequency.copy()
    chip = presets.get("pcm-array").fabricate(small, rng=0)[0]
    first = chip.relax(small, samples, rng=1).phases
    for _ in range(3):
        assert (chip.relax(small, samples, rng=1).phases == first).all()
    assert (small.coupling == before[0]).all()
    assert (small.frequency == before[1]).all()


def test_adding_any_effect_leaves_the_mismatch_of_the_others(small: PhaseNetwork) -> None:
    mismatch = Device(FrequencyMismatch(0.1), coupling_rad_per_s=1e7)
    alone = mismatch.fabricate(small, rng=0)[0].program(small).frequency
    for name in ("pcm-array", "fpga-digital"):
        both = mismatch | presets.get(name)
        assert (both.fabricate(small, rng=0)[0].program(small).frequency == alone).all()
    added = ProgrammingNoise(PCM())
    first, second = (
        device.fabricate(small, rng=0)[0].program(small).coupling
        for device in (Device(added), Device(added, StuckAt(0.05), FrequencyMismatch(0.1)))
    )
    kept = (second == first) | (second == 0)
    assert kept.all()
    assert (second != first).any()


@pytest.mark.parametrize("coupling", [0.5, 1.0, 2.0])
def test_yield_of_pairs(coupling: float) -> None:
    """Two oscillators lock where |dw| <= 2 K, dw ~ N(0, 2 s^2): P = erf(K / s)."""
    pair = PhaseNetwork([[0, coupling], [coupling, 0]])
    chips = Device(FrequencyMismatch(1.0)).fabricate(pair, 1000, rng=0)
    share, expected = chips.relax(pair).locked.mean(), erf(coupling)
    assert abs(share - expected) < 4.5 * np.sqrt(expected * (1 - expected) / 1000)


def test_it_learns_around_its_faults(small: PhaseNetwork) -> None:
    y = np.arange(30) % 3
    x = 0.2 + 0.5 * np.eye(4)[y]
    device = Device(ProgrammingNoise(PCM(), 0.5), StuckAt(0.1), TDC(1e9, 0.0, 1e-12))
    chip = device.fabricate(small, rng=2)[0]
    training: dict[str, Any] = {
        "cost": CosineCost(), "epochs": 15, "learning_rate": 0.1, "beta": 0.5, "batch_size": 6,
    }  # fmt: skip
    learned = fit(small, (x, y), on=chip, rng=0, **training).network
    assert evaluate(learned, (x, y), cost=CosineCost(), on=chip, rng=1).accuracy > 0.95
