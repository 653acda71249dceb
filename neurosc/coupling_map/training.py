"""Learning a map from features to couplings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc.costs import Cost
from neurosc.coupling_map.curriculum import Curriculum
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.map import CouplingMap
from neurosc.coupling_map.slope import CouplingSlope
from neurosc.coupling_map.slopes import Method, coupling_slope
from neurosc.coupling_map.sources import Source
from neurosc.learning.optimisers import Adam, Arrays
from neurosc.randomness import RNG, seed_sequence, stream, substream
from neurosc.substrate import RelaxationError, Substrate

if TYPE_CHECKING:
    import pandas as pd

PATIENCE = 20
"""Batches in a row without a gradient after which learning stops."""
LARGEST = 1e30
"""Entry of a slope that the single precision of a map still takes."""


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """A map that learned.

    Attributes
    ----------
    map
        With the degree at which the curriculum ends.
    rows
        One for each batch: batch, loss, unused (networks that gave no gradient), degree, rate.
    """

    map: CouplingMap
    rows: list[dict[str, float]]

    def table(self) -> pd.DataFrame:
        """The rows."""
        import pandas as pd

        return pd.DataFrame(self.rows)


def train(
    coupling_map: CouplingMap,
    source: Source,
    *,
    cost: Cost,
    batches: int,
    n: int = 100,
    batch_size: int = 2,
    learning_rate: float = 2e-3,
    gradient: Method = "two-phase",
    on: Substrate | None = None,
    rng: RNG = None,
    degree_at_start: float | None = None,
    random_field: float = 0.0,
    curriculum: float = 0.6,
    clip: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> Trained:
    """Learn by Adam, on networks that are drawn anew for each batch.

    Parameters
    ----------
    coupling_map
        Where to begin; it does not change.
    source
        Of the networks, such as `Frequencies()` or `GaussianGroups(5)`.
    cost
        `SynchronyCost()` or `CircularMoments(k)`.
    batches, batch_size
        How many batches, and networks in one.
    n
        Oscillators of a network.
    learning_rate
        Of Adam; it falls to 0 by a cosine.
    gradient, on
        See `coupling_slope`.
    rng
        Networks, starts, and the randomness of the substrate.

    Other arguments
    ---------------
    degree_at_start
        Degree of the map at the first batch, which goes to its own within the curriculum: networks
        that are coupled too weakly to lock teach nothing. None for its own from the start.
    random_field
        Of `two_phase_slope`, at the first batch; it fades to 0 within the curriculum.
    curriculum
        Its share of the batches.
    clip
        See `coupling_slope`.
    options
        Of the method of the gradient, such as `{"beta": 0.1, "starts": 4}`.

    Raises
    ------
    RelaxationError
        If 20 batches in a row gave no gradient; the error's `.trained` keeps what was learned.
    TypeError, ValueError
        For arguments that do not fit, before anything is learned; and without `clip` for slopes
        that overflow.
    """
    _check(coupling_map, source, cost)
    for name, count, least in (("batches", batches, 1), ("batch_size", batch_size, 1), ("n", n, 2)):
        if isinstance(count, bool) or not isinstance(count, int | np.integer):
            raise TypeError(f"{name}: {count!r} is no whole number; give {least} or more")
        if count < least:
            raise ValueError(f"{name}: {count} is too few; give {least} or more")
    stages = Curriculum(
        batches, learning_rate, coupling_map.degree, degree_at_start, random_field, curriculum,
        gradient, options or {},
    )  # fmt: skip
    root = seed_sequence(rng)
    learned, memory, rows, missed = coupling_map, Arrays(), list[dict[str, float]](), 0
    for b in range(batches):
        stage = stages.at(b)
        learned = learned.replace(degree=stage.degree)
        instances = source.draw(batch_size, n, stream(root, "instances", b))
        learned, memory, slope = learn_batch(
            learned, instances, memory, stage.rate, clip=clip, cost=cost,
            gradient=gradient, on=on, rng=substream(root, "slope", b), **stage.options,
        )  # fmt: skip
        used = int(slope.used.sum())
        rows.append(
            {
                "batch": b,
                "loss": float(slope.loss.mean()),
                "unused": batch_size - used,
                "degree": learned.degree,
                "rate": stage.rate,
            }
        )
        missed = 0 if used else missed + 1
        if missed == PATIENCE:
            raise _nothing_locks(Trained(learned.replace(degree=coupling_map.degree), rows), cost)
    return Trained(learned.replace(degree=coupling_map.degree), rows)


def learn_batch(
    learned: CouplingMap,
    instances: Instances,
    memory: Arrays,
    rate: float,
    **slope: Any,
) -> tuple[CouplingMap, Arrays, CouplingSlope]:
    """One step of Adam with its memory, empty at first; none where no network gave a gradient.

    `slope` are the arguments of `coupling_slope`.
    """
    run = learned.training_run(instances.features)
    found = coupling_slope(run.coupling, instances, **slope)
    largest = float(np.abs(found.coupling).max())
    if largest > LARGEST:
        raise ValueError(
            f"clip: a slope of {largest:.0e}, of a run that is chaotic or steps too far, would "
            "ruin the map; give clip=1.0, a lower degree, or a shorter truncate or dt"
        )
    used = int(found.used.sum())
    if used:
        steps, memory = Adam().step(run.gradient(found.coupling / used), memory, rate)
        moved = {name: value - steps[name] for name, value in learned.parameters.items()}
        learned = learned.replace(parameters=moved).keeping(run.forward.statistics)
    return learned, memory, found


def _check(coupling_map: Any, source: Any, cost: Any) -> None:
    if not isinstance(coupling_map, CouplingMap):
        raise TypeError(
            f"coupling_map: {coupling_map!r} is no map; give a CouplingMap, such as "
            "CouplingMap(features=1, rng=0)"
        )
    if not callable(getattr(source, "draw", None)):
        raise TypeError(
            f"source: {source!r} draws no networks; give a source, such as Frequencies()"
        )
    if not isinstance(cost, Cost):
        raise TypeError(f"cost: {cost!r} is no cost; give SynchronyCost() or CircularMoments(k)")


def _nothing_locks(trained: Trained, cost: Cost) -> RelaxationError:
    error = RelaxationError(
        f"none of the networks of {PATIENCE} batches in a row gave a gradient of {cost!r}; begin "
        'with a higher degree_at_start, or use gradient="adjoint", which needs no locked state'
    )
    error.trained = trained  # type: ignore[attr-defined]
    return error
