"""How near a portable graph comes to the network that it was made of."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.export.portable.substrate import PortableSubstrate
from neurosc.ideal import Ideal
from neurosc.learning import evaluate
from neurosc.network import FloatArray, PhaseNetwork, wrap
from neurosc.substrate import Relaxation

if TYPE_CHECKING:
    import nir


@dataclasses.dataclass(frozen=True, eq=False)
class Fidelity:
    """A graph beside its ideal network.

    Attributes
    ----------
    error
        Largest distance of a phase from that of the ideal network, radians, (batch,).
    locked
        Which samples locked, in both, (batch,).
    accuracy, ideal_accuracy
        Shares of samples read right, by the graph and by the ideal network; None without labels.
    agreement
        Share of samples that both read alike; None without labels.
    """

    error: FloatArray
    locked: npt.NDArray[np.bool_]
    accuracy: float | None = None
    ideal_accuracy: float | None = None
    agreement: float | None = None

    @property
    def median_error(self) -> float:
        """Of all samples, the unlocked ones included."""
        return float(np.median(self.error))

    def __str__(self) -> str:
        unlocked = int((~self.locked).sum())
        lines = [
            f"samples            {self.error.size}, of them {unlocked} not locked",
            f"phase error        median {self.median_error:.3g}, worst {self.error.max():.3g} rad",
        ]
        if self.accuracy is not None:
            lines += [
                f"accuracy           ideal {self.ideal_accuracy:.2%}, exported {self.accuracy:.2%}",
                f"same class         {self.agreement:.2%} of samples",
            ]
        return "\n".join(lines)


def fidelity(
    graph: nir.NIRGraph,
    x: npt.ArrayLike | None = None,
    y: npt.ArrayLike | None = None,
    *,
    cost: Cost | None = None,
    cycles: int | None = None,
) -> Fidelity:
    """Run a portable or flat graph as importers step it, and its network on `Ideal()`.

    Parameters
    ----------
    graph
        Of `to_nir` or `quantize`, from memory or from a file.
    x
        Samples (batch, inputs); None for a network without inputs.
    y, cost
        Labels (batch,) and the cost whose read-out is used, both or none.

    Other arguments
    ---------------
    cycles
        Before the reading; see `PortableSubstrate`.

    Returns
    -------
    Fidelity
        Phases are compared with those that the ideal network reaches from phase 0, where the
        neurons start; accuracies with those of `evaluate`.

    Raises
    ------
    ValueError
        For a graph of another shape or origin, samples or labels that do not fit, and labels
        without cost.
    """
    if (y is None) != (cost is None):
        raise ValueError("y, cost: one without the other reads no classes; give both or none")
    substrate = PortableSubstrate(graph, cycles)
    network = substrate.population.network
    if y is None or cost is None:
        return _compared(network, x, substrate.relax(network, x))
    data = (np.asarray(x), y)
    found = evaluate(network, data, cost=cost, on=substrate)
    ideal = evaluate(network, data, cost=cost)
    return dataclasses.replace(
        _compared(network, x, found.relaxation),
        accuracy=found.accuracy,
        ideal_accuracy=ideal.accuracy,
        agreement=float(np.mean(found.predictions == ideal.predictions)),
    )


def _compared(network: PhaseNetwork, x: npt.ArrayLike | None, found: Relaxation) -> Fidelity:
    ideal = Ideal().relax(network, x, start=np.zeros_like(found.phases))
    error = np.abs(wrap(found.phases - ideal.phases)).max(axis=1)
    return Fidelity(error, found.locked & ideal.locked)
