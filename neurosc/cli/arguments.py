"""What commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from neurosc import datasets
from neurosc.datasets import Dataset


def command(
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


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", default="digits", help="digits, or a .csv whose last column is the class"
    )
    parser.add_argument("--split", type=int, default=0, help="number of the digits split (0)")


def data_of(name: str, split: int) -> tuple[Dataset, Dataset | None]:
    """Training and test samples; a file has no test samples of its own."""
    if name == "digits":
        return datasets.digits(split)
    return datasets.read_csv(name), None


def first(data: Dataset, samples: int | None) -> Dataset:
    """The first `samples` of the data; None for all."""
    if samples is None:
        return data
    if samples < 1:
        raise ValueError(f"samples: {samples} is too few; give 1 or more")
    return data.rows(range(min(samples, len(data.y))))
