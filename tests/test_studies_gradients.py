"""The studies of gradients: identities of curves that theory fixes."""

from __future__ import annotations

import numpy as np
import pytest

from neurosc import PhaseNetwork, SynchronyCost, studies
from neurosc.randomness import substream
from neurosc.studies import asymmetry, finite_beta, readout_noise
from neurosc.studies.mean_field import random_mean_field

ROOT = np.random.SeedSequence(5)


@pytest.mark.parametrize(
    ("name", "n"), [("asymmetry", 8), ("finite-beta", 8), ("readout-noise", 16)]
)
def test_the_study_draws_and_tells(name: str, n: int) -> None:
    result = studies.run(name, seeds=1, n=n)
    assert result.figure.axes
    assert (result.table["unlocked"] == 0).all()
    measured = result.summary.dropna(subset="published")
    assert len(measured) == len(result.published)
    if result.study.reading is not None:
        assert "nan" not in result.reading


def test_errors_fall_with_the_order_of_the_scheme() -> None:
    table = studies.run("finite-beta", seeds=1, n=20).table.set_index("condition")
    error = table["relative_error"]
    for name, order in (("one-sided", 1), ("symmetric", 2)):
        ratio = error[f"{name}, beta 0.1"] / error[f"{name}, beta 0.01"]
        assert np.log10(ratio) == pytest.approx(order, abs=0.02)
    ratio = error["holomorphic 4, beta 1"] / error["holomorphic 4, beta 0.3"]
    assert np.log(ratio) / np.log(1 / 0.3) == pytest.approx(4, abs=0.05)
    assert error["holomorphic 8, beta 1"] < 1e-3 * error["holomorphic 4, beta 1"]


def test_symmetric_couplings_have_the_exact_gradient_and_others_lose_it_squarely() -> None:
    def lost(level: float, held: bool) -> float:
        row = asymmetry.measure(0, ROOT, level=level, held=held, n=12)
        assert row["unlocked"] == 0
        return float(1 - row["cosine"])

    for held in (False, True):
        assert lost(0.0, held) < 1e-12
        assert lost(0.02, held) / lost(0.01, held) == pytest.approx(4, rel=0.2)


def test_the_equilibrium_is_at_rest_for_the_first_oscillator_too() -> None:
    network = random_mean_field(7, rng=1)
    directed = network.coupling * np.random.default_rng(2).uniform(0.7, 1.3, (7, 7))
    theta, stable = asymmetry.equilibrium(network.frequency, directed)
    torque = network.frequency + (directed * np.sin(theta - theta[:, None])).sum(axis=1)
    assert stable
    assert np.ptp(torque) < 1e-9
    assert theta[0] == 0


def test_an_equilibrium_that_does_not_exist_is_not_locked() -> None:
    _, stable = asymmetry.equilibrium(np.array([0.0, 50.0, 0.0]), np.ones((3, 3)) - np.eye(3))
    assert not stable


def test_suggested_nudges_and_averages_cure_the_noise() -> None:
    def cosine(name: str) -> float:
        settings = studies.get("readout-noise").settings(n=16)[name]
        rows = [readout_noise.measure(k, substream(ROOT, "s", k), **settings) for k in range(6)]
        return float(np.mean([row["cosine"] for row in rows]))

    assert cosine("beta 0.1") < 0.5
    assert cosine("suggested beta") > 0.95
    assert cosine("suggested beta, 100 reads") > 0.999
    assert cosine("beta 1, 100 reads") > cosine("beta 1") + 0.2


def test_a_nudge_past_the_edge_is_counted() -> None:
    row = readout_noise.measure(0, ROOT, beta=300.0, reads=1, n=6, noise=0.0)
    assert row["unlocked"] == 1
    assert np.isnan(row["cosine"])


def test_a_mean_field_floats_and_is_seen_whole() -> None:
    network = random_mean_field(9, rng=0)
    assert isinstance(network, PhaseNetwork)
    assert network.centred
    assert network.outputs.tolist() == list(range(9))
    assert network.coupling.sum() == pytest.approx(27, rel=0.15)
    assert SynchronyCost().value(np.zeros((1, 9))).item() == 0


@pytest.mark.slow
def test_reference_errors_are_reproduced() -> None:
    result = studies.run("finite-beta")
    told = result.summary.dropna(subset="published")
    ratio = told["mean"] / told["published"]
    assert ratio.between(0.6, 1.6).all(), told
    assert set(finite_beta.SCHEMES) == set(result.table["scheme"])


@pytest.mark.slow
def test_published_asymmetries_are_reproduced() -> None:
    told = studies.run("asymmetry").summary.dropna(subset="published")
    assert (told["mean"] >= told["published"]).all()
