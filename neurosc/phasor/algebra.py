"""Vector-symbolic algebra on phasors (FHRR): symbols are vectors of random phasors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neurosc.network import ComplexArray, FloatArray, IntArray
from neurosc.phasor.layers import PhasorActivation
from neurosc.randomness import RNG, stream

SETTLED = 1e-6
"""Largest change of a phasor in a sweep of a search that has come to its end."""


def random_symbols(count: int, size: int, *, rng: RNG = None) -> ComplexArray:
    """Symbols (count, size) of uniform random phases.

    Two of them have a similarity of mean 0 and variance 1/(2 size).
    """
    if count < 0 or size < 1:
        raise ValueError(f"count, size: {count} symbols of {size} phasors; give 0 or more of 1 up")
    return np.asarray(np.exp(2j * np.pi * stream(rng, "symbols").random((count, size))))


def bind(*symbols: npt.ArrayLike) -> ComplexArray:
    """z = x y ..., element by element: phases add, and z is similar to none of them."""
    if not symbols:
        raise ValueError("symbols: nothing to bind; give at least one")
    factors = [np.asarray(symbol, dtype=np.complex128) for symbol in symbols]
    try:
        np.broadcast_shapes(*(factor.shape for factor in factors))
    except ValueError:
        raise ValueError(
            f"symbols: shapes {[factor.shape for factor in factors]} do not fit together; give "
            "symbols of the same size"
        ) from None
    return np.asarray(math.prod(factors[1:], start=factors[0]))


def unbind(bound: npt.ArrayLike, symbol: npt.ArrayLike) -> ComplexArray:
    """z conj(y), which gives x back from z = x y exactly."""
    return bind(bound, np.conj(np.asarray(symbol, dtype=np.complex128)))


def bundle(symbols: npt.ArrayLike, axis: int = 0) -> ComplexArray:
    """The phasors of sum_k x_k: similar to each of them.

    Where the sum of m symbols is read with one of them, the mean similarity is about
    sqrt(pi / (4 m)) for large m.
    """
    return PhasorActivation()(np.asarray(symbols, dtype=np.complex128).sum(axis=axis))


def similarity(one: npt.ArrayLike, other: npt.ArrayLike) -> FloatArray:
    """Re <x, y> / size = mean cos(theta_x - theta_y) over the last axis; 1 for the same symbol."""
    x, y = np.asarray(one, dtype=np.complex128), np.asarray(other, dtype=np.complex128)
    if x.ndim == 0 or y.ndim == 0 or x.shape[-1] != y.shape[-1]:
        raise ValueError(
            f"other: shape {y.shape} does not fit {x.shape}; give symbols of the same size"
        )
    return np.asarray((x.conj() * y).real.mean(axis=-1))


def nearest(symbol: npt.ArrayLike, codebook: npt.ArrayLike) -> IntArray:
    """The row (...) of `codebook` (count, size) that is most similar to symbols (..., size).

    Comparing is one way to clean up; `AssociativeMemory` relaxes instead.
    """
    x, rows = np.asarray(symbol, dtype=np.complex128), np.asarray(codebook, dtype=np.complex128)
    if rows.ndim != 2 or x.ndim == 0 or x.shape[-1] != rows.shape[1]:
        raise ValueError(
            f"codebook: shape {rows.shape} does not fit symbols {x.shape}; give (count, size)"
        )
    return np.asarray(np.argmax((x @ rows.conj().T).real, axis=-1), dtype=np.intp)


class ResidueCode:
    """Whole numbers as symbols: z(x) = prod_k g_k^x, where g_k^{m_k} = 1 and moduli are coprime.

    Adding numbers is binding symbols, z(x) z(y) = z(x + y), modulo M = prod m_k. Different numbers
    have nearly orthogonal symbols, so that few moduli, each with a small codebook, span a long
    range.

    Parameters
    ----------
    moduli
        m_k, each 2 or more, coprime in pairs.
    size
        Phasors in a symbol.
    rng
        Random numbers: each phasor of g_k is one of the m_k-th roots of unity.

    Notes
    -----
    Source: Kymn et al., Neural Computation 37 (2025), arXiv 2311.04872.
    """

    def __init__(self, moduli: Sequence[int], size: int, *, rng: RNG = None) -> None:
        self.moduli = tuple(int(m) for m in moduli)
        if not self.moduli or min(self.moduli) < 2 or size < 1:
            raise ValueError(f"moduli: {list(moduli)} for size {size}; give numbers of 2 or more")
        if math.lcm(*self.moduli) != math.prod(self.moduli):
            raise ValueError(f"moduli: {list(moduli)} share a factor; give coprime numbers")
        draw = stream(rng, "residues")
        self.turns = np.stack([draw.integers(0, m, size) for m in self.moduli])
        """Of g_k, in units of 1/m_k of a turn, (moduli, size)."""

    @property
    def range(self) -> int:
        """M, the number of different numbers."""
        return math.prod(self.moduli)

    def residues(self, x: npt.ArrayLike) -> ComplexArray:
        """g_k^x for whole numbers x (...), shape (..., moduli, size)."""
        numbers = np.asarray(x)
        if numbers.dtype.kind not in "iu":
            raise TypeError(f"x: expected whole numbers, not {numbers.dtype}; round them first")
        m = np.array(self.moduli)[:, None]
        turns = (numbers[..., None, None] % m) * self.turns % m / m
        return np.asarray(np.exp(2j * np.pi * turns))

    def encode(self, x: npt.ArrayLike) -> ComplexArray:
        """z(x) for whole numbers x (...), shape (..., size)."""
        return np.asarray(self.residues(x).prod(axis=-2))

    def decode(
        self, symbol: npt.ArrayLike, *, sweeps: int = 50, starts: int = 20, rng: RNG = None
    ) -> IntArray:
        """The number in [0, M) of symbols (..., size), by a resonator.

        All residues are searched at once: each in turn is what is left of the symbol without the
        others, cleaned up in its own codebook, until nothing changes.

        Parameters
        ----------
        sweeps
            Of one search, at most.
        starts
            Random states from which each symbol is searched. The number whose symbol is most
            similar to the one given is taken.
        rng
            Random numbers of the starts.
        """
        z = np.asarray(symbol, dtype=np.complex128)
        if z.ndim == 0 or z.shape[-1] != self.turns.shape[1]:
            raise ValueError(f"symbol: shape {z.shape}; give (..., {self.turns.shape[1]})")
        if sweeps < 1 or starts < 1:
            raise ValueError(
                f"sweeps, starts: {sweeps} and {starts} search nothing; give 1 or more"
            )
        from threadpoolctl import threadpool_limits

        books = [self.residues(np.arange(m))[:, k] for k, m in enumerate(self.moduli)]
        activation, draw = PhasorActivation(), stream(rng, "resonator")
        first = [activation(draw.standard_normal((starts, len(book))) @ book) for book in books]
        flat = z.reshape(-1, z.shape[-1])
        found = np.empty(len(flat), dtype=np.intp)
        with threadpool_limits(1, user_api="blas"):  # two threads are slower on small matrices
            for k, row in enumerate(flat):
                numbers = self._search(row, books, np.stack(first), sweeps)
                found[k] = numbers[np.argmax(similarity(self.encode(numbers), row))]
        return found.reshape(z.shape[:-1])

    def _search(
        self, z: ComplexArray, books: list[ComplexArray], guess: ComplexArray, sweeps: int
    ) -> IntArray:
        """Numbers (starts,) from states (moduli, starts, size)."""
        activation = PhasorActivation()
        for _ in range(sweeps):
            before = guess.copy()
            for k, book in enumerate(books):
                others = np.delete(guess, k, axis=0).prod(axis=0)
                guess[k] = activation(((z * others.conj()) @ book.conj().T).real @ book)
            if np.abs(guess - before).max() < SETTLED:
                break
        residues = [nearest(g, book) for g, book in zip(guess, books, strict=True)]
        return self._together(residues)

    def _together(self, residues: Sequence[IntArray]) -> IntArray:
        """The Chinese remainder theorem."""
        total = np.zeros_like(residues[0])
        for residue, m in zip(residues, self.moduli, strict=True):
            rest = self.range // m
            total += residue * (rest * pow(rest, -1, m) % self.range)
        return total % self.range
