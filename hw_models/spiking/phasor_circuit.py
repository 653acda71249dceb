"""The Brian2 network of a spiking phasor net: resonators, crossbars and a clock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosc.hw_models.spiking.phasor import Form, SpikingPhasors, SpikingRun
from neurosc.network import ComplexArray, FloatArray
from neurosc.phasor import PhasorMLP

if TYPE_CHECKING:
    import brian2

STEP_S = 1e-4
"""Of the simulated clock; only the number of steps in a cycle matters."""
SETTLED = 6.0
"""Time constants that a layer of leaky resonators is given to settle."""
SILENT = 1e-24
"""|z|^2 of a resonator that nothing has driven, but for rounding."""
EDGE = 1e-9
"""Share of half a step by which windows overlap, so that no phase falls between two."""
SCHEDULE = ["start", "thresholds", "synapses", "resets", "groups", "end"]
"""Spikes act in the step in which they fall; then all resonators turn."""
UNITS = """
x : 1
y : 1
cos_shift : 1
sin_shift : 1
heard : 1
told : 1
decay : 1
last : integer
tick = timestep(t, dt) : integer
ahead = arctan2(y * cos_shift + x * sin_shift, x * cos_shift - y * sin_shift) : 1
grown = exp(leak_per_radian * ahead) : 1
"""
"""x + i y = z; `ahead` is its angle from the positive real axis, to which it turns. A spike counts
`heard`, 0 if it is lost, and `told` keeps that of the last one for what comes with a delay."""
ADVANCE = """
old = x
x = decay * (cosine * x + sine * y)
y = decay * (cosine * y - sine * old)
"""
DRIVEN = "x * x + y * y > silent"
FIRES: dict[Form, str] = {
    "gated": f"tick >= opens and tick < closes and abs(ahead) <= half and {DRIVEN}",
    "quadrature": f"tick >= last + rest and ahead <= half and ahead > -pi / 2 and {DRIVEN}",
}
RESETS: dict[Form, str] = {"gated": "x = 0; y = 0", "quadrature": "last = tick; told = heard"}
ON_GRID = "x_post += re * heard_pre; y_post += im * heard_pre"
BETWEEN_STEPS = """
x_post += heard_pre * grown_pre * (re * cos(ahead_pre) - im * sin(ahead_pre))
y_post += heard_pre * grown_pre * (re * sin(ahead_pre) + im * cos(ahead_pre))
"""


def simulate(
    model: SpikingPhasors,
    net: PhasorMLP,
    z: ComplexArray,
    draws: Sequence[np.random.Generator],
) -> SpikingRun:
    """Run one chunk of samples, whose inputs are phasors z (batch, inputs)."""
    import brian2

    with _numpy_code():
        circuit = _Circuit(model, net, z, draws)
        network = brian2.Network(circuit.parts)
        network.schedule = SCHEDULE
        names = {
            "arctan2": brian2.Function(np.arctan2, arg_units=[1, 1], return_unit=1),
            "leak_per_radian": model.leak / (2 * np.pi),
        }
        network.run(circuit.cycles * model.steps * circuit.dt, namespace=names)
    return SpikingRun(circuit.logits(), circuit.phases())


@contextlib.contextmanager
def _numpy_code() -> Iterator[None]:
    """Brian2 without compiling: a chunk is one vector, and each shape of net would cost a build."""
    import brian2

    before = brian2.prefs["codegen.target"]
    brian2.prefs["codegen.target"] = "numpy"
    try:
        yield
    finally:
        brian2.prefs["codegen.target"] = before


class _Circuit:
    """One group for each layer: inputs, hidden layers, read-out, all samples abreast.

    Each layer but the read-out has one unit more, the pacemaker at phase 0 that carries the biases.
    """

    def __init__(
        self,
        model: SpikingPhasors,
        net: PhasorMLP,
        z: ComplexArray,
        draws: Sequence[np.random.Generator],
    ) -> None:
        import brian2

        self.model, self.net, self.draws = model, net, draws
        self.batch, self.steps = len(z), model.steps
        self.dt = STEP_S * brian2.second
        self.widths = [*(n + 1 for n in net.sizes[:-1]), net.sizes[-1]]
        self.cycles = len(net.hidden) + 1
        if model.form == "quadrature":
            self.cycles *= int(np.ceil(1 + SETTLED / model.leak))
        self.groups = [self._group(k) for k in range(len(self.widths))]
        self._start(z)
        self.monitors = [
            brian2.SpikeMonitor(group, variables=["ahead", "heard"]) for group in self.groups[:-1]
        ]
        self.parts = [*self.groups, *self._crossbars(), *self.monitors]
        if model.jitter or model.dropout:
            cycle = self.steps * self.dt
            self.parts.append(brian2.NetworkOperation(self._strike, dt=cycle, when="start"))

    def _group(self, k: int) -> brian2.NeuronGroup:
        import brian2

        model, angle = self.model, 2 * np.pi / self.steps
        names = {
            "opens": k * self.steps,
            "closes": (k + 1) * self.steps,
            "half": angle / 2 * (1 + EDGE),
            "rest": self.steps // 2,
            "silent": SILENT,
            "cosine": np.cos(angle),
            "sine": np.sin(angle),
        }
        fires = {"threshold": FIRES[model.form], "reset": RESETS[model.form]}
        group = brian2.NeuronGroup(
            self.batch * self.widths[k],
            UNITS,
            dt=self.dt,
            namespace=names,
            **(fires if k + 1 < len(self.widths) else {}),
        )
        group.run_regularly(ADVANCE, dt=self.dt, when="groups")
        return group

    def _start(self, z: ComplexArray) -> None:
        """Inputs and pacemakers on their way without leak, all others at rest."""
        for k, (group, width) in enumerate(zip(self.groups, self.widths, strict=True)):
            state = np.zeros((self.batch, width), dtype=np.complex128)
            decay = np.full(state.shape, np.exp(-self.model.leak / self.steps))
            if k == 0:
                state[:, :-1], decay[:] = -z, 1
            if k + 1 < len(self.widths):
                state[:, -1], decay[:, -1] = -1, 1
            group.x, group.y = state.real.ravel(), state.imag.ravel()
            group.decay = decay.ravel()
            group.cos_shift = group.heard = group.told = 1
            group.last = -self.steps

    def _crossbars(self) -> Iterator[brian2.Synapses]:
        """Weights and biases from each layer to the next: one crossbar, or two real ones."""
        import brian2

        matrices = [np.column_stack([layer.weight, layer.bias]) for layer in self.net.hidden]
        v = self.net.readout.weight
        matrices.append(np.column_stack([v, np.zeros(len(v))]))
        for k, matrix in enumerate(matrices):
            for events, share, delay in self._ways(matrix):
                into, of = np.nonzero(share)
                if not into.size:
                    continue
                sample = np.arange(self.batch)[:, None]
                bar = brian2.Synapses(
                    self.groups[k],
                    self.groups[k + 1],
                    "re : 1\nim : 1",
                    on_pre=events,
                    delay=delay * self.dt,
                    dt=self.dt,
                )
                bar.connect(
                    i=(sample * self.widths[k] + of).ravel(),
                    j=(sample * self.widths[k + 1] + into).ravel(),
                )
                bar.re = np.tile(share[into, of].real, self.batch)
                bar.im = np.tile(share[into, of].imag, self.batch)
                yield bar

    def _ways(self, matrix: ComplexArray) -> list[tuple[str, ComplexArray, int]]:
        """What a spike does, with which weights, after how many steps."""
        if self.model.form == "gated":
            return [(BETWEEN_STEPS if self.model.bins is None else ON_GRID, matrix, 0)]
        late = "x_post += re * told_pre"
        real, imag = matrix.real.astype(complex), matrix.imag.astype(complex)
        return [(ON_GRID, real, 0), (late, imag, self.steps // 4)]

    def _strike(self) -> None:
        """Draw the jitter of a cycle, and the spikes that are lost in it."""
        for group, width in zip(self.groups[:-1], self.widths, strict=False):
            shift, heard = np.zeros((self.batch, width)), np.ones((self.batch, width))
            for sample, draw in enumerate(self.draws):
                shift[sample, :-1] = draw.normal(0.0, 2 * np.pi * self.model.jitter, width - 1)
                heard[sample, :-1] = draw.random(width - 1) >= self.model.dropout
            group.cos_shift, group.sin_shift = np.cos(shift).ravel(), np.sin(shift).ravel()
            group.heard = heard.ravel()

    def logits(self) -> FloatArray:
        """Those at the end of a cycle, where z = -u, or what a leak leaves of it on average."""
        x = np.asarray(self.groups[-1].x[:]).reshape(self.batch, -1)
        leak = self.model.leak
        kept = np.exp(-leak / 2)
        return np.asarray(-x / kept * (1 if self.model.form == "gated" else 1 - np.exp(-leak)))

    def phases(self) -> list[FloatArray]:
        """Of each layer but the read-out, (batch, units), those of the last spikes."""
        found = []
        for monitor, width in zip(self.monitors, self.widths, strict=False):
            phase = np.full(self.batch * width, np.nan)
            steps = np.rint(np.asarray(monitor.t_[:]) / STEP_S)
            theta = 2 * np.pi * (steps % self.steps) / self.steps - np.pi
            if self.model.bins is None:
                theta = theta + np.asarray(monitor.ahead[:])
            arrived = np.asarray(monitor.heard[:]) > 0
            phase[np.asarray(monitor.i[:])[arrived]] = theta[arrived]
            found.append(phase.reshape(self.batch, width)[:, :-1])
        return found
