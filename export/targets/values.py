"""Rules about the numbers in a graph: uniform, zero, related, on the grid of the chip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from neurosc.export.lowering.nodes import kind
from neurosc.export.targets import grid
from neurosc.export.targets.rule import Finding, Rule, seconds_per_step, spread
from neurosc.export.targets.survey import NEURONS, TIMES, Survey, levels

CLOSE = 1e-5
"""Relative difference up to which two numbers count as equal; importers use numpy's allclose."""

NUMBERS = (
    *TIMES, "r", "w_in", "v_leak", "v_threshold", "v_reset", "threshold", "weight", "bias", "scale",
    "delay",
)  # fmt: skip

QUANTISE = "quantise the graph for this target"

EXPRESSIONS: dict[str, Callable[[Any, Survey], Any]] = {
    "0": lambda node, survey: 0.0,
    "1": lambda node, survey: 1.0,
    "1/dt": lambda node, survey: 1 / seconds_per_step(survey),
    "tau/dt": lambda node, survey: node.tau / seconds_per_step(survey),
    "tau_mem/dt": lambda node, survey: node.tau_mem / seconds_per_step(survey),
    "tau_syn/dt": lambda node, survey: node.tau_syn / seconds_per_step(survey),
    "v_reset": lambda node, survey: node.v_reset,
}
"""What the data files may ask a parameter to equal."""


def _finite(survey: Survey, required: bool) -> Iterator[Finding]:
    """No number is infinite or nan, and every time constant is positive."""
    for name, parameter, values in survey.parameters(*NUMBERS):
        bad = ~np.isfinite(values)
        limit = "finite"
        if parameter in TIMES:
            bad, limit = bad | ~(values > 0), "finite and positive"
        if required and bad.any():
            worst = f"{values[bad][0]:g}"
            yield Finding(name, parameter, worst, limit, "correct it where the file was made")


def _uniform(survey: Survey, parameters: list[str]) -> Iterator[Finding]:
    for name, parameter, values in survey.parameters(*parameters):
        if np.ptp(values) > CLOSE * np.abs(values).max():
            yield Finding(
                name,
                parameter,
                spread(values),
                "one value for the population",
                "make it uniform and put the differences into the bias, or split the population",
            )


def _zero(survey: Survey, parameters: list[str]) -> Iterator[Finding]:
    remedies = {
        "v_leak": "put the drive into the bias of an Affine before it",
        "v_reset": "shift all voltages so that the reset is 0",
        "bias": "put the drive into v_leak of the neurons",
    }
    for name, parameter, values in survey.parameters(*parameters):
        if np.any(values):
            remedy = remedies.get(parameter, "set it to 0")
            yield Finding(name, parameter, spread(values), "0", remedy)


def _relations(survey: Survey, relations: list[dict[str, Any]]) -> Iterator[Finding]:
    """Those that need no time step come first, so that they are checked without one."""
    for relation in sorted(relations, key=lambda r: any("dt" in e for e in r["equals"])):
        parameter, allowed = relation["parameter"], relation["equals"]
        for name, node in survey.of_kind(frozenset({relation["node"]})).items():
            values = np.asarray(getattr(node, parameter), dtype=np.float64)
            if not any(
                np.allclose(values, EXPRESSIONS[text](node, survey), rtol=CLOSE, atol=1e-12)
                for text in allowed
            ):
                limit = " or ".join(allowed)
                remedy = f"set it to {limit} and scale the weights before it by the inverse"
                if parameter == "v_leak":
                    remedy = f"set it to {limit} and put the drive into the bias before it"
                yield Finding(name, parameter, spread(values.ravel()), limit, remedy)


def _dt(survey: Survey, fixed: float) -> Iterator[Finding]:
    if survey.dt is not None and not np.isclose(survey.dt, fixed, rtol=CLOSE):
        remedy = f"export with a time step of {fixed:g} s"
        yield Finding("graph", "dt", f"{survey.dt:.6g} s", f"{fixed:g} s", remedy)


def _weight_levels(survey: Survey, allowed: list[int]) -> Iterator[Finding]:
    for name, found in survey.weight_levels.items():
        yield from _on_grid(name, "weight", found, allowed)


def _bias_levels(survey: Survey, allowed: list[int]) -> Iterator[Finding]:
    for name, parameter, values in survey.parameters("bias"):
        yield from _on_grid(name, parameter, levels(values), allowed)


