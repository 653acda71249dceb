"""simulate: against closed forms, a plain NumPy loop bit for bit, and Brian2."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import hypothesis
import nir
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import strategies as st

from neurosc import topology
from neurosc.export import PeriodicSpikes, Recording, run, simulate, to_nir
from neurosc.export.metadata import unpack
from neurosc.export.substrate import clock_spikes

DT = 1e-4
TWICE = 160
"""Steps in twice the shortest membrane time constant, in which Euler alone errs by one step."""
Bits = npt.NDArray[np.bool_]


def lif(n: int = 1, tau: float = 20e-3, drive: float = 0.0, high: float = 1.0,
        low: float = 0.0) -> nir.LIF:  # fmt: skip
    one = np.ones(n)
    return nir.LIF(tau=tau * one, r=one, v_leak=drive * one, v_threshold=high * one,
                   v_reset=low * one)  # fmt: skip


def jumping(high: float = 0.9) -> nir.LIF:
    """Jumps by the weight itself, as tau = dt R, and forgets at once."""
    return lif(tau=DT, high=high)


def li(n: int = 1, tau: float = 5e-3) -> nir.LI:
    return nir.LI(tau=np.full(n, tau), r=np.ones(n), v_leak=np.zeros(n))


def cuba(rng: np.random.Generator, n: int) -> nir.CubaLIF:
    return nir.CubaLIF(
        tau_syn=rng.uniform(2e-3, 6e-3, n), tau_mem=rng.uniform(8e-3, 20e-3, n),
        r=rng.uniform(0.5, 2, n), v_leak=rng.uniform(0, 0.5, n),
        v_threshold=rng.uniform(0.8, 1.2, n), v_reset=rng.uniform(-0.2, 0.2, n),
        w_in=rng.uniform(0.5, 2, n),
    )  # fmt: skip


def wired(
    *edges: tuple[str, str], beside: dict[str, nir.NIRNode] | None = None, **nodes: nir.NIRNode
) -> nir.NIRGraph:
    """Nodes one after the other from an Input to an Output; further edges, and nodes `beside`."""
    first, last = next(iter(nodes.values())), list(nodes.values())[-1]
    every = {
        "input": nir.Input(input_type=np.atleast_1d(first.input_type["input"])),
        **nodes,
        "output": nir.Output(output_type=np.atleast_1d(last.output_type["output"])),
    }
    chain = itertools.pairwise(list(every))
    return nir.NIRGraph(nodes=every | (beside or {}), edges=[*chain, *edges])


def recurrent(
    rng: np.random.Generator, n: int, kind: Any = cuba, strength: float = 1.0, least: float = 0.4
) -> nir.NIRGraph:
    """3 channels -> n neurons with a delayed loop -> 4 CubaLIF."""
    nodes = {
        "input": nir.Input(input_type=np.array([3])),
        "into": nir.Affine(
            weight=strength * rng.normal(0, 30, (n, 3)), bias=rng.uniform(least, 2, n)
        ),
        "first": kind(rng, n),
        "late": nir.Delay(delay=rng.integers(0, 9, n) * DT),
        "loop": nir.Linear(
            weight=strength * rng.normal(0, 20, (n, n)) * (rng.random((n, n)) < 0.5)
        ),
        "on": nir.Linear(weight=strength * rng.uniform(0, 90, (4, n))),
        "second": cuba(rng, 4),
        "output": nir.Output(output_type=np.array([4])),
    }
    edges = [
        ("input", "into"), ("into", "first"), ("first", "late"), ("late", "loop"),
        ("loop", "first"), ("first", "on"), ("on", "second"), ("second", "output"),
    ]  # fmt: skip
    return nir.NIRGraph(nodes=nodes, edges=edges)


class PlainCuba:
    """A population in plain NumPy; coefficients in double, rounded once to the type of the run."""

    def __init__(self, node: nir.CubaLIF, bias: Any, dtype: Any, subtract: bool) -> None:
        gain = node.w_in / node.tau_syn
        self.low, self.high = node.v_reset.astype(dtype), node.v_threshold.astype(dtype)
        self.am, self.syn = (
            (1 - DT * (1 / tau)).astype(dtype) for tau in (node.tau_mem, node.tau_syn)
        )
        self.gain, self.bias = (DT * gain).astype(dtype), (DT * (gain * bias)).astype(dtype)
        self.leak = (DT * (node.v_leak / node.tau_mem)).astype(dtype)
        self.r = (DT * (node.r / node.tau_mem)).astype(dtype)
        self.i, self.v = np.zeros_like(self.am), np.zeros_like(self.am)
        self.subtract = subtract

    def step(self, x: Any) -> Bits:
        self.i = self.syn * self.i + self.bias + self.gain * x
        self.v = self.am * self.v + self.leak + self.r * self.i
        fired = np.asarray(self.v > self.high)
        after = self.v - (self.high - self.low) if self.subtract else self.low
        self.v = np.where(fired, after, self.v)
        return fired


def plain(graph: nir.NIRGraph, given: Bits, dtype: Any, subtract: bool) -> tuple[Bits, Bits]:
    """Rasters of `recurrent`; what arrives is summed spike by spike."""
    node, steps = graph.nodes, len(given)
    first = PlainCuba(node["first"], node["into"].bias, dtype, subtract)
    second = PlainCuba(node["second"], 0.0, dtype, subtract)
    into, loop, on = (node[name].weight.astype(dtype) for name in ("into", "loop", "on"))
    wait = np.rint(node["late"].delay / DT).astype(int)
    arrives = np.zeros((steps + 20, len(wait)), dtype)
    fired = np.zeros((steps, len(wait)), bool), np.zeros((steps, 4), bool)
    for k in range(steps):
        for channel in np.flatnonzero(given[k]):
            arrives[k] += into[:, channel]
        fired[0][k] = first.step(arrives[k])
        onward = np.zeros(4, dtype)
        for m in np.flatnonzero(fired[0][k]):
            arrives[k + 1 + wait[m]] += loop[:, m]
            onward += on[:, m]
        fired[1][k] = second.step(onward)
    return fired


@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 12),
    reset=st.sampled_from(["value", "subtract"]),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_rasters_equal_those_of_a_plain_loop(
    seed: int, n: int, reset: Literal["value", "subtract"], dtype: Any
) -> None:
    rng = np.random.default_rng(seed)
    graph, given = recurrent(rng, n), rng.random((400, 3)) < 0.05
    recording = simulate(graph, given, DT, reset=reset, dtype=dtype)
    for name, raster in zip(
        ("first", "second"), plain(graph, given, dtype, reset == "subtract"), strict=True
    ):
        np.testing.assert_array_equal(recording.raster(name)[0], raster)


def test_a_busy_net_equals_the_plain_loop_for_long() -> None:
    rng = np.random.default_rng(5)
    graph, given = recurrent(rng, 20), rng.random((5000, 3)) < 0.05
    first, second = plain(graph, given, np.float64, False)
    recording = simulate(graph, given, DT)
    assert min(first.sum(), second.sum()) > 500
    np.testing.assert_array_equal(recording.raster("first")[0], first)
    np.testing.assert_array_equal(recording.raster("second")[0], second)


@pytest.mark.parametrize("drive", [1.2, 1.5, 2.0])
def test_free_period_is_within_a_step_of_the_closed_form(drive: float) -> None:
    times = simulate(wired(osc=lif(drive=drive)), dt=DT, steps=3000).spikes["osc"].time
    assert len(times) >= 7
    np.testing.assert_allclose(np.diff(times), 20e-3 * np.log(drive / (drive - 1)), atol=DT)
    euler = np.ceil(np.log(1 - 1 / drive) / np.log(1 - DT / 20e-3))
    np.testing.assert_allclose(np.diff(times), euler * DT)


def test_period_of_an_integrator() -> None:
    node = nir.IF(r=np.ones(1), v_threshold=np.ones(1), v_reset=np.array([0.2]))
    bias = nir.Affine(weight=np.zeros((1, 1)), bias=np.array([77.0]))
    times = simulate(wired(bias=bias, osc=node), dt=DT, steps=1000).spikes["osc"].time
    np.testing.assert_allclose(np.diff(times), np.ceil(0.8 / (77 * DT)) * DT)


def nested(graph: nir.NIRGraph) -> nir.NIRGraph:
    """`recurrent` with its loop in a graph of its own."""
    width = graph.nodes["first"].v_leak.size
    inside = {"first", "late", "loop"}
    inner = nir.NIRGraph(
        nodes={
            "input": nir.Input(input_type=np.array([width])),
            **{name: graph.nodes[name] for name in inside},
            "output": nir.Output(output_type=np.array([width])),
        },
        edges=[("input", "first"), ("first", "late"), ("late", "loop"), ("loop", "first"),
               ("first", "output")],
    )  # fmt: skip
    nodes = {name: node for name, node in graph.nodes.items() if name not in inside}
    edges = [("input", "into"), ("into", "net"), ("net", "on"), ("on", "second"),
             ("second", "output")]  # fmt: skip
    return nir.NIRGraph(nodes=nodes | {"net": inner}, edges=edges)


def test_a_nested_graph_runs_like_a_flat_one() -> None:
    rng = np.random.default_rng(8)
    flat, given = recurrent(rng, 6), rng.random((900, 3)) < 0.05
    one, other = simulate(flat, given, DT), simulate(nested(flat), given, DT)
    assert len(one.spikes["first"].time) > 30
    np.testing.assert_array_equal(one.raster("first"), other.raster("net.first"))
    np.testing.assert_array_equal(one.raster("second"), other.raster("second"))


def leaky(rng: np.random.Generator, n: int) -> nir.LIF:
    one = np.ones(n)
    return nir.LIF(tau=rng.uniform(15e-3, 25e-3, n), r=one, v_leak=rng.uniform(0, 0.3, n),
                   v_threshold=one, v_reset=0 * one)  # fmt: skip


def filtered() -> nir.NIRGraph:
    """Names against the order of the signals."""
    return wired(weight=nir.Linear(weight=np.array([[150.0]])), z=li(tau=5e-3), b=li(tau=8e-3),
                 a=lif(drive=0.9))  # fmt: skip


def driven(rng: np.random.Generator, n: int, kind: Any) -> nir.NIRGraph:
    """`recurrent` far from the threshold's edge, where a step of delay could cost a spike."""
    graph = recurrent(rng, n, kind, strength=0.3, least=1.5)
    graph.nodes["second"].v_leak = rng.uniform(1.5, 2, 4)
    return graph


