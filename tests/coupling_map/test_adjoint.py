"""The adjoint of the stepping: textbook steps, finite differences, truncation, laws."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from neurosc import SynchronyCost
from neurosc.coupling_map import Instances
from neurosc.coupling_map.adjoint import adjoint_slope
from neurosc.coupling_map.dynamics import trajectories
from neurosc.network import FloatArray

BATCH, N = 3, 9
CLOCK: dict[str, Any] = {"dt": 0.1, "steps": 60}


def drawn(fields: bool, late: bool, batch: int = BATCH) -> tuple[FloatArray, Instances]:
    """Couplings that are not symmetric, and networks."""
    rng = np.random.default_rng(4)
    known = rng.standard_normal((batch, N, 1))
    return rng.normal(0.2, 0.5, (batch, N, N)), Instances(
        known,
        rng.uniform(2, 4, (batch, N)),
        rng.uniform(-1, 1, (batch, N)) if fields else 0.0,
        rng.integers(0, 20, (batch, N)) if late else None,
    )


def in_numpy(
    coupling: FloatArray, instances: Instances, start: FloatArray, dt: float, steps: int
) -> FloatArray:
    """The equation as it is written, one network, step and pair after the other."""
    late = np.zeros((instances.batch, N), int)
    if instances.delay_steps is not None:
        late = instances.delay_steps
    phases = np.empty((instances.batch, steps + 1, N))
    phases[:, 0] = start
    for k, t, i in itertools.product(range(instances.batch), range(steps), range(N)):
        if i == 0:
            phases[k, t + 1] = phases[k, t]
        torque = instances.frequency[k, i] + instances.field[k, i] * np.sin(phases[k, t, i])
        for j in range(N):
            seen = phases[k, max(t - late[k, j], 0), j]
            torque += coupling[k, i, j] * np.sin(seen - phases[k, t, i])
        phases[k, t + 1, i] += dt * torque
    return phases


KINDS = [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize(("fields", "late"), KINDS)
def test_steps_are_the_textbook_ones(fields: bool, late: bool) -> None:
    coupling, instances = drawn(fields, late)
    start = np.random.default_rng(0).uniform(-3, 3, (BATCH, N))
    expected = in_numpy(coupling, instances, start, 0.1, 60)
    found = trajectories(coupling, instances, start=start, **CLOCK)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


def by_differences(
    loss: Callable[[FloatArray], FloatArray], coupling: FloatArray, step: float = 2e-4
) -> FloatArray:
    """dC/dK by central differences of fourth order."""
    slope = np.empty_like(coupling)
    for i, j in itertools.product(range(N), range(N)):

        def moved(by: float, i: int = i, j: int = j) -> FloatArray:
            other = coupling.copy()
            other[:, i, j] += by * step
            return loss(other)

        wide = moved(2) - moved(-2)
        slope[:, i, j] = (8 * (moved(1) - moved(-1)) - wide) / (12 * step)
    return slope


def relative_error(found: FloatArray, exact: FloatArray) -> float:
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


@pytest.mark.parametrize("average", [1, 25])
@pytest.mark.parametrize(("fields", "late"), KINDS)
def test_agrees_with_finite_differences(fields: bool, late: bool, average: int) -> None:
    coupling, instances = drawn(fields, late)
    settings: Any = {"cost": SynchronyCost(), "average": average, "rng": 1, **CLOCK}
    found = adjoint_slope(coupling, instances, **settings)

    def loss(other: FloatArray) -> FloatArray:
        last = trajectories(other, instances, rng=1, **CLOCK)[:, -average:]
        values = [SynchronyCost().value(network) for network in last]
        return np.asarray(np.mean(values, axis=1))

    assert found.used.all()
    np.testing.assert_allclose(found.loss, loss(coupling), rtol=1e-13)
    assert relative_error(found.coupling, by_differences(loss, coupling)) < 1e-8


@pytest.mark.parametrize("late", [False, True])
def test_truncated_takes_the_phases_before_as_given(late: bool) -> None:
    """Couplings that change only after a while: what they change is what is left of the slope."""
    coupling, instances = drawn(True, late)
    back, begin = 20, CLOCK["steps"] - 20
    settings: Any = {"cost": SynchronyCost(), "rng": 1, **CLOCK}
    found = adjoint_slope(coupling, instances, truncate=back, **settings)
    past = trajectories(coupling, instances, rng=1, **CLOCK)

    def loss(other: FloatArray) -> FloatArray:
        phases = past.copy()
        for t in range(begin, CLOCK["steps"]):
            for k in range(BATCH):
                tau = np.zeros(N, int) if not late else instances.delay_steps[k]  # type: ignore[index]
                seen = phases[k, np.maximum(t - tau, 0), np.arange(N)]
                here = phases[k, t]
                torque = instances.frequency[k] + instances.field[k] * np.sin(here)
                torque += (other[k] * np.sin(seen[None, :] - here[:, None])).sum(axis=1)
                phases[k, t + 1] = here + CLOCK["dt"] * torque
        return SynchronyCost().value(phases[:, -1])

    assert relative_error(found.coupling, by_differences(loss, coupling)) < 1e-8
    whole = adjoint_slope(coupling, instances, truncate=CLOCK["steps"], **settings)
    plain = adjoint_slope(coupling, instances, **settings)
    assert (whole.coupling == plain.coupling).all()
    assert relative_error(found.coupling, plain.coupling) > 0.01


def test_bits_know_neither_batch_nor_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    coupling, instances = drawn(True, True, batch=7)
    settings: Any = {"cost": SynchronyCost(), "average": 5, "rng": 3, **CLOCK}
    whole = adjoint_slope(coupling, instances, **settings)
    some = adjoint_slope(coupling[:2], instances.take(slice(2)), **settings)
    assert (some.coupling == whole.coupling[:2]).all()
    assert (some.loss == whole.loss[:2]).all()
    monkeypatch.setattr("neurosc.coupling_map.dynamics.TASK", 1)
    assert (adjoint_slope(coupling, instances, **settings).coupling == whole.coupling).all()


def test_what_left_the_numbers_is_told() -> None:
    coupling, instances = drawn(True, False)
    coupling[1] = 1e308
    found = adjoint_slope(coupling, instances, cost=SynchronyCost(), rng=0, **CLOCK)
    assert found.used.tolist() == [True, False, True]
    assert (found.coupling[1] == 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"truncate": 0}, "truncate: 0 is not between 1 and the 60 steps"),
        ({"average": 61}, "average: 61 is not between 1 and the 60 steps"),
        ({"dt": 0.0}, "dt: 0.0 is not a positive number"),
        ({"steps": 1.5}, "steps: 1.5 is not a whole number"),
        ({"start": np.zeros(3)}, "start: shape \\(3,\\) does not fit"),
        ({"start": np.nan}, "start: has phases that are not finite"),
    ],
)
def test_bad_arguments(changes: dict[str, Any], message: str) -> None:
    coupling, instances = drawn(False, False)
    settings: Any = {"cost": SynchronyCost(), **CLOCK, **changes}
    with pytest.raises(ValueError, match=message):
        adjoint_slope(coupling, instances, **settings)


def test_couplings_that_do_not_fit() -> None:
    coupling, instances = drawn(False, False)
    with pytest.raises(ValueError, match="coupling: shape"):
        trajectories(coupling[0], instances, **CLOCK)
    with pytest.raises(ValueError, match="coupling: has entries that are no finite"):
        trajectories(coupling * np.inf, instances, **CLOCK)
