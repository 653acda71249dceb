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
import scipy

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
    verify,
)
from neurosc.costs import Cost
from neurosc.learning.optimisers import SGD, Adam
from neurosc.network import FloatArray
from tests.conftest import kuramoto, random_coupling

EXACT = Ideal(tolerance=1e-12)


def loss(network: PhaseNetwork, x: Any, y: Any, cost: Cost) -> float:
    relaxed = EXACT.relax(network, x).raise_for_status()
    seen = network.relative(relaxed.phases)[:, network.outputs]
    return float(cost.value(seen, y).mean())


@pytest.mark.parametrize("lags", [False, True])
def test_implicit_gradient_is_the_slope_of_the_loss(lags: bool) -> None:
    rng = np.random.default_rng(5)
    n = 7
    network = PhaseNetwork(
        random_coupling(n, rng, lags=lags),
        rng.normal(0, 0.05, n),
        rng.standard_normal(n) + 1j * rng.standard_normal(n),
        rng.normal(0, 0.1, n),
        inputs=[0, 1],
        outputs=[5, 6],
        encoding=Encoding("amplitude", 0.8),
    )
    x, y, cost = rng.random((4, 2)), np.array([0, 1, 0, 1]), CosineCost()
    gradient = verify.implicit_gradient(network, x, y, cost=cost)
    h = 1e-5

    def slope(**change: Any) -> float:
        moved = {k: (getattr(network, k) + v, getattr(network, k) - v) for k, v in change.items()}
        up, down = ({k: v[s] for k, v in moved.items()} for s in (0, 1))
        difference = loss(network.replace(**up), x, y, cost)
        return (difference - loss(network.replace(**down), x, y, cost)) / (2 * h)

    for i in (3, 5):
        e = h * np.eye(n)[i]
        assert slope(frequency=e) == pytest.approx(gradient.frequency[i], abs=1e-7)
        assert slope(second_harmonic=e) == pytest.approx(gradient.second_harmonic[i], abs=1e-7)
        assert slope(field=e) == pytest.approx(gradient.field[i].real, abs=1e-7)
        assert slope(field=1j * e) == pytest.approx(gradient.field[i].imag, abs=1e-7)
    for i, j in ((0, 5), (3, 4)):
        edge = np.zeros((n, n), dtype=complex)
        edge[i, j] = edge[j, i] = h
        real = slope(coupling=edge if lags else edge.real)
        assert real == pytest.approx(np.real(gradient.coupling[i, j]), abs=1e-7)
        if lags:
            edge[i, j], edge[j, i] = 1j * h, -1j * h
            assert slope(coupling=edge) == pytest.approx(gradient.coupling[i, j].imag, abs=1e-7)


@pytest.mark.parametrize("cost", [CosineCost(), SquaredCosineCost(), CrossEntropy()])
def test_two_phase_converges_to_implicit(
    small: PhaseNetwork, samples: FloatArray, labels: Any, cost: Cost
) -> None:
    found = verify.agreement(small, samples, labels, cost=cost, betas=(1e-2, 3e-3, 1e-3))
    assert verify.slope(found, "symmetric") == pytest.approx(2, abs=0.1)
    assert verify.slope(found, "one-sided") == pytest.approx(1, abs=0.1)
    best = found[2]
    assert best.relative_error < 1e-4
    assert best.cosine > 1 - 1e-8


def test_floating_network_trains_its_mean_free_frequencies() -> None:
    network = kuramoto(12, np.random.default_rng(3))
    found = verify.agreement(network, None, [1], cost=CosineCost(), betas=(1e-2, 1e-3))
    assert found[1].relative_error < 1e-5
    gradient = two_phase_gradient(network, None, [1], cost=CosineCost())
    assert gradient.frequency.sum() == pytest.approx(0, abs=1e-12)
    assert np.abs(gradient.frequency).max() > 1e-3
    with pytest.raises(ValueError, match="learn: field has no gradient"):
        fit(network, (np.zeros((1, 0)), np.array([0])), cost=CosineCost(), epochs=1,
            learning_rate=0.1, learn=("field",))  # fmt: skip


def test_sparse_gradient_is_the_dense_one_on_the_edges() -> None:
    rng = np.random.default_rng(0)
    dense = kuramoto(9, rng)
    coupling = np.where(np.abs(np.subtract.outer(range(9), range(9))) <= 2, dense.coupling, 0)
    dense = dense.replace(coupling=3 * coupling, reference=0)
    sparse = dense.replace(coupling=scipy.sparse.csr_array(dense.coupling))
    one, two = (two_phase_gradient(net, None, [0], cost=CosineCost()) for net in (dense, sparse))
    np.testing.assert_allclose(two.coupling.toarray(), one.coupling, atol=1e-10)
    assert two.vector() == pytest.approx(one.vector(), abs=1e-10)
    trained = [
        fit(net, (np.zeros((4, 0)), np.array([0, 1, 0, 0])), cost=CosineCost(), epochs=3,
            learning_rate=0.01, learn=("coupling", "frequency"), rng=1).network
        for net in (dense, sparse)
    ]  # fmt: skip
    np.testing.assert_allclose(trained[1].coupling.toarray(), trained[0].coupling, atol=1e-9)


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
