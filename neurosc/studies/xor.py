"""XOR with five oscillators that are all coupled to one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosc.costs import CosineCost
from neurosc.datasets import Dataset
from neurosc.learning import evaluate, fit
from neurosc.network import Encoding, PhaseNetwork
from neurosc.randomness import stream, substream
from neurosc.studies.figures import panels
from neurosc.studies.study import Row, Settings, Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

XOR = Dataset(np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]]), np.array([0, 1, 1, 0]))
BITS = Encoding("phase", np.pi / 2)
"""Bits as phases of -pi/2 and pi/2."""
COST = CosineCost()
WIDTH, LEARNING_RATE, BURST = 0.5, 0.3, 25
"""Of the first couplings and fields; of online SGD; epochs between two looks at the network."""
CONDITION = "2 inputs, 1 hidden, 2 outputs"


def network(rng: np.random.SeedSequence) -> PhaseNetwork:
    """Two inputs, a hidden oscillator and two outputs; couplings and fields from N(0, .5^2)."""
    draw = stream(rng, "XOR network")
    half = np.triu(WIDTH * draw.standard_normal((5, 5)), 1)
    half[0, 1] = 0.0  # both inputs are held, so nothing would feel it
    field = WIDTH * (draw.standard_normal(5) + 1j * draw.standard_normal(5))
    field[:2] = 0.0
    return PhaseNetwork(half + half.T, field=field, inputs=[0, 1], outputs=[3, 4], encoding=BITS)


def conditions(epochs: int = 1000) -> dict[str, Settings]:
    """`epochs`: how many are allowed."""
    return {CONDITION: {"epochs": epochs}}


def measure(seed: int, rng: np.random.SeedSequence, *, epochs: int) -> Row:
    """Train a network sample by sample until it reads all four samples right, and locked."""
    net, at = network(rng), 0
    while True:
        found = evaluate(net, XOR, cost=COST)
        solved = bool(found.correct.all() and found.locked.all())
        if solved or at >= epochs:
            break
        net = fit(
            net, XOR, cost=COST, epochs=min(BURST, epochs - at), learning_rate=LEARNING_RATE,
            batch_size=1, optimiser="sgd", schedule="constant", rng=substream(rng, "burst", at),
        ).network  # fmt: skip
        at += BURST
    return {
        "solved": float(solved),
        "epochs_to_solve": float(at) if solved else float("nan"),
        "accuracy": found.accuracy,
        "loss": found.loss,
        "unlocked": float(1 - found.locked.mean()),
    }


def figure(table: pd.DataFrame) -> Figure:
    """The share of seeds that have solved it over the epochs."""
    figure, (ax,) = panels(1, (5.6, 3.4))
    at = np.sort(table["epochs_to_solve"].to_numpy(float))
    at = at[np.isfinite(at)]
    share = 100 * np.arange(1, at.size + 1) / len(table)
    ax.step([0, *at, 1000], [0, *share, share[-1] if at.size else 0], where="post", color="#2463a8")
    ax.set(xlabel="epochs (four updates each)", ylabel="seeds that solved XOR (%)", ylim=(0, 104))
    ax.set_title(f"{at.size} of {len(table)} networks of five oscillators solve XOR")
    return figure


STUDY = Study(
    name="xor",
    about="XOR with five oscillators, all coupled, from random starts",
    reported="solved with 5 oscillators (Wang, Wanjura, Marquardt, arXiv 2402.08579)",
    conditions=conditions,
    measure=measure,
    measures=("solved", "epochs_to_solve", "accuracy", "unlocked"),
    figure=figure,
    published={(CONDITION, "solved"): 1.0},
)
