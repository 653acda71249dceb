"""The neurons of NIR as linear equations with a threshold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from neurosc.export.lowering.nodes import SPIKING, kind
from neurosc.network import FloatArray


class Model(NamedTuple):
    """ds/dt = A s + b + gain * input at the first state; output is the last state.

    Attributes
    ----------
    A, b, gain
        (neurons, k, k), (neurons, k) and (neurons,), per second; k = 0 compares the input itself.
    threshold, reset
        (neurons,); None for a neuron without spikes, and where nothing is reset.
    """

    A: FloatArray
    b: FloatArray
    gain: FloatArray
    threshold: FloatArray | None = None
    reset: FloatArray | None = None

    @property
    def neurons(self) -> int:
        """How many."""
        return len(self.b)

    @property
    def states(self) -> int:
        """Of each neuron."""
        return int(self.b.shape[1])


def model_of(name: str, node: Any) -> Model:
    """The equations of a node.

    Raises
    ------
    ValueError
        For a time constant that is not positive, and parameters that are no numbers.
    """
    return MODELS[kind(node)](name, node)


def values(name: str, node: Any, field: str) -> FloatArray:
    """A parameter, flat.

    Raises
    ------
    ValueError
        If it is not finite; a threshold may be infinite, which is never reached.
    """
    array = np.ravel(getattr(node, field)).astype(np.float64)
    allowed = ~np.isnan(array) if "threshold" in field else np.isfinite(array)
    if not allowed.all():
        raise ValueError(
            f"graph: node {name!r} has a {field} of {array[~allowed][0]}; give finite numbers"
        )
    return array


def _seconds(name: str, node: Any, field: str) -> FloatArray:
    array = values(name, node, field)
    if not (array > 0).all():
        raise ValueError(f"graph: node {name!r} has a {field} that is not positive; give seconds")
    return array


def _integrator(name: str, node: Any) -> Model:
    """I: dv/dt = r u. IF: with spikes."""
    r = values(name, node, "r")
    return Model(np.zeros((r.size, 1, 1)), np.zeros((r.size, 1)), r, *_spikes(name, node))


def _leaky(name: str, node: Any) -> Model:
    """LI: tau dv/dt = v_leak - v + r u. LIF: with spikes."""
    tau = _seconds(name, node, "tau")
    return Model(
        (-1 / tau)[:, None, None],
        (values(name, node, "v_leak") / tau)[:, None],
        values(name, node, "r") / tau,
        *_spikes(name, node),
    )


def _current_based(name: str, node: Any) -> Model:
    """CubaLI: tau_syn di/dt = -i + w_in u, tau_mem dv/dt = v_leak - v + r i. CubaLIF: spikes."""
    syn, mem = _seconds(name, node, "tau_syn"), _seconds(name, node, "tau_mem")
    A = np.zeros((syn.size, 2, 2))
    A[:, 0, 0], A[:, 1, 0], A[:, 1, 1] = -1 / syn, values(name, node, "r") / mem, -1 / mem
    b = np.stack([np.zeros(syn.size), values(name, node, "v_leak") / mem], axis=1)
    return Model(A, b, values(name, node, "w_in") / syn, *_spikes(name, node))


def _threshold(name: str, node: Any) -> Model:
    """Threshold: no state of its own."""
    threshold = values(name, node, "threshold")
    n = threshold.size
    return Model(np.zeros((n, 0, 0)), np.zeros((n, 0)), np.ones(n), threshold)


def _spikes(name: str, node: Any) -> tuple[FloatArray, ...]:
    if kind(node) not in SPIKING:
        return ()
    return values(name, node, "v_threshold"), values(name, node, "v_reset")


MODELS: dict[str, Callable[[str, Any], Model]] = {
    "I": _integrator,
    "IF": _integrator,
    "LI": _leaky,
    "LIF": _leaky,
    "CubaLI": _current_based,
    "CubaLIF": _current_based,
    "Threshold": _threshold,
}
