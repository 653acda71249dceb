"""The graphs of NIR's own test suite, built anew: run and simulate agree on each.

Source of the architectures: github.com/neuromorphs/NIR, tests/test_architectures.py, test_ir.py,
test_readwrite.py and test_data_ir.py; sizes are made to fit where the suite only writes files.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import nir
import numpy as np
import pytest

from neurosc.export import run, simulate

DT = 0.1
"""Seconds; the suite has time constants of 1 to 30."""
STEPS = 60
RNG = np.random.default_rng


def affine(a: int, b: int, seed: int = 0) -> nir.Affine:
    rng = RNG(seed)
    return nir.Affine(weight=rng.uniform(-1, 3, (b, a)), bias=rng.uniform(0, 4, b))


def linear(a: int, b: int, seed: int = 0) -> nir.Linear:
    return nir.Linear(weight=RNG(seed).normal(size=(b, a)))


def lif(*tau: float, high: Any = None) -> nir.LIF:
    one = np.ones(len(tau))
    return nir.LIF(tau=np.array(tau), r=one, v_leak=0 * one, v_reset=0 * one,
                   v_threshold=np.arange(1.0, len(tau) + 1) if high is None else np.array(high),
                   )  # fmt: skip


def source(*shape: int) -> nir.Input:
    return nir.Input(input_type=np.array(shape))


def sink(*shape: int) -> nir.Output:
    return nir.Output(output_type=np.array(shape) if shape else None)


def chain(*nodes: nir.NIRNode, **options: Any) -> nir.NIRGraph:
    return nir.NIRGraph.from_list(*nodes, **options)


def graph(nodes: dict[str, nir.NIRNode], *edges: str, **options: Any) -> nir.NIRGraph:
    """Edges as "a b c": a -> b -> c."""
    pairs = [pair for edge in edges for pair in itertools.pairwise(edge.split())]
    return nir.NIRGraph(nodes=nodes, edges=pairs, **options)


def pooled(pool: Any) -> nir.NIRGraph:
    node = pool(kernel_size=np.array([2, 2]), stride=np.array([2, 2]), padding=np.array([0, 0]))
    return graph({"input": source(1, 64, 64), "pool": node, "output": sink()}, "input pool output")


def conv(dims: int, shape: Any, channels: int = 1, kernel: int = 4) -> nir.NIRNode:
    kind = nir.Conv1d if dims == 1 else nir.Conv2d
    weight = RNG(dims).normal(size=(channels, channels, *dims * [kernel]))
    return kind(input_shape=shape, weight=weight, stride=1, padding=0, dilation=1, groups=1,
                bias=None)  # fmt: skip


def flattened(start: int, end: int) -> nir.NIRGraph:
    node = nir.Flatten(input_type=None, start_dim=start, end_dim=end)
    nodes = {"input": source(1, 64, 64), "flatten": node, "output": sink()}
    return graph(nodes, "input flatten output")


def recurrent_on_second_node() -> nir.NIRGraph:
    nodes = {"one": affine(2, 2), "two": affine(2, 2, 1), "three": affine(2, 2, 2),
             "integrator": nir.I(r=np.array([1.0, -0.5]))}  # fmt: skip
    return graph(nodes, "one two integrator two", "integrator three")


def nested() -> nir.NIRGraph:
    """An integrator with itself as it was a while ago."""
    inner = {"input": source(3), "integrator": nir.I(r=np.array([0.3, -0.2, 0.1])),
             "delay": nir.Delay(delay=np.array([0.52, 0.1, 0.26])), "output": sink()}  # fmt: skip
    net = graph(inner, "input integrator delay integrator output")
    return graph({"affine": affine(3, 3), "inner": net}, "affine inner")


def branches(*, merging: bool) -> nir.NIRGraph:
    one = chain(affine(2, 3), nir.Delay(delay=np.array([0.5, 0.1, 0.2])), lif(10, 20, 30),
                affine(3, 3, 1))  # fmt: skip
    two = chain(affine(2, 2, 2), lif(10, 20), affine(2, 3, 3))
    nodes = {"one": one, "two": two}
    if not merging:
        return graph(nodes)
    junction = {"junction": lif(5, 2, 1, high=[1, 1, 1])}
    return graph(nodes | junction, "one junction", "two junction")


def split() -> nir.NIRGraph:
    before = chain(affine(2, 3), lif(10, 20, 30))
    one = chain(affine(3, 2, 1), lif(10, 20))
    two = chain(affine(3, 2, 2), lif(15, 5, high=[1, 1]))
    nodes = {"before": before, "one": one, "two": two, "junction": affine(2, 2, 3)}
    return graph(nodes, "before one junction", "before two junction")


def residual() -> nir.NIRGraph:
    nodes = {"a": affine(2, 2), "b": lif(10, 20), "c": affine(2, 2, 1), "d": lif(10, 20),
             "e": affine(2, 2, 2), "f": lif(15, 5, high=[1, 1])}  # fmt: skip
    return graph(nodes, "a b c d e f", "a e")


def diamond() -> nir.NIRGraph:
    weight = np.array([[1.0, 2, 1], [3, 3, 4]])
    zero = np.zeros(2)
    nodes = {
        "a": nir.Affine(weight=np.array([[1.0], [2], [3]]), bias=np.zeros((1, 3))),
        "b": lif(10, 20, 30), "c": lif(5, 20, 1, high=[1, 1, 1]),
        "d": nir.Affine(weight=weight, bias=zero), "e": nir.Affine(weight=weight, bias=zero),
        "f": nir.Affine(weight=np.array([[1.0, 3], [1, 4]]), bias=zero),
    }  # fmt: skip
    return graph(nodes, "a b d f", "a c d", "c e f")


def subgraph_of_two_channels() -> nir.NIRGraph:
    """Edges that name the Input and Output nodes of a nested graph."""
    inner = {"b": affine(3, 2), "c": affine(3, 2, 1), "bi": source(3), "ci": source(3),
             "bo": sink(2), "co": sink(2)}  # fmt: skip
    net = graph(inner, "bi b bo", "ci c co", type_check=False)
    nodes = {"input": source(1), "a": affine(1, 3, 2), "g": net, "d": affine(2, 1, 3),
             "output": sink(1)}  # fmt: skip
    edges = ("input a g.bi", "a g.ci", "g.bo d output", "g.co d")
    return graph(nodes, *edges, type_check=False)


def recurrent_through_a_matrix() -> nir.NIRGraph:
    rng = RNG(5)
    neuron = nir.IF(r=rng.random(2), v_threshold=rng.random(2), v_reset=np.zeros(2))
    nodes = {"a": source(2), "b": nir.Linear(weight=rng.random((2, 2))), "c": neuron, "d": sink(2)}
    return graph(nodes, "a b c b", "c d")


def two_layers() -> nir.NIRGraph:
    def layer(n: int) -> nir.CubaLIF:
        one = np.ones(n)
        return nir.CubaLIF(tau_mem=2.0 * one, tau_syn=0.5 * one, r=one, v_leak=0.1 * one,
                           v_reset=0 * one, v_threshold=one)  # fmt: skip

    nodes = {"input": source(5), "one": nir.Linear(weight=3 * RNG(0).random((10, 5))),
             "lif1": layer(10), "two": nir.Linear(weight=6 * RNG(1).random((5, 10))),
             "lif2": layer(5), "output": sink(5)}  # fmt: skip
    return graph(nodes, "input one lif1 two lif2 output")


def square_of_neurons(spikes: bool) -> nir.NIRGraph:
    """Parameters of two dimensions."""
    a = RNG(6).uniform(1, 2, (10, 10))
    if spikes:
        node = nir.CubaLIF(tau_mem=a, tau_syn=a, r=a, v_leak=a, v_reset=-a, v_threshold=a / 2)
    else:
        node = nir.CubaLI(tau_mem=a, tau_syn=a, r=a, v_leak=a)
    return chain(node)


ONE, THREE = np.ones(3), np.array([1.0, 2.0, 3.0])
GRAPHS: dict[str, Callable[[], nir.NIRGraph]] = {
    "simple": lambda: graph({"a": affine(3, 3), "b": affine(3, 3, 1)}, "a b"),
    "nested": nested,
    "input and output": lambda: graph(
        {"in": source(3), "w": affine(3, 3), "out": sink(3)}, "in w out"
    ),
    "delay": lambda: chain(source(3), nir.Delay(delay=THREE), sink(3)),
    "threshold": lambda: chain(source(3), nir.Threshold(threshold=THREE - 1.5), sink(3)),
    "linear": lambda: graph({"a": linear(3, 3), "b": linear(3, 3, 1)}, "a b"),
    "flatten two": lambda: graph(
        {"in": source(4, 5, 2), "flat": nir.Flatten(
            start_dim=0, end_dim=1, input_type={"input": np.array([4, 5, 2])}),
         "out": sink(20, 2)}, "in flat out"),
    "list": lambda: chain(linear(2, 3), linear(3, 2), affine(2, 3), affine(3, 2, 1)),
    "list with delay": lambda: chain([affine(2, 3), nir.Delay(delay=np.array([0.5, 0.1, 0.2]))]),
    "SumPool2d": lambda: pooled(nir.SumPool2d),
    "AvgPool2d": lambda: pooled(nir.AvgPool2d),
    "flatten 0-0": lambda: flattened(0, 0),
    "flatten 0-1": lambda: flattened(0, 1),
    "flatten 0-2": lambda: flattened(0, 2),
    "flatten 1-2": lambda: flattened(1, 2),
    "Conv2d": lambda: chain(source(1, 64, 64), conv(2, (64, 64)), sink(1, 61, 61)),
    "Conv2d, shapes inferred": lambda: chain(source(1, 64, 64), conv(2, None), sink()),
    "Conv1d": lambda: chain(source(1, 64), conv(1, 64), sink(1, 61)),
    "Conv1d, shapes left open": lambda: chain(
        source(1, 64), conv(1, None), sink(), type_check=False),
    "Conv1d after Affine": lambda: chain(
        affine(2, 200), conv(1, 100, 2, 3), nir.Flatten(input_type=None, start_dim=0),
        affine(196, 2), type_check=False),
    "one node": lambda: graph({"transform": linear(6, 4)}),
    "integrator": lambda: graph({"a": affine(2, 3), "b": nir.I(r=ONE)}, "a b"),
    "integrate and fire": lambda: graph(
        {"a": affine(2, 3), "b": nir.IF(r=ONE, v_threshold=ONE)}, "a b"),
    "leaky integrator": lambda: chain(affine(2, 3), nir.LI(tau=ONE, r=ONE, v_leak=ONE)),
    "leaky integrate and fire": lambda: chain(
        affine(2, 3), nir.LIF(tau=ONE, r=ONE, v_leak=ONE, v_threshold=1.1 * ONE)),
    "current-based": lambda: chain(
        affine(2, 3), nir.CubaLIF(tau_mem=ONE, tau_syn=2 * ONE, r=ONE, v_leak=ONE,
                                  v_threshold=1.5 * ONE, w_in=2 * ONE)),
    "scale": lambda: chain(source(3), nir.Scale(scale=THREE), sink(3)),
    "sequential": lambda: chain(
        affine(2, 3), nir.Delay(delay=np.array([0.5, 0.1, 0.2])), lif(10, 20, 30), affine(3, 2)),
    "recurrent on the first node": lambda: graph(
        {"input": source(2), "affine": affine(2, 2), "integrator": nir.I(r=np.array([0.4, -0.7])),
         "output": sink(2)}, "input affine integrator affine", "integrator output"),
    "recurrent on the second node": recurrent_on_second_node,
    "two branches": lambda: branches(merging=False),
    "two branches that merge": lambda: branches(merging=True),
    "split": split,
    "residual": residual,
    "diamond": diamond,
    "subgraph of two channels": subgraph_of_two_channels,
    "recurrent through a matrix": recurrent_through_a_matrix,
    "two layers": two_layers,
    "square CubaLI": lambda: square_of_neurons(False),
    "square CubaLIF": lambda: square_of_neurons(True),
}  # fmt: skip


def given(built: nir.NIRGraph) -> dict[str, Any]:
    """Real numbers and zeros for every Input, two samples."""
    rng, found = RNG(7), {}
    for name, node in sorted(built.nodes.items()):
        if isinstance(node, nir.Input):
            width = int(np.prod(node.input_type["input"]))
            shape = (2, STEPS if width < 1000 else 8, width)
            found[name] = rng.normal(10, 10, shape) * (rng.random((*shape[:2], 1)) < 0.7)
    return found


@pytest.mark.parametrize("name", GRAPHS)
def test_run_and_simulate_agree_to_the_step(name: str) -> None:
    built = GRAPHS[name]()
    inputs = given(built)
    euler = simulate(built, inputs, DT)
    brian2 = run(built, inputs, dt=DT, method="euler", target="numpy")
    assert euler.widths
    for node in euler.spikes:
        np.testing.assert_array_equal(brian2.raster(node), euler.raster(node))
    for output in euler.widths:
        expected = euler.signal(output)
        assert np.any(expected), "nothing arrives"
        np.testing.assert_allclose(brian2.signal(output), expected, atol=1e-9)


SPIKING = ("two layers", "residual", "two branches that merge", "recurrent through a matrix",
           "square CubaLIF", "current-based")  # fmt: skip


@pytest.mark.parametrize("name", SPIKING)
def test_first_spikes_of_exact_solutions_are_within_two_steps_of_euler(name: str) -> None:
    """Later ones drift apart: each reset on the grid waits half a step for it."""
    built = GRAPHS[name]()
    inputs = {node: np.full((240, *x.shape[2:]), 0.5) for node, x in given(built).items()}
    euler = simulate(built, inputs, DT / 4)
    exact = run(built, inputs, dt=DT / 4, target="numpy")
    compared = 0
    for node, width in euler.sizes.items():
        for neuron in range(width):
            spikes = [np.flatnonzero(r.raster(node)[0, :, neuron])[:2] for r in (exact, euler)]
            both = min(len(found) for found in spikes)
            assert np.abs(spikes[0][:both] - spikes[1][:both]).max(initial=0) <= 2, node
            compared += both
    assert compared > 3


def test_graphs_of_the_suite_that_cannot_be_run_say_why() -> None:
    """Files that NIR writes and reads, but whose numbers do not fit each other."""
    weight = np.array([[2.0, 0], [1, 3], [4, 1]])
    flat = nir.Conv2d(input_shape=(3, 3), weight=np.ones((1, 3, 3)), stride=1, padding="same",
                      dilation=1, groups=1, bias=np.zeros(9))  # fmt: skip
    tau = np.array([0.9, 0.8, 0.7])
    cases = {
        "a bias of 2 numbers for a signal": chain(nir.Affine(weight=weight, bias=np.array([0, 1]))),
        r"a weight of shape \(1, 3, 3\); give": chain(
            flat, nir.LI(tau=tau, r=0 * tau + 1, v_leak=0 * tau), type_check=False
        ),
        "form a loop without a neuron": graph({"a": affine(2, 2), "o": sink(2)}, "a a o",
                                              type_check=False),
    }  # fmt: skip
    for message, built in cases.items():
        for simulator in (run, simulate):
            with pytest.raises(ValueError, match="^graph: .*" + message):
                simulator(built, dt=DT, steps=5)
