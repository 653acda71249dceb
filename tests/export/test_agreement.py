"""run(method="euler") against simulate, on random graphs, values and names."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import hypothesis
import nir
import numpy as np
import numpy.typing as npt
import pytest
import scipy
from hypothesis import strategies as st

from neurosc.export import PeriodicSpikes, run, simulate

DT = 1e-3
STEPS = 120
Rng = np.random.Generator
Nodes = dict[str, nir.NIRNode]
Edges = list[tuple[str, str]]


def neuron(rng: Rng, n: int) -> nir.NIRNode:
    """One of the seven types, with numbers of its own in each neuron."""

    def tau() -> npt.NDArray[np.float64]:
        return rng.uniform(5e-3, 20e-3, n)

    r, leak, low = rng.uniform(0.5, 2, n), rng.uniform(-0.5, 1.5, n), rng.uniform(-0.3, 0.3, n)
    high = rng.uniform(0.6, 1.2, n)
    options: list[Any] = [
        lambda: nir.I(r=r),
        lambda: nir.IF(r=50 * r, v_threshold=high, v_reset=low),
        lambda: nir.LI(tau=tau(), r=r, v_leak=leak),
        lambda: nir.LIF(tau=tau(), r=r, v_leak=leak, v_threshold=high, v_reset=low),
        lambda: nir.CubaLI(tau_syn=tau(), tau_mem=tau(), r=r, v_leak=leak, w_in=r),
        lambda: nir.CubaLIF(tau_syn=tau(), tau_mem=tau(), r=r, v_leak=leak, v_threshold=high,
                            v_reset=low, w_in=r),
        lambda: nir.Threshold(threshold=high),
    ]  # fmt: skip
    return options[rng.integers(len(options))]()


def path(rng: Rng, a: int, b: int, tag: str) -> Nodes:
    """Linear nodes from a to b channels; none where the sizes are equal and chance has it so."""
    if a == b and rng.random() < 0.3:
        return {}
    nodes: Nodes = {}
    if rng.random() < 0.4:
        nodes[f"{tag}delay"] = nir.Delay(delay=rng.uniform(0, 6, a) * DT)
    if rng.random() < 0.3:
        nodes[f"{tag}scale"] = nir.Scale(scale=rng.normal(size=a))
    if a > 2 and rng.random() < 0.5:
        stride = int(rng.integers(1, 3))
        width = (a - 2) // stride + 1
        nodes[f"{tag}conv"] = nir.Conv1d(
            input_shape=a, weight=rng.normal(size=(2, 1, 2)), stride=stride, padding=0, dilation=1,
            groups=1, bias=rng.normal(size=2))  # fmt: skip
        a = 2 * width
    elif a > 3 and rng.random() < 0.7:
        pool = nir.SumPool2d if rng.random() < 0.5 else nir.AvgPool2d
        nodes |= {
            f"{tag}conv": nir.Conv2d(
                input_shape=(2, a // 2), weight=rng.normal(size=(2, 1, 1, 2)), stride=1, groups=1,
                padding="same", dilation=1, bias=None),
            f"{tag}pool": pool(kernel_size=np.array([2, 1]), stride=np.array([1, 1]),
                               padding=np.array([1, 0])),
            f"{tag}flat": nir.Flatten(input_type=None, start_dim=0),
        }  # fmt: skip
        a = 2 * 3 * (a // 2)
    weight, bias = rng.normal(size=(b, a)) * 3, rng.normal(size=b)
    affine = rng.random() < 0.5
    nodes[f"{tag}matrix"] = nir.Affine(weight=weight, bias=bias) if affine else nir.Linear(weight)
    return nodes


def nested(rng: Rng, node: nir.NIRNode, n: int) -> nir.NIRGraph:
    """A population with a loop of its own, in a graph of its own."""
    inner: Nodes = {"input": nir.Input(input_type=np.array([n])), "lif": node,
                    "output": nir.Output(output_type=np.array([n]))}  # fmt: skip
    edges: Edges = [("input", "lif"), ("lif", "output")]
    back = path(rng, n, n, "back_")
    inner |= back
    if back:
        edges += list(itertools.pairwise(["lif", *back, "lif"]))
    return nir.NIRGraph(nodes=inner, edges=edges, type_check=False)


def random_graph(rng: Rng) -> nir.NIRGraph:
    """Populations of random types, joined forwards, backwards and to themselves."""
    sizes: dict[str, int] = {"input": int(rng.integers(1, 5))}
    nodes: Nodes = {"input": nir.Input(input_type=np.array([sizes["input"]]))}
    edges: Edges = []
    names = [f"{'zyxw'[k]}{k}" for k in range(rng.integers(1, 5))]
    for name in names:
        sizes[name] = 2 * int(rng.integers(1, 4))
        node = neuron(rng, sizes[name])
        nodes[name] = nested(rng, node, sizes[name]) if rng.random() < 0.4 else node

    def join(source: str, target: str) -> None:
        tag = f"{source}_{target}_{len(edges)}_"
        between = path(rng, sizes[source], sizes[target], tag)
        nodes.update(between)
        edges.extend(itertools.pairwise([source, *between, target]))

    for k, name in enumerate(names):
        join(["input", *names[:k]][rng.integers(k + 1)], name)
        if rng.random() < 0.6:
            join(names[rng.integers(len(names))], name)
    for number in range(rng.integers(1, 3)):
        name = f"output{number}"
        nodes[name], sizes[name] = nir.Output(output_type=None), int(rng.integers(1, 4))
        join([*names, "input"][rng.integers(len(names) + 1)], name)
        if ("input", name) in edges or (names[-1], name) in edges:
            sizes.pop(name)
    return nir.NIRGraph(nodes=nodes, edges=list(dict.fromkeys(edges)), type_check=False)


def assert_equal(graph: nir.NIRGraph, given: Any, **options: Any) -> int:
    """Both simulators, spike by spike and value by value; how many spikes there were."""
    one = simulate(graph, given, DT, **options)
    other = run(graph, given, dt=DT, method="euler", target="numpy", **options)
    assert one.spikes.keys() == other.spikes.keys()
    for name in one.spikes:
        np.testing.assert_array_equal(one.raster(name), other.raster(name), err_msg=name)
    for name in one.widths:
        expected = one.signal(name)
        scale = 1e-9 * max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(other.signal(name), expected, atol=scale, err_msg=name)
    return sum(len(found.time) for found in one.spikes.values())


@hypothesis.settings(max_examples=12)
@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    latency=st.sampled_from(["loops", "loops", "always", "absorbed"]),
    start=st.sampled_from([0, 37]),
)
def test_random_graphs_agree_to_the_step(
    seed: int, latency: Literal["loops", "always", "absorbed"], start: int
) -> None:
    rng = np.random.default_rng(seed)
    graph = random_graph(rng)
    width = int(graph.nodes["input"].input_type["input"][0])
    given = rng.normal(1, 1, (2, STEPS, width)) * (rng.random((2, STEPS, 1)) < 0.5)
    spikes = rng.random() < 0.3
    assert_equal(graph, given > 1.5 if spikes else given, latency=latency, record_from=start)


def busy(seed: int) -> nir.NIRGraph:
    """A recurrent net of CubaLIF -> CubaLI -> Threshold, with delays, over thousands of steps."""
    rng = np.random.default_rng(seed)
    one, six = np.ones(6), 6
    nodes: Nodes = {
        "input": nir.Input(input_type=np.array([3])),
        "in": nir.Affine(weight=rng.normal(0, 4, (six, 3)), bias=rng.uniform(1, 2, six)),
        "a": nir.CubaLIF(tau_syn=5e-3 * one, tau_mem=rng.uniform(8e-3, 20e-3, six), r=one,
                         v_leak=0 * one, v_threshold=one, v_reset=-0.1 * one),
        "late": nir.Delay(delay=rng.integers(0, 9, six) * DT),
        "loop": nir.Linear(weight=rng.normal(0, 1.5, (six, six))),
        "b": nir.CubaLI(tau_syn=4e-3 * one, tau_mem=9e-3 * one, r=3 * one, v_leak=0 * one),
        "later": nir.Delay(delay=rng.integers(1, 5, six) * DT),
        "mix": nir.Linear(weight=rng.normal(0, 0.8, (six, six))),
        "c": nir.Threshold(threshold=0.4 * one),
        "output": nir.Output(output_type=np.array([six])),
    }  # fmt: skip
    edges = ["input in", "in a", "a late", "late loop", "loop a", "a b", "b later", "later mix",
             "mix b", "b c", "c output"]  # fmt: skip
    return nir.NIRGraph(nodes=nodes, edges=[tuple(edge.split()) for edge in edges])


def test_a_busy_net_agrees_for_long() -> None:
    """300 time constants, where an exact solution would be 150 steps away."""
    rng = np.random.default_rng(3)
    given = rng.normal(0, 1, (3000, 3)) * (rng.random((3000, 3)) < 0.2)
    assert assert_equal(busy(2), given) > 3000


def test_periodic_spikes_agree() -> None:
    periodic = PeriodicSpikes(np.array([[0, 7.4, 24], [3, -1, 9]]), 25)
    assert assert_equal(busy(4), periodic, steps=300) > 100


def test_values_are_that_many_spikes() -> None:
    """For both methods: what is given acts in proportion, delays on and off the grid included."""
    one = np.ones(2)
    nodes: Nodes = {
        "input": nir.Input(input_type=np.array([2])),
        "late": nir.Delay(delay=np.array([2.0, 3.3]) * DT),
        "mix": nir.Linear(weight=np.array([[1.0, 2.0], [0.5, -1.0]])),
        "v": nir.LI(tau=8e-3 * one, r=one, v_leak=0 * one),
        "output": nir.Output(output_type=np.array([2])),
    }
    graph = nir.NIRGraph(nodes=nodes, edges=list(itertools.pairwise(nodes)))
    rng = np.random.default_rng(5)
    spikes = rng.random((60, 2)) < 0.2
    size = rng.normal(size=(1, 2))
    options: list[dict[str, Any]] = [
        {"method": "euler"}, {"method": "exact"}, {"reset": "grid"}
    ]  # fmt: skip
    for option in options:
        parts = [
            run(graph, spikes * np.eye(2)[k], dt=DT, target="numpy", **option).signal("output")
            for k in range(2)
        ]
        whole = run(graph, spikes * size, dt=DT, target="numpy", **option).signal("output")
        np.testing.assert_allclose(whole, size[0, 0] * parts[0] + size[0, 1] * parts[1], atol=1e-12)
    assert np.abs(whole).max() > 0.1


def filters(weight: npt.ArrayLike, delay: float, steps: int) -> nir.NIRGraph:
    """LI -> Delay -> Linear -> LI, at a fixed speed of the signal whatever dt."""
    one = np.ones(1)
    nodes: Nodes = {
        "input": nir.Input(input_type=one.astype(int)),
        "a": nir.LI(tau=8e-3 * one, r=one, v_leak=0 * one),
        "late": nir.Delay(delay=delay * one),
        "mix": nir.Linear(weight=np.atleast_2d(weight)),
        "b": nir.LI(tau=5e-3 * one, r=one, v_leak=0 * one),
        "output": nir.Output(output_type=one.astype(int)),
    }
    return nir.NIRGraph(nodes=nodes, edges=list(itertools.pairwise(nodes)))


@pytest.mark.parametrize("method", ["exact", "euler"])
def test_delayed_graded_signals_follow_the_equation(method: Literal["exact", "euler"]) -> None:
    """A unit step of the input: b(t + d) = 1 - (8 e^(-t/8) - 5 e^(-t/5)) / 3 in milliseconds."""
    errors = []
    for refine in (1, 4):
        dt = DT / refine
        graph = filters(2.0, 12e-3, 60 * refine)
        trace = run(graph, np.ones((60 * refine, 1)), dt=dt, method=method, target="numpy")
        t = np.arange(1, 60 * refine + 1) * dt * 1e3 - 12
        expected = 2 * (1 - (8 * np.exp(-t / 8) - 5 * np.exp(-t / 5)) / 3) * (t > 0)
        errors.append(np.abs(trace.signal("output")[0, :, 0] - expected).max())
    assert errors[0] < 0.15
    assert errors[1] < errors[0] / 3


def test_two_spiking_nodes_may_follow_one_filter() -> None:
    one = np.ones(2)
    neurons = {
        name: nir.LIF(tau=tau * one, r=one, v_leak=0 * one, v_threshold=0.5 * one, v_reset=0 * one)
        for name, tau in (("x", 9e-3), ("y", 4e-3))
    }
    nodes: Nodes = {
        "input": nir.Input(input_type=np.array([2])),
        "v": nir.LI(tau=8e-3 * one, r=one, v_leak=0 * one),
        **neurons,
        "over": nir.Threshold(threshold=0.7 * one),
        "output": nir.Output(output_type=np.array([2])),
    }
    edges = [("input", "v"), ("v", "x"), ("v", "y"), ("v", "over"), ("over", "output")]
    graph = nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)
    given = np.ones((60, 2))
    assert assert_equal(graph, given) > 50

    def step(t: float, *tau: float) -> float:
        """The answer of one filter, or of two in a row, to a unit step; milliseconds."""
        if len(tau) == 1:
            return float(1 - np.exp(-t / tau[0]))
        return float(1 - np.dot(tau, [1, -1] * np.exp(-t / np.array(tau))) / (tau[0] - tau[1]))

    exact = run(graph, np.ones((400, 2)), dt=DT / 10, target="numpy")
    for name, high, tau in (("x", 0.5, (8.0, 9.0)), ("y", 0.5, (8.0, 4.0)), ("over", 0.7, (8.0,))):
        crossing = scipy.optimize.brentq(lambda t, h, tau: step(t, *tau) - h, 0, 40, (high, tau))
        assert exact.spikes[name].time[0] == pytest.approx(crossing * 1e-3, abs=1.5 * DT / 10)


NAMES = ["__import__('os').abort()", 'a"b', "new\nline", "i", "t", "lambda", "v_post + 1", "s0",
         "größe", "x = 0", "%d {0} \\", "weight", " "]  # fmt: skip


def renamed(graph: nir.NIRGraph, names: dict[str, str]) -> nir.NIRGraph:
    nodes = {names[name]: node for name, node in graph.nodes.items()}
    return nir.NIRGraph(nodes=nodes, edges=[(names[a], names[b]) for a, b in graph.edges])


@pytest.mark.parametrize("method", ["exact", "euler"])
def test_no_name_and_no_number_of_a_graph_becomes_code(
    method: Literal["exact", "euler"], monkeypatch: pytest.MonkeyPatch
) -> None:
    import brian2

    written: list[str] = []

    def spy(kind: Any, name: str) -> Any:
        original = getattr(kind, name)

        def wrapped(self: Any, *args: Any, **options: Any) -> Any:
            written.extend(str(a) for a in (*args, *options.values()) if isinstance(a, str))
            return original(self, *args, **options)

        monkeypatch.setattr(kind, name, wrapped)

    for kind, name in ((brian2.NeuronGroup, "__init__"), (brian2.NeuronGroup, "run_regularly"),
                       (brian2.Synapses, "__init__"), (brian2.SpikeGeneratorGroup, "__init__"),
                       (brian2.NetworkOperation, "__init__"), (brian2.TimedArray, "__init__"),
                       (brian2.StateMonitor, "__init__")):  # fmt: skip
        spy(kind, name)
    codes, spikes = [], []
    plain = busy(7)
    hostile = dict(zip(sorted(plain.nodes), sorted(NAMES), strict=False))
    graphs = [plain, renamed(plain, hostile), renamed(busy(8), hostile)]
    given = np.random.default_rng(0).normal(size=(80, 3))
    for graph in graphs:
        written.clear()
        recording = run(graph, given, dt=DT, method=method, target="numpy")
        codes.append(sorted(written))
        spikes.append(recording)
    np.testing.assert_array_equal(spikes[1].raster(hostile["a"]), spikes[0].raster("a"))
    reference = simulate(graphs[1], given, DT)
    np.testing.assert_array_equal(
        simulate(plain, given, DT).raster("a"), reference.raster(hostile["a"])
    )
    assert codes[0]
    assert codes[0] == codes[1] == codes[2]  # other names, then other numbers


def test_names_that_are_expressions_run_in_both() -> None:
    one = np.ones(1)
    for name in NAMES:
        nodes: Nodes = {
            name + "1": nir.Input(input_type=np.array([1])),
            name: nir.LIF(tau=5e-3 * one, r=9 * one, v_leak=0 * one, v_threshold=one,
                          v_reset=0 * one),
            name + "2": nir.Output(output_type=np.array([1])),
        }  # fmt: skip
        graph = nir.NIRGraph(nodes=nodes, edges=[(name + "1", name), (name, name + "2")])
        given = {name + "1": np.ones((40, 1))}
        one_spike = simulate(graph, given, DT).spikes[name].time.size
        assert one_spike > 3
        if name in NAMES[:3]:
            assert run(graph, given, dt=DT, target="numpy").spikes[name].time.size > 3
