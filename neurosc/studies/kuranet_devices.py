"""Coupling maps that learn through two relaxations on noisy chips, and what that costs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc import topology
from neurosc.coupling_map import CouplingMap, Instances, evaluate_couplings, experiments
from neurosc.coupling_map.experiments import Experiment
from neurosc.hw_models import CouplingMismatch, Device, FrequencyMismatch, presets
from neurosc.plots import BLUE, GREEN, GREY, ORANGE
from neurosc.randomness import key_from, key_text, stream, substream
from neurosc.studies.figures import panels
from neurosc.studies.study import Row, Settings, Study
from neurosc.substrate import RelaxationError, Substrate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

TASKS: dict[str, tuple[str, float]] = {
    "global": ("global", 1.0),
    "global, twice the couplings": ("global", 2.0),
    "clusters-5": ("clusters-5", 1.0),
}
"""Experiments, and the degree of their maps: what couplings the chip has to spend."""
N, BATCHES, RATE, BETA = 40, 60, 5e-3, 3.0
"""Oscillators, batches, rate of Adam, nudge; a nudge must move phases by more than they are misread
by."""
TESTS, OTHERS = 8, 3
"""Networks to test, and chips that the map has not seen."""
DEVICES: dict[str, Device] = {
    "1 % of the coupling": Device(FrequencyMismatch(0.01), CouplingMismatch(0.01)),
    "1 % of the frequency": Device(FrequencyMismatch(0.2), CouplingMismatch(0.01)),
    "cmos-ring-65nm": presets.get("cmos-ring-65nm"),
}
"""Mismatch of frequencies by .01 K; by .01 f0 where K is a 20th of f0, so by .2 K; that, 5-bit
couplings, lags, phase noise, and phases that are read with an error of .024 rad in steps of .01."""
MARKS = {
    "ideal": ("|", GREY, "ideal model"),
    "ideal_on_chip": ("x", ORANGE, "learned ideal, on a chip"),
    "chip": ("o", BLUE, "learned on that chip"),
    "other_chips": ("s", GREEN, "learned on that chip, on others"),
}
"""Columns that are drawn: marker, colour, legend."""


def conditions(n: int = N, batches: int = BATCHES) -> dict[str, Settings]:
    """`n`: oscillators of a network; `batches`: to learn from, two networks each."""
    return {
        f"{task} on {device}": {"task": task, "device": device, "n": n, "batches": batches}
        for task in TASKS
        for device in DEVICES
    }


def measure(
    seed: int, rng: np.random.SeedSequence, *, task: str, device: str, n: int, batches: int
) -> Row:
    """Learn on the ideal model and on a chip, and test both maps on chips and off them."""
    asked = _asked(task)
    test = asked.source.draw(TESTS, n, stream(rng, "test"))
    size = topology.all_to_all(n)
    chips = DEVICES[device].fabricate(size, 1 + OTHERS, substream(rng, "chips"))
    ideal, _ = _learnt_ideal(task, n, batches, key_text(rng))
    learned, rows = _learnt(asked, n, batches, chips[0], rng)
    (alone, before), (_, unlocked_before) = _tested(asked, ideal, test, [None, chips[0]], rng)
    (after, *others), (unlocked, *_) = _tested(asked, learned, test, chips, rng)
    return {
        "task": task,
        "device": device,
        "ideal": alone,
        "ideal_on_chip": before,
        "chip": after,
        "other_chips": float(np.mean(others)),
        "unlocked_ideal": unlocked_before,
        "unlocked": unlocked,
        "unused": float(np.mean([row["unused"] > 0 for row in rows])),
        "batches": len(rows),
    }


def _asked(task: str) -> Experiment:
    """The experiment, on the degree of the task; it begins with twice that if it begins higher."""
    name, degree = TASKS[task]
    found = experiments.load(name)
    begin = {"degree_at_start": 2 * degree} if "degree_at_start" in found.train else {}
    return dataclasses.replace(
        found, map=dict(found.map) | {"degree": degree}, train=dict(found.train) | begin
    )


@lru_cache(maxsize=16)  # the devices of a seed share it
def _learnt_ideal(
    task: str, n: int, batches: int, key: str
) -> tuple[CouplingMap, list[dict[str, float]]]:
    return _learnt(_asked(task), n, batches, None, key_from(key))


def _learnt(
    asked: Experiment, n: int, batches: int, on: Substrate | None, rng: np.random.SeedSequence
) -> tuple[CouplingMap, list[dict[str, float]]]:
    """The map and its batches, as far as it came."""
    options = dict(asked.train["options"]) | {"beta": BETA}
    try:
        found = asked.learn(rng, n=n, batches=batches, learning_rate=RATE, on=on, options=options)
    except RelaxationError as stopped:
        found = stopped.trained  # type: ignore[attr-defined]
    return found.map, found.rows


def _tested(
    asked: Experiment,
    learned: CouplingMap,
    test: Instances,
    on: Sequence[Substrate | None],
    rng: np.random.SeedSequence,
) -> tuple[list[float], list[float]]:
    """Of each substrate: the loss, and the share of relaxations that did not lock."""
    coupling = learned.couplings(test.features)
    scores = [
        evaluate_couplings(coupling, test, cost=asked.cost, on=chip, rng=substream(rng, "score"))
        for chip in on
    ]
    unlocked = [1 - float(np.asarray(one.locked).mean()) for one in scores]
    return [asked.loss(one) for one in scores], unlocked


def figure(table: pd.DataFrame) -> Figure:
    """Losses of both maps, on chips and off them, a panel for each task."""
    drawn, axes = panels(len(TASKS), (3.7 * len(TASKS) + 1.2, 3.2))
    for ax, task in zip(axes, TASKS, strict=True):
        own = table[table["task"] == task]
        for shift, (column, (marker, colour, label)) in enumerate(MARKS.items()):
            for place, device in enumerate(DEVICES):
                values = own.loc[own["device"] == device, column]
                ax.plot(
                    values, np.full(len(values), place + 0.15 * (shift - 1.5)), marker,
                    color=colour, markersize=5, alpha=0.8, linestyle="",
                    label=label if place == 0 and ax is axes[0] else None,
                )  # fmt: skip
        ax.set_yticks(range(len(DEVICES)), DEVICES if ax is axes[0] else [""] * len(DEVICES))
        ax.set_ylim(len(DEVICES) - 0.5, -0.5)
        ax.set_xlim(left=0)
        ax.set_xlabel("circular moments" if task.startswith("clusters") else "1 - R")
        ax.set_title(task, fontsize=10)
    drawn.legend(loc="outside lower center", ncols=4, frameon=False)
    return drawn


def reading(table: pd.DataFrame) -> str:
    """What mismatch is a share of, and what the chips cost."""
    told = [
        "A mismatch of 1 % says little until it is told of what: a hundredth of the coupling moves "
        "frequencies by .01 K, a hundredth of the frequency itself by .2 K where the coupling is a "
        "20th of it, as in most presets. A map sees features and no chip, so it cannot learn the "
        "draws of one, only what suits chips of its kind."
    ]
    means: Any = table.groupby(["task", "device"], sort=False)[[*MARKS, "unlocked"]].mean()
    for (task, device), row in means.iterrows():
        told.append(
            f"{task} on {device}: {row['ideal']:.3f} in the ideal model, "
            f"{row['ideal_on_chip']:.3f} on a chip; learned there {row['chip']:.3f}, and "
            f"{row['other_chips']:.3f} on others ({100 * row['unlocked']:.0f} % not locked)."
        )
    return " ".join(told)


STUDY = Study(
    name="kuranet-devices",
    about="Couplings learned from features through two relaxations on noisy chips",
    reported="none on devices; in the ideal model 1 - R .063 (global), circular moments .048 (5 "
    "groups) (Ricci et al., arXiv 2105.02838)",
    conditions=conditions,
    measure=measure,
    measures=(*MARKS, "unlocked_ideal", "unlocked", "unused", "batches"),
    figure=figure,
    reading=reading,
    seeds=3,
)
