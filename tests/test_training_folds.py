"""Folds and seeds: the fits of one by one, in lanes, threads and processes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import (
    ContinuousHopfield,
    CosineCost,
    Ideal,
    SquaredCost,
    cross_validate,
    evaluate,
    fit,
    fit_each,
    topology,
)
from neurosc.datasets import as_dataset, folds_of
from neurosc.learning import online
from neurosc.randomness import substream
from tests.test_learning import BLOBS
from tests.test_online import ONLINE, floating, two_clouds

BATCHES: dict[str, Any] = {"cost": CosineCost(), "epochs": 2, "learning_rate": 0.05}


def test_every_sample_is_held_out_once_and_classes_keep_their_shares() -> None:
    data = as_dataset((np.zeros((50, 1)), np.repeat([0, 1], [20, 30])))
    pairs = folds_of(data, 5, rng=1)
    assert sorted(np.concatenate([test for _, test in pairs])) == list(range(50))
    for train, test in pairs:
        assert np.intersect1d(train, test).size == 0
        assert train.size + test.size == 50
        assert np.bincount(data.y[test]).tolist() == [4, 6]
    again, other = folds_of(data, 5, rng=1), folds_of(data, 5, rng=2)
    assert all((a[1] == b[1]).all() for a, b in zip(pairs, again, strict=True))
    assert any((a[1] != b[1]).any() for a, b in zip(pairs, other, strict=True))


def test_a_part_is_learnt_in_lanes_as_if_it_were_all(monkeypatch: pytest.MonkeyPatch) -> None:
    together, learn = [], online.learn

    def counted(networks: Any, *arguments: Any) -> Any:
        together.append(len(networks))
        return learn(networks, *arguments)

    data = as_dataset(two_clouds(np.random.default_rng(0), 2, 21))
    parts = [np.arange(0, 14), np.arange(7, 21), np.arange(2, 20), np.arange(1, 15)]
    networks = [floating(k) for k in range(4)]
    monkeypatch.setattr(online, "learn", counted)
    found = fit_each(networks, data, parts=parts, rng=7, **ONLINE)
    assert together == [3, 1]
    for k, network in enumerate(networks):
        alone = fit(network, data.rows(parts[k]), rng=substream(7, "network", k), **ONLINE)
        assert (alone.network.coupling == found[k].network.coupling).all()
        assert [r["loss"] for r in alone.rows] == [r["loss"] for r in found[k].rows]


@pytest.mark.parametrize("jobs", [None, 2])
def test_parts_in_threads_and_processes_too(jobs: int | None) -> None:
    data, networks = as_dataset(BLOBS), [topology.layered([4, 5, 3], rng=k) for k in range(2)]
    parts = [np.arange(40), np.arange(10, 60)]
    found = fit_each(networks, data, parts=parts, jobs=jobs, rng=7, validation=0.2, **BATCHES)
    for k, network in enumerate(networks):
        stream = substream(7, "network", k)
        alone = fit(network, data.rows(parts[k]), rng=stream, validation=0.2, **BATCHES)
        assert (alone.network.coupling == found[k].network.coupling).all()


def test_cross_validation_of_networks_in_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    together, learn = [], online.learn

    def counted(networks: Any, *arguments: Any) -> Any:
        together.append(len(networks))
        return learn(networks, *arguments)

    monkeypatch.setattr(online, "learn", counted)
    data = two_clouds(np.random.default_rng(0), 2, 40)
    found = cross_validate(
        lambda rng: floating(int(np.random.default_rng(rng).integers(1000))),
        data, folds=4, seeds=3, rng=5, **(ONLINE | {"epochs": 10, "learning_rate": 0.05}),
    )  # fmt: skip
    assert together == [12]
    assert [(r["fold"], r["seed"]) for r in found.rows] == [
        (f, s) for f in range(4) for s in range(3)
    ]
    assert len(found.table) == len(found.fits) == 12
    assert found.accuracy == found.table["accuracy"].mean()
    assert found.spread == pytest.approx(found.table.groupby("seed")["accuracy"].mean().std())
    assert f"{found.accuracy:.2%}" in str(found)
    held_out = as_dataset(data).rows(folds_of(as_dataset(data), 4, substream(5, "folds"))[1][1])
    again = evaluate(found.fits[4].network, held_out, cost=CosineCost())
    assert (again.accuracy, again.loss) == (found.rows[4]["accuracy"], found.rows[4]["loss"])


def test_cross_validation_of_one_start_and_of_models() -> None:
    network = topology.layered([4, 5, 3], rng=1)
    settings: dict[str, Any] = {"folds": 3, "rng": 0, "on": Ideal(), "validation": 0.2}
    one = cross_validate(network, BLOBS, patience=1, **settings, **(BATCHES | {"epochs": 8}))
    assert one.accuracy > 0.8
    assert one.spread == 0.0
    assert all(done.best_epoch for done in one.fits)
    model = ContinuousHopfield.layered([4, 12, 3], rng=1)
    found = cross_validate(
        model, BLOBS, cost=SquaredCost(), folds=2, seeds=2, epochs=2, learning_rate=0.1,
        unsettled="learn", rng=0,
    )  # fmt: skip
    assert [row["seed"] for row in found.rows] == [0, 1, 0, 1]
    weights = [done.network.weights[0] for done in found.fits]
    assert (weights[0] != weights[1]).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folds": 1}, "folds: 1 hold nothing out"),
        ({"folds": 21}, "folds: 21 are more than the 20 samples"),
        ({"seeds": 0}, "seeds: 0"),
    ],
)
def test_bad_cross_validation(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cross_validate(topology.layered([4, 3], rng=0), BLOBS, **(BATCHES | changes))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([[0, 1]], "parts: 1 for 2 networks"),
        ([[0, 1], [0, 99]], "parts: name samples 0 to 59"),
        ([[0, 1], []], "parts: a part is no list"),
        ([[0, 1], [0.5]], "parts: a part is no list"),
    ],
)
def test_bad_parts(parts: Any, message: str) -> None:
    networks = [topology.layered([4, 3], rng=0)] * 2
    with pytest.raises(ValueError, match=message):
        fit_each(networks, BLOBS, parts=parts, **BATCHES)
