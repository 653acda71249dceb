"""Two-phase, implicit, finite-difference and automatic gradients held against each other."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neurosc import autograd, topology
from neurosc.costs import CosineCost, Cost
from neurosc.finite_differences import EXACT, finite_differences
from neurosc.ideal.connectivity import algebraic_connectivity
from neurosc.learning.gradient import learnable, upper
from neurosc.learning.implicit import implicit_gradient
from neurosc.learning.two_phase import Scheme, two_phase_gradient
from neurosc.network import FloatArray, PhaseNetwork, wrap
from neurosc.randomness import RNG, stream
from neurosc.substrate import Relaxation, RelaxationError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "EXACT",
    "Agreement",
    "Identity",
    "Witness",
    "agreement",
    "betas",
    "finite_differences",
    "identity",
    "identity_table",
    "implicit_gradient",
    "phase_errors",
    "random_kuramoto",
    "random_regular",
    "slope",
    "slopes",
    "table",
    "witness_table",
]

DENSE = 500
"""Most oscillators for which dense Hessians are worth it: complex nudges and PyTorch need them."""
ROUNDING = 1e-11
"""Relative error times beta below which rounding has a part."""
ASYMPTOTIC = 0.1
"""Relative error above which an error follows no power of beta yet."""


@dataclasses.dataclass(frozen=True)
class Witness:
    """How close one gradient comes to another.

    Attributes
    ----------
    cosine
        Cosine of the angle between the two.
    relative_error
        |difference| / |exact|; unlike the cosine it sees the scale.
    """

    cosine: float
    relative_error: float

    @classmethod
    def of(cls, found: FloatArray, exact: FloatArray) -> Witness:
        """Compare two gradients as vectors."""
        size = float(np.linalg.norm(exact))
        cosine = found @ exact / (np.linalg.norm(found) * size)
        return cls(float(cosine), float(np.linalg.norm(found - exact)) / size)


@dataclasses.dataclass(frozen=True)
class Agreement(Witness):
    """How close a two-phase gradient comes to the implicit one, all parameters together.

    Attributes
    ----------
    scheme, nudges, beta
        The scheme, its number of nudges, which is its order in beta, and their strength.
    """

    scheme: Scheme
    nudges: int
    beta: float

    @property
    def label(self) -> str:
        """The scheme, and of the holomorphic one the number of nudges."""
        return f"{self.scheme} {self.nudges}" if self.scheme == "holomorphic" else self.scheme


ORDER = {"one-sided": 1, "symmetric": 2}
"""Order in beta of the physical schemes; of the holomorphic one it is the number of nudges."""
NUDGES = (4, 8)
"""Numbers of complex nudges that are shown."""


def agreement(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike | None = None,
    *,
    cost: Cost,
    betas: Sequence[float] = (1e-1, 3e-2, 1e-2),
    schemes: Sequence[Scheme] = ("symmetric", "one-sided"),
    nudges: Sequence[int] = NUDGES,
) -> list[Agreement]:
    """Two-phase gradients of the ideal model against the implicit one, for several betas.

    `nudges` are the numbers of complex nudges of the holomorphic scheme, if it is among `schemes`.

    A nudge past the stability edge, at which no sample locks, has nan for both numbers.
    """
    exact = implicit_gradient(network, x, y, cost=cost, on=EXACT).vector()
    free = EXACT.relax(network, x)
    found = []
    orders = [
        (scheme, order)
        for scheme in schemes
        for order in (nudges if scheme == "holomorphic" else [ORDER[scheme]])
    ]
    for (scheme, order), beta in itertools.product(orders, betas):
        try:
            gradient = two_phase_gradient(
                network, x, y, cost=cost, beta=beta, scheme=scheme, on=EXACT, start=free.phases,
                nudges=order if scheme == "holomorphic" else None,
            ).vector()  # fmt: skip
        except RelaxationError:
            gradient = np.full_like(exact, np.nan)
        witness = Witness.of(gradient, exact)
        found.append(Agreement(witness.cosine, witness.relative_error, scheme, order, beta))
    return found


def slopes(agreements: Sequence[Agreement]) -> dict[str, float]:
    """The measured order of each scheme, by its label."""
    kinds = dict.fromkeys((a.label, a.scheme, a.nudges) for a in agreements)
    return {label: slope(agreements, scheme, nudges) for label, scheme, nudges in kinds}


def slope(agreements: Sequence[Agreement], scheme: Scheme, nudges: int | None = None) -> float:
    """The order of convergence of one scheme: the slope of log error over log beta.

    Errors that rounding reaches and errors of more than 10 % are left out; nan if fewer than two
    are left. `nudges` picks one of several holomorphic schemes.
    """
    mine = [
        a
        for a in agreements
        if a.scheme == scheme
        and nudges in (None, a.nudges)
        and ROUNDING / a.beta < a.relative_error < ASYMPTOTIC
    ]
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


def random_regular(n: int, *, rng: RNG = None) -> PhaseNetwork:
    """A sparse test case of any size: 6 neighbours each, omega ~ N(0, .3^2).

    Every hundredth oscillator is an output, at least two; phases are measured from their mean.
    """
    network = topology.random_graph(n, 6, frequency_spread=0.3, rng=rng)
    apart = min(100, n // 2)
    return network.replace(outputs=range(apart // 2, n, apart), reference="mean")


def betas(network: PhaseNetwork, shares: Sequence[float]) -> list[float]:
    """Nudges of given shares of the algebraic connectivity, which suit networks of any size.

    Raises
    ------
    RelaxationError
        If the network does not lock.
    """
    rest = EXACT.relax(network).raise_for_status()
    stiffness = float(algebraic_connectivity(network, rest.phases)[0])
    return [share * stiffness for share in shares]


@dataclasses.dataclass(frozen=True)
class Identity:
    """The phase-gradient identity on one network.

    Attributes
    ----------
    n, edges
        Size of the network.
    residual
        Largest torque at the free equilibrium.
    finite_difference
        The implicit gradient against slopes of the loss along random directions of all parameters.
    automatic
        The implicit gradient against PyTorch's; None where PyTorch is missing or n is too large.
    agreements
        Two-phase against implicit gradients.
    """

    n: int
    edges: int
    residual: float
    finite_difference: Witness
    automatic: Witness | None
    agreements: tuple[Agreement, ...]


DIRECTIONS = 8
"""Random directions of finite differences; a single one where n exceeds `DENSE`."""


def identity(
    network: PhaseNetwork,
    *,
    betas: Sequence[float] = (3e-1, 1e-1, 1e-2, 1e-3),
    schemes: Sequence[Scheme] = ("one-sided", "symmetric", "holomorphic"),
    rng: RNG = None,
) -> Identity:
    """Hold the gradients of one network against each other.

    The cost is `CosineCost` on the network's outputs, the class the first of them. Holomorphic
    schemes and PyTorch are left out beyond 500 oscillators, where dense Hessians become slow.

    Raises
    ------
    RelaxationError
        If the network does not lock.
    """
    cost, target = CosineCost(), np.array([0])
    relaxed = EXACT.relax(network).raise_for_status()
    gradient = implicit_gradient(network, None, target, cost=cost, on=EXACT)
    names = learnable(network, None)
    exact = gradient.vector(*names)
    small = network.n <= DENSE
    count = DIRECTIONS if small else 1
    directions = stream(rng, "directions").standard_normal((count, exact.size))
    measured = finite_differences(network, None, target, cost=cost, directions=directions)
    automatic = None
    if small and autograd.is_installed():
        other = autograd.autograd_gradient(network, None, target, cost=cost)
        automatic = Witness.of(exact, other.vector(*names))
    kept = [s for s in schemes if small or s != "holomorphic"]
    return Identity(
        n=network.n,
        edges=int(np.count_nonzero(upper(network.coupling))),
        residual=float(relaxed.residual.max()),
        finite_difference=Witness.of(directions @ exact, measured),
        automatic=automatic,
        agreements=tuple(agreement(network, None, target, cost=cost, betas=betas, schemes=kept)),
    )


def identity_table(identities: Sequence[Identity]) -> pd.DataFrame:
    """Two-phase against implicit gradients: one row for each network, scheme and beta."""
    import pandas as pd

    return pd.DataFrame(
        {
            "n": i.n,
            "scheme": a.label,
            "order": a.nudges,
            "beta": a.beta,
            "cosine": a.cosine,
            "relative_error": a.relative_error,
        }
        for i in identities
        for a in i.agreements
    )


def witness_table(identities: Sequence[Identity]) -> pd.DataFrame:
    """The implicit gradient against its witnesses: one row for each network and witness."""
    import pandas as pd

    return pd.DataFrame(
        {
            "n": i.n,
            "edges": i.edges,
            "residual": i.residual,
            "witness": name,
            **dataclasses.asdict(witness),
        }
        for i in identities
        for name, witness in (("finite differences", i.finite_difference), ("PyTorch", i.automatic))
        if witness is not None
    )