def brian2_cases() -> dict[str, tuple[nir.NIRGraph, Any, int]]:
    rng = np.random.default_rng(6)
    network = topology.layered([3, 4, 2], rng=1)
    ours = to_nir(network, eps=0.2, steps_per_cycle=200)
    n = unpack(ours)[1].steps_per_cycle
    phases = network.encode(rng.random((2, 3))).phases
    return {
        "lif": (driven(rng, 6, leaky), rng.random((2, TWICE, 3)) < 0.05, TWICE),
        "cuba": (driven(rng, 6, cuba), rng.random((TWICE, 3)) < 0.05, TWICE),
        "nested": (nested(driven(rng, 5, leaky)), rng.random((TWICE, 3)) < 0.05, TWICE),
        "filters": (filtered(), rng.random((320, 1)) < 0.05, 320),
        "oscillators": (ours, clock_spikes(network, phases, n), 2 * n),
    }


def assert_near(one: Recording, other: Recording, steps: int) -> None:
    """The same spikes, up to `steps` apart; those that the end of the run may hide are left out."""
    for name in one.spikes:
        rasters = one.raster(name), other.raster(name)
        for sample, neuron in itertools.product(range(one.batch), range(one.sizes[name])):
            a, b = (np.flatnonzero(raster[sample, :, neuron]) for raster in rasters)
            certain = max((found < one.steps - steps).sum() for found in (a, b))
            assert min(len(a), len(b)) >= certain, name
            assert np.abs(a[:certain] - b[:certain]).max(initial=0) <= steps, name


