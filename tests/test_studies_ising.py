"""The study of oscillator Ising machines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurosc import Ideal, evaluate, studies
from neurosc.hw_models import Device, PhaseQuantization, WeightQuantization
from neurosc.ideal.sweeps import Sweeps
from neurosc.studies import ising


def test_conditions_name_what_they_run_on() -> None:
    for name, settings in ising.conditions().items():
        assert settings["aware"] == name.endswith(", learnt")
        if settings["kind"] in ising.AWARE:
            assert f"{settings['level']:g}" in name
    for level, term in ((6, WeightQuantization(6)), (3, PhaseQuantization(3))):
        kind = "weights" if isinstance(term, WeightQuantization) else "phases"
        found = ising.machine(kind, level)
        assert isinstance(found, Device)
        assert found.terms == (term,)
    noisy = ising.machine("noise", 0.2)
    assert isinstance(noisy, Ideal)
    assert 2 * noisy.noise == pytest.approx(0.2**2)  # of .2 dW


def test_the_first_noise_is_the_published_one() -> None:
    """.2 h xi in each step h = .1 diffuses as sigma dW."""
    step = 0.1
    assert ising.NOISES[0] ** 2 * step == pytest.approx((0.2 * step) ** 2, rel=0.01)


def test_images_to_learn_and_to_test_are_apart() -> None:
    train, test = ising.parts(0, 1000)
    assert (len(train.y), len(test.y)) == (1000, 4000)
    assert not np.isin(train.x @ np.arange(784), test.x @ np.arange(784)).any()


def test_a_machine_learns_and_keeps_it_with_six_bits() -> None:
    rows = [
        ising.measure(
            0, np.random.SeedSequence(2), kind=kind, level=6, aware=False, samples=300, epochs=4
        )
        for kind in ("ideal", "weights")
    ]
    assert rows[0]["accuracy"] > 0.65
    assert rows[1]["accuracy"] == pytest.approx(rows[0]["accuracy"], abs=0.03)


def test_noise_costs_little_and_averaging_cures_it() -> None:
    """One read of a noisy machine, and the mean of several, of the same 250 images."""
    _, test = ising.parts(0, 300)
    some = test.rows(np.arange(250))
    network, _ = ising._learnt(0, 300, 4, False, "2")
    rng = np.random.SeedSequence(3)
    clean = evaluate(network, some, cost=ising.COST, on=Sweeps(100)).accuracy
    published, strong = (ising._read_often(network, some, s, rng) for s in (ising.NOISES[0], 0.8))
    assert published["accuracy"] == pytest.approx(clean, abs=0.04)
    assert published["unlocked"] == 0
    assert strong["accuracy"] < clean - 0.1
    assert strong["averaged_accuracy"] > strong["accuracy"] + 0.1


def test_what_noise_does_is_drawn_and_told() -> None:
    named = list(ising.conditions())
    accuracy = np.linspace(0.9, 0.8, len(named))
    table = pd.DataFrame(
        {"condition": named, "accuracy": accuracy, "averaged_accuracy": accuracy + 0.05}
    )
    told = ising.reading(table)
    assert "sigma .063" in told
    assert "from 0.063 on where one read is taken" in told
    healed = ising.reading(table.assign(averaged_accuracy=accuracy[0]))
    assert f"at none of them where {ising.READS} are averaged" in healed
    strips, curve = ising.figure(table).axes
    one, mean = (line.get_ydata() for line in curve.lines[:2])
    assert np.asarray(mean) == pytest.approx(np.asarray(one) + 5)
    assert [text.get_text() for text in strips.get_yticklabels()] == named


@pytest.mark.slow
def test_six_bits_and_published_noise_cost_less_than_a_point() -> None:
    found: Any = studies.run("ising", seeds=2).table.groupby("condition").mean()
    full = found.loc["full precision", "accuracy"]
    assert found.loc["6-bit weights, learnt", "accuracy"] >= full - 0.01
    assert found.loc["noise 0.063", "accuracy"] >= full - 0.005
    assert found.loc["noise 0.2", "averaged_accuracy"] >= full - 0.005
    assert found.loc["noise 0.8", "accuracy"] < full - 0.1
