"""A phasor net as an energy model, against the oscillators that it stands for."""

import dataclasses

import numpy as np
import pytest

from neurosc import CosineCost, EnergyModel, Ideal, Status
from neurosc.network import wrap
from neurosc.phasor import PhasorLinear, PhasorMLP, PhasorModel, PhasorReadout, Polar
from neurosc.phasor.curvature import hessian
from neurosc.substrate import Nudge

NET = PhasorMLP.random([4, 6, 5, 3, 2], rng=0)
X = np.random.default_rng(0).random((7, 4))
Y = np.arange(7) % 2
EXACT = PhasorModel(NET, 0.3, sweeps=2000, tolerance=1e-11)
RANDOM = np.random.default_rng(1).uniform(-3, 3, (7, 14))


def rotors(phases: np.ndarray) -> np.ndarray:
    """The state of these phases."""
    return np.stack([np.cos(phases), np.sin(phases)], axis=1)


def phases_of(state: np.ndarray) -> np.ndarray:
    """The phases of a state."""
    return np.asarray(np.arctan2(state[:, 1], state[:, 0]))


@pytest.mark.parametrize("beta", [0.0, 0.2, -0.2])
def test_rests_where_the_oscillators_do(beta: float) -> None:
    nudge = Nudge(NET.cost, Y, beta) if beta else None
    scaled = Nudge(NET.cost, Y, beta * 0.3**2) if beta else None
    rest = EXACT.relax(X, nudge=nudge)
    other = Ideal().relax(NET.to_network(0.3), X, nudge=scaled)
    assert rest.locked.all()
    assert other.locked.all()
    assert np.abs(wrap(phases_of(rest.state) - other.phases[:, 4:])).max() < 1e-7


def test_torque_is_the_slope_of_the_energy_and_both_are_those_of_the_network() -> None:
    assert isinstance(EXACT, EnergyModel)
    torque, h = EXACT.torque(rotors(RANDOM), X), 1e-5
    for i in range(14):
        step = h * (np.arange(14) == i)
        ends = [EXACT.energy(rotors(RANDOM + s * step), X) for s in (1, -1)]
        assert np.allclose(torque[:, i], -(ends[0] - ends[1]) / (2 * h), atol=1e-8)
    network = NET.to_network(0.3)
    everyone = np.concatenate([np.pi * X, RANDOM], axis=1)
    assert np.allclose(torque * 0.3**2, network.torque(everyone)[:, 4:])


def test_parameter_gradient_is_the_slope_of_the_mean_energy() -> None:
    states, h = np.stack([rotors(RANDOM), rotors(2 * RANDOM)]), 1e-6
    slopes = EXACT.parameter_gradient(states, [1, -1], X)
    for name, value in EXACT.parameters.items():
        for direction in (1, 1j):
            change = np.zeros(value.shape, dtype=complex)
            change.flat[1] = h * direction
            ends = []
            for sign in (1, -1):
                model = EXACT.with_parameters(**{name: value + sign * change})
                one, other = (model.energy(state, X).mean() for state in states)
                ends.append(one - other)
            expected = (slopes[name].flat[1] * np.conj(direction)).real
            assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("beta", [0.0, -0.3, 0.3])
def test_no_sweep_raises_the_energy(beta: float) -> None:
    state = EXACT.relax(X).state
    before = np.full(7, np.inf)
    for _ in range(8):
        energy = EXACT.energy(state, X) + beta * NET.cost.value(EXACT.seen(state), Y)
        assert (energy <= before + 1e-12).all()
        before = energy
        nudge = Nudge(NET.cost, Y, beta) if beta else None
        state = PhasorModel(NET, 0.3, sweeps=1).relax(X, nudge=nudge, start=state).state


def test_leaves_the_state_it_starts_from() -> None:
    first = EXACT.relax(X, nudge=Nudge(NET.cost, Y, 0.1))
    before = first.state.copy()
    EXACT.relax(X, nudge=Nudge(NET.cost, Y, -0.1), start=first.state)
    assert np.array_equal(first.state, before)


