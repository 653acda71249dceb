"""Nudges by a constant torque: the slope of a cost, taken once and held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosc import (
    CosineCost,
    CrossEntropy,
    Encoding,
    Ideal,
    Nudge,
    PhaseNetwork,
    Relaxation,
    Status,
    fit,
    fit_each,
    implicit_gradient,
    topology,
    two_phase_gradient,
)
from neurosc.costs import Cost
from neurosc.hw_models import Device, FrequencyMismatch
from neurosc.ideal.reduction import reduce
from neurosc.learning.two_phase import Scheme
from neurosc.network import FloatArray
from tests.conftest import kuramoto, random_coupling

EXACT = Ideal(tolerance=1e-13)
BETAS = np.geomspace(3e-3, 0.03, 4)


def anchored() -> PhaseNetwork:
    """Every parameter non-zero."""
    rng = np.random.default_rng(5)
    return PhaseNetwork(
        random_coupling(7, rng, lags=True),
        rng.normal(0, 0.05, 7),
        rng.standard_normal(7) + 1j * rng.standard_normal(7),
        rng.normal(0, 0.1, 7),
        inputs=[0, 1],
        outputs=[5, 6],
    )


def floating(reference: Any) -> PhaseNetwork:
    """A network that can turn as a whole, with its reference among the free oscillators."""
    network = kuramoto(10, np.random.default_rng(3)).replace(reference=reference)
    return network.replace(outputs=[3, 8, 9])


def held_reference() -> PhaseNetwork:
    """Outputs that are measured from a held oscillator."""
    network = kuramoto(8, np.random.default_rng(4))
    return network.replace(held=[2], reference=2, frequency=0.2 * network.frequency)


CASES: dict[str, PhaseNetwork] = {
    "anchored": anchored(),
    "reference": floating(4),
    "mean": floating("mean"),
    "held reference": held_reference(),
}


def samples(network: PhaseNetwork) -> tuple[FloatArray | None, Any]:
    if not network.inputs.size:
        return None, np.array([1])
    return np.random.default_rng(1).random((3, network.inputs.size)), np.array([0, 1, 0])


@pytest.mark.parametrize("cost", [CosineCost(), CrossEntropy()], ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("scheme", "order"), [("symmetric", 2), ("one-sided", 1)])
def test_converges_to_the_implicit_gradient(
    scheme: Scheme, order: int, case: str, cost: Cost
) -> None:
    network = CASES[case]
    x, y = samples(network)
    exact = implicit_gradient(network, x, y, cost=cost, on=EXACT).vector()
    errors = []
    for beta in BETAS:
        found = two_phase_gradient(
            network, x, y, cost=cost, beta=beta, scheme=scheme, frozen=True, on=EXACT
        )
        errors.append(np.linalg.norm(found.vector() - exact) / np.linalg.norm(exact))
    assert np.polyfit(np.log(BETAS), np.log(errors), 1)[0] == pytest.approx(order, abs=0.1)
    assert errors[0] < 0.01


@pytest.mark.parametrize("method", ["auto", "newton", "pcg", "steps"])
def test_equals_a_network_with_other_frequencies(method: Any, small: PhaseNetwork) -> None:
    x, at = np.full((1, 4), 0.3), np.random.default_rng(0).uniform(-1, 1, (1, small.n))
    slope = CrossEntropy().gradient(at[:, small.outputs], [1])
    biased = small.frequency.copy()
    biased[small.outputs] -= 0.3 * slope[0]
    on = Ideal(method)
    nudged = on.relax(small, x, nudge=Nudge(CrossEntropy(), [1], 0.3, at=at))
    np.testing.assert_array_equal(
        nudged.phases, on.relax(small.replace(frequency=biased), x).phases
    )
    assert np.abs(nudged.phases - on.relax(small, x).phases).max() > 1e-3


def test_acts_on_chips(small: PhaseNetwork, samples: FloatArray, labels: Any) -> None:
    chip = Device(FrequencyMismatch(sigma_rad_per_s=0.1), coupling_rad_per_s=1.0).fabricate(
        small, rng=0
    )[0]
    settings: dict[str, Any] = {"cost": CrossEntropy(), "frozen": True, "beta": 1e-4}
    found = two_phase_gradient(small, samples, labels, on=chip, **settings)
    exact = implicit_gradient(chip.program(small), samples, labels, cost=CrossEntropy())
    np.testing.assert_allclose(found.vector(), exact.vector(), atol=5e-6)


def test_a_sample_does_not_depend_on_its_batch() -> None:
    network = topology.layered([4, 9, 6], rng=1)
    draw = np.random.default_rng(0)
    x, y = draw.random((23, 4)), draw.integers(0, 6, 23)
    at = draw.uniform(-1, 1, (23, network.n))
    for reference in (None, "mean", 5):
        floats = network.replace(
            encoding=Encoding("frequency", 0.1), field=0.0, reference=reference
        )
        for cost in (CosineCost(), CrossEntropy()):
            whole = reduce(floats, x, Nudge(cost, y, 0.2, at=at)).frequency
            for some in (slice(0, 1), slice(3, 4), slice(2, 19)):
                part = reduce(floats, x[some], Nudge(cost, y[some], 0.2, at=at[some]))
                np.testing.assert_array_equal(part.frequency, whole[some])
                assert part.feedback is None


class Logged(Ideal):
    """Keeps what it was asked to do; the second sample does not lock in relaxation `bad`."""

    bad = -1

    def relax(self, network: PhaseNetwork, x: Any = None, **kwargs: Any) -> Relaxation:
        found = super().relax(network, x, **kwargs)
        calls = self.__dict__.setdefault("calls", [])
        status = found.status.copy()
        if len(calls) == self.bad:
            status[1] = Status.NOT_LOCKED
        calls.append((kwargs, found.phases))
        return Relaxation(found.phases, status, found.residual)


@pytest.mark.parametrize(("scheme", "factors"), [("symmetric", [1, -1]), ("one-sided", [1])])
def test_order_of_the_relaxations(
    scheme: Scheme, factors: list[int], small: PhaseNetwork, samples: FloatArray, labels: Any
) -> None:
    on = Logged()
    start = np.zeros((len(samples), small.n))
    found = two_phase_gradient(
        small, samples, labels, cost=CosineCost(), beta=0.05, scheme=scheme, frozen=True, on=on,
        start=start, rng=7,
    )  # fmt: skip
    (first, free), *nudged = on.__dict__["calls"]
    assert first["nudge"] is None
    assert first["start"] is start
    before = free
    for (asked, phases), factor in zip(nudged, factors, strict=True):
        assert asked["nudge"].beta == factor * 0.05
        assert asked["nudge"].at is free
        assert asked["start"] is before
        before = phases
    streams = {asked["rng"].spawn_key for asked, _ in on.__dict__["calls"]}
    assert len(streams) == 1 + len(factors)
    assert found.loss == pytest.approx(CosineCost().value(free[:, small.outputs], labels).mean())


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_a_sample_must_lock_in_every_relaxation(
    bad: int, small: PhaseNetwork, samples: FloatArray, labels: Any
) -> None:
    on = Logged()
    object.__setattr__(on, "bad", bad)
    settings: dict[str, Any] = {"cost": CosineCost(), "frozen": True}
    found = two_phase_gradient(small, samples, labels, on=on, **settings)
    kept = np.arange(len(samples)) != 1
    other = two_phase_gradient(small, samples[kept], labels[kept], **settings)
    assert found.unlocked == 1
    np.testing.assert_array_equal(found.vector(), other.vector())


def test_learns(small: PhaseNetwork, samples: FloatArray, labels: Any, tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "cost": CrossEntropy(), "epochs": 6, "learning_rate": 0.1, "batch_size": 4, "rng": 1,
    }  # fmt: skip
    data, path = (samples, labels), tmp_path / "run.npz"
    result = fit(small, data, frozen=True, checkpoint=path, **settings)
    assert result.rows[-1]["loss"] < 0.9 * result.rows[0]["loss"]
    with pytest.raises(ValueError, match=r"checkpoint: .* belongs to a run with another"):
        fit(small, data, checkpoint=path, **settings)


def test_compiled_loop_is_not_taken(small: PhaseNetwork, samples: FloatArray, labels: Any) -> None:
    settings: dict[str, Any] = {
        "cost": CosineCost(), "epochs": 1, "learning_rate": 0.1, "batch_size": 1,
        "optimiser": "sgd", "beta": 0.3, "scheme": "one-sided",
    }  # fmt: skip
    (frozen,) = fit_each([small], (samples, labels), frozen=True, rng=1, **settings)
    (clamped,) = fit_each([small], (samples, labels), rng=1, **settings)
    difference = np.abs(frozen.network.coupling - clamped.network.coupling).max()
    assert difference > 1e-3
    (again,) = fit_each([small], (samples, labels), frozen=True, rng=1, on=Logged(), **settings)
    np.testing.assert_array_equal(again.network.coupling, frozen.network.coupling)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"at": np.zeros((2, 12))}, r"at: shape \(2, 12\) does not fit 1 samples; give"),
        ({"at": np.zeros((1, 11))}, r"at: .* the phases \(1, 12\)"),
        ({"at": np.full((1, 12), np.nan)}, "at: has phases that are not finite"),
        ({"target": None}, "target: CosineCost aims at a target"),
        ({"target": [1, 0]}, "target: 2 targets for 1 samples"),
    ],
)
def test_bad_nudges(small: PhaseNetwork, changes: dict[str, Any], message: str) -> None:
    asked: dict[str, Any] = {"cost": CosineCost(), "target": [1], "beta": 0.1}
    asked |= {"at": np.zeros((1, 12))} | changes
    with pytest.raises(ValueError, match=message):
        Ideal().relax(small, np.zeros((1, 4)), nudge=Nudge(**asked))


def test_errors(small: PhaseNetwork, samples: FloatArray, labels: Any) -> None:
    with pytest.raises(ValueError, match=r'frozen: .* use scheme="symmetric" or frozen=False'):
        two_phase_gradient(
            small, samples, labels, cost=CosineCost(), scheme="holomorphic", frozen=True
        )
    mute = small.replace(outputs=[])
    with pytest.raises(ValueError, match="nudge: the network has no outputs"):
        Ideal().relax(mute, samples, nudge=Nudge(CosineCost(), labels, 0.1, at=np.zeros((12, 12))))
