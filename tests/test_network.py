"""Parameters, roles, energy and its derivatives."""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import scipy

from neurosc import Encoding, PhaseNetwork, topology
from neurosc.network import wrap
from tests.conftest import kuramoto, random_coupling


def test_torque_is_minus_the_slope_of_the_energy(general: PhaseNetwork) -> None:
    theta = np.random.default_rng(0).uniform(-np.pi, np.pi, general.n)
    amplitude = np.where(np.arange(general.n) < 2, 0.6, 1.0)
    h = 1e-6
    numeric = [
        -(general.energy(theta + h * e, amplitude) - general.energy(theta - h * e, amplitude))
        / (2 * h)
        for e in np.eye(general.n)
    ]
    np.testing.assert_allclose(general.torque(theta, amplitude), numeric, atol=1e-8)


def test_hessian_is_minus_the_slope_of_the_torque(general: PhaseNetwork) -> None:
    theta = np.random.default_rng(1).uniform(-np.pi, np.pi, general.n)
    h = 1e-6
    numeric = [
        -(general.torque(theta + h * e) - general.torque(theta - h * e)) / (2 * h)
        for e in np.eye(general.n)
    ]
    np.testing.assert_allclose(general.hessian(theta), numeric, atol=1e-8)


def test_torque_is_kuramoto_sakaguchi() -> None:
    rng = np.random.default_rng(2)
    j = random_coupling(5, rng, lags=True)
    network = PhaseNetwork(j, reference=0)
    theta = rng.uniform(-np.pi, np.pi, 5)
    expected = [
        sum(abs(j[i, k]) * np.sin(theta[k] - theta[i] + np.angle(j[i, k])) for k in range(5))
        for i in range(5)
    ]
    np.testing.assert_allclose(network.torque(theta), expected, atol=1e-13)


