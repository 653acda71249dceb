"""The two-phase gradient held against the implicit gradient of the same equilibrium."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.costs import CosineCost, Cost
from neurosc.ideal import Ideal
from neurosc.ideal.reduction import reduce
from neurosc.ideal.sparse import response
from neurosc.learning.gradient import Gradient, correlation, of_raw_parameters
from neurosc.learning.two_phase import Scheme, two_phase_gradient
from neurosc.network import FloatArray, PhaseNetwork, phasors, wrap
from neurosc.parameters import is_sparse
from neurosc.randomness import RNG, stream
from neurosc.substrate import Relaxation, RelaxationError

if TYPE_CHECKING:
    import pandas as pd


def implicit_gradient(
    network: PhaseNetwork, x: npt.ArrayLike | None, y: npt.ArrayLike, *, cost: Cost
) -> Gradient:
    """dL/dp = -lambda^T d2E/(dtheta dp), where H lambda = dC/dtheta at the free equilibrium.

    H is the Hessian among the free oscillators, inverted on the complement of rotation. With
    w = i lambda z: dL/dJ_ij = w_i conj(z_j) + z_i conj(w_j), dL/db = w, dL/domega = lambda,
    dL/ds = -lambda sin 2 theta. Exact up to the tolerance of the relaxation.

    Raises
    ------
    RelaxationError
        If no sample locks.
    """
    relaxed = Ideal().relax(network, x)
    locked = relaxed.locked
    if not locked.any():
        raise RelaxationError(f"none of the {locked.size} samples locked")
    phases = relaxed.phases[locked]
    amplitude = network.encode(x, locked.size).amplitude[locked]
    targets = np.asarray(y)[locked]
    seen = network.relative(phases)[:, network.outputs]
    rows = x if x is None else np.atleast_2d(np.asarray(x))[locked]
    shift = _response(network, rows, phases, amplitude, cost.gradient(seen, targets))
    z = phasors(phases, amplitude)
    w = 1j * shift * z
    return of_raw_parameters(
        network,
        frequency=shift.mean(axis=0),
        coupling=2 * correlation(network, np.concatenate([w, z]), np.concatenate([z, w])),
        field=np.asarray(w.mean(axis=0), dtype=np.complex128),
        second_harmonic=-(shift * np.sin(2 * phases)).mean(axis=0),
        loss=float(cost.value(seen, targets).mean()),
        unlocked=int(locked.size - locked.sum()),
    )


def _response(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    phases: FloatArray,
    amplitude: FloatArray,
    slope: FloatArray,
) -> FloatArray:
    """lambda, (batch, n): H^-1 of the cost's gradient, which acts on references with minus sign."""
    pull = np.zeros_like(phases)
    pull[:, network.outputs] = slope
    for k, r in enumerate(network.frame[network.outputs]):
        if r >= 0:
            pull[:, r] -= slope[:, k]
    free = network.free
    if is_sparse(network.coupling):
        found = np.zeros_like(phases)
        problem = reduce(network, x, start=phases)
        found[:, free] = response(problem, phases[:, free], pull[:, free])
        return found
    rotation = network.parts[free]
    turn = np.equal.outer(rotation, rotation) & (rotation >= 0)
    found = np.zeros_like(phases)
    for b, hessian in enumerate(network.hessian(phases, amplitude)[:, free][:, :, free]):
        regular = hessian + turn * (np.abs(np.diag(hessian)).max() / free.size)
        found[b, free] = scipy.linalg.solve(regular, pull[b, free], assume_a="pos")
    return found


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How close a two-phase gradient comes to the implicit one.

    Attributes
    ----------
    scheme, beta
        The nudges.
    cosine
        Cosine of the angle between the two gradients, all parameters together.
    relative_error
        |two-phase - implicit| / |implicit|; unlike the cosine it sees the scale.
    """

    scheme: str
    beta: float
    cosine: float
    relative_error: float


def agreement(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike,
    *,
    cost: Cost,
    betas: Sequence[float] = (1e-1, 3e-2, 1e-2),
    schemes: Sequence[Scheme] = ("symmetric", "one-sided"),
) -> list[Agreement]:
    """Two-phase gradients of the ideal model against the implicit one, for several nudges."""
    exact = implicit_gradient(network, x, y, cost=cost).vector()
    free = Ideal(tolerance=1e-12).relax(network, x)
    found = []
    for scheme in schemes:
        for beta in betas:
            gradient = two_phase_gradient(
                network, x, y, cost=cost, beta=beta, scheme=scheme, on=Ideal(tolerance=1e-12),
                start=free.phases,
            ).vector()  # fmt: skip
            error = float(np.linalg.norm(gradient - exact) / np.linalg.norm(exact))
            product = np.linalg.norm(gradient) * np.linalg.norm(exact)
            found.append(Agreement(scheme, beta, float(gradient @ exact / product), error))
    return found


ROUNDING = 1e-7
"""Relative errors of gradients below which rounding, divided by beta, has a part."""


def slope(agreements: Sequence[Agreement], scheme: Scheme) -> float:
    """The order of convergence: the slope of log error over log beta of one scheme.

    Errors below `ROUNDING` are left out; nan if fewer than two are left.
    """
    mine = [a for a in agreements if a.scheme == scheme and a.relative_error > ROUNDING]
    if len(mine) < 2:
        return float("nan")
    x, y = np.log([a.beta for a in mine]), np.log([a.relative_error for a in mine])
    return float(np.polyfit(x, y, 1)[0])


def table(agreements: Sequence[Agreement]) -> pd.DataFrame:
    """The agreements as a table."""
    import pandas as pd

    return pd.DataFrame([dataclasses.asdict(a) for a in agreements])


def phase_errors(network: PhaseNetwork, reference: Relaxation, other: Relaxation) -> FloatArray:
    """|phase difference| of the free oscillators, (batch, m), radians, each in its own frame."""
    difference = network.relative(reference.phases) - network.relative(other.phases)
    return np.asarray(np.abs(wrap(difference[..., network.free])))


def random_kuramoto(n: int, *, share: float = 0.6, rng: RNG = None) -> PhaseNetwork:
    """A published test case: Erdos-Renyi edges, K = 5 U(.5, 1.5), omega ~ N(0, .3^2).

    The first oscillator is the reference, the last two are outputs. Source: Rashahmadi (2026).
    """
    if n < 4:
        raise ValueError(f"n: {n} oscillators are too few; give 4 or more")
    draw = stream(rng, "random Kuramoto", n)
    kept = np.triu(draw.random((n, n)) < share, 1)
    kept |= np.eye(n, k=1, dtype=bool)  # a chain keeps it connected
    half = np.where(kept, 5 * draw.uniform(0.5, 1.5, (n, n)), 0.0)
    return PhaseNetwork(
        half + half.T, 0.3 * draw.standard_normal(n), reference=0, outputs=[n - 2, n - 1]
    )


@dataclasses.dataclass(frozen=True)
class Identity:
    """The phase-gradient identity on one network.

    Attributes
    ----------
    n
        Oscillators.
    residual
        Largest torque at the free equilibrium.
    finite_difference_error
        |slope of the loss - implicit gradient| / |slope| along one random direction.
    agreements
        Two-phase against implicit gradients.
    """

    n: int
    residual: float
    finite_difference_error: float
    agreements: tuple[Agreement, ...]


def identity(
    network: PhaseNetwork, *, betas: Sequence[float] = (3e-1, 1e-1, 1e-2, 1e-3), rng: RNG = None
) -> Identity:
    """Hold two-phase, implicit and finite-difference gradients of one network against each other.

    The cost is `CosineCost` on the network's outputs, the class the first of them.

    Raises
    ------
    RelaxationError
        If the network does not lock.
    """
    cost, target = CosineCost(), np.array([0])
    exact = Ideal(tolerance=1e-12)
    relaxed = exact.relax(network).raise_for_status()
    gradient = implicit_gradient(network, None, target, cost=cost)
    direction = stream(rng, "direction").standard_normal(network.n)
    size = 1e-4

    def loss(sign: float) -> float:
        moved = network.replace(frequency=network.frequency + sign * size * direction)
        end = exact.relax(moved, start=relaxed.phases).raise_for_status()
        seen = moved.relative(end.phases)[:, moved.outputs]
        return float(cost.value(seen, target)[0])

    slope_of_loss = (loss(1) - loss(-1)) / (2 * size)
    error = abs(gradient.frequency @ direction - slope_of_loss) / abs(slope_of_loss)
    return Identity(
        network.n,
        float(relaxed.residual.max()),
        float(error),
        tuple(agreement(network, None, target, cost=cost, betas=betas)),
    )


def identity_table(identities: Sequence[Identity]) -> pd.DataFrame:
    """One row for each network, scheme and beta."""
    import pandas as pd

    return pd.DataFrame(
        {
            "n": i.n,
            **dataclasses.asdict(a),
            "residual": i.residual,
            "finite_difference_error": i.finite_difference_error,
        }
        for i in identities
        for a in i.agreements
    )
