"""Gradients on chips: what read-out noise and mismatch make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurosc import CosineCost, PhaseNetwork, robustness, topology, two_phase_gradient
from neurosc.hw_models import TDC, Device, FrequencyMismatch, PhaseNoise, ReadAveraging
from neurosc.randomness import key_from, substream
from neurosc.robustness import figures
from neurosc.robustness.fidelity import compared

COST = CosineCost()
READ_NOISE = TDC(3e9, jitter_s=1e-12)
"""19 mrad."""
BETAS = [0.01, 0.1, 1.0, 10.0]
DATA = (np.random.default_rng(0).random((4, 2)), np.arange(4) % 2)


@pytest.fixture(scope="module")
def stiff() -> PhaseNetwork:
    """Couplings in the hundreds, as in published networks, whose phases a nudge hardly moves."""
    network = topology.layered([2, 5, 2], rng=1)
    return network.replace(coupling=100 * network.coupling, field=100 * network.field)


def cosines(network: PhaseNetwork, device: Device, betas: Any, **others: Any) -> Any:
    settings: dict[str, Any] = {"scheme": "one-sided", "chips": 6, "rng": 0} | others
    found = robustness.gradient_fidelity(network, DATA, device, cost=COST, beta=betas, **settings)
    return found.summary().set_index("beta")


def test_robust_inference_is_not_a_robust_gradient(stiff: PhaseNetwork) -> None:
    """1 ps of noise at 3 GHz: nothing is left at small nudges; a large one or averaging cures."""
    exact = cosines(stiff, Device(), BETAS)
    assert (exact["cosine"] > 0.995).all()
    assert np.isinf(exact["signal_to_noise"]).all()
    assert (exact["averages"] == 1).all()
    noisy = cosines(stiff, Device(READ_NOISE), BETAS)
    assert (noisy.loc[[0.01, 0.1], "cosine"].abs() < 0.15).all()
    assert 0.85 < noisy.loc[10.0, "cosine"] < 0.95
    averaged = cosines(stiff, Device(READ_NOISE, ReadAveraging(1000)), [1.0], chips=2, repeats=2)
    assert averaged.loc[1.0, "cosine"] > 0.98
    assert 0.9 < noisy["locked_share"].min() <= 1


def test_the_averages_that_are_asked_for_suffice(stiff: PhaseNetwork) -> None:
    """The predicted number of gradients gives the target cosine; half of it does not."""
    table = cosines(stiff, Device(READ_NOISE), [3.0], chips=1, repeats=200, target=0.9)
    needed = int(table.loc[3.0, "averages"])
    assert 2 < needed < 40
    chip = Device(READ_NOISE).fabricate(stiff, rng=9)[0]
    exact = two_phase_gradient(stiff, *DATA, cost=COST, beta=3.0, scheme="one-sided")
    many = np.array(
        [
            two_phase_gradient(
                stiff, *DATA, cost=COST, beta=3.0, scheme="one-sided", on=chip, rng=k
            ).vector("coupling", "field")
            for k in range(40 * needed)
        ]
    )
    g = exact.vector("coupling", "field")

    def cosine(count: int) -> float:
        means = many[: count * (len(many) // count)].reshape(-1, count, g.size).mean(axis=1)
        return float(np.mean(means @ g / np.linalg.norm(means, axis=1)) / np.linalg.norm(g))

    assert cosine(needed) > 0.88
    assert cosine(max(1, needed // 2)) < 0.89


def test_estimates_recover_known_signal_and_noise() -> None:
    rng = np.random.default_rng(0)
    g, side = np.eye(50)[0] * 2.0, np.eye(50)[1]
    measured = g + 0.5 * side + 0.3 * rng.standard_normal((4000, 50))
    cosine, systematic, error, snr, averages = compared(measured, g, 0.95)
    length, noise = np.hypot(2, 0.5), 0.3 * np.sqrt(50)
    assert systematic == pytest.approx(2 / length, abs=1e-3)
    assert snr == pytest.approx(length / noise, rel=0.02)
    assert cosine == pytest.approx(2 / np.hypot(length, noise), rel=0.02)
    assert error == pytest.approx(np.hypot(0.5, noise) / 2, rel=0.02)
    assert averages == pytest.approx(noise**2 / ((2 / 0.95) ** 2 - length**2), rel=0.1)
    assert np.isinf(compared(measured, g, 0.99)[-1])


def test_each_row_can_be_measured_again(small: PhaseNetwork, samples: Any, labels: Any) -> None:
    device = Device(FrequencyMismatch(0.05), READ_NOISE)
    found = robustness.gradient_fidelity(
        small, (samples, labels), device, [0.5, 1], cost=COST, beta=0.3, chips=2, repeats=3, rng=5
    )
    row = found.table[found.table["metric"] == "relative_error"].iloc[-1]
    chip = device.fabricate(small, 2, rng=5)[row["chip"]]
    reference = two_phase_gradient(small, samples, labels, cost=COST, beta=1e-5)
    errors = []
    for repeat in range(3):
        key = substream(key_from(row["rng_key"]), "repeat", repeat)
        mine = two_phase_gradient(
            small, samples, labels, cost=COST, beta=row["beta"], on=chip, rng=key
        )
        difference = mine.vector("coupling", "field") - reference.vector("coupling", "field")
        errors.append(
            np.linalg.norm(difference) / np.linalg.norm(reference.vector("coupling", "field"))
        )
    assert row["value"] == pytest.approx(np.mean(errors), rel=1e-4)


def test_on_disk_as_in_memory(stiff: PhaseNetwork, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"cost": COST, "chips": 2, "repeats": 2, "rng": 0, "beta": [0.1, 1]}
    device = Device(READ_NOISE)
    here = robustness.gradient_fidelity(stiff, DATA, device, [1, 2], **settings)
    there = robustness.gradient_fidelity(stiff, DATA, device, [1, 2], path=tmp_path, **settings)
    pd.testing.assert_frame_equal(
        here.table.drop(columns="seconds"), there.table.drop(columns="seconds"), check_exact=True
    )
    pd.testing.assert_frame_equal(robustness.GradientFidelity.read(tmp_path).table, there.table)
    with pytest.raises(ValueError, match="holds a study of gradients, not of read-out"):
        robustness.Sweep.read(tmp_path)
    for one in (here, robustness.gradient_fidelity(stiff, DATA, device, **settings)):
        figure = figures.gradient_cosine(one)
        assert figure.axes[0].get_ylabel() == "cosine to the ideal gradient"
        assert figure.axes[0].get_xlabel() in ("strength (× nominal)", "nudge β")


def test_a_chip_that_never_locks_has_no_gradient(small: PhaseNetwork) -> None:
    """It is counted."""
    data = (np.full((3, 4), 0.5), np.arange(3))
    lost = Device(FrequencyMismatch(1000.0), coupling_rad_per_s=2.0)
    found = robustness.gradient_fidelity(small, data, lost, cost=COST, chips=3, rng=0)
    row = found.summary().iloc[0]
    assert row["without"] == 3
    assert row["locked_share"] == 0
    assert np.isnan(row["cosine"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beta": 0.0}, "beta: 0.0 makes no nudge"),
        ({"beta": []}, "beta: "),
        ({"repeats": 1}, "repeats: 1 tell no noise"),
        ({"target": 1.5}, "target: 1.5 is no cosine"),
        ({"scheme": "holomorphic"}, "scheme: 'holomorphic' is none of a chip"),
        ({"reference": "mine"}, "reference: 'mine' is unknown"),
    ],
)
def test_bad_input(small: PhaseNetwork, change: dict[str, Any], message: str) -> None:
    settings: dict[str, Any] = {"beta": 0.1} | change
    data = (np.full((3, 4), 0.5), np.arange(3))
    with pytest.raises(ValueError, match=message):
        robustness.gradient_fidelity(small, data, Device(PhaseNoise(0.1)), cost=COST, **settings)
