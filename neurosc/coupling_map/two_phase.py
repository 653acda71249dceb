"""Slopes of couplings out of two relaxations of each network, on any substrate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.map import networks
from neurosc.coupling_map.slope import BoolArray, CouplingSlope
from neurosc.ideal import Ideal
from neurosc.ideal.reduction import Request
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.randomness import RNG, stream, substream
from neurosc.substrate import Nudge, Substrate, a_substrate

Scheme = Literal["symmetric", "one-sided"]


def two_phase_slope(
    coupling: npt.ArrayLike,
    instances: Instances,
    *,
    cost: Cost,
    beta: float = 0.1,
    scheme: Scheme = "symmetric",
    starts: int = 1,
    on: Substrate | None = None,
    rng: RNG = None,
    frozen: bool = False,
    random_field: float = 0.0,
) -> CouplingSlope:
    """dC/dK_ij = -(1/2) sum_k w_k cos(theta_j - theta_i) over equilibria theta_k of E + beta_k C.

    Parameters
    ----------
    coupling
        K, shape (batch, n, n), symmetric.
    instances
        The networks, without delays.
    cost
        A cost on the phases of all oscillators.
    beta
        Strength of the nudge, not 0. `"one-sided"` takes its sign: a negative one pushes away from
        what the cost asks for, and moves networks that a positive one leaves where they are.
    scheme
        - `"symmetric"`: +beta, then -beta from there, w = +-1/(2 beta); error O(beta^2);
        - `"one-sided"`: free, then beta from there, w = -+1/beta; error O(beta).
    starts
        Random starts, phases uniform on the circle, whose slopes are averaged.
    on
        The substrate; `Ideal()` unless given. One that relaxes many networks at once does.
    rng
        Random starts, and random numbers of the substrate.

    Other arguments
    ---------------
    frozen
        Nudge by the constant torque -beta dC/dtheta at the free equilibrium, which any device can
        inject. The symmetric scheme then relaxes three times.
    random_field
        Size of complex fields, drawn anew for each network, in units of its mean sum of couplings
        |K_ij| on one oscillator. Where all phases are 0 or pi apart, slopes of costs of phase
        differences vanish though the cost is high, and networks of both signs fall into such
        states. Fields that fade out while a map learns lead it past them.

    Returns
    -------
    CouplingSlope
        Averages over those starts of a network that locked in all its relaxations; networks
        without one are not `used`, and their loss is that of all their starts as they stand.

    Raises
    ------
    ValueError
        For a beta of 0, an unknown scheme, couplings that are not symmetric, and delays.

    Notes
    -----
    The factor 1/2 is there because K_ij and K_ji are one coupling. The loss is that of the free
    equilibrium, or the mean of those at +-beta where none is free. Sources: see
    `neurosc.two_phase_gradient`; with networks of the KuraNet, Ricci et al., arXiv 2105.02838.
    """
    if scheme not in get_args(Scheme):
        raise ValueError(f"scheme: {scheme!r} is unknown; use one of {get_args(Scheme)}")
    if not np.isfinite(beta) or beta == 0:
        raise ValueError(f"beta: {beta} makes no nudge; give a finite number other than 0")
    if starts < 1:
        raise ValueError(f"starts: {starts} leaves no state; give 1 or more")
    if not 0 <= random_field < np.inf:
        raise ValueError(f"random_field: {random_field} is no size; give 0 or more")
    made = networks(coupling, instances)
    asked = Asked(
        [_with_field(net, random_field, rng, k) for k, net in enumerate(made)],
        instances.target(cost), cost, starts, Ideal() if on is None else a_substrate(on), rng,
    )  # fmt: skip
    found = _chain(asked, beta, scheme, frozen)
    locked = np.all([rest.locked for rest in found], axis=0)
    used = locked.any(axis=1)
    weights = (
        np.where(used[:, None], locked, 1) / np.where(used, locked.sum(axis=1), starts)[:, None]
    )
    two_sided = scheme == "symmetric"
    signs = np.array([0.5, -0.5] if two_sided else [-1.0, 1.0]) / beta
    slope = np.zeros((instances.batch, instances.n, instances.n))
    for sign, rest in zip(signs, found[-2:], strict=True):
        waves = np.sqrt(weights)[..., None, None] * rest.waves
        slope -= 0.5 * sign * np.einsum("bsci,bscj->bij", waves, waves, optimize=True)
    slope[~used] = 0.0
    counted = found[:2] if two_sided and not frozen else found[:1]
    losses = [(weights * asked.losses(rest.phases)).sum(axis=1) for rest in counted]
    return CouplingSlope(slope, np.mean(losses, axis=0), used)


class Rests(NamedTuple):
    """Ends of relaxations from `starts` states of each network."""

    phases: FloatArray
    """(batch, starts, n)."""
    locked: BoolArray
    """(batch, starts)."""

    @property
    def waves(self) -> FloatArray:
        """cos and sin of the phases, (batch, starts, 2, n)."""
        return np.stack([np.cos(self.phases), np.sin(self.phases)], axis=2)


class Asked(NamedTuple):
    """What is relaxed, and where."""

    networks: Sequence[PhaseNetwork]
    targets: npt.NDArray[np.intp] | None
    cost: Cost
    starts: int
    on: Substrate
    rng: RNG

    def target(self, k: int) -> npt.NDArray[np.intp] | None:
        """That of network k, once for each start."""
        return None if self.targets is None else np.tile(self.targets[k], (self.starts, 1))

    def losses(self, phases: FloatArray) -> FloatArray:
        """C, (batch, starts)."""
        each = [self.cost.value(own, self.target(k)) for k, own in enumerate(phases)]
        return np.stack(each)


def random_phases(count: int, starts: int, n: int, rng: RNG) -> FloatArray:
    """Starts uniform on the circle, (count, starts, n)."""
    return stream(rng, "starts").uniform(-np.pi, np.pi, (count, starts, n))


def relax_all(
    on: Substrate,
    networks: Sequence[PhaseNetwork],
    begin: FloatArray,
    nudges: Sequence[Nudge | None],
    rng: RNG,
) -> Rests:
    """Relax each network from its states `begin` (batch, starts, n): abreast where that is had."""
    streams = [substream(rng, "network", k) for k in range(len(networks))]
    if isinstance(on, Ideal) and on.interaction is None:
        requests = [
            Request(net, None, nudge, start)
            for net, nudge, start in zip(networks, nudges, begin, strict=True)
        ]
        found = on.relax_requests(requests, streams)
        return Rests(found.phases, found.locked)
    each = [
        on.relax(net, None, nudge=nudge, start=start, rng=own)
        for net, nudge, start, own in zip(networks, nudges, begin, streams, strict=True)
    ]
    if any(rest.phases.ndim != 2 for rest in each):
        raise ValueError("on: several chips relax at once; learn on one, such as chips[0]")
    return Rests(np.stack([r.phases for r in each]), np.stack([r.locked for r in each]))


def _with_field(network: PhaseNetwork, size: float, rng: RNG, k: int) -> PhaseNetwork:
    if not size:
        return network
    mean = float(abs(network.coupling).sum() / network.n)
    real, imaginary = stream(rng, "random field", k).standard_normal((2, network.n))
    field = size * mean * np.sqrt(0.5) * (real + 1j * imaginary)
    return network.replace(field=network.field + field)


def _chain(asked: Asked, beta: float, scheme: Scheme, frozen: bool) -> list[Rests]:
    """Relaxations one after the other, each from the end of the one before."""
    two_sided = scheme == "symmetric"
    signs = [1, -1] if two_sided and not frozen else [0, 1, -1] if two_sided else [0, 1]
    count, n = len(asked.networks), asked.networks[0].n
    begin, found = random_phases(count, asked.starts, n, asked.rng), list[Rests]()
    for step, sign in enumerate(signs):
        nudges: list[Nudge | None] = [None] * count
        if sign:
            at = found[0].phases if frozen else [None] * count
            nudges = [
                Nudge(asked.cost, asked.target(k), sign * beta, at=at[k]) for k in range(count)
            ]
        rng = substream(asked.rng, "relaxation", step)
        found.append(relax_all(asked.on, asked.networks, begin, nudges, rng))
        begin = found[-1].phases
    return found
