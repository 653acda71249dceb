"""Two-phase gradients where couplings differ in their two directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy

from neurosc import verify
from neurosc.network import FloatArray
from neurosc.parameters import dense
from neurosc.plots import BLUE, GREEN, ORANGE
from neurosc.randomness import stream
from neurosc.studies.figures import panels
from neurosc.studies.study import Row, Settings, Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

LEVELS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
BETA = 1e-3
OUTPUTS = np.array([-2, -1])
TOLERANCE = 1e-9


def conditions(n: int = 15) -> dict[str, Settings]:
    """`n`: oscillators."""
    return {
        f"{100 * level:g} %{', first held' if held else ''}": {"level": level, "held": held, "n": n}
        for held in (False, True)
        for level in LEVELS
    }


def measure(seed: int, rng: np.random.SeedSequence, *, level: float, held: bool, n: int) -> Row:
    """The gradient of the frequencies in a network with K_ij (1 + level U(-1, 1)), each way.

    The cost is 1 - cos(theta_o - theta_0 - t_o), summed over two outputs, with targets up to .3 rad
    from the free phases. With `held`, as published, the first oscillator stands still in the frame
    of the mean frequency, takes the reaction of the nudge and learns nothing.
    """
    network = verify.random_kuramoto(n, rng=rng)
    scatter = stream(rng, "asymmetry").uniform(-1, 1, (n, n))
    coupling = dense(network.coupling) * (1 + level * scatter)
    free, stable = equilibrium(network.frequency, coupling, held)
    away = stream(rng, "targets").uniform(-0.3, 0.3, OUTPUTS.size)
    target = free[OUTPUTS] - free[0] + away
    states = [
        equilibrium(network.frequency, coupling, held, beta, target, free) for beta in (BETA, -BETA)
    ]
    apart = -(states[0][0] - states[1][0]) / (2 * BETA)
    slope = np.zeros(n)
    slope[OUTPUTS] = np.sin(-away)
    slope[0] = -slope[OUTPUTS].sum()
    stiff = stiffness(coupling, free)
    if held:
        exact = np.append(0.0, np.linalg.solve(stiff[1:, 1:].T, slope[1:]))
    else:
        exact = np.linalg.pinv(stiff).T @ slope
        apart, exact = apart - apart.mean(), exact - exact.mean()
    witness = verify.Witness.of(apart, exact)
    locked = stable and all(ok for _, ok in states)
    return {
        "level": level,
        "held": held,
        "cosine": witness.cosine,
        "relative_error": witness.relative_error,
        "unlocked": float(not locked),
    }


def equilibrium(
    frequency: FloatArray,
    coupling: FloatArray,
    held: bool = False,
    beta: float = 0.0,
    target: FloatArray | None = None,
    start: FloatArray | None = None,
) -> tuple[FloatArray, bool]:
    """Phases (n,) with theta_0 = 0 that turn together, and whether they are stable.

    The unknowns are the other phases and the common frequency, so that every oscillator, the first
    one too, is at rest in the co-rotating frame; there is no energy whose minimum it would be.
    """
    n = len(frequency)

    def phases(unknown: FloatArray) -> FloatArray:
        return np.concatenate([[0.0], unknown[1:]])

    def rest(unknown: FloatArray) -> FloatArray:
        theta = phases(unknown)
        torque = frequency + (coupling * np.sin(theta - theta[:, None])).sum(axis=1)
        if target is not None:
            pull = beta * np.sin(theta[OUTPUTS] - theta[0] - target)
            torque[OUTPUTS] -= pull
            torque[0] += pull.sum()
        if held:
            torque[0] = frequency.mean()
        return np.asarray(torque - unknown[0])

    first = np.zeros(n) if start is None else np.concatenate([[0.0], start[1:]])
    found = scipy.optimize.root(rest, first, tol=1e-13)
    theta = phases(found.x)
    stiff = stiffness(coupling, theta)
    decay = np.sort(np.linalg.eigvals(stiff[1:, 1:] if held else stiff).real)
    slowest = decay[0] if held else decay[1]  # a floating network turns at no cost
    return theta, bool(np.abs(rest(found.x)).max() < TOLERANCE and slowest > 0)


def stiffness(coupling: FloatArray, theta: FloatArray) -> FloatArray:
    """-d torque / d theta: a Laplacian of a directed graph, whose rows sum to zero."""
    weights = coupling * np.cos(theta - theta[:, None])
    return np.asarray(np.diag(weights.sum(axis=1)) - weights)


def figure(table: pd.DataFrame) -> Figure:
    """1 - cosine over the asymmetry, with the published figures."""
    figure, (ax,) = panels(1, (6.0, 4.0))
    for held, colour in ((False, BLUE), (True, GREEN)):
        mine = table[(table["level"] > 0) & (table["held"] == held)]
        at, lost = 100 * mine["level"], 1 - mine["cosine"]
        mean = lost.groupby(at).mean()
        ax.plot(at, lost, "o", color=colour, alpha=0.3, markersize=3)
        label = "first oscillator held" if held else "floating"
        ax.plot(mean.index, mean, "-", color=colour, label=f"{label}, mean over seeds")
    told = {float(c.split(" ")[0]): 1 - v for (c, _), v in STUDY.published.items()}
    ax.plot(list(told), list(told.values()), "D", color=ORANGE, label="published")
    ax.set(xscale="log", yscale="log", xlabel="asymmetry of the couplings (%)")
    ax.set_ylabel("1 − cosine to the exact gradient")
    at_levels = [100 * level for level in LEVELS if level > 0]
    ax.set_xticks(at_levels, [f"{level:g}" for level in at_levels])
    ax.minorticks_off()
    ax.legend(frameon=False)
    return figure


STUDY = Study(
    name="asymmetry",
    about="Two-phase gradients with couplings that differ in their two directions",
    reported="cosine .9998, .9990, .9958, .965 at 5, 10, 20, 50 % (Rashahmadi 2026)",
    conditions=conditions,
    measure=measure,
    measures=("cosine", "relative_error", "unlocked"),
    figure=figure,
    published={
        ("5 %, first held", "cosine"): 0.9998,
        ("10 %, first held", "cosine"): 0.9990,
        ("20 %, first held", "cosine"): 0.9958,
        ("50 %, first held", "cosine"): 0.965,
    },
)
