"""The study of continuous Hopfield networks."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from neurosc import ContinuousHopfield, studies
from neurosc.studies import hopfield


def test_every_depth_has_a_network_and_a_rate_for_each_layer() -> None:
    for settings in hopfield.conditions().values():
        layers = settings["layers"]
        assert len(hopfield.NETWORKS[layers]["sizes"]) == layers + 2
        assert len(hopfield.RECIPES[layers]["rates"]) == layers + 1


def test_one_hidden_layer_learns_a_part_of_the_images() -> None:
    row = hopfield.measure(0, np.random.SeedSequence(1), layers=1, epochs=4, samples=600)
    assert row["accuracy"] > 0.5
    assert row["training_accuracy"] > row["accuracy"]
    assert row["diverged"] == 0


def test_layers_in_turn_come_to_the_same_rest_in_a_third_of_the_steps() -> None:
    drawn = ContinuousHopfield.layered([6, 9, 8, 7, 3], gain=0.6, rng=4)
    biased = drawn.with_parameters(**{f"bias.{k}": b + 0.3 for k, b in enumerate(drawn.biases)})
    x = np.random.default_rng(5).uniform(0, 1, (20, 6))

    def rest(steps: int, in_turn: bool) -> tuple[Any, float]:
        model = dataclasses.replace(biased, free_steps=steps, in_turn=in_turn)
        found = model.relax(x)
        return found.state, float(found.residual.max())

    exact, _ = rest(2000, False)
    assert rest(500, True)[0] == pytest.approx(exact, abs=1e-9)
    assert rest(20, True)[1] < rest(60, False)[1]


@pytest.mark.slow
def test_errors_after_five_epochs() -> None:
    accuracy = studies.run("hopfield", seeds=1).table.set_index("condition")["accuracy"]
    assert accuracy["1 hidden layer"] >= 0.92
    assert accuracy["2 hidden layers"] >= 0.91
    assert accuracy["3 hidden layers"] >= 0.92
