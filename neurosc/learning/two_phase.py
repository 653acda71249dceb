"""The gradient out of two relaxations: no code path differentiates through one."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, NamedTuple, get_args, overload

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost, take
from neurosc.ideal import Ideal
from neurosc.ideal.holomorphic import complex_equilibria
from neurosc.learning.branches import descends_exactly, told_of_jumps
from neurosc.learning.energy_model import Array, Arrays, EnergyModel, Rest
from neurosc.learning.gradient import Gradient, of_states
from neurosc.learning.phase_model import PhaseModel
from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG, substream
from neurosc.substrate import (
    Nudge,
    RelaxationError,
    Status,
    Substrate,
    a_substrate,
)

Scheme = Literal["symmetric", "one-sided", "holomorphic"]
Unsettled = Literal["skip", "learn"]
NUDGES = 4
"""Complex nudges unless told otherwise."""


@dataclasses.dataclass(frozen=True, eq=False)
class ModelGradient:
    """dL/dp of the mean loss L over the samples that took part.

    Attributes
    ----------
    parameters
        Slopes by the names and in the shapes of the model's parameters.
    loss
        The mean cost of these samples.
    unlocked
        How many samples did not lock.
    """

    parameters: Arrays
    loss: float
    unlocked: int


@overload
def two_phase_gradient(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike | None = None,
    *,
    cost: Cost,
    beta: float = 0.1,
    scheme: Scheme = "symmetric",
    nudges: int | None = None,
    frozen: bool = False,
    unsettled: Unsettled = "skip",
    on: Substrate | None = None,
    rng: RNG = None,
    start: npt.ArrayLike | None = None,
) -> Gradient: ...


@overload
def two_phase_gradient(
    network: EnergyModel,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike | None = None,
    *,
    cost: Cost,
    beta: float = 0.1,
    scheme: Scheme = "symmetric",
    nudges: int | None = None,
    frozen: bool = False,
    unsettled: Unsettled = "skip",
    on: None = None,
    rng: RNG = None,
    start: npt.ArrayLike | None = None,
) -> ModelGradient: ...


def two_phase_gradient(
    network: PhaseNetwork | EnergyModel,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike | None = None,
    *,
    cost: Cost,
    beta: float = 0.1,
    scheme: Scheme = "symmetric",
    nudges: int | None = None,
    frozen: bool = False,
    unsettled: Unsettled = "skip",
    on: Substrate | None = None,
    rng: RNG = None,
    start: npt.ArrayLike | None = None,
) -> Gradient | ModelGradient:
    """dL/dp = sum_k w_k dE/dp(theta_k) over equilibria theta_k of E + beta_k C.

    Parameters
    ----------
    network
        The network, or any other `EnergyModel`; `x` (batch, inputs) and targets `y` (batch,) or
        (batch, outputs) its samples, None for a network without inputs and a cost without a target.
    cost
        The cost on the output phases, or on what the model lets it see.
    beta
        Strength of the nudge, not 0. `suggest_beta` finds one.
    scheme
        - `"symmetric"`: +beta, then -beta from there, w = +-1/(2 beta); error O(beta^2). The ideal
          model first relaxes freely, as a nudge from a cold start may end in another minimum;
        - `"one-sided"`: free, then +beta from there, w = -+1/beta; error O(beta);
        - `"holomorphic"`: N complex nudges beta e^{2 pi i k/N} around the free equilibrium,
          w_k = e^{-2 pi i k/N}/(N beta); error O(beta^N). Only in the ideal model.
    on
        The substrate of a network; `Ideal()` unless given. A model relaxes by itself.
    rng
        Random numbers of the substrate; the relaxations draw from different streams.

    Other arguments
    ---------------
    nudges
        N of the holomorphic scheme, 2 or more; 4 unless given. It costs N/2 + 1 solutions, since
        conjugate nudges have conjugate equilibria.
    frozen
        Nudge by the constant torque -+beta dC/dtheta at the free equilibrium, which any device can
        inject, instead of a cost that follows the phases (`Nudge`). The symmetric scheme then
        relaxes three times: freely, with +beta, and with -beta from there. Same orders of error.
        For networks.
    unsettled
        What becomes of samples that do not lock: `"skip"` leaves them out of the mean; `"learn"`
        takes them as they stand, which suits relaxations of a fixed length, unless their phases
        keep turning (NOT_LOCKED). They are counted in `unlocked` either way, and so are, in the
        ideal model, those that a nudge throws into another minimum (`neurosc.learning.branches`).
    start
        Phases (batch, n), or states of the model, at which the first relaxation starts.

    Raises
    ------
    RelaxationError
        If no sample takes part.
    ValueError
        For a beta of zero, an unknown scheme, nudges where they mean nothing, frozen complex ones,
        and a substrate or cost that knows no complex nudges.

    Notes
    -----
    Source: Scellier, Bengio, Front. Comput. Neurosci. 11:24 (2017); symmetric nudges:
    Laborieux et al., Front. Neurosci. 15:633674 (2021); holomorphic nudges: Laborieux, Zenke,
    arXiv 2209.00530 (2022). The loss is the mean cost of the free equilibrium, or at +-beta where
    none is free.
    """
    begin = None if start is None else np.asarray(start)
    settings: dict[str, Any] = {
        "cost": cost, "beta": beta, "scheme": scheme, "nudges": nudges, "frozen": frozen,
        "unsettled": unsettled, "rng": rng, "start": begin,
    }  # fmt: skip
    if not isinstance(network, PhaseNetwork):
        if on is not None:
            raise ValueError("on: an energy model relaxes by itself; leave it out")
        found = two_phases(a_model(network), x, y, **settings)
        slopes = found.parameter_gradient(network, x)
        return ModelGradient(slopes, found.loss, found.unlocked)
    check_periodic(cost)
    on = Ideal() if on is None else a_substrate(on)
    free_first = descends_exactly(on)
    found = two_phases(PhaseModel(network, on), x, y, free_first=free_first, **settings)
    return of_states(
        network,
        found.of_part(found.states),
        found.weights,
        network.encode(x, found.part.size).amplitude[found.part],
        loss=found.loss,
        unlocked=found.unlocked,
    )


class TwoPhases(NamedTuple):
    """States out of which a gradient is made."""

    states: Array
    """(nudges, batch, ...)."""
    weights: Array
    """(nudges,)."""
    first: Rest
    """The first relaxation."""
    seen: list[Array]
    """What the cost sees of those states whose cost is the loss, of the samples that took part."""
    part: npt.NDArray[np.bool_]
    """(batch,): which samples take part."""
    loss: float
    unlocked: int

    def of_part(self, states: Array) -> Array:
        """Of states (nudges, batch, ...) those that take part."""
        return np.asarray(states[:, self.part])

    def parameter_gradient(self, model: EnergyModel, x: npt.ArrayLike | None) -> Arrays:
        """The slopes of the model's parameters."""
        if x is not None and not self.part.all():
            x = np.atleast_2d(np.asarray(x))[self.part]
        return model.parameter_gradient(self.of_part(self.states), self.weights, x)


