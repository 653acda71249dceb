"""The study of continuous Hopfield networks."""

from __future__ import annotations

import numpy as np
import pytest

from neurosc import studies
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


@pytest.mark.slow
def test_errors_after_five_epochs() -> None:
    accuracy = studies.run("hopfield", seeds=1).table.set_index("condition")["accuracy"]
    assert accuracy["1 hidden layer"] >= 0.92
    assert accuracy["2 hidden layers"] >= 0.91
    assert accuracy["3 hidden layers"] >= 0.88