def _on_grid(
    name: str, parameter: str, found: tuple[int, int] | None, allowed: list[int]
) -> Iterator[Finding]:
    least, most = allowed
    limit = f"whole steps from {least} to {most}"
    if found is None:
        yield Finding(name, parameter, "finer than 16 bits", limit, QUANTISE)
    elif found[0] < least or found[1] > most:
        yield Finding(name, parameter, f"{found[0]} to {found[1]} steps", limit, QUANTISE)


def _decay_bits(survey: Survey, bits: int) -> Iterator[Finding]:
    """dt/tau must be a whole multiple of 2^-bits, from 1 to 2^bits - 1 of them."""
    for name, parameter, values in survey.parameters(*TIMES):
        decay = seconds_per_step(survey) / values * 2**bits
        whole = np.rint(decay)
        # tau is float32 in many files, so its quotient is off by a few parts in 1e7
        off = (np.abs(decay - whole) > grid.PRECISION * 2**bits) | (whole < 1) | (whole >= 2**bits)
        if off.any():
            limit = f"whole steps of dt/tau from 1 to {2**bits - 1}"
            yield Finding(name, parameter, f"{spread(decay[off])} steps", limit, QUANTISE)


def _decay_shift(survey: Survey, required: bool) -> Iterator[Finding]:
    """dt/tau must be 2^-k for a whole k >= 0."""
    for name, parameter, values in survey.parameters(*TIMES):
        shift = np.log2(values / seconds_per_step(survey))
        off = (np.abs(shift - np.rint(shift)) > CLOSE) | (shift < -CLOSE)
        if required and off.any():
            limit = "log2(tau/dt) = 0, 1, 2, ..."
            yield Finding(name, parameter, f"log2 {spread(shift[off])}", limit, QUANTISE)


def _state_bits(survey: Survey, bits: int) -> Iterator[Finding]:
    """The threshold in units of the smallest kick, a weight of one step, must fit the state."""
    for name, node in survey.of_kind(NEURONS).items():
        steps = [grid.step(np.ravel(w).astype(np.float64)) for w in survey.weights_onto(name)]
        units = [unit for unit in steps if unit is not None]
        if not hasattr(node, "v_threshold") or not units:
            continue
        kick = np.abs(_kick(node, survey)) * min(units)
        needed = float(np.max(np.abs(node.v_threshold) / np.where(kick > 0, kick, np.inf)))
        most = 2 ** (bits - 1) - 1
        if needed > most:
            yield Finding(
                name,
                "v_threshold",
                f"{needed:,.0f} weight steps",
                f"at most {most:,} of {bits} bits",
                "raise the weights or lower the threshold",
            )


def _kick(node: Any, survey: Survey) -> Any:
    """What a spike of weight 1 adds at once to v; for CubaLIF, by way of i."""
    dt = seconds_per_step(survey)
    if kind(node) == "CubaLIF":
        return node.w_in * dt / node.tau_syn * node.r * dt / node.tau_mem
    return node.r * dt / getattr(node, "tau", 1.0)


def _delay_steps(survey: Survey, allowed: list[int]) -> Iterator[Finding]:
    least, most = allowed
    for name, parameter, values in survey.parameters("delay"):
        steps = values / seconds_per_step(survey)
        off = (np.abs(steps - np.rint(steps)) > 1e-3) | (steps < least) | (steps > most)
        if off.any():
            limit = f"whole steps from {least} to {most}"
            remedy = "round it to steps; make longer ones of relay neurons, or take a longer dt"
            yield Finding(name, parameter, f"{spread(steps[off])} steps", limit, remedy)


def _shortest_time(survey: Survey, least: float) -> Iterator[Finding]:
    for name, parameter, values in survey.parameters(*TIMES):
        if values.min() < least:
            remedy = "divide all times by dt: the target reads them as steps"
            yield Finding(name, parameter, spread(values), f"at least {least:g} steps", remedy)


RULES: dict[str, Rule] = {
    "finite": _finite,
    "uniform": _uniform,
    "zero": _zero,
    "relations": _relations,
    "dt": _dt,
    "weight_levels": _weight_levels,
    "bias_levels": _bias_levels,
    "decay_bits": _decay_bits,
    "decay_shift": _decay_shift,
    "state_bits": _state_bits,
    "delay_steps": _delay_steps,
    "shortest_time": _shortest_time,
}
