"""Weights of few bits."""

import numpy as np
import pytest

from neurosc import Ideal
from neurosc.phasor import Cartesian, PhasorMLP, Polar, Quantization, QuantizedPhasors, train
from neurosc.substrate import Nudge
from tests.phasor.test_learning import toy


def test_polar_levels() -> None:
    w = noise(500)
    coarse = Polar(2, 3).levels(w)
    sizes = np.unique(np.round(np.abs(coarse), 12))
    assert np.allclose(sizes / sizes[0], [1, 3, 5, 7])
    turns = np.angle(coarse) / (np.pi / 4)
    assert np.allclose(turns, np.rint(turns))
    assert np.abs(np.angle(coarse / w)).max() <= np.pi / 8 + 1e-12
    assert len(np.unique(np.round(coarse, 9))) == 4 * 8


def test_cartesian_levels() -> None:
    coarse = Cartesian(2).levels(noise(500))
    parts = np.unique(np.round(np.concatenate([coarse.real, coarse.imag]), 12))
    assert np.allclose(parts / parts[-1], [-1, -1 / 3, 1 / 3, 1])


@pytest.mark.parametrize("kind", [Polar, Cartesian])
def test_error_halves_with_each_bit(kind: type[Quantization]) -> None:
    w = noise(5000)
    off = [np.abs(kind(bits).levels(w) - w).std() for bits in (5, 6, 7)]  # type: ignore[call-arg]
    assert off[0] / off[1] == pytest.approx(2, rel=0.2)
    assert off[1] / off[2] == pytest.approx(2, rel=0.2)


def test_nothing_stays_nothing() -> None:
    for rule in (Polar(2), Cartesian(2)):
        assert rule.levels([[0, 1 + 1j]])[0, 0] == 0
        assert not rule.levels(np.zeros((2, 2))).any()


def test_it_changes_outputs_and_many_bits_do_not() -> None:
    net, (x, _) = PhasorMLP.random([4, 16, 2], rng=0), toy(0, 50)
    assert np.abs(Polar(2)(net)(x) - net(x)).max() > 0.05
    assert np.allclose(Polar(20)(net)(x), net(x), atol=1e-4)
    assert np.allclose(Cartesian(20)(net)(x), net(x), atol=1e-4)


def test_relaxes_as_the_coarse_net_does() -> None:
    net, (x, y) = PhasorMLP.random([4, 6, 5, 2], rng=0), toy(0, 20)
    rule = Polar(3)
    coarse = rule(net)
    on = QuantizedPhasors(net, rule, 0.1, Ideal())
    found = on.relax(net.to_network(0.1), x, nudge=Nudge(net.cost, y, 0.01))
    expected = Ideal().relax(coarse.to_network(0.1), x, nudge=Nudge(coarse.cost, y, 0.01))
    assert np.allclose(found.phases, expected.phases)


def test_training_that_knows_of_one_bit() -> None:
    net, data, rule = PhasorMLP.random([4, 16, 2], rng=0), toy(0, 64), Polar(1)
    settings = {"epochs": 60, "learning_rate": 0.03, "batch_size": 64, "rng": 0}
    blind = rule(train(net, data, **settings).net)  # type: ignore[arg-type]
    aware = rule(train(net, data, quantize=rule, **settings).net)  # type: ignore[arg-type]
    fresh, labels = toy(1000, 2000)
    accuracy = [(each.predict(fresh) == labels).mean() for each in (blind, aware)]
    assert accuracy[1] >= 0.94
    assert accuracy[1] > accuracy[0] + 0.03


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Polar(0), "bits: 0"),
        (lambda: Polar(2, 25), "phase_bits: 25"),
        (lambda: Cartesian(2.5), "bits: 2.5"),  # type: ignore[arg-type]
    ],
)
def test_bad_input(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]


def noise(count: int) -> np.ndarray:
    """Complex normal weights."""
    re, im = np.random.default_rng(0).standard_normal((2, count))
    return np.asarray(re + 1j * im)
