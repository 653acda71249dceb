"""Builders of phase networks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurosc.network import Encoding, PhaseNetwork
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
