"""The command `neurosc robustness`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from neurosc import robustness, storage
from neurosc.cli.arguments import add_data, command, data_of, first
from neurosc.robustness import pages
from neurosc.robustness.measures import METRICS


def add_robustness(commands: Any) -> None:
    parser = command(
        commands,
        "robustness",
        _robustness,
        "Measure a trained network on many chips of ever stronger imperfections; write tables,\n"
        "figures and a report. A run that was interrupted goes on.",
        "neurosc robustness model.npz --device cmos-ring-65nm --levels 0 .1 .3 1 --chips 50",
    )
    parser.add_argument("model", help="file that `neurosc train` wrote")
    parser.add_argument(
        "--device", required=True, help="name of `neurosc devices`, or a .json of Device.to_json"
    )
    parser.add_argument("--levels", type=float, nargs="+", required=True, help="increasing numbers")
    parser.add_argument(
        "--parameter",
        nargs="+",
        help="what the levels set, such as PhaseNoise or WeightQuantization.bits; several one "
        "after another (default: factors of the whole device)",
    )
    parser.add_argument("--relative", action="store_true", help="levels are factors of the terms")
    add_data(parser)
    parser.add_argument("--samples", type=int, help="only the first so many")
    parser.add_argument("--chips", type=int, default=20, help="how many are fabricated (20)")
    parser.add_argument("--trials", type=int, default=1, help="relaxations on each chip (1)")
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=["accuracy"])
    parser.add_argument("--drop", type=float, default=0.05, help="share lost when critical (0.05)")
    parser.add_argument("--minimum", type=float, default=0.9, help="accuracy of a good chip (0.9)")
    methods = ["one-at-a-time", "morris", "sobol"]
    parser.add_argument("--sensitivity", choices=methods, help="also tell which term costs most")
    parser.add_argument(
        "--gradients", type=float, nargs="+", metavar="BETA", help="also measure gradients"
    )
    parser.add_argument("--jobs", type=int, default=-1, help="processes (one a core)")
    parser.add_argument("--scheduler", help="of dask.distributed, such as tcp://host:8786")
    parser.add_argument("--out", default="robustness", help="folder to write (robustness)")
    parser.add_argument("--rng", type=int, default=0, help="random root (0)")


GRADIENT_SAMPLES = 32
"""Training samples of a measured gradient, as in a batch of `neurosc train`."""


def _robustness(arguments: argparse.Namespace) -> None:
    network, cost = storage.load(arguments.model), storage.load_cost(arguments.model)
    if cost is None:
        raise ValueError(f"model: {arguments.model} has no cost; save it with save(..., cost=)")
    device, out = _device(arguments.device), Path(arguments.out)
    train, test = data_of(arguments.data, arguments.split)
    data = first(train if test is None else test, arguments.samples)
    names = arguments.parameter
    shared: dict[str, Any] = {
        "cost": cost,
        "chips": arguments.chips,
        "rng": arguments.rng,
        "jobs": 1 if arguments.scheduler else arguments.jobs,
        "scheduler": arguments.scheduler,
        "progress": True,
    }
    swept: dict[str, Any] = {"parameter": names, "relative": arguments.relative}
    found = robustness.sweep(
        network, data, device, arguments.levels, trials=arguments.trials,
        metrics=arguments.metrics, path=out / "sweep", **shared, **swept,
    )  # fmt: skip
    sensitivity = gradients = None
    if arguments.sensitivity:
        method = arguments.sensitivity
        sensitivity = robustness.sensitivity(
            network, data, device, method, trials=arguments.trials, path=out / method, **shared
        )
    if arguments.gradients:
        batch = train.rows(np.arange(min(GRADIENT_SAMPLES, len(train.y))))
        gradients = robustness.gradient_fidelity(
            network, batch, device, arguments.levels, beta=arguments.gradients,
            path=out / "gradients", **shared, **swept,
        )  # fmt: skip
    page = pages.report(
        found, out, sensitivity=sensitivity, gradients=gradients, drop=arguments.drop,
        minimum=arguments.minimum,
    )  # fmt: skip
    print(f"\n{pages.headline(found, arguments.drop, arguments.minimum)}\n")
    print(pages.readable(found.summary()).to_string(index=False))
    print(f"\nwrote {page}; tables and figures are beside it")


def _device(name: str) -> Any:
    from neurosc.hw_models import Device, presets

    if Path(name).suffix != ".json":
        return presets.get(name)
    if not Path(name).is_file():
        raise FileNotFoundError(f"device: {name} does not exist; write it with Device.to_json")
    return Device.from_json(Path(name).read_text())
