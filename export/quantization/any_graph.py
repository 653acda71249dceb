"""Any graph on the grids of a target, node by node."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from neurosc.export.arguments import time_step
from neurosc.export.lowering.nodes import inline, kind
from neurosc.export.quantization.grids import Grids, nearest, unit_of
from neurosc.export.quantization.report import Group
from neurosc.export.targets.survey import TIMES, WEIGHTS

GAINS = {"tau": "r", "tau_mem": "r", "tau_syn": "w_in"}
"""What scales with a time constant, so that a spike counts as before."""


def round_nodes(
    graph: Any, grids: Grids, dt: float | None
) -> tuple[Any, tuple[Group, ...], int, int]:
    """A copy whose nodes lie on the grids, how each does, its weights, and those that became 0.

    The weights of a node share the unit max|w| / largest level, and so do its biases. Where
    dt/tau is rounded, r (or w_in) is scaled with tau: what a spike adds, r w dt/tau, stays.

    Raises
    ------
    ValueError
        For decays on a grid without a time step, and a tau of less than dt.
    """
    copy = deepcopy(graph)
    groups: list[Group] = []
    weights = lost = 0
    for name, node in sorted(inline(copy).node.items()):
        if grids.weights is not None and kind(node) in WEIGHTS:
            before = int(np.count_nonzero(node.weight))
            groups.append(_round(node, "weight", name, grids.weights))
            weights, lost = weights + before, lost + before - int(np.count_nonzero(node.weight))
        if grids.biases is not None and np.any(getattr(node, "bias", None)):
            groups.append(_round(node, "bias", name, grids.biases))
        if grids.rounds_decays:
            groups += _decays(node, name, grids, graph, dt)
    return copy, tuple(groups), weights, lost


def _round(node: Any, parameter: str, name: str, most: int) -> Group:
    values = np.asarray(getattr(node, parameter), dtype=np.float64)
    unit = unit_of(values, most)
    levels = nearest(values, unit, most)
    setattr(node, parameter, (levels * unit).astype(np.float32))
    used = int(np.abs(levels).max(initial=0))
    return Group(f"{name}.{parameter}", values.size, unit, used, most, "")


def _decays(node: Any, name: str, grids: Grids, graph: Any, dt: float | None) -> list[Group]:
    groups = []
    for parameter in TIMES:
        if not hasattr(node, parameter):
            continue
        step = time_step(graph, dt)
        tau = np.asarray(getattr(node, parameter), dtype=np.float64)
        if (tau < step).any():
            raise ValueError(
                f"dt: {step:g} s is more than {parameter} of {name!r}, {tau.min():g} s; give less"
            )
        rounded = step / grids.round_decay(step / tau)
        setattr(node, parameter, rounded.astype(np.float32))
        gain = GAINS[parameter]
        setattr(node, gain, (getattr(node, gain) * rounded / tau).astype(np.float32))
        groups.append(grids.decays(f"{name}.{parameter}", step / tau))
    return groups