def two_phases(
    model: EnergyModel,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike | None,
    *,
    cost: Cost,
    beta: float,
    scheme: Scheme,
    nudges: int | None = None,
    frozen: bool = False,
    unsettled: Unsettled = "skip",
    rng: RNG = None,
    start: Array | None = None,
    free_first: bool = False,
) -> TwoPhases:
    """Two relaxations of a model, and what they tell; see `two_phase_gradient`.

    `free_first`: the symmetric scheme, too, begins with a free one, as if it were frozen.
    """
    _check(beta, scheme, nudges, model, cost, frozen)
    nudge = Nudge(cost, y, beta)
    if scheme == "holomorphic" and isinstance(model, PhaseModel):
        free = model.relax(x, start=start, rng=substream(rng, "relaxation", 0))
        states = _circle(model.network, x, nudge, nudges or NUDGES, free)
    else:
        signs = [0, 1] if scheme == "one-sided" else [0, 1, -1] if frozen or free_first else [1, -1]
        states = _chain(model, x, nudge, signs, rng, start, frozen)
    return _taking_part(model, states, cost, y, beta, unsettled)


def a_model(given: object) -> EnergyModel:
    """`given`, if it is an energy model.

    Raises
    ------
    TypeError
        If it is not; it tells what is.
    """
    if isinstance(given, EnergyModel):
        return given
    raise TypeError(
        f"network: {type(given).__name__} has no energy to learn in; give a PhaseNetwork, or a "
        "model with the methods of EnergyModel"
    )


def check_periodic(cost: Cost) -> None:
    """Raise ValueError for a cost that is no function on the circle."""
    if not cost.is_periodic:
        raise ValueError(
            f"cost: {type(cost).__name__} changes when a phase turns once; give a cost on the "
            "circle, such as CosineCost"
        )


