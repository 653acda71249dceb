"""What `fit` may be asked for: rates, masks, lags, read-out, memory, early stopping, failures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy

from neurosc import (
    Bounds,
    CosineCost,
    CrossEntropy,
    DivergenceError,
    Fit,
    Ideal,
    LearningError,
    PhaseNetwork,
    RelaxationError,
    Sweeps,
    UnlockedError,
    evaluate,
    fit,
    topology,
)
from neurosc.learning.optimisers import SGD, Adam
from tests.test_learning import BLOBS
from tests.test_online import floating

EVERYTHING = ("coupling", "lag", "frequency", "field", "second_harmonic", "readout")
SUBSTRATES = {"matrices": Ideal(), "blocks": Sweeps(40, tolerance=0.1)}


@pytest.fixture(params=SUBSTRATES)
def on(request: pytest.FixtureRequest) -> Any:
    """Where whole matrices learn, and where blocks do."""
    return SUBSTRATES[request.param]


def train(network: PhaseNetwork, **changes: Any) -> Fit:
    settings: dict[str, Any] = {
        "cost": CosineCost(), "epochs": 2, "learning_rate": 0.05, "rng": 3, "unsettled": "learn",
    }  # fmt: skip
    return fit(network, BLOBS, **(settings | changes))


def moved(one: PhaseNetwork, other: PhaseNetwork, name: str) -> Any:
    return np.abs(getattr(one, name) - getattr(other, name)) > 1e-9


def test_masks_choose_what_learns(small: PhaseNetwork, on: Any) -> None:
    mask = np.zeros((12, 12), dtype=bool)
    mask[9:, 4:9] = mask[4:9, 9:] = True  # the last layer alone
    fields = np.arange(12) == 10
    learn = {"coupling": mask, "field": fields, "frequency": True}
    found = train(small, learn=learn, on=on).network
    edges = small.coupling != 0
    assert (moved(found, small, "coupling") == (mask & edges)).all()
    assert (moved(found, small, "field") == fields).all()
    assert (found.frequency[small.free] != 0).all()


def test_masks_of_a_sparse_network(small: PhaseNetwork) -> None:
    mask = np.zeros((12, 12), dtype=bool)
    mask[9, 5] = mask[5, 9] = True
    sparse = small.replace(coupling=scipy.sparse.csr_array(small.coupling))
    rates = np.where(mask, 0.05, 0.02)
    ours = train(sparse, learn={"coupling": mask}, learning_rate={"coupling": rates}).network
    full = train(small, learn={"coupling": mask}, learning_rate={"coupling": rates}).network
    np.testing.assert_allclose(ours.coupling.toarray(), full.coupling, atol=1e-9)
    assert (np.abs(full.coupling - small.coupling) > 0).sum() == 2


@pytest.mark.parametrize("optimiser", ["adam", SGD(0.5)])
def test_lags_alone_turn_the_couplings(small: PhaseNetwork, on: Any, optimiser: Any) -> None:
    rate = {"adam": 0.05}.get(optimiser if isinstance(optimiser, str) else "", 0.3)
    found = train(small, learn=("lag",), on=on, optimiser=optimiser, learning_rate=rate, epochs=6)
    network, edges = found.network, small.coupling != 0
    assert network.is_complex
    np.testing.assert_allclose(np.abs(network.coupling), np.abs(small.coupling), atol=1e-12)
    assert (network.coupling == network.coupling.conj().T).all()
    assert (np.abs(network.coupling - small.coupling)[edges] > 1e-6).mean() > 0.9
    assert (network.field == small.field).all()
    assert found.rows[-1]["loss"] < found.rows[0]["loss"]


def test_everything_learns_at_once(small: PhaseNetwork, on: Any) -> None:
    weights = 2 * np.eye(3) + 0.1
    found = train(
        small, learn=EVERYTHING, cost=CrossEntropy(weights), on=on, epochs=20,
        learning_rate=dict.fromkeys(EVERYTHING, 0.05) | {"frequency": 0.003},
        bounds=Bounds(second_harmonic=0.2, frequency=0.2),
    )  # fmt: skip
    for name in ("frequency", "field", "second_harmonic"):
        assert moved(found.network, small, name)[small.free].all()
    assert np.abs(np.angle(found.network.coupling)[small.coupling > 0]).min() > 0
    assert isinstance(found.cost, CrossEntropy)
    assert found.cost.weights is not None
    assert (np.abs(found.cost.weights - weights) > 1e-4).all()
    assert evaluate(found.network, BLOBS, cost=found.cost).accuracy > 0.9
    assert found.rows[-1]["loss"] < 0.7 * found.rows[0]["loss"]


def test_the_slope_of_the_readout() -> None:
    rng = np.random.default_rng(0)
    v = rng.standard_normal((4, 3)) + 1j * rng.standard_normal((4, 3))
    phases, y = rng.uniform(-3, 3, (6, 3)), np.arange(6) % 4
    slope, h = CrossEntropy(v).weights_gradient(phases, y), 1e-6
    for step in (h, 1j * h):
        change = step * (np.arange(12).reshape(4, 3) == 7)
        up, down = (CrossEntropy(v + s * change).value(phases, y).mean() for s in (1, -1))
        expected = slope[2, 1].real if step == h else slope[2, 1].imag
        assert (up - down) / (2 * h) == pytest.approx(expected, abs=1e-8)


def test_readout_alone_is_logistic_regression_of_the_free_states(small: PhaseNetwork) -> None:
    found = train(
        small, learn=("readout",), cost=CrossEntropy(np.zeros((3, 3))), epochs=60,
        scheme="one-sided", beta=1e-3, learning_rate=0.5, optimiser="sgd", batch_size=60,
    )  # fmt: skip
    for name in ("coupling", "field"):
        assert (getattr(found.network, name) == getattr(small, name)).all()
    phases = Ideal().relax(small, BLOBS[0]).phases[:, small.outputs]
    v = np.zeros((3, 3), dtype=complex)
    for epoch in range(60):
        rate = 0.25 * (1 + np.cos(np.pi * epoch / 60))
        v = v - rate * CrossEntropy(v).weights_gradient(phases, BLOBS[1])
    assert isinstance(found.cost, CrossEntropy)
    np.testing.assert_allclose(found.cost.matrix(3), v, atol=1e-6)


def test_rates_by_layer_parameter_and_entry(small: PhaseNetwork, on: Any) -> None:
    last = np.zeros((12, 12), dtype=bool)
    last[9:, 4:9] = last[4:9, 9:] = True
    first = (small.coupling != 0) & ~last
    still = train(small, learning_rate=(0.05, 0.0), on=on).network
    assert (moved(still, small, "coupling") == first).all()
    assert (moved(still, small, "field") == (np.arange(12) // 4 == 1) | (np.arange(12) == 8)).all()
    plain = train(small, on=on, optimiser="sgd", epochs=1, batch_size=60).network
    half = train(
        small, on=on, optimiser="sgd", epochs=1, batch_size=60,
        learning_rate={"coupling": 0.025 + 0.025 * first, "field": 0.05},
    ).network  # fmt: skip
    steps = plain.coupling - small.coupling
    np.testing.assert_allclose(
        half.coupling - small.coupling, np.where(first, steps, 0.5 * steps), atol=1e-14
    )
    assert (half.field == plain.field).all()


def test_weight_decay_takes_off_its_share(small: PhaseNetwork, on: Any) -> None:
    settings: dict[str, Any] = {
        "on": on, "optimiser": Adam(), "epochs": 1, "batch_size": 60, "learning_rate": 0.1,
    }  # fmt: skip
    plain, less = (train(small, weight_decay=w, **settings).network for w in (0.0, 0.3))
    np.testing.assert_allclose(
        less.coupling, plain.coupling - 0.1 * 0.3 * small.coupling, atol=1e-14
    )
    assert (less.field == plain.field).all()
    named = train(small, weight_decay={"field": 0.3}, **settings).network
    np.testing.assert_allclose(named.field, plain.field - 0.03 * small.field, atol=1e-14)
    assert (named.coupling == plain.coupling).all()


class Seen(Ideal):
    """Keeps what it was asked for and what it found."""

    def relax(self, *args: Any, **kwargs: Any) -> Any:
        found = super().relax(*args, **kwargs)
        self.__dict__.setdefault("calls", []).append((kwargs, args, found))
        return found


@pytest.mark.parametrize("scheme", ["symmetric", "one-sided"])
def test_a_remembered_sample_starts_where_it_ended(small: PhaseNetwork, scheme: Any) -> None:
    on = Seen()
    train(small, on=on, remember=True, scheme=scheme, batch_size=20, epochs=3)
    first = on.__dict__["calls"][::2]
    last_seen: dict[bytes, Any] = {}
    for k, (asked, (_, x), found) in enumerate(first):
        assert (asked["start"] is None) == (k < 3)
        for row, sample in enumerate(np.asarray(x)):
            if k >= 3:
                assert (asked["start"][row] == last_seen[sample.tobytes()]).all()
            last_seen[sample.tobytes()] = found.phases[row]
    other = Seen()
    train(small, on=other, scheme=scheme, batch_size=20, epochs=2)
    assert all(asked["start"] is None for asked, *_ in other.__dict__["calls"][::2])


def test_samples_that_did_not_lock_are_not_remembered() -> None:
    x = np.random.default_rng(0).random((12, 2))
    x[3] = 40.0
    on = Seen()
    fit(floating(0), (x, np.arange(12) % 2), cost=CosineCost(), epochs=3, learning_rate=0.01,
        on=on, remember=True, batch_size=4, rng=0)  # fmt: skip
    for asked, (_, rows), _ in on.__dict__["calls"][6::2]:
        assert (asked["start"] is None) == bool((rows == 40).any())


def test_random_signs_are_drawn_for_each_update(small: PhaseNetwork) -> None:
    on = Seen()
    settings = {"scheme": "one-sided", "random_sign": True, "batch_size": 4, "on": on}
    one = train(small, **settings)
    betas = [asked["nudge"].beta for asked, *_ in on.__dict__["calls"] if asked["nudge"]]
    assert len(betas) == 30
    assert set(np.abs(betas)) == {0.1}
    assert 5 < sum(b < 0 for b in betas) < 25
    assert (one.network.coupling == train(small, **settings).network.coupling).all()


class Sour(Adam):
    """Learns for a while and then forgets."""

    good = 12

    def step(self, gradient: Any, memory: Any, learning_rate: float) -> Any:
        steps, memory = super().step(gradient, memory, learning_rate)
        factor = 1.0 if memory["t"] <= self.good else -1.0
        return {name: factor * step for name, step in steps.items()}, memory


@pytest.mark.parametrize("patience", [2, 30])
def test_early_stopping_restores_the_best_epoch(
    small: PhaseNetwork, on: Any, patience: int
) -> None:
    found = train(small, on=on, epochs=14, optimiser=Sour(), validation=0.4, patience=patience,
                  schedule="constant", learning_rate=0.03)  # fmt: skip
    scores = [(row["validation_accuracy"], -row["validation_loss"]) for row in found.rows]
    best = found.best_epoch
    assert best == 1 + scores.index(max(scores))
    assert len(found.rows) == min(14, best + patience)
    assert best < len(found.rows)
    whole = train(small, on=on, epochs=14, optimiser=Sour(), validation=0.4,
                  schedule="constant", learning_rate=0.03)  # fmt: skip
    assert whole.best_epoch is not None
    assert len(whole.rows) == 14
    assert (whole.network.coupling != found.network.coupling).any()
    from neurosc.datasets import as_dataset, split
    from neurosc.randomness import seed_sequence

    held_out = split(as_dataset(BLOBS), 0.4, seed_sequence(3))[1]
    again = evaluate(found.network, held_out, cost=CosineCost(), on=on)
    assert (again.accuracy, -again.loss) == pytest.approx(max(scores))


class Killed(Ideal):
    """Stops like a killed process after some relaxations."""

    left = 40

    def relax(self, *args: Any, **kwargs: Any) -> Any:
        Killed.left -= 1
        if Killed.left == 0:
            raise KeyboardInterrupt
        return super().relax(*args, **kwargs)


def test_a_resumed_run_has_the_bits_of_a_whole_one(small: PhaseNetwork, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    settings: dict[str, Any] = {
        "learn": EVERYTHING, "cost": CrossEntropy(), "remember": True, "validation": 0.2,
        "patience": 6, "epochs": 9, "scheme": "one-sided", "random_sign": True,
        "learning_rate": dict.fromkeys(EVERYTHING, 0.03) | {"frequency": 0.003},
        "weight_decay": 0.01,
    }  # fmt: skip
    Killed.left = 31
    with pytest.raises(KeyboardInterrupt):
        train(small, on=Killed(), checkpoint=path, **settings)
    assert path.exists()
    Killed.left = -1
    resumed, whole = (train(small, on=Killed(), checkpoint=p, **settings) for p in (path, None))
    assert resumed.best_epoch == whole.best_epoch
    for name in ("coupling", "frequency", "field", "second_harmonic"):
        assert (getattr(resumed.network, name) == getattr(whole.network, name)).all()
    assert isinstance(resumed.cost, CrossEntropy)
    assert isinstance(whole.cost, CrossEntropy)
    assert (resumed.cost.matrix(3) == whole.cost.matrix(3)).all()
    losses = [[row["loss"] for row in each.rows] for each in (resumed, whole)]
    assert losses[0] == losses[1]
    finished = train(small, on=Killed(), checkpoint=path, **settings)
    assert (finished.network.coupling == whole.network.coupling).all()


class Stopping(Adam):
    """Adam that stops like a killed process, or gives what no step can be."""

    left, error = -1, False

    def step(self, gradient: Any, memory: Any, learning_rate: float) -> Any:
        Stopping.left -= 1
        steps, memory = super().step(gradient, memory, learning_rate)
        if Stopping.left == 0 and Stopping.error:
            return {name: np.full_like(step, np.nan) for name, step in steps.items()}, memory
        if Stopping.left == 0:
            raise KeyboardInterrupt
        return steps, memory


@pytest.mark.parametrize("learn", [("coupling", "field"), ("lag",)])
def test_blocks_resume_with_the_same_bits(
    small: PhaseNetwork, tmp_path: Path, learn: tuple[str, ...]
) -> None:
    path = tmp_path / "run.npz"
    settings: dict[str, Any] = {
        "on": Sweeps(precision="float32"), "optimiser": Stopping(), "remember": True,
        "epochs": 5, "learn": learn, "validation": 0.2,
    }  # fmt: skip
    Stopping.left, Stopping.error = 6, False
    with pytest.raises(KeyboardInterrupt):
        train(small, checkpoint=path, **settings)
    resumed, whole = (train(small, checkpoint=p, **settings) for p in (path, None))
    assert (resumed.network.coupling == whole.network.coupling).all()
    assert resumed.rows[-1]["validation_loss"] == whole.rows[-1]["validation_loss"]


@pytest.mark.parametrize("change", ["table", "mask", "readout"])
def test_a_checkpoint_knows_large_settings(
    small: PhaseNetwork, tmp_path: Path, change: str
) -> None:
    path, cost = tmp_path / "run.npz", CrossEntropy(2 * np.eye(3))
    mask, rates = np.ones((12, 12), dtype=bool), np.full((12, 12), 0.05)
    mask[0, 5] = mask[5, 0] = False

    def run() -> None:
        train(small, checkpoint=path, epochs=1, learn={"coupling": mask}, cost=cost,
              learning_rate={"coupling": rates})  # fmt: skip

    run()
    run()
    if change == "table":
        rates[4, 9] = rates[9, 4] = 0.06
    elif change == "mask":
        mask[0, 6] = mask[6, 0] = False
    else:
        cost = CrossEntropy(2.1 * np.eye(3))
    with pytest.raises(ValueError, match=r"checkpoint: .* another network, data or settings"):
        run()


def test_a_run_that_diverges_hands_back_its_last_good_state(small: PhaseNetwork, on: Any) -> None:
    Stopping.left, Stopping.error = 9, True  # in the fifth epoch of two updates
    with pytest.raises(DivergenceError, match=r"learning diverged; .*in epoch 5") as caught:
        train(small, on=on, optimiser=Stopping(), epochs=8)
    Stopping.left, Stopping.error = -1, False
    assert isinstance(caught.value, FloatingPointError)
    found = caught.value.fit
    assert [row["epoch"] for row in found.rows] == [1, 2, 3, 4]
    assert np.isfinite(found.network.coupling).all()
    assert (found.network.coupling != small.coupling).any()
    good = evaluate(found.network, BLOBS, cost=CosineCost(), on=on).loss
    assert good < evaluate(small, BLOBS, cost=CosineCost(), on=on).loss


def test_a_run_in_which_nothing_locks_any_more_says_so_and_keeps_its_network() -> None:
    x, y = np.random.default_rng(0).random((12, 2)), np.arange(12) % 2
    network = floating(0)

    @dataclasses.dataclass(frozen=True)
    class Tears(SGD):
        def step(self, gradient: Any, memory: Any, learning_rate: float) -> Any:
            memory = {"t": np.asarray(int(memory.get("t", 0)) + 1)}
            tear = 0.999 if memory["t"] == 3 else 0.0
            return {"coupling": tear * network.coupling}, memory

    with pytest.raises(UnlockedError, match=r"none of the .* locked .*in epoch 4") as caught:
        fit(network, (x, y), cost=CosineCost(), epochs=6, learning_rate=0.1, learn=("coupling",),
            optimiser=Tears(), batch_size=12, progress=False, checkpoint=None, validation=None,
            remember=True, rng=0)  # fmt: skip
    assert isinstance(caught.value, RelaxationError)
    assert isinstance(caught.value, LearningError)
    assert len(caught.value.fit.rows) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learn": {"coupling": np.ones((12, 12))}}, "learn: the mask of coupling is float64"),
        ({"learn": {"field": np.arange(4) > 1}}, r"learn: the mask of field .* \(12,\)"),
        ({"learn": {"coupling": np.tri(12) > 0}}, "learn: .* one edge"),
        ({"learn": ("coupling", "readout")}, "learn: CosineCost has no read-out"),
        ({"learn": {"coupling": False}}, "learn: expected some of"),
        ({"learning_rate": (0.1, 0.1, 0.1)}, "learning_rate: 3 rates for 2 layers"),
        ({"learning_rate": {"coupling": 0.1}}, "learning_rate: names no rate for field"),
        ({"learning_rate": {"coupling": 0.1, "field": 0.1, "lag": 1}}, "learning_rate: lag does"),
        ({"learning_rate": -0.1}, "learning_rate: -0.1 is not a positive"),
        ({"learning_rate": (0.1, -0.1)}, "learning_rate: .* is not a positive"),
        ({"learning_rate": "fast"}, "learning_rate: 'fast'"),
        ({"learning_rate": {"coupling": np.ones(3), "field": 0.1}}, "learning_rate: the table"),
        (
            {"learning_rate": {"coupling": np.tri(12), "field": 0.1}},
            "learning_rate: .* is not symmetric",
        ),
        ({"weight_decay": -1.0}, "weight_decay: -1.0"),
        ({"weight_decay": {"lag": 0.1}}, "weight_decay: lag does not learn"),
        ({"random_sign": True}, "random_sign: the symmetric scheme"),
        ({"patience": 3}, "patience: 3 .*validation="),
        ({"patience": 0, "validation": 0.2}, "patience: 0"),
        ({"unsettled": "maybe"}, "unsettled: 'maybe' is unknown"),
        (
            {"bounds": Bounds(strength=3.0), "learn": ("field",)},
            "bounds: strength scales all couplings",
        ),
    ],
)
def test_bad_options(small: PhaseNetwork, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        train(small, **changes)


def test_layers_are_not_asked_of_a_network_without_them() -> None:
    with pytest.raises(ValueError, match="learning_rate: 4 rates for 2 layers"):
        fit(floating(0), (np.zeros((4, 2)), np.arange(4) % 2), cost=CosineCost(), epochs=1,
            learning_rate=(0.1,) * 4)  # fmt: skip


def test_all_of_it_in_a_deeper_network() -> None:
    network = topology.layered([4, 6, 5, 3], lags=True, rng=1)
    found = train(network, learning_rate=(0.03, 0.05, 0.08), learn=("coupling", "lag", "field"),
                  on=Sweeps(30), epochs=40, validation=0.2, patience=10, remember=True)  # fmt: skip
    assert evaluate(found.network, BLOBS, cost=CosineCost()).accuracy > 0.9


def test_the_plain_readout_has_the_slopes_of_its_matrix() -> None:
    rng = np.random.default_rng(0)
    phases, y = rng.uniform(-3, 3, (50, 4)), rng.integers(0, 4, 50)
    spelt = CrossEntropy(2 * np.eye(4))
    for at in (phases, phases + 0.1j * rng.standard_normal((50, 4))):
        np.testing.assert_array_equal(CrossEntropy().gradient(at, y), spelt.gradient(at, y))
