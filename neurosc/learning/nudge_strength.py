"""How strong to nudge: below the stability edge, above the noise of the read-out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.costs import Cost
from neurosc.ideal import Ideal
from neurosc.learning.gradient import Parameter, learnable
from neurosc.learning.implicit import implicit_gradient
from neurosc.learning.two_phase import Scheme, two_phase_gradient
from neurosc.network import ComplexArray, FloatArray, IntArray, PhaseNetwork, phasors, wrap
from neurosc.substrate import Nudge, RelaxationError

JUMP = 0.5
"""Radians by which a phase may follow one step of the nudge; more is another branch."""
FIRST_STEP = 1e-3
"""First beta that is tried, in units of the strongest pull on an oscillator."""
CEILING = 1e3
"""Largest beta that is tried, in the same units: the cost then rules the outputs alone."""
RESOLUTION = 0.01
"""Relative width to which the edge is found."""
MARGIN = 0.9
"""Share of the edge that is the largest beta suggested."""
DECADES, PER_DECADE = 7, 4
"""Betas that are compared."""
ROUNDING = 1e-13
"""Radians of error that even a noiseless read-out has."""
EXACT = Ideal(tolerance=1e-12)


@dataclasses.dataclass(frozen=True)
class ExpectedGradient:
    """What a measured two-phase gradient is like at one beta.

    Attributes
    ----------
    beta
        Strength of the nudge.
    angle
        Expected angle to the exact gradient, radians.
    signal_to_noise
        |gradient| over the rms length of the read-out noise in it.
    bias
        |two-phase gradient without noise - exact one| / |exact one|.
    """

    beta: float
    angle: float
    signal_to_noise: float
    bias: float

    @property
    def cosine(self) -> float:
        """Cosine of the angle."""
        return float(np.cos(self.angle))


@dataclasses.dataclass(frozen=True)
class SuggestedBeta(ExpectedGradient):
    """The strength of the nudge with the smallest expected angle, and why.

    Attributes
    ----------
    stability_edge
        Largest beta for which every sample stays locked on the branch of its free equilibrium,
        at +beta and, for the symmetric scheme, at -beta; inf if none was found.
    scheme, noise, reads
        What it was asked for.
    compared
        What was expected at each beta that was tried, strongest first.
    """

    stability_edge: float
    scheme: str
    noise: float
    reads: int
    compared: tuple[ExpectedGradient, ...] = dataclasses.field(repr=False)


def suggest_beta(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike | None = None,
    *,
    cost: Cost,
    noise: float = 0.0,
    reads: int = 1,
    scheme: Scheme = "symmetric",
    learn: Sequence[Parameter] | None = None,
) -> SuggestedBeta:
    """The beta whose measured gradient is expected to point best along the exact one.

    The bias of a two-phase gradient grows as beta^2 (symmetric) or beta (one-sided), the read-out
    noise in it falls as 1/beta. With e(beta) the two-phase gradient without noise, g the exact one,
    and the noise of a phase in it, s^2 = sum_k w_k^2 noise^2/reads,

        cosine = g.e / (|g| sqrt(|e|^2 + s^2 |A|^2)),  signal_to_noise = |e| / (s |A|)

    where A = d2E/dtheta dp, and |A| its Frobenius norm. For the frequencies of a floating network
    of n oscillators with Laplacian L, a one-sided nudge with the slope c of the cost has
    signal_to_noise = beta |L^+ c| / sqrt(2 (n - 1) noise^2/reads).

    Parameters
    ----------
    network, x, y
        The network and a training batch: noise and stability depend on how many samples and which.
    cost
        The cost on the output phases.
    noise
        Standard deviation of one reading of one phase, radians.
    reads
        Independent readings that are averaged in each relaxation.
    scheme
        `"symmetric"` or `"one-sided"`.
    learn
        The parameters whose gradient counts; as in `fit` unless given.

    Raises
    ------
    RelaxationError
        If a sample does not lock without a nudge.
    ValueError
        For noise < 0, reads < 1, a scheme without read-out, and a cost that exerts no torque.

    Notes
    -----
    A first-order estimate: good while phases err by less than a radian, and where many phases
    share the noise. A cosine does not see the scale of a gradient; `bias` does. Source: propagation
    of errors.
    """
    check_readable(scheme)
    if not 0 <= noise < float("inf"):
        raise ValueError(f"noise: {noise} is not a number >= 0 (radians)")
    if reads < 1:
        raise ValueError(f"reads: {reads} tell nothing; give 1 or more")
    names = learnable(network, learn)
    free = EXACT.relax(network, x).raise_for_status().phases
    edge = min(
        _stability_edge(network, x, Nudge(cost, y, sign), free)
        for sign in ((1.0, -1.0) if scheme == "symmetric" else (1.0,))
    )
    exact = implicit_gradient(network, x, y, cost=cost, on=EXACT).vector(*names)
    if not exact.any():
        raise ValueError("cost: exerts no torque on these samples, so no beta measures its slope")
    z = phasors(free, network.encode(x, len(free)).amplitude)
    reading = float(np.hypot(noise / np.sqrt(reads), ROUNDING)) * _read_out_noise(network, z, names)
    span = 2.0 if scheme == "symmetric" else 1.0
    compared = []
    for beta in _candidates(edge, _unit(network)):
        try:
            gradient = two_phase_gradient(
                network, x, y, cost=cost, beta=beta, scheme=scheme, on=EXACT, start=free
            )
        except RelaxationError:
            continue
        if gradient.unlocked == 0:
            spread = np.sqrt(2) * reading / (span * beta)
            compared.append(_expected(beta, exact, gradient.vector(*names), spread))
    if not compared:
        raise RelaxationError(
            "every nudge that was tried unlocks a sample, which so lies at the edge of locking; "
            "lower its frequencies, raise couplings, or leave the sample out"
        )
    best = min(compared, key=lambda e: e.angle)
    return SuggestedBeta(
        **dataclasses.asdict(best),
        stability_edge=edge,
        scheme=scheme,
        noise=noise,
        reads=reads,
        compared=tuple(compared),
    )


def check_readable(scheme: str) -> None:
    """Raise ValueError for a scheme whose nudges no device has."""
    if scheme not in ("symmetric", "one-sided"):
        raise ValueError(
            f"scheme: {scheme!r} is none that a device reads; use 'symmetric' or 'one-sided' "
            "(holomorphic nudges have no noise: any beta well below the edge will do)"
        )


def _candidates(edge: float, unit: float) -> list[float]:
    highest = min(MARGIN * edge, CEILING * unit)
    return [float(highest * 10 ** (-k / PER_DECADE)) for k in range(DECADES * PER_DECADE + 1)]


def _expected(
    beta: float, exact: FloatArray, measured: FloatArray, spread: float
) -> ExpectedGradient:
    """From the gradients without noise and the rms length of the noise."""
    return ExpectedGradient(
        beta=beta,
        angle=expected_angle(exact, measured, spread),
        signal_to_noise=float(np.linalg.norm(measured) / spread),
        bias=float(np.linalg.norm(measured - exact) / np.linalg.norm(exact)),
    )


def expected_angle(exact: FloatArray, measured: FloatArray, spread: float) -> float:
    """The angle whose cosine is g.e / (|g| sqrt(|e|^2 + spread^2)), radians.

    An arctangent gives it: its cosine cannot tell small ones apart.
    """
    size = np.linalg.norm(exact)
    along = measured @ exact / size
    across = np.hypot(np.linalg.norm(measured - along * exact / size), spread)
    return float(np.arctan2(across, along))


def _unit(network: PhaseNetwork) -> float:
    """The strongest pull on a free oscillator."""
    return float(network.strength[network.free].max())


def _stability_edge(
    network: PhaseNetwork, x: npt.ArrayLike | None, nudge: Nudge, free: FloatArray
) -> float:
    """The largest factor of the nudge to which the free equilibria can be followed.

    Steps of the nudge double while every sample stays locked and none of its phases jumps, and
    are halved where one does.
    """
    first = FIRST_STEP * _unit(network)
    beta, step, phases = 0.0, first, free
    while step > RESOLUTION * max(beta, first):
        further = Nudge(nudge.cost, nudge.target, nudge.beta * (beta + step))
        trial = Ideal().relax(network, x, nudge=further, start=phases)
        moved = wrap(network.relative(trial.phases) - network.relative(phases))
        if trial.locked.all() and np.abs(moved).max() < JUMP:
            beta, phases = beta + step, trial.phases
            step *= 2
        else:
            step /= 2
        if beta >= CEILING * _unit(network):
            return float("inf")
    return beta


def _read_out_noise(network: PhaseNetwork, z: ComplexArray, names: Sequence[str]) -> float:
    """|d2E/dtheta dp| of the mean over samples: rms length of the noise of one radian per phase.

    Only free oscillators are read. The raw frequencies of a floating part lose their mean, and so
    does their noise.
    """
    free = np.zeros(network.n)
    free[network.free] = 1.0
    found = sensitivity(network, z, names)
    trace = (found.own * free).sum(axis=1) + found.pairs @ free[found.edges].sum(axis=0)
    if "frequency" in names:
        trace -= network.parts.max(initial=-1) + 1
    return float(np.sqrt(trace.mean() / len(z)))


class Sensitivity(NamedTuple):
    """A A^T, where A = d2E/(dtheta dp): how far noise of the phases moves dE/dp.

    For noise d of the phases, |A^T d|^2 = sum_i own_i d_i^2 + sum_e pairs_e (d_i - d_j)^2.
    """

    own: FloatArray
    """(batch, n)"""
    pairs: FloatArray
    """(batch, edges)"""
    edges: IntArray
    """(2, edges): i < j."""


def sensitivity(network: PhaseNetwork, z: ComplexArray, names: Sequence[str]) -> Sensitivity:
    """A A^T of the named parameters at phasors z (batch, n).

    It holds for noise that leaves held oscillators in place and does not turn floating parts,
    whose fields and second harmonics have no gradient.
    """
    anchored = np.zeros(network.n)
    anchored[network.free] = network.parts[network.free] < 0
    upper = scipy.sparse.coo_array(scipy.sparse.triu(network.coupling, 1))
    i, j = edges = np.stack(upper.coords).astype(np.intp)
    products = z[:, i] * z[:, j].conj()
    turned = np.abs(products) ** 2 if network.is_complex else products.imag**2
    own = np.zeros(z.shape)
    if "frequency" in names:
        own[:, network.free] += 1.0
    if "field" in names:
        own += anchored
    if "second_harmonic" in names:
        own += anchored * (z**2).imag ** 2
    return Sensitivity(own, turned if "coupling" in names else np.zeros_like(turned), edges)
