"""Neurons of own equations: rhythm and phase response against closed forms and experiments."""

import json
import pickle
from typing import Any

import numpy as np
import pytest
import scipy
from brian2 import ms, mV, nA, nS, pA, pF, second

from neurosc.hw_models.spiking.lif import LIF
from neurosc.hw_models.spiking.neuron import Neuron

LEAKY = Neuron(
    "dv/dt = (I - v)/tau : 1",
    threshold="v >= 1",
    reset="v = 0",
    drive="I",
    parameters={"tau": LIF().tau * second, "I": LIF().drive},
)
QUADRATIC = Neuron(
    "dv/dt = (v**2 + I)/tau : 1",
    threshold="v > 5",
    reset="v = -5",
    drive="I",
    parameters={"tau": 10 * ms, "I": 1},
)
ADAPTIVE = Neuron(
    """
    dv/dt = (leak - w + I)/C : volt
    dw/dt = (a*(v - E) - w)/tau_w : amp  # adaptation
    leak = g*(E - v) : amp
    I : amp (constant)
    """,
    threshold="v > v_t",
    reset="v = E; w += b",
    drive="I",
    parameters={
        **{"C": 200 * pF, "g": 10 * nS, "E": -70 * mV, "v_t": -50 * mV, "I": 0.6 * nA},
        **{"a": 2 * nS, "tau_w": 60 * ms, "b": 20 * pA},
    },
)
EXPONENTIAL = Neuron(
    """
    dv/dt = (g*(E - v) + g*slope*exp((v - v_T)/slope) - w + I)/C : volt
    dw/dt = (a*(v - E) - w)/tau_w : amp
    """,
    threshold="v > -40*mV",
    reset="""
        v = -58*mV
        w += b
    """,
    drive="I",
    parameters={
        **{"C": 200 * pF, "g": 10 * nS, "E": -70 * mV, "v_T": -50 * mV, "slope": 2 * mV},
        **{"a": 2 * nS, "tau_w": 30 * ms, "b": 20 * pA, "I": 0.5 * nA},
    },
)
NEURONS = {"leaky": LEAKY, "quadratic": QUADRATIC, "adaptive": ADAPTIVE, "exponential": EXPONENTIAL}


def test_a_leaky_neuron_has_the_closed_form() -> None:
    lif, orders = LIF(), np.arange(-5, 401)
    assert LEAKY.period_s == pytest.approx(1, abs=1e-12)
    # a drive of 1 moves v by T / tau in a period
    np.testing.assert_allclose(
        LEAKY.harmonics(orders) * lif.tau, lif.harmonics(orders), rtol=1e-8, atol=1e-11
    )
    theta = np.linspace(0, 2 * np.pi, 9)[:-1].reshape(2, 4)
    response = LEAKY.phase_response(theta) * lif.tau
    np.testing.assert_allclose(response, lif.phase_response(theta), rtol=1e-9)
    assert LEAKY.strongest == pytest.approx(lif.strongest, rel=1e-9)
    assert LEAKY.largest_eps(2.0) == lif.largest_eps(2.0)
    omega = np.array([[-3.0, -0.3], [0.0, 2.0]])
    np.testing.assert_allclose(LEAKY.current(omega, 0.2), lif.current(omega, 0.2), rtol=1e-9)
    np.testing.assert_allclose(
        LEAKY.states(theta)["v"], 1.2 * -np.expm1(-theta / (2 * np.pi) / lif.tau), atol=1e-11
    )


def test_a_quadratic_neuron_has_the_closed_form() -> None:
    tau, low, high = 0.01, np.arctan(-5), np.arctan(5)
    assert QUADRATIC.period_s == pytest.approx(tau * (high - low), rel=1e-12)
    theta = np.linspace(0.1, 6.2, 50)
    v = np.tan(low + theta / (2 * np.pi) * (high - low))
    np.testing.assert_allclose(QUADRATIC.states(theta)["v"], v, rtol=1e-9)
    expected = 2 * np.pi / (v**2 + 1)
    np.testing.assert_allclose(QUADRATIC.phase_response(theta), expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["adaptive", "exponential"])
def test_the_phase_response_is_what_a_pulse_does(name: str) -> None:
    neuron = NEURONS[name]
    period, width = neuron.period_s, 1e-3
    size = 1e-4 * neuron.drive_si / width
    for theta in (0.5, 2.0, 4.0, 5.9):
        began = theta / (2 * np.pi) * period - 0.5 * width * period
        shift = 0.0
        for sign in (1, -1):
            pulse = (began, began + width * period, sign * size)
            shift += sign * np.pi * (30 - _spike_time(neuron, pulse, 30) / period)
        expected = float(neuron.phase_response(theta)) * size * width
        assert shift == pytest.approx(expected, rel=1e-3)


