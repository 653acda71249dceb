"""A map that learns in Brian2, from two relaxations of spiking neurons."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosc import Ideal, SynchronyCost
from neurosc.coupling_map import CouplingMap, Frequencies, coupling_slope, train
from neurosc.hw_models import SpikingOscillators

BETA: dict[str, Any] = {"frozen": True, "beta": 1.0}
COST = SynchronyCost()


def test_slopes_in_spikes_are_those_of_the_ideal_model() -> None:
    networks = Frequencies().draw(2, 6, np.random.default_rng(0))
    coupling = CouplingMap(1, (8, 8), rng=0, degree=2.0).couplings(networks.features)
    found, exact = (
        coupling_slope(coupling, networks, cost=COST, on=on, rng=1, **BETA)
        for on in (SpikingOscillators(), Ideal())
    )
    assert found.used.all()
    np.testing.assert_allclose(found.loss, exact.loss, atol=0.003)
    for mine, other in zip(found.coupling, exact.coupling, strict=True):
        assert np.linalg.norm(mine - other) < 0.03 * np.linalg.norm(other)


def test_a_map_learns_in_spikes() -> None:
    begin = CouplingMap(1, (8, 8), rng=0, degree=3.0)
    in_spikes, ideal = (
        train(
            begin, Frequencies(), cost=COST, batches=5, n=6, learning_rate=0.05, on=on, rng=2,
            options=BETA,
        )
        for on in (SpikingOscillators(), Ideal())
    )  # fmt: skip
    for mine, other in zip(in_spikes.rows, ideal.rows, strict=True):
        assert mine["unused"] == other["unused"] == 0
        assert abs(mine["loss"] - other["loss"]) < 0.003
    test = Frequencies().draw(4, 6, np.random.default_rng(1))
    start, found, exact = (
        each.couplings(test.features) for each in (begin, in_spikes.map, ideal.map)
    )
    assert np.linalg.norm(found - exact) < 0.1 * np.linalg.norm(exact - start)