@pytest.mark.parametrize("case", list(brian2_cases()))
def test_spikes_are_within_two_steps_of_brian2(case: str) -> None:
    graph, given, steps = brian2_cases()[case]
    dt = None if case == "oscillators" else DT
    exact = run(graph, given, dt=dt, steps=steps, target="numpy")
    euler = simulate(graph, given, dt, steps=steps)
    assert sum(len(found.time) for found in euler.spikes.values()) > 5
    assert_near(exact, euler, 2)


def test_a_sample_has_the_same_bits_in_any_batch_and_on_any_threads() -> None:
    rng = np.random.default_rng(7)
    graph = wired(weight=nir.Linear(weight=rng.normal(0, 60, (6, 3))), v=li(6),
                  mix=nir.Linear(weight=rng.normal(0, 3, (6, 6))), osc=leaky(rng, 6),
                  back=nir.Linear(weight=rng.normal(0, 30, (6, 6))), out=li(6))  # fmt: skip
    graph.edges.append(("back", "v"))
    given = rng.random((5, 800, 3)) < 0.1
    together = simulate(graph, given, DT, workers=1)
    assert len(together.spikes["osc"].time) > 50
    threads = simulate(graph, given, DT, workers=4)
    for sample in range(5):
        alone = simulate(graph, given[sample], DT)
        for batch in (together, threads):
            np.testing.assert_array_equal(batch.raster("osc")[sample], alone.raster("osc")[0])
            trace = batch.traces["output"]
            np.testing.assert_array_equal(trace[sample], alone.traces["output"][0])


