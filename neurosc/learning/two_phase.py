"""The gradient out of two relaxations: no code path differentiates through one."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost, take
from neurosc.ideal import Ideal
from neurosc.ideal.holomorphic import complex_equilibria
from neurosc.learning.gradient import Gradient, of_states
from neurosc.network import ComplexArray, FloatArray, PhaseNetwork
from neurosc.randomness import RNG, substream
from neurosc.substrate import (
    Nudge,
    Relaxation,
    RelaxationError,
    Status,
    Substrate,
    a_substrate,
)

Scheme = Literal["symmetric", "one-sided", "holomorphic"]
NUDGES = 4
"""Complex nudges unless told otherwise."""


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
    on: Substrate | None = None,
    rng: RNG = None,
    start: npt.ArrayLike | None = None,
) -> Gradient:
    """dL/dp = sum_k w_k dE/dp(theta_k) over equilibria theta_k of E + beta_k C.

    Parameters
    ----------
    network
        The network; `x` (batch, inputs) and targets `y` (batch,) or (batch, outputs) its samples,
        None for a network without inputs and a cost without a target.
    cost
        The cost on the output phases.
    beta
        Strength of the nudge, not 0. `suggest_beta` finds one.
    scheme
        - `"symmetric"`: +beta, then -beta from there, w = +-1/(2 beta); error O(beta^2);
        - `"one-sided"`: free, then +beta from there, w = -+1/beta; error O(beta);
        - `"holomorphic"`: N complex nudges beta e^{2 pi i k/N} around the free equilibrium,
          w_k = e^{-2 pi i k/N}/(N beta); error O(beta^N). Only in the ideal model.
    on
        The substrate; `Ideal()` unless given.
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
    start
        Phases (batch, n) at which the first relaxation starts.

    Raises
    ------
    RelaxationError
        If no sample locked in every relaxation.
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
    on = Ideal() if on is None else a_substrate(on)
    _check(beta, scheme, nudges, on, cost, frozen)
    if scheme == "holomorphic":
        free = on.relax(network, x, start=start, rng=substream(rng, "relaxation", 0))
        states = _circle(network, x, Nudge(cost, y, beta), nudges or NUDGES, free)
    else:
        states = _chain(network, x, Nudge(cost, y, beta), scheme, on, rng, start, frozen)
    locked = states.status == Status.LOCKED
    if not locked.any():
        worst = Status(int(states.status.max()))
        raise RelaxationError(
            f"none of the {locked.size} samples locked with nudges of size {abs(beta):g}; (a) beta "
            "may be past the stability edge: try less, suggest_beta tells how much, or (b) the "
            f"network does not lock: {worst.message}"
        )
    targets = take(y, locked)
    losses = [
        cost.value(network.relative(phases)[:, network.outputs], targets).mean()
        for phases in states.seen[:, locked]
    ]
    return of_states(
        network,
        states.phases[:, locked],
        states.weights,
        network.encode(x, locked.size).amplitude[locked],
        loss=float(np.mean(losses)),
        unlocked=int(locked.size - locked.sum()),
    )


def _check(
    beta: float, scheme: Scheme, nudges: int | None, on: Substrate, cost: Cost, frozen: bool
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

    phases: FloatArray | ComplexArray
    """(nudges, batch, n), radians."""
    weights: FloatArray | ComplexArray
    """(nudges,)"""
    status: npt.NDArray[np.int8]
    """The worst of each sample, (batch,)."""
    seen: FloatArray
    """Real phases whose cost is the loss, (some, batch, n)."""


def _chain(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    nudge: Nudge,
    scheme: Scheme,
    on: Substrate,
    rng: RNG,
    start: npt.ArrayLike | None,
    frozen: bool,
) -> _States:
    """Relaxations one after the other, each from the end of the one before."""
    symmetric = scheme == "symmetric"
    signs = [1, -1] if symmetric and not frozen else [0, 1, -1] if symmetric else [0, 1]
    found: list[Relaxation] = []
    for k, sign in enumerate(signs):
        at = found[0].phases if frozen and found else None
        acting = dataclasses.replace(nudge, beta=sign * nudge.beta, at=at) if sign else None
        begin = found[-1].phases if found else start
        rest = on.relax(network, x, nudge=acting, start=begin, rng=substream(rng, "relaxation", k))
        if rest.phases.ndim != 2:
            raise ValueError("on: several chips relax at once; learn on one, such as chips[0]")
        found.append(rest)
    phases = np.stack([rest.phases for rest in found])
    return _States(
        phases=phases[-2:],
        weights=np.array([0.5, -0.5] if symmetric else [-1.0, 1.0]) / nudge.beta,
        status=np.max([rest.status for rest in found], axis=0),
        seen=phases if signs[0] else phases[:1],
    )


def _circle(
    network: PhaseNetwork, x: npt.ArrayLike | None, nudge: Nudge, nudges: int, free: Relaxation
) -> _States:
    turns = np.arange(nudges) / nudges
    factors = np.cos(2 * np.pi * turns) + 1j * np.sin(2 * np.pi * turns)
    half = nudges // 2 + 1
    factors[0] = 1
    if nudges % 2 == 0:
        factors[nudges // 2] = -1  # exactly, as a real nudge is told by its imaginary part
    upper, followed = complex_equilibria(network, x, nudge, factors[:half], free.phases)
    lower = upper[1 : (nudges + 1) // 2].conj()[::-1]
    status = free.status.copy()
    status[(status == Status.LOCKED) & ~followed.all(axis=0)] = Status.UNSTABLE
    return _States(
        phases=np.concatenate([upper, lower]),
        weights=factors.conj() / (nudges * nudge.beta),
        status=status,
        seen=free.phases[None],
    )
