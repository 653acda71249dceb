"""The command `neurosc verify`."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc import autograd, plots, verify
from neurosc.cli.arguments import command

if TYPE_CHECKING:
    import pandas as pd


def add_verify(commands: Any) -> None:
    parser = command(
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