@pytest.mark.parametrize("k", range(1, 30))
def test_a_relay_fires_after_its_latency_and_is_empty_then(k: int) -> None:
    """The relay neuron of the portable compile: kick in (1/h_k, 1/h_(k-1)], it cancels itself."""
    am, syn = 1 - 1 / 128, 1 - 1 / 32
    h = (am ** np.arange(40) - syn ** np.arange(40)) / (am - syn)
    kick = 1.5 if k == 1 else (1 / h[k] + 1 / h[k - 1]) / 2
    one = np.ones(1)
    node = nir.CubaLIF(tau_syn=DT / (1 - syn) * one, tau_mem=DT / (1 - am) * one,
                       r=1 / (1 - am) * one, w_in=1 / (1 - syn) * one, v_leak=0 * one,
                       v_threshold=one, v_reset=0 * one)  # fmt: skip
    graph = wired(("relay", "self"), ("self", "relay"),
                  beside={"self": nir.Linear(weight=np.array([[-kick * syn**k]]))},
                  kick=nir.Linear(weight=np.array([[kick]])), relay=node)  # fmt: skip
    given = np.zeros((200, 1))
    given[[10, 100]] = 1
    fired = np.flatnonzero(simulate(graph, given, DT).raster("relay"))
    np.testing.assert_array_equal(fired, [10 + k - 1, 100 + k - 1])


def test_amplitude() -> None:
    """A spike is 1 for one step, or an impulse of area 1."""
    graph = wired(weight=nir.Linear(weight=np.array([[0.5]])), v=li(tau=5e-3))
    given = np.zeros((10, 1))
    given[3] = 1
    one = simulate(graph, given, DT).traces["output"][0, :, 0]
    impulse = simulate(graph, given, DT, amplitude="impulse").traces["output"][0, :, 0]
    decay = np.where(np.arange(10) < 3, 0, (1 - DT / 5e-3) ** (np.arange(10) - 3.0))
    np.testing.assert_allclose(one, 0.5 * DT / 5e-3 * decay, rtol=1e-12)
    np.testing.assert_allclose(impulse, 0.5 / 5e-3 * decay, rtol=1e-12)


def test_reset_by_subtraction_keeps_the_excess() -> None:
    node = nir.IF(r=np.ones(1), v_threshold=np.ones(1), v_reset=np.zeros(1))
    bias = nir.Affine(weight=np.zeros((1, 1)), bias=np.array([3 / 7 / DT]))
    graph = wired(bias=bias, osc=node)
    counts = [
        len(simulate(graph, dt=DT, steps=7000, reset=way).spikes["osc"].time)
        for way in ("value", "subtract")
    ]  # fmt: skip
    assert counts == [2333, pytest.approx(3000, abs=1)]


def test_strictness_matters_where_threshold_and_state_are_equal() -> None:
    graph = wired(weight=nir.Linear(weight=np.array([[1.0]])), osc=jumping(high=1.0))
    given = np.ones((5, 1))
    assert simulate(graph, given, DT).spikes["osc"].time.size == 0
    assert simulate(graph, given, DT, strict=False).spikes["osc"].time.size == 5


def test_latency() -> None:
    """A neuron that kicks itself after a delay, and another one at once."""

    def graph(delay: int) -> nir.NIRGraph:
        one = nir.Linear(weight=np.ones((1, 1)))
        beside = {"late": nir.Delay(delay=np.array([delay * DT])), "loop": one}
        return wired(("first", "late"), ("late", "loop"), ("loop", "first"), beside=beside,
                     into=one, first=jumping(), on=one, second=jumping())  # fmt: skip

    given = np.zeros((20, 1))
    given[2] = 1
    for latency, delay, period, onward in (
        ("loops", 0, 1, 0), ("loops", 3, 4, 0), ("always", 3, 4, 1),
        ("absorbed", 3, 3, 0), ("absorbed", 0, 1, 0),
    ):  # fmt: skip
        recording = simulate(graph(delay), given, DT, latency=latency)  # type: ignore[arg-type]
        first, second = (recording.raster(n)[0, :, 0] for n in ("first", "second"))
        np.testing.assert_array_equal(np.flatnonzero(first), np.arange(2, 20, period))
        np.testing.assert_array_equal(np.flatnonzero(second), np.arange(2 + onward, 20, period))