def _check(
    beta: float, scheme: Scheme, nudges: int | None, model: EnergyModel, cost: Cost, frozen: bool
) -> None:
    if scheme not in get_args(Scheme):
        raise ValueError(f"scheme: {scheme!r} is unknown; use one of {get_args(Scheme)}")
    if np.iscomplexobj(beta):
        raise ValueError(
            f"beta: {beta} is complex, and no physical device has a complex nudge; give its size, "
            'and scheme="holomorphic" for nudges on that circle'
        )
    if not np.isfinite(beta) or beta == 0:
        raise ValueError(f"beta: {beta} makes no nudge; give a finite number other than 0")
    if frozen and not isinstance(model, PhaseModel):
        raise ValueError(f"frozen: {type(model).__name__} takes no constant torques; leave it out")
    if scheme != "holomorphic":
        if nudges is not None:
            raise ValueError(
                f'nudges: the {scheme} scheme has no choice of them; use scheme="holomorphic"'
            )
        return
    if frozen:
        raise ValueError(
            "frozen: a constant torque on a device is real, and the holomorphic scheme nudges with "
            'complex ones; use scheme="symmetric" or frozen=False'
        )
    if nudges is not None and nudges != int(nudges):
        raise ValueError(f"nudges: {nudges} is no whole number; give 2 or more")
    if nudges is not None and nudges < 2:
        raise ValueError(f"nudges: {nudges} make no difference of states; give 2 or more")
    on = getattr(model, "on", model)
    if not isinstance(on, Ideal) or on.noise or on.interaction or on.method == "steps":
        raise ValueError(
            f"on: {on} has no complex nudges, nor has any physical device; they exist where "
            'Ideal() descends an energy; use scheme="symmetric" here'
        )
    if not cost.is_analytic:
        raise ValueError(
            f"cost: {type(cost).__name__} does not say that it continues to complex phases; set "
            'is_analytic = True if it does, or use scheme="symmetric"'
        )


class _States(NamedTuple):
    """Equilibria out of which a gradient is made."""

    states: Array
    """(nudges, batch, ...), of phases in radians."""
    weights: Array
    """(nudges,)"""
    status: npt.NDArray[np.int8]
    """How each relaxation of each sample ended, (relaxations, batch)."""
    loss_at: list[Array]
    """Real states whose cost is the loss, (batch, ...) each."""
    first: Rest
    """The first relaxation."""


def _taking_part(
    model: EnergyModel,
    found: _States,
    cost: Cost,
    y: npt.ArrayLike | None,
    beta: float,
    unsettled: Unsettled,
) -> TwoPhases:
    """Which samples take part, and their loss."""
    if unsettled not in get_args(Unsettled):
        raise ValueError(f"unsettled: {unsettled!r} is unknown; use one of {get_args(Unsettled)}")
    locked = (found.status == Status.LOCKED).all(axis=0)
    part = locked if unsettled == "skip" else (found.status != Status.NOT_LOCKED).all(axis=0)
    if not part.any():
        worst = Status(int(found.status.max()))
        raise RelaxationError(
            f"none of the {locked.size} samples locked with nudges of size {abs(beta):g}; (a) beta "
            "may be past the stability edge: try less, suggest_beta tells how much, or (b) the "
            f"network does not lock: {worst.message}; or let samples learn as they stand, with "
            'unsettled="learn"'
        )
    whole = bool(part.all())
    targets = y if whole else take(y, part)
    seen = [model.seen(state if whole else state[part]) for state in found.loss_at]
    losses = [cost.value(each, targets).mean() for each in seen]
    return TwoPhases(
        found.states,
        found.weights,
        found.first,
        seen,
        part,
        loss=float(np.mean(losses)),
        unlocked=int(locked.size - locked.sum()),
    )


def _chain(
    model: EnergyModel,
    x: npt.ArrayLike | None,
    nudge: Nudge,
    signs: list[int],
    rng: RNG,
    start: Array | None,
    frozen: bool,
) -> _States:
    """Relaxations with nudges of these signs, each from the end of the one before."""
    found: list[Rest] = []
    for k, sign in enumerate(signs):
        at = found[0].state if frozen and found else None
        acting = dataclasses.replace(nudge, beta=sign * nudge.beta, at=at) if sign else None
        begin = found[-1].state if found else start
        rest = model.relax(x, nudge=acting, start=begin, rng=substream(rng, "relaxation", k))
        if acting is not None and found and isinstance(model, PhaseModel):
            rest = told_of_jumps(model, x, signs[k - 1] * nudge.beta, found[-1], acting, rest)
        found.append(rest)
    states = [rest.state for rest in found]
    return _States(
        np.stack(states[-2:]),
        np.array([0.5, -0.5] if signs[-1] == -1 else [-1.0, 1.0]) / nudge.beta,
        np.stack([rest.status for rest in found]),
        states if signs[0] else states[:1],
        found[0],
    )


def _circle(
    network: PhaseNetwork, x: npt.ArrayLike | None, nudge: Nudge, nudges: int, free: Rest
) -> _States:
    turns = np.arange(nudges) / nudges
    factors = np.cos(2 * np.pi * turns) + 1j * np.sin(2 * np.pi * turns)
    half = nudges // 2 + 1
    factors[0] = 1
    if nudges % 2 == 0:
        factors[nudges // 2] = -1  # exactly, as a real nudge is told by its imaginary part
    upper, followed = complex_equilibria(network, x, nudge, factors[:half], free.state)
    lower = upper[1 : (nudges + 1) // 2].conj()[::-1]
    status = free.status.copy()
    status[(status == Status.LOCKED) & ~followed.all(axis=0)] = Status.UNSTABLE
    return _States(
        np.concatenate([upper, lower]),
        factors.conj() / (nudges * nudge.beta),
        status[None],
        [free.state],
        free,
    )
