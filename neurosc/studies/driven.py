"""Oscillators that an input signal drives, and what their phases tell of its frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc import topology
from neurosc.costs import CosineCost, CrossEntropy
from neurosc.datasets import Dataset
from neurosc.ideal.sweeps import Sweeps
from neurosc.learning import evaluate
from neurosc.network import Encoding, FloatArray, PhaseNetwork
from neurosc.randomness import stream, substream
from neurosc.studies.figures import strips
from neurosc.studies.peers import logistic_regression
from neurosc.studies.study import Row, Settings, Study
from neurosc.studies.training import fit_or_last_good

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

CARRIER, DEVIATION, DURATION, STEP = 10.0, 0.6, 60.0, 0.05
"""Of a wave: angular frequency and its swing, length and sampling, in units of the locking range
and of its inverse."""
NOISE = 0.5
"""Standard deviation of the noise on each sample of a wave of amplitude 1."""
BANK = np.array([-0.4, 0.0, 0.4])
"""Frequencies of the driven oscillators, off the carrier."""
FRAMES = 12
"""Into which a wave is cut for the phase detectors."""
TURNS = (1, 2)
"""How often the two kinds of frequency-modulated waves swing."""
BANK_UNITS = 5
"""Oscillators beside the outputs in the bank that learns by itself."""
HIDDEN = 20
QUARTER = CosineCost(-np.pi / 4, np.pi / 4)
"""Of the bank: its phases are odd in the detuning, and so is this read-out."""
SWEPT: dict[str, Any] = {"on": Sweeps(6, precision="float32"), "unsettled": "learn"}


def drives(task: str, count: int, draw: np.random.Generator) -> tuple[FloatArray, Any]:
    """Frequencies of drives over time, off the carrier, (count, samples), and their classes.

    `"three"`: constant ones from -DEVIATION to DEVIATION, low, middle or high; `"fm"`: the rate at
    which the frequency swings, from a random phase on.
    """
    time = np.arange(round(DURATION / STEP)) * STEP
    if task == "three":
        off = draw.uniform(-1, 1, count)
        labels = np.minimum((1.5 * (off + 1)).astype(int), 2)
        return DEVIATION * np.repeat(off[:, None], time.size, axis=1), labels
    labels = draw.integers(len(TURNS), size=count)
    turns = np.asarray(TURNS)[labels]
    swing = 2 * np.pi * turns[:, None] * time / DURATION
    return DEVIATION * np.sin(swing + draw.uniform(0, 2 * np.pi, (count, 1))), labels


def waves(frequency: FloatArray, draw: np.random.Generator) -> FloatArray:
    """cos psi(t) of drives whose frequencies are given off the carrier, and white noise."""
    phase = draw.uniform(0, 2 * np.pi, (len(frequency), 1))
    phase = phase + STEP * np.cumsum(CARRIER + frequency, axis=1)
    return np.asarray(np.cos(phase) + NOISE * draw.standard_normal(phase.shape))


def locked_phases(wave: FloatArray) -> FloatArray:
    """Phases of the bank against its drive in each frame, (batch, frames, oscillators).

    theta_i' = omega_i - 2 s(t) sin theta_i, which on average over a cycle is the equation of Adler,
    phi_i' = omega_i - omega - sin phi_i with phi = theta - psi. A mixer and a mean over the frame,
    arg <s(t) exp(i theta_i)>, read phi: the frame of reference is the drive itself, and no
    oscillator is held.

    Source: Adler, Proc. IRE 34:351 (1946).
    """
    theta = np.zeros((len(wave), BANK.size))
    mixed = np.empty((wave.shape[1], *theta.shape), dtype=np.complex64)
    for k, s in enumerate(wave.T[:, :, None]):
        mixed[k] = s * np.exp(1j * theta)
        theta += STEP * (CARRIER + BANK - 2 * mixed[k].imag)
    mean = mixed.reshape(FRAMES, -1, *theta.shape).mean(axis=1)
    return np.asarray(np.angle(mean).transpose(1, 0, 2), dtype=np.float64)


def driven_bank(outputs: int, rng: np.random.SeedSequence) -> PhaseNetwork:
    """Driven oscillators and outputs, all coupled, in the frame of the drive.

    There the drive is a field that stands still, and a sample is -omega at every oscillator of the
    bank. The field is stronger than the detuning, so that all lock before they learn. Outputs have
    no frequency of their own: they follow what pulls them.
    """
    draw, n = stream(rng, "driven bank"), BANK_UNITS + outputs
    half = np.triu(0.3 * draw.standard_normal((n, n)), 1)
    half[BANK_UNITS:, BANK_UNITS:] = 0.0
    field = np.r_[np.full(BANK_UNITS, 2.0), np.full(outputs, 0.5)].astype(complex)
    return PhaseNetwork(
        half + half.T, frequency=np.r_[np.linspace(-0.4, 0.4, BANK_UNITS), np.zeros(outputs)],
        field=field, inputs=range(BANK_UNITS), outputs=range(BANK_UNITS, n),
        encoding=Encoding("frequency", -1.0),
    )  # fmt: skip


def wave_network(features: int, classes: int, rng: np.random.SeedSequence) -> PhaseNetwork:
    """Held at the phases of the bank in all frames, and read from outputs."""
    return topology.layered([features, HIDDEN, classes], encoding=Encoding("phase"), rng=rng)


def conditions(epochs: int = 40, samples: int = 1000) -> dict[str, Settings]:
    """`epochs` of learning; `samples` to learn from, and as many to test."""
    kinds = {
        "three classes, one bank": ("three", "bank"),
        "three classes, from waves": ("three", "waves"),
        "three classes, regression of phases": ("three", "phases"),
        "three classes, regression of waves": ("three", "raw"),
        "FM, from waves": ("fm", "waves"),
        "FM, regression of phases": ("fm", "phases"),
        "FM, regression of waves": ("fm", "raw"),
    }
    shared = {"epochs": epochs, "samples": samples}
    return {name: {"task": task, "kind": kind, **shared} for name, (task, kind) in kinds.items()}


def dataset(task: str, kind: str, samples: int, draw: np.random.Generator) -> Dataset:
    """Samples as a condition sees them, biased anew."""
    frequency, labels = drives(task, samples, draw)
    if kind == "bank":
        return Dataset(np.tile(frequency[:, :1], (1, BANK_UNITS)), labels)
    wave = waves(frequency, draw)
    return Dataset(wave if kind == "raw" else locked_phases(wave).reshape(samples, -1), labels)


def measure(
    seed: int, rng: np.random.SeedSequence, *, task: str, kind: str, epochs: int, samples: int
) -> Row:
    """Learn waves of this seed and test once on others."""
    train, test = (
        dataset(task, kind, samples, stream(rng, f"{task} {part}")) for part in ("train", "test")
    )
    if kind in ("raw", "phases"):
        return {"accuracy": logistic_regression(train, test)}
    classes, one = int(train.y.max()) + 1, kind == "bank"
    cost = QUARTER if one else CrossEntropy()
    network = driven_bank(classes, rng) if one else wave_network(train.x.shape[1], classes, rng)
    settings = SWEPT
    if one:  # the drive of the bank is what it is: fields of the outputs alone learn
        biased = np.isin(np.arange(network.n), network.outputs)
        settings = {"beta": 0.02, "batch_size": 10, "learn": {"coupling": True, "field": biased}}
    fitted, diverged = fit_or_last_good(
        network, train, cost=cost, epochs=epochs, learning_rate=0.03, rng=substream(rng, "fit"),
        **settings,
    )  # fmt: skip
    found = evaluate(fitted.network, test, cost=cost)
    return {
        "accuracy": found.accuracy,
        "unlocked": float(1 - found.locked.mean()),
        "diverged": float(diverged),
    }


def figure(table: pd.DataFrame) -> Figure:
    """Test accuracy of every seed."""
    return strips(table, "accuracy", "test accuracy (%)", STUDY.published, scale=100)


STUDY = Study(
    name="driven",
    about="The frequency of a wave, and how it is modulated, from oscillators that the wave drives",
    reported="54 % of three classes of frequency, 64 % of two kinds of FM, from raw input; "
    "the waves here are others",
    conditions=conditions,
    measure=measure,
    measures=("accuracy", "unlocked", "diverged"),
    figure=figure,
    published={
        ("three classes, one bank", "accuracy"): 0.54,
        ("FM, from waves", "accuracy"): 0.64,
    },
    seeds=5,
)
