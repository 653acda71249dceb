"""The command `neurosc`.

Exit codes: 0 success, 1 an error that the message explains, 2 a wrong command line.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc import (
    __version__,
    autograd,
    costs,
    datasets,
    plots,
    report,
    storage,
    topology,
    verify,
)
from neurosc.costs import Cost
from neurosc.datasets import Dataset
from neurosc.ideal import Ideal
from neurosc.learning import Bounds, evaluate, fit
from neurosc.network import Encoding, PhaseNetwork
from neurosc.substrate import Substrate

if TYPE_CHECKING:
    import pandas as pd

COSTS: dict[str, type[Cost]] = {
    "cosine": costs.CosineCost,
    "log-cosine": costs.LogCosineCost,
    "squared-cosine": costs.SquaredCosineCost,
    "cross-entropy": costs.CrossEntropy,
}
SUBSTRATES = ("ideal", "chips", "spiking", "nir")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 2
    try:
        arguments.run(arguments)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 1
    except (ValueError, TypeError, OSError, RuntimeError, FloatingPointError) as error:
        if arguments.debug:
            raise
        print(f"neurosc {arguments.command}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="neurosc",
        description="Train oscillator networks with two relaxations; run them on any substrate.",
    )
    parser.add_argument("--version", action="version", version=f"neurosc {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_demo(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_export(commands)
    _add_verify(commands)
    _add_devices(commands)
    _add_info(commands)
    return parser


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], None], about: str, example: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(run=run)
    return parser


def _add_demo(commands: Any) -> None:
    parser = _command(
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


def _add_train(commands: Any) -> None:
    parser = _command(
        commands,
        "train",
        _train,
        "Train a layered network and write it to a file. A run that was interrupted goes on.",
        "neurosc train model.npz --data digits --sizes 64 20 10 --epochs 60",
    )
    parser.add_argument("model", help="file to write, .npz")
    _add_data(parser)
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
    train, test = _data(arguments.data, arguments.split)
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


def _add_evaluate(commands: Any) -> None:
    parser = _command(
        commands,
        "evaluate",
        _evaluate,
        "Read held-out samples with a trained network on a substrate.",
        "neurosc evaluate model.npz --data digits --on chips --chips 20 --mismatch 0.01",
    )
    parser.add_argument("model", help="file that `neurosc train` wrote")
    _add_data(parser)
    parser.add_argument("--on", choices=SUBSTRATES, default="ideal")
    parser.add_argument("--samples", type=int, help="only the first so many")
    parser.add_argument("--eps", type=float, help="coupling per cycle (spiking, nir)")
    parser.add_argument("--chips", type=int, default=20, help="how many (chips)")
    parser.add_argument("--mismatch", type=float, default=0.01, help="of frequency, share of K")
    parser.add_argument("--noise", type=float, default=1e-3, help="phase noise D/K (chips)")
    parser.add_argument("--bits", type=int, default=8, help="weight bits (chips)")
    parser.add_argument("--rng", type=int, default=0, help="random root (0)")


def _evaluate(arguments: argparse.Namespace) -> None:
    network, cost = storage.load(arguments.model), storage.load_cost(arguments.model)
    if cost is None:
        raise ValueError(f"model: {arguments.model} has no cost; save it with save(..., cost=)")
    train, test = _data(arguments.data, arguments.split)
    data = train if test is None else test
    if arguments.samples is not None:
        if arguments.samples < 1:
            raise ValueError(f"samples: {arguments.samples} is too few; give 1 or more")
        data = data.rows(np.arange(min(arguments.samples, len(data.y))))
    result = evaluate(
        network, data, cost=cost, on=_substrate(arguments, network), rng=arguments.rng
    )
    print(f"{arguments.on}, {len(data.y)} samples: {result}")
    if result.correct.ndim == 2:
        for number, accuracy in enumerate(result.accuracy):
            print(f"  chip {number:3d}: {accuracy:.2%}")


def _substrate(arguments: argparse.Namespace, network: PhaseNetwork) -> Substrate:
    options: dict[str, Any] = {} if arguments.eps is None else {"eps": arguments.eps}
    if arguments.on == "chips":
        from neurosc.hw_models import Device, FrequencyMismatch, PhaseNoise, WeightQuantization

        device = Device(
            FrequencyMismatch(arguments.mismatch),
            PhaseNoise(arguments.noise),
            WeightQuantization(arguments.bits),
        )
        return device.fabricate(network, arguments.chips, rng=arguments.rng)
    if arguments.on == "spiking":
        from neurosc.hw_models import SpikingOscillators

        return SpikingOscillators(progress=True, **options)
    if arguments.on == "nir":
        from neurosc.export import NIRSubstrate

        return NIRSubstrate(progress=True, **options)
    return Ideal()


def _add_export(commands: Any) -> None:
    parser = _command(
        commands,
        "export",
        _export,
        "Write a trained network as a NIR graph of spiking neurons.",
        "neurosc export model.npz model.nir",
    )
    parser.add_argument("model", help="file that `neurosc train` wrote")
    parser.add_argument("file", help="file to write, .nir")
    parser.add_argument("--eps", type=float, help="coupling per cycle")
    parser.add_argument("--steps-per-cycle", type=int, help="time steps in a cycle")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")


def _export(arguments: argparse.Namespace) -> None:
    from neurosc import export

    if Path(arguments.file).exists() and not arguments.overwrite:
        raise FileExistsError(f"file: {arguments.file} exists; name another or add --overwrite")
    names = ("eps", "steps_per_cycle")
    options = {k: getattr(arguments, k) for k in names if getattr(arguments, k) is not None}
    graph = export.to_nir(storage.load(arguments.model), **options)
    export.write(graph, arguments.file)
    print(f"wrote {arguments.file}: {len(graph.nodes)} nodes, {len(graph.edges)} edges")


def _add_verify(commands: Any) -> None:
    parser = _command(
        commands,
        "verify",
        _verify,
        "Hold two-phase gradients against implicit, finite-difference and automatic ones.",
        "neurosc verify --sizes 6 25 100 --sparse 20000 1000000 --figure verify.png",
    )
    sizes = [6, 25, 60, 100, 200]
    betas = [30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 1e-2, 1e-3, 1e-4]
    parser.add_argument("--sizes", type=int, nargs="*", default=sizes, help="dense networks")
    parser.add_argument("--sparse", type=int, nargs="*", default=[20_000], help="6-regular ones")
    parser.add_argument("--betas", type=float, nargs="+", default=betas, help="nudges")
    shares = [1e-1, 1e-2, 1e-3]
    parser.add_argument(
        "--shares",
        type=float,
        nargs="+",
        default=shares,
        help="nudges of the sparse networks, as shares of their algebraic connectivity",
    )
    parser.add_argument("--figure", help="picture to write, .png")
    parser.add_argument("--rng", type=int, default=0, help="random root (0)")


def _verify(arguments: argparse.Namespace) -> None:
    import pandas as pd
    from tqdm import tqdm

    if not arguments.sizes + arguments.sparse:
        raise ValueError("sizes: no network to verify; give --sizes or --sparse")
    dense = [(n, verify.random_kuramoto) for n in arguments.sizes]
    sparse = [(n, verify.random_regular) for n in arguments.sparse]
    found: list[verify.Identity] = []
    runs = []
    for n, make in tqdm([*dense, *sparse], desc="verify", unit="network"):
        started, network = time.perf_counter(), make(n, rng=arguments.rng)
        scaled = make is verify.random_regular
        betas = verify.betas(network, arguments.shares) if scaled else arguments.betas
        found.append(verify.identity(network, betas=betas, rng=arguments.rng))
        runs.append({"n": n, "seconds": time.perf_counter() - started, "peak_MiB": peak_memory()})
    print("\nimplicit gradient against its witnesses, all parameters")
    print(_text(verify.witness_table(found)))
    if not autograd.is_installed():
        print(f"PyTorch: left out; {autograd.INSTALL}")
    print("\ntwo-phase against implicit gradient, all parameters")
    table = verify.identity_table(found)
    print(_text(table))
    for label in dict.fromkeys(a.label for i in found for a in i.agreements):
        orders = [verify.slopes(i.agreements).get(label, np.nan) for i in found]
        if np.isfinite(orders).any():
            low, high = np.nanmin(orders), np.nanmax(orders)
            print(f"{label}: error ~ beta^p with p = {low:.3f} to {high:.3f}")
    large = [i.n for i in found if i.n > verify.DENSE]
    if large:
        print(f"N = {large}: holomorphic nudges and PyTorch left out, they need dense Hessians")
    print("\nwall time of each network, and the largest memory of the process until then")
    print(pd.DataFrame(runs).to_string(index=False, float_format="{:.1f}".format))
    if arguments.figure:
        plots.gradient_errors(
            [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
        ).savefig(arguments.figure)
        print(f"wrote {arguments.figure}")


def _text(table: pd.DataFrame) -> str:
    formats = {"cosine": "{:.9f}".format, "beta": "{:g}".format}
    return table.to_string(index=False, formatters=formats, float_format="{:.2e}".format)


def peak_memory() -> float:
    """The largest memory of this process so far in MiB; nan where the system does not tell."""
    try:
        import resource
    except ImportError:
        return float("nan")
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes / (2**20 if sys.platform == "darwin" else 2**10)


def _add_devices(commands: Any) -> None:
    parser = _command(
        commands,
        "devices",
        _devices,
        "List the devices that neurosc knows, or explain one: each number, unit and source.",
        "neurosc devices cmos-ring-65nm",
    )
    parser.add_argument("name", nargs="?", help="one of the list")


def _devices(arguments: argparse.Namespace) -> None:
    from neurosc.hw_models import presets

    if arguments.name is not None:
        preset = presets.find(arguments.name)
        print(f"{preset.about}\n\n{preset.device.explain()}")
        return
    print(f"{'name':22}{'D/K':>9}{'detuning/K':>12}  {'numbers':24}what it is")
    for preset in map(presets.find, presets.list()):
        device = preset.device
        rates = f"{device.noise:9.2g}{device.detuning:12.2g}"
        print(f"{preset.name:22}{rates}  {', '.join(preset.qualities):24}{preset.about}")


def _add_info(commands: Any) -> None:
    parser = _command(
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


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", default="digits", help="digits, or a .csv whose last column is the class"
    )
    parser.add_argument("--split", type=int, default=0, help="number of the digits split (0)")


def _data(name: str, split: int) -> tuple[Dataset, Dataset | None]:
    """Training and test samples; a file has no test samples of its own."""
    if name == "digits":
        return datasets.digits(split)
    return datasets.read_csv(name), None
