"""The NIR graphs of a compiled population, and what may be chosen of a graph's form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from neurosc.export.portable.compiling import Portable

if TYPE_CHECKING:
    import nir

Shape = Literal["faithful", "portable", "flat", "sinabs"]
Amplitude = Literal["one", "impulse"]
Latency = Literal["loops", "absorbed"]


def check_shape(shape: str) -> None:
    """Raise ValueError for a shape that is none."""
    _check_known("shape", shape, get_args(Shape))


def check_reading(shape: Shape, amplitude: str, latency: str) -> None:
    """Raise ValueError for an amplitude or a latency that is none, or that the shape cannot have.

    Shapes without delays are made for importers, and those agree in both.
    """
    for name, value, known in (
        ("amplitude", amplitude, get_args(Amplitude)),
        ("latency", latency, get_args(Latency)),
    ):
        _check_known(name, value, known)
        if shape != "faithful" and value != known[0]:
            raise ValueError(
                f"{name}: the {shape} shape is made for importers, which all take {known[0]!r}; "
                'leave it out, or use shape="faithful"'
            )


def _check_known(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(
            f"{name}: {value!r} is none; give one of " + ", ".join(repr(one) for one in known)
        )


def matrix(weight: npt.NDArray[np.floating], affine: bool) -> nir.Linear | nir.Affine:
    """A Linear node, or an Affine with a bias of 0."""
    import nir

    if affine:
        return nir.Affine(weight=weight, bias=np.zeros(len(weight), dtype=weight.dtype))
    return nir.Linear(weight=weight)


def population_graph(
    program: Portable, dt: float, *, nested: bool, affine: bool, metadata: dict[str, Any]
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
    affine
        Whether the matrix is an Affine with a bias of 0.
    """
    import nir

    recurrent = matrix(program.weight, affine)
    nodes, size = _outer(program), program.bias.size
    nodes["l1_osc"] = _neurons(program, dt)
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
    return nir.NIRGraph(nodes=_in_order(nodes), edges=edges, metadata=metadata)


def sinabs_graph(program: Portable, metadata: dict[str, Any]) -> nir.NIRGraph:
    """The population for Sinabs, which knows neither CubaLIF nor Linear.

        input -> l0_in -> l1_syn -> l2_osc -> output,  l2_osc -> l3_rec -> l1_syn

    Sinabs counts in steps, asks for r = 1 in LI, ignores r of LIF, and computes

        i <- exp(-1/tau_syn) i + x,  v <- exp(-1/tau_mem) v + i,

    so tau = -1 / ln(decay) makes it take the very steps of the portable shape. With r = tau_syn
    tau_mem in the LIF the equations of NIR say the same.
    """
    import nir

    every = np.ones(program.bias.size, dtype=np.float32)
    synapse, membrane = (
        np.float32(-1 / np.log(decay)) * every
        for decay in (program.decays.synapse, program.decays.membrane)
    )
    nodes = _outer(program)
    nodes["l1_syn"] = nir.LI(tau=synapse, r=every, v_leak=0 * every)
    nodes["l2_osc"] = nir.LIF(
        tau=membrane, r=synapse * membrane, v_leak=0 * every, v_threshold=every, v_reset=0 * every
    )
    nodes["l3_rec"] = matrix(program.weight, affine=True)
    edges = [
        ("input", "l0_in"),
        ("l0_in", "l1_syn"),
        ("l1_syn", "l2_osc"),
        ("l2_osc", "l3_rec"),
        ("l3_rec", "l1_syn"),
        ("l2_osc", "output"),
    ]
    return nir.NIRGraph(nodes=_in_order(nodes), edges=edges, metadata=metadata)


def _outer(program: Portable) -> dict[str, Any]:
    """Input, drive and output."""
    import nir

    size, channels = program.feed.shape
    return {
        "input": nir.Input(input_type=np.array([channels])),
        "l0_in": nir.Affine(weight=program.feed, bias=program.bias),
        "output": nir.Output(output_type=np.array([size])),
    }


def _in_order(nodes: dict[str, Any]) -> dict[str, Any]:
    """Sorted by name, as a file returns them."""
    return {name: nodes[name] for name in sorted(nodes)}


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