@hypothesis.given(turn=st.floats(-50, 50), seed=st.integers(0, 1000))
def test_rotation_and_whole_turns_change_nothing(turn: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = kuramoto(6, rng, spread=0.0)
    theta = rng.uniform(-np.pi, np.pi, (3, 6))
    whole = 2 * np.pi * rng.integers(-3, 4, (3, 6))
    for moved in (theta + turn, theta + whole):
        np.testing.assert_allclose(network.energy(moved), network.energy(theta), atol=1e-10)
        np.testing.assert_allclose(network.torque(moved), network.torque(theta), atol=1e-10)
        seen = np.exp(1j * network.relative(moved))
        np.testing.assert_allclose(seen, np.exp(1j * network.relative(theta)), atol=1e-10)


@hypothesis.given(st.floats(-1e4, 1e4))
def test_wrap_lands_in_the_half_open_interval(angle: float) -> None:
    wrapped = float(wrap(angle))
    assert -np.pi < wrapped <= np.pi
    assert np.exp(1j * wrapped) == pytest.approx(np.exp(1j * angle), abs=1e-10)


def test_sparse_and_dense_agree() -> None:
    dense = kuramoto(8, np.random.default_rng(4))
    sparse = dense.replace(coupling=scipy.sparse.csr_array(dense.coupling))
    theta = np.random.default_rng(5).uniform(-3, 3, (2, 8))
    for method in ("energy", "torque", "hessian"):
        np.testing.assert_allclose(
            getattr(sparse, method)(theta), getattr(dense, method)(theta), atol=1e-13
        )


def test_encodings() -> None:
    coupling = random_coupling(3, np.random.default_rng(0))
    x = np.array([[0.5, 1.0], [0.0, 0.25]])
    net = {
        k: PhaseNetwork(coupling, inputs=[0, 2], outputs=[1], reference=1, encoding=Encoding(k, 2))
        for k in ("phase", "amplitude", "frequency")
    }
    assert net["phase"].encode(x).phases[:, [0, 2]].tolist() == (2 * x).tolist()
    assert net["amplitude"].encode(x).amplitude[:, [0, 2]].tolist() == (2 * x).tolist()
    assert net["frequency"].encode(x).frequency[:, [0, 2]].tolist() == (2 * x).tolist()
    assert net["phase"].free.tolist() == [1]
    assert net["frequency"].free.tolist() == [0, 1, 2]


def test_is_immutable(small: PhaseNetwork) -> None:
    with pytest.raises(AttributeError):
        small.frequency = np.ones(small.n)  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        small.coupling[0, 1] = 3.0
    changed = small.replace(frequency=1.0)
    assert changed.frequency[0] == 1.0
    assert small.frequency[0] == 0.0


RING = np.roll(np.eye(4), 1, axis=0) + np.roll(np.eye(4), -1, axis=0)
PAIRS = np.kron(np.eye(2), [[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"coupling": np.triu(RING)}, r"worst pair is J\[0, 1\] = 1 against J\[1, 0\] = 0"),
        ({"coupling": 1j * RING}, "not Hermitian"),
        ({"coupling": RING * np.exp(0.2j)}, r"not Hermitian; a lag of 0\.2 rad acts both ways"),
        ({"coupling": -RING * np.exp(0.2j)}, r"a lag of 0\.2 rad .* alpha_ij = -alpha_ji"),
        (
            {"coupling": scipy.sparse.csr_array(RING * np.exp(0.2j))},
            r"a lag of 0\.2 rad acts both ways between 0 and 1, .* uniform lags have no energy",
        ),
        ({"coupling": np.triu(RING) * np.exp(0.2j)}, "worst pair"),
        ({"coupling": scipy.sparse.csr_array(np.triu(RING))}, "not Hermitian"),
        ({"coupling": RING[:3]}, "not square"),
        ({"coupling": np.zeros((0, 0))}, "not square"),
        ({"coupling": RING * np.nan}, "not finite"),
        ({"coupling": RING + np.eye(4)}, "couples an oscillator to itself"),
        ({"frequency": np.ones(3)}, r"frequency: shape \(3,\)"),
        ({"field": np.inf}, "field: has entries that are not finite"),
        ({"inputs": [0, 1], "outputs": [1]}, r"outputs: oscillators \[1\] are also inputs"),
        ({"held": [1], "outputs": [1]}, r"outputs: oscillators \[1\] are also held"),
        ({"inputs": [4]}, "inputs: 4 is out of range"),
        ({"outputs": [-1]}, "outputs: -1 is out of range"),
        ({"outputs": [1, 1]}, "named twice"),
        ({"reference": 9}, "reference: 9 is out of range"),
        ({"reference": [0, 1]}, "in the same part"),
        ({"coupling": PAIRS}, r"oscillators \[0, 1\] form a part"),
        ({"coupling": PAIRS, "reference": 0}, r"oscillators \[2, 3\] form a part"),
        ({"coupling": PAIRS, "held": [0]}, r"oscillators \[2, 3\] form a part"),
    ],
)
def test_bad_values_name_the_argument(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PhaseNetwork(**{"coupling": RING, **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"coupling": [["a"]]}, "coupling: expected numbers"),
        ({"frequency": 1j}, "frequency: expected float64"),
        ({"inputs": [0.5]}, "inputs: expected a list of oscillator numbers"),
        ({"encoding": "phase"}, "encoding: expected an Encoding"),
    ],
)
def test_bad_types_name_the_argument(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        PhaseNetwork(**{"coupling": RING, **arguments})


def test_parts_may_be_anchored_in_different_ways() -> None:
    assert PhaseNetwork(PAIRS, field=[0, 1, 0, 0], reference=2).parts.tolist() == [-1, -1, 0, 0]
    assert PhaseNetwork(PAIRS, reference=[1, 3]).frame.tolist() == [1, 1, 3, 3]
    assert PhaseNetwork(PAIRS, second_harmonic=[1, 0, 1, 0]).frame.tolist() == [-1] * 4
    assert PhaseNetwork(RING).frame.tolist() == [0] * 4


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((2, 3)), r"x: shape \(2, 3\) does not fit 4 inputs"),
        (np.full((2, 4), np.nan), "x: sample 0 has nan at input 0"),
        (None, "x: this network has 4 inputs"),
    ],
)
def test_bad_samples(small: PhaseNetwork, x: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small.encode(x)


def test_text_is_no_sample(small: PhaseNetwork) -> None:
    with pytest.raises(TypeError, match="x: expected real numbers"):
        small.encode([["a", "b", "c", "d"]])


def test_layered_refuses_empty_layers() -> None:
    with pytest.raises(ValueError, match="sizes"):
        topology.layered([3])
    with pytest.raises(ValueError, match="sizes"):
        topology.layered([3, 0, 2])
