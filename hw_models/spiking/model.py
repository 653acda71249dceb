"""The Brian2 model: LIF oscillators, periodic sources, and the delayed taps between them.

Time is counted in free periods: one second of Brian2 is one period. All samples of a run live in
one group of oscillators and one group of sources, sample after sample.

A spike that crosses the threshold `late` before the end of its step is not rounded to the grid:
its tap arrives up to half a step too late or too early, and what the poles would have done in
that time is added with it. So the phases have no steps, and a small nudge has an effect.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

from neurosc.hw_models.spiking.taps import Taps, pair_design

OSCILLATORS, SOURCES = "oscillators", "sources"
AFFERENTS, RECURRENTS = "afferents", "recurrents"
SPIKES = "spikes"

INPUTS = {
    OSCILLATORS: ("I", "v", "first_from", "first_to", "second_from", "blocks"),
    SOURCES: ("step", "gain0", "gain1"),
    AFFERENTS: ("weight",),
    RECURRENTS: ("weight",),
}
"""What a run sets anew; phases are read from step `first_from` to `first_to` and from `second_from`
to the end, after `blocks` blocks of cycles."""
WARM_UP = 2
"""Cycles before the start: delays last one, and then the poles forget how it began."""
SUMS = ("cos_first", "sin_first", "count_first", "cos_second", "sin_second", "count_second")
"""What a run leaves at the oscillators."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """All that the compiled model depends on; two networks of one shape share a build.

    Attributes
    ----------
    oscillators, sources
        Neurons of all samples together.
    afferents, recurrents
        Synapses from sources and among oscillators, of all samples together.
    steps_per_cycle, pairs, poles
        See `SpikingOscillators`.
    block
        Cycles per call of Brian2's run; a simulation lasts a whole number of blocks.
    record
        Keep each spike of the oscillators.
    """

    oscillators: int
    sources: int
    afferents: int
    recurrents: int
    steps_per_cycle: int
    pairs: int
    poles: int
    block: int
    record: bool = False

    @property
    def taps(self) -> Taps:
        """Delays, weights and poles of a synapse, tuned to the grid."""
        return pair_design(self.pairs, self.poles, steps_per_cycle=self.steps_per_cycle)


class Model(NamedTuple):
    """A Brian2 network and its parts by name."""

    network: Any
    parts: dict[str, Any]


def equations(poles: int) -> str:
    """tau dv/dt = I - v + tau s_p with the poles p ds_k/dt = s_{k-1} - s_k, s_0 = 0.

    `open` is 0 during the warm-up, in which spikes fill delays and poles but move no phase.
    """
    chain = ["ds1/dt = -s1/pole : Hz"]
    chain += [f"ds{k}/dt = (s{k - 1} - s{k})/pole : Hz" for k in range(2, poles + 1)]
    slope = f"(s{poles - 1} - s{poles})/pole" if poles > 1 else "(-s1/pole)"
    sums = [f"{name} : {'integer' if 'count' in name else '1'}" for name in SUMS]
    return "\n".join(
        [
            f"dv/dt = (I - v)/tau + open*s{poles} : 1",
            *chain,
            "I : 1",
            f"drive = I + tau*open*s{poles} : 1",
            # since v = 1 the drive was on average what it was half of the time ago
            "since = tau*log((drive - 1)/(drive - v)) : second",
            f"mean = drive - 0.5*since*tau*open*{slope} : 1",
            "late = tau*log((mean - 1)/(mean - v)) : second",
            "age : 1",
            "gain0 : 1",
            "gain1 : 1",
            "open : 1 (shared)",
            "first_from : integer (shared)",
            "first_to : integer (shared)",
            "second_from : integer (shared)",
            "blocks : integer (shared)",
            *sums,
        ]
    )


RESET = """
age = (late - 0.5*dt)/pole
gain0 = exp(-age)
gain1 = age*gain0
turn = 2*pi*((t_in_timesteps % cycle + 0.5) - late/dt)/cycle
in_first = int(t_in_timesteps >= first_from)*int(t_in_timesteps < first_to)
in_second = int(t_in_timesteps >= second_from)
cos_first += in_first*cos(turn)
sin_first -= in_first*sin(turn)
count_first += in_first
cos_second += in_second*cos(turn)
sin_second -= in_second*sin(turn)
count_second += in_second
v = (v - 1)*mean/(mean - 1)
"""
"""At a spike: its age as seen from the middle of its step, in units of the pole; what the poles do
in that time; the phase read; the exact reset."""


def build(shape: Shape) -> Model:
    """The Brian2 network of a shape; its numbers are set by `INPUTS`, its edges are placeholders.

    Call it with Brian2's device and preferences as they are to be.
    """
    import brian2

    taps, n = shape.taps, shape.steps_per_cycle
    brian2.defaultclock.dt = brian2.second / n
    constants = {
        "tau": taps.neuron.tau * brian2.second,
        "pole": taps.pole * brian2.second,
        "cycle": n,
    }
    parts: dict[str, Any] = {
        OSCILLATORS: brian2.NeuronGroup(
            shape.oscillators,
            equations(shape.poles),
            threshold="v >= 1",
            reset=RESET,
            method="exact",
            namespace=constants,
            name=OSCILLATORS,
        )
    }
    if shape.sources:
        parts[SOURCES] = brian2.NeuronGroup(
            shape.sources,
            "step : integer\ngain0 : 1\ngain1 : 1",
            threshold="step == t_in_timesteps % cycle",
            reset="",
            namespace=constants,
            name=SOURCES,
        )
    for name, source in ((AFFERENTS, SOURCES), (RECURRENTS, OSCILLATORS)):
        if getattr(shape, name):
            parts[name] = _synapses(name, parts[source], parts[OSCILLATORS], taps, n, constants)
    if shape.record:
        parts[SPIKES] = brian2.SpikeMonitor(parts[OSCILLATORS], variables=["age"], name=SPIKES)
        parts[SPIKES].when = "after_resets"  # `age` is new then
    return Model(brian2.Network(*parts.values()), parts)


def _synapses(
    name: str, source: Any, target: Any, taps: Taps, steps: int, constants: dict[str, Any]
) -> Any:
    """One delayed pathway for each tap; the gains tell how far a pulse has come by its step."""
    import brian2

    # without a second pole, what left the first has reached the membrane
    onward = (
        "s2_post += weight*gain1_pre*({w!r})/pole"
        if taps.poles > 1
        else ("v_post += open_post*weight*gain1_pre*({w!r})")
    )
    pulse = "s1_post += weight*gain0_pre*({w!r})/pole\n" + onward
    # half a step is the age that the gains assume at a spike in the middle of its step
    delays = [round(d * steps - 0.5) / steps * brian2.second for d in taps.delays]
    synapses = brian2.Synapses(
        source,
        target,
        "weight : 1",
        on_pre={f"tap{k}": pulse.format(w=w) for k, w in enumerate(taps.weights)},
        delay={f"tap{k}": d for k, d in enumerate(delays)},
        namespace=constants,
        name=name,
    )
    for k in range(len(delays)):
        # a reset must find the drive that led to its spike
        getattr(synapses, f"tap{k}").when = "after_resets"
    return synapses