def test_a_resonator_is_explicit_euler() -> None:
    """A graded loop: each turn sees the state of the last step."""
    w, decay, dt = 2 * np.pi * 20, 20.0, DT
    one = np.ones(2)
    graph = wired(("ring", "turn"), ("turn", "ring"),
                  beside={"turn": nir.Linear(weight=np.array([[0.0, -w], [w, 0.0]]))},
                  ring=nir.LI(tau=one / decay, r=one / decay, v_leak=0 * one))  # fmt: skip
    given = np.zeros((500, 2))
    given[0, 0] = 1
    trace = simulate(graph, given, dt).traces["output"][0]
    state = dt * (1 - decay * dt + 1j * w * dt) ** np.arange(500)
    np.testing.assert_allclose(trace[:, 0] + 1j * trace[:, 1], state, rtol=1e-9)


def test_a_threshold_node_spikes_while_its_filter_is_high() -> None:
    graph = wired(a=li(tau=10e-3), over=nir.Threshold(threshold=np.array([0.5])))
    given = np.zeros((300, 1))
    given[10:200] = 1
    v, expected = 0.0, np.zeros(300, bool)
    for k in range(300):
        v = (1 - DT / 10e-3) * v + DT / 10e-3 * given[k, 0]
        expected[k] = v > 0.5
    np.testing.assert_array_equal(simulate(graph, given, DT).raster("over")[0, :, 0], expected)


def test_recording() -> None:
    """Periodic spikes, a late start, chosen nodes, and an Output that selects and delays."""
    graph = wired(weight=nir.Linear(weight=np.full((2, 1), 250.0)), osc=lif(2),
                  late=nir.Delay(delay=np.array([1e-3, 2e-3])),
                  pick=nir.Linear(weight=np.array([[0.0, 2.0]])))  # fmt: skip
    dense = np.zeros((2, 600, 1))
    dense[0, 7::40] = 1
    whole = simulate(graph, dense, DT)
    late = simulate(graph, PeriodicSpikes(np.array([[7], [-1]]), 40), DT, steps=600,
                    record=["osc"], record_from=300)  # fmt: skip
    np.testing.assert_array_equal(late.raster("osc"), whole.raster("osc")[:, 300:])
    assert late.raster("osc").sum() > 5
    sent, got = whole.spikes["osc"], whole.outputs["output"]
    np.testing.assert_allclose(got.time, sent.time[sent.neuron == 1] + 2e-3)
    np.testing.assert_array_equal(got.value, 2.0)


def test_errors_name_the_argument_and_the_remedy() -> None:
    graph = wired(osc=lif(drive=1.5))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"dt": None}, "^dt: .*for example"),
        ({"dt": 0.0}, "^dt: .*give one"),
        ({"dt": 0.05}, "^dt: .*'osc' .*0.02 s.*smaller dt"),
        ({"steps": None}, "^steps: .*give a number"),
        ({"amplitude": "two"}, "^amplitude: 'two'.*use one of"),
        ({"reset": "exact"}, "^reset: 'exact'.*use one of"),
        ({"latency": "none"}, "^latency: 'none'.*use one of"),
        ({"dtype": np.float16}, "^dtype: float16.*give float64"),
        ({"workers": 0}, "^workers: 0.*give 1"),
        ({"record": ["input"]}, "^record: 'input'.*choose from"),
        ({"record_from": 11}, "^record_from: .*give less"),
        ({"inputs": np.full((10, 1), np.inf)}, "^inputs: .*give finite ones"),
    ]
    for wrong, message in cases:
        with pytest.raises(ValueError, match=message):
            simulate(graph, **{"dt": DT, "steps": 10} | wrong)


def test_an_overflow_names_the_node() -> None:
    away = nir.Linear(weight=np.array([[1e9]]))
    graph = wired(("run", "away"), ("away", "run"), beside={"away": away}, run=li())
    with pytest.raises(ValueError, match=r"^graph: node 'run' overflows in step .*smaller dt"):
        simulate(graph, np.ones((1000, 1)), DT)
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match=r"^graph: node 'run' overflows; .*smaller dt"),
    ):
        run(graph, np.ones((1000, 1)), dt=DT, method="euler", target="numpy")


def test_delays_beyond_memory_are_refused() -> None:
    one = nir.Linear(weight=np.eye(40))
    graph = wired(late=nir.Delay(delay=np.full(40, 2e3)), on=one, osc=lif(40))
    with pytest.raises(ValueError, match=r"^dt: delays of .*GiB"):
        simulate(graph, dt=DT, steps=40_000_000)
    # beyond the end of the run nothing needs to be kept
    assert simulate(graph, dt=DT, steps=100).spikes["osc"].time.size == 0
