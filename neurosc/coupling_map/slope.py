"""What every method of gradients tells of the couplings of a batch of networks."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray

BoolArray = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class CouplingSlope:
    """dC/dK of each network, ordered entries K_ij and K_ji as independent.

    Attributes
    ----------
    coupling
        dC/dK_ij, shape (batch, n, n): K_ij is the pull of j on i. 0 where not used.
    loss
        C, shape (batch,).
    used
        Shape (batch,): False for networks that gave no gradient, such as those that did not lock.
    """

    coupling: FloatArray
    loss: FloatArray
    used: BoolArray

    def clipped(self, longest: float) -> CouplingSlope:
        """The same, each network's |dC/dK| shortened to `longest` if it is longer."""
        # by the largest entry first: squares of an adjoint that explodes overflow
        largest = np.abs(self.coupling).max(axis=(1, 2), keepdims=True)
        scaled = self.coupling / np.maximum(largest, np.finfo(np.float64).tiny)
        length = np.linalg.norm(scaled, axis=(1, 2), keepdims=True)
        over = largest > longest / np.maximum(length, 1.0)
        shortened = scaled * (longest / np.maximum(length, 1.0))
        return dataclasses.replace(self, coupling=np.where(over, shortened, self.coupling))
