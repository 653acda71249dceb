"""Memories of phasors against their closed forms."""

import numpy as np
import pytest

from neurosc import Ideal
from neurosc.hw_models import CouplingMismatch, Device, FrequencyMismatch, SpikingOscillators
from neurosc.phasor import AssociativeMemory, mean_field_overlap, random_patterns
from neurosc.randomness import stream

ONE = np.ones((1, 3), dtype=np.complex128)


def erased(patterns: np.ndarray, count: int, rng: int = 0) -> np.ndarray:
    """Cues: patterns of which as many random units are unknown."""
    rank = stream(rng, "erased").random(patterns.shape).argsort(axis=1).argsort(axis=1)
    return np.where(rank < count, 0, patterns)


@pytest.mark.parametrize(
    ("load", "overlap"), [(0, 1.0), (0.01, 0.9891), (0.02, 0.9757), (0.03, 0.9559), (0.04, 0.0)]
)
def test_closed_form(load: float, overlap: float) -> None:
    assert mean_field_overlap(load) == pytest.approx(overlap, abs=1.1e-4)


def test_closed_form_ends_where_the_memory_does() -> None:
    assert mean_field_overlap(0.0376) > 0.9
    assert mean_field_overlap(0.0379) == 0


@pytest.mark.parametrize("load", [0.01, 0.02, 0.03])
def test_dense_recall_has_the_overlap_of_the_closed_form(load: float) -> None:
    """Medians: near the load at which memories break, 2,000 units lose one now and then."""
    patterns = random_patterns(round(2000 * load), 2000, rng=1)
    found = AssociativeMemory(patterns).recall(patterns, sweeps=2000)
    overlap = np.diag(found.overlap)
    assert found.settled.all()
    assert np.quantile(overlap, 0.9) - np.quantile(overlap, 0.1) < 0.04
    assert np.median(overlap) == pytest.approx(mean_field_overlap(load), abs=0.005)


def test_an_overfull_memory_forgets() -> None:
    patterns = random_patterns(100, 2000, rng=1)
    assert np.diag(AssociativeMemory(patterns).recall(patterns[:20]).overlap).mean() < 0.5


def test_sparse_patterns_come_back_from_half_of_their_units() -> None:
    patterns = random_patterns(201, 625, active=25, rng=0)
    found = AssociativeMemory(patterns, 0.6).recall(erased(patterns, 300))
    assert (np.diag(found.overlap) > 0.95).mean() >= 0.95
    assert np.count_nonzero(found.state, axis=1).mean() == pytest.approx(25, abs=0.5)


def test_a_fixed_threshold_needs_more_of_the_pattern() -> None:
    patterns = random_patterns(201, 625, active=25, rng=0)
    memory = AssociativeMemory(patterns, 0.6, "fixed")
    assert (np.diag(memory.recall(erased(patterns, 30)).overlap) > 0.95).mean() > 0.9
    assert (np.diag(memory.recall(erased(patterns, 300)).overlap) > 0.95).mean() < 0.5


def test_oscillators_recall_as_the_memory_does() -> None:
    patterns = random_patterns(3, 150, rng=2)
    memory = AssociativeMemory(patterns)
    cues = erased(patterns, 60)
    found, _ = memory.recall_on(Ideal(), cues)
    assert found.settled.all()
    assert np.allclose(found.overlap, memory.recall(cues, sweeps=2000).overlap, atol=1e-4)


def test_spiking_oscillators_recall() -> None:
    patterns = random_patterns(10, 400, rng=3)
    memory = AssociativeMemory(patterns)
    found, _ = memory.recall_on(SpikingOscillators(), erased(patterns, 160))
    assert (np.diag(found.overlap) > 0.95).sum() >= 9


@pytest.mark.parametrize("rng", [0, 1, 2])
def test_learning_stores_what_hebb_loses(rng: int) -> None:
    patterns = random_patterns(16, 80, rng=rng)
    hebb = AssociativeMemory(patterns)
    cues = erased(patterns, 32)
    assert np.diag(hebb.recall(patterns).overlap).mean() < 0.5
    learned = hebb.learned()
    assert np.diag(learned.recall(patterns).overlap).min() > 0.99
    assert np.diag(learned.recall(cues).overlap).mean() > 0.99


