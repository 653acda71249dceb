"""Implicit gradients: finite differences, closed forms of locking and stability."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from neurosc import Ideal
from neurosc.costs import CircularMoments, SynchronyCost
from neurosc.coupling_map import Instances
from neurosc.coupling_map.adjoint import adjoint_slope
from neurosc.coupling_map.implicit import implicit_slope
from neurosc.coupling_map.locking import LockedStates, locked_states
from neurosc.coupling_map.two_phase import two_phase_slope
from neurosc.network import FloatArray

BATCH, N = 3, 7
CLOCK: dict[str, Any] = {"dt": 0.1, "steps": 400}


def drawn(fields: bool, late: bool) -> tuple[FloatArray, Instances]:
    """Couplings that are not symmetric, and networks that lock."""
    rng = np.random.default_rng(2)
    known = rng.standard_normal((BATCH, N, 1))
    return rng.uniform(0.2, 1.0, (BATCH, N, N)), Instances(
        known,
        rng.uniform(-0.5, 0.5, (BATCH, N)) + (0.0 if fields else 2.5),
        rng.uniform(-1, 1, (BATCH, N)) - 0.5 if fields else 0.0,
        rng.integers(0, 6, (BATCH, N)) if late else None,
        np.tile(np.arange(N) % 2, (BATCH, 1)),
    )


KINDS = [(False, False), (True, False), (False, True), (True, True)]
COSTS = [SynchronyCost(), CircularMoments(2)]


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize(("fields", "late"), KINDS)
def test_agrees_with_finite_differences(fields: bool, late: bool, cost: Any) -> None:
    coupling, instances = drawn(fields, late)
    found = implicit_slope(coupling, instances, cost=cost, start=0.0, **CLOCK)
    at = locked_states(coupling, instances, start=0.0, **CLOCK)
    assert found.used.all()
    assert np.abs(np.diff(at.phases)).max() > 0.05
    target = instances.groups if cost.has_target else None
    np.testing.assert_allclose(found.loss, cost.value(at.phases, target))

    def loss(other: FloatArray) -> FloatArray:
        moved = locked_states(other, instances, dt=0.1, steps=100, start=at.phases, tolerance=1e-13)
        assert moved.locked.all()
        return np.asarray(cost.value(moved.phases, target))

    exact, step = np.empty_like(coupling), 1e-4
    for i, j in itertools.product(range(N), range(N)):
        up, down = coupling.copy(), coupling.copy()
        up[:, i, j] += step
        down[:, i, j] -= step
        exact[:, i, j] = (loss(up) - loss(down)) / (2 * step)
    error = np.linalg.norm(found.coupling - exact) / np.linalg.norm(exact)
    assert error < 1e-6


@pytest.mark.parametrize(("fields", "late"), KINDS)
def test_is_the_adjoint_of_a_long_run(fields: bool, late: bool) -> None:
    coupling, instances = drawn(fields, late)
    settings: Any = {"cost": SynchronyCost(), "start": 0.0, "dt": 0.1, "steps": 2000}
    implicit = implicit_slope(coupling, instances, **settings)
    adjoint = adjoint_slope(coupling, instances, **settings)
    np.testing.assert_allclose(implicit.coupling, adjoint.coupling, atol=1e-9)


@pytest.mark.parametrize("fields", [False, True])
def test_two_relaxations_agree(fields: bool) -> None:
    """Where there is an energy: the symmetric scheme, whose error is O(beta^2)."""
    coupling, instances = drawn(fields, False)
    coupling = coupling + coupling.transpose(0, 2, 1)
    coupling[:, np.arange(N), np.arange(N)] = 0.0
    exact = implicit_slope(coupling, instances, cost=SynchronyCost(), start=0.0).coupling
    exact = (exact + exact.transpose(0, 2, 1)) / 2
    errors = []
    for beta in (0.05, 0.2):
        found = two_phase_slope(
            coupling, instances, cost=SynchronyCost(), beta=beta, on=Ideal(tolerance=1e-12), rng=0
        )
        assert found.used.all()
        errors.append(np.linalg.norm(found.coupling - exact) / np.linalg.norm(exact))
    assert errors[0] < 1e-3
    assert errors[1] == pytest.approx(16 * errors[0], rel=0.2)


def identical(turning: float, late: int, pull: float = 0.5) -> LockedStates:
    """Alike oscillators that start alike, where they stay whether that is stable or not."""
    n = 5
    coupling = np.full((1, n, n), pull / n)
    instances = Instances(np.zeros((1, n, 1)), turning, 0.0, np.full((1, n), late))
    return locked_states(coupling, instances, dt=0.1, steps=300, start=0.0)


@pytest.mark.parametrize("late", [1, 5, 12, 20])
def test_delays_lock_and_hold_as_the_closed_form_tells(late: int) -> None:
    """Omega = omega - K sin(Omega tau), stable where K cos(Omega tau) > 0.

    Source: Earl and Strogatz, Phys. Rev. E 67:036204 (2003).
    """
    turning, pull = 3.0, 0.5
    found = identical(turning, late, pull)
    omega, tau = float(found.frequency[0]), 0.1 * late
    assert omega == pytest.approx(turning - pull * np.sin(omega * tau), abs=1e-9)
    assert found.locked[0] == (np.cos(omega * tau) > 0)


def test_delays_that_undo_a_lock_are_seen() -> None:
    """Both kinds are among the cases above."""
    assert {bool(identical(3.0, late).locked[0]) for late in (1, 5, 12, 20)} == {True, False}


@pytest.mark.parametrize(("apart", "stable"), [(0.0, True), (np.pi, False)])
def test_a_saddle_is_not_used(apart: float, stable: bool) -> None:
    instances = Instances(np.zeros((1, 2, 1)))
    coupling = np.array([[[0.0, 1.0], [1.0, 0.0]]])
    start = np.array([[0.0, apart]])
    found = implicit_slope(coupling, instances, cost=SynchronyCost(), start=start, steps=1)
    assert found.used.tolist() == [stable]
    assert (found.coupling == 0).all() or stable


def test_what_drifts_is_not_used() -> None:
    instances = Instances(np.zeros((2, 2, 1)), np.array([[0.0, 0.5], [0.0, 3.0]]))
    coupling = np.broadcast_to([[0.0, 1.0], [1.0, 0.0]], (2, 2, 2))
    found = implicit_slope(coupling, instances, cost=SynchronyCost(), rng=0)
    assert found.used.tolist() == [True, False]
    assert (found.coupling[1] == 0).all()
    difference = np.arcsin(0.25)
    assert found.loss[0] == pytest.approx(1 - np.cos(difference / 2) ** 2)


def test_parts_that_nothing_holds_together_are_not_used() -> None:
    """Two pairs turn freely against each other, so their phases mean nothing together."""
    pair = np.array([[0.0, 1.0], [1.0, 0.0]])
    instances = Instances(np.zeros((1, 4, 1)))
    coupling = np.kron(np.eye(2), pair)[None]
    found = implicit_slope(coupling, instances, cost=SynchronyCost(), rng=0)
    assert found.used.tolist() == [False]


def test_bits_do_not_know_the_batch() -> None:
    coupling, instances = drawn(False, True)
    settings: Any = {"cost": SynchronyCost(), "rng": 5, **CLOCK}
    whole = implicit_slope(coupling, instances, **settings)
    some = implicit_slope(coupling[:1], instances.take(slice(1)), **settings)
    assert (some.coupling == whole.coupling[:1]).all()
