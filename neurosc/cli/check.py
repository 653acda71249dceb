"""The command `neurosc check`."""

from __future__ import annotations

import argparse
import sys
import warnings
from typing import Any

from neurosc.cli.arguments import command


def add_check(commands: Any) -> None:
    parser = command(
        commands,
        "check",
        _check,
        "Hold a NIR file against the limits of a chip or an importer.",
        "neurosc check model.nir --target loihi2",
    )
    parser.add_argument("file", help="a NIR file, by whatever tool it was written")
    parser.add_argument("--target", help="chip or importer; without it, say which ones suit")
    parser.add_argument("--dt", type=float, help="seconds per step, if the file is not ours")


def _check(arguments: argparse.Namespace) -> None:
    from neurosc import export
    from neurosc.export import targets

    if arguments.target is not None:
        targets.find(arguments.target)  # a wrong name is told before a large file is read
    graph, doubts = _read(arguments.file)
    if arguments.target is None:
        for doubt in doubts:
            print(f"warning  {doubt}")
        for name in targets.names():
            print(_line(export.check(graph, name, dt=arguments.dt)))
        return
    report = export.check(graph, arguments.target, dt=arguments.dt)
    print(report)
    if not report.ok:
        sys.stdout.flush()
        raise ValueError(
            f"file: {arguments.file} breaks limits of {report.target}, "
            f"{len(report.violations)} in all; mend them as told above or choose another target"
        )


def _read(path: str) -> tuple[Any, list[str]]:
    """The graph, and what `read` warns of: the report on one target says it in its own unit."""
    from neurosc import export

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        graph = export.read(path)
    return graph, [str(warning.message) for warning in caught]


def _line(report: Any) -> str:
    """One target in one line; the first violation stands for all."""
    if report.ok:
        unsure = f", warnings: {len(report.warnings)}" if report.warnings else ""
        return f"{report.target:14}suits{unsure}"
    first, count = report.violations[0], len(report.violations)
    return (
        f"{report.target:14}violations: {count}, the first: {first.node}: {first.parameter} is "
        f"{first.value}"
    )