def test_an_epoch_is_the_clamped_phase_minus_the_free_one() -> None:
    patterns = random_patterns(6, 20, rng=0)
    hebb = AssociativeMemory(patterns)
    free = hebb.recall(patterns, sweeps=30, tolerance=1e-3).state
    step = 0.2 / 20 * (patterns.T @ patterns.conj() - free.T @ free.conj())
    np.fill_diagonal(step, 0)
    found = hebb.learned(epochs=1, learning_rate=0.2).coupling
    assert found is not None
    assert np.abs(step).max() > 1e-3
    assert np.allclose(found, hebb.to_network().coupling + step)


def test_learned_couplings_are_hermitian_and_those_of_the_network() -> None:
    memory = AssociativeMemory(random_patterns(12, 60, rng=0)).learned(epochs=5)
    found = memory.coupling
    assert found is not None
    assert np.array_equal(found, found.conj().T)
    assert not found.diagonal().any()
    assert np.allclose(memory.to_network().coupling, found)
    assert np.allclose(memory.pull(memory.patterns), memory.patterns @ found.T)


def test_learning_goes_on_from_where_it_ended() -> None:
    memory = AssociativeMemory(random_patterns(12, 60, rng=0))
    once, twice = memory.learned(epochs=4), memory.learned(epochs=2).learned(epochs=2)
    assert once.coupling is not None
    assert twice.coupling is not None
    assert np.allclose(once.coupling, twice.coupling)


def test_a_rate_that_forgets_is_told() -> None:
    memory = AssociativeMemory(random_patterns(16, 80, rng=0))
    with pytest.raises(ValueError, match=r"learning_rate: at 0\.5 .* give a lower rate"):
        memory.learned(learning_rate=0.5)


def test_what_is_stored_may_be_learned_again() -> None:
    memory = AssociativeMemory(random_patterns(2, 80, rng=0))
    again = memory.learned(epochs=20).learned(epochs=2)
    assert np.diag(again.recall(memory.patterns).overlap).min() > 0.999


def test_noisy_chips_recall_what_was_learned() -> None:
    patterns = random_patterns(16, 80, rng=0)
    hebb = AssociativeMemory(patterns)
    device = Device(FrequencyMismatch(0.01), CouplingMismatch(0.05))
    overlaps = []
    for memory in (hebb, hebb.learned()):
        chip = device.fabricate(memory.to_network(), rng=0)[0]
        found, _ = memory.recall_on(chip, patterns, rng=0)
        overlaps.append(np.diag(found.overlap).mean())
    assert overlaps[0] < 0.5
    assert overlaps[1] > 0.95


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random_patterns(2, 5, active=6), "count, size, active"),
        (lambda: AssociativeMemory(np.full((2, 3), 0.5j)), "patterns: shape"),
        (lambda: AssociativeMemory(np.array([[1, 1], [0, 0j]])), "patterns: shape"),
        (lambda: AssociativeMemory(ONE, 1.0), "threshold: 1.0"),
        (lambda: AssociativeMemory(ONE, kind="none"), "kind: 'none'"),  # type: ignore[arg-type]
        (lambda: AssociativeMemory(np.ones((0, 3), complex)), "patterns: shape"),
        (lambda: AssociativeMemory(ONE).recall(np.ones(4)), "cue: shape"),
        (lambda: AssociativeMemory(ONE).recall([np.nan] * 3), "cue: has entries"),
        (lambda: AssociativeMemory(ONE).recall(ONE, sweeps=0), "sweeps: 0"),
        (lambda: AssociativeMemory(ONE).learned(epochs=2.5), "epochs, sweeps: 2.5"),  # type: ignore[arg-type]
        (lambda: AssociativeMemory(np.array([[1, 0j]])).to_network(), "patterns: some units"),
        (lambda: AssociativeMemory(ONE, coupling=np.zeros((2, 2), complex)), "coupling: shape"),
        (lambda: AssociativeMemory(ONE, coupling=np.eye(3, dtype=complex)), "coupling: shape"),
        (
            lambda: AssociativeMemory(ONE, coupling=1j * (ONE.T @ ONE - np.eye(3))),
            "coupling: shape",
        ),
        (lambda: AssociativeMemory(np.array([[1, 0j]])).learned(), "patterns: some units"),
        (lambda: AssociativeMemory(ONE).learned(epochs=0), "epochs, sweeps: 0, 30"),
        (lambda: AssociativeMemory(ONE).learned(sweeps=0), "epochs, sweeps: 60, 0"),
        (lambda: AssociativeMemory(ONE).learned(learning_rate=0), "learning_rate: 0"),
        (lambda: AssociativeMemory(ONE).learned(learning_rate=np.nan), "learning_rate: nan"),
        (lambda: mean_field_overlap(-1), "load: -1"),
    ],
)
def test_bad_input(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
