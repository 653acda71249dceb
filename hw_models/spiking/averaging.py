"""How long to average noisy oscillators, so that a two-phase gradient is worth something.

The phase of a noisy oscillator diffuses, and the network pulls it back: around a stable
equilibrium with Hessian H = sum_k lambda_k u_k u_k^T the modes are independent Ornstein-Uhlenbeck
processes. One cycle is eps units of the network's time, so mode k decays at a_k = eps lambda_k
per cycle. A noise of `sigma` radians per sqrt(cycle) is D = sigma^2 / (2 eps) in `Ideal(noise=D)`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.ideal.hessians import hessians
from neurosc.ideal.reduction import reduce
from neurosc.learning.gradient import Parameter, learnable, of_states
from neurosc.learning.implicit import implicit_gradient
from neurosc.learning.nudge_strength import (
    EXACT,
    Sensitivity,
    check_readable,
    expected_angle,
    sensitivity,
)
from neurosc.learning.two_phase import Scheme
from neurosc.network import FloatArray, PhaseNetwork, phasors
from neurosc.substrate import Nudge

LONGEST = 1_000_000
"""Most cycles of averaging that are suggested."""
SHORT = 1e-4
"""Share of a decay time below which the variance of an average is a series: it would cancel."""


def averaged_variance(decay: npt.ArrayLike, noise: float, cycles: float) -> FloatArray:
    """v = (sigma^2 / 2a) 2 (n a - 1 + e^{-n a}) / (n a)^2: of an average over n cycles.

    Parameters
    ----------
    decay
        a > 0: how fast a mode forgets, per cycle.
    noise
        sigma, radians per sqrt(cycle).
    cycles
        n > 0. The average is over all of the time; one reading a cycle instead adds a^2/12 of v
        for n a >> 1.

    Returns
    -------
    ndarray
        rad^2, of the shape of `decay`: sigma^2 / 2a for short averages, sigma^2 / (n a^2) for long.

    Notes
    -----
    Source: the stationary autocovariance (sigma^2 / 2a) e^{-a |t|}, integrated twice over (0, n).
    """
    a = np.asarray(decay, dtype=np.float64)
    span = cycles * a
    long = np.maximum(span, SHORT)
    share = np.where(span < SHORT, 1 - span / 3, 2 * (long + np.expm1(-long)) / long**2)
    return np.asarray(noise**2 / (2 * a) * share)


def phase_errors(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    *,
    eps: float,
    noise: float,
    cycles: float,
) -> FloatArray:
    """Standard errors of phases that are averaged over some cycles at the free equilibrium.

    With v_k the `averaged_variance` of mode k,

        error_i^2 = sum_k v_k u_ik^2

    Parameters
    ----------
    network, x
        The network and samples (batch, inputs); None for a network without inputs.
    eps
        Units of network time per cycle.
    noise
        sigma of every free oscillator, radians per sqrt(cycle). Held ones have none.
    cycles
        Over which a phase is averaged.

    Returns
    -------
    ndarray
        Radians, (batch, n), of the phases of a `Relaxation`: zero for what is held, and for
        floating parts against their reference or mean.

    Raises
    ------
    ValueError
        For numbers out of range.
    RelaxationError
        If a sample does not lock.

    Notes
    -----
    First order in the noise: good for errors well below a radian. Source: fluctuations of the
    linearised network; Gardiner, Handbook of Stochastic Methods (1985), section 4.4.
    """
    _check(eps=eps, noise=noise, cycles=cycles)
    phases = EXACT.relax(network, x).raise_for_status().phases
    decay, shapes = _modes(network, x, None, phases)
    seen = _from_reference(network, shapes)
    variance = averaged_variance(eps * decay, noise, cycles)
    return np.asarray(np.sqrt((variance[:, :, None] * seen**2).sum(axis=1)))


def expected_cosine(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike | None = None,
    *,
    cost: Cost,
    beta: float,
    eps: float,
    noise: float,
    cycles: float,
    jitter: float = 0.0,
    scheme: Scheme = "symmetric",
    frozen: bool = False,
    learn: Sequence[Parameter] | None = None,
) -> float:
    """Cosine between the gradient out of noisy, averaged relaxations and the exact one.

    With e the two-phase gradient without noise, g the exact one, B samples, weights w_r of the
    relaxations, their modes u_k and `averaged_variance` v_k, and A = d2E/(dtheta dp),

        cosine = g.e / (|g| sqrt(|e|^2 + s^2)),  s^2 = sum_r w_r^2 sum_b sum_k v_k |A^T u_k|^2 / B^2

    For the frequencies of an anchored network, one sample and a small beta this is

        cosine = 1 / sqrt(1 + c sum_k v_k / (beta |g|)^2),  c = 2 one-sided, 1/2 symmetric

    so that .95 needs beta |g| >= 4.3 (one-sided) or 2.1 (symmetric) times sqrt(sum_k v_k).

    Parameters
    ----------
    network, x, y
        The network and the batch whose mean gradient is measured.
    cost
        The cost on the output phases.
    beta
        Strength of the nudge.
    eps
        Units of network time per cycle.
    noise
        sigma of every free oscillator, radians per sqrt(cycle). Held ones have none.
    cycles
        Over which the phases of each relaxation are averaged, once it has settled.
    jitter
        Of spike times, periods. It blurs the reading, and neighbours follow the pulses: to v_k
        it adds (2 pi jitter)^2 (1/n + (S_k - 1) a_k^2 v_k / sigma^2) with
        S_k = |diag(H) u_k|^2 / lambda_k^2. The modes, which jitter correlates, are taken as
        independent.
    scheme
        `"symmetric"` or `"one-sided"`.
    frozen
        Of the nudge, as in `two_phase_gradient`: the bias of a large beta is another.
    learn
        The parameters whose gradient counts; as in `fit` unless given.

    Raises
    ------
    ValueError
        For numbers out of range, a scheme without read-out, and a cost that exerts no torque.
    RelaxationError
        If a sample does not lock in one of the relaxations.

    Notes
    -----
    First order in the noise, which is independent between relaxations and samples; that of the
    state at which a nudge is frozen is of the order of beta smaller, and left out. As in
    `suggest_beta`, all of it counts as across the gradient: pessimistic for few parameters.
    Source: propagation of errors.
    """
    _check(eps=eps, noise=noise, cycles=cycles, jitter=jitter)
    pair = _measure(network, x, Nudge(cost, y, beta), scheme, frozen, learn)
    return pair.cosine(eps, noise, cycles, jitter)


def suggest_cycles(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike | None = None,
    *,
    cost: Cost,
    beta: float,
    eps: float,
    noise: float,
    cosine: float = 0.95,
    jitter: float = 0.0,
    scheme: Scheme = "symmetric",
    frozen: bool = False,
    learn: Sequence[Parameter] | None = None,
) -> int:
    """The fewest cycles of averaging per relaxation whose `expected_cosine` reaches `cosine`.

    Time to settle is not in it: about 3.5 / (eps lambda_2) cycles before the averaging starts.

    Parameters
    ----------
    network, x, y, cost, beta, eps, noise, jitter, scheme, frozen, learn
        As in `expected_cosine`.
    cosine
        Between 0 and 1.

    Raises
    ------
    ValueError
        If no average reaches it because of the bias of beta, or only one of more than 1e6 cycles;
        and as `expected_cosine`.
    RelaxationError
        If a sample does not lock in one of the relaxations.
    """
    _check(eps=eps, noise=noise, jitter=jitter)
    if not 0 < cosine < 1:
        raise ValueError(f"cosine: {cosine} is no aim; give a number between 0 and 1, such as 0.95")
    pair = _measure(network, x, Nudge(cost, y, beta), scheme, frozen, learn)
    if (best := pair.cosine(eps, 0.0, 1)) < cosine:
        raise ValueError(
            f"cosine: beta = {beta:g} reaches {best:.3g} even without noise, less than {cosine:g}; "
            "lower beta, or cosine="
        )
    if (best := pair.cosine(eps, noise, LONGEST, jitter)) < cosine:
        raise ValueError(
            f"cosine: {cosine:g} takes more than {LONGEST:,} cycles of averaging, which reach "
            f"{best:.3g}; raise beta, lower noise, or average over more samples"
        )
    low, high = 0, LONGEST
    while high - low > 1:
        middle = (low + high) // 2
        enough = pair.cosine(eps, noise, middle, jitter) >= cosine
        low, high = (low, middle) if enough else (middle, high)
    return high


@dataclasses.dataclass(frozen=True, eq=False)
class _Measured:
    """A gradient out of two relaxations, and how noise of the modes enters it."""

    exact: FloatArray
    noiseless: FloatArray
    decay: FloatArray
    """lambda of each mode of each sample and relaxation."""
    stiffness: FloatArray
    """S = |diag(H) u|^2 / lambda^2 of each: what jitter does to long averages, over the blur."""
    power: FloatArray
    """w^2 |A^T u|^2 / B^2 of each: noise power in the gradient per variance of the mode."""

    def cosine(self, eps: float, noise: float, cycles: float, jitter: float = 0.0) -> float:
        variance = averaged_variance(eps * self.decay, noise, cycles)
        follows = (eps * self.decay) ** 2 * averaged_variance(eps * self.decay, 1.0, cycles)
        blur = 1 / cycles + follows * (self.stiffness - 1)
        variance = variance + (2 * np.pi * jitter) ** 2 * blur
        spread = float(np.sqrt(variance @ self.power))
        return float(np.cos(expected_angle(self.exact, self.noiseless, spread)))


def _measure(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    nudge: Nudge,
    scheme: Scheme,
    frozen: bool,
    learn: Sequence[Parameter] | None,
) -> _Measured:
    check_readable(scheme)
    if nudge.beta == 0:
        raise ValueError("beta: 0 makes no nudge; give a finite number other than 0")
    names = learnable(network, learn)
    exact = implicit_gradient(network, x, nudge.target, cost=nudge.cost, on=EXACT).vector(*names)
    if not exact.any():
        raise ValueError(
            "cost: exerts no torque on these samples, so there is no gradient to measure; give "
            "samples that do not meet their targets yet"
        )
    start = EXACT.relax(network, x).raise_for_status().phases
    up = dataclasses.replace(nudge, at=start if frozen else None)
    nudges: list[Nudge | None] = [up, dataclasses.replace(up, beta=-nudge.beta)]
    weights = np.array([0.5, -0.5]) / nudge.beta
    if scheme == "one-sided":
        nudges, weights = [None, up], np.array([-1.0, 1.0]) / nudge.beta
    amplitude = network.encode(x, len(start)).amplitude
    states, decays, stiff, powers = [], [], [], []
    for own, weight in zip(nudges, weights, strict=True):
        phases = EXACT.relax(network, x, nudge=own, start=start).raise_for_status().phases
        decay, shapes = _modes(network, x, own, phases)
        power = _power(sensitivity(network, phasors(phases, amplitude), names), shapes)
        states.append(phases)
        decays.append(decay.ravel())
        diagonal = (decay[:, :, None] * shapes**2).sum(axis=1, keepdims=True)
        stiff.append((((diagonal * shapes) ** 2).sum(axis=2) / decay**2).ravel())
        powers.append((weight / len(phases)) ** 2 * power.ravel())
    noiseless = of_states(
        network, np.stack(states), weights, amplitude, loss=float("nan"), unlocked=0
    )
    each = (np.concatenate(values) for values in (decays, stiff, powers))
    return _Measured(exact, noiseless.vector(*names), *each)


def _modes(
    network: PhaseNetwork, x: npt.ArrayLike | None, nudge: Nudge | None, phases: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """lambda_k (batch, modes) of E + beta C, and u_k (batch, modes, n).

    u is zero where nothing moves. What it has of the rotation of a floating part is taken out.
    """
    free = network.free
    moving = np.ascontiguousarray(phases[:, free])
    each = hessians(reduce(network, x, nudge), moving, np.arange(len(phases)))
    decay, columns = np.linalg.eigh(each, UPLO="L")
    shapes = np.zeros((len(phases), free.size, network.n))
    shapes[:, :, free] = columns.transpose(0, 2, 1)
    return decay, network.co_rotating(shapes)


def _from_reference(network: PhaseNetwork, shapes: FloatArray) -> FloatArray:
    """Modes (batch, modes, n) as they show in the phases of a `Relaxation`."""
    if network.centred:
        return shapes
    zero = np.where(network.parts >= 0, shapes[..., np.maximum(network.frame, 0)], 0.0)
    return np.asarray(shapes - zero)


def _power(found: Sensitivity, shapes: FloatArray) -> FloatArray:
    """|A^T u_k|^2 of each sample and mode, (batch, modes)."""
    power = np.empty(shapes.shape[:2])
    between = np.zeros((shapes.shape[2],) * 2)
    for b, modes in enumerate(shapes):
        between[tuple(found.edges)] = found.pairs[b]
        both = between + between.T
        product = np.diag(found.own[b] + both.sum(axis=1)) - both
        power[b] = ((modes @ product) * modes).sum(axis=1)
    return power


def _check(*, eps: float, noise: float, cycles: float = 1.0, jitter: float = 0.0) -> None:
    if not 0 < eps < np.inf:
        raise ValueError(f"eps: {eps} is not a positive number; give network time per cycle")
    if not 0 <= noise < np.inf:
        raise ValueError(f"noise: {noise} is no noise; give radians per sqrt(cycle), 0 or more")
    if not 0 <= jitter < np.inf:
        raise ValueError(f"jitter: {jitter} is no jitter; give periods, 0 or more")
    if not 0 < cycles < np.inf:
        raise ValueError(f"cycles: {cycles} average nothing; give a positive number")
