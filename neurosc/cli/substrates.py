"""Commands that take a model to a substrate."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from neurosc import storage
from neurosc.cli.arguments import add_data, command, data_of, first
from neurosc.ideal import Ideal
from neurosc.learning import evaluate
from neurosc.network import PhaseNetwork
from neurosc.substrate import Substrate

SUBSTRATES = ("ideal", "chips", "spiking", "nir")


def add_evaluate(commands: Any) -> None:
    parser = command(
        commands,
        "evaluate",
        _evaluate,
        "Read held-out samples with a trained network on a substrate.",
        "neurosc evaluate model.npz --data digits --on chips --chips 20 --mismatch 0.01",
    )
    parser.add_argument("model", help="file that `neurosc train` wrote")
    add_data(parser)
    parser.add_argument("--on", choices=SUBSTRATES, default="ideal")
    parser.add_argument("--samples", type=int, help="only the first so many")
    parser.add_argument("--eps", type=float, help="coupling per cycle (spiking, nir)")
    parser.add_argument("--chips", type=int, default=20, help="how many (chips)")
    parser.add_argument("--mismatch", type=float, default=0.01, help="of frequency, share of K")
    parser.add_argument("--noise", type=float, default=1e-3, help="phase noise D/K (chips)")
    parser.add_argument("--bits", type=int, default=8, help="weight bits (chips)")
    parser.add_argument("--rng", type=int, default=0, help="random root (0)")


def _evaluate(arguments: argparse.Namespace) -> None:
    if Path(arguments.model).suffix == ".nir":
        raise ValueError(
            f"model: {arguments.model} is a NIR graph, which has no cost; give the .npz that "
            "`neurosc train` wrote, with --on nir, or hold the graph against chips: `neurosc check`"
        )
    network, cost = storage.load(arguments.model), storage.load_cost(arguments.model)
    if cost is None:
        raise ValueError(f"model: {arguments.model} has no cost; save it with save(..., cost=)")
    train, test = data_of(arguments.data, arguments.split)
    data = first(train if test is None else test, arguments.samples)
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
