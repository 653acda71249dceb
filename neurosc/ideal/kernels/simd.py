"""Arithmetic on vector registers: one number of each of `WIDTH` networks as one value.

In compiled code `get(array, index)` reads array[*index, :WIDTH] as one value, on which + - * / abs
and comparisons act lane by lane, and `put` writes it back. No lane sees another, so what it
computes does not depend on its neighbours; and no compiler has to find out that loops over lanes
can become vector instructions. Arrays are contiguous, their last axis is `WIDTH` long, and indices
are not checked.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

WIDTH = 8
"""One register of AVX-512, two of AVX, four of NEON."""
CACHE_LINE = 64
"""Bytes."""
Vector = Any
"""A value of `WIDTH` doubles."""
Mask = Any
"""A value of `WIDTH` truths."""


def aligned(*shape: int, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
    """Zeros (*shape, as many as a cache line holds), no line across two of the processor's.

    Of doubles these are `WIDTH`.
    """
    line = CACHE_LINE // np.dtype(dtype).itemsize
    size = math.prod(shape) * line
    buffer = np.zeros(size + line, dtype)
    first = -buffer.ctypes.data % CACHE_LINE // buffer.itemsize
    return buffer[first : first + size].reshape(*shape, line)


class VectorType(types.Type):
    """The compiler's type of a `Vector`."""

    def __init__(self) -> None:
        super().__init__(name=f"Vector({WIDTH})")


class MaskType(types.Type):
    """The compiler's type of a `Mask`."""

    def __init__(self) -> None:
        super().__init__(name=f"Mask({WIDTH})")


_VECTOR, _MASK = VectorType(), MaskType()
_DOUBLES = ir.VectorType(ir.DoubleType(), WIDTH)


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _DOUBLES)


@register_model(MaskType)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.VectorType(ir.IntType(1), WIDTH))


