"""Gradients on substrates that are black boxes, by perturbing all couplings at once."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.coupling_map.dynamics import check_coupling
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.map import networks
from neurosc.coupling_map.slope import CouplingSlope
from neurosc.coupling_map.two_phase import Rests, random_phases, relax_all
from neurosc.ideal import Ideal
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.randomness import RNG, seed_sequence, stream, substream
from neurosc.substrate import Substrate, a_substrate


def spsa_slope(
    coupling: npt.ArrayLike,
    instances: Instances,
    *,
    cost: Cost,
    on: Substrate | None = None,
    perturbation: float,
    pairs: int = 1,
    rng: RNG = None,
) -> CouplingSlope:
    """dC/dK from relaxations alone: simultaneous perturbation, Spall's SPSA.

        dC/dK_ij ~ mean of (C(K + c D) - C(K - c D)) / (4 c D_ij),   D_ij = D_ji = +-1 at random

    over `pairs` draws of D. Both sides relax from the unperturbed rest, with the same noise of the
    substrate. Only couplings that are there, K_ij != 0, are perturbed. The 4 is there because K_ij
    and K_ji are one coupling here, of which each entry gets half.

    Parameters
    ----------
    coupling
        K, shape (batch, n, n), symmetric.
    instances
        The networks. Delays need `on=Ideal("steps", dt=...)`, whose steps they count.
    cost
        Of the phases of all oscillators; one with a target aims at `instances.groups`.
    on
        The substrate; `Ideal()` unless given. 1 + 2 pairs relaxations of each network.
    perturbation
        c, in units of the couplings. The bias is O(c^2); noise of variance s^2 in C adds
        s^2 / (8 c^2 pairs) to the variance of each entry. A tenth of the usual coupling suits a
        substrate without noise, on a noisy one c such that C changes by about s.
    pairs
        Draws of D. The directions of all couplings at once share one number, so that the error,
        as a share of the gradient, is about sqrt(couplings / pairs): small only in the mean over
        many batches.
    rng
        Random starts, D, and random numbers of the substrate.

    Returns
    -------
    CouplingSlope
        Means over those pairs that locked on both sides. Networks without one, or that do not lock
        unperturbed, are not `used`.

    Raises
    ------
    ValueError
        For a perturbation that is not positive, no pairs, couplings that are not symmetric, and
        delays on another substrate.

    Notes
    -----
    Learning converges with rates a / (A + k + 1)^.602 and perturbations c / (k + 1)^.101 at update
    k, A a tenth of all updates. Source: Spall, IEEE Trans. Autom. Control 37:332 (1992), and
    IEEE Trans. Aerosp. Electron. Syst. 34:817 (1998) for the exponents.
    """
    if not 0 < perturbation < np.inf:
        raise ValueError(
            f"perturbation: {perturbation} is not a positive number; give one in units of couplings"
        )
    if pairs < 1:
        raise ValueError(f"pairs: {pairs} leaves nothing to average; give 1 or more")
    pulls, root = check_coupling(coupling, instances), seed_sequence(rng)
    made = networks(pulls, dataclasses.replace(instances, delay_steps=None))
    box = _Box(instances, made, cost, Ideal() if on is None else a_substrate(on), root)
    begin = random_phases(instances.batch, 1, instances.n, root)
    free = box.relax(pulls.copy(), begin, 0)
    rate = np.zeros(pulls.shape)
    locked = np.zeros(instances.batch)
    for pair in range(1, pairs + 1):
        signs = perturbation * _signs(pulls, root, pair)
        up, down = (box.relax(pulls + side * signs, free.phases, pair) for side in (1, -1))
        both = up.locked[:, 0] & down.locked[:, 0] & free.locked[:, 0]
        change = np.where(both, box.losses(up) - box.losses(down), 0.0)
        rate += change[:, None, None] * signs / (4 * perturbation**2)
        locked += both
    slope = rate / np.maximum(locked, 1)[:, None, None]
    return CouplingSlope(slope, box.losses(free), locked > 0)


def _signs(pulls: FloatArray, root: np.random.SeedSequence, pair: int) -> FloatArray:
    """D (batch, n, n): symmetric, +-1 where there is a coupling, else 0."""
    each = []
    for k, own in enumerate(pulls):
        upper = np.triu(stream(root, "perturbation", k, pair).choice([-1.0, 1.0], own.shape), 1)
        each.append((upper + upper.T) * (own != 0))
    return np.stack(each)


@dataclasses.dataclass(frozen=True, eq=False)
class _Box:
    """Couplings in, phases out."""

    instances: Instances
    made: list[PhaseNetwork]
    cost: Cost
    on: Substrate
    root: np.random.SeedSequence

    def relax(self, pulls: FloatArray, begin: FloatArray, pair: int) -> Rests:
        """From `begin` (batch, 1, n), with the noise of that pair."""
        rng, late = substream(self.root, "pair", pair), self.instances.delay_steps
        made = [
            network.with_parameters(coupling=own)
            for network, own in zip(self.made, pulls, strict=True)
        ]
        if late is None or not late.any():
            return relax_all(self.on, made, begin, [None] * len(made), rng)
        if not (isinstance(self.on, Ideal) and self.on.method == "steps"):
            raise ValueError(
                'delay_steps: this substrate has no delays; use on=Ideal("steps", dt=...)'
            )
        each = [
            dataclasses.replace(self.on, delay_steps=late[k]).relax(
                made[k], start=begin[k], rng=substream(rng, "network", k)
            )
            for k in range(len(made))
        ]
        return Rests(np.stack([r.phases for r in each]), np.stack([r.locked for r in each]))

    def losses(self, rests: Rests) -> FloatArray:
        """C, (batch,)."""
        return self.cost.value(rests.phases[:, 0], self.instances.target(self.cost))
