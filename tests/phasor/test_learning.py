"""Phasor nets that learn by two relaxations."""

import numpy as np
import pytest
from sklearn.datasets import make_moons

from neurosc import Ideal, PhaseNetwork, fit, implicit_gradient, two_phase_gradient
from neurosc.learning.gradient import Gradient
from neurosc.learning.polar import polar_slopes
from neurosc.learning.two_phase import Scheme
from neurosc.network import FloatArray, IntArray
from neurosc.phasor import (
    PhasorLinear,
    PhasorMLP,
    PhasorModel,
    reference_gradient,
    relaxed_gradient,
    train,
)

LEARN = ("weights", "bias", "readout")


def toy(seed: int, samples: int) -> tuple[FloatArray, IntArray]:
    """Four features, of which the first decides: the task of spyx's tutorial."""
    x = np.random.default_rng(seed).random((samples, 4))
    return x, (x[:, 0] > 0.5).astype(np.intp)


def loss(net: PhasorMLP, x: FloatArray, y: IntArray) -> float:
    """Mean cross-entropy."""
    logits = net(x)
    return float(
        (
            np.log(np.exp(logits).sum(axis=1)) - np.take_along_axis(logits, y[:, None], 1)[:, 0]
        ).mean()
    )


def test_backward_pass_against_differences() -> None:
    net = PhasorMLP.random([4, 6, 5, 2], rng=0)
    x, y = toy(1, 9)
    gradient = reference_gradient(net, x, y)
    for layer in range(2):
        for direction in (1, 1j):
            ends = []
            for step in (1e-6, -1e-6):
                weight, bias = net.hidden[layer].weight.copy(), net.hidden[layer].bias.copy()
                weight[2, 1] += step * direction
                bias[3] += step * direction
                hidden = list(net.hidden)
                hidden[layer] = PhasorLinear(weight, bias)
                ends.append(loss(PhasorMLP(tuple(hidden), net.readout), x, y))
            slope = gradient.weights[layer][2, 1] + gradient.biases[layer][3]
            expected = (slope * np.conj(direction)).real
            assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(expected, rel=1e-6)


def test_two_relaxations_give_the_backward_pass_as_gamma_falls() -> None:
    net = PhasorMLP.random([4, 6, 5, 2], rng=0)
    x, y = toy(1, 9)
    exact = reference_gradient(net, x, y).vector()
    off = [
        np.linalg.norm(relaxed_gradient(net, x, y, gamma=gamma).vector() - exact)
        / np.linalg.norm(exact)
        for gamma in (0.01, 0.001)
    ]
    assert off[0] < 0.1
    assert off[0] / off[1] == pytest.approx(10, rel=0.2)


def test_one_hidden_layer_is_exact_whatever_gamma() -> None:
    net = PhasorMLP.random([4, 16, 2], rng=1)
    x, y = toy(2, 10)
    exact = reference_gradient(net, x, y).vector()
    off = [
        np.linalg.norm(relaxed_gradient(net, x, y, gamma=1.0, beta=beta).vector() - exact)
        / np.linalg.norm(exact)
        for beta in (1e-2, 1e-3)
    ]
    assert off[1] < 1e-5
    assert off[0] / off[1] == pytest.approx(100, rel=0.1)


def slopes(network: PhaseNetwork, gradient: Gradient) -> dict[str, FloatArray]:
    """By strength and lag of couplings, by field and by frequency."""
    parts = polar_slopes(network.coupling, gradient.coupling)
    return parts | {"field": gradient.field, "frequency": gradient.frequency}


def relative_errors(seed: int, beta: float, scheme: Scheme) -> dict[str, float]:
    """Of the two-phase slopes of oscillators with lags and frequencies, by parameter."""
    net = PhasorMLP.random([4, 6, 5, 2], rng=seed)
    network = net.to_network(gamma=1.0)
    network = network.replace(frequency=np.random.default_rng(seed).normal(0, 0.05, network.n))
    x, y = toy(1, 9)
    on = Ideal(tolerance=1e-13)
    exact = slopes(network, implicit_gradient(network, x, y, cost=net.cost, on=on))
    pair = two_phase_gradient(network, x, y, cost=net.cost, beta=beta, scheme=scheme, on=on)
    return {
        name: float(np.linalg.norm(found - exact[name]) / np.linalg.norm(exact[name]))
        for name, found in slopes(network, pair).items()
    }


@pytest.mark.parametrize("seed", range(3))
def test_every_parameter_of_oscillators_has_its_slope(seed: int) -> None:
    """Symmetric nudges err by (beta / curvature)^2, whatever the tolerance; complex ones do not."""
    rough = relative_errors(seed, 1e-3, "symmetric")
    finer = relative_errors(seed, 1e-4, "symmetric")
    exact = relative_errors(seed, 1e-3, "holomorphic")
    assert set(rough) == {"coupling", "lag", "field", "frequency"}
    for name in rough:
        assert exact[name] <= 1e-9
        assert finer[name] <= 1e-6
        assert rough[name] <= 2e-5
        assert rough[name] / finer[name] == pytest.approx(100, rel=0.1)


def test_learns_which_feature_decides() -> None:
    x, y = toy(0, 64)
    result = train(
        PhasorMLP.random([4, 16, 2], rng=0),
        (x, y),
        epochs=300,
        learning_rate=0.03,
        batch_size=64,
        rng=0,
    )
    fresh, labels = toy(1000, 2000)
    assert (result.net.predict(x) == y).all()
    assert (result.net.predict(fresh) == labels).mean() >= 0.945
    assert result.fit.rows[-1]["loss"] < 0.1 * result.fit.rows[0]["loss"]


def test_learns_two_moons() -> None:
    parts = []
    for rng, count in ((0, 200), (1, 2000)):
        x, y = make_moons(count, noise=0.1, random_state=rng)
        parts.append(((x - x.min(axis=0)) / np.ptp(x, axis=0), y))
    net = PhasorMLP.random([2, 16, 2], rng=0)
    learnt = train(net, parts[0], epochs=40, learning_rate=0.03, batch_size=50, rng=0).net
    assert (learnt.predict(parts[1][0]) == parts[1][1]).mean() >= 0.985


def test_oscillators_on_a_substrate_learn_the_same_net() -> None:
    x, y = toy(0, 64)
    net = PhasorMLP.random([4, 6, 5, 2], rng=0)
    settings = {"epochs": 4, "learning_rate": 0.01, "batch_size": 32, "rng": 0}
    exact = PhasorModel(net, tolerance=1e-9, sweeps=500)
    own = fit(exact, (x, y), cost=net.cost, learn=LEARN, **settings)  # type: ignore[arg-type]
    on = train(net, (x, y), on=Ideal(), **settings)  # type: ignore[arg-type]
    fast = train(net, (x, y), **settings)  # type: ignore[arg-type]
    for k, layer in enumerate(on.net.hidden):
        assert np.allclose(own.network.net.hidden[k].weight, layer.weight, atol=1e-6)
        moved = np.linalg.norm(layer.weight - net.hidden[k].weight)
        off = np.linalg.norm(layer.weight - fast.net.hidden[k].weight)
        assert off < 0.1 * moved
    assert own.rows[-1]["loss"] == pytest.approx(on.fit.rows[-1]["loss"], rel=1e-6)
