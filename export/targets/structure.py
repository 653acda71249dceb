"""Rules about the shape of a graph: node types, names, loops, sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from neurosc.export.lowering.nodes import kind, size
from neurosc.export.targets.rule import Finding, Rule
from neurosc.export.targets.survey import NEURONS, WEIGHTS, Survey, loops

REPLACEMENT = {
    "Linear": "write an Affine of bias 0",
    "Affine": "write a Linear, with the bias in v_leak of the neurons",
    "LIF": "write a CubaLIF",
    "Delay": "make the delay of relay neurons",
    "Scale": "multiply it into the weights beside it",
    "NIRGraph": "put its nodes into the outer graph",
}
"""What to write for a node that a target does not know."""


def _nodes(survey: Survey, allowed: list[str]) -> Iterator[Finding]:
    known = ", ".join(allowed)
    nested = {name: node for name, node in survey.graph.nodes.items() if kind(node) == "NIRGraph"}
    for name, node in (survey.nodes.node | nested).items():
        what = kind(node)
        if what not in {*allowed, "Input", "Output", "Pass"}:
            remedy = REPLACEMENT.get(what, "build its function of these or drop it")
            if what == "Affine" and "Linear" not in allowed:
                remedy = "choose another target"
            yield Finding(name, "type", what, known, remedy)


def _ends(survey: Survey, what: str, allowed: list[float]) -> Iterator[Finding]:
    count = len(getattr(survey.nodes, what.lower() + "s"))
    least, most = allowed
    if not least <= count <= most:
        limit = f"at least {least:.0f}" if most == float("inf") else f"exactly {least:.0f}"
        remedy = f"add an {what}" if count < least else f"join the {what} nodes into one"
        yield Finding("graph", f"{what} nodes", str(count), limit, remedy)


def _input_nodes(survey: Survey, allowed: list[float]) -> Iterator[Finding]:
    yield from _ends(survey, "Input", allowed)


def _output_nodes(survey: Survey, allowed: list[float]) -> Iterator[Finding]:
    yield from _ends(survey, "Output", allowed)


def _forbidden_in_names(survey: Survey, text: str) -> Iterator[Finding]:
    for name in survey.nodes.node:
        if text in name:
            remedy = f"rename it {name.replace(text, '_')!r}"
            yield Finding(name, "name", repr(name), f"names without {text!r}", remedy)


def _node_names(survey: Survey, required: list[str]) -> Iterator[Finding]:
    for what, name in zip(("Input", "Output"), required, strict=True):
        for found in getattr(survey.nodes, what.lower() + "s"):
            if found != name:
                yield Finding(found, "name", repr(found), repr(name), f"rename it {name!r}")


def _recurrence(survey: Survey, allowed: str) -> Iterator[Finding]:
    if allowed == "none":
        found, remedy = survey.loops, "remove the loop or choose a target with recurrence"
    else:
        after: dict[str, list[str]] = {name: [] for name in survey.graph.nodes}
        for a, b in survey.graph.edges:
            after[a].append(b)
        found, remedy = loops(after), "nest the loop: a graph of input, neurons, weight, output"
    for loop in found:
        yield Finding(loop[0], "loop", " - ".join(loop), f"{allowed} recurrence", remedy)


def _nested_nodes(survey: Survey, allowed: list[str]) -> Iterator[Finding]:
    """A nested graph holds Input, Output, one kind of neuron and one weight, nothing else."""
    neurons = [k for k in allowed if k in NEURONS]
    weights = [k for k in allowed if k in WEIGHTS]
    for name, node in survey.graph.nodes.items():
        if kind(node) != "NIRGraph":
            continue
        inner = [kind(n) for n in node.nodes.values()]
        fits = len(inner) == 4 and {"Input", "Output"} < set(inner)
        if not (fits and any(k in inner for k in neurons) and any(k in inner for k in weights)):
            limit = f"Input, Output, one {' or '.join(neurons)}, one {' or '.join(weights)}"
            yield Finding(
                name, "nested nodes", ", ".join(sorted(inner)), limit, "rebuild it of these four"
            )


def _at_most(parameter: str, count: Any, remedy: str) -> Rule:
    """A rule for a number of the whole graph."""

    def rule(survey: Survey, most: int) -> Iterator[Finding]:
        found = count(survey)
        if found > most:
            yield Finding("graph", parameter, f"{found:,}", f"at most {most:,}", remedy)

    return rule


def _fan(parameter: str) -> Rule:
    def rule(survey: Survey, most: int) -> Iterator[Finding]:
        for name, found in getattr(survey, parameter).items():
            # what an input channel reaches is a matter of the router, not of a neuron
            if found > most and kind(survey.nodes.node[name]) in NEURONS:
                yield Finding(
                    name,
                    parameter.replace("_", "-"),
                    f"{found:,}",
                    f"at most {most:,}",
                    "prune weights, or split the neuron's connections over relay neurons",
                )

    return rule


def _neuron_layers(survey: Survey, least: int) -> Iterator[Finding]:
    found = len(survey.of_kind(NEURONS))
    if found < least:
        remedy = "add a layer of output neurons"
        yield Finding("graph", "neuron layers", str(found), f"at least {least}", remedy)


def _recurrent_output(survey: Survey, allowed: bool) -> Iterator[Finding]:
    looped = {name for loop in survey.loops for name in loop}
    for output in survey.nodes.outputs:
        for name in _sources(survey, output):
            if name in looped and not allowed:
                remedy = "put a layer of neurons between it and the Output"
                yield Finding(name, "output", "recurrent", "a feed-forward layer", remedy)


def _sources(survey: Survey, output: str) -> list[str]:
    """The neuron nodes that reach an Output without another between."""
    found, seen, waiting = [], set[str](), [*survey.nodes.before[output]]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if kind(survey.nodes.node[name]) in NEURONS:
            found.append(name)
        else:
            waiting += survey.nodes.before[name]
    return found


def channels(survey: Survey, what: str) -> int:
    """Channels of all Input or Output nodes."""
    return sum(size(node) for node in survey.of_kind(frozenset({what})).values())


RULES: dict[str, Rule] = {
    "nodes": _nodes,
    "input_nodes": _input_nodes,
    "output_nodes": _output_nodes,
    "forbidden_in_names": _forbidden_in_names,
    "node_names": _node_names,
    "recurrence": _recurrence,
    "nested_nodes": _nested_nodes,
    "neurons": _at_most("neurons", lambda s: s.neurons, "use fewer, or several chips"),
    "synapses": _at_most("synapses", lambda s: s.synapses, "prune weights, or use several chips"),
    "inputs": _at_most("inputs", lambda s: channels(s, "Input"), "use fewer input channels"),
    "outputs": _at_most("outputs", lambda s: channels(s, "Output"), "read fewer neurons"),
    "fan_in": _fan("fan_in"),
    "fan_out": _fan("fan_out"),
    "neuron_layers": _neuron_layers,
    "recurrent_output": _recurrent_output,
}
