"""Gradients out of two relaxations, training, evaluation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosc import (
    Bounds,
    CosineCost,
    CrossEntropy,
    Encoding,
    Fit,
    Ideal,
    PhaseNetwork,
    RelaxationError,
    SquaredCosineCost,
    evaluate,
    fit,
    topology,
    two_phase_gradient,
)
from neurosc.costs import Cost
from neurosc.learning.optimisers import SGD, Adam
from neurosc.network import FloatArray


def test_unlocked_samples_are_counted_and_all_unlocked_is_an_error() -> None:
    network = PhaseNetwork(
        [[0, 1], [1, 0]], inputs=[1], outputs=[0], encoding=Encoding("frequency"), reference=1
    )
    x = np.array([[0.2], [9.0], [0.4]])
    gradient = two_phase_gradient(network, x, [0, 0, 0], cost=CosineCost())
    assert gradient.unlocked == 1
    locked = two_phase_gradient(network, x[[0, 2]], [0, 0], cost=CosineCost())
    np.testing.assert_allclose(gradient.vector(), locked.vector(), atol=1e-12)
    with pytest.raises(RelaxationError, match="none of the 1 samples locked"):
        two_phase_gradient(network, x[[1]], [0], cost=CosineCost())
    result = evaluate(network, (x, np.zeros(3, dtype=int)), cost=CosineCost())
    assert result.locked.tolist() == [True, False, True]
    assert "1 of 3 not locked" in str(result)


def blobs(rng: np.random.Generator) -> tuple[FloatArray, Any]:
    y = np.arange(60) % 3
    return 0.2 + 0.5 * np.eye(4)[y] + 0.05 * rng.standard_normal((60, 4)), y


BLOBS = blobs(np.random.default_rng(0))


def train(network: PhaseNetwork, **changes: Any) -> Fit:
    settings: dict[str, Any] = {
        "cost": CosineCost(), "epochs": 8, "learning_rate": 0.05, "validation": 0.2, "rng": 3,
    }  # fmt: skip
    return fit(network, BLOBS, **(settings | changes))


def test_learns_and_reports(small: PhaseNetwork) -> None:
    before = evaluate(small, BLOBS, cost=CosineCost())
    result = train(small, epochs=20, bounds=Bounds(strength=3.0))
    after = evaluate(result.network, BLOBS, cost=CosineCost())
    assert after.accuracy > 0.95 > before.accuracy
    assert result.network.strength[small.free].max() <= 3.0 + 1e-9
    history = result.history
    assert history["epoch"].tolist() == list(range(1, 21))
    assert history["loss"].iloc[-1] < 0.5 * history["loss"].iloc[0]
    assert {"validation_accuracy", "validation_unlocked", "unlocked"} <= set(history)


@pytest.mark.parametrize("cost", [CosineCost(), CrossEntropy(), SquaredCosineCost()])
def test_every_cost_learns(small: PhaseNetwork, cost: Cost) -> None:
    assert evaluate(train(small, cost=cost, epochs=25).network, BLOBS, cost=cost).accuracy > 0.9


def test_lags_and_sgd_learn() -> None:
    network = topology.layered([4, 5, 3], lags=True, rng=0)
    result = train(network, optimiser=SGD(momentum=0.9), learning_rate=0.1, epochs=30, batch_size=4)
    assert evaluate(result.network, BLOBS, cost=CosineCost()).accuracy > 0.9
    assert result.network.is_complex


def test_same_rng_same_bits(small: PhaseNetwork) -> None:
    one, two, other = train(small), train(small), train(small, rng=4)
    assert (one.network.coupling == two.network.coupling).all()
    assert (one.network.coupling != other.network.coupling).any()


class Interrupted(Ideal):
    """Stops like a killed process after some relaxations."""

    left = 30

    def relax(self, *args: Any, **kwargs: Any) -> Any:
        Interrupted.left -= 1
        if Interrupted.left == 0:
            raise KeyboardInterrupt
        return super().relax(*args, **kwargs)


def test_interrupted_run_resumes_to_the_same_bits(small: PhaseNetwork, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    Interrupted.left = 30
    with pytest.raises(KeyboardInterrupt):
        train(small, on=Interrupted(), checkpoint=path)
    assert path.exists()
    Interrupted.left = -1
    resumed = train(small, on=Interrupted(), checkpoint=path)
    whole = train(small)
    assert (resumed.network.coupling == whole.network.coupling).all()
    assert (resumed.network.field == whole.network.field).all()
    keys = [k for k in whole.rows[0] if k != "seconds"]
    assert [[r[k] for k in keys] for r in resumed.rows] == [
        [r[k] for k in keys] for r in whole.rows
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


KILLED = """
import sys
import numpy as np
from tests.test_learning import train
from neurosc import topology
train(topology.layered([4, 5, 3], rng=1), epochs=200, checkpoint=sys.argv[1])
"""


def test_killed_process_resumes_to_the_same_bits(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)])
    deadline = time.monotonic() + 120
    while not path.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    network = topology.layered([4, 5, 3], rng=1)
    resumed = train(network, epochs=200, checkpoint=path)
    assert (resumed.network.coupling == train(network, epochs=200).network.coupling).all()


def test_checkpoint_of_another_run_is_refused(small: PhaseNetwork, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    train(small, epochs=2, checkpoint=path)
    with pytest.raises(ValueError, match="belongs to a run with another network, data or settings"):
        train(small, epochs=3, checkpoint=path)
    with pytest.raises(ValueError, match="another rng"):
        train(small, epochs=2, checkpoint=path, rng=9)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="truncated or not a neurosc file"):
        train(small, epochs=2, checkpoint=path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": -1}, "epochs"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"batch_size": 0}, "batch_size"),
        ({"learn": ("weights",)}, "learn: expected some of"),
        ({"learn": ()}, "learn: expected some of"),
        ({"epochs": 1, "learn": "coupling"}, "learn: expected some of"),
        ({"schedule": "linear"}, "schedule"),
        ({"optimiser": "magic"}, "optimiser: 'magic' is unknown"),
        ({"beta": 0.0}, "beta"),
        ({"scheme": "three"}, "scheme"),
        ({"validation": 1.5}, "share"),
    ],
)
def test_bad_settings(small: PhaseNetwork, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        train(small, **changes)


def test_bad_data(small: PhaseNetwork) -> None:
    def run(x: Any, y: Any) -> None:
        fit(small, (x, y), cost=CosineCost(), epochs=1, learning_rate=0.1)

    x, y = BLOBS
    with pytest.raises(ValueError, match="target: class 3 is outside the 3 classes"):
        run(x, y + 1)
    with pytest.raises(ValueError, match="data: sample 5 has nan at input 2"):
        run(np.where((np.arange(60) == 5)[:, None] & (np.arange(4) == 2), np.nan, x), y)
    with pytest.raises(ValueError, match="do not fit"):
        run(x, y[:-1])
    with pytest.raises(ValueError, match="data: holds no samples"):
        run(x[:0], y[:0])
    with pytest.raises(TypeError, match="not integer class labels"):
        run(x, y.astype(float))
    with pytest.raises(TypeError, match="not real numbers"):
        run(x.astype(str), y)
    with pytest.raises(ValueError, match="does not fit 4 inputs"):
        run(x[:, :3], y)


def test_optimisers_take_their_textbook_steps() -> None:
    g = {"p": np.array([0.5, -2.0]), "q": np.array([3.0 - 4.0j])}
    steps, memory = Adam().step(g, {}, 0.1)
    np.testing.assert_allclose(steps["p"], [0.1, -0.1], rtol=1e-6)
    np.testing.assert_allclose(steps["q"], [0.1 - 0.1j], rtol=1e-6)
    assert memory["t"] == 1
    first, memory = SGD(0.5).step(g, {}, 0.1)
    second, _ = SGD(0.5).step(g, memory, 0.1)
    np.testing.assert_allclose(first["p"], 0.1 * g["p"])
    np.testing.assert_allclose(second["p"], 0.15 * g["p"])


def test_intervals() -> None:
    from scipy import stats

    network = topology.layered([4, 3], rng=0)
    result = evaluate(network, BLOBS, cost=CosineCost())
    low, high = result.interval()
    test = stats.binomtest(int(result.correct.sum()), 60).proportion_ci(method="wilson")
    assert (low, high) == (test.low, test.high)


@pytest.mark.slow
def test_digits_reach_the_published_accuracy() -> None:
    """Wang et al. 94.1 %; mean of three seeds >= 95 %, each >= 94 %."""
    from neurosc import report

    accuracies = []
    for seed in range(3):
        fitted, test, cost = report.train_digits(report.DemoSettings(rng=seed))
        accuracies.append(evaluate(fitted.network, test, cost=cost).accuracy)
    assert min(accuracies) >= 0.94
    assert np.mean(accuracies) >= 0.95
