"""Winfree oscillators: phase neurons that pull each other with M pulses a cycle."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from neurosc.hw_models.spiking.counter_noise import brian_function
from neurosc.hw_models.spiking.model import (
    AFFERENTS,
    OSCILLATORS,
    READ,
    RECURRENTS,
    SOURCES,
    Shape,
    shared_equations,
)

WATCHED = ("theta", "rate")
OF_A_SPIKE = ("late", "turned")
STRONGEST = 2.0
"""Bound on eps sum_j |J_ij| / M: a pulse that turns a phase further overshoots its own source."""


@dataclasses.dataclass(frozen=True)
class Winfree:
    """d theta/dt = 2 pi (1 + eps omega / 2 pi) per period; M pulses a cycle, evenly spread.

    A pulse of oscillator j turns theta_i by (eps/M) Im(J_ij exp(i (theta_j - theta_i))), theta_j
    being its phase as the pulse arrives. There are no membranes and no taps, the interaction is
    exactly a sine, and what is left of errors is proportional to eps/M.

    Parameters
    ----------
    pulses
        M, 1 or more; `steps_per_cycle` must be a multiple.

    Notes
    -----
    Source: Winfree, J. Theor. Biol. 16:15 (1967).
    """

    pulses: int = 4

    def __post_init__(self) -> None:
        if int(self.pulses) != self.pulses or self.pulses < 1:
            raise ValueError(f"pulses: {self.pulses} is no number of pulses; give 1 or more")

    @property
    def strongest(self) -> float:
        """2 M, the bound on eps max_i sum_j |J_ij| + |b_i|."""
        return STRONGEST * self.pulses


def period(shape: Shape) -> float:
    """One second of Brian2 is one period."""
    return 1.0


def watched(shape: Shape) -> tuple[str, str]:
    """The variables that are recorded at each step."""
    return WATCHED


def inputs(shape: Shape) -> dict[str, tuple[str, ...]]:
    """The variables that a run sets anew, by part."""
    weights = ("weight", "cross") if shape.lags else ("weight",)
    return {
        OSCILLATORS: ("rate", "theta", "nxt"),
        SOURCES: ("step", "phase"),
        AFFERENTS: (*weights, "twice"),
        RECURRENTS: weights,
    }


def parts(shape: Shape) -> dict[str, Any]:
    """The groups and synapses of a shape."""
    import brian2

    pulses = json.loads(shape.neuron)["pulses"]
    constants = {"cycle": shape.steps_per_cycle, "per_pulse": shape.steps_per_cycle // pulses}
    space = {**constants, "M": pulses}
    reset = ["late = (theta - nxt)/rate", "nxt += 2*pi/M", "turned = nxt - 2*pi/M"]
    if shape.noisy:
        space["gauss"] = brian_function()
        reset += [
            "theta += sigma/sqrt(M)*gauss(0, count, stream, key0, key1)",
            "count += 1",
        ]
    equations = [
        "dtheta/dt = rate : 1",
        "rate : Hz",
        "nxt : 1",
        "late : second",
        "turned : 1",
        *shared_equations(shape),
    ]
    made: dict[str, Any] = {
        OSCILLATORS: brian2.NeuronGroup(
            shape.oscillators,
            "\n".join(equations),
            threshold="theta >= nxt",
            reset="\n".join(reset),
            events={READ: "theta >= nxt and t_in_timesteps >= read_from"},
            method="euler",
            namespace=space,
            name=OSCILLATORS,
        )
    }
    if shape.sources:
        made[SOURCES] = brian2.NeuronGroup(
            shape.sources,
            "step : integer\nphase : 1\ntheta = 2*pi*(t_in_timesteps + 1)/cycle + phase : 1",
            threshold="step == t_in_timesteps % per_pulse",
            reset="",
            namespace=constants,
            name=SOURCES,
        )
    for name, source in ((AFFERENTS, SOURCES), (RECURRENTS, OSCILLATORS)):
        if getattr(shape, name):
            made[name] = _synapses(name, made[source], made[OSCILLATORS], shape, space)
    return made


def _synapses(name: str, source: Any, target: Any, shape: Shape, space: dict[str, Any]) -> Any:
    import brian2

    terms, variables = ["weight*sin(theta_pre - theta_post)"], ["weight : 1"]
    if shape.lags:
        terms.append("cross*cos(theta_pre - theta_post)")
        variables.append("cross : 1")
    if name == AFFERENTS:
        terms.append("twice*sin(2*(theta_pre - theta_post))")
        variables.append("twice : 1")
    synapses = brian2.Synapses(
        source,
        target,
        "\n".join(variables),
        on_pre=f"theta_post += open_post*({' + '.join(terms)})/M",
        delay=0 * brian2.second,
        namespace=space,
        name=name,
    )
    synapses.pre.when = "after_resets"
    return synapses
