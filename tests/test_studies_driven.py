"""The study of driven oscillators."""

from __future__ import annotations

import numpy as np
import pytest

from neurosc import studies
from neurosc.studies import driven


def test_locked_phases_are_those_of_adler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driven, "NOISE", 0.0)
    draw = np.random.default_rng(1)
    off = np.array([-0.3, 0.0, 0.2, 0.5])
    steady = np.repeat(off[:, None], round(driven.DURATION / driven.STEP), axis=1)
    phases = driven.locked_phases(driven.waves(steady, draw))[:, -1]
    expected = np.arcsin(driven.BANK - off[:, None])
    assert phases == pytest.approx(expected, abs=0.06)  # corrections of K / carrier, and the step


def test_the_phase_of_the_drive_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driven, "NOISE", 0.0)
    frequency = driven.drives("fm", 1, np.random.default_rng(2))[0].repeat(2, axis=0)
    first, second = driven.locked_phases(driven.waves(frequency, np.random.default_rng(3)))
    assert first[2:] == pytest.approx(second[2:], abs=0.06)


def test_waves_are_of_their_class() -> None:
    frequency, labels = driven.drives("fm", 40, np.random.default_rng(4))
    spectrum = np.abs(np.fft.rfft(frequency, axis=1))
    assert (spectrum.argmax(axis=1) == np.asarray(driven.TURNS)[labels]).all()
    frequency, labels = driven.drives("three", 300, np.random.default_rng(5))
    assert (np.bincount(labels) > 70).all()
    assert frequency[labels == 0].max() < frequency[labels == 1].min()


def test_modulation_is_read_from_waves_that_regression_cannot_tell() -> None:
    root = np.random.SeedSequence(6)
    ours, theirs = (
        driven.measure(0, root, task="fm", kind=kind, epochs=20, samples=300)["accuracy"]
        for kind in ("waves", "raw")
    )
    assert ours > 0.9
    assert theirs < 0.65


def test_one_bank_learns_three_frequencies() -> None:
    root = np.random.SeedSequence(7)
    row = driven.measure(0, root, task="three", kind="bank", epochs=20, samples=300)
    assert row["accuracy"] > 0.75


@pytest.mark.slow
def test_the_published_figures_are_passed() -> None:
    mean = studies.run("driven", seeds=3).table.groupby("condition")["accuracy"].mean()
    assert mean["three classes, one bank"] > 0.8
    assert mean["three classes, from waves"] > 0.9
    assert mean["FM, from waves"] > 0.95
