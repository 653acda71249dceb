"""Simultaneous perturbation: the mean is the gradient, the spread is what the docstring says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import Ideal, SynchronyCost
from neurosc.coupling_map import Instances
from neurosc.coupling_map.implicit import implicit_slope
from neurosc.coupling_map.spsa import spsa_slope
from neurosc.network import FloatArray

N = 4


def drawn(batch: int = 1, fields: bool = False) -> tuple[FloatArray, Instances]:
    """Symmetric couplings of networks that lock."""
    rng = np.random.default_rng(1)
    k = rng.uniform(1.0, 2.0, (batch, N, N))
    k = (k + k.transpose(0, 2, 1)) * (1 - np.eye(N))
    omega, h = rng.uniform(-1, 1, (2, batch, N))
    return k, Instances(np.zeros((batch, N, 1)), omega, 0.5 * h - 2.0 if fields else 0.0)


def repeated(draws: int, **settings: Any) -> tuple[FloatArray, FloatArray]:
    """Mean and standard error of the slopes of alike networks, each with draws of its own."""
    coupling, instances = drawn(fields=settings.pop("fields", False))
    many = instances.take(np.zeros(draws, dtype=int))
    whole = np.repeat(coupling, draws, axis=0)
    found = spsa_slope(whole, many, cost=SynchronyCost(), **settings)
    assert found.used.all()
    each = found.coupling
    return each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(draws)


@pytest.mark.parametrize("fields", [False, True])
def test_mean_is_the_implicit_gradient(fields: bool) -> None:
    coupling, instances = drawn(fields=fields)
    exact = implicit_slope(coupling, instances, cost=SynchronyCost(), rng=0).coupling[0]
    exact = (exact + exact.T) / 2
    mean, error = repeated(25, perturbation=0.01, pairs=40, rng=2, fields=fields)
    edges = np.triu(np.ones((N, N), dtype=bool), 1)
    scores = (mean - exact)[edges] / error[edges]
    assert np.abs(scores).max() < 4.0
    assert np.square(scores).mean() < 2.5
    assert error[edges].max() < 0.15 * np.abs(exact).max()
    assert (mean == mean.T).all()
    assert (np.diag(mean) == 0).all()


def test_error_is_the_root_of_couplings_over_pairs() -> None:
    coupling, instances = drawn()
    exact = implicit_slope(coupling, instances, cost=SynchronyCost(), rng=0).coupling[0]
    exact = (exact + exact.T) / 2
    edges = N * (N - 1) / 2
    _, error = repeated(100, perturbation=0.01, pairs=4, rng=3)
    found = 10 * np.linalg.norm(error) / np.linalg.norm(exact)
    assert found == pytest.approx(np.sqrt((edges - 1) / 4), rel=0.15)


def test_pairs_are_averaged_and_bits_do_not_know_the_batch() -> None:
    coupling, instances = drawn(3)
    settings: Any = {"cost": SynchronyCost(), "perturbation": 0.05, "rng": 7}
    whole = spsa_slope(coupling, instances, pairs=2, **settings)
    some = spsa_slope(coupling[:1], instances.take(slice(1)), pairs=2, **settings)
    one = spsa_slope(coupling, instances, pairs=1, **settings)
    assert (some.coupling == whole.coupling[:1]).all()
    assert np.abs(whole.coupling - one.coupling).max() > 0.1 * np.abs(whole.coupling).max()


def test_only_couplings_that_are_there_are_perturbed() -> None:
    coupling, instances = drawn()
    coupling[:, 0, 3] = coupling[:, 3, 0] = 0.0
    found = spsa_slope(coupling, instances, cost=SynchronyCost(), perturbation=0.05, rng=0)
    assert ((found.coupling != 0) == (coupling != 0)).all()


def test_what_does_not_lock_is_not_used() -> None:
    coupling, instances = drawn(2)
    coupling[1] *= 1e-3
    found = spsa_slope(coupling, instances, cost=SynchronyCost(), perturbation=0.01, rng=0)
    assert found.used.tolist() == [True, False]
    assert (found.coupling[1] == 0).all()


@pytest.mark.parametrize("changes", [{"perturbation": 0.0}, {"pairs": 0}])
def test_bad_arguments(changes: dict[str, Any]) -> None:
    coupling, instances = drawn()
    settings: Any = {"cost": SynchronyCost(), "perturbation": 0.1, **changes}
    with pytest.raises(ValueError, match=next(iter(changes))):
        spsa_slope(coupling, instances, **settings)


def test_couplings_of_one_way_are_refused() -> None:
    coupling, instances = drawn()
    coupling[0, 0, 1] += 0.5
    with pytest.raises(ValueError, match="coupling: "):
        spsa_slope(coupling, instances, cost=SynchronyCost(), perturbation=0.1)


def test_delays_are_stepped() -> None:
    """A pair tells the slope along its signs, which the implicit gradient tells too."""
    coupling, instances = drawn()
    tau = np.array([[0, 2, 1, 3]])
    late = Instances(instances.features, 3 + instances.frequency, 0.0, tau)
    on = Ideal("steps", dt=0.1, duration=300.0, tolerance=1e-8)
    settings: Any = {"cost": SynchronyCost(), "rng": 0}
    found = spsa_slope(coupling, late, on=on, perturbation=1e-3, **settings)
    exact = implicit_slope(coupling, late, **settings)
    assert found.used.all()
    assert found.loss == pytest.approx(exact.loss, abs=1e-9)
    along = np.sign(found.coupling[0])
    assert along[0, 1] * found.coupling[0, 0, 1] == pytest.approx(
        (exact.coupling[0] * along).sum() / 2, rel=1e-4
    )


def test_delays_are_refused_where_there_are_none() -> None:
    coupling, instances = drawn()
    late = Instances(instances.features, instances.frequency, 0.0, np.full((1, N), 2))
    with pytest.raises(ValueError, match=r"delay_steps: .* use on=Ideal"):
        spsa_slope(coupling, late, cost=SynchronyCost(), perturbation=0.1, on=Ideal())
