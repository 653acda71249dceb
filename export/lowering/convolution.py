"""Convolutions and pools as sparse matrices between flat signals.

Windows slide over the last dimensions of a signal as in PyTorch: without flipping the kernel,

    y[o, p] = sum_c sum_k w[o, c, k] x[c, stride p + dilation k - padding].
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.export.lowering.limits import check_connections
from neurosc.export.lowering.nodes import kind

CONVOLUTIONS = {"Conv1d": 1, "Conv2d": 2}
"""And over how many dimensions they slide."""
POOLS = frozenset({"SumPool2d", "AvgPool2d"})
WINDOWED = frozenset(CONVOLUTIONS) | POOLS

Ints = tuple[int, ...]
Indices = npt.NDArray[np.int64]


class Window(NamedTuple):
    """What slides over a signal: one number for each of its dimensions."""

    kernel: Ints
    stride: Ints
    dilation: Ints
    before: Ints
    """Zeros put before the signal."""
    after: Ints

    def places(self, shape: Ints) -> Ints:
        """How many places it takes on a signal."""
        return tuple(
            (n + a + b - d * (k - 1) - 1) // s + 1
            for n, k, s, d, a, b in zip(shape, *self, strict=True)
        )


def entering_shape(name: str, node: Any, shape: Ints) -> Ints:
    """The shape that a node makes of what arrives: (channels, *space) for a convolution.

    Raises
    ------
    ValueError
        For a signal without these dimensions.
    """
    what = kind(node)
    if what in POOLS and len(shape) < 2:
        raise ValueError(
            f"graph: a signal of shape {shape} arrives at {what} {name!r}, which needs two "
            "dimensions; take away the Flatten before it or give the Input its shape"
        )
    if what not in CONVOLUTIONS:
        return shape
    channels = _channels(name, node)
    if len(shape) == 1 + CONVOLUTIONS[what] and shape[0] == channels:
        return shape
    if node.input_shape is None:
        space = ", ".join("NM"[: CONVOLUTIONS[what]])
        raise ValueError(
            f"graph: a signal of shape {shape} arrives at {what} {name!r}, which takes "
            f"({channels}, {space}); give it an input_shape or the node before it this shape"
        )
    return (channels, *_numbers(name, node, "input_shape", CONVOLUTIONS[what], 1))


def leaving_shape(name: str, node: Any, shape: Ints) -> Ints:
    """The shape after a convolution or a pool.

    Raises
    ------
    ValueError
        For a window that is larger than the signal.
    """
    window = _window(name, node)
    d = len(window.kernel)
    places = window.places(shape[-d:])
    if min(places) < 1:
        raise ValueError(
            f"graph: the window of {kind(node)} {name!r} is larger than its signal of shape "
            f"{shape}; use a smaller kernel or more padding"
        )
    leading = (len(node.weight),) if kind(node) in CONVOLUTIONS else shape[:-d]
    return (*leading, *places)


def unrolled(name: str, node: Any, shape: Ints) -> scipy.sparse.csr_array:
    """The matrix (channels out, channels in) of a convolution or pool.

    Parameters
    ----------
    name, node
        The node, and what messages call it.
    shape
        Of the signal that enters.

    Notes
    -----
    AvgPool2d counts the zeros of the padding, as PyTorch does by default.
    """
    window = _window(name, node)
    space = shape[-len(window.kernel) :]
    places, kernel = window.places(space), math.prod(window.kernel)
    weight = _kernels(name, node, shape, kernel)
    out, channels, groups = weight.shape[0], weight.shape[1], _groups(name, node, shape)
    check_connections(f"{kind(node)} {name!r}", out * channels * kernel * math.prod(places))
    place, position, tap = _hits(window, space, places)
    row = np.arange(out)[:, None, None] * math.prod(places) + place
    first = np.arange(out) // (out // groups) * channels
    channel = first[:, None] + np.arange(channels)
    column = channel[:, :, None] * math.prod(space) + position
    values = weight[:, :, tap]
    row, column = np.broadcast_to(row, values.shape), np.broadcast_to(column, values.shape)
    some = values != 0
    return scipy.sparse.csr_array(
        (values[some], (row[some], column[some])),
        shape=(out * math.prod(places), groups * channels * math.prod(space)),
    )


def _kernels(name: str, node: Any, shape: Ints, taps: int) -> npt.NDArray[np.float64]:
    """(channels out, channels in of a group, taps)."""
    if kind(node) in CONVOLUTIONS:
        weight = np.asarray(node.weight, dtype=np.float64)
        return weight.reshape(*weight.shape[:2], taps)
    share = 1.0 if kind(node) == "SumPool2d" else 1 / taps
    return np.full((math.prod(shape[:-2]), 1, taps), share)


def _groups(name: str, node: Any, shape: Ints) -> int:
    """Into how many parts the channels are divided; a pool keeps each to itself."""
    if kind(node) in POOLS:
        return math.prod(shape[:-2])
    distinct = {int(g) for g in np.ravel(node.groups)}
    out = len(node.weight)
    if len(distinct) != 1 or min(distinct) < 1 or out % min(distinct):
        raise ValueError(
            f"graph: {kind(node)} {name!r} has {out} channels in {node.groups} groups; give a "
            "number of groups that divides them"
        )
    return distinct.pop()


def _channels(name: str, node: Any) -> int:
    """How many channels a convolution takes."""
    rank = 2 + CONVOLUTIONS[kind(node)]
    if np.ndim(node.weight) != rank:
        raise ValueError(
            f"graph: {kind(node)} {name!r} has a weight of shape {np.shape(node.weight)}; give "
            f"(channels out, channels in / groups, {'N' if rank == 3 else 'N, M'})"
        )
    return int(np.shape(node.weight)[1]) * _groups(name, node, ())


def _hits(window: Window, space: Ints, places: Ints) -> tuple[Indices, Indices, Indices]:
    """Flat place, position and tap wherever a tap falls on the signal and not on the padding."""
    place = np.indices(places).reshape(len(places), -1, 1)
    tap = np.indices(window.kernel).reshape(len(places), 1, -1)
    along = [np.array(numbers)[:, None, None] for numbers in (window.stride, window.dilation)]
    position = along[0] * place + along[1] * tap - np.array(window.before)[:, None, None]
    inside = ((position >= 0) & (position < np.array(space)[:, None, None])).all(axis=0)
    at, hit = np.nonzero(inside)
    flat = np.ravel_multi_index(tuple(position[:, at, hit]), space)
    return at, np.asarray(flat), hit


def _window(name: str, node: Any) -> Window:
    if kind(node) in POOLS:
        kernel, stride = (_numbers(name, node, field, 2, 1) for field in ("kernel_size", "stride"))
        padding = _numbers(name, node, "padding", 2, 0)
        return Window(kernel, stride, (1, 1), padding, padding)
    d = CONVOLUTIONS[kind(node)]
    kernel = tuple(int(k) for k in np.shape(node.weight)[2:])
    stride, dilation = (_numbers(name, node, field, d, 1) for field in ("stride", "dilation"))
    word = _word(node.padding)
    if word is None:
        padding = _numbers(name, node, "padding", d, 0)
        return Window(kernel, stride, dilation, padding, padding)
    if word == "valid":
        return Window(kernel, stride, dilation, (0,) * d, (0,) * d)
    if word != "same" or max(stride) > 1:
        raise ValueError(
            f"graph: {kind(node)} {name!r} has the padding {word!r} at a stride of {stride}; "
            'give numbers, "valid", or "same" at a stride of 1'
        )
    total = [r * (k - 1) for r, k in zip(dilation, kernel, strict=True)]
    before = tuple(t // 2 for t in total)
    return Window(kernel, stride, dilation, before, tuple(t - t // 2 for t in total))


def _word(padding: Any) -> str | None:
    """The word that stands for a padding, None for numbers; files hold words as bytes."""
    array = np.asarray(padding)
    if array.dtype.kind not in "SUO" or array.ndim:
        return None
    word = array.item()
    return word.decode() if isinstance(word, bytes) else str(word)


def _numbers(name: str, node: Any, field: str, count: int, least: int) -> Ints:
    """One whole number for each dimension."""
    array = np.ravel(getattr(node, field))
    fits = array.dtype.kind in "iuf" and array.size in (1, count)
    if not fits or (array != np.floor(array)).any() or (array < least).any():
        raise ValueError(
            f"graph: {kind(node)} {name!r} has a {field} of {getattr(node, field)}; give {count} "
            f"whole number{'s' * (count > 1)} of at least {least}"
        )
    return tuple(int(k) for k in np.broadcast_to(array, (count,)))