def _widened(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """A vector, out of itself or of a number that all lanes get."""
    if kind == _VECTOR:
        return value
    number = context.cast(builder, value, kind, types.float64)
    nothing, index = ir.Constant(_DOUBLES, ir.Undefined), ir.IntType(32)
    first = builder.insert_element(nothing, number, ir.Constant(index, 0))
    zeros = ir.Constant(ir.VectorType(index, WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, nothing, zeros)


def _define(operation: Any, result: Any, build: Callable[..., Any], *arguments: Any) -> None:
    """Let `operation` on values of these types be what `build(builder, *values)` emits."""

    @infer_global(operation)
    class Template(AbstractTemplate):
        def generic(self, given: Any, named: Any) -> Any:
            fits = len(given) == len(arguments) and all(
                isinstance(g, a) for g, a in zip(given, arguments, strict=True)
            )
            return signature(result, *given) if fits else None

    @lower_builtin(operation, *arguments)
    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        if arguments[0] is MaskType:
            return build(builder, *values)
        pairs = zip(sig.args, values, strict=True)
        return build(builder, *(_widened(context, builder, *pair) for pair in pairs))


def _call(builder: Any, name: str, value: Any) -> Any:
    """LLVM's own function of that name."""
    kind, name = ir.FunctionType(_DOUBLES, [_DOUBLES]), f"llvm.{name}.v{WIDTH}f64"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [value])


def _binary(name: str) -> Callable[..., Any]:
    return lambda builder, x, y: getattr(builder, name)(x, y)


def _comparison(sign: str) -> Callable[..., Any]:
    return lambda builder, x, y: builder.fcmp_ordered(sign, x, y)


_BINARY = [
    *((getattr(operator, name), _VECTOR, _binary(f"f{name}")) for name in ("add", "sub", "mul")),
    *((getattr(operator, f"i{name}"), _VECTOR, _binary(f"f{name}")) for name in ("add", "sub")),
    (operator.truediv, _VECTOR, _binary("fdiv")),
    (operator.lt, _MASK, _comparison("<")),
    (operator.le, _MASK, _comparison("<=")),
    (operator.gt, _MASK, _comparison(">")),
]
for _operation, _result, _build in _BINARY:
    _define(_operation, _result, _build, VectorType, VectorType)
    for _number in (types.Float, types.Integer):
        _define(_operation, _result, _build, VectorType, _number)
        _define(_operation, _result, _build, _number, VectorType)
_define(operator.neg, _VECTOR, lambda builder, x: builder.fneg(x), VectorType)
_define(abs, _VECTOR, lambda builder, x: _call(builder, "fabs", x), VectorType)
_define(operator.and_, _MASK, _binary("and_"), MaskType, MaskType)
_define(operator.or_, _MASK, _binary("or_"), MaskType, MaskType)
_define(operator.invert, _MASK, lambda builder, x: builder.not_(x), MaskType)


@intrinsic
def spread(typing: Any, number: Any) -> Any:
    """A vector of the same number everywhere."""

    def build(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        return _widened(context, builder, sig.args[0], values[0])

    return _VECTOR(number), build


@intrinsic
def sqrt(typing: Any, x: Any) -> Any:
    """The square roots of a vector."""
    return _VECTOR(x), lambda context, builder, sig, values: _call(builder, "sqrt", values[0])


@intrinsic
def where(typing: Any, truths: Any, yes: Any, no: Any) -> Any:
    """`yes` in lanes where a mask is true, else `no`."""

    def build(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        pairs = zip(sig.args[1:], values[1:], strict=True)
        return builder.select(values[0], *(_widened(context, builder, *pair) for pair in pairs))

    return _VECTOR(truths, yes, no), build


@intrinsic
def some(typing: Any, truths: Any) -> Any:
    """Whether a mask is true in any lane."""

    def build(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        bits = builder.bitcast(values[0], ir.IntType(WIDTH))
        return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    return types.boolean(truths), build


def _place(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    """A pointer to array[*index, 0], of the first two of the values."""
    array = context.make_array(sig.args[0])(context, builder, values[0])
    kinds, index = [sig.args[1]], [values[1]]
    if isinstance(sig.args[1], types.BaseTuple):
        kinds, index = list(sig.args[1]), cgutils.unpack_tuple(builder, values[1])
    place = context.get_constant(types.intp, 0)
    extents = cgutils.unpack_tuple(builder, array.shape)[:-1]
    for extent, kind, i in zip(extents, kinds, index, strict=True):
        number = context.cast(builder, i, kind, types.intp)
        place = builder.add(builder.mul(place, extent), number)
    return builder.gep(builder.bitcast(array.data, _DOUBLES.as_pointer()), [place])


@intrinsic
def get(typing: Any, array: Any, index: Any) -> Any:
    """The vector array[*index]."""
    if array.layout != "C":
        return None

    def build(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        read = builder.load(_place(context, builder, sig, values))
        read.align = 8  # NumPy promises no more
        return read

    return _VECTOR(array, index), build


@intrinsic
def put(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """array[*index] = value, a vector or a number."""
    if array.layout != "C":
        return None

    def build(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        vector = _widened(context, builder, sig.args[2], values[2])
        builder.store(vector, _place(context, builder, sig, values)).align = 8
        return context.get_dummy_value()

    return types.void(array, index, value), build


@intrinsic
def turned(typing: Any, count: Any, x: Any) -> Any:
    """-x where the lowest bit of the float `count` is set; for vectors and for doubles."""

    def build(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        word = ir.IntType(64)
        one = sig.args[1] != _VECTOR
        kind = word if one else ir.VectorType(word, WIDTH)
        bits, sign = (builder.bitcast(value, kind) for value in values)
        places = ir.Constant(kind, 63 if one else [63] * WIDTH)
        bits = builder.xor(sign, builder.shl(bits, places))
        return builder.bitcast(bits, values[1].type)

    return x(count, x), build
