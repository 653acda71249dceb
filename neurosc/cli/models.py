"""Commands that make models and tell what is in them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from neurosc import costs, report, storage, topology
from neurosc.cli.arguments import add_data, command, data_of
from neurosc.costs import Cost
from neurosc.learning import Bounds, fit
from neurosc.network import Encoding

COSTS: dict[str, type[Cost]] = {
    "cosine": costs.CosineCost,
    "log-cosine": costs.LogCosineCost,
    "squared-cosine": costs.SquaredCosineCost,
    "cross-entropy": costs.CrossEntropy,
}


def add_demo(commands: Any) -> None:
    parser = command(
        commands,
        "demo",
        _demo,
        "Train a digits net, measure it on four substrates, write a report.",
        "neurosc demo --out demo",
    )
    default = report.DemoSettings()
    parser.add_argument("--out", default="demo", help="folder to write (default: demo)")
    parser.add_argument("--overwrite", action="store_true", help="write into a folder with files")
    parser.add_argument("--epochs", type=int, default=default.epochs, help="of training (60)")
    parser.add_argument("--images", type=int, default=default.images, help="on Brian2 (100)")
    parser.add_argument("--chips", type=int, default=default.chips, help="analog chips (20)")
    parser.add_argument("--rng", type=int, default=default.rng, help="random root (0)")


def _demo(arguments: argparse.Namespace) -> None:
    settings = report.DemoSettings(
        arguments.epochs, arguments.images, arguments.chips, arguments.rng
    )
    report.demo(arguments.out, settings, overwrite=arguments.overwrite)


def add_train(commands: Any) -> None:
    parser = command(
        commands,
        "train",
        _train,
        "Train a layered network and write it to a file. A run that was interrupted goes on.",
        "neurosc train model.npz --data digits --sizes 64 20 10 --epochs 60",
    )
    parser.add_argument("model", help="file to write, .npz")
    add_data(parser)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 20, 10], help="per layer")
    parser.add_argument("--cost", choices=COSTS, default="cosine")
    parser.add_argument("--scale", type=float, default=np.pi / 2, help="radians per unit of x")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--learning-rate", type=float, default=0.03)
    parser.add_argument("--beta", type=float, default=0.1, help="strength of the nudge")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--strength", type=float, default=3.2, help="bound on couplings and field")
    parser.add_argument("--validation", type=float, default=0.1, help="share held out (0.1)")
    parser.add_argument("--lags", action="store_true", help="complex couplings with lags")
    parser.add_argument("--rng", type=int, default=0, help="random root (0)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")


def _train(arguments: argparse.Namespace) -> None:
    model = Path(arguments.model)
    if model.exists() and not arguments.overwrite:
        raise FileExistsError(f"model: {model} exists; name another file or add --overwrite")
    train, test = data_of(arguments.data, arguments.split)
    cost = COSTS[arguments.cost]()
    network = topology.layered(
        arguments.sizes,
        encoding=Encoding("phase", arguments.scale),
        lags=arguments.lags,
        rng=arguments.rng,
    )
    checkpoint = model.with_name(f"{model.name}.checkpoint")
    if checkpoint.exists():
        print(f"going on from {checkpoint}")
    fitted = fit(
        network,
        train,
        cost=cost,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        beta=arguments.beta,
        batch_size=arguments.batch_size,
        bounds=Bounds(strength=arguments.strength),
        validation=arguments.validation or None,
        checkpoint=checkpoint,
        progress=True,
        rng=arguments.rng,
    )
    settings = {k: v for k, v in vars(arguments).items() if k not in ("run", "debug", "overwrite")}
    storage.save(fitted.network, model, cost=cost, info={"train": settings, "history": fitted.rows})
    checkpoint.unlink(missing_ok=True)
    last = fitted.rows[-1] if fitted.rows else {}
    for name in ("loss", "validation_accuracy", "unlocked"):
        if name in last:
            print(f"{name.replace('_', ' ')}: {last[name]:.4f}")
    print(f"wrote {model}; test it with: neurosc evaluate {model} --data {arguments.data}")
    if test is None:
        print("all samples of the file were used for training: evaluate on another file")


def add_info(commands: Any) -> None:
    parser = command(
        commands, "info", _info, "Tell what a model or NIR file holds.", "neurosc info model.npz"
    )
    parser.add_argument("file", help=".npz of neurosc, or .nir")


def _info(arguments: argparse.Namespace) -> None:
    if Path(arguments.file).suffix == ".nir":
        from neurosc import export

        graph = export.read(arguments.file)
        print(f"{arguments.file}: NIR graph, {len(graph.nodes)} nodes, {len(graph.edges)} edges")
        for name, node in sorted(graph.nodes.items()):
            print(f"  {name}: {type(node).__name__}")
        print(export.from_nir(graph))
        return
    network, cost = storage.load(arguments.file), storage.load_cost(arguments.file)
    strength = network.strength[network.free]
    print(f"{arguments.file}: {network}")
    print(f"  cost: {cost}")
    print(f"  encoding: {network.encoding.kind}, scale {network.encoding.scale:.4g}")
    print(f"  couplings and field on one oscillator: at most {strength.max():.4g}")
    info = storage.load_info(arguments.file)
    settings = {k: v for k, v in info.items() if k != "history"}
    if settings:
        print(f"  info: {json.dumps(settings)}")
