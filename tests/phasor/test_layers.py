"""Layers of phasors, and the net that they make."""

import numpy as np
import pytest

from neurosc import Encoding
from neurosc.phasor import (
    PhasorActivation,
    PhasorLinear,
    PhasorMLP,
    PhasorReadout,
    phase_of,
    phasor_to_real,
    real_to_phasor,
)


def test_reals_as_phasors_and_back() -> None:
    x = np.linspace(-0.99, 1, 50).reshape(5, 10)
    z = real_to_phasor(x)
    assert np.allclose(np.abs(z), 1)
    assert np.allclose(phasor_to_real(z), x)
    assert np.allclose(phasor_to_real(real_to_phasor(x, 2.0), 2.0), x)


def test_silent_units_have_no_phase() -> None:
    z = PhasorActivation()([0, 2j, -3])
    assert z.tolist() == [0, 1j, -1]
    assert np.isnan(phase_of(z)).tolist() == [True, False, False]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_not_finite_has_no_phasor(wrong: float) -> None:
    with pytest.raises(ValueError, match="x: has entries that are not finite; replace"):
        PhasorMLP.random([2, 3, 2], rng=0)([0.5, wrong])


def test_sizes_are_whole_numbers() -> None:
    for wrong in ([4, 6.5, 3], ["4", "6", "3"]):
        with pytest.raises(TypeError, match=r"sizes: .* are no whole numbers; give such as"):
            PhasorMLP.random(wrong, rng=0)  # type: ignore[arg-type]


def test_activation_ignores_scale() -> None:
    u = np.random.default_rng(0).standard_normal((4, 3)) + 1j
    assert np.allclose(PhasorActivation()(1e-9 * u), PhasorActivation()(u))


def test_any_batch_shape() -> None:
    net = PhasorMLP.random([4, 6, 5, 3], rng=0)
    x = np.random.default_rng(1).random((2, 7, 4))
    assert net(x).shape == (2, 7, 3)
    assert net.predict(x[0, 0]).shape == ()
    assert np.allclose(net(x)[1, 3], net(x[1, 3]))
    assert [z.shape[-1] for z in net.states(x)] == [4, 6, 5]


def test_by_hand() -> None:
    net = PhasorMLP(
        (PhasorLinear([[1, 1j]], [0.5]),),
        PhasorReadout(np.array([[1], [1j]])),
        Encoding("phase", np.pi),
    )
    u = 1 * np.exp(1j * np.pi * 0.25) + 1j * np.exp(1j * np.pi * 0.5) + 0.5
    z = u / abs(u)
    assert net([0.25, 0.5]) == pytest.approx([z.real, -z.imag])


def test_two_views_have_the_same_parameters() -> None:
    net = PhasorMLP.random([4, 6, 5, 3], rng=0)
    network = net.to_network(gamma=0.2)
    assert network.n == 15
    assert network.outputs.tolist() == [10, 11, 12, 13, 14]
    assert np.array_equal(network.coupling[4:10, :4], net.hidden[0].weight)
    assert np.allclose(network.coupling[10:, 4:10], 0.2 * net.hidden[1].weight)
    back = net.with_network(network, gamma=0.2)
    for one, other in zip(back.hidden, net.hidden, strict=True):
        assert np.allclose(one.weight, other.weight)
        assert np.allclose(one.bias, other.bias)
    assert np.array_equal(back.readout.weight, net.readout.weight)


def test_oscillators_follow_the_feed_forward_net_as_gamma_falls() -> None:
    from neurosc import Ideal

    net = PhasorMLP.random([4, 6, 5, 3], rng=2)
    x = np.random.default_rng(1).random((20, 4))
    last = np.angle(net.states(x)[-1])
    off = []
    for gamma in (0.01, 0.001):
        found = Ideal().relax(net.to_network(gamma), x)
        assert found.locked.all()
        off.append(np.abs(np.exp(1j * (found.phases[:, -5:] - last)) - 1).max())
    assert off[0] < 0.1
    assert off[0] / off[1] == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PhasorLinear([1, 2]), "weight: shape"),
        (lambda: PhasorLinear([[np.nan]]), "weight: shape"),
        (lambda: PhasorLinear(np.ones((2, 3)), [1, 2, 3]), "bias: shape"),
        (lambda: PhasorLinear(np.ones((2, 3)))(np.ones(2)), "z: shape"),
        (lambda: PhasorMLP((), PhasorReadout([[1]])), "hidden: holds no layer"),
        (
            lambda: PhasorMLP((PhasorLinear(np.ones((2, 3))),), PhasorReadout(np.ones((2, 3)))),
            "hidden: layer 1 has 2 units and what follows takes 3",
        ),
        (lambda: PhasorMLP.random([4, 2]), "sizes:"),
        (lambda: PhasorMLP.random([4, 5, 2], encoding=Encoding("amplitude")), "encoding:"),
        (lambda: PhasorMLP.random([4, 5, 2]).to_network(0), "gamma: 0"),
        (lambda: PhasorMLP.random([4, 5, 5, 2]).to_network(1e-17), "gamma: 1e-17"),
    ],
)
def test_bad_input(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
