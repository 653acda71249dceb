"""Whether a state at which a phasor net rests is a minimum of its energy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neurosc.network import ComplexArray, FloatArray
from neurosc.phasor.layers import PhasorLinear


def hessian(
    hidden: Sequence[PhasorLinear], gamma: float, layers: Sequence[ComplexArray]
) -> FloatArray:
    """d2E/dtheta2 of the energy of `PhasorModel`, (batch, units, units).

    With u of all layers, each in units of the last one's strength, and s_l = gamma^{l-L},

        diag Re(conj(z) u),  and between a layer and the one before  -s_l Re(conj(z_l) W_l z_{l-1}).

    Parameters
    ----------
    hidden, gamma
        W_l and b_l, and the strength of a layer in units of the one before it.
    layers
        Phasors (batch, units) of each layer, the inputs first.
    """
    ends = np.cumsum([0, *(len(layer.weight) for layer in hidden)])
    found = np.zeros((len(layers[0]), ends[-1], ends[-1]))
    diagonal = np.einsum("bii->bi", found)
    for k, layer in enumerate(hidden):
        own, scale = slice(ends[k], ends[k + 1]), gamma ** (k + 1 - len(hidden))
        diagonal[:, own] += scale * (layers[k + 1].conj() * layer(layers[k])).real
        if k > 0:
            below = slice(ends[k - 1], ends[k])
            pull = layers[k + 1].conj()[:, :, None] * layer.weight * layers[k][:, None, :]
            found[:, own, below] = -scale * pull.real
            found[:, below, own] = found[:, own, below].transpose(0, 2, 1)
            diagonal[:, below] += scale * pull.real.sum(axis=1)
    return found


def is_minimum(hessians: FloatArray) -> npt.NDArray[np.bool_]:
    """Which of some Hessians (batch, units, units) are positive definite, (batch,)."""
    found = np.ones(len(hessians), dtype=bool)
    for sample, each in enumerate(hessians):
        try:
            np.linalg.cholesky(each)
        except np.linalg.LinAlgError:
            found[sample] = False
    return found
