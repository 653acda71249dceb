"""The compiled online loop: the weights of the general way, in any company."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy

from neurosc import (
    CosineCost,
    Encoding,
    Ideal,
    PhaseNetwork,
    RelaxationError,
    SquaredCosineCost,
    fit,
    fit_each,
    topology,
)
from neurosc.datasets import as_dataset
from neurosc.learning import online
from neurosc.network import FloatArray
from neurosc.randomness import substream
from tests.test_ensembles import vowel_like

ONLINE: dict[str, Any] = {
    "cost": CosineCost(), "epochs": 4, "learning_rate": 0.01, "batch_size": 1, "optimiser": "sgd",
}  # fmt: skip
PARAMETERS = ("coupling", "frequency", "field", "second_harmonic")


def two_clouds(rng: np.random.Generator, inputs: int, count: int) -> tuple[FloatArray, Any]:
    """Samples in [0, 1] and their classes."""
    y = np.arange(count) % 2
    return np.clip(rng.normal(0.3 + 0.4 * y[:, None], 0.15, (count, inputs)), 0, 1), y


def floating(k: int) -> PhaseNetwork:
    return vowel_like(np.random.default_rng(k))


def anchored(k: int) -> PhaseNetwork:
    """Inputs that stand still, fields, and outputs that are measured from another oscillator."""
    net = topology.layered([2, 5, 2], rng=k)
    field = np.where(np.arange(9) < 2, 0.0, 1.5 + 0.2j)
    return net.replace(field=field, reference=(2,))


def two_parts(k: int) -> PhaseNetwork:
    """Two chains that do not know each other, each with an output and a zero of its own."""
    coupling, w = np.zeros((6, 6)), np.random.default_rng(k).uniform(0.5, 1.5, 4)
    for (i, j), value in zip([(0, 1), (1, 2), (3, 4), (4, 5)], w, strict=True):
        coupling[i, j] = coupling[j, i] = value
    return PhaseNetwork(
        coupling,
        inputs=[0, 3],
        outputs=[2, 5],
        reference=(1, 4),
        encoding=Encoding("frequency", 0.3),
    )


LEARNERS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "floating": (floating, ("coupling", "frequency")),
    "two parts": (two_parts, ("coupling", "frequency")),
    "anchored": (anchored, ("coupling", "frequency", "field")),
    "phase": (lambda k: topology.layered([2, 5, 2], rng=k), PARAMETERS[::2] + PARAMETERS[3:]),
    "amplitude": (
        lambda k: topology.layered([2, 5, 2], rng=k, encoding=Encoding("amplitude", 0.8)),
        ("coupling", "field"),
    ),
}


@pytest.mark.parametrize("cost", [CosineCost(), SquaredCosineCost(1.0, -1.0)])
@pytest.mark.parametrize("scheme", ["symmetric", "one-sided"])
@pytest.mark.parametrize("name", LEARNERS)
def test_the_weights_are_those_of_the_general_way(
    name: str, scheme: str, cost: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, learn = LEARNERS[name]
    network, data = make(3), two_clouds(np.random.default_rng(0), 2, 20)
    settings = {**ONLINE, "cost": cost, "scheme": scheme, "learn": learn}
    compiled = fit(network, data, rng=1, **settings)
    taken = []
    monkeypatch.setattr(online, "drive_of", lambda *_: taken.append(1))
    general = fit(network, data, rng=1, on=Ideal(tolerance=1e-14), **settings)
    assert taken
    for parameter in PARAMETERS:
        found = getattr(compiled.network, parameter)
        np.testing.assert_allclose(found, getattr(general.network, parameter), atol=1e-10)
        moved = np.abs(found - getattr(network, parameter)).max()
        assert (moved > 1e-5) == (parameter in learn)
    for row, same in zip(compiled.rows, general.rows, strict=True):
        assert row["loss"] == pytest.approx(same["loss"], abs=1e-9)
        assert row["unlocked"] == same["unlocked"] == 0


def test_soft_modes_end_in_the_minimum_of_the_general_way(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, network = np.random.default_rng(0), topology.layered([2, 5, 2], rng=0)
    data: Any = (rng.random((200, 2)), rng.integers(0, 2, 200))
    # at .1 a nudge throws one sample into another minimum, which the loop does not look for
    settings = {**ONLINE, "epochs": 1, "learning_rate": 0.003, "schedule": "constant", "beta": 0.05}
    compiled = fit(network, data, rng=1, **settings)
    monkeypatch.setattr(online, "drive_of", lambda *_: None)
    general = fit(network, data, rng=1, on=Ideal(tolerance=1e-14), **settings)
    np.testing.assert_allclose(compiled.network.coupling, general.network.coupling, atol=1e-9)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_network_learns_the_same_bits_in_any_company(name: str) -> None:
    make, learn = LEARNERS[name]
    networks, data = [make(k) for k in range(11)], two_clouds(np.random.default_rng(0), 2, 16)
    settings = {**ONLINE, "learn": learn}
    found = fit_each(networks, data, rng=7, **settings)
    for k in (0, 7, 8, 10):
        alone = fit(networks[k], data, rng=substream(7, "network", k), **settings)
        for parameter in PARAMETERS:
            same = getattr(alone.network, parameter)
            assert (getattr(found[k].network, parameter) == same).all()
        assert [row["loss"] for row in found[k].rows] == [row["loss"] for row in alone.rows]
        assert found[k].rows[-1]["loss"] < found[k].rows[0]["loss"]


def test_networks_that_are_alike_share_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    together, learn = [], online.learn

    def counted(networks: Any, *arguments: Any) -> Any:
        together.append(len(networks))
        return learn(networks, *arguments)

    monkeypatch.setattr(online, "learn", counted)
    data = two_clouds(np.random.default_rng(0), 2, 8)
    fit_each([floating(k) for k in range(3)], data, **ONLINE)
    assert together == [3]
    fit_each([floating(0), two_parts(0)], data, **ONLINE)
    fit_each([floating(0), floating(1)], data, validation=0.25, **(ONLINE | {"epochs": 1}))
    assert together == [3, 1, 1, 1, 1]


@pytest.mark.parametrize("batch_size", [1, 8])
def test_each_of_several_fits_is_the_one_of_its_own_stream(batch_size: int) -> None:
    lagging = floating(2).replace(coupling=floating(2).coupling.astype(complex))
    networks, data = (
        [floating(0), two_parts(1), lagging],
        two_clouds(np.random.default_rng(0), 2, 24),
    )
    settings = {**ONLINE, "batch_size": batch_size}
    found = fit_each(networks, data, rng=7, **settings)
    for k, network in enumerate(networks):
        alone = fit(network, data, rng=substream(7, "network", k), **settings)
        assert (alone.network.coupling == found[k].network.coupling).all()


def test_bad_ensembles_of_learners() -> None:
    data = two_clouds(np.random.default_rng(0), 2, 8)
    assert fit_each([], data, **ONLINE) == []
    with pytest.raises(TypeError, match="checkpoint: is for one network"):
        fit_each([floating(0)], data, checkpoint="x", **ONLINE)
    with pytest.raises(TypeError, match="momentum"):
        fit_each([floating(0)], data, momentum=0.9, **ONLINE)
    with pytest.raises(ValueError, match="epochs: -1"):
        fit_each([floating(0)], data, **(ONLINE | {"epochs": -1}))


def test_samples_that_do_not_lock_are_passed_over_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y = two_clouds(np.random.default_rng(0), 2, 12)
    x[5] = 40.0
    networks = [floating(k) for k in range(3)]
    found = fit_each(networks, (x, y), rng=7, **ONLINE)
    assert all(row["unlocked"] == 1 / 12 for one in found for row in one.rows)
    monkeypatch.setattr(online, "drive_of", lambda *_: None)
    exact = Ideal(tolerance=1e-14)
    general = fit(networks[2], (x, y), rng=substream(7, "network", 2), on=exact, **ONLINE)
    np.testing.assert_allclose(found[2].network.coupling, general.network.coupling, atol=1e-10)
    assert found[2].rows[0]["loss"] == pytest.approx(general.rows[0]["loss"], abs=1e-9)


def test_a_network_that_cannot_lock_does_not_disturb_its_neighbours() -> None:
    data = two_clouds(np.random.default_rng(0), 2, 8)
    good, weak = floating(0), floating(1)
    torn = weak.replace(coupling=np.where(weak.coupling != 0, 1e-3, 0.0))
    with pytest.raises(RelaxationError, match="none of the 1 samples locked"):
        fit_each([good, torn], data, rng=0, **ONLINE)
    samples = np.stack([np.arange(8)] * 2, axis=1)
    rest: Any = (np.full(8, 0.01), ("coupling", "frequency"))
    drive = ONLINE["cost"].drive(data[1], 2)
    pair, costs = online.learn([good, torn], Ideal(), data[0], drive, samples, (0.1, -0.1), *rest)
    (alone,), _ = online.learn([good], Ideal(), data[0], drive, samples[:, :1], (0.1, -0.1), *rest)
    assert np.isnan(costs[:, 1]).all()
    assert (pair[1].coupling == torn.coupling).all()
    assert (pair[0].coupling == alone.coupling).all()


def test_what_the_loop_does_not_take_goes_the_general_way() -> None:
    network, cost = topology.layered([2, 5, 2], rng=0), CosineCost()
    rows = as_dataset((np.zeros((2, 2)), np.array([0, 1])))
    assert online.drive_of(network, Ideal(), cost, rows) is not None
    assert online.drive_of(floating(0), Ideal(), cost, rows) is not None
    sparse = network.replace(coupling=scipy.sparse.csr_array(network.coupling))
    wide = topology.layered([2, 40, 2], rng=0)
    centred = floating(0).replace(reference="mean")
    own_zero = floating(0).replace(reference=(7,))
    others = (sparse, wide, centred, own_zero)
    for other, on in [(n, Ideal()) for n in others] + [(network, Ideal(noise=0.1))]:
        assert online.drive_of(other, on, cost, rows) is None
