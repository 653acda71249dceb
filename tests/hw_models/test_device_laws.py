"""Laws of chips: what relaxations share, what they do not, and a closed form for the yield."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import erf

from neurosc import (
    CosineCost,
    PhaseNetwork,
    Relaxation,
    RelaxationError,
    evaluate,
    fit,
    two_phase_gradient,
)
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


class Workshop:
    """A technology that keeps the chips that it made."""

    def __init__(self, device: Device) -> None:
        self.device, self.made = device, list[Recorder]()

    def fabricate(self, network: PhaseNetwork, chips: int = 1, rng: Any = None) -> list[Recorder]:
        made = [Recorder(chip) for chip in self.device.fabricate(network, chips, rng)]
        self.made += made
        return made


def test_noise_aware_learning_suits_chips_that_nobody_has_seen(small: PhaseNetwork) -> None:
    y = np.arange(30) % 3
    x = 0.2 + 0.5 * np.eye(4)[y]
    device = Device(FrequencyMismatch(0.1), CouplingMismatch(0.1))
    training: dict[str, Any] = {
        "cost": CosineCost(), "epochs": 15, "learning_rate": 0.1, "batch_size": 6, "rng": 0,
    }  # fmt: skip
    found = fit(small, (x, y), on=device, validation=(x, y), **training)
    unseen = device.fabricate(small, 20, rng=5)
    before, after = (
        evaluate(network, (x, y), cost=CosineCost(), on=unseen).accuracy.mean()
        for network in (small, found.network)
    )
    assert before < 0.5
    assert after > 0.8
    assert found.rows[-1]["validation_accuracy"] > 0.8
    again = fit(small, (x, y), on=device, validation=(x, y), **training)
    assert (found.network.coupling == again.network.coupling).all()


def test_each_update_has_a_chip_that_both_relaxations_share(small: PhaseNetwork) -> None:
    x, y = np.full((30, 4), 0.4), np.arange(30) % 3
    on = Workshop(Device(FrequencyMismatch(0.3)))
    fit(small, (x, y), cost=CosineCost(), epochs=2, learning_rate=0.1, batch_size=6, on=on, rng=0)
    assert [len(recorder.found) for recorder in on.made] == [2] * 10
    roots = {recorder.chip.root.spawn_key for recorder in on.made}
    assert len(roots) == 10


def test_a_dead_chip_of_many_ends_no_training(small: PhaseNetwork) -> None:
    """Its samples are counted; where none locks at all, there is nothing to learn."""
    x, y = np.full((12, 4), 0.4), np.arange(12) % 3
    training: dict[str, Any] = {
        "cost": CosineCost(), "epochs": 6, "learning_rate": 0.02, "batch_size": 2, "rng": 0,
    }  # fmt: skip
    found = fit(small, (x, y), on=Device(FrequencyMismatch(0.4)), **training)
    assert 0 < found.history.unlocked.mean() < 1
    assert np.isfinite(found.history.loss).all()
    with pytest.raises(RelaxationError, match="none of the 2 samples locked"):
        fit(small, (x, y), on=Device(FrequencyMismatch(2.0)), **training)


def test_a_device_is_no_substrate(small: PhaseNetwork, samples: FloatArray) -> None:
    y = np.arange(12) % 3
    with pytest.raises(TypeError, match=r"on: Device makes chips .*on.fabricate\(network"):
        evaluate(small, (samples, y), cost=CosineCost(), on=Device())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="on: 'chip' does not relax; give a substrate"):
        fit(small, (samples, y), cost=CosineCost(), epochs=1, learning_rate=0.1, on="chip")  # type: ignore[arg-type]


def test_a_checkpoint_belongs_to_one_chip(small: PhaseNetwork, tmp_path: Path) -> None:
    x, y = np.full((12, 4), 0.4), np.arange(12) % 3
    device = Device(FrequencyMismatch(0.01))
    training: dict[str, Any] = {
        "cost": CosineCost(), "epochs": 1, "learning_rate": 0.1, "checkpoint": tmp_path / "c.npz",
    }  # fmt: skip
    one, other = device.fabricate(small, rng=0)[0], device.fabricate(small, rng=1)[0]
    fit(small, (x, y), on=one, rng=0, **training)
    fit(small, (x, y), on=device.fabricate(small, rng=0)[0], rng=0, **training)
    with pytest.raises(ValueError, match=r"checkpoint: .* belongs to a run with another"):
        fit(small, (x, y), on=other, rng=0, **training)
