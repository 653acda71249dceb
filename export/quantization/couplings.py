"""Taps of which the weights are whole multiples of a unit, chosen together."""

from __future__ import annotations

import itertools

import numpy as np

from neurosc.network import FloatArray, IntArray

ROUNDS = 100
"""Improvements of each coupling; a handful is the rule."""


def interaction(gain: FloatArray, delays: IntArray) -> FloatArray:
    """What a tap of weight 1 does to an oscillator that is k steps behind its source.

    The columns of H = basis @ weights, (steps, taps), in steps won per cycle: a spike that has been
    delayed by D arrives D - k + 1 steps after the reset, where the phase gains G.
    """
    steps = gain.size
    return np.asarray(gain[(delays - np.arange(steps)[:, None]) % steps])


def whole_taps(basis: FloatArray, wanted: FloatArray, unit: float, most: int) -> IntArray:
    """Levels l that make H as wanted: the least |basis @ (unit l) - wanted|^2 that moves find.

    Rounding each weight leaves an error of unit/2 in each tap. Errors of the taps of one coupling
    can cancel, as their interactions overlap. So, from the rounded solution, one or two of the
    levels move by 1 as long as that brings H nearer.

    Parameters
    ----------
    basis
        Interaction of each tap, (steps, taps).
    wanted
        Interactions, (couplings, steps).
    unit, most
        Of the weights, and the largest level.

    Returns
    -------
    IntArray
        (couplings, taps).
    """
    gram = basis.T @ basis
    exact = np.linalg.solve(gram, basis.T @ wanted.T).T / unit
    levels = np.clip(np.rint(exact), -most, most)
    moves = _moves(basis.shape[1])
    bend = np.einsum("mt,tu,mu->m", moves, gram, moves)
    for _ in range(ROUNDS):
        gain = 2 * (levels - exact) @ gram @ moves.T + bend
        gain[(np.abs(levels[:, None] + moves) > most).any(axis=2)] = np.inf
        best = gain.argmin(axis=1)
        better = gain[np.arange(len(gain)), best] < -1e-12 * bend.max()
        if not better.any():
            break
        levels[better] += moves[best[better]]
    return np.asarray(levels, dtype=np.intp)


def _moves(taps: int) -> FloatArray:
    """+-1 at one tap or at two, (moves, taps)."""
    single = np.concatenate([np.eye(taps), -np.eye(taps)])
    double = [a + b for a, b in itertools.combinations(single, 2) if (a + b).any()]
    return np.array([*single, *double])
