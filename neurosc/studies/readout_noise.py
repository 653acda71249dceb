"""What noise of the read-out does to a two-phase gradient, and what cures it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc.costs import SynchronyCost
from neurosc.learning import implicit_gradient, suggest_beta, two_phase_gradient
from neurosc.learning.gradient import Parameter
from neurosc.network import PhaseNetwork
from neurosc.plots import BLUE, ORANGE
from neurosc.studies.figures import panels
from neurosc.studies.mean_field import compared, random_mean_field
from neurosc.studies.study import Row, Settings, Study
from neurosc.substrate import RelaxationError, Substrate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FREQUENCY_HZ = 1e9
READS = 100
COST = SynchronyCost()
LEARNT: tuple[Parameter, ...] = ("frequency",)


def conditions(n: int = 20, noise: float = 0.01) -> dict[str, Settings]:
    """`n`: oscillators; `noise`: standard deviation of one reading of a phase, rad."""
    found: dict[str, Settings] = {
        f"beta {beta:g}": {"beta": beta, "reads": 1} for beta in (0.1, 1.0, 10.0)
    }
    found[f"beta 0.1, {READS} reads"] = {"beta": 0.1, "reads": READS}
    found[f"beta 1, {READS} reads"] = {"beta": 1.0, "reads": READS}
    for reads in (1, READS):
        name = "suggested beta" if reads == 1 else f"suggested beta, {reads} reads"
        found[name] = {"beta": None, "reads": reads}
    return {name: {**settings, "n": n, "noise": noise} for name, settings in found.items()}


def measure(
    seed: int,
    rng: np.random.SeedSequence,
    *,
    beta: float | None,
    reads: int,
    n: int,
    noise: float,
) -> Row:
    """The measured gradient of the frequencies against the exact one; `expected` is foretold."""
    network = random_mean_field(n, rng=rng)
    expected = float("nan")
    if beta is None:
        found = suggest_beta(network, None, cost=COST, noise=noise, reads=reads, learn=LEARNT)
        beta, expected = found.beta, found.cosine
    exact = implicit_gradient(network, None, cost=COST)
    row = {"beta": beta, "reads": reads, "expected_cosine": expected}
    chip = noisy_reader(network, noise, reads, rng)
    try:
        measured = two_phase_gradient(network, None, cost=COST, beta=beta, on=chip, rng=rng)
    except RelaxationError:  # past the stability edge
        return {**row, "cosine": float("nan"), "relative_error": float("nan"), "unlocked": 1.0}
    return {**row, **compared(measured, exact, *LEARNT), "unlocked": 0.0}


def noisy_reader(
    network: PhaseNetwork, noise: float, reads: int, rng: np.random.SeedSequence
) -> Substrate:
    """A chip whose phases are read `reads` times with an error of `noise` rad each."""
    from neurosc.hw_models import TDC, Device, ReadAveraging

    clock = TDC(FREQUENCY_HZ, jitter_s=noise / (2 * np.pi * FREQUENCY_HZ))
    chip: Substrate = Device(clock, ReadAveraging(reads)).fabricate(network, rng=rng)[0]
    return chip


def figure(table: pd.DataFrame) -> Figure:
    """Cosines over beta; filled where the nudge is the suggested one."""
    figure, (ax,) = panels(1, (6.4, 4.0))
    for reads, colour in ((1, ORANGE), (READS, BLUE)):
        mine = table[table["reads"] == reads]
        named = mine["condition"].str.startswith("suggested")
        mean = mine[~named].groupby("beta")["cosine"].mean()
        label = "one read" if reads == 1 else f"mean of {reads} reads"
        ax.plot(mine[~named]["beta"], mine[~named]["cosine"], "o", color=colour, alpha=0.3, ms=3)
        ax.plot(mean.index, mean, "-", color=colour, label=f"{label}, chosen β")
        ax.plot(
            mine[named]["beta"], mine[named]["cosine"], "*", color=colour, ms=8, alpha=0.7,
            label=f"{label}, suggested β",
        )  # fmt: skip
    told = {float(c.split(" ")[1]): v for (c, _), v in STUDY.published.items()}
    ax.plot(list(told), list(told.values()), "x", color="black", ms=8, label="reference, one read")
    ax.set(xscale="log", xlabel="nudge β", ylabel="cosine to the exact gradient", ylim=(-0.8, 1.05))
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def reading(table: pd.DataFrame) -> str:
    """What cures it, and what the cosine does not tell."""
    means: Any = table.groupby("condition")[["cosine", "expected_cosine", "relative_error"]].mean()
    bare, one, many = (
        means.loc[name] for name in ("beta 0.1", "suggested beta", f"suggested beta, {READS} reads")
    )
    return (
        f"One read at beta .1 gives a cosine of {bare['cosine']:.2f}. At the suggested beta it is "
        f"{one['cosine']:.3f} (foretold {one['expected_cosine']:.3f}), with {READS} reads "
        f"{many['cosine']:.4f} (foretold {many['expected_cosine']:.4f}). A strong nudge bends the "
        f"response: relative errors are {one['relative_error']:.2f} and "
        f"{many['relative_error']:.2f}, in length more than in direction, which an optimiser that "
        "divides by the size of gradients does not feel."
    )


STUDY = Study(
    name="readout-noise",
    about="Noise of the read-out in two-phase gradients, cured by suggest_beta and averaging",
    reported="sigma = .01 rad: cosine .025, .60, .99 at beta .1, 1, 10 (reference run)",
    conditions=conditions,
    measure=measure,
    measures=("cosine", "relative_error", "beta", "expected_cosine", "unlocked"),
    figure=figure,
    published={
        ("beta 0.1", "cosine"): 0.025,
        ("beta 1", "cosine"): 0.60,
        ("beta 10", "cosine"): 0.99,
    },
    reading=reading,
)
