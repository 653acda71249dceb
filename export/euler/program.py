"""A lowered graph as flat arrays for the forward-Euler kernel; knows neither NIR nor numba."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neurosc.export.euler.step import CUBA, LEAKY, WIRE, EulerStep, euler_step, wire
from neurosc.export.lowering.latency import Latency, Timing, timing
from neurosc.export.lowering.limits import check_connections, check_memory
from neurosc.export.lowering.linear_maps import entries
from neurosc.export.lowering.lowered import Lowered
from neurosc.network import FloatArray


class Program(NamedTuple):
    """Nodes in the order of execution, their neurons numbered through; n neurons in all.

    Attributes
    ----------
    first, kind, fires
        Node p has neurons first[p] ... first[p + 1] - 1, (nodes + 1,); its kind; whether it spikes.
    i_decay, i_drive, gain, v_decay, v_drive, r, threshold, reset
        (n,): the numbers of one step, as in `EulerStep`.
    start, hop, weight
        Source s, a neuron or an input channel n, n + 1, ..., has synapses start[s] ...
        start[s + 1] - 1; each reaches neuron hop % n after hop // n steps.
    slots
        Steps that signals can be on their way, plus 1.
    amplitude, strict, subtract
        Value of a spike; `>` or `>=`; the way to reset.
    """

    first: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    fires: npt.NDArray[np.bool_]
    i_decay: npt.NDArray[Any]
    i_drive: npt.NDArray[Any]
    gain: npt.NDArray[Any]
    v_decay: npt.NDArray[Any]
    v_drive: npt.NDArray[Any]
    r: npt.NDArray[Any]
    threshold: npt.NDArray[Any]
    reset: npt.NDArray[Any]
    start: npt.NDArray[np.int64]
    hop: npt.NDArray[np.int64]
    weight: npt.NDArray[Any]
    slots: int
    amplitude: Any
    strict: bool
    subtract: bool


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the neurons of each node and the channels of each Input begin, and how many they are.

    Nodes are in the order of execution; the traced Output nodes come last.
    """

    order: tuple[str, ...]
    first: dict[str, int]
    width: dict[str, int]
    neurons: int
    traced: tuple[str, ...]


def assemble(
    lowered: Lowered,
    dt: float,
    steps: int,
    *,
    latency: Latency,
    amplitude: float,
    strict: bool,
    subtract: bool,
    dtype: npt.DTypeLike,
) -> tuple[Program, Layout]:
    """Order the nodes, and write down the numbers of a step.

    Raises
    ------
    ValueError
        For a step at which forward Euler grows without bound, and delays beyond the memory.
    """
    plan = timing(lowered, latency)
    layout = _layout(lowered, [*plan.order, *lowered.traced])
    start, hop, weight = _synapses(plan, layout, dt, steps)
    numbers = _numbers(lowered, layout.order, dt)
    slots = int(hop.max(initial=0)) // max(layout.neurons, 1) + 1
    number: np.dtype[Any] = np.dtype(dtype)
    check_memory(
        "dt",
        f"delays of {slots - 1} steps to {layout.neurons} neurons",
        slots * layout.neurons * number.itemsize,
        "give a larger dt or a shorter run",
    )
    program = Program(
        first=np.array([*(layout.first[name] for name in layout.order), layout.neurons]),
        kind=np.array([_kind(lowered, name) for name in layout.order], dtype=np.int64),
        fires=np.array([name in lowered.spiking for name in layout.order], dtype=np.bool_),
        **{name: values.astype(number) for name, values in numbers._asdict().items()},
        start=start,
        hop=hop,
        weight=weight.astype(number),
        slots=slots,
        amplitude=number.type(amplitude),
        strict=strict,
        subtract=subtract,
    )
    return program, layout


def _kind(lowered: Lowered, name: str) -> int:
    return int((WIRE, LEAKY, CUBA)[lowered.neurons[name].states if name in lowered.neurons else 0])


def _layout(lowered: Lowered, order: list[str]) -> Layout:
    width = {name: model.neurons for name, model in lowered.neurons.items()}
    width |= {name: lowered.outputs[name] for name in lowered.traced}
    edges = np.cumsum([0, *(width[name] for name in order), *lowered.inputs.values()])
    first = dict(zip([*order, *lowered.inputs], edges[:-1].tolist(), strict=True))
    neurons = sum(width[name] for name in order)
    return Layout(tuple(order), first, width | lowered.inputs, neurons, lowered.traced)


def _synapses(
    plan: Timing, layout: Layout, dt: float, steps: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], FloatArray]:
    """start, hop and weight of all synapses; those beyond the end of the run are left out."""
    check_connections(
        "the whole graph", sum(m.nnz for link in plan.links for m in link.map.values())
    )
    sources = sum(layout.width.values())
    columns: list[tuple[Any, ...]] = [(np.zeros(0, dtype=np.int64),) * 2 + (np.zeros(0),)]
    for number, link in enumerate(plan.links):
        pre, post, weight, delay = entries(link.map)
        wait = plan.wait(number, delay, dt)
        seen = wait < steps
        hop = wait[seen] * layout.neurons + post[seen] + layout.first[link.target]
        columns.append((pre[seen] + layout.first[link.source], hop, weight[seen]))
    pre, hop, weight = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.argsort(pre, kind="stable")
    start = np.searchsorted(pre[order], np.arange(sources + 1)).astype(np.int64)
    return start, hop[order], weight[order]


def _numbers(lowered: Lowered, order: tuple[str, ...], dt: float) -> EulerStep:
    """The numbers of one step of every neuron."""
    steps = [wire(np.zeros(0))]
    for name in order:
        constant = lowered.constants.get(name, 0.0)
        if name in lowered.neurons:
            steps.append(euler_step(name, lowered.neurons[name], constant, dt))
        else:
            steps.append(wire(np.zeros(lowered.outputs[name]) + constant))
    return EulerStep(*(np.concatenate(column) for column in zip(*steps, strict=True)))
