"""run: against closed forms, a plain forward simulation, and scipy's integrators."""

import itertools

import nir
import numpy as np
import numpy.typing as npt
import pytest
import scipy

from neurosc import PhaseNetwork
from neurosc.export import PeriodicSpikes, read, run, simulate, to_nir, write
from neurosc.topology import layered

Array = npt.NDArray[np.float64]
DT = 1e-4


def lif(n: int = 1, tau: float = 20e-3, r: float = 1.0, drive: float = 0.0, high: float = 1.0,
        low: float = 0.0) -> nir.LIF:  # fmt: skip
    one = np.ones(n)
    return nir.LIF(tau=tau * one, r=r * one, v_leak=drive * one, v_threshold=high * one,
                   v_reset=low * one)  # fmt: skip


def li(n: int = 1, tau: float = 5e-3, r: float = 1.0) -> nir.LI:
    return nir.LI(tau=np.full(n, tau), r=np.full(n, r), v_leak=np.zeros(n))


def chain(**nodes: nir.NIRNode) -> nir.NIRGraph:
    """Nodes one after the other, from an Input to an Output."""
    first, last = next(iter(nodes.values())), list(nodes.values())[-1]
    every = {
        "input": nir.Input(input_type=np.atleast_1d(first.input_type["input"])),
        **nodes,
        "output": nir.Output(output_type=np.atleast_1d(last.output_type["output"])),
    }
    names = list(every)
    return nir.NIRGraph(nodes=every, edges=list(itertools.pairwise(names)))


@pytest.mark.parametrize(("drive", "low"), [(1.2, 0.0), (1.5, 0.0), (2.0, 0.0), (1.2, 0.5)])
def test_the_period_of_a_free_neuron(drive: float, low: float) -> None:
    graph = chain(osc=lif(drive=drive, low=low))
    period = 20e-3 * np.log((drive - low) / (drive - 1))
    for reset, error in (("exact", 1e-6 * period), ("grid", DT)):
        times = run(graph, dt=DT, steps=3000, reset=reset).spikes["osc"].time  # type: ignore[arg-type]
        assert times.size >= 7
        np.testing.assert_allclose(np.diff(times), period, rtol=0, atol=error)
    first = run(graph, dt=DT, steps=1000).spikes["osc"].time[0]
    assert first == pytest.approx(20e-3 * np.log(drive / (drive - 1)), rel=1e-6)


def test_the_period_of_an_integrate_and_fire_neuron() -> None:
    graph = chain(
        bias=nir.Affine(weight=np.zeros((1, 1)), bias=np.array([70.0])),
        osc=nir.IF(r=np.ones(1), v_threshold=np.ones(1), v_reset=np.array([0.2])),
    )
    times = run(graph, dt=DT, steps=1000).spikes["osc"].time
    assert times[0] == pytest.approx(1 / 70, rel=1e-9)
    np.testing.assert_allclose(np.diff(times), 0.8 / 70, rtol=1e-9)


def recurrent(rng: np.random.Generator) -> nir.NIRGraph:
    """3 channels -> 5 LIF with a loop -> delays -> 4 CubaLIF."""
    nodes = {
        "input": nir.Input(input_type=np.array([3])),
        "into": nir.Affine(weight=rng.normal(0, 80, (5, 3)), bias=rng.uniform(0.6, 1.3, 5)),
        "lif": nir.LIF(
            tau=rng.uniform(8e-3, 20e-3, 5), r=np.ones(5), v_leak=rng.uniform(0, 0.2, 5),
            v_threshold=rng.uniform(0.8, 1.1, 5), v_reset=rng.uniform(-0.1, 0.2, 5),
        ),
        "loop": nir.Linear(weight=rng.normal(0, 40, (5, 5))),
        "late": nir.Delay(delay=np.array([0, 1, 7, 30, 2]) * DT),
        "scale": nir.Scale(scale=rng.uniform(0.5, 1.5, 5)),
        "on": nir.Linear(weight=rng.uniform(0, 60, (4, 5))),
        "cuba": nir.CubaLIF(
            tau_syn=rng.uniform(2e-3, 6e-3, 4), tau_mem=rng.uniform(8e-3, 20e-3, 4),
            r=rng.uniform(1, 2, 4), v_leak=np.full(4, 0.3), v_threshold=np.ones(4),
            v_reset=np.zeros(4), w_in=rng.uniform(1, 3, 4),
        ),
        "output": nir.Output(output_type=np.array([4])),
    }  # fmt: skip
    edges = [
        ("input", "into"), ("into", "lif"), ("lif", "loop"), ("loop", "lif"), ("lif", "late"),
        ("late", "scale"), ("scale", "on"), ("on", "cuba"), ("cuba", "output"),
    ]  # fmt: skip
    return nir.NIRGraph(nodes=nodes, edges=edges)


