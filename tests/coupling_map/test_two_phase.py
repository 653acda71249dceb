"""Two relaxations of each network against finite differences, on any substrate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import CosineCost, Ideal, SynchronyCost, two_phase_gradient
from neurosc.costs import CircularMoments
from neurosc.coupling_map import CouplingMap, Instances, networks
from neurosc.coupling_map.two_phase import random_phases, relax_all, two_phase_slope
from neurosc.hw_models import Device, presets

RNG = np.random.default_rng(11)
N = 9
GROUPS = np.tile(np.arange(N) % 3, (3, 1))
INSTANCES = Instances(
    RNG.normal(size=(3, N, 2)), frequency=0.4 * RNG.uniform(-1, 1, (3, N)), groups=GROUPS
)
COUPLING = CouplingMap(2, (8, 8), rng=3, degree=3.0).couplings(INSTANCES.features)
COSTS: Any = pytest.mark.parametrize("cost", [SynchronyCost(), CircularMoments(3)], ids=repr)


def loss(coupling: Any, instances: Instances, cost: Any, start: Any) -> Any:
    """C at the equilibrium."""
    nets = networks(coupling, instances)
    rest = relax_all(Ideal(), nets, start, [None] * len(nets), 0).phases[:, 0]
    return cost.value(rest, instances.target(cost))


@COSTS
@pytest.mark.parametrize("frozen", [True, False])
def test_slopes_are_those_of_finite_differences(cost: Any, frozen: bool) -> None:
    found = two_phase_slope(
        COUPLING, INSTANCES, cost=cost, beta=0.01, rng=4, frozen=frozen, scheme="symmetric"
    )
    start, h = random_phases(3, 1, N, 4), 1e-5
    assert found.used.all()
    np.testing.assert_allclose(found.loss, loss(COUPLING, INSTANCES, cost, start), atol=1e-5)
    for i, j in [(0, 1), (2, 7), (8, 3)]:
        step = np.zeros((N, N))
        step[i, j] = step[j, i] = h
        up, down = (loss(COUPLING + s * step, INSTANCES, cost, start) for s in (1, -1))
        both = found.coupling[:, i, j] + found.coupling[:, j, i]
        np.testing.assert_allclose(both, (up - down) / (2 * h), rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(found.coupling, found.coupling.swapaxes(1, 2), atol=1e-12)


@pytest.mark.parametrize(("scheme", "order"), [("one-sided", 1), ("symmetric", 2)])
def test_error_falls_with_the_nudge(scheme: Any, order: int) -> None:
    def at(beta: float, scheme: Any = scheme) -> Any:
        return two_phase_slope(
            COUPLING, INSTANCES, cost=SynchronyCost(), beta=beta, scheme=scheme, rng=4
        ).coupling

    exact = at(1e-3, "symmetric")
    errors = [np.linalg.norm(at(beta) - exact) for beta in (0.8, 0.4)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.3)
    assert np.linalg.norm(at(-0.1) - exact) < 0.2 * np.linalg.norm(exact)


def test_slopes_are_half_of_those_of_one_network() -> None:
    found = two_phase_slope(COUPLING, INSTANCES, cost=SynchronyCost(), rng=4)
    own = two_phase_gradient(
        networks(COUPLING, INSTANCES)[1], None, None, cost=SynchronyCost(),
        start=random_phases(3, 1, N, 4)[1], rng=0,
    )  # fmt: skip
    np.testing.assert_allclose(found.coupling[1], own.coupling / 2, atol=1e-8)


def test_starts_are_averaged_over_those_that_lock() -> None:
    def found(starts: int) -> Any:
        return two_phase_slope(COUPLING, INSTANCES, cost=SynchronyCost(), starts=starts, rng=4)

    one, three = found(1), found(3)
    np.testing.assert_allclose(three.coupling, one.coupling, atol=1e-7)  # one state attracts all
    np.testing.assert_allclose(three.loss, one.loss, atol=1e-9)


def test_networks_that_do_not_lock_are_told() -> None:
    fast = Instances(INSTANCES.features, INSTANCES.frequency * [[1.0], [40.0], [1.0]])
    found = two_phase_slope(COUPLING, fast, cost=SynchronyCost(), rng=4)
    assert found.used.tolist() == [True, False, True]
    assert (found.coupling[1] == 0).all()
    assert np.isfinite(found.loss).all()
    alone = two_phase_slope(COUPLING[:1], fast.take([0]), cost=SynchronyCost(), rng=4)
    np.testing.assert_allclose(found.coupling[0], alone.coupling[0], atol=1e-8)


def test_random_fields_break_states_on_a_line() -> None:
    halves = np.sign(np.arange(N) - 3.5)
    coupling = np.tile(np.outer(halves, halves) * (1 - np.eye(N)), (3, 1, 1))
    still = Instances(INSTANCES.features, groups=GROUPS)
    line, broken = (
        two_phase_slope(
            coupling, still, cost=CircularMoments(3), frozen=True, rng=4, random_field=size
        )
        for size in (0.0, 0.3)
    )
    assert np.abs(line.coupling).max() < 1e-8
    assert line.loss.min() > 0.2
    assert np.abs(broken.coupling).max() > 1e-4


@pytest.mark.parametrize("on", ["steps", "chip", "noisy chip"])
def test_any_substrate_gives_slopes(on: str) -> None:
    exact = two_phase_slope(COUPLING, INSTANCES, cost=SynchronyCost(), beta=0.5, rng=4)
    device = Device() if on == "chip" else presets.get(presets.list()[0])
    substrate: Any = Ideal("steps", tolerance=1e-5)
    if on != "steps":
        substrate = device.fabricate(networks(COUPLING, INSTANCES)[0], rng=1)[0]
    found = two_phase_slope(
        COUPLING, INSTANCES, cost=SynchronyCost(), beta=0.5, on=substrate, frozen=True, rng=4
    )
    if on == "noisy chip":
        return
    assert found.used.all()
    gap = np.linalg.norm(found.coupling - exact.coupling) / np.linalg.norm(exact.coupling)
    assert gap < 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beta": 0.0}, "beta: 0.0 makes no nudge"),
        ({"scheme": "holomorphic"}, "scheme: 'holomorphic' is unknown"),
        ({"starts": 0}, "starts: 0 leaves no state"),
        ({"random_field": -1.0}, "random_field: -1.0 is no size"),
        ({"cost": CosineCost()}, "target: "),
    ],
)
def test_arguments_are_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        two_phase_slope(COUPLING, INSTANCES, **({"cost": SynchronyCost()} | changes))


def test_delays_and_directed_couplings_are_refused() -> None:
    late = Instances(INSTANCES.features, delay_steps=np.ones((3, N), int))
    with pytest.raises(ValueError, match=r"^delay_steps: a phase network has no delays"):
        two_phase_slope(COUPLING, late, cost=SynchronyCost())
    with pytest.raises(ValueError, match=r"^coupling: not Hermitian"):
        two_phase_slope(np.triu(COUPLING), INSTANCES, cost=SynchronyCost())
