"""The command `neurosc devices`."""

from __future__ import annotations

import argparse
from typing import Any

from neurosc.cli.arguments import command


def add_devices(commands: Any) -> None:
    parser = command(
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
