"""A NIR graph as neurons and what connects them; knows NIR, but no simulator.

Everything linear between neurons (Linear, Affine, Scale, Conv1d, Conv2d, pools, Flatten, Delay) is
multiplied out: one matrix per source, target and delay.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np

from neurosc.export.lowering.linear_maps import (
    DelayedMap,
    Matrix,
    add,
    apply,
    bias_of,
    delays_of,
    identity,
    matrix_of,
)
from neurosc.export.lowering.models import Model, model_of
from neurosc.export.lowering.nodes import LINEAR, PASSING, SPIKING, Nodes, expand, kind
from neurosc.export.lowering.signal_shapes import Shape, Shapes, infer_shapes
from neurosc.network import FloatArray


@dataclasses.dataclass(frozen=True, eq=False)
class Link:
    """Signals from a node to a node.

    Attributes
    ----------
    source, target
        Names of nodes.
    signal
        Whether spikes (or what is given to an Input) pass, or the value of a state.
    map
        Per delay in seconds, a matrix (targets, sources).
    direct
        A graded signal from neuron to neuron, element by element, through no other node.
    """

    source: str
    target: str
    signal: Literal["spikes", "graded"]
    map: DelayedMap
    direct: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Lowered:
    """A graph ready for a simulator.

    Attributes
    ----------
    inputs, outputs
        Channels of each.
    input_shapes
        Of one sample and step.
    neurons
        The equations of each node that integrates or spikes, without what biases add.
    constants
        What the biases of Affine and convolutions add at each neuron node and Output, where
        it is not zero.
    links
        What connects them.
    """

    inputs: dict[str, int]
    outputs: dict[str, int]
    input_shapes: dict[str, Shape]
    neurons: dict[str, Model]
    constants: dict[str, FloatArray]
    links: tuple[Link, ...]

    @property
    def spiking(self) -> dict[str, int]:
        """Neurons of each node that spikes, by its name."""
        return {
            n: model.neurons for n, model in self.neurons.items() if model.threshold is not None
        }

    @property
    def traced(self) -> tuple[str, ...]:
        """The Outputs that a graded signal or a bias reaches."""
        graded = {link.target for link in self.links if link.signal == "graded"}
        return tuple(name for name in self.outputs if name in graded or name in self.constants)


def lower(graph: Any) -> Lowered:
    """Take a graph apart.

    Raises
    ------
    ValueError
        For a node that is not supported (names it), sizes that do not fit, a loop without a
        neuron in it, and a graph beyond memory.
    """
    nodes = expand(graph)
    shapes = infer_shapes(nodes)
    paths = _Paths(nodes, shapes)
    links: list[Link] = []
    for name in (*nodes.inputs, *nodes.neurons):
        links += paths.links(name)
    width = {name: int(np.prod(shape)) for name, shape in shapes.leaving.items()}
    return Lowered(
        inputs={name: width[name] for name in nodes.inputs},
        outputs={name: width[name] for name in nodes.outputs},
        input_shapes={name: shapes.leaving[name] for name in nodes.inputs},
        neurons={name: model_of(name, nodes.node[name]) for name in nodes.neurons},
        constants=paths.constants(),
        links=tuple(links),
    )


class _Paths:
    """The ways of signals through the linear nodes of a graph."""

    def __init__(self, nodes: Nodes, shapes: Shapes) -> None:
        self.nodes, self.shapes = nodes, shapes
        self.order = _linear_order(nodes)
        self.matrix: dict[str, Matrix | None] = {}
        self.delays: dict[str, FloatArray | None] = {}
        for name in self.order:
            node = nodes.node[name]
            self.matrix[name] = matrix_of(name, node, shapes.entering[name])
            self.delays[name] = delays_of(name, node)
        self.ends = [n for n in nodes.node if n not in self.matrix and n not in nodes.inputs]

    def links(self, source: str) -> list[Link]:
        """Where the signal of one node arrives."""
        spikes = source in self.nodes.inputs or kind(self.nodes.node[source]) in SPIKING
        width = int(np.prod(self.shapes.leaving[source]))
        plain, mapped = {source: 1}, dict[str, DelayedMap]()
        for name in self.order:
            straight, signal = self._arriving(name, plain, mapped)
            if kind(self.nodes.node[name]) in PASSING:
                plain[name], mapped[name] = straight, signal
            elif straight or signal:
                total = add(signal, _times(straight, width))
                mapped[name] = apply(name, total, self.matrix[name], self.delays[name])
        found = []
        for target in self.ends:
            straight, signal = self._arriving(target, plain, mapped)
            if spikes or target in self.nodes.outputs:
                straight, signal = 0, add(signal, _times(straight, width))
            if straight:
                whole = _times(straight, width)
                found.append(Link(source, target, "graded", whole, direct=True))
            if signal:
                found.append(Link(source, target, "spikes" if spikes else "graded", signal))
        return found

    def _arriving(
        self, name: str, plain: dict[str, int], mapped: dict[str, DelayedMap]
    ) -> tuple[int, DelayedMap]:
        """How many unchanged copies arrive at a node, and the sum of the others."""
        before = self.nodes.before[name]
        total: DelayedMap = {}
        for p in before:
            total = add(total, mapped.get(p, {}))
        return sum(plain.get(p, 0) for p in before), total

    def constants(self) -> dict[str, FloatArray]:
        """What the biases add up to at each neuron node and Output that they reach."""
        at: dict[str, FloatArray] = {}
        for name in (*self.order, *self.ends):
            parts = [at[p] for p in self.nodes.before[name] if p in at and p in self.matrix]
            value: FloatArray | None = np.sum(parts, axis=0) if parts else None
            matrix = self.matrix.get(name)
            if value is not None and matrix is not None:
                value = matrix @ value
            bias = bias_of(name, self.nodes.node[name], self.shapes.leaving[name])
            if bias is not None:
                value = bias if value is None else value + bias
            if value is not None and np.any(value):
                at[name] = value
        return {name: at[name] for name in self.ends if name in at}


def _times(copies: int, width: int) -> DelayedMap:
    """A signal `copies` times over."""
    if not copies:
        return {}
    return {delay: copies * matrix for delay, matrix in identity(width).items()}


def _linear_order(nodes: Nodes) -> list[str]:
    """The linear nodes, each after those before it."""
    linear = [n for n, node in nodes.node.items() if kind(node) in LINEAR | PASSING]
    waiting = {name: sum(p in linear for p in nodes.before[name]) for name in linear}
    order = [name for name in linear if waiting[name] == 0]
    for name in order:
        for after in nodes.after[name]:
            if after in waiting:
                waiting[after] -= 1
                if waiting[after] == 0:
                    order.append(after)
    if len(order) < len(linear):
        looped = sorted(set(linear) - set(order))
        raise ValueError(
            f"graph: the nodes {looped} form a loop without a neuron, which has no solution in "
            "time; put a neuron into it"
        )
    return order
