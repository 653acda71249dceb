"""Figures of one map of couplings that learned, and of the same map before."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from neurosc.coupling_map import CouplingMap, Instances, Picture, experiments, trajectories
from neurosc.coupling_map import figures as drawing
from neurosc.coupling_map.experiments import Experiment
from neurosc.coupling_map.figures import Run
from neurosc.network import FloatArray
from neurosc.observables import locking_time
from neurosc.randomness import stream
from neurosc.studies.study import Exhibit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N, DT, STEPS = 100, 0.1, 600
"""Oscillators and the clock of experiments that do not say."""
STRIDE = 0.5
"""Most that a step may turn an oscillator by its couplings, in radians."""
SETTLED, MARGIN = 0.05, 1.25
"""Radians within which phases are at rest; how much longer than to rest runs are shown."""


def exhibits(
    rng: np.random.SeedSequence, *, experiment: str, text: str, batches: int | None
) -> list[Exhibit]:
    """Learn as the study does, then watch one new network before and after."""
    asked = experiments.load(experiment)
    learned = asked.learn(rng, **({} if batches is None else {"batches": batches})).map
    test = asked.tests(1, int(asked.train.get("n", N)), stream(rng, "test"))
    maps = {"trained": learned, "untrained": asked.untrained(rng)}
    return draw(asked, _watched(asked, maps, test, rng), test)


def draw(asked: Experiment, runs: dict[str, Run], test: Instances) -> list[Exhibit]:
    """The figures of an experiment."""
    name, n = asked.name, test.n
    told = f"{name}, {n} oscillators"
    made = [
        Exhibit(
            f"{name}-order.png", f"{told}: what its order became in time.",
            _png(drawing.order_in_time(runs, test)),
        ),
        Exhibit(
            f"{name}-circle.png", f"{told}: phases on the circle.",
            _png(drawing.phases_on_circle(runs, test)),
        ),
        Exhibit(
            f"{name}-couplings.png", f"{told}: couplings that the map makes of their features.",
            _png(drawing.coupling_matrices(runs, test)),
        ),
    ]  # fmt: skip
    if isinstance(asked.source, Picture):
        made += [
            Exhibit(
                f"{name}-segments.png",
                f"{told}: the picture, the groups, and the phases at the end.",
                _png(drawing.segmented(asked.source, runs)),
            ),
            Exhibit(
                f"{name}-locking.gif", f"{told}: the picture as it locks.",
                drawing.locking(asked.source, runs["trained"]),
            ),
        ]  # fmt: skip
    return made


def _watched(
    asked: Experiment,
    maps: dict[str, CouplingMap],
    test: Instances,
    rng: np.random.SeedSequence,
) -> dict[str, Run]:
    """Runs in time with the couplings of each map, by one clock and from one start, a random one
    unless the experiment sets it.

    Where the experiment sets no clock they end soon after all phases came to rest.
    """
    couplings = {name: made.couplings(test.features) for name, made in maps.items()}
    dt, steps = _clock(asked, list(couplings.values()))
    start = asked.run.get("start")
    if start is None:
        start = stream(rng, "figure").uniform(-np.pi, np.pi, (1, test.n))
    time = np.arange(steps + 1) * np.float64(dt)
    phases = {
        name: trajectories(coupling, test, dt=dt, steps=steps, start=start)[0]
        for name, coupling in couplings.items()
    }
    rest = [float(locking_time(time, way, SETTLED)) for way in phases.values()]
    if not asked.run and np.isfinite(rest).all():
        steps = min(steps, int(MARGIN * max(rest) / dt) + 1)
    return {
        name: Run(time[: steps + 1], way[: steps + 1], couplings[name][0])
        for name, way in phases.items()
    }


def _clock(asked: Experiment, couplings: list[FloatArray]) -> tuple[float, int]:
    """dt and steps: those of the experiment, or fine enough for the strongest couplings."""
    if asked.run:
        return float(asked.run["dt"]), int(asked.run["steps"])
    strongest = max(float(np.abs(k).sum(axis=2).max()) for k in couplings)
    return min(DT, STRIDE / strongest), STEPS


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130)
    return file.getvalue()
