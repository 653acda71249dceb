"""A phase network and its samples as spiking neurons: biases, spike times and synapses."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import scipy

from neurosc.hw_models.spiking.model import (
    AFFERENTS,
    OSCILLATORS,
    RECURRENTS,
    SOURCES,
    WARM_UP,
    Shape,
)
from neurosc.hw_models.spiking.taps import Taps
from neurosc.ideal.reduction import Reduction
from neurosc.network import ComplexArray, FloatArray, IntArray, PhaseNetwork
from neurosc.substrate import Nudge

CLOCKS = 2
"""Clocks at phase 0 and pi/2 give the real and the imaginary part of a field."""
NEURONS_PER_RUN, SYNAPSES_PER_RUN = 1024, 200_000
"""Most that is simulated at once: enough to hide Brian2's overhead, and it fits the cache."""


@dataclasses.dataclass(frozen=True, eq=False)
class Circuit:
    """The neurons and synapses of one sample, and what differs between samples.

    Attributes
    ----------
    taps
        Of every synapse.
    steps
        Per cycle.
    eps
        Radians per cycle and unit of torque.
    frequency
        (batch, m), of the free oscillators in the co-rotating frame.
    start
        (batch, m), their phases at the start.
    turns
        (batch, sources): when each source spikes, in periods after the start of a cycle.
    afferents, recurrents
        (2, edges): source and target within a sample.
    afferent_weights
        (batch, edges), eps times the coupling or field.
    recurrent_weights
        (edges,), eps times the coupling.
    """

    taps: Taps
    steps: int
    eps: float
    frequency: FloatArray
    start: FloatArray
    turns: FloatArray
    afferents: IntArray
    recurrents: IntArray
    afferent_weights: FloatArray
    recurrent_weights: FloatArray

    @property
    def samples_per_run(self) -> int:
        """How many samples one run holds; it is the same for each batch, so a build serves all."""
        synapses = max(1, self.afferents.shape[1] + self.recurrents.shape[1])
        fit = min(NEURONS_PER_RUN // self.frequency.shape[1], SYNAPSES_PER_RUN // synapses)
        return int(max(2, fit))  # of two samples, every array is one that a run can set

    def shape(self, pairs: int, block: int, record: bool) -> Shape:
        """What a run of `samples_per_run` samples needs compiled."""
        k = self.samples_per_run
        return Shape(
            oscillators=k * self.frequency.shape[1],
            sources=k * self.turns.shape[1],
            afferents=k * self.afferents.shape[1],
            recurrents=k * self.recurrents.shape[1],
            steps_per_cycle=self.steps,
            pairs=pairs,
            poles=self.taps.poles,
            block=block,
            record=record,
        )

    def arrays(self, samples: slice) -> dict[str, npt.NDArray[np.generic]]:
        """The numbers of some samples, padded with silent ones, by the names of `model.INPUTS`."""
        k = self.samples_per_run
        step, age = self._source_times(self.turns[samples])
        neuron = self.taps.neuron
        drive = neuron.current(self.frequency[samples], self.eps)
        # the warm-up comes first, and time 0 is in the middle of a step
        early = self.start[samples] - WARM_UP * self.eps * self.frequency[samples]
        elapsed = (early / (2 * np.pi) - 0.5 / self.steps) % 1.0
        # I = 0 never reaches the threshold, and no step has the number -1
        return {
            f"{OSCILLATORS}.I": _padded(drive, k, 0.0),
            f"{OSCILLATORS}.v": _padded(drive * -np.expm1(elapsed * np.log1p(-1 / drive)), k, 0.0),
            f"{SOURCES}.step": _padded(step, k, -1),
            f"{SOURCES}.gain0": _padded(np.exp(-age), k, 0.0),
            f"{SOURCES}.gain1": _padded(age * np.exp(-age), k, 0.0),
            **_synapses(AFFERENTS, self.afferents, k, self.turns.shape[1], drive.shape[1]),
            **_synapses(RECURRENTS, self.recurrents, k, drive.shape[1], drive.shape[1]),
            f"{AFFERENTS}.weight": _padded(self.afferent_weights[samples], k, 0.0),
            f"{RECURRENTS}.weight": np.tile(self.recurrent_weights, k),
        }

    def _source_times(self, turns: FloatArray) -> tuple[IntArray, FloatArray]:
        """The step of each spike, and how long before its middle it was, in units of the pole."""
        exact = turns * self.steps
        nearest = np.rint(exact)
        age = (nearest - exact) / (self.steps * self.taps.pole)
        return nearest.astype(np.intp) % self.steps, age


def compile_circuit(
    problem: Reduction, nudge: Nudge | None, *, taps: Taps, steps: int, eps: float
) -> Circuit:
    """The circuit of a reduced network whose couplings are real and whose nudge is static."""
    network = problem.network
    free = network.free
    fixed = np.setdiff1d(np.arange(network.n), free)
    column = np.full(network.n, -1)
    column[free] = np.arange(free.size)
    column[fixed] = np.arange(fixed.size)
    moves = np.isin(np.arange(network.n), free)
    pre, post, weight = _edges(network)
    inner, outer = moves[pre] & moves[post], ~moves[pre] & moves[post]
    field = clock_field(network, nudge, problem.batch)
    driven = np.flatnonzero((network.field[free] != 0) | np.isin(free, network.outputs))
    clocks = np.repeat(np.arange(fixed.size, fixed.size + CLOCKS), driven.size)
    held_weights = np.broadcast_to(weight[outer], (problem.batch, int(outer.sum())))
    phases = problem.encoded.phases[:, fixed]
    clock_phases = np.broadcast_to([0.0, np.pi / 2], (problem.batch, CLOCKS))
    theta = np.concatenate([phases, clock_phases], axis=1)
    return Circuit(
        taps=taps,
        steps=steps,
        eps=eps,
        frequency=problem.frequency,
        start=np.zeros_like(problem.frequency) if problem.start is None else problem.start,
        turns=(-theta / (2 * np.pi)) % 1.0,
        afferents=np.stack(
            [
                np.concatenate([column[pre[outer]], clocks]),
                np.concatenate([column[post[outer]], np.tile(driven, CLOCKS)]),
            ]
        ),
        recurrents=np.stack([column[pre[inner]], column[post[inner]]]),
        afferent_weights=eps
        * np.concatenate([held_weights, field.real[:, driven], field.imag[:, driven]], axis=1),
        recurrent_weights=eps * weight[inner],
    )


def clock_field(network: PhaseNetwork, nudge: Nudge | None, batch: int) -> ComplexArray:
    """The field of the clocks at the free oscillators, (batch, m): b and the nudge's."""
    field = np.tile(network.field, (batch, 1))
    if nudge is not None and nudge.beta != 0:
        drive = nudge.cost.drive(nudge.target, network.outputs.size)
        if drive is not None:
            field[:, network.outputs] += nudge.beta * drive.field
    return field[:, network.free]


def _edges(network: PhaseNetwork) -> tuple[IntArray, IntArray, FloatArray]:
    """Source, target and coupling of each edge in both directions, in the order of the sources."""
    coupling = scipy.sparse.coo_array(network.coupling)
    order = np.lexsort((coupling.row, coupling.col))
    return (
        coupling.col[order].astype(np.intp),
        coupling.row[order].astype(np.intp),
        np.asarray(coupling.data[order].real, dtype=np.float64),
    )


def _padded(values: npt.NDArray[np.generic], rows: int, silent: float) -> npt.NDArray[np.generic]:
    """Rows one after another, with further ones of a constant."""
    padding = np.full((rows - len(values), values.shape[1]), silent, dtype=values.dtype)
    return np.asarray(np.concatenate([values, padding]).ravel())


def _synapses(
    name: str, edges: IntArray, samples: int, sources: int, targets: int
) -> dict[str, npt.NDArray[np.generic]]:
    """The edges of one sample repeated for all."""
    sample = np.arange(samples)[:, None]
    return {
        f"{name}.pre": (sample * sources + edges[0]).ravel(),
        f"{name}.post": (sample * targets + edges[1]).ravel(),
    }
