"""Memories that a slow clock gates."""

from __future__ import annotations

import numpy as np
import pytest

from neurosc import Ideal
from neurosc.network import ComplexArray, IntArray
from neurosc.phasor import AssociativeMemory, NestedMemory, random_patterns, slot_harmonics

SIZE, HALF = 200, 100
CUES, SLOTS = 4, 6
CUE_OF = np.repeat(np.arange(CUES), SLOTS)
SLOT_OF = np.tile(np.arange(SLOTS), CUES)
PHASES = 2 * np.pi * SLOT_OF / SLOTS


def associations(rng: int) -> ComplexArray:
    """Each cue, half of the units, with another answer in each slot, (24, size)."""
    draw = np.random.default_rng(rng)
    cues = random_patterns(CUES, HALF, rng=draw)
    answers = random_patterns(CUES * SLOTS, SIZE - HALF, rng=draw)
    return np.hstack([cues[CUE_OF], answers])


def answered(state: ComplexArray, patterns: ComplexArray, first: int) -> float:
    """Share of states of which the units from `first` on are nearest to the right answer."""
    match = np.abs(state[:, first:] @ patterns[:, first:].conj().T)
    return float((match.argmax(axis=1) == np.arange(len(patterns))).mean())


def cut(patterns: ComplexArray, first: int) -> ComplexArray:
    """Cues: nothing is known from unit `first` on."""
    cue = patterns.copy()
    cue[:, first:] = 0
    return cue


def test_slots_are_orthogonal_and_the_gate_is_one_at_its_own() -> None:
    harmonics = slot_harmonics(5, 200, rng=0)
    memory = NestedMemory.store(random_patterns(1, 200, rng=0), [0.0], harmonics)
    assert np.allclose(memory.gate(2 * np.pi * np.arange(5) / 5), [1, 0, 0, 0, 0], atol=1e-12)


def test_harmonics_of_a_raised_cosine_gate_by_it() -> None:
    harmonics = np.repeat([-1, 0, 0, 1], 10)
    memory = NestedMemory.store(np.ones((1, 40)), [0.0], harmonics)
    psi = np.linspace(0, 2 * np.pi, 9)
    assert np.allclose(memory.gate(psi), (1 + np.cos(psi)) / 2)


def test_without_harmonics_it_is_the_memory_of_one_frequency() -> None:
    patterns = random_patterns(3, 150, rng=2)
    cue = cut(patterns, 90)
    nested = NestedMemory.store(patterns, [0.0, 1.0, 2.0], np.zeros(150, dtype=int))
    plain = AssociativeMemory(patterns).recall(cue)
    assert np.array_equal(nested.recall(cue, 0.7).state, plain.state)


@pytest.mark.parametrize("rng", [0, 1, 2])
def test_the_same_cue_has_another_answer_in_each_slot(rng: int) -> None:
    patterns = associations(rng)
    nested = NestedMemory.store(patterns, PHASES, slot_harmonics(SLOTS, SIZE, rng=rng)).learned()
    found = nested.recall(cut(patterns, HALF), PHASES)
    assert answered(found.state, patterns, HALF) >= 0.95
    assert np.diag(found.overlap).min() > 0.9
    single = AssociativeMemory(patterns).learned(learning_rate=0.02)
    assert answered(single.recall(cut(patterns, HALF)).state, patterns, HALF) < 0.3


@pytest.mark.parametrize("known", [120, 150])
def test_units_that_tell_the_slot_do_not_replace_the_clock(known: int) -> None:
    """As many oscillators of one frequency, some of which hold a symbol of the slot."""
    whole = associations(0)
    marks = random_patterns(SLOTS, known // 2, rng=7)
    patterns = np.hstack(
        [whole[:, : known // 2], marks[SLOT_OF], whole[:, HALF : HALF + 200 - known]]
    )
    assert patterns.shape == (24, SIZE)
    single = AssociativeMemory(patterns).learned(learning_rate=0.02)
    assert answered(single.recall(cut(patterns, known)).state, patterns, known) < 0.8


def test_a_single_cue_meets_many_slow_phases() -> None:
    patterns = associations(0)
    nested = NestedMemory.store(patterns, PHASES, slot_harmonics(SLOTS, SIZE, rng=0)).learned()
    found = nested.recall(cut(patterns, HALF)[0], 2 * np.pi * np.arange(SLOTS) / SLOTS)
    assert found.overlap.argmax(axis=1).tolist() == list(range(SLOTS))


def said_in_turn(memory: NestedMemory, patterns: ComplexArray, sweeps: int) -> float:
    """Mean overlap with the answer of a slot, as a running clock passes its middle."""
    slots = len(patterns)
    steps = np.arange(2 * sweeps * slots)
    found = memory.play(cut(patterns, HALF)[0], 2 * np.pi * steps / (sweeps * slots))
    middle = found[sweeps * slots :: sweeps, HALF:]  # the first turn starts from silence
    return float(np.abs((middle * patterns[:, HALF:].conj()).mean(axis=1)).mean())


def test_a_running_clock_reads_a_sequence_the_better_the_slower_it_is() -> None:
    patterns = associations(0)[:SLOTS]
    nested = NestedMemory.store(patterns, PHASES[:SLOTS], slot_harmonics(SLOTS, SIZE, rng=0))
    nested = nested.learned()
    off = [1 - said_in_turn(nested, patterns, sweeps) for sweeps in (2, 8, 32)]
    assert off[0] > 0.02
    assert off[1] < 0.3 * off[0]
    assert off[2] < 0.3 * off[1]
    assert off[2] < 1e-3


def test_what_is_held_stays() -> None:
    patterns = associations(0)[:SLOTS]
    nested = NestedMemory.store(patterns, PHASES[:SLOTS], slot_harmonics(SLOTS, SIZE, rng=0))
    cue = cut(patterns, HALF)[0]
    found = nested.play(cue, np.linspace(0, 7, 9))
    assert np.allclose(found[:, :HALF], cue[:HALF])
    assert np.allclose(nested.play(cue, np.zeros(300))[-1], nested.play(cue, np.zeros(301))[-1])


def test_its_oscillators_recall_on_a_substrate() -> None:
    patterns = random_patterns(3, 150, rng=2)
    phases = 2 * np.pi * np.arange(3) / 3
    nested = NestedMemory.store(patterns, phases, slot_harmonics(3, 150, rng=0))
    cue = cut(patterns, 90) * nested.carrier(phases)
    found, _ = nested.memory.recall_on(Ideal(), cue)
    assert np.diag(found.overlap).min() > 0.95


def wrong(harmonics: IntArray | list[float]) -> NestedMemory:
    return NestedMemory(AssociativeMemory(np.ones((1, 4), complex)), np.asarray(harmonics))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: slot_harmonics(0, 5), ValueError, "slots: 0 for 5"),
        (lambda: slot_harmonics(6, 5), ValueError, "slots: 6 for 5"),
        (lambda: wrong([0.5] * 4), TypeError, "harmonics: expected whole numbers"),
        (lambda: wrong(np.arange(3)), ValueError, r"harmonics: shape \(3,\)"),
        (lambda: wrong(np.arange(4)).play(np.ones((2, 4)), [0.0]), ValueError, "cue, phases"),
        (lambda: wrong(np.arange(4)).play(np.ones(4), 0.0), ValueError, "cue, phases"),
        (
            lambda: NestedMemory.store(np.ones((2, 4)), [0.0], np.arange(4)),
            ValueError,
            "phases: shape",
        ),
    ],
)
def test_bad_input(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()  # type: ignore[operator]
