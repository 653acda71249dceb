"""Couplings in which patterns of phasors are stored: Hebb's sum, and what two phases make of it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neurosc.network import ComplexArray

if TYPE_CHECKING:
    from neurosc.phasor.memory import AssociativeMemory

STORED = 0.99
"""Mean overlap of patterns with their rests from which on a loss is no failure."""


def hebbian_coupling(patterns: ComplexArray, active: float) -> ComplexArray:
    """J = sum_k p_k p_k^H / active without its diagonal, Hermitian to the last bit."""
    found = patterns.T @ patterns.conj() / active
    np.fill_diagonal(found, 0)
    return np.asarray(0.5 * (found + found.conj().T))


def learned_coupling(
    memory: AssociativeMemory, *, epochs: int, rate: float, sweeps: int
) -> ComplexArray:
    """J after `epochs` of clamped minus free phases; see `AssociativeMemory.learned`."""
    if min(epochs, sweeps) < 1 or epochs % 1:
        raise ValueError(f"epochs, sweeps: {epochs}, {sweeps}; give whole numbers from 1 on")
    if not 0 < rate < math.inf:
        raise ValueError(f"learning_rate: {rate} is no rate; give one above 0")
    p, before, kept = memory.patterns, _kept(memory, sweeps), memory
    for _ in range(epochs):
        z = kept.recall(p, sweeps=sweeps, tolerance=1e-3).state
        step = rate / p.shape[1] * (p.T @ p.conj() - z.T @ z.conj())
        np.fill_diagonal(step, 0)
        kept = dataclasses.replace(kept, coupling=kept.matrix() + step)
    after = _kept(kept, sweeps)
    if after < min(before, STORED):
        raise ValueError(
            f"learning_rate: at {rate} patterns overlap {after:.2f} with their rests, and "
            f"{before:.2f} before they were learned; give a lower rate, or fewer patterns"
        )
    return kept.matrix()


def _kept(memory: AssociativeMemory, sweeps: int) -> float:
    """Mean overlap of patterns with where they come to rest."""
    found = memory.recall(memory.patterns, sweeps=sweeps, tolerance=1e-3)
    return float(np.diag(found.overlap).mean())


def checked_coupling(coupling: npt.ArrayLike, size: int) -> ComplexArray:
    """A read-only copy, Hermitian to the last bit."""
    found = np.array(coupling, dtype=np.complex128)
    square = found.shape == (size, size)
    if not square or not np.allclose(found, found.conj().T) or found.diagonal().any():
        raise ValueError(
            f"coupling: shape {found.shape}; give a Hermitian ({size}, {size}) with zero diagonal"
        )
    found = 0.5 * (found + found.conj().T)
    found.flags.writeable = False
    return np.asarray(found)


def refuse_silent(patterns: ComplexArray, else_: str) -> None:
    """`else_` is the remedy beside dense patterns."""
    if not patterns.all():
        raise ValueError(
            "patterns: some units are silent, and oscillators are not; give dense patterns, or "
            f"{else_}"
        )
