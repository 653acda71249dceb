"""How many patterns of phasors a memory holds, against the closed form, and on chips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc.network import ComplexArray, PhaseNetwork
from neurosc.phasor import AssociativeMemory, Recall, mean_field_overlap, random_patterns
from neurosc.phasor.memory import Threshold
from neurosc.plots import BLUE, GREEN, GREY, ORANGE
from neurosc.randomness import stream, substream
from neurosc.studies.figures import panels
from neurosc.studies.study import Row, Settings, Study
from neurosc.substrate import Substrate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DENSE_LOADS = (0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.06)
STORED_LOADS = (0.02, 0.05, 0.1, 0.15, 0.2)
UNKNOWN = 0.4
"""Share of the units that cues of the two storages leave open."""
SPARSE = {"count": 201, "size": 625, "active": 25}
ERASED = (30, 100, 200, 300, 400, 500)
THRESHOLD = 0.6
RECALLED = 0.9
"""Overlap from which on a pattern counts as recalled; the closed form ends at .91."""
EDGE = 0.0376
"""The largest load for which the closed form has an overlap."""
CUES, CUES_ON_CHIP = 40, 8
CHIP_LOAD = 0.03
"""The largest load of the dense memory on chips: nearer to its end they take minutes to settle."""
SWEEPS = 1000
FREQUENCY_MISMATCH, COUPLING_MISMATCH = 0.01, 0.05


def conditions(n: int = 2000, stored_n: int = 200) -> dict[str, Settings]:
    """`n`: units of the dense memory; `stored_n`: of the one that is stored in two ways."""
    found: dict[str, Settings] = {
        f"dense, load {load:g}": {"part": "dense", "load": load, "n": n} for load in DENSE_LOADS
    }
    for storage in ("Hebb", "learned"):
        for load in STORED_LOADS:
            name = f"{storage}, load {load:g}"
            found[name] = {"part": storage, "load": load, "n": stored_n}
    for kind in ("adaptive", "fixed"):
        for erased in ERASED:
            found[f"sparse, {kind}, {erased} erased"] = {"part": kind, "erased": erased}
    return found


def measure(seed: int, rng: np.random.SeedSequence, *, part: str, **settings: Any) -> Row:
    """Recall from cues: the mean overlap, and the share of patterns with more than RECALLED.

    `unlocked` is the share of cues that did not come to rest, the worse of memory and chip. No chip
    holds silent units, nor loads of the dense memory above CHIP_LOAD.
    """
    if part in ("adaptive", "fixed"):
        return {"part": part, **sparse(kind=part, rng=rng, **settings)}  # type: ignore[arg-type]
    return {"part": part, **dense(part, rng=rng, **settings)}


def dense(part: str, load: float, n: int, rng: np.random.SeedSequence) -> Row:
    """One load, on the ideal memory and on a chip with mismatch.

    Cues are the patterns where the closed form is met, and 60 % of them where storages compete.
    """
    patterns = random_patterns(max(1, round(load * n)), n, rng=rng)
    memory = AssociativeMemory(patterns)
    if part == "learned":
        memory = memory.learned()
    cues = patterns[:CUES] if part == "dense" else erase(patterns, round(UNKNOWN * n), rng)
    found = memory.recall(cues, sweeps=SWEEPS)
    row = {"load": load, **recalled(found), "overlap_on_chip": float("nan")}
    if part == "dense" and load > CHIP_LOAD:
        return row
    on = mismatched(memory.to_network(), substream(rng, "chip"))
    few = cues[:CUES_ON_CHIP] if part == "dense" else cues
    chip, _ = memory.recall_on(on, few, rng=substream(rng, "recall"))
    there = recalled(chip)
    row["overlap_on_chip"] = there["overlap"]
    row["unlocked"] = max(row["unlocked"], there["unlocked"])
    return row


def sparse(kind: Threshold, erased: int, rng: np.random.SeedSequence) -> Row:
    """Patterns with silent units, of which so many units are erased in the cues."""
    patterns = random_patterns(**SPARSE, rng=rng)
    found = AssociativeMemory(patterns, THRESHOLD, kind).recall(erase(patterns, erased, rng))
    return {"erased": erased, **recalled(found)}


def recalled(found: Recall) -> dict[str, float]:
    """What became of cues that are in the order of the patterns."""
    own = np.diagonal(found.overlap)
    return {
        "overlap": float(own.mean()),
        "recalled": float((own > RECALLED).mean()),
        "unlocked": float(1 - found.settled.mean()),
    }


def erase(patterns: ComplexArray, count: int, rng: np.random.SeedSequence) -> ComplexArray:
    """Cues: as many random units of each pattern are unknown, 0."""
    rank = stream(rng, "erased").random(patterns.shape).argsort(axis=1).argsort(axis=1)
    return np.where(rank < count, 0, patterns)


def mismatched(network: PhaseNetwork, rng: np.random.SeedSequence) -> Substrate:
    """A chip of which frequencies and couplings missed their values."""
    from neurosc.hw_models import CouplingMismatch, Device, FrequencyMismatch

    device = Device(FrequencyMismatch(FREQUENCY_MISMATCH), CouplingMismatch(COUPLING_MISMATCH))
    chip: Substrate = device.fabricate(network, rng=rng)[0]
    return chip


def figure(table: pd.DataFrame) -> Figure:
    """Overlap over load against the closed form; both storages; sparse patterns from parts."""
    figure, (left, middle, right) = panels(3, (13.0, 4.0))
    at = np.linspace(0.002, EDGE, 25)
    overlaps = [*map(mean_field_overlap, at), 0, 0]
    left.plot([*at, EDGE, max(DENSE_LOADS)], overlaps, "-", color=GREY, label="closed form")
    _both(left, table[table["part"] == "dense"], BLUE, "")
    left.set(title="Hebb, cued by the pattern", xlabel="patterns / units", ylabel="overlap")
    for part, colour in (("Hebb", BLUE), ("learned", GREEN)):
        _both(middle, table[table["part"] == part], colour, f"{part}, ")
    middle.set(title="Two storages, 60 % of the units known", xlabel="patterns / units")
    middle.set_ylabel("overlap")
    middle.set_xticks([0, 0.05, 0.1, 0.15, 0.2])
    for kind, colour in (("adaptive", BLUE), ("fixed", ORANGE)):
        share = 100 * table[table["part"] == kind].groupby("erased")["recalled"].mean()
        right.plot(share.index, share, "o-", color=colour, label=f"{kind} threshold")
    right.set(title="Sparse: 25 of 625 units active, 201 patterns", xlabel="units erased")
    right.set_ylabel("patterns recalled (%)")
    right.set_ylim(-3, 103)
    for ax in (left, middle):
        ax.set_ylim(-0.03, 1.03)
    for ax in (left, middle, right):
        ax.legend(frameon=False, fontsize="small")
    return figure


def _both(ax: Axes, mine: pd.DataFrame, colour: str, name: str) -> None:
    """The ideal memory as dots, the chip as open squares; means over seeds."""
    mean = mine.groupby("load")[["overlap", "overlap_on_chip"]].mean()
    ax.plot(mean.index, mean["overlap"], "o", color=colour, markersize=5, label=f"{name}ideal")
    ax.plot(
        mean.index, mean["overlap_on_chip"], "s", color=colour, markersize=9, fillstyle="none",
        label=f"{name}chip",
    )  # fmt: skip


def reading(table: pd.DataFrame) -> str:
    """How near the closed form is, where each memory ends, and what chips change."""
    held = ["overlap", "overlap_on_chip", "recalled"]
    dense = table[table["part"] == "dense"].groupby("load")[held].mean()
    low = dense[dense.index <= CHIP_LOAD]
    theory = np.array([mean_field_overlap(load) for load in low.index])
    off, on_chip = (np.abs(low[name] - theory).max() for name in ("overlap", "overlap_on_chip"))
    full = {
        part: _last(table[table["part"] == part].groupby("load")["recalled"].mean())
        for part in ("Hebb", "learned")
    }
    return (
        f"Up to a load of {CHIP_LOAD:g} the overlap is within {off:.4f} of the closed form, on "
        f"chips within {on_chip:.4f}. With so few units some patterns outlast the end of the "
        f"closed form: at .04 {dense['recalled'].loc[0.04]:.0%} come back, at .06 "
        f"{dense['recalled'].loc[0.06]:.0%}. From 60 % of the units, Hebb's sum gives back 95 % of "
        f"the patterns {full['Hebb']}, two-phase learning {full['learned']}."
    )


def _last(recalled: pd.Series[float]) -> str:
    """The largest load at which nearly all patterns come back."""
    good = recalled.index[recalled >= 0.95]
    return f"up to a load of {max(good):g}" if len(good) else "at no load here"


STUDY = Study(
    name="memory",
    about="Capacity of phasor memories: dense, sparse, learned in two phases, on chips",
    reported="overlap .9891, .9757, .9559 at loads .01, .02, .03, none above .0377 (closed form, "
    "Cook, J. Phys. A 22, 2057, 1989)",
    conditions=conditions,
    measure=measure,
    measures=("overlap", "overlap_on_chip", "recalled", "unlocked"),
    figure=figure,
    published={
        ("dense, load 0.01", "overlap"): 0.9891,
        ("dense, load 0.02", "overlap"): 0.9757,
        ("dense, load 0.03", "overlap"): 0.9559,
        ("dense, load 0.04", "overlap"): 0.0,
    },
    reading=reading,
    seeds=3,
)
