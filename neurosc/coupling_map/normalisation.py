"""From what the perceptron says of each pair to its coupling, and back."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from neurosc.coupling_map.pairs import Pairs
from neurosc.network import FloatArray

Normalise = Literal["node", "graph", "none"]


def check_normalise(given: str) -> None:
    """Raise ValueError for an unknown normalisation."""
    if given not in get_args(Normalise):
        raise ValueError(f"normalise: {given!r} is unknown; use one of {get_args(Normalise)}")


def normalised(values: FloatArray, pairs: Pairs, kind: Normalise, degree: float) -> FloatArray:
    """Couplings (pairs,) from values M (pairs,).

    - `"node"`: K = degree n softmax(M) over all pairs of a network: positive, and the mean sum of
      the couplings on one oscillator is `degree`;
    - `"graph"`: K_ij = degree M_ij / |M_i|, rows of length `degree` and of any sign;
    - `"none"`: K = degree M / n.

    Source: Ricci et al., arXiv 2105.02838 (2021).
    """
    if kind == "none":
        return values * (degree / pairs.n)
    if kind == "graph":
        return np.asarray(values * (degree / _lengths(values, pairs))[pairs.left])
    highest = np.full(pairs.batch, -np.inf)
    np.maximum.at(highest, pairs.network, values)
    shares = np.exp(values - highest[pairs.network])
    scale = degree * pairs.n / pairs.per_network(shares)
    return np.asarray(shares * scale[pairs.network])


def pulled_back(
    slope: FloatArray, values: FloatArray, pairs: Pairs, kind: Normalise, degree: float
) -> FloatArray:
    """dC/dM (pairs,) from dC/dK (pairs,)."""
    if kind == "none":
        return slope * (degree / pairs.n)
    made = normalised(values, pairs, kind, degree)
    if kind == "graph":
        along = pairs.per_row(slope * made) / degree
        lengths = _lengths(values, pairs)
        return np.asarray((slope * degree - made * along[pairs.left]) / lengths[pairs.left])
    mean = pairs.per_network(slope * made) / (degree * pairs.n)
    return np.asarray(made * (slope - mean[pairs.network]))


def _lengths(values: FloatArray, pairs: Pairs) -> FloatArray:
    """|M_i| of each row, (batch n,); at least the smallest positive number."""
    return np.asarray(np.sqrt(np.maximum(pairs.per_row(values**2), np.finfo(np.float64).tiny)))
