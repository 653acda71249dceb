"""The study of oscillator Ising machines."""

from __future__ import annotations

import numpy as np
import pytest

from neurosc import studies
from neurosc.hw_models import PhaseNoise, PhaseQuantization, WeightQuantization
from neurosc.studies import ising


def test_conditions_name_their_devices() -> None:
    assert ising.device("weights", 6).terms == (WeightQuantization(6),)
    assert ising.device("phases", 3).terms == (PhaseQuantization(3),)
    (noise,) = ising.device("noise", 0).terms
    assert isinstance(noise, PhaseNoise)
    assert 2 * noise.diffusion() == pytest.approx(0.2**2)  # of .2 dW
    for name, settings in ising.conditions().items():
        assert settings["aware"] == name.endswith(", learnt")


def test_images_to_learn_and_to_test_are_apart() -> None:
    train, test = ising.parts(0, 1000)
    assert (len(train.y), len(test.y)) == (1000, 4000)
    assert not np.isin(train.x @ np.arange(784), test.x @ np.arange(784)).any()


def test_a_machine_learns_and_keeps_it_with_six_bits() -> None:
    rows = [
        ising.measure(
            0, np.random.SeedSequence(2), kind=kind, bits=6, aware=False, samples=300, epochs=4
        )
        for kind in ("ideal", "weights")
    ]
    assert rows[0]["accuracy"] > 0.65
    assert rows[1]["accuracy"] == pytest.approx(rows[0]["accuracy"], abs=0.03)


@pytest.mark.slow
def test_six_bits_cost_less_than_a_point() -> None:
    mean = studies.run("ising", seeds=2).table.groupby("condition")["accuracy"].mean()
    assert mean["6-bit weights, learnt"] >= mean["full precision"] - 0.01
