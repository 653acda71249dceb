"""The ideal model of a layered network, stopped after a fixed number of sweeps."""

from __future__ import annotations

import dataclasses
from typing import get_args
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from neurosc.ideal.layer_stack import Push, Real, Rotors, Stack
from neurosc.ideal.layers import Layers
from neurosc.ideal.tiles import Precision
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.randomness import RNG
from neurosc.substrate import Nudge, Relaxation, batch_start

CHUNK = 128
"""Samples that are swept together: what the second-level cache holds."""


@dataclasses.dataclass(frozen=True)
class Sweeps:
    """Block descent of a layered network with a fixed number of sweeps.

    A sweep turns each layer, from the first that moves to the last, to the minimum over its own
    phases: theta_i <- arg u_i + arcsin(omega_i / |u_i|), u = J z + b. It has no step size and, if
    nothing but couplings and fields acts, the energy never rises. Without `start` it begins with a
    feed-forward pass. Time per sample is known beforehand, which suits the training of large nets:
    784-500-10 takes a tenth of a millisecond. What has not come to rest is STEP_LIMIT; to learn
    from it all the same, see `unsettled` in `fit`.

    Parameters
    ----------
    count
        Sweeps of one relaxation.
    tolerance
        Largest |torque| at rest, in units of the largest sum of couplings and field on one
        oscillator (at least 1).
    precision
        Of the products, `"float64"` or `"float32"`, and of the parameters while they learn.

    Raises
    ------
    ValueError
        For no sweeps and a tolerance that is not positive.

    Notes
    -----
    A torque that is no pull (a second harmonic, a nudge that follows the phases) is held constant
    for the turn of a layer; the residual tells whether that converges. Stability is certified as
    everywhere: every other layer sees no oscillator of its own, so that a Schur complement as large
    as the layers of the outputs' colour decides.
    """

    count: int = 12
    tolerance: float = 1e-3
    precision: Precision = "float64"

    def __post_init__(self) -> None:
        if self.count < 1 or int(self.count) != self.count:
            raise ValueError(f"count: {self.count} is no number of sweeps; give 1 or more")
        if not 0 < self.tolerance < float("inf"):
            raise ValueError(f"tolerance: {self.tolerance} is not a positive number")
        if self.precision not in get_args(Precision):
            raise ValueError(
                f"precision: {self.precision!r} is unknown; use one of {get_args(Precision)}"
            )

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """Relax samples x (batch, inputs); see `Substrate`. `rng` is not used."""
        stack = stack_of(network, self.precision)
        _, phases = batch_start(network, x, start)
        end = network.encode(x, None if phases is None else len(phases)).phases
        rows = None if x is None else np.atleast_2d(np.asarray(x))
        status, residual = np.empty(len(end), dtype=np.int8), np.empty(len(end))
        for first in range(0, len(end), CHUNK):
            some = slice(first, first + CHUNK)
            found = self._sweep(
                stack,
                stack.held(None if rows is None else rows[some], len(end[some])),
                None if nudge is None else _some(nudge, some),
                None if phases is None else phases[some, stack.layers.free],
            )
            state = found.state.astype(np.float64)
            end[some, stack.layers.free] = np.arctan2(state[:, 1], state[:, 0])
            status[some], residual[some] = found.status, found.residual
        return Relaxation(network.gauge(end), status, residual)

    def _sweep(
        self, stack: Stack, held: Real, nudge: Nudge | None, start: FloatArray | None
    ) -> Rotors:
        rotors = None if start is None else np.stack([np.cos(start), np.sin(start)], axis=1)
        push = Push.of(stack, nudge, len(held))
        return stack.descend(stack.drive(held), rotors, push, self.count, self.tolerance)


def _some(nudge: Nudge, samples: slice) -> Nudge:
    """The nudge of some of the samples."""
    target, at = nudge.target, nudge.at
    return dataclasses.replace(
        nudge,
        target=None if target is None else np.asarray(target)[samples],
        at=None if at is None else np.asarray(at)[samples],
    )


_STACKS: WeakKeyDictionary[PhaseNetwork, dict[str, Stack]] = WeakKeyDictionary()
"""Of the networks in use: both relaxations of a gradient take the same."""


def stack_of(network: PhaseNetwork, precision: Precision) -> Stack:
    """A layered network in the given precision."""
    known = _STACKS.setdefault(network, {})
    if precision not in known:
        known[precision] = Stack.of(network, Layers.of(network), precision)
    return known[precision]