def _spike_time(neuron: Neuron, pulse: tuple[float, float, float], spikes: int) -> float:
    """When spike number `spikes` comes, by plain integration."""
    dynamics, state, now = neuron.cycle.dynamics, neuron.cycle.start, 0.0
    begin, end, size = pulse

    def height(_: Any, x: Any) -> float:
        return float(dynamics.height(x, 0.0)[0])

    height.terminal, height.direction = True, 1  # type: ignore[attr-defined]
    while True:
        stop = next((t for t in (begin, end) if t > now), np.inf)
        drive = neuron.drive_si + (size if begin <= now < end else 0.0)
        with np.errstate(over="ignore", invalid="ignore"):  # a step that is then shortened
            done = scipy.integrate.solve_ivp(  # type: ignore[call-overload]
                lambda _, x, drive=drive: dynamics.velocity(x, drive),
                (now, min(stop, now + 3 * neuron.period_s)),
                state,
                method="DOP853",
                rtol=1e-11,
                atol=1e-11 * neuron.cycle.scale,
                events=height,
            )
        now, state = float(done.t[-1]), done.y[:, -1]
        if done.t_events[0].size:
            state = dynamics.reset(state, 0.0)
            spikes -= 1
            if spikes == 0:
                return now


@pytest.mark.parametrize("name", NEURONS)
def test_the_drive_sets_the_frequency(name: str) -> None:
    neuron, eps, omega = NEURONS[name], 0.2, 1.5
    faster = dict(neuron.to_dict()["parameters"])
    drive = float(neuron.current(omega, eps))
    faster[neuron.drive] = [drive, faster[neuron.drive][1]]
    other = Neuron.from_dict({**neuron.to_dict(), "parameters": faster})
    frequency = neuron.period_s / other.period_s
    assert frequency == pytest.approx(1 + eps * omega / (2 * np.pi), abs=1e-9)
    assert float(neuron.current(0.0, eps)) == pytest.approx(neuron.drive_si, rel=1e-9)


def test_the_bits_of_a_drive_do_not_depend_on_its_company() -> None:
    alone = QUADRATIC.current(np.array([0.3]), 0.2)
    together = QUADRATIC.current(np.array([0.3, 0.31, -0.2]), 0.2)
    assert alone[0] == together[0]


@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_is_a_value(name: str) -> None:
    neuron = NEURONS[name]
    for copy in (
        Neuron.from_dict(json.loads(json.dumps(neuron.to_dict()))),
        pickle.loads(pickle.dumps(neuron)),
    ):
        assert copy == neuron
        assert hash(copy) == hash(neuron)
        assert copy.period_s == neuron.period_s


def test_plain_numbers_have_the_declared_unit() -> None:
    numbers = {"C": 200e-12, "g": 10e-9, "E": -0.07, "v_t": -0.05, "I": 0.6e-9}
    numbers |= {"a": 2e-9, "tau_w": 0.06, "b": 20e-12}
    units = {"C": "farad", "g": "siemens", "E": "volt", "v_t": "volt", "a": "siemens"}
    units |= {"tau_w": "second", "b": "amp"}
    declared = "\n".join(f"{name} : {unit} (constant)" for name, unit in units.items())
    neuron = Neuron(
        ADAPTIVE.equations + declared,
        ADAPTIVE.threshold,
        ADAPTIVE.reset,
        ADAPTIVE.drive,
        parameters=numbers,
    )
    assert neuron.parameters == ADAPTIVE.parameters
    assert neuron.period_s == ADAPTIVE.period_s


def test_a_reset_runs_line_by_line() -> None:
    neuron = Neuron(
        "dv/dt = (I - v - w)/tau : 1\ndw/dt = -w/tau : 1",
        threshold="1 < v",
        reset="v = 0.1\nw /= 2\nw += v",
        drive="I",
        parameters={"tau": 1 * second, "I": 2},
    )
    cycle = neuron.cycle
    np.testing.assert_allclose(cycle.start, [0.1, cycle.end[1] / 2 + 0.1], rtol=1e-9)


