"""Normal numbers for Brian2 that are a function of where they are used: Philox4x32-10, Box-Muller.

The number of spike `count` of neuron `stream` is the same in C++, Cython and NumPy, and whichever
other neurons there are.

Source: Salmon, Moraes, Dror, Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray

M0, M1 = 0xD2511F53, 0xCD9E8D57
W0, W1 = 0x9E3779B9, 0xBB67AE85
ROUNDS = 10
WORD = 0xFFFFFFFF

CPP = """
static inline double gauss(int which, int count, int stream, int key0, int key1) {
    uint32_t c0 = (uint32_t)count, c1 = (uint32_t)stream, c2 = 0, c3 = 0;
    uint32_t k0 = (uint32_t)key0, k1 = (uint32_t)key1;
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1; c3 = (uint32_t)p0; c0 = n0; c2 = n2;
        k0 += 0x9E3779B9u; k1 += 0xBB67AE85u;
    }
    const double radius = sqrt(-2.0 * log((c0 + 0.5) / 4294967296.0));
    const double angle = 2.0 * 3.141592653589793 * ((c1 + 0.5) / 4294967296.0);
    return radius * (which ? sin(angle) : cos(angle));
}
"""
CYTHON = """
cdef double gauss(int which, int count, int stream, int key0, int key1):
    cdef unsigned int c0 = <unsigned int>count, c1 = <unsigned int>stream, c2 = 0, c3 = 0
    cdef unsigned int k0 = <unsigned int>key0, k1 = <unsigned int>key1, n0, n2
    cdef unsigned long long p0, p1
    cdef int turn
    cdef double radius, angle
    for turn in range(10):
        p0 = <unsigned long long>3528531795 * c0
        p1 = <unsigned long long>3449720151 * c2
        n0 = <unsigned int>(p1 >> 32) ^ c1 ^ k0
        n2 = <unsigned int>(p0 >> 32) ^ c3 ^ k1
        c1 = <unsigned int>p1
        c3 = <unsigned int>p0
        c0 = n0
        c2 = n2
        k0 = k0 + <unsigned int>2654435769
        k1 = k1 + <unsigned int>3144134277
    radius = sqrt(-2.0 * log((c0 + 0.5) / 4294967296.0))
    angle = 2.0 * 3.141592653589793 * ((c1 + 0.5) / 4294967296.0)
    return radius * (sin(angle) if which else cos(angle))
"""


def gauss(
    which: npt.ArrayLike,
    count: npt.ArrayLike,
    stream: npt.ArrayLike,
    key0: npt.ArrayLike,
    key1: npt.ArrayLike,
) -> FloatArray:
    """A standard normal number; `which` chooses one of two independent ones."""
    c0, c1, k0, k1 = (_words(each) for each in (count, stream, key0, key1))
    c2 = c3 = np.zeros_like(c0)
    for _ in range(ROUNDS):
        p0, p1 = np.uint64(M0) * c0, np.uint64(M1) * c2
        c0, c1 = (p1 >> np.uint64(32)) ^ c1 ^ k0, p1 & np.uint64(WORD)
        c2, c3 = (p0 >> np.uint64(32)) ^ c3 ^ k1, p0 & np.uint64(WORD)
        k0, k1 = (k0 + np.uint64(W0)) & np.uint64(WORD), (k1 + np.uint64(W1)) & np.uint64(WORD)
    radius = np.sqrt(-2.0 * np.log((c0 + 0.5) / 4294967296.0))
    angle = 2.0 * 3.141592653589793 * ((c1 + 0.5) / 4294967296.0)
    return np.asarray(radius * np.where(which, np.sin(angle), np.cos(angle)))


def _words(numbers: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """32-bit words out of signed integers."""
    return np.asarray(numbers).astype(np.int64).astype(np.uint64) & np.uint64(WORD)


def brian_function() -> Any:
    """`gauss(which, count, stream, key0, key1)` for a Brian2 namespace."""
    import brian2

    function = brian2.Function(
        gauss,
        arg_units=[1, 1, 1, 1, 1],
        arg_types=["integer"] * 5,
        return_unit=1,
        return_type="float",
    )
    function.implementations.add_implementation(
        "cpp", CPP, name="gauss", compiler_kwds={"headers": ["<stdint.h>", "<math.h>"]}
    )
    function.implementations.add_implementation("cython", CYTHON, name="gauss")
    return function
