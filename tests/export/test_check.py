"""check: for each limit of each target a graph that breaks it, and one that keeps them all."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

import neurosc
from neurosc.cli import main
from neurosc.export import Report, check, targets, to_nir, write
from neurosc.export.targets import checking, grid
from neurosc.export.targets.survey import Survey
from neurosc.export.targets.values import EXPRESSIONS

DT = 1e-4
N = 4
EACH_LIMIT = [(t, limit) for t in targets.names() for limit in targets.find(t).limits]


def neuron(kind: str, n: int = N, step: float = DT) -> Any:
    """Neurons that every target takes that knows their kind: time constants of 16 and 8 steps."""
    one, zero, slow, fast = np.ones(n), np.zeros(n), np.full(n, 16 * step), np.full(n, 8 * step)
    spikes = {"v_threshold": one, "v_reset": zero}
    if kind == "IF":
        return nir.IF(r=one, **spikes)
    if kind == "LIF":
        return nir.LIF(tau=slow, r=one, v_leak=zero, **spikes)
    if kind == "LI":
        return nir.LI(tau=slow, r=one, v_leak=zero)
    return nir.CubaLIF(tau_mem=slow, tau_syn=fast, r=16 * one, w_in=8 * one, v_leak=zero, **spikes)


def weight(kind: str, rows: int = N, columns: int = N) -> Any:
    """Weights of 6 bits and a sign."""
    values = (np.arange(rows * columns).reshape(rows, columns) % 127 - 63) / 64
    if kind == "Linear":
        return nir.Linear(weight=values)
    return nir.Affine(weight=values, bias=np.zeros(rows))


def good(target: str) -> nir.NIRGraph:
    """Two layers that keep every limit of a target."""
    kinds = targets.find(target).value("nodes")
    layer = "CubaLIF" if "CubaLIF" in kinds else "IF"
    affine = "Affine" if "Affine" in kinds else "Linear"
    step = 1.0 if targets.find(target).unit == "step" else DT
    nodes = {
        "input": nir.Input(input_type=np.array([N])),
        "l0_in": weight(affine),
        "l1_osc": neuron(layer, step=step),
        "l2_in": weight(affine),
        "l3_osc": neuron(layer, step=step),
        "output": nir.Output(output_type=np.array([N])),
    }
    names = list(nodes)
    edges = list(itertools.pairwise(names))
    if "Delay" in kinds:
        nodes["delay"] = nir.Delay(delay=np.full(N, 62 * DT))
        edges += [("input", "delay"), ("delay", "l0_in")]
    return nir.NIRGraph(nodes=nodes, edges=edges)


def nested(neurons: str, weights: str, *more: str) -> nir.NIRGraph:
    """A loop of neurons and weights as a graph of its own."""
    inner = {
        "input": nir.Input(input_type=np.array([N])),
        "lif": neuron(neurons),
        "w_rec": weight(weights),
        "output": nir.Output(output_type=np.array([N])),
    }
    edges = [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")]
    for name in more:
        inner[name] = weight(weights)
        edges += [("lif", name), (name, "lif")]
    return nir.NIRGraph(nodes=inner, edges=edges)


def rename(graph: nir.NIRGraph, old: str, new: str) -> None:
    graph.nodes[new] = graph.nodes.pop(old)
    graph.edges = [tuple(new if end == old else end for end in edge) for edge in graph.edges]


def remove(graph: nir.NIRGraph, name: str) -> None:
    del graph.nodes[name]
    graph.edges = [edge for edge in graph.edges if name not in edge]


def enlarge(graph: nir.NIRGraph, name: str, shape: list[int]) -> None:
    """Only the declared size: a chip is too small for more than a test wants to allocate."""
    graph.nodes[name].output_type = {"output": np.array(shape)}


def add(graph: nir.NIRGraph, node: Any) -> None:
    graph.nodes["more"] = node
    graph.edges.append(("l1_osc", "more"))


def loop(graph: nir.NIRGraph) -> None:
    graph.nodes["w_rec"] = weight(type(graph.nodes["l0_in"]).__name__)
    graph.edges += [("l3_osc", "w_rec"), ("w_rec", "l3_osc")]


def differ(graph: nir.NIRGraph) -> None:
    graph.nodes["l1_osc"].v_threshold = 1 + np.arange(N) / N


def not_zero(graph: nir.NIRGraph) -> None:
    for node in graph.nodes.values():
        for parameter in ("v_leak", "v_reset", "bias"):
            if hasattr(node, parameter):
                setattr(node, parameter, np.full(N, 0.5))


def slow(graph: nir.NIRGraph, steps: float) -> None:
    graph.nodes["l1_osc"].tau_mem = np.full(N, steps)


def wide(graph: nir.NIRGraph, name: str, rows: int, columns: int) -> None:
    graph.nodes[name].weight = np.ones((rows, columns))


def big_convolution(graph: nir.NIRGraph) -> None:
    conv = nir.Conv2d(
        input_shape=(9, 9), weight=np.ones((1, 1, 3, 3)), stride=1, padding=0, dilation=1,
        groups=1, bias=np.zeros(1),
    )  # fmt: skip
    add(graph, conv)
    enlarge(graph, "more", [1, 20_000, 20_000])


def broken_relation(graph: nir.NIRGraph, target: str) -> None:
    relation = targets.find(target).value("relations")[0]
    node = neuron(relation["node"])
    setattr(node, relation["parameter"], np.full(N, 3.0))
    add(graph, node)


def set_weight(graph: nir.NIRGraph, field: str) -> None:
    values = np.random.default_rng(0).standard_normal((N, N) if field == "weight" else N)
    setattr(graph.nodes["l0_in"], field, values)


BREAK: dict[str, Callable[[nir.NIRGraph, str], None]] = {
    "nodes": lambda g, t: add(g, nir.Scale(scale=np.ones(N))),
    "input_nodes": lambda g, t: remove(g, "input"),
    "output_nodes": lambda g, t: remove(g, "output"),
    "finite": lambda g, t: setattr(g.nodes["l1_osc"], "v_threshold", np.full(N, np.nan)),
    "forbidden_in_names": lambda g, t: rename(g, "l0_in", "l0/in"),
    "node_names": lambda g, t: rename(g, "output", "out"),
    "recurrence": lambda g, t: loop(g),
    "nested_nodes": lambda g, t: add(g, nested("CubaLIF", "Affine", "w_more")),
    "neurons": lambda g, t: enlarge(g, "l1_osc", [targets.find(t).value("neurons")]),
    "synapses": lambda g, t: big_convolution(g),
    "inputs": lambda g, t: enlarge(g, "input", [17]),
    "outputs": lambda g, t: enlarge(g, "output", [9]),
    "fan_in": lambda g, t: wide(g, "l0_in", N, 257),
    "fan_out": lambda g, t: wide(g, "l2_in", 65, N),
    "neuron_layers": lambda g, t: remove(g, "l3_osc"),
    "recurrent_output": lambda g, t: loop(g),
    "uniform": lambda g, t: differ(g),
    "zero": lambda g, t: not_zero(g),
    "relations": broken_relation,
    "dt": lambda g, t: None,
    "weight_levels": lambda g, t: set_weight(g, "weight"),
    "bias_levels": lambda g, t: set_weight(g, "bias"),
    "decay_bits": lambda g, t: slow(g, 3.7 * DT),
    "decay_shift": lambda g, t: slow(g, 3 * DT),
    "state_bits": lambda g, t: setattr(g.nodes["l1_osc"], "v_threshold", np.full(N, 1e9)),
    "delay_steps": lambda g, t: setattr(g.nodes["delay"], "delay", np.full(N, 63 * DT)),
    "shortest_time": lambda g, t: slow(g, 0.02),
}
"""How to break each limit."""


@pytest.mark.parametrize("target", targets.names())
def test_a_graph_that_suits(target: str) -> None:
    report = check(good(target), target, dt=DT)
    assert report.ok, str(report)
    assert f"{target} (" in str(report)
    assert "suits" in str(report)


@pytest.mark.parametrize(("target", "rule"), EACH_LIMIT)
def test_a_graph_that_breaks_the_limit(target: str, rule: str) -> None:
    graph = good(target)
    BREAK[rule](graph, target)
    report = check(graph, target, dt=1e-3 if rule == "dt" else DT)
    assert not report.ok
    found = [v for v in report.violations if v.rule == rule]
    assert found, str(report)
    for violation in found:
        assert all(dataclasses.astuple(violation))
        assert violation.source == targets.find(target).limits[rule].source
        assert (
            violation.node == "graph"
            or violation.node in Survey.of(graph, DT).nodes.node
            or (violation.node in graph.nodes)
        )
        assert violation.limit in str(report)


@pytest.mark.parametrize("target", targets.names())
def test_every_relation_can_be_kept_and_broken(target: str) -> None:
    for relation in targets.find(target).value("relations", []):
        for factor, kept in ((1.0, True), (1.01, False)):
            node = neuron(relation["node"], step=DT)
            survey = Survey.of(good(target), DT)
            right = EXPRESSIONS[relation["equals"][-1]](node, survey) * np.ones(N)
            setattr(node, relation["parameter"], factor * right + (0 if kept else 0.1))
            graph = good(target)
            add(graph, node)
            broken = [
                v for v in check(graph, target, dt=DT).violations
                if (v.rule, v.node, v.parameter) == ("relations", "more", relation["parameter"])
            ]  # fmt: skip
            assert bool(broken) != kept


@pytest.mark.parametrize("target", ["snntorch", "norse", "spikingjelly", "spyx", "rockpool"])
def test_the_portable_shape_suits_importers(target: str) -> None:
    graph = good(target)
    graph.nodes["l1_osc"] = nested("CubaLIF", "Affine")
    assert check(graph, target, dt=DT).ok


def test_a_nested_loop_is_foreign_to_chips() -> None:
    graph = good("loihi2")
    graph.nodes["l1_osc"] = nested("CubaLIF", "Affine")
    (violation,) = check(graph, "loihi2", dt=DT).violations
    assert (violation.node, violation.value) == ("l1_osc", "NIRGraph")


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("inputs", lambda g: enlarge(g, "input", [16])),
        ("outputs", lambda g: enlarge(g, "output", [8])),
        ("neurons", lambda g: enlarge(g, "l1_osc", [1004])),
        ("fan_out", lambda g: wide(g, "l2_in", 64, N)),
        ("decay_shift", lambda g: slow(g, DT)),
        ("state_bits", lambda g: setattr(g.nodes["l1_osc"], "v_threshold", np.full(N, 511.0))),
    ],
)
def test_the_limit_itself_is_allowed(rule: str, change: Callable[[nir.NIRGraph], None]) -> None:
    graph = good("xylo-a2")
    change(graph)
    assert rule not in {v.rule for v in check(graph, "xylo-a2", dt=DT).violations}


def test_data_files_are_complete() -> None:
    known = {
        "loihi2", "spinnaker2", "xylo-a2", "speck", "brainscales2", "snntorch", "norse",
        "spikingjelly", "sinabs", "spyx", "rockpool",
    }  # fmt: skip
    assert set(targets.names()) == known
    used = {rule for _, rule in EACH_LIMIT}
    assert used == set(checking.RULES) == set(BREAK)
    for name in targets.names():
        target = targets.find(name)
        assert target.about
        assert target.unit in ("s", "ms", "step")
        assert all(limit.source for limit in target.limits.values())


def test_usage_counts_by_hand() -> None:
    graph = good("xylo-a2")
    weights = np.zeros((N, N))
    weights[0] = [1, 2, 3, 0]
    weights[1, 0] = 127
    graph.nodes["l2_in"].weight = weights
    table = check(graph, "xylo-a2", dt=DT).table().set_index("resource")
    used, share = table["used"], table["share"]
    assert used["neurons"] == 2 * N
    assert share["neurons"] == pytest.approx(8 / 1008)
    first = np.count_nonzero(graph.nodes["l0_in"].weight)
    assert used["synapses"] == first + 4
    assert used["largest fan-in"] == 4
    assert used["largest fan-out"] == 4  # the input drives all four neurons
    assert used["weight bits"] == 8
    assert np.isnan(share["synapses"])


def test_two_weights_onto_one_neuron_add_up() -> None:
    graph = good("loihi2")
    loop(graph)
    survey = Survey.of(graph, DT)
    rows = [np.count_nonzero(graph.nodes[w].weight, axis=1) for w in ("l2_in", "w_rec")]
    assert survey.fan_in["l3_osc"] == np.sum(rows, axis=0).max()
    assert survey.loops == [["l3_osc", "w_rec"]]


@pytest.mark.parametrize("levels", [(-1, 1), (-63, 63), (-128, 127), (0, 3), (-32768, 32767)])
def test_the_grid_of_rounded_weights_is_found(levels: tuple[int, int]) -> None:
    whole = np.random.default_rng(1).integers(levels[0], levels[1] + 1, 300)
    whole[:2] = levels
    whole[2] = 1
    step = grid.step((whole * np.float32(0.0137)).astype(np.float32).astype(np.float64))
    assert step == pytest.approx(0.0137, rel=1e-5)


def test_rows_may_have_scales_of_their_own() -> None:
    graph = good("loihi2")
    whole = np.array([[127, 3, -128, 5], [1, -2, 90, 0], [7, 7, 101, 2], [0, 0, 0, 0]])
    graph.nodes["l0_in"].weight = whole * np.array([[1.0], [np.pi], [0.1], [1.0]])
    report = check(graph, "loihi2", dt=DT)
    assert report.ok, str(report)
    assert report.table().set_index("resource")["used"]["weight bits"] == 8
    graph.nodes["l0_in"].weight[1, 0] = 1.0
    assert {v.rule for v in check(graph, "loihi2", dt=DT).violations} == {"weight_levels"}


def test_bits() -> None:
    assert [grid.bits(r) for r in [(0, 0), (-1, 1), (-128, 127), (-129, 0), (-63, 63)]] == [
        1, 2, 8, 9, 7,
    ]  # fmt: skip
    assert grid.step(np.zeros(3)) == 1
    assert grid.step(np.array([1.0, np.inf])) is None
    assert grid.step(np.array([1.0, np.nan])) is None
    assert grid.step(np.random.default_rng(0).standard_normal(20)) is None


def test_times_that_look_like_milliseconds() -> None:
    graph = good("snntorch")
    slow(graph, 20.0)
    assert [w for w in check(graph, "snntorch").warnings if "l1_osc: tau_mem is 20 s" in w]
    slow(graph, 2e-7)
    assert [w for w in check(graph, "snntorch").warnings if "l1_osc: tau_mem is 2e-07 s" in w]
    assert not check(good("snntorch"), "snntorch").warnings
    assert "milliseconds" in check(good("brainscales2"), "brainscales2").warnings[0]


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("target", targets.names())
def test_numbers_that_are_none(target: str, value: float) -> None:
    graph = good(target)
    graph.nodes["l1_osc"] = neuron("CubaLIF")
    graph.nodes["l1_osc"].tau_syn[1] = value
    graph.nodes["l0_in"].weight[0, 0] = np.nan
    report = check(graph, target, dt=DT)
    found = {(v.node, v.parameter) for v in report.violations if v.rule == "finite"}
    assert found == {("l1_osc", "tau_syn"), ("l0_in", "weight")}
    assert str(report)


def test_without_a_time_step_the_report_says_what_it_skipped() -> None:
    report = check(good("loihi2"), "loihi2")
    assert report.ok
    for rule in ("decay_bits", "delay_steps", "state_bits"):
        assert any(w.startswith(f"{rule}: not all checked") for w in report.warnings)
    assert not check(good("loihi2"), "loihi2", dt=DT).warnings


def test_a_graph_of_to_nir_brings_its_time_step() -> None:
    graph = to_nir(neurosc.topology.layered([4, 3, 2], rng=0), eps=0.05)
    report = check(graph, "loihi2")
    delays = [v for v in report.violations if v.rule == "delay_steps"]
    assert {v.parameter for v in delays} == {"delay"}
    assert "43.5 steps" in {v.value for v in delays}
    assert "delay_0, " in str(report)  # nodes with the same complaint share a line


def test_arguments_that_are_wrong() -> None:
    with pytest.raises(ValueError, match=r"target: there is no 'loihi3'; did you mean 'loihi2'\?"):
        check(good("loihi2"), "loihi3")
    with pytest.raises(ValueError, match=r"target: .* use one of brainscales2, loihi2, .*xylo-a2"):
        check(good("loihi2"), "../common")
    with pytest.raises(ValueError, match="dt: -1 is not a positive"):
        check(good("loihi2"), "loihi2", dt=-1)
    with pytest.raises(ValueError, match="graph: expected a NIRGraph, not LIF"):
        check(neuron("LIF"), "loihi2")


def test_a_report_is_frozen() -> None:
    report = check(good("norse"), "norse")
    assert isinstance(report, Report)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.target = "x"  # type: ignore[misc]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "net.nir")
    write(good("snntorch"), path)
    assert main(["check", path, "--target", "snntorch"]) == 0
    assert "snntorch (snnTorch 1.0.0): suits" in capsys.readouterr().out
    assert main(["check", path, "--target", "speck"]) == 1
    printed = capsys.readouterr()
    assert "violation  l1_osc, l3_osc: type is CubaLIF" in printed.out
    assert "neurosc check: file: " in printed.err
    assert main(["check", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(targets.names())
    assert {line.split()[0]: "suits" in line for line in lines}["snntorch"]
    assert main(["check", path, "--target", "nochip"]) == 1
    assert "target: there is no 'nochip'; use one of brainscales2" in capsys.readouterr().err
