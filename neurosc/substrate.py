"""What every substrate promises: it relaxes a phase network and says how that went."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray, PhaseNetwork
from neurosc.randomness import RNG

if TYPE_CHECKING:
    from neurosc.costs import Cost


class Status(IntEnum):
    """How the relaxation of one sample ended; `message` says what to try."""

    LOCKED = 0
    UNSTABLE = 1
    NOT_LOCKED = 2
    STEP_LIMIT = 3

    @property
    def message(self) -> str:
        """What happened and what to try."""
        return _MESSAGES[self]


_MESSAGES = {
    Status.LOCKED: "locked: at rest, and stable",
    Status.UNSTABLE: (
        "at rest on a saddle or a maximum, which no physical device holds; (a) start elsewhere "
        "with start=, or (b) descend from it with Ideal(escape=True)"
    ),
    Status.NOT_LOCKED: (
        "phases keep turning; (a) the detuning exceeds what the couplings can hold: lower "
        "frequency or raise coupling, or (b) the noise makes them slip: lower the noise"
    ),
    Status.STEP_LIMIT: (
        "still moving when the time ran out; (a) allow more with max_steps=, duration= or "
        "cycles=, or (b) loosen tolerance="
    ),
}


class RelaxationError(RuntimeError):
    """Samples did not lock where all had to."""


@dataclasses.dataclass(frozen=True, eq=False)
class Relaxation:
    """The end of a relaxation.

    Attributes
    ----------
    phases
        Shape (batch, n), radians, in (-pi, pi]; floating parts are turned so that their
        reference stands at 0. All chips at once give (chips, batch, n), and so below.
    status
        Shape (batch,), values of `Status`.
    residual
        Shape (batch,): the largest |torque| of all oscillators that move, the reference
        included, in the co-rotating frame.
    """

    phases: FloatArray
    status: npt.NDArray[np.int8]
    residual: FloatArray
    reasons: Callable[[int], str] | None = dataclasses.field(default=None, repr=False)
    """What keeps a sample from locking, where the substrate can tell; counted through all."""
    standard_error: FloatArray | None = None
    """Of the phases, radians, in their shape, where the substrate averages them over time."""

    @property
    def locked(self) -> npt.NDArray[np.bool_]:
        """Shape (batch,): which samples came to rest in a stable state."""
        return np.asarray(self.status == Status.LOCKED)

    def summary(self) -> str:
        """How many samples ended how."""
        found, counts = np.unique(self.status, return_counts=True)
        return ", ".join(f"{c} {Status(s).name}" for s, c in zip(found, counts, strict=True))

    def explain(self, *sample: int) -> str:
        """How a sample ended, which oscillators are to blame where that is known, what to try.

        `sample` is its index, or chip and sample.
        """
        status = Status(int(self.status[sample]))
        flat = int(np.ravel_multi_index(sample, self.status.shape))
        reason = self.reasons(flat) if self.reasons is not None else ""
        return f"{status.name}: " + (f"{reason}; " if reason else "") + status.message

    def raise_for_status(self) -> Relaxation:
        """Return itself if every sample locked, else raise `RelaxationError`."""
        if self.locked.all():
            return self
        bad = self.status[~self.locked]
        first = tuple(int(k) for k in np.argwhere(~self.locked)[0])
        others = [Status(s) for s in np.unique(bad) if s != self.status[first]]
        told = [self.explain(*first), *(f"{s.name}: {s.message}" for s in others)]
        raise RelaxationError(
            f"{bad.size} of {self.status.size} samples did not lock (first: sample "
            f"{first[0] if len(first) == 1 else first}, residual {self.residual[first]:.3g}). "
            + "; ".join(told)
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Nudge:
    """Relax on E + beta C instead of E, or on E + beta sum_i g_i theta_i, g = dC/dtheta(at).

    The second is a frozen nudge: a constant torque, omega_i -= beta g_i, which any device can
    inject as a bias current, whatever the cost. It acts on the outputs and, where they are measured
    from a reference or a mean, on that with the opposite sign. Taken at the free equilibrium it
    moves the phases as the cost itself does to first order in beta.

    Parameters
    ----------
    cost
        A cost on the output phases.
    target
        What it aims at: class labels (batch,), or phases (batch, outputs) in radians; None for a
        cost that has no target.
    beta
        Strength of the nudge, dimensionless; negative pushes away from the target.
    at
        Phases (batch, n) in radians at which the slope of a frozen nudge is taken, usually those of
        the free equilibrium; None lets the nudge follow the phases.
    """

    cost: Cost
    target: npt.ArrayLike | None
    beta: float
    at: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        if np.iscomplexobj(self.beta):
            raise ValueError(
                f"beta: {self.beta} is complex, and no physical device has a complex nudge; give a "
                'real one, or let two_phase_gradient(scheme="holomorphic") make them'
            )
        if not np.isfinite(self.beta):
            raise ValueError(f"beta: {self.beta} is not finite; give a finite number")


@runtime_checkable
class Substrate(Protocol):
    """Anything that relaxes a phase network.

    Laws, for any substrate `s`, network `net`, samples `x` and int `r`:

        a = s.relax(net, x, rng=r)
        a.phases.shape == (len(x), net.n)                  # every sample has a row
        a.phases equals s.relax(net, x, rng=r).phases      # bit for bit
        s.relax(net, x[:k], rng=r).phases equals a.phases[:k]
        a.status says so where a sample did not lock       # never dropped

    What a substrate cannot honour (an encoding, a lag, a nudge) raises ValueError.
    """

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """Relax `network` for samples x (batch, inputs) from phases `start` (batch, n)."""
        ...


@runtime_checkable
class Technology(Protocol):
    """What makes substrates that differ from one another, such as a `neurosc.hw_models.Device`."""

    def fabricate(
        self, network: PhaseNetwork, chips: int = 1, rng: RNG = None
    ) -> Sequence[Substrate]:
        """Make `chips` substrates for networks of the size of `network`."""
        ...


def a_substrate(on: object) -> Substrate:
    """`on`, if it relaxes.

    Raises
    ------
    TypeError
        If it does not; it tells what does.
    """
    if isinstance(on, Substrate):
        return on
    if isinstance(on, Technology):
        raise TypeError(
            f"on: {type(on).__name__} makes chips and relaxes nothing itself; give one or all of "
            "on.fabricate(network, chips=..., rng=...)"
        )
    raise TypeError(f"on: {on!r} does not relax; give a substrate, such as Ideal() or a chip")


def batch_start(
    network: PhaseNetwork, x: npt.ArrayLike | None, start: npt.ArrayLike | None
) -> tuple[int | None, FloatArray | None]:
    """Check `start` and tell the batch size that it implies."""
    if start is None:
        return None, None
    phases = np.asarray(start, dtype=np.float64)
    if phases.ndim == 1 and x is not None:
        phases = np.broadcast_to(phases, (len(np.atleast_2d(np.asarray(x))), phases.size))
    phases = np.atleast_2d(phases)
    if phases.ndim != 2 or phases.shape[1] != network.n:
        raise ValueError(
            f"start: shape {np.shape(start)} does not fit; give (batch, {network.n}) phases"
        )
    if not np.isfinite(phases).all():
        raise ValueError("start: has phases that are not finite; replace NaN and inf")
    return len(phases), phases
