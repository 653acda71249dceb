"""Which of a device's imperfections costs most."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.randomness import RNG, seed_sequence, substream
from neurosc.robustness import statistics
from neurosc.robustness.measures import ReadOut, checked_metrics
from neurosc.robustness.parameters import Case, Parameter, checked_levels, resolve
from neurosc.robustness.protocols import Device
from neurosc.robustness.study import Study, counted
from neurosc.robustness.sweeps import checked_device, measured, plan
from neurosc.storage import Path_

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["one-at-a-time", "morris", "sobol"]
SAMPLES = {"one-at-a-time": 1, "morris": 10, "sobol": 64}
"""Of each method unless given: trajectories of Morris, base samples of Sobol."""
RANGE = (0.0, 2.0)
"""Factors of the strength of each term unless ranges are given."""


def sensitivity(
    network: PhaseNetwork,
    data: tuple[npt.ArrayLike, npt.ArrayLike],
    device: Device,
    method: Method = "one-at-a-time",
    *,
    cost: Cost,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    metric: str = "accuracy",
    samples: int | None = None,
    chips: int = 20,
    trials: int = 1,
    rng: RNG = None,
    relative: bool | None = None,
    path: Path_ | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: bool = False,
) -> Sensitivity:
    """How the mean of a metric over chips depends on each parameter of a device.

    The same chips are measured at all points, so that what differs is due to the parameters.

    Parameters
    ----------
    network, data, device, cost, chips, trials, rng
        As in `robustness.sweep`.
    method
        - `"one-at-a-time"`: each at both ends of its range, the others as the device has them;
        - `"morris"`: elementary effects d_i over random trajectories: mu = <d_i>, mu_star =
          <|d_i|>, and sigma, their standard deviation, which tells of curves and of joint action;
        - `"sobol"`: shares of variance over the ranges: S1_i = V[E(Y | x_i)] / V[Y] of a
          parameter alone, ST_i = 1 - V[E(Y | x_others)] / V[Y] with all it does jointly.
    ranges
        Lowest and highest level of each parameter, in its unit; unless given factors 0 to 2 of
        the strength of every term.
    metric
        "accuracy", "loss" or "locked".
    samples
        Trajectories of Morris (10); base samples of Sobol (64), a power of 2.

    Other arguments
    ---------------
    relative
        The ranges are factors; True unless ranges are given.
    path, jobs, scheduler, progress
        As in `robustness.sweep`.

    Raises
    ------
    ValueError, TypeError, OSError, ImportError
        As `robustness.sweep`; for ranges that are none, samples that the method does not take,
        and numbers that are no strength, such as bits, with "morris" and "sobol".

    Notes
    -----
    Source: Morris, Technometrics 33:161 (1991); Campolongo, Cariboni, Saltelli, Environ. Model.
    Softw. 22:1509 (2007); Saltelli et al., Comput. Phys. Commun. 181:259 (2010); SALib.
    """
    checked_device(device)
    if method not in get_args(Method):
        raise ValueError(f"method: {method!r} is unknown; use one of {get_args(Method)}")
    (metric,) = checked_metrics(metric)
    relative = ranges is None if relative is None else relative
    bounds = _bounds(device, ranges, relative)
    if method != "one-at-a-time" and not all(p.is_strength for p in bounds):
        name = next(p.name for p in bounds if not p.is_strength)
        raise ValueError(f"ranges: {name} has no levels in between; use one-at-a-time for it")
    count = _checked_samples(method, samples)
    root = None if rng is None else seed_sequence(rng)

    def values(points: FloatArray) -> tuple[FloatArray, Study]:
        made = [
            Case(method, float(k), "point", _device_at(device, bounds, point))
            for k, point in enumerate(points)
        ]
        found = {Parameter(method, "point", False, ()): made}
        measure = ReadOut(cost, (metric,))
        study = plan(network, data, device, found, measure, chips, trials, root, path)
        table = measured(study, path, jobs, scheduler, progress)
        each = statistics.by_level(table, metric)
        return np.stack([grid.mean(axis=1) for grid in each.values()]), study

    seed = int(substream(root, "sensitivity").generate_state(1)[0] >> 1) if root else 0
    analyse = {"one-at-a-time": _one_at_a_time, "morris": _morris, "sobol": _sobol}[method]
    table, study = analyse(bounds, values, count, seed)
    return Sensitivity(method, metric, table, study.identity)


@dataclasses.dataclass(frozen=True, eq=False)
class Sensitivity:
    """What depends on what.

    Attributes
    ----------
    method, metric
        What was asked.
    table
        A row for each parameter, the most important first, with its `unit` and range `lowest` to
        `highest`. One-at-a-time: `nominal`, the metric of the device as it is, `at_lowest` and
        `at_highest`, each with the bootstrap interval of its difference from `nominal` over chips,
        and `swing`, the larger difference. Morris: `mu`, `mu_star` with its 95 % half-width
        `mu_star_ci`, `sigma`, per range. Sobol: `S1`, `S1_ci`, `ST`, `ST_ci`.
    study
        JSON values: what was asked.
    """

    method: Method
    metric: str
    table: pd.DataFrame
    study: dict[str, Any]


ENDS = ("lowest", "highest")
Bounds = dict[Parameter, tuple[float, float]]
Values = Callable[[FloatArray], tuple[FloatArray, Study]]
Found = tuple["pd.DataFrame", Study]


def _bounds(
    device: Device, ranges: Mapping[str, tuple[float, float]] | None, relative: bool
) -> Bounds:
    if ranges is None:
        strong = [t for t in device.terms if any(t.strengths.values())]
        ranges = {type(t).__name__: RANGE for t in strong}
    if not ranges:
        raise ValueError("ranges: nothing to vary; name parameters, or add terms to the device")
    found: Bounds = {}
    for name, ends in ranges.items():
        parameter = resolve(device, name, relative)
        levels = checked_levels(ends, parameter).tolist()
        if len(levels) != 2:
            raise ValueError(f"ranges: {name} has {len(levels)} ends; give lowest and highest")
        found[parameter] = (levels[0], levels[1])
    return found


def _checked_samples(method: Method, samples: int | None) -> int:
    if method == "one-at-a-time" and samples is not None:
        raise ValueError("samples: one-at-a-time takes none; leave it out")
    count = counted("samples", SAMPLES[method] if samples is None else samples)
    if method == "sobol" and count & (count - 1):
        raise ValueError(f"samples: {count} is no power of 2; give such as 64")
    return count


def _device_at(device: Device, bounds: Bounds, point: FloatArray) -> Device:
    """The device with each parameter at its level; nan leaves it as it is."""
    for parameter, level in zip(bounds, point, strict=True):
        if not np.isnan(level):
            device = parameter.at(device, float(level))
    return device


def _rows(bounds: Bounds) -> list[dict[str, Any]]:
    return [
        {"parameter": p.name, "unit": p.unit, "lowest": low, "highest": high}
        for p, (low, high) in bounds.items()
    ]


def _ranked(rows: list[dict[str, Any]], by: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows).sort_values(by, ascending=False, kind="stable", ignore_index=True)


def _one_at_a_time(bounds: Bounds, values: Values, count: int, seed: int) -> Found:
    points = np.full((1 + 2 * len(bounds), len(bounds)), np.nan)
    for k, (lowest, highest) in enumerate(bounds.values()):
        points[1 + 2 * k : 3 + 2 * k, k] = lowest, highest
    found, study = values(points)
    rows = _rows(bounds)
    for k, row in enumerate(rows):
        row["nominal"] = found[0].mean()
        for name, each in zip(ENDS, found[1 + 2 * k : 3 + 2 * k], strict=True):
            low, high = statistics.mean_interval(each - found[0], 0.95)
            row |= {f"at_{name}": each.mean(), f"{name}_low": low, f"{name}_high": high}
        row["swing"] = max(abs(row[f"at_{end}"] - row["nominal"]) for end in ENDS)
    return _ranked(rows, "swing"), study


def _morris(bounds: Bounds, values: Values, count: int, seed: int) -> Found:
    salib = _salib()
    problem = _problem(bounds)
    points = salib.sample.morris.sample(problem, N=count, num_levels=4, seed=seed)
    found, study = values(points)
    y = found.mean(axis=1)
    got = salib.analyze.morris.analyze(problem, points, y, num_levels=4, scaled=False, seed=seed)
    span = np.array([high - low for low, high in bounds.values()])
    return _ranked(
        [
            row
            | {"mu": got["mu"][k] * span[k], "mu_star": got["mu_star"][k] * span[k]}
            | {"mu_star_ci": got["mu_star_conf"][k] * span[k], "sigma": got["sigma"][k] * span[k]}
            for k, row in enumerate(_rows(bounds))
        ],
        "mu_star",
    ), study


def _sobol(bounds: Bounds, values: Values, count: int, seed: int) -> Found:
    salib = _salib()
    problem = _problem(bounds)
    points = salib.sample.sobol.sample(problem, count, calc_second_order=False, seed=seed)
    found, study = values(points)
    y = found.mean(axis=1)
    if np.ptp(y) == 0:
        raise ValueError(
            f"ranges: the metric is {y[0]:g} at every point, so there is no variance to share; "
            "widen them"
        )
    got = salib.analyze.sobol.analyze(problem, y, calc_second_order=False, seed=seed)
    return _ranked(
        [
            row
            | {"S1": got["S1"][k], "S1_ci": got["S1_conf"][k]}
            | {"ST": got["ST"][k], "ST_ci": got["ST_conf"][k]}
            for k, row in enumerate(_rows(bounds))
        ],
        "ST",
    ), study


def _problem(bounds: Bounds) -> dict[str, Any]:
    return {
        "num_vars": len(bounds),
        "names": [p.name for p in bounds],
        "bounds": [[*ends] for ends in bounds.values()],
    }


def _salib() -> Any:
    try:
        import SALib
        import SALib.analyze.morris
        import SALib.analyze.sobol
        import SALib.sample.morris
        import SALib.sample.sobol
    except ImportError:
        raise ImportError("method: needs SALib; pip install 'neurosc[robustness]'") from None
    return SALib
