"""How the error of two-phase gradients falls with the nudge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosc.costs import SynchronyCost
from neurosc.ideal import Ideal
from neurosc.learning import implicit_gradient, two_phase_gradient
from neurosc.learning.two_phase import Scheme
from neurosc.plots import SCHEME_COLOURS
from neurosc.studies.figures import panels
from neurosc.studies.mean_field import compared, random_mean_field
from neurosc.studies.study import Row, Settings, Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

EXACT = Ideal(tolerance=1e-13)
BETAS = (1.0, 0.3, 0.1, 0.03, 0.01)
SCHEMES: dict[str, tuple[Scheme, int | None]] = {
    "one-sided": ("one-sided", None),
    "symmetric": ("symmetric", None),
    "holomorphic 4": ("holomorphic", 4),
    "holomorphic 8": ("holomorphic", 8),
}
"""Scheme and number of complex nudges."""


def conditions(n: int = 40) -> dict[str, Settings]:
    """`n`: oscillators."""
    return {
        f"{name}, beta {beta:g}": {"name": name, "beta": beta, "n": n}
        for name in SCHEMES
        for beta in BETAS
    }


def measure(seed: int, rng: np.random.SeedSequence, *, name: str, beta: float, n: int) -> Row:
    """The gradient of 1 - R^2 in one network against the implicit one."""
    network, cost = random_mean_field(n, rng=rng), SynchronyCost()
    scheme, nudges = SCHEMES[name]
    exact = implicit_gradient(network, None, cost=cost, on=EXACT)
    found = two_phase_gradient(
        network, None, cost=cost, beta=beta, scheme=scheme, nudges=nudges, on=EXACT
    )
    return {
        "scheme": name, "beta": beta, **compared(found, exact), "unlocked": float(found.unlocked),
    }  # fmt: skip


def figure(table: pd.DataFrame) -> Figure:
    """Relative errors over beta, with the span over seeds and the published figures."""
    figure, (ax,) = panels(1, (6.0, 4.4))
    for name, colour, mark in zip(SCHEMES, SCHEME_COLOURS, "os^D", strict=True):
        errors = table[table["scheme"] == name].groupby("beta")["relative_error"]
        mean, low, high = errors.mean(), errors.min(), errors.max()
        ax.fill_between(mean.index, low, high, color=colour, alpha=0.15, linewidth=0)
        ax.plot(mean.index, mean, f"{mark}-", color=colour, markersize=4, label=name)
    for (condition, measure_), value in STUDY.published.items():
        if measure_ == "relative_error":
            beta = float(condition.rsplit(" ", 1)[1])
            ax.plot([beta], [value], "x", color="black", markersize=8, zorder=3)
    ax.plot([], [], "x", color="black", label="reference")
    ax.set(xscale="log", yscale="log", xlabel="nudge β", ylabel="relative error of the gradient")
    figure.legend(loc="outside right center", frameon=False)
    return figure


def reading(table: pd.DataFrame) -> str:
    """The order of each scheme, where rounding has no part yet."""
    told = []
    for name in SCHEMES:
        mine = table[(table["scheme"] == name) & (table["relative_error"] > 1e-11)]
        if mine["beta"].nunique() > 1:
            slope = np.polyfit(np.log(mine["beta"]), np.log(mine["relative_error"]), 1)[0]
            told.append(f"{name} beta^{slope:.2f}")
    return "The relative error falls as " + ", ".join(told) + "; below 1e-11 rounding takes over."


STUDY = Study(
    name="finite-beta",
    about="The error of two-phase gradients over the nudge, one-sided, symmetric, holomorphic",
    reported="relative errors 2.5e-2, 6.1e-4, 3.1e-7 and 7e-14 at beta 1 (reference run)",
    conditions=conditions,
    measure=measure,
    measures=("relative_error", "cosine", "unlocked"),
    figure=figure,
    published={
        ("one-sided, beta 1", "relative_error"): 2.5e-2,
        ("one-sided, beta 0.1", "relative_error"): 2.6e-3,
        ("one-sided, beta 0.01", "relative_error"): 2.6e-4,
        ("symmetric, beta 1", "relative_error"): 6.1e-4,
        ("symmetric, beta 0.1", "relative_error"): 6.1e-6,
        ("symmetric, beta 0.01", "relative_error"): 6.1e-8,
        ("holomorphic 4, beta 1", "relative_error"): 3.1e-7,
        ("holomorphic 4, beta 0.1", "relative_error"): 3.1e-11,
        ("holomorphic 8, beta 1", "relative_error"): 7e-14,
    },
    reading=reading,
)
