"""Threshold phasor associative memory: patterns of phases as equilibria of one network."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.network import ComplexArray, FloatArray, PhaseNetwork, phasors
from neurosc.phasor.storage import (
    checked_coupling,
    hebbian_coupling,
    learned_coupling,
    refuse_silent,
)
from neurosc.randomness import RNG, stream
from neurosc.substrate import Substrate, a_substrate

Threshold = Literal["adaptive", "fixed"]


def random_patterns(
    count: int, size: int, *, active: int | None = None, rng: RNG = None
) -> ComplexArray:
    """Patterns (count, size) of uniform phases; `active` units of each, by default all, the
    others silent.

    Raises
    ------
    ValueError
        For counts that do not fit.
    """
    active = size if active is None else active
    if count < 1 or not 1 <= active <= size:
        raise ValueError(
            f"count, size, active: {count} patterns with {active} of {size} units; give at least "
            "one of each, and no more active units than there are"
        )
    draw = stream(rng, "patterns")
    z = np.exp(2j * np.pi * draw.random((count, size)))
    rank = draw.random((count, size)).argsort(axis=1).argsort(axis=1)
    return np.asarray(np.where(rank < active, z, 0))


class Recall(NamedTuple):
    """What a memory makes of cues."""

    state: ComplexArray
    """(batch, size); silent units are 0."""
    overlap: FloatArray
    """|p_k^H z| / (|p_k| |z|) with each pattern, (batch, patterns): 1 for the pattern itself."""
    settled: npt.NDArray[np.bool_]
    """Whether the state came to rest, (batch,)."""


@dataclasses.dataclass(frozen=True, eq=False)
class AssociativeMemory:
    """Patterns stored in J = sum_k p_k p_k^H / a without its diagonal, read from parts of them.

    A unit turns to z_i = u_i / |u_i| of u = J z where |u_i| exceeds a threshold, and is silent
    otherwise. a is the mean number of active units, so that in a pattern |u_i| is about 1.

    Parameters
    ----------
    patterns
        Complex, (patterns, size); each entry of modulus 0 or 1.
    threshold
        Theta, in [0, 1). Without silent units in the patterns 0 is of use.
    kind
        - `"fixed"`: Theta itself; it must lie below the share of a pattern that a cue has left;
        - `"adaptive"`: Theta times the number of active units by a, as global inhibition gives it.
    coupling
        J, (size, size), Hermitian with zero diagonal, as `learned` returns it; by default that of
        the sum above.

    Raises
    ------
    ValueError
        For patterns of other moduli, empty ones, a threshold out of range, and another coupling.

    Notes
    -----
    Source: Frady, Sommer, PNAS 116, 18050 (2019); dense: Cook, J. Phys. A 22, 2057 (1989).
    """

    patterns: ComplexArray
    threshold: float = 0.0
    kind: Threshold = "adaptive"
    coupling: ComplexArray | None = None

    def __post_init__(self) -> None:
        p = np.array(self.patterns, dtype=np.complex128)
        size = np.abs(p)
        if (
            p.ndim != 2
            or len(p) == 0
            or not (np.isclose(size, 1) | (size == 0)).all()
            or not size.any(axis=1).all()
        ):
            raise ValueError(
                f"patterns: shape {p.shape}; give (patterns, size) of phasors, one or more, "
                "silent units 0, and none that is silent as a whole"
            )
        if not 0 <= self.threshold < 1:
            raise ValueError(f"threshold: {self.threshold} is outside [0, 1); give a share of |u|")
        if self.kind not in ("adaptive", "fixed"):
            raise ValueError(f'kind: {self.kind!r} is unknown; use "adaptive" or "fixed"')
        p.flags.writeable = False
        object.__setattr__(self, "patterns", p)
        if self.coupling is not None:
            object.__setattr__(self, "coupling", checked_coupling(self.coupling, p.shape[1]))

    @property
    def active(self) -> float:
        """a, the mean number of active units of a pattern."""
        return float(np.count_nonzero(self.patterns)) / len(self.patterns)

    def pull(self, z: ComplexArray) -> ComplexArray:
        """u = J z for states (..., size), without a `coupling` in time of patterns x size."""
        if self.coupling is not None:
            return np.asarray(z @ self.coupling.T)
        own = np.count_nonzero(self.patterns, axis=0) * z
        return np.asarray(((z @ self.patterns.conj().T) @ self.patterns - own) / self.active)

    def learned(
        self, *, epochs: int = 60, learning_rate: float = 0.05, sweeps: int = 30
    ) -> AssociativeMemory:
        """The same patterns, stored by learning in two phases instead of Hebb's sum alone.

        In each epoch, from the J that the memory has, with z_k the rest of the free network that
        started from p_k,

            J <- J + learning_rate sum_k (p_k p_k^H - z_k z_k^H) / size,   J_ii = 0.

        No error is propagated. J stays Hermitian, and rests where every pattern does.

        Parameters
        ----------
        epochs
            Passes through all patterns.
        learning_rate
            Above 0. Of six draws of 40 random patterns on 200 units .05 learned all, .1 lost two.
        sweeps
            At most, of a free relaxation.

        Raises
        ------
        ValueError
            For patterns with silent units, for counts or a rate that are not positive, and for a
            rate at which patterns end farther from their rests than they began.

        Notes
        -----
        The first phase is the limit of a strong nudge: the rest under E + beta C, with
        E = -z^H J z / 2 and C = -|p_k^H z|^2 / (2 size), goes to p_k (up to a common phase) as beta
        goes to infinity. All units being clamped, it needs no sweeps.

        Random patterns on 200 units, 300 epochs at .01: 50 keep overlaps of .8, 60 of .4.

        Source: contrastive Hebbian learning, Movellan, Connectionist Models Summer School (1991).
        """
        refuse_silent(self.patterns, "store them by Hebb alone")
        found = learned_coupling(self, epochs=epochs, rate=learning_rate, sweeps=sweeps)
        return dataclasses.replace(self, coupling=found)

    def matrix(self) -> ComplexArray:
        """J, (size, size)."""
        if self.coupling is None:
            return hebbian_coupling(self.patterns, self.active)
        return self.coupling

    def recall(self, cue: npt.ArrayLike, *, sweeps: int = 300, tolerance: float = 1e-6) -> Recall:
        """Let cues (batch, size) relax, all units at a time.

        Parameters
        ----------
        cue
            Phasors, 0 where nothing is known.
        sweeps
            At most.
        tolerance
            Largest change of a unit in a sweep that counts as rest.
        """
        if sweeps < 1:
            raise ValueError(f"sweeps: {sweeps} leaves the cues as they are; give 1 or more")
        z = self._cues(cue)
        settled = np.zeros(len(z), dtype=bool)
        for _ in range(sweeps):
            going = np.flatnonzero(~settled)
            if going.size == 0:
                break
            new = self._turn(z[going])
            settled[going] = np.abs(new - z[going]).max(axis=1) < tolerance
            z[going] = new
        return Recall(z, self.overlap(z), settled)

    def _cues(self, cue: npt.ArrayLike) -> ComplexArray:
        given = np.asarray(cue)
        if given.dtype.kind not in "fciub":
            raise TypeError(f"cue: expected phasors, not {given.dtype}; give complex numbers")
        z = np.array(np.atleast_2d(given), dtype=np.complex128)
        if z.ndim != 2 or z.shape[1] != self.patterns.shape[1]:
            raise ValueError(f"cue: shape {given.shape}; give (batch, {self.patterns.shape[1]})")
        if not np.isfinite(z).all():
            raise ValueError("cue: has entries that are not finite; give 0 where nothing is known")
        return z

    def _turn(self, z: ComplexArray) -> ComplexArray:
        u = self.pull(z)
        size = np.abs(u)
        level = np.full((len(z), 1), self.threshold)
        if self.kind == "adaptive":
            level *= np.count_nonzero(z, axis=1)[:, None] / self.active
        return np.asarray(np.divide(u, size, out=np.zeros_like(u), where=size > level))

    def recall_on(
        self, on: Substrate, cue: npt.ArrayLike, *, rng: RNG = None
    ) -> tuple[Recall, npt.NDArray[np.int8]]:
        """Let cues relax as oscillators of `to_network()` on a substrate; dense patterns only.

        Unknown units start at phase 0. The status of each sample is that of its `Relaxation`.
        """
        network = self.to_network()
        z = self._cues(cue)
        found = a_substrate(on).relax(network, None, start=np.angle(z), rng=rng)
        if found.phases.ndim != 2:
            raise ValueError("on: several chips relax at once; recall on one, such as chips[0]")
        state = phasors(found.phases)
        return Recall(state, self.overlap(state), found.locked), found.status

    def overlap(self, z: ComplexArray) -> FloatArray:
        """|p_k^H z| / (|p_k| |z|), (batch, patterns); 0 for silence."""
        norms = np.linalg.norm(z, axis=1)[:, None] * np.linalg.norm(self.patterns, axis=1)
        found = np.abs(z @ self.patterns.conj().T)
        return np.asarray(np.divide(found, norms, out=np.zeros_like(found), where=norms > 0))

    def to_network(self) -> PhaseNetwork:
        """Oscillators coupled by J, without inputs; phases are relative to the first.

        Raises
        ------
        ValueError
            For patterns with silent units: an oscillator cannot fall silent.
        """
        refuse_silent(self.patterns, "use recall")
        coupling = self.matrix()
        return PhaseNetwork(coupling, outputs=range(1, len(coupling)))


def mean_field_overlap(load: float) -> float:
    """The overlap m of dense recall with its pattern, for many units and load = patterns / size.

    Signal m and crosstalk of variance s^2 make u; with x = m/s and scaled Bessel functions
    e_k(y) = e^{-y} I_k(y) at y = x^2/2,

        m = sqrt(pi)/2 x (e_0 + e_1),   s = sqrt(load) + sqrt(pi)/2 e_0,

    where the second term is how far the crosstalk follows the state. Of two solutions the larger m
    is stable. There is none above a load of .0377: 0 is returned.

    Notes
    -----
    Signal-to-noise analysis of the self-consistent crosstalk; same as the replica-symmetric result
    of Cook, J. Phys. A 22, 2057 (1989).
    """
    from scipy.optimize import brentq
    from scipy.special import ive

    if not 0 <= load < np.inf:
        raise ValueError(f"load: {load} is no load; give patterns / size, 0 or more")
    if load == 0:
        return 1.0

    def m(x: float) -> float:
        return float(np.sqrt(np.pi) / 2 * x * (ive(0, x * x / 2) + ive(1, x * x / 2)))

    def excess(x: float) -> float:
        return m(x) / x - math.sqrt(load) - float(np.sqrt(np.pi) / 2 * ive(0, x * x / 2))

    top = 2 / np.sqrt(load)
    grid = np.linspace(top, 0.5, 2000)
    above = next((k for k, x in enumerate(grid) if excess(float(x)) > 0), None)
    if not above:
        return 0.0
    root = brentq(excess, grid[above], grid[above - 1])
    return m(float(root))
