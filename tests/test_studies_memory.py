"""The study of memories: curves that a closed form and storage fix."""

from __future__ import annotations

import numpy as np
import pytest

from neurosc import studies
from neurosc.phasor import mean_field_overlap, random_patterns
from neurosc.studies import memory

ROOT = np.random.SeedSequence(5)


@pytest.fixture(scope="module")
def result() -> studies.StudyResult:
    return studies.run("memory", seeds=1, n=200, stored_n=40)


def test_the_study_draws_and_tells(result: studies.StudyResult) -> None:
    assert len(result.figure.axes) == 3
    assert "nan" not in result.reading
    assert len(result.summary.dropna(subset="published")) == len(result.published)
    assert result.table["overlap"].between(0, 1).all()


def test_what_is_published_is_the_closed_form() -> None:
    for (condition, _), value in memory.STUDY.published.items():
        load = float(condition.rsplit(" ", 1)[1])
        assert mean_field_overlap(load) == pytest.approx(value, abs=1.1e-4)
    assert mean_field_overlap(memory.EDGE) > memory.RECALLED
    assert mean_field_overlap(memory.EDGE + 2e-4) == 0


def test_dense_patterns_on_a_chip_have_the_overlap_of_the_closed_form() -> None:
    row = memory.measure(0, ROOT, part="dense", load=0.02, n=1000)
    assert row["overlap"] == pytest.approx(mean_field_overlap(0.02), abs=0.01)
    assert row["overlap_on_chip"] == pytest.approx(row["overlap"], abs=0.01)
    assert row["recalled"] == 1
    assert row["unlocked"] == 0


def test_loads_past_the_end_are_not_put_on_chips() -> None:
    row = memory.measure(0, ROOT, part="dense", load=0.06, n=500)
    assert np.isnan(row["overlap_on_chip"])
    assert row["overlap"] < 0.6


def test_what_is_learned_comes_back_where_hebb_blends() -> None:
    hebb, learned = (memory.measure(0, ROOT, part=p, load=0.2, n=80) for p in ("Hebb", "learned"))
    assert hebb["recalled"] < 0.2
    assert learned["recalled"] > 0.95
    assert learned["overlap_on_chip"] > hebb["overlap_on_chip"] + 0.3


def test_sparse_patterns_come_back_with_an_adaptive_threshold() -> None:
    adaptive, fixed = (memory.measure(0, ROOT, part=p, erased=300) for p in ("adaptive", "fixed"))
    assert adaptive["recalled"] >= 0.95
    assert fixed["recalled"] < 0.5


def test_cues_have_as_many_unknown_units() -> None:
    patterns = random_patterns(5, 50, rng=0)
    cues = memory.erase(patterns, 20, ROOT)
    assert ((cues == 0).sum(axis=1) == 20).all()
    assert np.array_equal(cues[cues != 0], patterns[cues != 0])
