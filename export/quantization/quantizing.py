"""From a graph to one whose numbers a target can hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosc.export.metadata import KEY, unpack
from neurosc.export.portable.population import Population, placed
from neurosc.export.quantization.any_graph import round_nodes
from neurosc.export.quantization.grids import Grids, grids_of
from neurosc.export.quantization.oscillators import on_grids
from neurosc.export.quantization.report import Quantized
from neurosc.export.quantization.torque import moved, torque
from neurosc.ideal import Ideal
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.randomness import stream

if TYPE_CHECKING:
    import nir

EXAMPLES = 8
"""Random samples in [0, 1], for which the shift of the phases is told if none are given."""


def quantize(
    graph: nir.NIRGraph,
    target: str,
    *,
    bits: int | None = None,
    x: npt.ArrayLike | None = None,
    dt: float | None = None,
) -> Quantized:
    """The graph with weights, biases and decays on the grids of a target.

    A portable or flat graph of `to_nir` keeps its phases:

    - Decays are rounded to steps of dt/tau; relays and taps are made anew for them.
    - Weights are levels times a unit, one for each role of the rows: oscillators, sources, relays
      of each latency. Couplings are a hundredth of what makes a relay spike, so with one unit for
      all they would be lost.
    - The taps of one coupling are rounded together, such that their interaction with the
      oscillator, H(phi) = sum_m w_m G(D_m - phi), is as near as can be: errors of taps cancel.
    - A relay of latency k has the kick a and the self-weight -b with b/a nearest synapse^k, which
      leaves next to nothing of a spike.
    - Biases keep the periods. What their grid misses is made up by pushes of the dither that
      differ by a few levels.

    A chip holds such rows as populations of their own, one for each role, with a projection from
    each of the others: neurons are equal but for the threshold, which is 1/unit there, in levels.
    So no unit depends on another, as it would where projections onto one population may differ
    by powers of two only, by the exponent of Loihi's weights.

    Any other graph is rounded node by node: weights share the unit max|w| / largest level, and so
    do biases. Where dt/tau is rounded, r or w_in is scaled with tau, so that a spike adds as much
    as before. That suits networks that were trained for it; `check` and a run will tell.

    Parameters
    ----------
    graph
        Any NIR graph, times in seconds.
    target
        One of `export.targets.names()`. One without grids takes float32: the graph is returned as
        it is, and the report says so.

    Other arguments
    ---------------
    bits
        Of the weights, sign included, by default those of the target; 6 or more keep the phases of
        oscillators, 5 nearly, and relays need 5.
    x
        Samples (batch, inputs) for which the shift of the phases is predicted; by default 8
        random ones from [0, 1].
    dt
        Seconds per step; a graph of `to_nir` knows its own.

    Returns
    -------
    Quantized
        `.graph`; `.shift`, the predicted shift of the phases; `.measure()` runs both graphs;
        `.table()`; str() is readable.

    Raises
    ------
    TypeError
        For something that is no NIR graph.
    ValueError
        For an unknown target (lists the known ones), bits out of range, too few bits for the
        relays, and a missing dt where decays are rounded.

    Notes
    -----
    The shift is Hessian^-1 times the change of the torques at the ideal phases, to first order. It
    leaves out what the time grid does, which is more than the rest at 8 bits: `.measure()`.
    """
    import nir

    grids = grids_of(target, bits)
    if not isinstance(graph, nir.NIRGraph):
        raise TypeError(
            f"graph: expected a NIRGraph, not {type(graph).__name__}; make one with to_nir or "
            "read one with export.read"
        )
    if grids.fine:
        return Quantized(graph, graph, target, (), 0, 0, None)
    if not _of_relays(graph):
        copy, groups, weights, lost = round_nodes(graph, grids, dt)
        return Quantized(copy, graph, target, groups, weights, lost, None)
    old = Population.of(graph)
    found = on_grids(old, grids)
    new = placed(graph, found.population)
    new.metadata = _noted(graph.metadata, grids)
    shift = predicted_shift(old, found.population, x)
    return Quantized(new, graph, target, found.groups, found.couplings, found.lost, shift)


def predicted_shift(old: Population, new: Population, x: npt.ArrayLike | None = None) -> FloatArray:
    """By how much the phases of samples x should differ, the largest of each, radians, (batch,)."""
    network = old.network
    samples = _examples(network) if x is None else x
    batch = 1 if samples is None else len(np.asarray(samples))
    phases = Ideal().relax(network, samples, start=np.zeros((batch, network.n))).phases
    push = torque(new, phases) - torque(old, phases)
    return np.asarray(np.abs(moved(network, phases, push)).max(axis=1))


def _of_relays(graph: Any) -> bool:
    return KEY in (graph.metadata or {}) and unpack(graph)[1].shape != "faithful"


def _examples(network: PhaseNetwork) -> FloatArray | None:
    inputs = network.inputs.size
    return stream(0, "quantize").random((EXAMPLES, inputs)) if inputs else None


def _noted(metadata: dict[str, Any], grids: Grids) -> dict[str, Any]:
    """The metadata, which tell for what the graph was quantised."""
    values = json.loads(metadata[KEY])
    values["quantized"] = {"target": grids.target, "weight_levels": grids.weights}
    return {**metadata, KEY: json.dumps(values)}
