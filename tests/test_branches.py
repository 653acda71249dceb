"""Two-phase gradients tell which samples a nudge throws into another minimum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import (
    CosineCost,
    Encoding,
    Ideal,
    PhaseNetwork,
    RelaxationError,
    implicit_gradient,
    two_phase_gradient,
)
from neurosc.learning.phase_model import PhaseModel
from neurosc.learning.two_phase import Scheme, two_phases
from neurosc.network import FloatArray, wrap
from neurosc.phasor import PhasorMLP
from neurosc.substrate import Nudge

BISTABLE = PhaseNetwork(
    [[0, 1], [1, 0]], [0.3, 0], second_harmonic=[1, 0], inputs=[1], outputs=[0],
    encoding=Encoding("amplitude"),
)  # fmt: skip
"""Torque .3 - x sin theta - sin 2 theta: minima near 0 and, up to x = EDGE, near pi."""
ARC = np.linspace(3.2, 4.2, 1_000_001)
EDGE = float(((np.sin(2 * ARC) - 0.3) / -np.sin(ARC)).max())
EXACT = Ideal(tolerance=1e-12)


def slope(x: FloatArray, target: float, **settings: Any) -> Any:
    """The gradient of samples x that rest near pi."""
    start = np.tile([3.2, 0.0], (len(x), 1))
    y = np.full((len(x), 1), target)
    return two_phase_gradient(BISTABLE, x, y, cost=CosineCost(), on=EXACT, start=start, **settings)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("target", [4.7, 1.6])  # a nudge, its opposite throw the sample over
@pytest.mark.parametrize("scheme", ["symmetric", "one-sided"])
@pytest.mark.parametrize("beta", [1e-3, 0.1])
def test_samples_that_jump_are_counted(
    scheme: Scheme, target: float, frozen: bool, beta: float
) -> None:
    x = np.array([[0.1], [EDGE - 0.1 * beta], [0.2]])
    settings: dict[str, Any] = {"beta": beta, "scheme": scheme, "frozen": frozen}
    jumps = scheme == "symmetric" or target > np.pi
    found = slope(x, target, **settings)
    assert found.unlocked == jumps
    if jumps:
        others = slope(x[[0, 2]], target, **settings)
        np.testing.assert_allclose(found.vector(), others.vector(), atol=1e-9)
        both = slope(x, target, unsettled="learn", **settings)
        assert both.unlocked == 1
        assert np.abs(both.vector() - others.vector()).max() > 0.1
        with pytest.raises(RelaxationError, match="past the stability edge"):
            slope(x[[1]], target, **settings)


def test_strong_nudges_may_move_phases_far() -> None:
    """One branch from 0 to the target, though its phase goes further than any jump."""
    network = PhaseNetwork([[0, 1], [1, 0]], held=[1], outputs=[0])
    for beta in (0.5, 5.0, 50.0):
        found = two_phase_gradient(
            network, None, [[2.5]], cost=CosineCost(), beta=beta, scheme="one-sided"
        )
        assert found.unlocked == 0


def test_a_floating_network_may_turn() -> None:
    """Its energy is that of the co-rotating frame, however fast it turns."""
    ring = np.roll(np.eye(3), 1, axis=1) + np.roll(np.eye(3), -1, axis=1)
    network = PhaseNetwork(ring, 7.0 + np.array([0.3, -0.2, 0.1]), reference=0, outputs=[1])
    found = two_phase_gradient(
        network, None, [[1.5]], cost=CosineCost(), beta=2, scheme="one-sided"
    )
    assert found.unlocked == 0


def test_training_tells_of_jumps_between_its_two_relaxations() -> None:
    x, y = np.array([[0.1], [EDGE - 1e-4]]), np.full((2, 1), 1.6)
    found = two_phases(
        PhaseModel(BISTABLE, EXACT), x, y, cost=CosineCost(), beta=1e-3, scheme="symmetric",
        start=np.tile([3.2, 0.0], (2, 1)),
    )  # fmt: skip
    assert found.unlocked == 1
    assert found.part.tolist() == [True, False]


def test_nudges_begin_at_the_free_equilibrium() -> None:
    """From a cold start a sample of this net ends in another minimum with a nudge than without."""
    net = PhasorMLP.random([4, 6, 5, 2], rng=1)
    network = net.to_network(gamma=1.0)
    network = network.replace(frequency=np.random.default_rng(1).normal(0, 0.05, network.n))
    x = np.random.default_rng(1).random((9, 4))
    y = (x[:, 0] > 0.5).astype(int)
    nudged = EXACT.relax(network, x, nudge=Nudge(net.cost, y, 1e-4)).raise_for_status()
    free = EXACT.relax(network, x).raise_for_status()
    assert np.abs(wrap(nudged.phases - free.phases)).max() > 2
    exact = implicit_gradient(network, x, y, cost=net.cost, on=EXACT).vector()
    found = two_phase_gradient(network, x, y, cost=net.cost, beta=1e-4, on=EXACT)
    assert found.unlocked == 0
    assert np.linalg.norm(found.vector() - exact) < 1e-6 * np.linalg.norm(exact)
