"""The command `neurosc study`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from neurosc import studies
from neurosc.cli.arguments import command
from neurosc.robustness.study import counted
from neurosc.studies.summary import readable, untouched

COUNTS = ("epochs", "batches")
"""Options of a study that shorten it."""


def add_study(commands: Any) -> None:
    parser = command(
        commands,
        "study",
        _study,
        "List the studies, or run one: published results measured again over several seeds.\n"
        "Writes tables, figures and a page. A run that was interrupted goes on.",
        "neurosc study xor --seeds 20 --jobs 2 --out xor",
    )
    parser.add_argument("name", nargs="?", help="one of the list")
    parser.add_argument("--seeds", type=int, help="how many random starts (the study's own)")
    parser.add_argument("--jobs", type=int, default=-1, help="processes (one a core)")
    parser.add_argument("--data", help="file or folder with the data of the study")
    parser.add_argument("--experiment", help="of kuranet: a name or a file .toml (all)")
    parser.add_argument("--epochs", type=int, help="of learning (the recipe's own)")
    parser.add_argument("--batches", type=int, help="likewise, of coupling maps")
    parser.add_argument("--out", help="folder to write (study-NAME)")
    parser.add_argument("--overwrite", action="store_true", help="start afresh in such a folder")
    parser.add_argument("--rng", type=int, default=0, help="random root (0)")


def _study(arguments: argparse.Namespace) -> None:
    if arguments.name is None:
        for name in studies.names():
            study = studies.get(name)
            print(f"{name:14}{study.about}\n{'':14}published: {study.reported}")
        return
    study = studies.get(arguments.name)
    given = {name: getattr(arguments, name) for name in ("data", "experiment", *COUNTS)}
    options = {name: value for name, value in given.items() if value is not None}
    for name in options.keys() & set(COUNTS):
        counted(name, options[name])
    for option in sorted(set(options) - set(study.options)):
        told = "brings its own" if option == "data" else "has none"
        raise ValueError(f"{option}: the study {study.name} {told}; leave --{option} out")
    out = Path(arguments.out or f"study-{study.name}")
    result = studies.run(
        study.name, seeds=arguments.seeds, jobs=arguments.jobs, rng=arguments.rng, out=out,
        overwrite=arguments.overwrite, progress=True, **options,
    )  # fmt: skip
    print(f"\n{study.about}\npublished: {study.reported}\n")
    print(readable(result.summary).to_string(index=False))
    said = [text for text in (untouched(result.summary), result.reading) if text]
    if said:
        print("\n" + "\n".join(said))
    print(f"\nwrote {out / 'report.html'}; tables and figures are beside it")
