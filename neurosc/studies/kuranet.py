"""Couplings learned from features, on networks that the map has never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosc.coupling_map import (
    CouplingMap,
    Instances,
    coupling_correlation,
    direct_couplings,
    experiments,
    hebbian_couplings,
    uniform_couplings,
)
from neurosc.coupling_map.experiments import Experiment
from neurosc.network import FloatArray
from neurosc.plots import BLUE, GREEN, GREY, ORANGE
from neurosc.randomness import stream, substream
from neurosc.studies.figures import panels
from neurosc.studies.kuranet_figures import exhibits
from neurosc.studies.study import Row, Settings, Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

TESTS, LARGER_TESTS, DIRECT_TESTS = 16, 4, 2
"""Networks to test, of the size of training and four times larger; optimised one by one."""
DIRECT_STEPS, DIRECT_STARTS = 100, 4
DIRECT_RATES = {"node": 0.2, "graph": 0.02, "none": 0.02}
N = 100
MARKS = {
    "loss": ("o", BLUE, "learned, one seed"),
    "loss_of_larger": ("s", GREEN, "on networks four times larger"),
    "untrained": ("x", GREY, "untrained map"),
    "uniform": ("|", GREY, "uniform couplings"),
    "hebbian": ("+", GREY, "Hebbian couplings"),
    "direct": ("v", GREY, "optimised for each network"),
}
"""Columns that are drawn: marker, colour, legend."""


def conditions(experiment: str | None = None, batches: int | None = None) -> dict[str, Settings]:
    """`experiment`: a name or a file .toml (all of this package); `batches`: to learn."""
    chosen = experiments.names() if experiment is None else [experiment]
    found = {name: experiments.load(name) for name in chosen}
    return {
        asked.name: {"experiment": name, "text": asked.text, "batches": batches}
        for name, asked in found.items()
    }


def measure(
    seed: int, rng: np.random.SeedSequence, *, experiment: str, text: str, batches: int | None
) -> Row:
    """Learn from networks drawn anew, then test on others, beside four controls.

    `text` is that of the file, which an interrupted study must not mix with another.
    """
    asked = experiments.load(experiment)
    changes = {} if batches is None else {"batches": batches}
    learned = asked.learn(rng, **changes)
    n = int(asked.train.get("n", N))
    test = asked.tests(TESTS, n, stream(rng, "test"))
    larger = asked.larger_tests(LARGER_TESTS, 4 * n, stream(rng, "larger"))
    degree = learned.map.degree

    def loss(coupling: FloatArray, of: Instances) -> float:
        return asked.loss(asked.score(coupling, of, substream(rng, "score")))

    coupling = learned.map.couplings(test.features)
    scores = asked.score(coupling, test, substream(rng, "score"))
    few = asked.source.draw(DIRECT_TESTS, n, stream(rng, "few"))
    return {
        "loss": asked.loss(scores),
        "loss_of_larger": loss(learned.map.couplings(larger.features), larger),
        "untrained": loss(asked.untrained(rng).couplings(test.features), test),
        "uniform": loss(uniform_couplings(test, degree), test),
        "hebbian": loss(hebbian_couplings(test, degree), test),
        "direct": loss(_direct(asked, learned.map, few, substream(rng, "direct")), few),
        "rand": np.nan if scores.rand is None else float(scores.rand.mean()),
        "c_x": float(coupling_correlation(np.maximum(coupling, 0), _told(test)).mean()),
        "unused": float(np.mean([row["unused"] > 0 for row in learned.rows])),
    }


def _direct(
    asked: Experiment, learned: CouplingMap, instances: Instances, rng: np.random.SeedSequence
) -> FloatArray:
    """Couplings optimised for these networks, on the degree and by the gradient of the map."""
    # but for random fields: what is no perceptron needs none
    shared = {"gradient", "degree_at_start", "curriculum", "clip"}
    settings = {name: value for name, value in asked.train.items() if name in shared}
    options = dict(asked.train.get("options", {}))
    if asked.train.get("gradient", "two-phase") == "two-phase":
        options["starts"] = DIRECT_STARTS
    return direct_couplings(
        instances, cost=asked.cost, degree=learned.degree, normalise=learned.normalise,
        symmetric=learned.symmetric, mask=learned.mask, steps=DIRECT_STEPS,
        learning_rate=DIRECT_RATES[learned.normalise], options=options, rng=rng, **settings,
    )  # fmt: skip


def _told(instances: Instances) -> FloatArray:
    """What c_x compares: frequencies where they differ, else features."""
    differ = bool(np.ptp(instances.frequency))
    return instances.frequency if differ else instances.features


def figure(table: pd.DataFrame) -> Figure:
    """Losses of what was learned, on both sizes of networks, and of the controls."""
    names = list(table["condition"].unique())
    drawn, (ax,) = panels(1, (7.2, 1.5 + 0.42 * len(names)))
    for column, (marker, colour, label) in MARKS.items():
        for place, name in enumerate(names):
            values = table.loc[table["condition"] == name, column]
            ax.plot(
                values, np.full(len(values), place), marker, color=colour, markersize=6,
                alpha=0.7, linestyle="", label=label if place == 0 else None,
            )  # fmt: skip
    published = {name: value for (name, _), value in STUDY.published.items()}
    told = [(published[name], k) for k, name in enumerate(names) if name in published]
    if told:
        at, places = zip(*told, strict=True)
        ax.plot(at, places, "D", color=ORANGE, markersize=5, linestyle="", label="published")
    ax.set_xlim(left=0)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel("1 - R of synchrony, circular moments of clusters")
    drawn.legend(loc="outside lower center", ncols=3, frameon=False)
    return drawn


def _published() -> dict[tuple[str, str], float]:
    return {(name, "loss"): loss for name, loss in experiments.published().items()}


STUDY = Study(
    name="kuranet",
    about="Couplings learned from features: 1 - R or circular moments on networks never seen",
    reported="1 - R .063 (global), .17 to .20 (fields), .35 to .40 (delays); circular moments .048 "
    "to .056 (5 groups), .013 to .020 (a picture) (Ricci et al., arXiv 2105.02838, its notebook)",
    conditions=conditions,
    measure=measure,
    measures=(
        "loss",
        "loss_of_larger",
        "untrained",
        "uniform",
        "hebbian",
        "direct",
        "rand",
        "c_x",
        "unused",
    ),
    figure=figure,
    exhibits=exhibits,
    published=_published(),
    seeds=3,
)
