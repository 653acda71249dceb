"""Sweeps of layered networks, and learning on them block by block."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import scipy

from neurosc import (
    Bounds,
    CosineCost,
    CrossEntropy,
    Encoding,
    Ideal,
    Nudge,
    PhaseNetwork,
    SquaredCosineCost,
    Status,
    Sweeps,
    evaluate,
    fit,
    topology,
    two_phase_gradient,
)
from neurosc.costs import Cost
from neurosc.ideal.layers import Layers, depths
from neurosc.learning.layered_model import LayeredModel
from neurosc.learning.phase_model import PhaseModel
from neurosc.network import FloatArray

COSTS = [CosineCost(), CrossEntropy(), SquaredCosineCost()]
EXACT = Sweeps(600, tolerance=1e-6)


def general(sizes: list[int], lags: bool, amplitude: bool = False) -> PhaseNetwork:
    """Every parameter of the oscillators that move is non-zero."""
    rng = np.random.default_rng(sum(sizes))
    encoding = Encoding("amplitude", 0.8) if amplitude else Encoding("phase", np.pi / 2)
    net = topology.layered(sizes, lags=lags, field_scale=1.0, encoding=encoding, rng=1)
    moves = np.arange(net.n) >= sizes[0]
    return net.replace(frequency=moves * rng.normal(0, 0.02, net.n), second_harmonic=moves * 0.02)


def samples(inputs: int, classes: int, count: int = 20) -> tuple[FloatArray, Any]:
    rng = np.random.default_rng(0)
    return rng.random((count, inputs)), np.arange(count) % classes


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("lags", [False, True])
@pytest.mark.parametrize("sizes", [[6, 3], [6, 5, 4], [6, 5, 7, 4], [4, 5, 6, 7, 3]])
def test_many_sweeps_end_in_the_certified_minimum(sizes: list[int], lags: bool, cost: Cost) -> None:
    net = general(sizes, lags)
    x, y = samples(sizes[0], sizes[-1])
    nudge = Nudge(cost, y, 0.1)
    swept = EXACT.relax(net, x, nudge=nudge).raise_for_status()
    exact = Ideal().relax(net, x, nudge=nudge, start=swept.phases).raise_for_status()
    np.testing.assert_allclose(swept.phases, exact.phases, atol=1e-4)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_nudge_may_be_frozen(frozen: bool) -> None:
    net = topology.layered([4, 5, 3], field_scale=1.0, rng=1)
    x, y = samples(4, 3)
    settings: dict[str, Any] = {"cost": CosineCost(), "frozen": frozen}
    swept = two_phase_gradient(net, x, y, on=EXACT, **settings)
    exact = two_phase_gradient(net, x, y, **settings)
    np.testing.assert_allclose(swept.vector(), exact.vector(), atol=1e-4)


def test_the_energy_never_rises() -> None:
    net = topology.layered([6, 8, 4], lags=True, rng=2)
    x, _ = samples(6, 4)
    energies = [net.energy(Sweeps(k).relax(net, x).phases) for k in range(1, 12)]
    assert (np.diff(energies, axis=0) <= 1e-12).all()
    assert (energies[-1] < energies[0] - 1e-6).any()


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_the_laws_of_a_substrate(precision: Any) -> None:
    on, net = Sweeps(5, precision=precision), general([6, 9, 4], False)
    x, y = samples(6, 4, 300)
    nudge = Nudge(CrossEntropy(), y, 0.1)
    whole = on.relax(net, x, nudge=nudge)
    few = on.relax(net, x[:7], nudge=Nudge(CrossEntropy(), y[:7], 0.1))
    assert (whole.phases[:7] == few.phases).all()
    assert (whole.phases == on.relax(net, x, nudge=nudge).phases).all()
    assert whole.phases.shape == (300, net.n)
    again = on.relax(net, x, nudge=nudge, start=whole.phases)
    assert np.median(again.residual) < np.median(whole.residual)


@pytest.mark.parametrize("sizes", [[6, 9, 4], [6, 9, 8, 4]])
def test_a_relaxation_leaves_the_state_it_starts_from(sizes: list[int]) -> None:
    """It once overwrote it where one hidden layer moves, so that both ends were the same."""
    model = LayeredModel.of(general(sizes, True), Sweeps(), ("coupling",))
    x, y = samples(6, 4)
    first = model.relax(x, nudge=Nudge(CosineCost(), y, 0.1))
    before = first.state.copy()
    second = model.relax(x, nudge=Nudge(CosineCost(), y, -0.1), start=first.state)
    assert np.array_equal(first.state, before)
    assert not np.array_equal(second.state, before)


def test_what_still_moves_or_is_unstable_is_not_locked() -> None:
    net = topology.layered([6, 8, 4], rng=2)
    x, _ = samples(6, 4)
    short = Sweeps(1, tolerance=1e-9).relax(net, x)
    assert set(short.status.tolist()) == {Status.STEP_LIMIT}
    pair = PhaseNetwork(np.array([[0.0, 1.0], [1.0, 0.0]]), inputs=[0], outputs=[1])
    free = pair.replace(second_harmonic=[0.0, -0.3])
    assert Sweeps(50).relax(free, [[0.0]]).locked.all()
    bad = pair.replace(second_harmonic=[0.0, -0.6])  # at rest at 0, where s cos 2 theta wins
    assert Sweeps(50).relax(bad, [[0.0]]).status.tolist() == [Status.UNSTABLE]


def test_a_loose_tolerance_does_not_hide_a_saddle() -> None:
    net = topology.layered([30, 12, 10], rng=3)
    x, _ = samples(30, 10, 200)
    found = Sweeps(3, tolerance=0.2).relax(net, x)
    for k in np.flatnonzero(found.status != Status.STEP_LIMIT):
        own = net.hessian(found.phases[k])[np.ix_(net.free, net.free)]
        assert (np.linalg.eigvalsh(own)[0] > 0) == (found.status[k] == Status.LOCKED)
    assert {Status.LOCKED, Status.UNSTABLE} <= set(found.status.tolist())


def not_layered() -> dict[str, PhaseNetwork]:
    net = topology.layered([3, 4, 2], rng=0)
    skip = net.coupling.copy()
    skip[0, 8] = skip[8, 0] = 1.0
    inner = net.coupling.copy()
    inner[3, 4] = inner[4, 3] = 1.0
    return {
        "no neighbouring layers": net.replace(coupling=skip),
        "joins no neighbouring": net.replace(coupling=inner),
        "sparse": net.replace(coupling=scipy.sparse.csr_array(net.coupling)),
        "no held layer": topology.all_to_all(4),
        "several layers": net.replace(outputs=[4, 8]),
        "another oscillator": net.replace(reference=(4,)),
    }


@pytest.mark.parametrize("message", not_layered())
def test_other_networks_are_refused(message: str) -> None:
    net = not_layered()[message]
    x = None if net.inputs.size == 0 else np.zeros((1, net.inputs.size))
    with pytest.raises(ValueError, match=rf"network: .*{message}.*relax it with Ideal\(\)"):
        Sweeps().relax(net, x)


@pytest.mark.parametrize(
    ("bad", "message"),
    [({"count": 0}, "count"), ({"tolerance": 0.0}, "tolerance"), ({"precision": "half"}, "prec")],
)
def test_bad_sweeps(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sweeps(**bad)


def test_layers_pack_and_unpack() -> None:
    net = general([3, 4, 2], True)
    layers = Layers.of(net)
    assert depths(net).tolist() == [0] * 3 + [1] * 4 + [2] * 2
    assert (layers.unpack(layers.pack(net.coupling), 0 * net.coupling) == net.coupling).all()


NAMES = ("coupling", "field", "frequency", "second_harmonic")


@pytest.mark.parametrize("lags", [False, True])
@pytest.mark.parametrize("names", [NAMES, (*NAMES, "lag"), ("lag",)])
def test_both_models_have_the_same_energy_and_gradient(lags: bool, names: tuple[str, ...]) -> None:
    net = general([4, 5, 6, 3], lags, amplitude=True)
    if "lag" in names and not lags:
        net = net.with_parameters(coupling=net.coupling.astype(complex))
    small, plain = LayeredModel.of(net, EXACT, names), PhaseModel(net, EXACT, names)
    x, _ = samples(4, 3)
    rng = np.random.default_rng(0)
    theta = rng.uniform(-3, 3, (2, 20, 14))
    rotors = np.stack([np.cos(theta), np.sin(theta)], axis=2)
    phases = np.zeros((2, 20, net.n))
    phases[..., net.free] = theta
    np.testing.assert_allclose(small.energy(rotors[0], x), plain.energy(phases[0], x))
    np.testing.assert_allclose(
        small.torque(rotors[0], x), plain.torque(phases[0], x)[:, net.free], atol=1e-12
    )
    ours = small.parameter_gradient(rotors, [0.5, -0.5], x)
    for name, value in plain.parameter_gradient(phases, [0.5, -0.5], x).items():
        pairs = name in ("coupling", "lag")
        expected = Layers.of(net).pack(value) if pairs else value[net.free]
        np.testing.assert_allclose(ours[name], expected, atol=1e-12)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
@pytest.mark.parametrize("lags", [False, True])
@pytest.mark.parametrize("cost", COSTS)
def test_blocks_learn_what_whole_matrices_learn(
    lags: bool, cost: Cost, optimiser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = general([4, 5, 6, 3], lags)
    data = samples(4, 3, 40)
    settings: dict[str, Any] = {
        "cost": cost, "epochs": 2, "learning_rate": 0.01, "batch_size": 8, "rng": 3,
        "optimiser": optimiser, "on": Sweeps(8), "unsettled": "learn", "learn": NAMES,
        "bounds": Bounds(strength=3.0, frequency=0.03),
    }  # fmt: skip
    ours = fit(net, data, **settings)
    monkeypatch.setattr(
        LayeredModel,
        "of",
        classmethod(lambda cls, network, on, names: PhaseModel(network, on, names)),
    )
    whole = fit(net, data, **settings)
    for name in NAMES:
        np.testing.assert_allclose(
            getattr(ours.network, name), getattr(whole.network, name), atol=1e-8
        )
        assert np.abs(getattr(ours.network, name) - getattr(net, name)).max() > 1e-4
    assert ours.network.strength[net.free].max() <= 3.0 + 1e-9
    for one, other in zip(ours.rows, whole.rows, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-8)
        assert one["unlocked"] == other["unlocked"]


def test_missing_edges_stay_missing() -> None:
    net = topology.layered([4, 6, 3], rng=1)
    coupling = net.coupling * (np.abs(net.coupling) > 0.3)
    net = net.replace(coupling=coupling)
    found = fit(net, samples(4, 3), cost=CosineCost(), epochs=2, learning_rate=0.01, on=Sweeps(),
                unsettled="learn").network  # fmt: skip
    assert ((found.coupling != 0) == (coupling != 0)).all()


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_learns_the_blobs(precision: Any) -> None:
    from tests.test_learning import BLOBS

    net, on = topology.layered([4, 10, 3], rng=1), Sweeps(12, precision=precision)
    found = fit(net, BLOBS, cost=CosineCost(), epochs=20, learning_rate=0.05, on=on, rng=3,
                unsettled="learn", validation=0.2)  # fmt: skip
    assert evaluate(found.network, BLOBS, cost=CosineCost(), on=on).accuracy > 0.95
    assert {"validation_unlocked", "unlocked"} <= set(found.rows[0])
    single = found.network.coupling.astype(np.float32)
    assert (precision == "float32") == bool((single == found.network.coupling).all())


def test_unsettled_samples_are_counted_whether_they_learn_or_not() -> None:
    net, (x, y) = topology.layered([4, 5, 3], rng=1), samples(4, 3, 40)
    on = Sweeps(6, tolerance=3e-3)
    locked = on.relax(net, x, nudge=Nudge(CosineCost(), y, 0.1)).locked
    skip = two_phase_gradient(net, x, y, cost=CosineCost(), on=on)
    both = two_phase_gradient(net, x, y, cost=CosineCost(), on=on, unsettled="learn")
    assert 0 < skip.unlocked == both.unlocked
    assert skip.unlocked >= (~locked).sum()
    assert np.abs(skip.vector() - both.vector()).max() > 1e-6
    with pytest.raises(ValueError, match="unsettled: 'drop' is unknown"):
        two_phase_gradient(net, x, y, cost=CosineCost(), on=on, unsettled="drop")  # type: ignore[call-overload]


def test_a_changed_sample_is_seen() -> None:
    """What both relaxations share is kept only of samples that cannot change."""
    model = LayeredModel.of(topology.layered([4, 5, 3], rng=1), Sweeps(), ("coupling",))
    x = np.zeros((1, 4))
    first = model.relax(x).state
    x[:] = 0.7
    assert (model.relax(x).state != first).any()
    assert dataclasses.replace(model).relax(x).state == pytest.approx(model.relax(x).state)
