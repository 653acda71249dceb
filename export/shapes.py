"""The NIR graphs of a compiled population."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from neurosc.export.portable import Portable

if TYPE_CHECKING:
    import nir

Shape = Literal["faithful", "portable", "flat"]


def check_shape(shape: str) -> None:
    """Raise ValueError for a shape that is none."""
    if shape not in get_args(Shape):
        raise ValueError(
            f"shape: {shape!r} is none; give one of "
            + ", ".join(repr(known) for known in get_args(Shape))
        )


def population_graph(
    program: Portable, dt: float, *, nested: bool, metadata: dict[str, Any]
) -> nir.NIRGraph:
    """Input, drive, one population with one recurrent matrix, output.

        input -> l0_in -> l1_osc {input -> lif <-> w_rec, lif -> output} -> output

    Names sort in the order of the signals, as some importers need. Without nesting the nodes are
    input, l0_in, l1_osc (the neurons), l2_rec and output.

    Parameters
    ----------
    dt
        Seconds in a step.
    nested
        Whether neurons and matrix are a graph of their own.
    """
    import nir

    size, channels = program.feed.shape
    drive = nir.Affine(weight=program.feed, bias=program.bias)
    recurrent = nir.Linear(weight=program.weight)
    nodes: dict[str, Any] = {
        "input": nir.Input(input_type=np.array([channels])),
        "l0_in": drive,
        "l1_osc": _neurons(program, dt),
        "output": nir.Output(output_type=np.array([size])),
    }
    edges = [("input", "l0_in"), ("l0_in", "l1_osc"), ("l1_osc", "output")]
    if nested:
        inner = {
            "input": nir.Input(input_type=np.array([size])),
            "lif": nodes["l1_osc"],
            "w_rec": recurrent,
            "output": nir.Output(output_type=np.array([size])),
        }
        loop = [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")]
        nodes["l1_osc"] = nir.NIRGraph(nodes=inner, edges=loop)
    else:
        nodes["l2_rec"] = recurrent
        edges += [("l1_osc", "l2_rec"), ("l2_rec", "l1_osc")]
    return nir.NIRGraph(nodes=nodes, edges=edges, metadata=metadata)


def _neurons(program: Portable, dt: float) -> nir.CubaLIF:
    """tau = dt / (1 - decay), r = tau_mem / dt, w_in = tau_syn / dt: the steps of `Decays`."""
    import nir

    every = np.ones(program.bias.size, dtype=np.float32)
    membrane = every / np.float32(1 - program.decays.membrane)
    synapse = every / np.float32(1 - program.decays.synapse)
    return nir.CubaLIF(
        tau_mem=membrane * np.float32(dt),
        tau_syn=synapse * np.float32(dt),
        r=membrane,
        w_in=synapse,
        v_leak=0 * every,
        v_threshold=every,
        v_reset=0 * every,
    )
