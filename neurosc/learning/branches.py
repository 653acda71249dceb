"""Whether the equilibria under two nudges lie on one branch, or in different minima."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from neurosc.ideal import Ideal
from neurosc.ideal.feedback import frozen_torque
from neurosc.ideal.sweeps import Sweeps
from neurosc.learning.energy_model import Rest
from neurosc.learning.phase_model import PhaseModel
from neurosc.network import FloatArray, wrap
from neurosc.substrate import Nudge, Status

FAR = 0.5
"""Radians that a phase may move before energies are asked whether a nudge can do that."""
ROUNDING = 1e-9
"""Of an energy, relative; far below any barrier."""


def descends_exactly(on: object) -> bool:
    """Whether a substrate finds equilibria of the network's own energy, without noise or time."""
    return isinstance(on, Sweeps) or (
        isinstance(on, Ideal)
        and on.method != "steps"
        and not on.noise
        and on.interaction is None
        and on.delay_steps is None
    )


def told_of_jumps(
    model: PhaseModel, x: npt.ArrayLike | None, beta: float, one: Rest, nudge: Nudge, other: Rest
) -> Rest:
    """The other rest, UNSTABLE where it lies in another minimum than the one before.

    Along a branch of equilibria theta(b) of E + b C, dE = -b dC and dC/db <= 0. From b_1 to a
    larger b_2, with D = C(theta(b_1)) - C(theta(b_2)), therefore

        b_1 D <= E(theta(b_2)) - E(theta(b_1)) <= b_2 D,

    whatever the size of the b. A jump breaks this, unless the energies of the two minima differ by
    less than b D, which a nudge may bridge. On substrates other than ideal ones nothing is told:
    they have another energy, and noise.

    Parameters
    ----------
    model, x
        The network on its substrate, and its samples.
    beta, one
        Strength of the nudge, 0 for none, and rest of the first relaxation.
    nudge, other
        Those of the second one.
    """
    if not descends_exactly(model.on):
        return other
    way = model.network.relative(other.state) - model.network.relative(one.state)
    far = np.abs(wrap(way)).max(axis=1, initial=0.0) > FAR
    if not far.any():
        return other
    ends = [one.state, one.state + wrap(other.state - one.state)]
    energy = [_energy(model, x, phases) for phases in ends]
    cost = [_cost(model, nudge, phases) for phases in ends]
    betas = (beta, nudge.beta)
    low, high = np.argsort(betas)
    lent, saved = energy[high] - energy[low], cost[low] - cost[high]
    slack = ROUNDING * (1 + np.abs(energy).max(axis=0))
    pays = (lent <= betas[high] * saved + slack) & (lent >= betas[low] * saved - slack)
    status = np.where(far & ~pays & other.locked, Status.UNSTABLE, other.status)
    return other._replace(status=status.astype(np.int8))


def _energy(model: PhaseModel, x: npt.ArrayLike | None, phases: FloatArray) -> FloatArray:
    """E (batch,) in the co-rotating frame, where turning a floating part changes nothing."""
    mean = model.network.part_mean(model.network.encode(x, len(phases)).frequency)
    return np.asarray(model.energy(phases, x) + (mean * phases).sum(axis=1))


def _cost(model: PhaseModel, nudge: Nudge, phases: FloatArray) -> FloatArray:
    """What a nudge adds to the energy, for a strength of 1, (batch,)."""
    if nudge.at is None:
        return nudge.cost.value(model.seen(phases), nudge.target)
    unit = dataclasses.replace(nudge, beta=1.0)
    return np.asarray(-(frozen_torque(model.network, unit, len(phases)) * phases).sum(axis=1))
