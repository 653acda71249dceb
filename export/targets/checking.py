"""Whether a graph keeps the limits of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc.export.metadata import KEY, unpack
from neurosc.export.targets import structure, values
from neurosc.export.targets.grid import bits
from neurosc.export.targets.report import Report, Usage, Violation
from neurosc.export.targets.rule import NoTimeStepError
from neurosc.export.targets.survey import TIMES, Survey
from neurosc.export.targets.target import Limit, Target, find
from neurosc.export.units import doubtful

if TYPE_CHECKING:
    import nir

RULES = structure.RULES | values.RULES


def check(graph: nir.NIRGraph, target: str, *, dt: float | None = None) -> Report:
    """Hold a graph against the limits of a chip or an importer.

    Parameters
    ----------
    graph
        Any NIR graph, nested or not; times in seconds.
    target
        One of `export.targets.names()`.

    Other arguments
    ---------------
    dt
        Seconds per step; by default that of `to_nir`, or the one that the target fixes. Limits in
        steps cannot be checked without, and a warning says so.

    Returns
    -------
    Report
        `.ok`, `.violations`, `.warnings`, `.table()` of resources; str() is readable. Weights are
        on the grid of a chip if those of each node, or of each row of it, are whole multiples,
        within its levels, of one step of their own. 17 weight bits stand for more than 16.

    Raises
    ------
    ValueError
        For an unknown target (lists the known ones), something that is no graph, an edge to a
        node that does not exist, and a `dt` that is not positive.

    Notes
    -----
    Sources of the limits: `export/targets/data/`, one with each.
    """
    profile = find(target)
    survey = Survey.of(graph, _time_step(graph, profile, dt))
    violations: list[Violation] = []
    # the rule `finite` names the numbers of which NumPy would warn
    with np.errstate(all="ignore"):
        warnings = _units(survey, profile)
        for limit in profile.limits.values():
            try:
                for finding in RULES[limit.name](survey, limit.value):
                    violations.append(Violation(*finding, limit.source, limit.name))
            except NoTimeStepError:
                warnings.append(f"{limit.name}: not all checked, NIR holds no time step; give dt")
        usage = _usage(survey, profile)
    return Report(profile.name, profile.about, tuple(violations), tuple(warnings), usage)


def _time_step(graph: Any, profile: Target, dt: float | None) -> float | None:
    """Seconds per step: given, known of the graph, fixed by the target, or unknown."""
    if dt is not None:
        if not 0 < dt < np.inf:
            raise ValueError(f"dt: {dt} is not a positive number of seconds; give one")
        return float(dt)
    if KEY in (getattr(graph, "metadata", None) or {}):
        return unpack(graph)[1].dt
    fixed: float | None = profile.value("dt")
    return fixed


def _units(survey: Survey, profile: Target) -> list[str]:
    """Times that look like another unit than seconds, and targets that read another one."""
    if profile.unit == "ms":
        return ["times: the target reads milliseconds; multiply times in seconds by 1000"]
    if profile.unit != "s":
        return []
    return list(doubtful(survey.parameters(*TIMES, "delay")))


def _usage(survey: Survey, profile: Target) -> tuple[Usage, ...]:
    """What the graph takes, with the limit where the target states one."""
    found = survey.weight_levels.values()
    needed = max((17 if level is None else bits(level) for level in found), default=0)
    rows: dict[str, tuple[float, float | None]] = {
        "neurons": (survey.neurons, profile.value("neurons")),
        "synapses": (survey.synapses, profile.value("synapses")),
        "inputs": (structure.channels(survey, "Input"), profile.value("inputs")),
        "outputs": (structure.channels(survey, "Output"), profile.value("outputs")),
        "largest fan-in": (max(survey.fan_in.values(), default=0), profile.value("fan_in")),
        "largest fan-out": (max(survey.fan_out.values(), default=0), profile.value("fan_out")),
        "delayed channels": (int(np.count_nonzero(survey.delays)), None),
        "weight bits": (needed, _bits_of(profile.limits.get("weight_levels"))),
    }
    if survey.dt is not None:
        longest = survey.delays.max(initial=0.0) / survey.dt
        rows["longest delay"] = (longest, profile.value("delay_steps", (0, None))[1])
    return tuple(Usage(name, float(used), limit) for name, (used, limit) in rows.items())


def _bits_of(limit: Limit | None) -> int | None:
    return None if limit is None else bits((limit.value[0], limit.value[1]))
