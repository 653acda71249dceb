"""Neurons of own equations in Brian2: spikes between the steps, and what a pulse does."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy
from brian2 import Network, NeuronGroup, SpikeMonitor, prefs, second

from neurosc.hw_models.spiking.custom import custom
from neurosc.hw_models.spiking.equations import RESERVED, RESERVED_FORM
from neurosc.hw_models.spiking.membrane import Membrane
from neurosc.hw_models.spiking.model import Shape, shared_equations
from neurosc.hw_models.spiking.neuron import Neuron
from neurosc.hw_models.spiking.oscillators import SpikingOscillators
from neurosc.hw_models.spiking.taps import Taps, pair_design
from neurosc.hw_models.spiking.time_grid import timing_error
from neurosc.network import FloatArray, PhaseNetwork
from tests.hw_models.test_neuron import NEURONS, QUADRATIC

POLE = 1 / (2 * np.pi)
CYCLES = 20


@pytest.fixture(autouse=True)
def _numpy() -> Iterator[None]:
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = before


def _membrane(neuron: Neuron, poles: int = 2) -> Membrane:
    return custom({"kind": "custom", "period_s": neuron.period_s, **neuron.to_dict()}, poles)


def _spike_times(
    neuron: Neuron, steps: int, start: FloatArray, kick: tuple[int, float] = (0, 0.0)
) -> list[FloatArray]:
    """In periods, of each free neuron that starts at a phase; a kick w comes before a step."""
    made, period = _membrane(neuron), neuron.period_s
    poles = ["ds1/dt = -s1/pole : Hz", "ds2/dt = (s1 - s2)/pole : Hz", "open : 1 (shared)"]
    group = NeuronGroup(
        start.size,
        "\n".join([*made.equations, *poles, "since : second"]),
        threshold=made.threshold,
        reset="\n".join([*made.crossing, "since = dt - late", *made.reset]),
        method=made.method,
        namespace={**made.constants, "pole": POLE * period * second},
        dt=period / steps * second,
    )
    for name, values in neuron.states(start).items():
        setattr(group, name, values)
    group.bias, group.open = neuron.drive_si, 1
    monitor = SpikeMonitor(group, variables=["since"])
    monitor.when = "after_resets"
    network = Network(group, monitor)
    network.run(kick[0] * period / steps * second, namespace={})
    group.s1 = group.s1 + kick[1] / (POLE * period) / second
    network.run((CYCLES + 0.5 - kick[0] / steps) * period * second, namespace={})
    times = np.asarray((monitor.t + monitor.since) / second) / period
    return [times[np.asarray(monitor.i) == k] for k in range(start.size)]


@pytest.mark.parametrize("name", NEURONS)
def test_spikes_are_not_bound_to_the_grid(name: str) -> None:
    start = np.array([0.0, 0.7, 2.0, 3.1, 6.2])
    for theta, times in zip(start, _spike_times(NEURONS[name], 128, start), strict=True):
        expected = 1 - theta / (2 * np.pi) + np.arange(times.size)
        assert times.size >= CYCLES
        assert abs(times[0] - expected[0]) < 1e-6
        assert np.abs(np.diff(times) - 1).max() < 1e-6


def test_errors_are_of_fourth_order_and_told_beforehand() -> None:
    coarse, fine = (
        np.abs(np.diff(_spike_times(QUADRATIC, steps, np.zeros(1))[0]) - 1).max()
        for steps in (64, 128)
    )
    assert coarse / fine > 12
    for steps, found in ((64, coarse), (128, fine)):
        assert timing_error(QUADRATIC.cycle, steps) == pytest.approx(found, rel=0.5)


@pytest.mark.parametrize("name", NEURONS)
def test_a_pulse_shifts_the_phase_by_the_response(name: str) -> None:
    neuron, steps, when = NEURONS[name], 128, 10
    start = np.array([0.2, 2.0, 4.0, 5.4])
    n = np.arange(-200, 201)
    filtered = neuron.harmonics(n) * (1 - 2j * np.pi * n * POLE) ** -2
    size = 0.01 / float(np.abs(neuron.harmonics(1)))
    for theta, times in zip(start, _spike_times(neuron, steps, start, (when, size)), strict=True):
        shift = 2 * np.pi * (times.size - times[-1]) - theta
        phase = theta + 2 * np.pi * when / steps
        expected = size * (filtered * np.exp(1j * n * phase)).sum().real
        assert shift == pytest.approx(expected, rel=0.03)


def test_ahead_moves_along_the_cycle() -> None:
    neuron, theta, shift = NEURONS["adaptive"], 1.0, 0.01
    made = _membrane(neuron)
    group = NeuronGroup(1, "v : 1\nw : 1\nbias : 1\nshift : second", namespace=made.constants)
    for name, values in neuron.states(np.array([theta])).items():
        setattr(group, name, values)
    group.bias, group.shift = neuron.drive_si, shift * neuron.period_s * second
    group.run_regularly("\n".join(made.ahead))
    Network(group).run(group.dt, namespace={})
    for name, values in neuron.states(np.array([theta + 2 * np.pi * shift])).items():
        np.testing.assert_allclose(np.asarray(getattr(group, name)), values, rtol=1e-9)


def test_states_may_not_have_the_names_of_the_circuit() -> None:
    shape = Shape("{}", 1, 0, 0, 0, 128, 20, noisy=True)
    neuron = NEURONS["adaptive"]
    lines: list[Any] = [*shared_equations(shape), *_membrane(neuron).equations]
    lines += [line.split("=")[0] for line in _membrane(neuron).crossing + _membrane(neuron).ahead]
    names = {line.split(":")[0].split("=")[0].split("+")[0].strip() for line in lines}
    names = {name for name in names if "/dt" not in name} - set(neuron.states(0.0))
    assert all(name in RESERVED or RESERVED_FORM.fullmatch(name) for name in names)
    assert {"bias", "late", "key1", "on4_to_v"} <= names


def test_too_coarse_a_grid_is_refused() -> None:
    assert timing_error(NEURONS["exponential"].cycle, 32) == np.inf
    with pytest.raises(ValueError, match=r"^steps_per_cycle: with 64 the spikes .*; give more"):
        pair_design(neuron=NEURONS["exponential"], steps_per_cycle=64)


def test_an_oscillator_locks_where_its_equations_say() -> None:
    neuron, eps, omega = QUADRATIC, 0.2, 0.5
    on = SpikingOscillators(neuron, eps, cycles=60, target="numpy")
    pair = PhaseNetwork([[0, 1], [1, 0]], frequency=[0, omega], inputs=(0,), outputs=(1,))
    found = on.relax(pair, np.zeros((1, 1)))
    assert found.locked.all()
    expected = _locked_phase(neuron, on.taps, eps, float(neuron.current(omega, eps)))
    assert found.phases[0, 1] == pytest.approx(expected, abs=2e-4)


def _locked_phase(neuron: Neuron, taps: Taps, eps: float, drive: float) -> float:
    """Of a neuron with taps from a clock that spikes at whole periods, by plain integration."""
    n = np.arange(-100, 101)
    wave = np.exp(-2j * np.pi * np.outer(n, taps.delays)) @ np.asarray(taps.weights)
    wave = eps * wave * (1 + 2j * np.pi * n * taps.pole) ** -taps.poles
    dynamics, state, now = neuron.cycle.dynamics, neuron.cycle.start, 0.0

    def velocity(t: float, x: Any) -> FloatArray:
        pulses = float((wave * np.exp(2j * np.pi * n * t)).sum().real)
        return np.asarray(neuron.period_s * dynamics.velocity(x, drive + pulses))

    def height(_: Any, x: Any) -> float:
        return float(dynamics.height(x, 0.0)[0])

    height.terminal = True  # type: ignore[attr-defined]
    for _ in range(50):
        done = scipy.integrate.solve_ivp(
            velocity, (now, now + 3), state, method="DOP853", rtol=1e-7, events=height,
            atol=1e-8 * neuron.cycle.scale,
        )  # fmt: skip
        now, state = float(done.t[-1]), dynamics.reset(done.y[:, -1], 0.0)
    return float(np.angle(np.exp(-2j * np.pi * now)))
