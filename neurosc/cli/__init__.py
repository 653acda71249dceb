"""The command `neurosc`.

Exit codes: 0 success, 1 an error that the message explains, 2 a wrong command line.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from neurosc import __version__
from neurosc.cli import check, devices, exporting, models, robustness, studies, substrates, verify


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 2
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (
        ValueError, TypeError, OSError, RuntimeError, FloatingPointError, ImportError
    ) as error:  # fmt: skip
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
    models.add_demo(commands)
    models.add_train(commands)
    substrates.add_evaluate(commands)
    exporting.add_export(commands)
    check.add_check(commands)
    verify.add_verify(commands)
    robustness.add_robustness(commands)
    studies.add_study(commands)
    devices.add_devices(commands)
    models.add_info(commands)
    return parser