def forward(graph: nir.NIRGraph, given: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """The same graph, step by step in plain NumPy: rasters of lif and cuba of one sample."""
    n = graph.nodes
    a, c = n["lif"], n["cuba"]
    decay, syn, mem = (np.exp(-DT / tau) for tau in (a.tau, c.tau_syn, c.tau_mem))
    mixed = c.r * c.tau_syn / (c.tau_syn - c.tau_mem) * (syn - mem)
    steady = a.v_leak + a.r * n["into"].bias
    v, i, u = np.zeros(5), np.zeros(4), np.zeros(4)
    fired, cuba = np.zeros((len(given), 5)), np.zeros((len(given), 4))
    wait = np.rint(n["late"].delay / DT).astype(int)
    for k in range(len(given)):
        before = fired[k - 1] if k else np.zeros(5)
        delayed = np.array([fired[k - 1 - w, m] if k > w else 0 for m, w in enumerate(wait)])
        arriving = n["into"].weight @ given[k] + n["loop"].weight @ before
        v = decay * v + (1 - decay) * steady + a.r * DT / a.tau * arriving
        u = mem * u + (1 - mem) * c.v_leak + mixed * i
        i = syn * i + c.w_in * DT / c.tau_syn * (n["on"].weight @ (n["scale"].scale * delayed))
        fired[k], cuba[k] = v > a.v_threshold, u > c.v_threshold
        v, u = np.where(fired[k], a.v_reset, v), np.where(cuba[k], c.v_reset, u)
    return fired, cuba


def test_rasters_equal_those_of_a_plain_simulation() -> None:
    rng = np.random.default_rng(4)
    graph = recurrent(rng)
    given = rng.random((2, 1500, 3)) < 0.02
    recording = run(graph, given, dt=DT, reset="grid")
    for sample in range(2):
        fired, cuba = forward(graph, given[sample])
        assert fired.sum() > 50
        assert cuba.sum() > 20
        np.testing.assert_array_equal(recording.raster("lif")[sample], fired)
        np.testing.assert_array_equal(recording.raster("cuba")[sample], cuba)
    np.testing.assert_array_equal(recording.outputs["output"].time, recording.spikes["cuba"].time)
    alone = run(graph, given[1], dt=DT, reset="grid", record_from=700, record=["cuba"])
    np.testing.assert_array_equal(alone.raster("cuba")[0], recording.raster("cuba")[1, 700:])


def test_a_nested_graph_runs_like_a_flat_one() -> None:
    rng = np.random.default_rng(4)
    flat = recurrent(rng)
    inner = nir.NIRGraph(
        nodes={
            "input": nir.Input(input_type=np.array([5])),
            "lif": flat.nodes["lif"],
            "loop": flat.nodes["loop"],
            "output": nir.Output(output_type=np.array([5])),
        },
        edges=[("input", "lif"), ("lif", "loop"), ("loop", "lif"), ("lif", "output")],
    )
    nodes = {k: v for k, v in flat.nodes.items() if k not in ("lif", "loop")} | {"net": inner}
    edges = [
        tuple({"lif": "net"}.get(end, end) for end in e) for e in flat.edges if "loop" not in e
    ]
    given = rng.random((400, 3)) < 0.02
    one = run(flat, given, dt=DT, reset="grid")
    other = run(nir.NIRGraph(nodes=nodes, edges=edges), given, dt=DT, reset="grid")
    assert one.spikes["lif"].time.size
    np.testing.assert_array_equal(one.raster("lif"), other.raster("net.lif"))
    np.testing.assert_array_equal(one.raster("cuba"), other.raster("cuba"))


def chain_of_filters(high: float) -> nir.NIRGraph:
    return chain(
        weight=nir.Linear(weight=np.array([[90.0]])),
        one=li(tau=4e-3), two=li(tau=7e-3, r=3.0), osc=lif(drive=1.1, high=high),
    )  # fmt: skip


def solve(times: Array, end: float, high: float, dt: float) -> tuple[list[float], Array]:
    """Spike times of `chain_of_filters` and the last state, by scipy."""

    def slope(_: float, s: Array) -> Array:
        p, q, v = s
        return np.array([-p / 4e-3, (3 * p - q) / 7e-3, (1.1 - v + q) / 20e-3])

    def crossing(_: float, s: Array) -> float:
        return float(s[2] - high)

    crossing.terminal, crossing.direction = True, 1  # type: ignore[attr-defined]
    found, state, now = [], np.zeros(3), 0.0
    for stop in [*times, end]:
        while now < stop:
            done = scipy.integrate.solve_ivp(
                slope, (now, stop), state, events=crossing, rtol=1e-11, atol=1e-12
            )
            now, state = float(done.t[-1]), done.y[:, -1].copy()
            if done.status == 1:
                found.append(now)
                state[2] = 0.0
        state[0] += 90.0 * dt / 4e-3
    state[0] -= 90.0 * dt / 4e-3
    return found, state


@pytest.mark.parametrize("high", [1.0, 1e9])
def test_a_chain_of_filters_has_no_extra_latency(high: float) -> None:
    """Spike times are those of the continuous equations, to second order in the step."""
    errors = []
    for refine in (1, 2, 4):
        dt = 2e-4 / refine
        given = np.zeros((400 * refine, 1))
        arrivals = np.array([50, 120, 121, 260]) * refine
        given[arrivals] = 1
        graph = chain_of_filters(high)
        graph.nodes["weight"].weight = graph.nodes["weight"].weight * refine
        expected, state = solve((arrivals + 0.5) * dt, 400 * 2e-4, high, dt * refine)
        if high > 1:
            quiet = chain(weight=graph.nodes["weight"], one=li(tau=4e-3), two=li(tau=7e-3, r=3.0))
            trace = run(quiet, given, dt=dt).traces["output"]
            errors.append(abs(trace[0, -1, 0] - state[1]))
        else:
            times = run(graph, given, dt=dt).spikes["osc"].time
            assert len(times) == len(expected) > 3
            errors.append(float(np.abs(times - expected).max()))
    assert errors[0] < (1e-3 if high > 1 else 2e-5)
    assert errors[2] < errors[0] / 8


def test_spikes_arrive_a_delay_after_they_left() -> None:
    """Not on the grid: the delay is .37 steps off, the sender fires inside the step."""
    graph = chain(
        osc=lif(drive=1.2), late=nir.Delay(delay=np.array([20.37 * DT])),
        weight=nir.Linear(weight=np.array([[10.0]])), out=li(tau=10e-3),
    )  # fmt: skip
    recording = run(graph, dt=DT, steps=1000)
    trace = recording.traces["output"][0, :, 0]
    first = 20e-3 * np.log(6) + 20.37 * DT
    seen = 500 * DT
    expected = 10 * DT / 10e-3 * np.exp(-(seen - first) / 10e-3)
    assert trace[499] == pytest.approx(expected, rel=1e-4)


def test_an_output_can_select_weigh_and_delay() -> None:
    graph = chain(
        osc=lif(2, drive=1.2), late=nir.Delay(delay=np.array([1e-3, 2e-3])),
        weight=nir.Linear(weight=np.array([[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]])),
    )  # fmt: skip
    recording = run(graph, dt=DT, steps=500)
    sent, got = recording.spikes["osc"], recording.outputs["output"]
    np.testing.assert_array_equal(got.neuron, [1, 0])
    np.testing.assert_array_equal(got.value, [1.0, 2.0])
    np.testing.assert_allclose(got.time, sent.time[0] + np.array([1e-3, 2e-3]))


def test_a_resonator_turns_at_its_frequency() -> None:
    """An LI pair closed through a matrix rings; graded signals are held over each step."""
    w = 2 * np.pi * 20
    nodes = {
        "input": nir.Input(input_type=np.array([2])),
        "ring": li(2, tau=0.05, r=0.05),
        "turn": nir.Linear(weight=np.array([[0.0, -w], [w, 0.0]])),
        "output": nir.Output(output_type=np.array([2])),
    }
    edges = [("input", "ring"), ("ring", "turn"), ("turn", "ring"), ("ring", "output")]
    given = np.zeros((1000, 2))
    given[0, 0] = 1
    trace = run(nir.NIRGraph(nodes=nodes, edges=edges), given, dt=DT).traces["output"][0]
    angle = np.unwrap(np.arctan2(trace[:, 1], trace[:, 0]))
    assert (angle[-1] - angle[0]) / (999 * DT) == pytest.approx(w, rel=2e-3)


def test_a_threshold_node_spikes_while_its_filter_is_high() -> None:
    graph = chain(
        filter=li(tau=10e-3), over=nir.Threshold(threshold=np.array([0.5])),
        flat=nir.Flatten(input_type={"input": np.array([1])}, start_dim=0),
    )  # fmt: skip
    given = np.zeros((300, 1))
    given[10:200] = 1
    raster = run(graph, given, dt=DT, reset="grid").raster("over")[0, :, 0]
    up, down = np.flatnonzero(np.diff(raster.astype(int)))
    assert up * DT == pytest.approx(10 * DT + 10e-3 * np.log(2), abs=3 * DT)
    assert down * DT == pytest.approx(
        200 * DT + 10e-3 * np.log((1 - np.exp(-1.9)) / 0.5), abs=3 * DT
    )


def test_a_jump_over_the_threshold_is_a_spike_at_once() -> None:
    graph = chain(weight=nir.Linear(weight=np.array([[1.05 * 20e-3 / DT]])), osc=lif())
    given = np.zeros((100, 1))
    given[[10, 60]] = 1
    on_grid = run(graph, given, dt=DT, reset="grid").raster("osc")[0, :, 0]
    np.testing.assert_array_equal(np.flatnonzero(on_grid), [10, 60])
    exact = run(graph, given, dt=DT).spikes["osc"].time
    np.testing.assert_allclose(exact, np.array([11, 61]) * DT)


def test_periodic_spikes_equal_dense_ones() -> None:
    graph = chain_of_filters(1.0)
    dense = np.zeros((2, 600, 1))
    dense[0, 7::40] = 1
    periodic = PeriodicSpikes(np.array([[7], [-1]]), 40)
    one = run(graph, dense, dt=DT).spikes["osc"]
    other = run(graph, periodic, dt=DT, steps=600).spikes["osc"]
    np.testing.assert_allclose(one.time, other.time, rtol=1e-12)
    np.testing.assert_array_equal(one.sample, other.sample)


def test_a_users_own_brian2_objects_are_left_alone() -> None:
    import brian2

    mine = brian2.NeuronGroup(1, "dv/dt = 1/second : 1", method="euler")
    clock, target = brian2.defaultclock.dt, brian2.prefs.codegen.target
    run(chain(osc=lif(drive=1.2)), dt=DT, steps=10)
    assert brian2.defaultclock.dt == clock
    assert brian2.prefs.codegen.target == target
    assert float(mine.v[0]) == 0.0
    brian2.run(1 * brian2.ms)
    assert float(mine.v[0]) == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (None, {"dt": None}, "dt: NIR files hold no time step"),
        (None, {"dt": -1.0}, "dt: -1.0 is not a positive"),
        (None, {}, "steps: periodic or absent inputs"),
        (None, {"steps": 0}, "steps: 0 is no length"),
        (None, {"steps": 9, "reset": "soft"}, "reset: 'soft' is unknown"),
        (None, {"steps": 9, "record": ["x"]}, r"record: 'x' does not spike .* \['osc'\]"),
        (None, {"steps": 9, "record_from": 10}, "record_from: step 10"),
        (np.zeros((9, 2)), {}, "inputs: 2 channels for the Input 'input' of 1"),
        (np.full((9, 1), np.nan), {}, "inputs: .* not finite; give finite"),
        (np.full((9, 1), 1j), {}, "inputs: .* complex128; give real numbers"),
        (np.zeros(9), {}, r"inputs: shape \(9,\)"),
        (None, {"steps": 9, "method": "heun"}, "method: 'heun' is unknown"),
        (None, {"steps": 9, "latency": "loops"}, "latency: only Euler has a choice; .* or give"),
        (None, {"steps": 9, "method": "euler", "reset": "exact"}, "reset: Euler .*leave it out"),
        (None, {"steps": 9, "method": "euler", "latency": "never"}, "latency: 'never' is unknown"),
        ({"x": np.zeros((9, 1))}, {}, r"inputs: there is no Input 'x'; the graph has \['input'\]"),
    ],
)
def test_arguments_that_do_not_fit(
    inputs: npt.ArrayLike, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run(chain(osc=lif()), inputs, **{"dt": DT, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("steps", "period", "message"),
    [
        ([[3, 8]], 8, "steps: 8"), ([[-0.5]], 8, "steps: -0.5"), ([3], 8, r"steps: shape \(1,\)"),
        ([[3]], 0, "period: 0 steps"), ([[np.nan]], 8, "steps: nan"),
    ],
)  # fmt: skip
def test_periodic_spikes_outside_the_cycle(steps: npt.ArrayLike, period: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PeriodicSpikes(np.asarray(steps), period)


class Izhikevich(nir.ir.NIRNode):  # type: ignore[misc]
    """A type that NIR 1.0 does not know."""

    def __init__(self, r: Array) -> None:
        self.r = r
        self.input_type, self.output_type = {"input": r.shape}, {"output": r.shape}


def unsupported() -> dict[str, tuple[nir.NIRGraph, str]]:
    loop = nir.NIRGraph(
        nodes={"input": nir.Input(input_type=np.array([1])), "a": nir.Scale(scale=np.ones(1)),
               "b": nir.Scale(scale=np.ones(1)), "output": nir.Output(output_type=np.array([1]))},
        edges=[("input", "a"), ("a", "b"), ("b", "a"), ("b", "output")],
    )  # fmt: skip
    missing, backwards, onwards = (chain(osc=lif()) for _ in range(3))
    missing.edges.append(("osc", "nowhere"))
    backwards.edges.append(("osc", "input"))
    onwards.edges.append(("output", "osc"))
    clash = chain(osc=lif())
    clash.nodes |= {"a": chain(b=lif()), "a.b": lif()}
    endless = chain(osc=lif())
    endless.nodes["net"] = nir.NIRGraph(nodes={"x": lif()}, edges=[], type_check=False)
    endless.edges.append(("osc", "net"))
    return {
        "type": (chain(osc=Izhikevich(r=np.ones(1))), "'osc' is a Izhikevich, .* supported are"),
        "loop": (loop, r"\['a', 'b'\] form a loop without a neuron, .*; put a neuron"),
        "edge": (missing, "names no node 'nowhere'; add it"),
        "into an Input": (backwards, "from 'osc' into the Input 'input'; lead it to"),
        "out of an Output": (onwards, "from the Output 'output' to 'osc'; let it start"),
        "two names": (clash, "two nodes are called 'a.b' .* rename one"),
        "no way in": (endless, "the nested graph 'net' has 0 Input nodes; .* add or join"),
        "nothing to see": (
            nir.NIRGraph(nodes={"a": li()}, edges=[], type_check=False),
            "neither an Output nor a node that spikes, .* add an Output",
        ),
        "shape": (
            nir.NIRGraph(
                nodes={"a": nir.Flatten(input_type=None), "b": lif()},
                edges=[("a", "b")],
                type_check=False,
            ),
            r"nothing tells the shape of \['a'\]; give .* an input_type",
        ),
        "tau": (chain(osc=lif(tau=0.0)), "'osc' has a tau that is not positive"),
        "delay": (chain(one=nir.Delay(delay=-np.ones(1)), osc=lif()), "delay below 0"),
        "parameter": (chain(osc=lif(r=np.nan)), "'osc' has a r of nan; give finite numbers"),
        "weight": (chain(one=nir.Scale(scale=np.array([np.inf]))), "'one' has weights that are"),
        "bias": (
            chain(osc=lif(2), bias=nir.Affine(weight=np.eye(2), bias=np.ones(3))),
            r"'bias' has a bias of 3 numbers for a signal of shape \(2,\); give one",
        ),
        "sizes": (
            nir.NIRGraph(
                nodes={"input": nir.Input(input_type=np.array([2])), "osc": lif(3)},
                edges=[("input", "osc")],
                type_check=False,
            ),
            r"2 channels arrive at node 'osc' \(LIF\), which takes 3; make them fit",
        ),
    }


@pytest.mark.parametrize("name", unsupported())
def test_what_cannot_be_run_is_named(name: str) -> None:
    graph, message = unsupported()[name]
    for simulator in (run, simulate):
        with pytest.raises(ValueError, match="^graph: .*" + message):
            simulator(graph, dt=DT, steps=5)


def test_a_graph_without_input_or_output_runs_on_its_own() -> None:
    graph = nir.NIRGraph(nodes={"osc": lif(drive=1.5)}, edges=[], type_check=False)
    for simulator in (run, simulate):
        recording = simulator(graph, dt=DT, steps=500)
        assert recording.spikes["osc"].time.size == 2
        assert recording.outputs == recording.traces == {}
        with pytest.raises(ValueError, match=r"inputs: the graph has no Input .* add one"):
            simulator(graph, np.ones((5, 1)), dt=DT)


def test_only_graphs_run() -> None:
    with pytest.raises(ValueError, match="graph: expected a NIRGraph, not LIF"):
        run(lif(), dt=DT, steps=5)


def test_an_exported_graph_runs_without_its_metadata(tmp_path: object) -> None:
    graph = to_nir(layered([3, 2], rng=0), eps=0.2, steps_per_cycle=32)
    given = PeriodicSpikes(np.array([[0, 24, 5, 6, 7]]), 32)
    one = run(graph, given, steps=200)
    write(graph, f"{tmp_path}/net.nir")
    bare = read(f"{tmp_path}/net.nir")
    bare.metadata.clear()
    with pytest.raises(ValueError, match="dt: "):
        run(bare, given, steps=200)
    other = run(bare, given, steps=200, dt=one.dt)
    np.testing.assert_array_equal(one.outputs["output"].time, other.outputs["output"].time)
    assert one.outputs["output"].time.size >= 10


@pytest.mark.slow
def test_compiled_code_gives_the_same_spikes() -> None:
    import brian2

    graph = recurrent(np.random.default_rng(4))
    given = np.random.default_rng(0).random((500, 3)) < 0.02
    one = run(graph, given, dt=DT)
    brian2.prefs.codegen.target = "cython"
    other = run(graph, given, dt=DT)
    for name in ("lif", "cuba"):
        np.testing.assert_allclose(one.spikes[name].time, other.spikes[name].time, rtol=1e-9)


def test_the_target_is_chosen_for_one_run_only() -> None:
    import brian2

    before = brian2.prefs.codegen.target
    graph = to_nir(PhaseNetwork([[0, 1], [1, 0]]), steps_per_cycle=32)
    recording = run(graph, steps=64, target="numpy")
    assert recording.steps == 64
    assert brian2.prefs.codegen.target == before
    with pytest.raises(ValueError, match="target: 'fortran' is unknown"):
        run(graph, steps=64, target="fortran")  # type: ignore[arg-type]
