"""Builders of phase networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy

from neurosc.network import Encoding, IntArray, PhaseNetwork
from neurosc.randomness import RNG, stream

PIXELS = Encoding("phase", np.pi / 2)
"""Samples x in [0, 1] as phases from 0 to a quarter turn."""


def layered(
    sizes: Sequence[int],
    *,
    encoding: Encoding = PIXELS,
    field_scale: float = 0.1,
    lags: bool = False,
    rng: RNG = None,
) -> PhaseNetwork:
    """A layered network: full couplings between neighbouring layers, none within a layer.

    Couplings of layer l to l + 1 are drawn from N(0, 1/sizes[l]), fields of the free oscillators
    from `field_scale` N(0, 1), real and imaginary part each.

    Parameters
    ----------
    sizes
        Oscillators per layer; the first layer holds the inputs, the last the outputs.
    encoding
        How samples enter; by default as phases pi/2 x.
    field_scale
        Standard deviation of the initial fields; 0 leaves them out.
    lags
        Complex Hermitian couplings with uniformly random lags instead of real ones.
    rng
        Random numbers.

    Raises
    ------
    ValueError
        For fewer than two layers or an empty one.
    """
    widths = [int(w) for w in sizes]
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(
            f"sizes: {list(sizes)} needs at least two layers of one oscillator or more"
        )
    if field_scale < 0:
        raise ValueError(f"field_scale: {field_scale} is negative; give 0 or more")
    edges = np.cumsum([0, *widths])
    n = int(edges[-1])
    draw = stream(rng, "layered")
    coupling = np.zeros((n, n), dtype=np.complex128 if lags else np.float64)
    for fan_in, a, b, c in zip(widths, edges[:-2], edges[1:-1], edges[2:], strict=False):
        block = draw.standard_normal((c - b, b - a)) / np.sqrt(fan_in)
        if lags:
            block = block * np.exp(2j * np.pi * draw.random(block.shape))
        coupling[b:c, a:b] = block
        coupling[a:b, b:c] = block.conj().T
    field = np.zeros(n, dtype=np.complex128)
    parts = draw.standard_normal((2, n - widths[0]))
    field[widths[0] :] = field_scale * (parts[0] + 1j * parts[1])
    return PhaseNetwork(
        coupling,
        field=field,
        inputs=range(widths[0]),
        outputs=range(int(edges[-2]), n),
        encoding=encoding,
    )


def all_to_all(
    n: int, strength: float = 1.0, *, frequency: float | np.ndarray = 0.0
) -> PhaseNetwork:
    """The Kuramoto network: every pair coupled with `strength`/n."""
    if n < 2:
        raise ValueError(f"n: {n} oscillators cannot be coupled; give 2 or more")
    coupling = np.full((n, n), strength / n)
    np.fill_diagonal(coupling, 0.0)
    return PhaseNetwork(coupling, frequency)


def random_graph(
    n: int, degree: int, *, strength: float = 1.0, frequency_spread: float = 0.0, rng: RNG = None
) -> PhaseNetwork:
    """A sparse random network in which every oscillator has about `degree` neighbours.

    The union of a ring, which keeps it connected, and degree/2 - 1 random rings; edges that
    coincide are merged. Frequencies are drawn from N(0, frequency_spread^2).

    Raises
    ------
    ValueError
        For a degree that is odd, below 2 or not below n.
    """
    if degree < 2 or degree % 2 or degree >= n:
        raise ValueError(f"degree: {degree} must be even, 2 or more, and below n = {n}")
    draw = stream(rng, "random graph")
    orders = [np.arange(n), *(draw.permutation(n) for _ in range(degree // 2 - 1))]
    ends = [(order, np.roll(order, -1)) for order in orders]
    frequency = frequency_spread * draw.standard_normal(n)
    return PhaseNetwork(_symmetric(n, ends, strength), frequency)


def grid(
    shape: Sequence[int], *, strength: float = 1.0, frequency_spread: float = 0.0, rng: RNG = None
) -> PhaseNetwork:
    """A sparse rectangular grid with open ends: each oscillator is coupled to its neighbours.

    Oscillators are numbered in C order; frequencies are drawn from N(0, frequency_spread^2).

    Raises
    ------
    ValueError
        For a shape with fewer than two oscillators or an empty axis.
    """
    sides = tuple(int(k) for k in shape)
    if not sides or min(sides) < 1 or int(np.prod(sides)) < 2:
        raise ValueError(f"shape: {tuple(shape)} holds no pair of oscillators; give such as (8, 8)")
    number = np.arange(int(np.prod(sides))).reshape(sides)
    axes = [np.moveaxis(number, k, 0) for k in range(len(sides))]
    ends = [(a[:-1].ravel(), a[1:].ravel()) for a in axes]
    frequency = frequency_spread * stream(rng, "grid").standard_normal(number.size)
    return PhaseNetwork(_symmetric(number.size, ends, strength), frequency)


def _symmetric(n: int, ends: list[tuple[IntArray, IntArray]], strength: float) -> Any:
    """Every edge once, in both directions, with one weight."""
    i, j = (np.concatenate(side) for side in zip(*ends, strict=True))
    half = scipy.sparse.csr_array((np.ones(i.size), (i, j)), shape=(n, n))
    both = half + half.T
    both.data[:] = strength
    return both