def test_few_sweeps_are_told() -> None:
    rest = PhasorModel(NET, 0.3, sweeps=1, tolerance=1e-9).relax(X, nudge=Nudge(NET.cost, Y, 0.5))
    assert (rest.status == Status.STEP_LIMIT).all()
    assert (rest.residual > 1e-9).all()


def mirrored(bias: float) -> PhasorModel:
    """Two hidden units that pull a third one opposite ways, and rest on the real axis with it."""
    first = PhasorLinear([[1], [1]])
    second = PhasorLinear([[0.5, -0.5]], bias)
    return PhasorModel(PhasorMLP((first, second), PhasorReadout([[1], [-1]])), 1.0, tolerance=1e-9)


def test_a_saddle_is_told() -> None:
    """Its Hessian has the Schur complement bias - .25 / 1.5 - .25 / .5 of the third unit."""
    x = np.zeros((2, 1))
    for bias, expected in ((0.6, Status.UNSTABLE), (0.7, Status.LOCKED)):
        model = mirrored(bias)
        rest = model.relax(x)
        assert np.abs(model.torque(rest.state, x)).max() == 0
        assert (rest.status == expected).all()
        assert (Ideal().relax(model.net.to_network(1.0), x).status == expected).all()
        assert dataclasses.replace(model, certify=False).relax(x).locked.all()
    model = mirrored(0.6)
    aside = rotors(np.tile([0.1, 0.0, 0.1], (2, 1)))
    assert dataclasses.replace(model, sweeps=1000).relax(x, start=aside).locked.all()


def test_a_nudge_may_make_a_saddle() -> None:
    """Pulled to the class on its other side, the third unit loses what its bias holds it with."""
    model, x, y = mirrored(0.7), np.zeros((2, 1)), np.array([0, 1])
    assert model.relax(x, nudge=Nudge(model.net.cost, y, 0.05)).status[0] == Status.LOCKED
    assert model.relax(x, nudge=Nudge(model.net.cost, y, 0.5)).status[1] == Status.UNSTABLE


@pytest.mark.parametrize("beta", [0.0, 0.2, -0.2])
def test_the_certificate_is_that_of_the_oscillators(beta: float) -> None:
    layers = [np.exp(1j * np.pi * X), *np.split(np.exp(1j * RANDOM), [6, 11], axis=1)]
    own = hessian(NET.hidden, 0.3, layers)
    everyone = np.concatenate([np.pi * X, RANDOM], axis=1)
    expected = NET.to_network(0.3).hessian(everyone)[:, 4:, 4:]
    assert np.allclose(own * 0.3**2, expected)
    nudge = Nudge(NET.cost, Y, beta) if beta else None
    assert EXACT.relax(X, nudge=nudge).locked.all()


def test_relaxes_as_the_coarse_net_does_and_learns_the_fine_one() -> None:
    rule = Polar(3)
    model = PhasorModel(NET, 0.3, quantize=rule)
    coarse = PhasorModel(rule(NET), 0.3)
    found = model.relax(X, nudge=Nudge(NET.cost, Y, 0.1))
    expected = coarse.relax(X, nudge=Nudge(rule(NET).cost, Y, 0.1))
    assert np.allclose(found.state, expected.state)
    assert np.array_equal(model.parameters["weights.1"], NET.hidden[1].weight)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PhasorModel(NET, 0), "gamma: 0 leaves nothing"),
        (lambda: PhasorModel(NET, sweeps=0), "sweeps: 0"),
        (lambda: PhasorModel(NET, tolerance=-1), "tolerance: -1"),
        (lambda: EXACT.relax(X, start=np.zeros((7, 14))), "start: shape"),
        (lambda: EXACT.relax(X, nudge=Nudge(CosineCost(), Y, 0.1)), "cost: CosineCost"),
        (lambda: EXACT.relax(X[:, :3]), "z: shape"),
    ],
)
def test_bad_input(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
