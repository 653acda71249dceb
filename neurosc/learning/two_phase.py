"""The gradient out of two relaxations: no code path differentiates through one."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.ideal import Ideal
from neurosc.learning.gradient import Gradient, correlation, of_raw_parameters
from neurosc.network import PhaseNetwork, phasors, wrap
from neurosc.randomness import RNG, substream
from neurosc.substrate import Nudge, Relaxation, RelaxationError, Status, Substrate

Scheme = Literal["symmetric", "one-sided"]


def two_phase_gradient(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike,
    *,
    cost: Cost,
    beta: float = 0.1,
    scheme: Scheme = "symmetric",
    on: Substrate | None = None,
    rng: RNG = None,
    start: npt.ArrayLike | None = None,
) -> Gradient:
    """dL/dp = [dE/dp(theta_nudged) - dE/dp(theta_other)] / (beta_nudged - beta_other).

    With E of `PhaseNetwork`, dE/dJ_ij = -z_i conj(z_j) per undirected edge, dE/db = -z,
    dE/domega = -theta and dE/ds = -1/2 cos 2 theta.

    Parameters
    ----------
    network
        The network; `x` (batch, inputs) and targets `y` (batch,) or (batch, outputs) its samples.
    cost
        The cost on the output phases.
    beta
        Strength of the nudge, not 0.
    scheme
        - `"symmetric"`: +beta, then -beta from there; error O(beta^2);
        - `"one-sided"`: free, then +beta from there; error O(beta).
    on
        The substrate; `Ideal()` unless given.
    rng
        Random numbers of the substrate; the two relaxations draw from different streams.

    Other arguments
    ---------------
    start
        Phases (batch, n) at which the first relaxation starts.

    Raises
    ------
    RelaxationError
        If no sample locked in both relaxations.
    ValueError
        For a beta of zero and an unknown scheme.

    Notes
    -----
    Source: Scellier, Bengio, Front. Comput. Neurosci. 11:24 (2017); symmetric nudges:
    Laborieux et al., Front. Neurosci. 15:633674 (2021).
    """
    if scheme not in get_args(Scheme):
        raise ValueError(f"scheme: {scheme!r} is unknown; use one of {get_args(Scheme)}")
    if not np.isfinite(beta) or beta == 0:
        raise ValueError(f"beta: {beta} makes no nudge; give a finite number other than 0")
    on = Ideal() if on is None else on
    first_beta, second_beta = (beta, -beta) if scheme == "symmetric" else (0.0, beta)
    first = on.relax(
        network,
        x,
        nudge=Nudge(cost, y, first_beta) if first_beta else None,
        start=start,
        rng=substream(rng, "relaxation", 0),
    )
    if first.phases.ndim != 2:
        raise ValueError("on: several chips relax at once; learn on one, such as chips[0]")
    second = on.relax(
        network,
        x,
        nudge=Nudge(cost, y, second_beta),
        start=first.phases,
        rng=substream(rng, "relaxation", 1),
    )
    return _difference(network, x, y, cost, (first, second), (first_beta, second_beta))


def _difference(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike,
    cost: Cost,
    pair: tuple[Relaxation, Relaxation],
    betas: tuple[float, float],
) -> Gradient:
    first, second = pair
    both = first.locked & second.locked
    if not both.any():
        worst = Status(int(np.maximum(first.status, second.status).max()))
        raise RelaxationError(f"none of the {both.size} samples locked; {worst.message}")
    amplitude = network.encode(x, both.size).amplitude[both]
    a, b = first.phases[both], second.phases[both]
    z_a, z_b = phasors(a, amplitude), phasors(b, amplitude)
    span = betas[1] - betas[0]
    frequency = -wrap(b - a).mean(axis=0) / span
    frequency[np.setdiff1d(np.arange(network.n), network.free)] = 0.0
    coupling = correlation(network, np.concatenate([z_a, -z_b]), np.concatenate([z_a, z_b]))
    targets = np.asarray(y)[both]
    losses = [
        cost.value(network.relative(phases)[:, network.outputs], targets).mean()
        for phases in ((a, b) if betas[0] else (a,))
    ]
    return of_raw_parameters(
        network,
        frequency=frequency,
        coupling=2 * coupling / span,
        field=(z_a - z_b).mean(axis=0) / span,
        second_harmonic=0.5 * (np.cos(2 * a) - np.cos(2 * b)).mean(axis=0) / span,
        loss=float(np.mean(losses)),
        unlocked=int(both.size - both.sum()),
    )
