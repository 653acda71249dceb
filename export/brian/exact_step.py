"""One time step of a group of neurons, as Brian2 code with exact coefficients."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import numpy as np
import scipy

from neurosc.export.lowering.groups import Group
from neurosc.network import FloatArray

Reset = Literal["exact", "grid"]
SMALLEST_MARGIN = 1e-12
"""Keeps a quotient finite where the drive ends below the threshold that was just crossed."""


def check_reset(reset: str) -> None:
    """Raise ValueError for an unknown way to reset."""
    if reset not in get_args(Reset):
        raise ValueError(f"reset: {reset!r} is unknown; use one of {get_args(Reset)}")


@dataclasses.dataclass
class Parameters:
    """Coefficients by name: shared ones for the namespace, others one per neuron."""

    shared: dict[str, float] = dataclasses.field(default_factory=dict)
    each: dict[str, FloatArray] = dataclasses.field(default_factory=dict)

    def put(self, name: str, values: FloatArray) -> str:
        """Keep values (neurons,) and return the name under which code finds them."""
        if values.size and np.all(values == values[0]):
            self.shared[name] = float(values[0])
        else:
            self.each[name] = values
        return name

    def term(self, name: str, values: FloatArray, factor: str = "") -> list[str]:
        """`values * factor` as a summand of an expression; nothing where all are zero."""
        if not np.any(values):
            return []
        return [f"{self.put(name, values)}*{factor}" if factor else self.put(name, values)]


@dataclasses.dataclass(frozen=True)
class Step:
    """Code of one step.

    Attributes
    ----------
    update, threshold, reset
        Brian2 code; the states are s0, s1, ..., graded inputs are sums of variables g..., and x0,
        x1, ... is what spikes add to the states on the grid, or to the input of a group without
        states; the update clears it.
    keeps_start
        Whether the code needs the variable `began`, the state at the start of the step.
    """

    update: str
    threshold: str
    reset: str
    keeps_start: bool
    parameters: Parameters


def propagator(group: Group, dt: float) -> tuple[FloatArray, FloatArray]:
    """P = exp(A dt) and the integral of exp(A t) over a step, each (neurons, k, k).

    Both are blocks of exp([[A, 1], [0, 0]] dt). Source: Van Loan, IEEE TAC 23, 395 (1978).
    """
    neurons, k = group.b.shape
    distinct, which = np.unique(group.A.reshape(neurons, -1), axis=0, return_inverse=True)
    block = np.zeros((len(distinct), 2 * k, 2 * k))
    block[:, :k, :k] = distinct.reshape(-1, k, k)
    block[:, :k, k:] = np.eye(k)
    exponential = scipy.linalg.expm(block * dt)[np.ravel(which)]
    return exponential[:, :k, :k], exponential[:, :k, k:]


def step_code(
    group: Group, dt: float, reset: Reset, graded: dict[int, list[str]], jumps: set[int]
) -> Step:
    """The step s <- P s + (integral of exp(A t)) (b + gain g), and what happens at a spike.

    Parameters
    ----------
    group, dt
        The neurons, and the step in seconds.
    reset
        - `"grid"`: at the end of the step the state is the reset value;
        - `"exact"`: it is what the equation gives when the reset happens at the crossing.
    graded
        Names of the variables that hold graded input, by the state that they enter.
    jumps
        States that spikes change directly.
    """
    parameters = Parameters()
    if group.states == 0:
        return _comparison(group, graded, parameters)
    added = jumps if reset == "grid" else set[int]()
    update = _update(group, dt, graded, added, parameters)
    firing = group.firing
    if firing is None:
        return Step(update, "", "", False, parameters)
    state = f"s{firing.state}"
    level = parameters.put("level", firing.threshold)
    threshold, after = f"{state} > {level}", ""
    # A spike may have lifted the state over the threshold at the very start of the step
    lifted = reset == "exact" and firing.state in jumps
    if lifted:
        update = f"began = {state}\n{update}"
        threshold += f" or began > {level}"
    if firing.reset is not None:
        after = f"{state} = {parameters.put('low', firing.reset)}"
        if reset == "exact":
            after = _exact_reset(group, dt, graded, parameters, lifted)
    return Step(update, threshold, after, lifted, parameters)


def _comparison(group: Group, graded: dict[int, list[str]], parameters: Parameters) -> Step:
    """A Threshold that compares what arrives in a step."""
    if group.firing is None:
        raise ValueError("group: it has neither states nor a threshold; leave it out")
    terms = ["x0", *graded.get(0, []), *parameters.term("bias", group.bias)]
    level = parameters.put("level", group.firing.threshold)
    return Step("x0 = 0", f"{' + '.join(terms)} > {level}", "", False, parameters)


def _update(
    group: Group, dt: float, graded: dict[int, list[str]], jumps: set[int], parameters: Parameters
) -> str:
    P, held = propagator(group, dt)
    constant = np.einsum("njk,nk->nj", held, group.b)
    k = group.b.shape[1]
    lines = []
    for j in range(k):
        terms = parameters.term(f"c{j}", constant[:, j])
        for m in range(k):
            terms += parameters.term(f"P{j}_{m}", P[:, j, m], f"s{m}")
        for m, names in graded.items():
            terms += parameters.term(
                f"G{j}_{m}", held[:, j, m] * group.gain[:, m], f"({' + '.join(names)})"
            )
        terms += [f"x{j}"] if j in jumps else []
        lines.append(f"n{j} = {' + '.join(terms) or '0.0'}")
    lines += [f"s{j} = n{j}" for j in range(k)] + [f"x{j} = 0" for j in sorted(jumps)]
    return "\n".join(lines)


def _exact_reset(
    group: Group, dt: float, graded: dict[int, list[str]], parameters: Parameters, lifted: bool
) -> str:
    """The state after a reset at the crossing, and how long `ago` that was.

    With dv/dt = pull - v/tau and v_inf = tau pull, all at the end of the step, v passed the
    threshold where x = exp(-ago/tau) = (v_inf - v) / (v_inf - threshold), and afterwards

        v = v_inf + (reset - v_inf) x,

    which for a reset of 0 and a threshold of 1 is (v - 1) v_inf / (v_inf - 1). Without a leak
    v = reset + pull * ago, ago = (v - threshold) / pull.
    """
    firing = group.firing
    if firing is None or firing.state is None or firing.reset is None:
        raise ValueError("group: it has no reset; use the grid")
    v = firing.state
    terms = parameters.term("pull", group.b[:, v])
    for m in range(group.b.shape[1]):
        if m != v:
            terms += parameters.term(f"A_{m}", group.A[:, v, m], f"s{m}")
    if v in graded:
        terms += parameters.term("gain", group.gain[:, v], f"({' + '.join(graded[v])})")
    pull = " + ".join(terms) or "0.0"
    rate = -group.A[:, v, v]
    low = parameters.put("low", firing.reset)
    parameters.put("step", np.full(len(rate), dt))
    if np.any(rate):
        parameters.put("tau", 1 / rate)
        parameters.put("decay", np.exp(-rate * dt))
        lines = [
            f"v_inf = tau*({pull})",
            f"margin = clip(v_inf - level, {SMALLEST_MARGIN}, 1e300)",
            f"x = clip((v_inf - s{v})/margin, decay, 1)",
            *(["x = x + (decay - x)*int(began > level)"] if lifted else []),
            f"s{v} = v_inf + ({low} - v_inf)*x",
            "ago = -tau*log(x)",
        ]
    else:
        lines = [
            f"slope = {pull}",
            f"ago = clip((s{v} - level)/clip(slope, {SMALLEST_MARGIN}, 1e300), 0, step)",
            *(["ago = ago + (step - ago)*int(began > level)"] if lifted else []),
            f"s{v} = {low} + slope*ago",
        ]
    return "\n".join(lines)


def arrival_code(
    A: FloatArray, state: int, late: FloatArray, timed: bool, jump: str, parameters: Parameters
) -> str:
    """What a spike adds to the states if it should have come some time ago.

    A jump w of `state` that was `late` seconds ago has become exp(A late) w, here to first order;
    a negative time is one that is still to come.

    Parameters
    ----------
    A
        Matrix of the target of each synapse, (synapses, k, k).
    state
        The state that jumps.
    late
        Seconds from the due arrival to the grid, (synapses,), for a spike at the end of its step.
    timed
        Whether the source knows how long before the end of the step it fired, as `ago`.
    jump
        Code of the jump w.
    parameters
        Receives the coefficients.
    """
    lines = [f"late = {parameters.put('shift', late)}" + (" + ago_pre" if timed else "")]
    for j in range(A.shape[1]):
        terms = [jump] if j == state else []
        terms += parameters.term(f"rate{j}", A[:, j, state], f"late*{jump}")
        if terms:
            lines.append(f"s{j}_post += {' + '.join(terms)}")
    return "\n".join(lines)
