"""A perceptron on pairs of oscillators, forward and backward.

    M_ij = w3 leaky(bn2(W2 leaky(bn1(A f_i + B f_j)))),    bn(x) = gain (x - mean) / std + bias

The first layer is a sum of what the two oscillators say, so its mean, its variance and its way back
take one product for each oscillator instead of one for each pair. Pairs pass through the second in
chunks that a cache holds; of the first visit only the values before bn2 are kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.coupling_map.pairs import Pairs
from neurosc.network import FloatArray

Arrays = dict[str, npt.NDArray[Any]]
LEAK = 0.01
"""Slope of the leaky ReLU below zero."""
EPSILON = 1e-5
"""Added to the variances of a batch norm."""
CHUNK = 4096
"""Pairs that go through the second layer together."""


def initial(features: int, hidden: tuple[int, int], rng: np.random.Generator) -> Arrays:
    """Random weights, uniform within 1/sqrt(inputs) as is common, and plain batch norms."""
    first, second = hidden

    def uniform(inputs: int, *shape: int) -> FloatArray:
        return np.asarray(rng.uniform(-1, 1, shape) / np.sqrt(inputs))

    return {
        "own": uniform(2 * features, features, first),
        "other": uniform(2 * features, features, first),
        "gain_1": np.ones(first),
        "bias_1": np.zeros(first),
        "inner": uniform(first, first, second),
        "gain_2": np.ones(second),
        "bias_2": np.zeros(second),
        "outer": uniform(second, second),
    }


def initial_statistics(hidden: tuple[int, int]) -> Arrays:
    """Means 0 and variances 1 of both batch norms."""
    return {
        f"{name}_{layer}": fill(hidden[layer - 1])
        for layer in (1, 2)
        for name, fill in (("mean", np.zeros), ("variance", np.ones))
    }


@dataclasses.dataclass(frozen=True, eq=False)
class Pass:
    """A forward pass, as far as its way back needs it.

    Attributes
    ----------
    values
        M, (pairs,).
    statistics
        Means and variances of both batch norms over the pairs of this batch.
    """

    weights: Arrays
    nodes: FloatArray
    pairs: Pairs
    statistics: Arrays
    own: npt.NDArray[Any]
    other: npt.NDArray[Any]
    second: npt.NDArray[Any]
    values: FloatArray

    def gradient(self, slope: FloatArray) -> Arrays:
        """dC/dweights from dC/dM (pairs,), the batch norms with the statistics of the batch."""
        w, pairs, count = self.weights, self.pairs, self.values.size
        slope = slope.astype(self.second.dtype)
        gain, shift = (each.astype(slope.dtype) for each in _affine(w, self.statistics, 2))
        mean, std = _moments(self.statistics, 2, slope.dtype)
        outer = np.zeros(w["outer"].shape)
        sums, moments = np.zeros(outer.shape), np.zeros(outer.shape)
        for part in self._chunks():
            y = self.second[part] * gain + shift
            outer += slope[part] @ _leaky(y)
            dy = slope[part, None] * w["outer"] * _slopes(y)
            sums += dy.sum(axis=0)
            moments += np.einsum("ph,ph->h", dy, (self.second[part] - mean) / std)
        found = {"outer": outer, "bias_2": sums, "gain_2": moments}
        inner = np.zeros(w["inner"].shape)
        nodes = pairs.batch * pairs.n
        left, right = (np.zeros((nodes, w["inner"].shape[0]), slope.dtype) for _ in range(2))
        a, b = (each.astype(slope.dtype) for each in (sums / count, moments / count))
        for part in self._chunks():
            second = self.second[part]
            dy = slope[part, None] * w["outer"] * _slopes(second * gain + shift)
            dx = gain * (dy - a - (second - mean) / std * b)
            y = self._first(part)
            inner += _leaky(y).T @ dx
            dy = (dx @ w["inner"].T) * _slopes(y)
            left += _summing(pairs.left[part], nodes, slope.dtype) @ dy
            right += _summing(pairs.right[part], nodes, slope.dtype) @ dy
        return found | {"inner": inner} | self._first_gradient(left, right)

    def _first_gradient(self, left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Arrays:
        """The slopes of the first layer, from dC/dy summed over the pairs of each oscillator."""
        w, pairs, count = self.weights, self.pairs, self.values.size
        u, v = self.nodes @ w["own"], self.nodes @ w["other"]
        mean, std = _moments(self.statistics, 1, np.float64)
        rows, columns = pairs.adjacency.sum(axis=1)[:, None], pairs.adjacency.sum(axis=0)[:, None]
        bias = left.sum(axis=0, dtype=np.float64)
        gain = ((left * (u - mean)).sum(axis=0) + (right * v).sum(axis=0)) / std
        scale = w["gain_1"] / std
        normed_own = (rows * (u - mean) + pairs.adjacency @ v) / std
        normed_other = (columns * (v - mean) + pairs.adjacency.T @ u) / std
        du = scale * (left - rows * bias / count - normed_own * gain / count)
        dv = scale * (right - columns * bias / count - normed_other * gain / count)
        return {
            "own": self.nodes.T @ du,
            "other": self.nodes.T @ dv,
            "gain_1": gain,
            "bias_1": bias,
        }

    def _first(self, part: slice) -> npt.NDArray[Any]:
        """The first layer after its batch norm, (pairs of the part, hidden)."""
        return np.asarray(self.own[self.pairs.left[part]] + self.other[self.pairs.right[part]])

    def _chunks(self) -> Iterator[slice]:
        return _chunks(self.pairs)


def forward(
    weights: Arrays, statistics: Arrays | None, features: FloatArray, pairs: Pairs, dtype: Any
) -> Pass:
    """M of all pairs of networks with features (batch, n, d).

    Parameters
    ----------
    statistics
        Those of the batch norms; None for those of this batch, as in training.
    dtype
        Of the sums over pairs.
    """
    nodes = features.reshape(-1, features.shape[-1])
    u, v = nodes @ weights["own"], nodes @ weights["other"]
    taken = _first_statistics(u, v, pairs) if statistics is None else statistics
    gain, shift = _affine(weights, taken, 1)
    own, other = (u * gain + shift).astype(dtype), (v * gain).astype(dtype)
    second = np.empty((pairs.i.size, weights["inner"].shape[1]), dtype)
    inner = weights["inner"].astype(dtype)
    for part in _chunks(pairs):
        np.matmul(_leaky(own[pairs.left[part]] + other[pairs.right[part]]), inner, out=second[part])
    if statistics is None:
        taken = taken | {"mean_2": second.mean(axis=0, dtype=np.float64)}
        spread = [np.square(second[part] - taken["mean_2"]).sum(axis=0) for part in _chunks(pairs)]
        taken |= {"variance_2": np.sum(spread, axis=0) / len(second)}
    gain, shift = (each.astype(dtype) for each in _affine(weights, taken, 2))
    outer = weights["outer"].astype(dtype)
    values = [_leaky(second[part] * gain + shift) @ outer for part in _chunks(pairs)]
    kept = weights | {"inner": inner, "outer": outer}
    made = np.concatenate(values).astype(np.float64)
    return Pass(kept, nodes, pairs, taken, own, other, second, made)


def _first_statistics(u: FloatArray, v: FloatArray, pairs: Pairs) -> Arrays:
    """Mean and variance of u_i + v_j over the pairs."""
    rows, columns = pairs.adjacency.sum(axis=1), pairs.adjacency.sum(axis=0)
    count = pairs.i.size
    mean_u, mean_v = rows @ u / count, columns @ v / count
    u, v = u - mean_u, v - mean_v
    squares = rows @ u**2 + columns @ v**2 + 2 * (u * (pairs.adjacency @ v)).sum(axis=0)
    return {"mean_1": mean_u + mean_v, "variance_1": squares / count}


def _affine(weights: Arrays, statistics: Arrays, layer: int) -> tuple[Any, Any]:
    """A batch norm as x gain + shift."""
    scale = weights[f"gain_{layer}"] / np.sqrt(statistics[f"variance_{layer}"] + EPSILON)
    return scale, weights[f"bias_{layer}"] - statistics[f"mean_{layer}"] * scale


def _moments(statistics: Arrays, layer: int, dtype: Any) -> tuple[Any, Any]:
    """Mean and standard deviation of a batch norm."""
    std = np.sqrt(statistics[f"variance_{layer}"] + EPSILON)
    return statistics[f"mean_{layer}"].astype(dtype), std.astype(dtype)


def _leaky(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(np.maximum(x, x.dtype.type(LEAK) * x))


def _slopes(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.where(x > 0, x.dtype.type(1), x.dtype.type(LEAK))


def _summing(index: npt.NDArray[Any], size: int, dtype: Any) -> Any:
    """The matrix (size, len(index)) that adds up rows of one index."""
    ones = np.ones(index.size, dtype)
    return scipy.sparse.csc_array(
        (ones, index, np.arange(index.size + 1)), shape=(size, index.size)
    )


def _chunks(pairs: Pairs) -> Iterator[slice]:
    total = pairs.i.size
    return (slice(first, min(first + CHUNK, total)) for first in range(0, total, CHUNK))
