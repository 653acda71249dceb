"""1/f noise of frequencies."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from neurosc.network import FloatArray

if TYPE_CHECKING:
    from neurosc.ideal.kernels.steps import Motion, Tile


@dataclasses.dataclass(frozen=True)
class Flicker:
    """Each frequency carries the sum of stationary processes dx = -x dt / tau + ... dW.

    They are updated exactly, x <- a x + sigma sqrt(1 - a^2) xi with a = exp(-dt / tau). Each has
    the one-sided spectrum 4 sigma^2 tau / (1 + (2 pi f tau)^2), so that with m of them per decade
    of tau the sum is (m sigma^2 / ln 10) / f, with a ripple.

    Parameters
    ----------
    sigma
        Standard deviation of each process, in radians per unit of time.
    times
        The tau, in units of time.

    Notes
    -----
    Source: Milotti, 1/f noise: a pedagogical review, arXiv physics/0204033 (2002).
    """

    sigma: float
    times: tuple[float, ...]

    def steps(self, dt: FloatArray) -> tuple[FloatArray, FloatArray]:
        """a and sigma sqrt(1 - a^2) of steps dt (lanes,), each (processes, lanes).

        Raises
        ------
        ValueError
            For a process that a step would skip.
        """
        share = dt / np.asarray(self.times)[:, None]
        if share.max() > 1:
            raise ValueError(
                f"highest_hz: the fastest process takes {min(self.times):.3g}, less than a step "
                f"of {dt.max():.3g} (in units of time of the network); divide it by "
                f"{np.ceil(share.max()):g}"
            )
        return np.exp(-share), self.sigma * np.sqrt(-np.expm1(-2 * share))

    def begin(self, tile: Tile, motion: Motion) -> None:
        """Draw the stationary state of a tile."""
        from neurosc.ideal.kernels.steps import AT_FIRST, wander_on

        keep, push = np.zeros_like(motion.keep), np.full_like(motion.push, self.sigma)
        wander_on(tile, motion._replace(keep=keep, push=push), AT_FIRST)
