"""Products of a few rows or many with one matrix, each row with the bits that it has alone.

An entry of the product is a register lane that sums over k in order, by one multiply-add a term.
Which rows share a tile, and how many, is a matter of speed alone. BLAS makes no such promise: its
kernels for the last rows, and for small products, add in orders of their own.

The matrix comes in panels of a cache line's columns, (panels, k, lanes), which lie in memory as
they are read. One panel meets all rows before the next does, so that matrices that leave the
second-level cache are still read but once.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurosc.ideal.kernels.simd import CACHE_LINE, aligned

Real = npt.NDArray[Any]
"""Of float32 or float64."""

ROWS = 6
"""Of the largest tile: two AVX registers for each, and three for what they are multiplied with."""


def panels_of(matrix: Real, dtype: npt.DTypeLike = np.float64) -> Real:
    """A matrix (k, columns) as `multiply` reads it; zeros fill the last panel."""
    depth, columns = matrix.shape
    lanes = CACHE_LINE // np.dtype(dtype).itemsize
    panels = aligned(-(-columns // lanes), depth, dtype=dtype)
    for p, panel in enumerate(panels):
        part = matrix[:, p * lanes : (p + 1) * lanes]
        panel[:, : part.shape[1]] = part
    return panels


@nb.njit(cache=True, nogil=True, error_model="numpy")
def multiply(a: Real, panels: Real, out: Real) -> None:
    """out (rows, panels x lanes) = a (rows, k) times the matrix in panels (panels, k, lanes).

    Shapes are not checked. One row or two take several panels at once: with too few sums on their
    way, each multiply-add would wait for the one before.
    """
    rows, count = a.shape[0], panels.shape[0]
    whole = rows - rows % ROWS
    done = 0
    if rows == 1:
        done = count - count % 4
        for p in range(0, done, 4):
            tile(1, 4, a, 0, panels, p, out)
    elif rows == 2:
        done = count - count % 2
        for p in range(0, done, 2):
            tile(2, 2, a, 0, panels, p, out)
    for p in range(done, count):
        for r in range(0, whole, ROWS):
            tile(ROWS, 1, a, r, panels, p, out)
        if rows - whole >= 4:
            tile(4, 1, a, whole, panels, p, out)
        if (rows - whole) % 4 >= 2:
            tile(2, 1, a, whole + (rows - whole) // 4 * 4, panels, p, out)
        if rows % 2:
            tile(1, 1, a, rows - 1, panels, p, out)


@intrinsic(prefer_literal=True)
def tile(
    typing: Any, height: Any, width: Any, a: Any, row: Any, panels: Any, panel: Any, out: Any
) -> Any:
    """`height` rows of out, from `row` on, in `width` panels from `panel` on; both are literals."""
    if any(array.layout != "C" or array.dtype != a.dtype for array in (a, panels, out)):
        return None
    size = a.dtype.bitwidth // 8
    rows, columns = range(height.literal_value), range(width.literal_value)

    def build(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        left, right, to = (
            context.make_array(sig.args[i])(context, builder, values[i]) for i in (2, 4, 6)
        )
        r, p = (context.cast(builder, values[i], sig.args[i], types.intp) for i in (3, 5))
        register = ir.VectorType(context.get_value_type(a.dtype), CACHE_LINE // size)
        count, depth, _ = cgutils.unpack_tuple(builder, right.shape)
        factors = _lines(builder, left.data, r, depth, rows)
        terms = _lines(builder, _registers(builder, right, register), p, depth, columns)
        zero = ir.Constant(register, None)
        sums = [[cgutils.alloca_once_value(builder, zero) for _ in columns] for _ in rows]
        with cgutils.for_range(builder, depth) as loop:
            read = [_load(builder, term, loop.index, size) for term in terms]
            for factor, mine in zip(factors, sums, strict=True):
                x = _everywhere(builder, _load(builder, factor, loop.index, size), register)
                for y, total in zip(read, mine, strict=True):
                    builder.store(_multiply_add(builder, x, y, builder.load(total)), total)
        goals = _lines(builder, _registers(builder, to, register), r, count, rows)
        for goal, mine in zip(goals, sums, strict=True):
            for k, total in enumerate(mine):
                at = builder.gep(goal, [builder.add(p, ir.Constant(p.type, k))])
                builder.store(builder.load(total), at).align = size
        return context.get_dummy_value()

    return types.void(height, width, a, row, panels, panel, out), build


def _registers(builder: Any, array: Any, register: Any) -> Any:
    """A pointer to what an array holds, a register at a time."""
    return builder.bitcast(array.data, register.as_pointer())


def _lines(builder: Any, data: Any, first: Any, stride: Any, numbers: range) -> list[Any]:
    """Pointers to lines first + number of data, each `stride` long."""
    lines = (builder.add(first, ir.Constant(first.type, number)) for number in numbers)
    return [builder.gep(data, [builder.mul(line, stride)]) for line in lines]


def _load(builder: Any, line: Any, index: Any, size: int) -> Any:
    value = builder.load(builder.gep(line, [index]))
    value.align = size  # NumPy promises no more
    return value


def _everywhere(builder: Any, number: Any, register: Any) -> Any:
    """A register of the same number in all lanes."""
    nothing, index = ir.Constant(register, ir.Undefined), ir.IntType(32)
    first = builder.insert_element(nothing, number, ir.Constant(index, 0))
    zeros = ir.Constant(ir.VectorType(index, register.count), None)
    return builder.shuffle_vector(first, nothing, zeros)


def _multiply_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """x y + z, rounded once where the processor can: it depends on the type alone."""
    kind, bits = x.type, "f32" if isinstance(x.type.element, ir.FloatType) else "f64"
    call = ir.FunctionType(kind, [kind, kind, kind])
    name = f"llvm.fmuladd.v{kind.count}{bits}"
    return builder.call(cgutils.get_or_insert_function(builder.module, call, name), [x, y, z])
