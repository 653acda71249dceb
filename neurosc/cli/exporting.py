"""The command `neurosc export`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosc import storage
from neurosc.cli.arguments import add_data, command, data_of, first
from neurosc.costs import Cost
from neurosc.network import PhaseNetwork

if TYPE_CHECKING:
    import nir

OPTIONS = ("eps", "steps_per_cycle", "pairs", "shape", "target")
"""Arguments of `to_nir`."""
RUN = ("portable", "flat")
"""Shapes that --verify can run."""
CALIBRATION = 64
"""Training samples at which --verify has the compile corrected, at most."""


def add_export(commands: Any) -> None:
    parser = command(
        commands,
        "export",
        _export,
        "Write a trained network as a NIR graph of spiking neurons, for a chip or an importer.",
        "neurosc export model.npz model.nir --target loihi2 --verify",
    )
    parser.add_argument("model", help="file that `neurosc train` wrote")
    parser.add_argument("file", help="file to write, .nir")
    parser.add_argument("--target", help="chip or importer: its shape, its grids, its limits")
    parser.add_argument("--shape", help="faithful, portable or flat (what the target takes)")
    parser.add_argument("--eps", type=float, help="coupling per cycle (0.1)")
    parser.add_argument("--steps-per-cycle", type=int, help="time steps in a cycle (256)")
    parser.add_argument("--pairs", type=int, help="pairs of delays that make a sine (3)")
    parser.add_argument("--bits", type=int, help="of the weights (those of the target)")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="run the file on test samples; it is compiled for training samples of the same --data",
    )
    add_data(parser)
    parser.add_argument("--samples", type=int, default=20, help="of --verify, the first (20)")
    parser.add_argument("--cycles", type=int, help="of --verify, to come to rest (by strength)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")


def _export(arguments: argparse.Namespace) -> None:
    from neurosc import export

    if Path(arguments.file).exists() and not arguments.overwrite:
        raise FileExistsError(f"file: {arguments.file} exists; name another or add --overwrite")
    network, cost = storage.load(arguments.model), storage.load_cost(arguments.model)
    _check(arguments, cost)
    options = {k: getattr(arguments, k) for k in OPTIONS if getattr(arguments, k) is not None}
    if arguments.verify:
        train, _ = data_of(arguments.data, arguments.split)
        options["samples"] = first(train, CALIBRATION).x
    graph = export.to_nir(network, **options)
    if arguments.target is not None:
        graph = _fitted(graph, arguments.target, arguments.bits)
    export.write(graph, arguments.file)
    print(f"wrote {arguments.file}: {len(graph.nodes)} nodes, {len(graph.edges)} edges")
    if arguments.verify:
        _verify(arguments, network, cost)


def _check(arguments: argparse.Namespace, cost: Cost | None) -> None:
    """Raise for what would fail only after the work is done."""
    from neurosc.export import targets

    if arguments.target is not None:
        targets.find(arguments.target)
    elif arguments.bits is not None:
        raise ValueError("bits: only a target has a grid; add --target")
    if arguments.verify and arguments.target is None and arguments.shape not in RUN:
        raise ValueError(
            "verify: runs portable and flat graphs; add --target or --shape portable, or use "
            "`neurosc evaluate --on nir`"
        )
    if arguments.verify and cost is None:
        raise ValueError(f"model: {arguments.model} has no cost; save it with save(..., cost=)")


def _fitted(graph: nir.NIRGraph, target: str, bits: int | None) -> nir.NIRGraph:
    """The graph on the grids of the target, within its limits; prints what became of it."""
    from neurosc import export

    quantized = export.quantize(graph, target, bits=bits)
    report = export.check(quantized.graph, target)
    print(f"{quantized}\n\n{report}\n")
    if not report.ok:
        raise ValueError(
            f"target: the graph breaks limits of {target}, {len(report.violations)} in all, and "
            "was not written; mend them as told above or choose another target"
        )
    return quantized.graph


def _verify(arguments: argparse.Namespace, network: PhaseNetwork, cost: Cost | None) -> None:
    """Run the file, read back from disk, beside the ideal network."""
    from neurosc import export

    train, test = data_of(arguments.data, arguments.split)
    data = first(train if test is None else test, arguments.samples)
    graph = export.read(arguments.file)
    cycles = export.PortableSubstrate(graph, arguments.cycles).rest
    print(f"\nrunning {len(data.y)} samples for {cycles} cycles and one beat with the dither ...")
    print(export.fidelity(graph, data.x, data.y, cost=cost, cycles=cycles))
