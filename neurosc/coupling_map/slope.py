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
