"""Forward Euler of one sample, event by event, in numba."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from neurosc.export.euler.program import Program
from neurosc.export.euler.step import CUBA, LEAKY

Real = npt.NDArray[Any]
"""Of the type of number of the run: float64 or float32."""
Int = npt.NDArray[np.int64]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _send(program: Program, ring: Real, base: int, source: int, value: Any) -> None:
    """Add weight * value to every target, in the slot of the step in which it arrives."""
    hop, weight = program.hop, program.weight
    for e in range(program.start[source], program.start[source + 1]):
        at = base + hop[e]
        if at >= ring.size:
            at -= ring.size
        ring[at] += weight[e] * value


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _integrate(program: Program, node: int, arrived: Real, i: Real, v: Real) -> bool:
    """One step of the neurons of a node, to which `arrived` (n,) comes; whether all are finite."""
    i_decay, i_drive, gain = program.i_decay, program.i_drive, program.gain
    v_decay, v_drive, r = program.v_decay, program.v_drive, program.r
    kind, infinite = program.kind[node], 0
    for j in range(program.first[node], program.first[node + 1]):
        if kind == CUBA:
            i[j] = i_decay[j] * i[j] + i_drive[j] + gain[j] * arrived[j]
            v[j] = v_decay[j] * v[j] + v_drive[j] + r[j] * i[j]
        elif kind == LEAKY:
            v[j] = v_decay[j] * v[j] + v_drive[j] + gain[j] * arrived[j]
        else:
            v[j] = v_drive[j] + arrived[j]
        arrived[j] = 0
        infinite += not np.isfinite(v[j])
    return infinite == 0


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _fire(program: Program, node: int, v: Real, fired: Int) -> int:
    """Reset the neurons that spike; their number, and in `fired` which ones."""
    threshold, reset, count = program.threshold, program.reset, 0
    for j in range(program.first[node], program.first[node + 1]):
        if v[j] > threshold[j] or (v[j] == threshold[j] and not program.strict):
            v[j] = v[j] - (threshold[j] - reset[j]) if program.subtract else reset[j]
            fired[count] = j
            count += 1
    return count


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _room(events: Int, count: int) -> Int:
    """The events, in twice the room until `count` fit."""
    while count > len(events):
        grown = np.empty((2 * len(events), 2), dtype=np.int64)
        grown[: len(events)] = events
        events = grown
    return events


@nb.njit(cache=True, nogil=True, error_model="numpy")
def advance(
    program: Program,
    given_step: Int,
    given_source: Int,
    given_value: Real,
    steps: int,
    record_from: int,
    trace: Real,
) -> tuple[Int, int, int]:
    """Run a sample from rest.

    Parameters
    ----------
    program
        The graph.
    given_step, given_source, given_value
        What the Input nodes send, (events,), in the order of steps.
    steps, record_from
        Length of the run, and the first step that is recorded.
    trace
        (steps - record_from, traced) receives the graded signals at the Output nodes.

    Returns
    -------
    events
        Step and neuron of each recorded spike, (spikes, 2).
    fault_step, fault_node
        Where a state first ceased to be finite, or -1; nodes count in the order of execution.
    """
    n = program.first[-1]
    ring = np.zeros(program.slots * n, dtype=program.weight.dtype)
    i, v, fired = np.zeros_like(ring[:n]), np.zeros_like(ring[:n]), np.empty(n, dtype=np.int64)
    events, count, given = np.empty((256, 2), dtype=np.int64), 0, 0
    for k in range(steps):
        base = (k % program.slots) * n
        while given < given_step.size and given_step[given] == k:
            _send(program, ring, base, given_source[given], given_value[given])
            given += 1
        for node in range(program.kind.size):
            if not _integrate(program, node, ring[base : base + n], i, v):
                return events[:count], k, node
            if not program.fires[node]:
                for j in range(program.first[node], program.first[node + 1]):
                    _send(program, ring, base, j, v[j])
                continue
            spikes = _fire(program, node, v, fired)
            for j in fired[:spikes]:
                _send(program, ring, base, j, program.amplitude)
            if k >= record_from:
                events = _room(events, count + spikes)
                events[count : count + spikes, 0] = k
                events[count : count + spikes, 1] = fired[:spikes]
                count += spikes
        if k >= record_from:
            trace[k - record_from] = v[n - trace.shape[1] :]
    return events[:count], -1, -1
