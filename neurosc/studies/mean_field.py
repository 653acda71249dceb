"""The network on which gradients are compared, and how close they come."""

from __future__ import annotations

import numpy as np

from neurosc.learning.gradient import Gradient
from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG, stream
from neurosc.verify import Witness

LEARNT = ("coupling", "frequency")


def random_mean_field(n: int, *, rng: RNG = None) -> PhaseNetwork:
    """All to all with couplings that sum to about 3, omega ~ N(0, .3^2), all of them outputs.

    Phases are measured from their mean, which `SynchronyCost` does not see.
    """
    draw = stream(rng, "mean field")
    coupling = draw.uniform(0.5, 1.5, (n, n))
    coupling = 3 * (coupling + coupling.T) / (2 * n)
    np.fill_diagonal(coupling, 0.0)
    frequency = 0.3 * draw.standard_normal(n)
    return PhaseNetwork(coupling, frequency, outputs=range(n), reference="mean")


def compared(found: Gradient, exact: Gradient, *names: str) -> dict[str, float]:
    """Cosine and relative error of the named parameters, couplings and frequencies unless given."""
    chosen = names or LEARNT
    witness = Witness.of(found.vector(*chosen), exact.vector(*chosen))
    return {"cosine": witness.cosine, "relative_error": witness.relative_error}
