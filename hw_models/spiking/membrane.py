"""Neurons with a membrane: delayed taps and poles between them, and spikes between the steps.

A spike that crosses the threshold `late` before the end of its step is not rounded to the grid:
its tap arrives up to half a step too late or too early, and what the poles would have done in
that time is added with it. So the phases have no steps, and a small nudge has an effect.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

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

OF_A_SPIKE = ("age",)
"""How long before the middle of its step a spike was, in units of the pole."""


class Membrane(NamedTuple):
    """A neuron in the language of Brian2, driven by the last of the poles s1, s2, ...

    Attributes
    ----------
    equations
        Of its states; they define `late`, or `crossing` does.
    threshold
        The condition of a spike.
    crossing
        Statements at a spike, before its reset, that keep what `reset` and `ahead` need.
    reset
        Statements that put the state where it is at the end of the step, `late` after the reset.
    ahead
        Statements that advance the state by `shift` seconds as in free running.
    method
        Of integration.
    constants
        The names that the equations use.
    period
        Seconds of Brian2 in a free period.
    """

    equations: list[str]
    threshold: str
    crossing: list[str]
    reset: list[str]
    ahead: list[str]
    method: str
    constants: dict[str, Any]
    period: float = 1.0


def lif(neuron: dict[str, Any], poles: int) -> Membrane:
    """tau dv/dt = I - v + tau s_p, which Brian2 solves exactly between spikes.

    `open` is 0 during the warm-up, in which spikes fill delays and poles but move no phase.
    """
    import brian2

    from neurosc.hw_models.spiking.lif import LIF

    slope = f"(s{poles - 1} - s{poles})/pole" if poles > 1 else "(-s1/pole)"
    return Membrane(
        equations=[
            f"dv/dt = (I - v)/tau + open*s{poles} : 1",
            "I : 1",
            f"drive = I + tau*open*s{poles} : 1",
            # since v = 1 the drive was on average what it was half of the time ago
            "since = tau*log((drive - 1)/(drive - v)) : second",
            f"mean = drive - 0.5*since*tau*open*{slope} : 1",
            "late = tau*log((mean - 1)/(mean - v)) : second",
        ],
        threshold="v >= 1",
        crossing=["level = mean"],
        reset=["v = (v - 1)*level/(level - 1)"],
        ahead=["v = level - (level - v)*exp(-shift/tau)"],
        method="exact",
        constants={"tau": LIF(neuron["drive"]).tau * brian2.second},
    )


def membrane(shape: Shape) -> Membrane:
    """The neuron of a shape."""
    neuron = json.loads(shape.neuron)
    if neuron["kind"] == "lif":
        return lif(neuron, shape.poles)
    from neurosc.hw_models.spiking.custom import custom

    return custom(neuron, shape.poles)


def period(shape: Shape) -> float:
    """Seconds of Brian2 in a free period."""
    return float(json.loads(shape.neuron).get("period_s", 1.0))


def watched(shape: Shape) -> tuple[str, str]:
    """The variables of the membrane and of its drive."""
    first, second = json.loads(shape.neuron)["watched"]
    return first, second


def inputs(shape: Shape) -> dict[str, tuple[str, ...]]:
    """The variables that a run sets anew, by part."""
    weights = ("weight", "cross") if shape.lags else ("weight",)
    return {
        OSCILLATORS: tuple(json.loads(shape.neuron)["states"]),
        SOURCES: ("step", "gain0", "gain1"),
        AFFERENTS: weights,
        RECURRENTS: weights,
    }


def parts(shape: Shape) -> dict[str, Any]:
    """The groups and synapses of a shape."""
    import brian2

    neuron = membrane(shape)
    constants: dict[str, Any] = {
        **neuron.constants,
        "pole": shape.pole * neuron.period * brian2.second,
        "cycle": shape.steps_per_cycle,
    }
    if shape.noisy:
        constants |= {"gauss": brian_function(), "period": neuron.period * brian2.second}
    made: dict[str, Any] = {
        OSCILLATORS: brian2.NeuronGroup(
            shape.oscillators,
            "\n".join([*neuron.equations, *_poles(shape), *shared_equations(shape)]),
            threshold=neuron.threshold,
            reset="\n".join(_reset(neuron, shape.noisy)),
            events={READ: f"{neuron.threshold} and t_in_timesteps >= read_from"},
            method=neuron.method,
            namespace=constants,
            name=OSCILLATORS,
        )
    }
    if shape.sources:
        made[SOURCES] = brian2.NeuronGroup(
            shape.sources,
            "step : integer\ngain0 : 1\ngain1 : 1",
            threshold="step == t_in_timesteps % cycle",
            reset="",
            namespace=constants,
            name=SOURCES,
        )
    for name, source in ((AFFERENTS, SOURCES), (RECURRENTS, OSCILLATORS)):
        if getattr(shape, name):
            made[name] = _synapses(name, made[source], made[OSCILLATORS], shape, constants)
    return made


def _poles(shape: Shape) -> list[str]:
    """p ds_k/dt = s_{k-1} - s_k with s_0 = 0, and what a spike leaves for its taps."""
    chain = ["ds1/dt = -s1/pole : Hz"]
    chain += [f"ds{k}/dt = (s{k - 1} - s{k})/pole : Hz" for k in range(2, shape.poles + 1)]
    return [*chain, "age : 1", "gain0 : 1", "gain1 : 1"]


def _reset(neuron: Membrane, noisy: bool) -> list[str]:
    """The age of the spike, what the poles do in that time, the reset, and noise.

    Noise of the phase is a step along the cycle at each spike: independent jitter of periods.
    """
    jitter = " + jitter*period*gauss(1, count, stream, key0, key1)" if noisy else ""
    statements = [
        *neuron.crossing,
        f"age = (late - 0.5*dt{jitter})/pole",
        "gain0 = exp(-age)",
        "gain1 = age*gain0",
        *neuron.reset,
    ]
    if noisy:
        statements.append("shift = sigma/(2*pi)*period*gauss(0, count, stream, key0, key1)")
        statements += [*neuron.ahead, "count += 1"]
    return statements


def _synapses(name: str, source: Any, target: Any, shape: Shape, constants: dict[str, Any]) -> Any:
    """One delayed pathway for each tap; the gains tell how far a pulse has come by its step."""
    import brian2

    # without a second pole, what left the first has reached the membrane
    onward = (
        "s2_post += ({w})*gain1_pre/pole"
        if shape.poles > 1
        else "v_post += open_post*({w})*gain1_pre"
    )
    pulse = "s1_post += ({w})*gain0_pre/pole\n" + onward
    weights = [f"weight*({w!r})" for w in shape.weights]
    if shape.lags:
        weights = [f"{w} + cross*({c!r})" for w, c in zip(weights, shape.crossed, strict=True)]
    step = shape.steps_per_cycle
    scale = period(shape) * brian2.second
    synapses = brian2.Synapses(
        source,
        target,
        "weight : 1\ncross : 1" if shape.lags else "weight : 1",
        on_pre={f"tap{k}": pulse.format(w=w) for k, w in enumerate(weights)},
        delay={f"tap{k}": d / step * scale for k, d in enumerate(shape.delays)},
        namespace=constants,
        name=name,
    )
    for k in range(len(weights)):
        # a reset must find the drive that led to its spike
        getattr(synapses, f"tap{k}").when = "after_resets"
    return synapses
