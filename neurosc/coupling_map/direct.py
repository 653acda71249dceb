"""The control that needs no map: couplings that are optimised for the networks themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurosc.costs import Cost
from neurosc.coupling_map.curriculum import Curriculum
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.normalisation import (
    Normalise,
    check_normalise,
    normalised,
    pulled_back,
)
from neurosc.coupling_map.pairs import Mask, pairs_of
from neurosc.coupling_map.slopes import Method, coupling_slope
from neurosc.coupling_map.training import PATIENCE
from neurosc.learning.optimisers import Adam, Arrays
from neurosc.network import FloatArray
from neurosc.randomness import RNG, seed_sequence, stream, substream
from neurosc.substrate import RelaxationError, Substrate

SPREAD = 0.1
"""Standard deviation of the values of pairs at the start."""


def direct_couplings(
    instances: Instances,
    *,
    cost: Cost,
    degree: float = 1.0,
    normalise: Normalise = "node",
    symmetric: bool = True,
    mask: Mask = None,
    steps: int = 100,
    learning_rate: float = 0.2,
    gradient: Method = "two-phase",
    on: Substrate | None = None,
    rng: RNG = None,
    degree_at_start: float | None = None,
    random_field: float = 0.0,
    curriculum: float = 0.6,
    clip: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> FloatArray:
    """K of each network, by Adam on a value M_ij of its own for each of its ordered pairs.

        K = normalised M, zero on the diagonal; if symmetric, (K + K^T) / 2

    It is what a `CouplingMap` with the same `degree` and `normalise` does, but for the perceptron
    between features and M: the budget is the same, and nothing is shared between networks. So it
    tells how far the couplings of a map are from those that could be found for a network alone.

    Parameters
    ----------
    instances, cost
        The networks, and what is asked of them.
    degree, normalise, symmetric, mask
        See `CouplingMap`.
    steps, learning_rate
        Of Adam; the rate, in units of M, falls to 0 by a cosine. A tenth of it suits `"graph"`,
        where only the directions of rows of M count.
    gradient, on
        See `coupling_slope`.
    rng
        M at the start, N(0, .1^2); starts, and the randomness of the substrate.

    Other arguments
    ---------------
    degree_at_start, random_field, curriculum, clip, options
        See `train`.

    Returns
    -------
    ndarray, shape (batch, n, n)
        K after the last step.

    Raises
    ------
    RelaxationError
        If 20 steps in a row gave no gradient for any network.
    TypeError, ValueError
        For arguments that do not fit.

    Notes
    -----
    Networks that give no gradient in a step keep their M in it.
    """
    check_normalise(normalise)
    for name, value in (
        ("steps", steps),
        ("degree", degree),
    ):
        if not 0 < value < np.inf:
            raise ValueError(f"{name}: {value} is not a positive number")
    stages = Curriculum(
        steps, learning_rate, degree, degree_at_start, random_field, curriculum, gradient,
        options or {},
    )  # fmt: skip
    root, pairs = seed_sequence(rng), pairs_of(instances.features, mask)
    values = SPREAD * stream(root, "values").standard_normal(pairs.i.size)

    def mirrored(each: FloatArray) -> FloatArray:
        return (each + each[pairs.mirror]) / 2 if symmetric else each

    def couplings(now: float) -> FloatArray:
        return pairs.dense(mirrored(normalised(values, pairs, normalise, now)))

    memory, missed = Arrays(), 0
    for step in range(steps):
        stage = stages.at(step)
        found = coupling_slope(
            couplings(stage.degree), instances, cost=cost, gradient=gradient, on=on,
            rng=substream(root, "slope", step), clip=clip, **stage.options,
        )  # fmt: skip
        missed = 0 if found.used.any() else missed + 1
        if missed == PATIENCE:
            raise RelaxationError(
                f"no network gave a gradient of {cost!r} in {PATIENCE} steps; begin with a higher "
                'degree_at_start, or use gradient="adjoint", which needs no locked state'
            )
        own = mirrored(pairs.of(found.coupling))
        back = pulled_back(own, values, pairs, normalise, stage.degree)
        moved, memory = Adam().step({"values": back}, memory, stage.rate)
        values = values - np.where(found.used[pairs.network], moved["values"], 0.0)
    return couplings(degree)
