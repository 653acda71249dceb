"""Fast phasors that a slow clock gates: many memories in one, a slot of slow phase for each."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.network import ComplexArray, FloatArray, IntArray
from neurosc.phasor.algebra import bind, unbind
from neurosc.phasor.memory import AssociativeMemory, Recall
from neurosc.randomness import RNG, stream


def slot_harmonics(slots: int, size: int, *, rng: RNG = None) -> IntArray:
    """n_i, from 0 to `slots` - 1, each as often as the others up to one, on random units (size,).

    Slots then are orthogonal: mean_i e^{2 pi i n_i s / slots} is 0 for s = 1 to `slots` - 1, if
    `slots` divides `size`.
    """
    if not 1 <= slots <= size:
        raise ValueError(f"slots: {slots} for {size} units; give 1 or more, and no more than units")
    return stream(rng, "harmonics").permutation(np.arange(size, dtype=np.intp) % slots)


@dataclasses.dataclass(frozen=True, eq=False)
class NestedMemory:
    """Fast oscillators at w + n_i W, whose phases mean something against a slow clock psi = W t.

    Unit i is mixed with the n_i-th harmonic of the clock. What is read of it, z_i, and what the
    couplings see, q_i, are

        q = z c(psi),   c_i(psi) = e^{i n_i psi},

    so that a pattern p kept at the slow phase psi_k is the pattern p c(psi_k) of one associative
    memory of q. At another slow phase it takes part with the share

        g(psi - psi_k) = |mean_i e^{i n_i (psi - psi_k)}|,

    the gate. Harmonics of -1, 0 and 1 on a quarter, half and quarter of the units would gate by
    (1 + cos)/2; those of `slot_harmonics` shut all slots but one. Without a clock, n = 0, all
    patterns are always present, as in a memory of a single frequency.

    Parameters
    ----------
    memory
        Of the patterns q, as `store` makes it.
    harmonics
        n_i, whole numbers, (size,).

    Raises
    ------
    ValueError, TypeError
        For harmonics that are not one whole number for each unit.

    Notes
    -----
    The product is vector-symbolic binding, `bind`, with powers of one symbol. It takes oscillators
    of another frequency: two signals at w have a product at 0 and 2 w, and none at w.

    Source: slow phase as a place in a sequence, Lisman, Idiart, Science 267, 1512 (1995); binding
    with powers, Plate, Holographic Reduced Representations (2003).
    """

    memory: AssociativeMemory
    harmonics: IntArray

    def __post_init__(self) -> None:
        given, size = np.asarray(self.harmonics), self.memory.patterns.shape[1]
        if given.dtype.kind not in "iu":
            raise TypeError(f"harmonics: expected whole numbers, not {given.dtype}; round them")
        if given.shape != (size,):
            raise ValueError(f"harmonics: shape {given.shape}; give one for each of {size} units")
        own = np.array(given, dtype=np.intp)
        own.flags.writeable = False
        object.__setattr__(self, "harmonics", own)

    @classmethod
    def store(
        cls,
        patterns: npt.ArrayLike,
        phases: npt.ArrayLike,
        harmonics: npt.ArrayLike,
        **settings: Any,
    ) -> NestedMemory:
        """Keep each pattern at its slow phase, by Hebb's sum.

        Parameters
        ----------
        patterns
            p, complex, (patterns, size), of modulus 0 or 1.
        phases
            psi_k, radians, (patterns,). Slot s of m is at 2 pi s / m.
        harmonics
            n_i, (size,).
        settings
            Further arguments of `AssociativeMemory`.
        """
        p, n = np.asarray(patterns, dtype=np.complex128), np.asarray(harmonics)
        psi = np.asarray(phases, dtype=np.float64)
        if p.ndim != 2 or psi.shape != p.shape[:1] or not np.isfinite(psi).all():
            raise ValueError(
                f"phases: shape {psi.shape} for patterns {p.shape}; give a finite one for each"
            )
        return cls(AssociativeMemory(bind(p, _turn(n, psi)), **settings), n)

    def learned(self, **settings: Any) -> NestedMemory:
        """The same patterns, stored by learning in two phases; see `AssociativeMemory.learned`."""
        return dataclasses.replace(self, memory=self.memory.learned(**settings))

    def carrier(self, phase: npt.ArrayLike) -> ComplexArray:
        """c(psi), (..., size), at slow phases (...), radians."""
        return _turn(self.harmonics, np.asarray(phase, dtype=np.float64))

    def gate(self, phase: npt.ArrayLike) -> FloatArray:
        """g, (...), at distances (...) of slow phase, radians; 1 at 0."""
        return np.asarray(np.abs(self.carrier(phase).mean(axis=-1)))

    def recall(self, cue: npt.ArrayLike, phase: npt.ArrayLike, **settings: Any) -> Recall:
        """Let cues relax at slow phases; the clock stands still meanwhile.

        Parameters
        ----------
        cue
            Phasors z, 0 where nothing is known, (batch, size) or (size,).
        phase
            psi, radians, a scalar or one for each cue; a single cue may meet many.
        settings
            Further arguments of `AssociativeMemory.recall`.

        Returns
        -------
        Recall
            `state` is z again. `overlap` is that of q: with each pattern in its own slot.
        """
        c = self.carrier(np.atleast_1d(phase))
        found = self.memory.recall(bind(np.asarray(cue), c), **settings)
        return found._replace(state=unbind(found.state, c))

    def play(self, cue: npt.ArrayLike, phases: npt.ArrayLike) -> ComplexArray:
        """What the memory says while the clock runs and the cue is held.

        The fast units take one sweep at each slow phase and keep what they are, q, to the next, so
        the slower the clock, the nearer each state is to its rest.

        Parameters
        ----------
        cue
            Phasors z, (size,), held where they are not 0.
        phases
            psi, radians, (sweeps,), in the order of time.

        Returns
        -------
        ndarray, shape (sweeps, size)
            z.
        """
        z, c = np.asarray(cue, dtype=np.complex128), self.carrier(phases)
        if z.ndim != 1 or c.ndim != 2:
            raise ValueError(
                f"cue, phases: shapes {z.shape} and {np.shape(phases)}; give (size,) and (sweeps,)"
            )
        q, states = np.zeros_like(z), []
        for now in c:
            held = np.where(z == 0, q, z * now)
            q = np.where(z == 0, self.memory.recall(held, sweeps=1).state[0], z * now)
            states.append(unbind(q, now))
        return np.array(states)


def _turn(harmonics: npt.NDArray[Any], phase: FloatArray) -> ComplexArray:
    return np.asarray(np.exp(1j * phase[..., None] * harmonics))
