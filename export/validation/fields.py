"""The node types of nir 1.0.8: which parameters each has, and how their shapes agree."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from neurosc.export.validation.limits import InvalidGraphError

Fields = dict[str, Any]
Shape = tuple[int, ...]

WIDEST = 2**31
"""Above all whole numbers (sizes, strides) that a node may hold."""


@dataclasses.dataclass(frozen=True)
class NodeType:
    """A node type.

    Attributes
    ----------
    real
        Parameters that are arrays of real numbers.
    whole
        Those that are whole numbers, or a few of them.
    optional
        Those that a file may lack.
    """

    real: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


_CONVOLUTION = NodeType(
    ("weight", "bias"), ("input_shape", "stride", "padding", "dilation", "groups"), ("input_shape",)
)
_POOL = NodeType(whole=("kernel_size", "stride", "padding"))
_SPIKES = ("v_threshold", "v_reset")
_CURRENT = ("tau_mem", "tau_syn", "r", "v_leak", "w_in")

TYPES = {
    "Affine": NodeType(("weight", "bias")),
    "AvgPool2d": _POOL,
    "Conv1d": _CONVOLUTION,
    "Conv2d": _CONVOLUTION,
    "CubaLI": NodeType(_CURRENT, optional=("w_in",)),
    "CubaLIF": NodeType(_CURRENT + _SPIKES, optional=("w_in", "v_reset")),
    "Delay": NodeType(("delay",)),
    "Flatten": NodeType(
        whole=("input_type", "start_dim", "end_dim"),
        optional=("input_type", "start_dim", "end_dim"),
    ),
    "I": NodeType(("r",)),
    "IF": NodeType(("r", *_SPIKES), optional=("v_reset",)),
    "Input": NodeType(whole=("shape",)),
    "LI": NodeType(("tau", "r", "v_leak")),
    "LIF": NodeType(("tau", "r", "v_leak", *_SPIKES), optional=("v_reset",)),
    "Linear": NodeType(("weight",)),
    "Output": NodeType(whole=("shape",)),
    "Scale": NodeType(("scale",)),
    "SumPool2d": _POOL,
    "Threshold": NodeType(("threshold",)),
}


def check_fields(name: str, kind: str, fields: Fields) -> None:
    """Raise unless a node of a known type has its parameters, in types and shapes that fit."""
    known = TYPES[kind]
    allowed = {*known.real, *known.whole}
    for field in sorted(set(fields) - allowed):
        raise InvalidGraphError(
            f"node {name!r} ({kind}) has a {field!r}, which nir 1.0.8 does not know; remove it"
        )
    for field in sorted(allowed - set(fields) - set(known.optional)):
        raise InvalidGraphError(f"node {name!r} ({kind}) has no {field!r}; add it")
    for field, value in fields.items():
        where = f"{field} of node {name!r} ({kind})"
        if field in known.real:
            _check_real(where, np.asarray(value))
        elif not (field == "padding" and isinstance(value, str) and value in ("same", "valid")):
            _check_whole(where, np.asarray(value))
    if kind in RULES:
        RULES[kind](f"of node {name!r} ({kind})", fields)


def _check_real(where: str, value: Any) -> None:
    if value.dtype.kind not in "fiu" or value.dtype.itemsize > 8:
        raise InvalidGraphError(
            f"{where} is of type {value.dtype}; give real numbers of at most 64 bits"
        )
    if value.size == 0:
        raise InvalidGraphError(f"{where} is empty; give it one channel or more")
    if not np.isfinite(value).all():
        first = tuple(int(k) for k in np.argwhere(~np.isfinite(value))[0])
        raise InvalidGraphError(
            f"{where} is {value[first]} at {list(first)}; correct it where the graph was made"
        )


def _check_whole(where: str, value: Any) -> None:
    if value.dtype.kind not in "iu" or value.ndim > 1 or not 1 <= value.size <= 8:
        raise InvalidGraphError(
            f"{where} is {value.dtype} of shape {value.shape}; give 1 to 8 whole numbers"
        )
    if not (int(value.min()) > -WIDEST and int(value.max()) < WIDEST):
        raise InvalidGraphError(f"{where} is {value.tolist()}, out of all range; correct it")


def _neurons(where: str, fields: Fields) -> None:
    """Every parameter has an entry for each neuron; w_in may be one number for all."""
    shapes = {field: np.shape(value) for field, value in fields.items()}
    if shapes.get("w_in") == ():
        del shapes["w_in"]
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{field} {list(shape)}" for field, shape in shapes.items())
        raise InvalidGraphError(f"the parameters {where} differ in shape: {told}; make them equal")


def _matrix(where: str, fields: Fields) -> None:
    """weight (..., outputs, inputs), bias (..., outputs)."""
    shape = np.shape(fields["weight"])
    if len(shape) < 2:
        raise InvalidGraphError(f"weight {where} has shape {list(shape)}; give a matrix")
    _bias(where, fields, shape[:-1])


def _convolution(dimensions: int) -> Callable[[str, Fields], None]:
    """weight (outputs, inputs, *kernel), bias (outputs,)."""

    def rule(where: str, fields: Fields) -> None:
        shape = np.shape(fields["weight"])
        if len(shape) != 2 + dimensions:
            raise InvalidGraphError(
                f"weight {where} has shape {list(shape)}; give {2 + dimensions} dimensions"
            )
        _bias(where, fields, shape[:1])
        _per_axis(where, fields, dimensions)
        if np.size(fields["groups"]) != 1:
            raise InvalidGraphError(f"groups {where} is not one number; give one")

    return rule


def _bias(where: str, fields: Fields, shape: Shape) -> None:
    found = np.shape(fields.get("bias", np.empty(shape)))
    if found != shape:
        raise InvalidGraphError(
            f"bias {where} has shape {list(found)}, but its weight gives {list(shape)}; "
            "make them fit"
        )


def _pool(where: str, fields: Fields) -> None:
    _per_axis(where, fields, 2)


def _per_axis(where: str, fields: Fields, dimensions: int) -> None:
    """One whole number, or one for each axis: padding from 0, all others from 1."""
    for field, value in fields.items():
        if field in ("weight", "bias") or isinstance(value, str):
            continue
        least = 0 if field == "padding" else 1
        if np.size(value) not in (1, dimensions) or np.min(value) < least:
            raise InvalidGraphError(
                f"{field} {where} is {np.asarray(value).tolist()}; give one whole number >= "
                f"{least}, or {dimensions}"
            )


def _ends(where: str, fields: Fields) -> None:
    if np.ndim(fields["shape"]) != 1 or np.min(fields["shape"]) < 1:
        raise InvalidGraphError(
            f"shape {where} is {np.asarray(fields['shape']).tolist()}; give a list of sizes >= 1"
        )


def _flatten(where: str, fields: Fields) -> None:
    if "input_type" not in fields:
        return
    rank = np.size(fields["input_type"])
    if np.min(fields["input_type"]) < 1:
        raise InvalidGraphError(f"input_type {where} has sizes below 1; correct it")
    for field in ("start_dim", "end_dim"):
        if not -rank <= np.max(fields.get(field, 0)) < rank:
            raise InvalidGraphError(
                f"{field} {where} is {fields[field]}; give an axis of its {rank} dimensions"
            )


RULES: dict[str, Callable[[str, Fields], None]] = {
    "Affine": _matrix,
    "AvgPool2d": _pool,
    "Conv1d": _convolution(1),
    "Conv2d": _convolution(2),
    "CubaLI": _neurons,
    "CubaLIF": _neurons,
    "Flatten": _flatten,
    "IF": _neurons,
    "Input": _ends,
    "LI": _neurons,
    "LIF": _neurons,
    "Linear": _matrix,
    "Output": _ends,
    "SumPool2d": _pool,
}
"""Parameters that must fit each other, by node type."""


def ends(kind: str, fields: Fields) -> tuple[Shape | None, Shape | None]:
    """Shapes of what enters and leaves a node; None where nir infers it from its neighbours."""
    if kind in ("Affine", "Linear"):
        *stack, rows, columns = np.shape(fields["weight"])
        return (*stack, columns), (*stack, rows)
    if kind in ("Input", "Output"):
        shape = tuple(int(n) for n in fields["shape"])
        return shape, shape
    if kind in ("Conv1d", "Conv2d") and "input_shape" in fields:
        spatial = np.atleast_1d(fields["input_shape"])
        return (np.shape(fields["weight"])[1], *(int(n) for n in spatial)), None
    if kind == "Flatten" and "input_type" in fields:
        return tuple(int(n) for n in fields["input_type"]), None
    if TYPES[kind].whole:
        return None, None
    shape = np.shape(fields[TYPES[kind].real[0]])
    return shape, shape


def channels(shape: Shape) -> int:
    """How many signals a shape holds."""
    return math.prod(shape)
