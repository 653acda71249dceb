"""Phasor nets in spikes against the nets themselves."""

import numpy as np
import pytest

from neurosc import datasets
from neurosc.hw_models import SpikingPhasors
from neurosc.network import ComplexArray, FloatArray
from neurosc.phasor import PhasorMLP, Polar, phase_of, phase_to_spikes, spikes_to_phase, train

NET = PhasorMLP.random([4, 6, 5, 3], rng=0)
X = np.random.default_rng(0).random((7, 4))


def coded(z: ComplexArray, bins: int) -> ComplexArray:
    """Phasors after the nearest-bin code."""
    return np.asarray(np.exp(1j * spikes_to_phase(phase_to_spikes(phase_of(z), bins))))


def by_codec(net: PhasorMLP, x: FloatArray, bins: int) -> FloatArray:
    """The net of which each layer sees the code of the one before."""
    z = coded(net.states(x)[0], bins)
    for layer in net.hidden:
        z = coded(layer(z), bins)
    return net.readout(z)


def test_events_between_steps_are_exact() -> None:
    found = SpikingPhasors(NET).run(X)
    assert np.abs(found.logits - NET(X)).max() < 1e-9
    for phases, z in zip(found.phases, NET.states(X), strict=True):
        assert np.abs(np.exp(1j * phases) - z).max() < 1e-9


@pytest.mark.parametrize("bins", [8, 10, 16, 64])
def test_events_on_the_grid_are_those_of_the_codec(bins: int) -> None:
    found = SpikingPhasors(NET, bins=bins).run(X)
    assert np.abs(found.logits - by_codec(NET, X, bins)).max() < 1e-9


def test_digits_end_to_end() -> None:
    data, test = datasets.digits()
    net = PhasorMLP.random([64, 12, 10], rng=0)
    net = train(net, data, epochs=4, learning_rate=0.03, weight_decay=1.0, rng=0).net
    x, y = test.x[:100], test.y[:100]
    assert (net.predict(x) == y).mean() > 0.9
    assert (SpikingPhasors(net, bins=16).predict(x) == net.predict(x)).mean() >= 0.97
    assert np.abs(SpikingPhasors(net).run(x).logits - net(x)).max() < 1e-9


def test_more_samples_than_one_chunk() -> None:
    x = np.random.default_rng(1).random((70, 4))
    assert np.array_equal(SpikingPhasors(NET).predict(x), NET.predict(x))


def test_quantised_as_the_net_is() -> None:
    rule = Polar(2)
    found = SpikingPhasors(NET, quantize=rule).run(X)
    assert np.abs(found.logits - rule(NET)(X)).max() < 1e-9


def test_a_leak_weighs_late_spikes_more() -> None:
    off = [
        np.abs(SpikingPhasors(NET, leak=leak).run(X).logits - NET(X)).max() for leak in (0.01, 0.1)
    ]
    assert 3 < off[1] / off[0] < 30


def test_jitter_turns_each_phase_by_as_much() -> None:
    x = np.random.default_rng(1).random((60, 4))
    found = SpikingPhasors(NET, jitter=0.05).run(x, rng=0)
    turned = np.angle(np.exp(1j * found.phases[0]) / NET.states(x)[0])
    assert turned.std() == pytest.approx(0.05 * 2 * np.pi, rel=0.15)


def test_lost_spikes_are_silent_units() -> None:
    x = np.random.default_rng(1).random((60, 4))
    found = SpikingPhasors(NET, dropout=0.2).run(x, rng=0)
    assert np.isnan(np.concatenate(found.phases, axis=1)).mean() == pytest.approx(0.2, abs=0.05)
    all_lost = SpikingPhasors(NET, dropout=1.0).run(X, rng=0)
    assert not all_lost.logits.any()


def test_randomness_does_not_depend_on_the_batch() -> None:
    noisy = SpikingPhasors(NET, bins=32, jitter=0.02, dropout=0.1)
    assert np.array_equal(noisy.run(X, rng=3).logits[:3], noisy.run(X[:3], rng=3).logits)
    assert not np.array_equal(noisy.run(X, rng=3).logits, noisy.run(X, rng=4).logits)


def test_quarter_cycle_delays_stand_for_imaginary_weights() -> None:
    net = PhasorMLP.random([4, 6, 3], rng=0)
    found = SpikingPhasors(net, "quadrature", bins=32, leak=0.3).run(X)
    off = np.angle(np.exp(1j * found.phases[1]) / net.states(X)[1])
    assert np.sqrt(np.mean(off**2)) < 0.15
    assert np.corrcoef(found.logits.ravel(), net(X).ravel())[0, 1] > 0.98


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"form": "cubic"}, "form: 'cubic'"),
        ({"bins": 1}, "bins: 1"),
        ({"jitter": -1}, "jitter: -1"),
        ({"dropout": 2}, "dropout: 2"),
        ({"leak": -1}, "leak: -1"),
        ({"form": "quadrature", "leak": 0.1}, "bins: None steps have no quarter"),
        ({"form": "quadrature", "bins": 32}, "leak: resonators without one"),
    ],
)
def test_bad_input(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpikingPhasors(NET, **settings)  # type: ignore[arg-type]


def test_bad_samples() -> None:
    with pytest.raises(ValueError, match="x: shape"):
        SpikingPhasors(NET).run(X[:, :3])
