"""Steps of a compiled population, event by event, in numba."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray

Int = npt.NDArray[np.int64]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def play(
    membrane: float,
    synapse: float,
    bias: FloatArray,
    first: Int,
    target: Int,
    weight: FloatArray,
    due: Int,
    period: int,
    steps: int,
    current: FloatArray,
    v: FloatArray,
    distance: FloatArray,
) -> Int:
    """Run a sample; see `Decays` for a step.

    Parameters
    ----------
    membrane, synapse, bias
        Of the n neurons.
    first, target, weight
        Source s, a neuron or a channel of input n, n + 1, ..., has the synapses first[s] ...
        first[s + 1] - 1.
    due, period
        The step of each cycle in which a channel spikes, (channels,), and steps in a cycle.
    steps
        Length of the run.
    current, v
        State at the start, (n,); it is overwritten.
    distance
        Receives the least distance of v from the threshold, (n,).

    Returns
    -------
    events
        Step and neuron of each spike, (spikes, 2).
    """
    n = bias.size
    x = bias.copy()
    events, count = np.empty((1024, 2), dtype=np.int64), 0
    for k in range(steps):
        for c in range(due.size):
            if due[c] == k % period:
                for e in range(first[n + c], first[n + c + 1]):
                    x[target[e]] += weight[e]
        if count + n > len(events):
            grown = np.empty((2 * len(events) + n, 2), dtype=np.int64)
            grown[:count] = events[:count]
            events = grown
        before = count
        for j in range(n):
            current[j] = synapse * current[j] + x[j]
            v[j] = membrane * v[j] + current[j]
            x[j] = bias[j]
            distance[j] = min(distance[j], abs(v[j] - 1))
            if v[j] > 1:
                v[j] = 0.0
                events[count] = k, j
                count += 1
        for m in range(before, count):
            source = events[m, 1]
            for e in range(first[source], first[source + 1]):
                x[target[e]] += weight[e]
    return events[:count]