GOOD: dict[str, Any] = {
    "equations": "dv/dt = (I - v)/tau : 1",
    "threshold": "v > 1",
    "reset": "v = 0",
    "drive": "I",
    "parameters": {"tau": 10 * ms, "I": 1.2},
}
TWO = "dv/dt = (I - v)/tau : 1\ndw/dt = -w/tau : 1"
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "no equation": ({"equations": "dv/dt = "}, "^equations: .*; correct them"),
    "no state": ({"equations": "v = I*tau/tau : 1"}, "^equations: none is a differential"),
    "flat": ({"equations": "dv/dt = I/tau : 1"}, "^equations: flat phase response"),
    "silent": ({"parameters": {"tau": 10 * ms, "I": 0.9}}, "^drive: at 0.9 .* raise drive"),
    "noise": ({"equations": GOOD["equations"].replace(" :", " + xi*tau**-0.5 :")}, "noise="),
    "time": ({"equations": GOOD["equations"].replace("v)", "v + t/tau)")}, "'t' makes"),
    "refractory": (
        {"equations": GOOD["equations"] + " (unless refractory)"},
        "unless refractory.*no phase response",
    ),
    "not refractory": ({"threshold": "not_refractory > 0"}, "refractory period"),
    "two comparisons": ({"threshold": "0 < v < 1"}, "^threshold: .*no single comparison"),
    "and": ({"threshold": "v > 1 and v < 2"}, "^threshold: .*no single comparison"),
    "equal": ({"threshold": "v == 1"}, "^threshold: .*no single comparison"),
    "above": ({"reset": "v = 2"}, "^reset: it leaves the neuron at or above"),
    "stays": ({"reset": ""}, "^reset: it leaves the neuron at or above"),
    "no target": ({"reset": "tau = 1*second"}, "^reset: 'tau' is no state"),
    "no assignment": ({"reset": "print(v)"}, "^reset: .*no assignment"),
    "units": ({"threshold": "v > 1*mV"}, "^threshold: .*; correct it"),
    "units of a reset": ({"reset": "v = 0*mV"}, "^reset: .*; correct it"),
    "units of equations": ({"equations": "dv/dt = (I - v) : 1"}, "^equations: .*; correct it"),
    "unknown": ({"equations": GOOD["equations"].replace("I -", "I + J -")}, "'J' is unknown"),
    "no drive": ({"drive": "J"}, "^drive: 'J' has no value"),
    "drive without effect": (
        {"drive": "tau2", "parameters": {**GOOD["parameters"], "tau2": 1}},
        "^drive: no differential equation contains 'tau2'",
    ),
    "drive in threshold": ({"threshold": "v > I - 0.2"}, "^threshold: contains the drive"),
    "idle": ({"parameters": {**GOOD["parameters"], "c": 1}}, "'c'.* do nothing"),
    "declared": (
        {"equations": GOOD["equations"] + "\nc : 1"},
        "^parameters: .*'c'.* have no value",
    ),
    "declared otherwise": (
        {"equations": GOOD["equations"] + "\nI : volt"},
        "^equations: .*inconsistent units.*; correct it",
    ),
    "declared and given otherwise": (
        {"equations": GOOD["equations"] + "\nI : 1", "parameters": {"tau": 1 * ms, "I": 1 * mV}},
        "^parameters: 'I' is in volt but declared in 1; correct one",
    ),
    "unit as a name": ({"parameters": {"mV": 1, **GOOD["parameters"]}}, "^parameters: 'mV'"),
    "no number": ({"parameters": {"tau": 10 * ms, "I": "1.2"}}, "^parameters: 'I' is '1.2'"),
    "nan": ({"parameters": {"tau": 10 * ms, "I": np.nan}}, "^parameters: 'I' is nan"),
    "reserved": (
        {"equations": TWO.replace("w", "late"), "reset": "v = 0; late = 1"},
        "^equations: the circuit has 'late' for itself",
    ),
    "integer": ({"equations": GOOD["equations"] + "\nk : integer"}, "'k' is integer"),
    "unstable": (
        {"equations": TWO.replace("-w/tau", "(3*w - w**3)/tau"), "reset": "v = 0.5*w; w = -1.3*w"},
        "^drive: .*rhythm is not stable .*; change drive or the reset",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_no_rhythm_is_refused(case: str) -> None:
    change, message = REFUSALS[case]
    with pytest.raises(ValueError, match=message):
        Neuron(**{**GOOD, **change})


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "v.__class__",
        "v[0]",
        "eval(v)",
        "(lambda: v)()",
        "exp(v, x=1)",
        "'v'",
        "v if v > 0 else 1",
        "clip(v, 0, 1)",
        "v // 1",
        "1j",
        "f'{v}'",
        "(v := 1)",
    ],
)
@pytest.mark.parametrize("place", ["equations", "threshold", "reset"])
def test_nothing_of_a_text_is_executed(text: str, place: str) -> None:
    written = {
        "equations": f"dv/dt = (I - v + {text})/tau : 1",
        "threshold": f"v > {text}",
        "reset": f"v = {text}",
    }
    with pytest.raises(ValueError, match=rf"^{place}: "):
        Neuron(**{**GOOD, place: written[place]})


def test_a_unit_is_no_code() -> None:
    parameters = {"I": [1.2, "1"], "tau": [0.01, "__import__('os').getpid()"]}
    with pytest.raises(ValueError, match=r"^parameters: .* is no base unit"):
        Neuron(**{**GOOD, "parameters": parameters})


def test_a_frequency_out_of_reach_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^omega: .*lower eps"):
        LEAKY.current(-40.0, 0.2)
    bounded = Neuron(  # above I = 1 it is slower again, and never faster than at 1
        "dv/dt = (2 - (I - 1)**2 - v)/tau : 1",
        threshold="v > 1",
        reset="v = 0",
        drive="I",
        parameters={"tau": 10 * ms, "I": 0.9},
    )
    with pytest.raises(ValueError, match=r"^omega: the neuron cannot fire at .*lower eps"):
        bounded.current(2.0, 0.2)


def test_texts_are_texts() -> None:
    with pytest.raises(TypeError, match=r"^threshold: 1 is no text; give one"):
        Neuron(**{**GOOD, "threshold": 1})
