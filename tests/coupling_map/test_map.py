"""The map from features to couplings: its formula, its slopes, its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy

from neurosc import PhaseNetwork, save
from neurosc.coupling_map import CouplingMap, Instances, Nearest

RNG = np.random.default_rng(7)
FEATURES = RNG.normal(size=(2, 7, 2))
SLOPE = RNG.normal(size=(2, 7, 7))
SMALL = {"hidden": (6, 5), "precision": "float64"}


def small(**settings: Any) -> CouplingMap:
    return CouplingMap(2, **(SMALL | {"rng": 1} | settings))


def as_published(made: CouplingMap, features: Any, training: bool) -> Any:
    """M of every pair but i = j of a batch, pair by pair through the layers."""
    p, n = made.parameters, features.shape[1]
    others = ~np.eye(n, dtype=bool)
    rows = [
        np.concatenate([f[i], f[j]])
        for f in features
        for i, j in zip(*np.nonzero(others), strict=True)
    ]
    x = np.array(rows) @ np.concatenate([p["own"], p["other"]])
    for layer, weights in ((1, p["inner"]), (2, p["outer"])):
        mean, variance = (made.statistics[f"{name}_{layer}"] for name in ("mean", "variance"))
        if training:
            mean, variance = x.mean(axis=0), x.var(axis=0)
        x = p[f"gain_{layer}"] * (x - mean) / np.sqrt(variance + 1e-5) + p[f"bias_{layer}"]
        x = np.where(x > 0, x, 0.01 * x) @ weights
    table = np.zeros((len(features), n, n))
    table[:, others] = x.reshape(len(features), -1)
    return table


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_couplings_are_those_of_the_layers(training: bool, precision: Any) -> None:
    made = small(normalise="none", precision=precision, degree=7.0, symmetric=False)
    made = made.keeping(made.training_run(FEATURES).forward.statistics)
    run = made.training_run(FEATURES).coupling if training else made.couplings(FEATURES)
    atol = 1e-13 if precision == "float64" else 1e-6
    np.testing.assert_allclose(run, as_published(made, FEATURES, training), atol=atol)


@pytest.mark.parametrize("mask", [None, Nearest(3)])
def test_normalisations(mask: Any) -> None:
    settings: Any = {"mask": mask, "symmetric": False, "degree": 1.5}
    raw, node, graph = (
        small(normalise=kind, **settings).couplings(FEATURES) for kind in ("none", "node", "graph")
    )
    values, on = raw * 7 / 1.5, raw != 0
    shares = np.where(on, np.exp(values), 0)
    shares /= shares.sum(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(node, 1.5 * 7 * shares, atol=1e-14)
    assert node.sum(axis=2).mean() == pytest.approx(1.5)
    lengths = np.sqrt((values**2).sum(axis=2, keepdims=True))
    np.testing.assert_allclose(graph, 1.5 * values / lengths, atol=1e-13)


def test_symmetric_maps_are_the_mean_of_both_directions() -> None:
    for kind in ("node", "graph", "none"):
        directed = small(normalise=kind, symmetric=False).couplings(FEATURES)
        both = small(normalise=kind).couplings(FEATURES)
        np.testing.assert_allclose(both, (directed + directed.swapaxes(1, 2)) / 2, atol=1e-15)


@pytest.mark.parametrize("mask", [None, Nearest(3, columns=(0,))])
@pytest.mark.parametrize("normalise", ["node", "graph", "none"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_slopes_are_those_of_finite_differences(normalise: Any, symmetric: bool, mask: Any) -> None:
    made = small(normalise=normalise, symmetric=symmetric, mask=mask, degree=1.3)
    found, h = made.training_run(FEATURES).gradient(SLOPE), 1e-6
    for name, value in made.parameters.items():
        along = RNG.normal(size=value.shape)
        up, down = (
            made.replace(parameters={**made.parameters, name: value + sign * h * along})
            for sign in (1, -1)
        )
        both = [(m.training_run(FEATURES).coupling * SLOPE).sum() for m in (up, down)]
        expected = (both[0] - both[1]) / (2 * h)
        assert (found[name] * along).sum() == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_single_precision_has_the_slopes_of_double() -> None:
    double, single = (small(precision=p).training_run(FEATURES) for p in ("float64", "float32"))
    for name, value in double.gradient(SLOPE).items():
        np.testing.assert_allclose(single.gradient(SLOPE)[name], value, atol=1e-5)


def test_chunks_change_nothing() -> None:
    from neurosc.coupling_map import perceptron

    wide = RNG.normal(size=(1, 80, 2))
    made = small()
    assert perceptron.CHUNK < 80 * 79
    both = made.couplings(np.concatenate([wide, wide]))
    np.testing.assert_allclose(both[0], both[1], atol=1e-15)


def test_a_network_knows_no_other_outside_training() -> None:
    made = small()
    together = made.couplings(FEATURES)
    np.testing.assert_allclose(together[:1], made.couplings(FEATURES[:1]), atol=1e-15)
    trained = made.training_run(FEATURES).coupling
    assert np.abs(trained[:1] - made.training_run(FEATURES[:1]).coupling).max() > 1e-4


def test_a_mask_leaves_nothing_elsewhere() -> None:
    ring = np.roll(np.eye(7, dtype=bool), 1, axis=1)
    made = small(mask=ring | ring.T)
    coupling = made.couplings(FEATURES)
    assert ((coupling != 0) == (ring | ring.T)).all()
    sparse = made.sparse_couplings(FEATURES[0])
    assert sparse.nnz == 14
    np.testing.assert_allclose(sparse.toarray(), coupling[0], atol=1e-15)
    with pytest.raises(ValueError, match=r"^mask: couples 0 to 1 but not 1 to 0"):
        small(mask=ring).couplings(FEATURES)
    assert (small(mask=ring, symmetric=False).couplings(FEATURES) != 0).sum() == 14


def test_nearest_couples_neighbours() -> None:
    line: Any = np.arange(5.0)[:, None]
    table = Nearest(1)(line).toarray()
    assert (table == table.T).all()
    assert table[2:].sum(axis=1).min() >= 2
    assert not table[0, 2:].any()
    with pytest.raises(ValueError, match=r"^count: 5 neighbours among 5"):
        Nearest(5)(line)


def test_networks_hold_fields_with_the_sign_of_the_torque() -> None:
    instances = Instances(FEATURES, frequency=RNG.normal(size=(2, 7)), field=0.3)
    network = small().networks(instances)[1]
    theta = RNG.uniform(-3, 3, 7)
    coupling = small().couplings(FEATURES)[1]
    pull = (coupling * np.sin(theta[None] - theta[:, None])).sum(axis=1)
    torque = instances.frequency[1] + pull + 0.3 * np.sin(theta)
    np.testing.assert_allclose(network.torque(theta), torque, atol=1e-14)
    with pytest.raises(ValueError, match=r"^delay_steps: a phase network has no delays"):
        small().networks(Instances(FEATURES, delay_steps=np.ones((2, 7), int)))


@pytest.mark.parametrize("mask", [None, Nearest(3, (1,)), ~np.eye(7, dtype=bool)])
def test_files_give_the_map_back(tmp_path: Path, mask: Any) -> None:
    made = small(mask=mask, degree=1.7)
    made = made.keeping(made.training_run(FEATURES).forward.statistics)
    made.save(tmp_path / "map.npz")
    back = CouplingMap.load(tmp_path / "map.npz")
    assert repr(back) == repr(made)
    assert (back.couplings(FEATURES) == made.couplings(FEATURES)).all()


def test_other_files_are_refused(tmp_path: Path) -> None:
    save(PhaseNetwork(1 - np.eye(3)), tmp_path / "network.npz")
    with pytest.raises(ValueError, match=r"holds a network, not a coupling map"):
        CouplingMap.load(tmp_path / "network.npz")
    with pytest.raises(TypeError, match=r"^mask: a function cannot be written"):
        small(mask=lambda f: np.ones((len(f), len(f)), bool)).save(tmp_path / "map.npz")


def test_maps_are_values() -> None:
    made = small()
    with pytest.raises(ValueError, match=r"read-only"):
        made.parameters["inner"][0, 0] = 1.0
    assert made.replace(degree=2.0).degree == 2.0
    assert made.degree == 1.0
    assert (small().couplings(FEATURES) == made.couplings(FEATURES)).all()
    assert (small(rng=2).couplings(FEATURES) != made.couplings(FEATURES)).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": 0}, "features: 0 is no number"),
        ({"features": 2.5}, "features: 2.5 is no number"),
        ({"hidden": (4,)}, "hidden: "),
        ({"hidden": (4, 2.5)}, "hidden: "),
        ({"normalise": "rows"}, "normalise: 'rows' is unknown"),
        ({"degree": 0.0}, "degree: 0.0 is not a positive"),
        ({"precision": "float16"}, "precision: 'float16' is unknown"),
    ],
)
def test_arguments_are_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        CouplingMap(**({"features": 2} | changes))


def test_features_masks_and_changes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"^features: shape \(7, 2\) does not fit"):
        small().couplings(FEATURES[0])
    with pytest.raises(ValueError, match=r"^features: has entries that are not finite"):
        small().couplings(np.full_like(FEATURES, np.nan))
    with pytest.raises(ValueError, match=r"^mask: float64 of shape"):
        small(mask=np.ones((7, 7))).couplings(FEATURES)
    with pytest.raises(ValueError, match=r"^mask: couples nobody"):
        small(mask=scipy.sparse.csr_array((7, 7), dtype=bool)).couplings(FEATURES)
    with pytest.raises(TypeError, match=r"^hidden: cannot be changed"):
        small().replace(hidden=(3, 3))
    with pytest.raises(ValueError, match=r"^degree: -1"):
        small().replace(degree=-1.0)
