"""What spiking oscillators can be: phase neurons, lags, amplitudes, second harmonics, noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosc import (
    CrossEntropy,
    Encoding,
    Ideal,
    Nudge,
    PhaseNetwork,
    SquaredCosineCost,
    Status,
    topology,
)
from neurosc.hw_models.spiking import (
    LIF,
    CoarseGridWarning,
    Neuron,
    SpikingOscillators,
    Winfree,
    counter_noise,
)
from neurosc.hw_models.spiking.model import WARM_UP
from neurosc.network import FloatArray, wrap

X = np.random.default_rng(0).random((5, 3))
PHASES = SpikingOscillators("winfree", eps=0.05)


def layered(**changes: Any) -> PhaseNetwork:
    """The network that most tests share, so that it is compiled once."""
    return topology.layered([3, 4, 2], rng=1).replace(**changes)


def lagged() -> PhaseNetwork:
    """With complex couplings on the same edges."""
    network = layered()
    lags = np.triu(np.random.default_rng(1).uniform(-1, 1, (9, 9)), 1) * (network.coupling != 0)
    return network.replace(coupling=network.coupling + 1j * (lags - lags.T))


def distance(a: FloatArray, b: FloatArray) -> float:
    """Largest distance of two sets of phases on the circle."""
    return float(np.abs(wrap(a - b)).max())


# ------------------------------------------------------------------------------ couplings


@pytest.mark.parametrize("on", [SpikingOscillators(), PHASES], ids=["lif", "winfree"])
def test_lags_turn_the_phases_as_in_the_ideal_network(on: SpikingOscillators) -> None:
    network = lagged()
    ideal = Ideal().relax(network, X).raise_for_status().phases
    assert distance(ideal, Ideal().relax(layered(), X, start=ideal).phases) > 0.3
    found = on.relax(network, X, start=ideal).raise_for_status()
    assert distance(found.phases, ideal) < 0.04
    taps = Ideal(interaction=on.interaction).relax(network, X, start=ideal).phases
    assert distance(found.phases, taps) < (0.004 if on.neuron == "lif" else 0.04)


def test_amplitudes_scale_the_synapses() -> None:
    network = layered(encoding=Encoding("amplitude", 1.0))
    found = SpikingOscillators().relax(network, X).raise_for_status()
    assert distance(found.phases, Ideal().relax(network, X).phases) < 0.03
    assert distance(found.phases, SpikingOscillators().relax(layered(), X).phases) > 0.3


def test_phase_neurons_err_in_proportion_to_eps() -> None:
    network = layered()
    ideal = Ideal().relax(network, X).phases
    errors = [
        distance(SpikingOscillators("winfree", eps=e).relax(network, X, start=ideal).phases, ideal)
        for e in (0.2, 0.1, 0.05)
    ]
    assert errors[0] < 0.2
    assert 1.6 < errors[0] / errors[1] < 2.5
    assert 1.6 < errors[1] / errors[2] < 2.5


def test_more_pulses_come_closer_to_the_sine() -> None:
    network = layered()
    ideal = Ideal().relax(network, X).phases
    on = SpikingOscillators(Winfree(16), eps=0.2)
    assert distance(on.relax(network, X, start=ideal).phases, ideal) < 0.04


def test_clocks_pull_phase_neurons_twice_a_turn() -> None:
    network = layered(second_harmonic=np.where(np.arange(9) > 2, 0.7, 0.0))
    ideal = Ideal().relax(network, X).raise_for_status().phases
    assert distance(ideal, Ideal().relax(layered(), X, start=ideal).phases) > 0.1
    assert distance(PHASES.relax(network, X, start=ideal).phases, ideal) < 0.04
    nudge = Nudge(SquaredCosineCost(), np.zeros((5, 2)), 0.4)
    ideal = Ideal().relax(layered(), X, nudge=nudge).phases
    assert distance(PHASES.relax(layered(), X, nudge=nudge, start=ideal).phases, ideal) < 0.04


@pytest.mark.parametrize("on", [SpikingOscillators(), PHASES], ids=["lif", "winfree"])
def test_frozen_nudges_of_any_cost_are_bias_currents(on: SpikingOscillators) -> None:
    network, labels = layered(), [0, 1, 1, 0, 1]
    free, ideal = on.relax(network, X).phases, Ideal().relax(network, X).phases
    shift = [
        wrap(
            s.relax(network, X, start=at, nudge=Nudge(CrossEntropy(), labels, 0.1, at)).phases - at
        )
        for s, at in ((on, free), (Ideal(), ideal))
    ]
    assert np.linalg.norm(shift[0] - shift[1]) < 0.1 * np.linalg.norm(shift[1])


def test_few_bits_are_those_of_the_ideal_network_with_few_bits() -> None:
    on, network = SpikingOscillators(weight_bits=8), layered()
    fine, coarse = SpikingOscillators().relax(network, X), on.relax(network, X)
    assert 1e-5 < distance(fine.phases, coarse.phases) < 0.05
    with pytest.raises(ValueError, match="bits: 1 is no whole number"):
        SpikingOscillators(weight_bits=1)


def test_several_networks_are_those_one_by_one() -> None:
    networks = [topology.layered([3, 4, 2], rng=k) for k in (1, 2)]
    on = SpikingOscillators(cycles=200)
    found = on.relax_each(networks, X)
    for k, network in enumerate(networks):
        np.testing.assert_array_equal(found.phases[k], on.relax(network, X).phases)


# ------------------------------------------------------------------------------ noise


def test_noise_is_a_function_of_place_and_key() -> None:
    count = np.arange(200_000)
    each = [counter_noise.gauss(which, count, 7, 1, -2) for which in (0, 1)]
    for draw in each:
        assert abs(draw.mean()) < 4 / np.sqrt(count.size)
        assert abs(draw.std() - 1) < 4 / np.sqrt(2 * count.size)
    assert abs(np.corrcoef(each[0], each[1])[0, 1]) < 4 / np.sqrt(count.size)
    assert abs(np.corrcoef(each[0], counter_noise.gauss(0, count, 8, 1, -2))[0, 1]) < 0.01
    np.testing.assert_array_equal(each[0][5:9], counter_noise.gauss(0, count[5:9], 7, 1, -2))


@pytest.mark.parametrize("kind", ["lif", "winfree"])
def test_a_free_oscillator_diffuses_as_it_is_told(kind: Any) -> None:
    """Without coupling: sigma^2 a cycle, of which a mean of the last w cycles lacks 2w/3."""
    sigma, cycles, read = 0.05, 120, 6
    network = topology.layered([3, 4, 2], rng=1)
    network = network.replace(coupling=1e-9 * network.coupling, field=0.0)
    x = np.zeros((400, 3))
    on = SpikingOscillators(kind, noise=sigma, cycles=cycles, read_cycles=read)
    phases = on.relax(network, x, rng=3, start=np.zeros((400, 9))).phases[:, 3:]
    share = phases.var() / (sigma**2 * (cycles + WARM_UP - 2 * read / 3))
    assert abs(share - 1) < 5 * np.sqrt(2 / phases.size)
    assert abs(np.corrcoef(phases.T) - np.eye(6)).max() < 0.25


def test_the_same_rng_gives_the_same_bits_whatever_the_batch() -> None:
    on, network = SpikingOscillators(noise=0.02, jitter=1e-3, cycles=120), layered()
    whole = on.relax(network, X, rng=1)
    np.testing.assert_array_equal(whole.phases, on.relax(network, X, rng=1).phases)
    np.testing.assert_array_equal(whole.phases[:2], on.relax(network, X[:2], rng=1).phases)
    assert distance(whole.phases, on.relax(network, X, rng=2).phases) > 1e-3
    assert whole.standard_error is not None
    assert (whole.standard_error[:, :3] == 0).all()
    assert 1e-4 < whole.standard_error[:, 3:].mean() < 0.05


def test_jitter_scatters_spikes_and_leaves_the_phase() -> None:
    """A free oscillator's spikes scatter around its phase; they do not walk away."""
    network = layered()
    network = network.replace(coupling=1e-9 * network.coupling, field=0.0)
    on = SpikingOscillators(jitter=2e-3)
    recording = on.record(network, X[:1], cycles=200, rng=0)
    for neuron in range(3, 9):
        late = wrap(2 * np.pi * recording.of(0, neuron)) / (2 * np.pi)
        assert 1.6e-3 < late.std() < 2.4e-3
        assert abs(late[-50:].mean() - late[:50].mean()) < 2e-3


@pytest.mark.parametrize("kind", ["lif", "winfree"])
def test_numpy_gives_the_same_spikes(kind: Any) -> None:
    network = layered()
    for noise in (0.0, 0.02):
        settings: dict[str, Any] = {"cycles": 20, "read_cycles": 6, "noise": noise}
        one, other = (
            SpikingOscillators(kind, target=t, **settings).relax(network, X, rng=0)
            for t in ("cpp_standalone", "numpy")
        )
        assert distance(one.phases, other.phases) < 1e-9


# ------------------------------------------------------------------------------ verdicts


def test_it_says_which_oscillator_turns() -> None:
    detuned = layered(frequency=np.array([0, 0, 0, 0, 0, 0, 0, 0, 6.0]))
    found = SpikingOscillators(cycles=200).relax(detuned, X[:1])
    assert found.status.tolist() == [Status.NOT_LOCKED]
    assert "turns of oscillator 8 in the last 20 cycles" in found.explain(0)
    assert "oscillator 8: detuning 6 exceeds" in found.explain(0)


def test_it_says_how_far_a_sample_is_from_rest() -> None:
    on = SpikingOscillators(eps=0.02, cycles=60)
    found = on.relax(layered(), X[:1], start=np.zeros((1, 9)))
    assert found.status.tolist() == [Status.STEP_LIMIT]
    assert "cycles, and is some" in found.explain(0)


def test_it_runs_until_locked_and_no_longer() -> None:
    network = layered()
    rest = SpikingOscillators(cycles=2000).relax(network, X)
    found = SpikingOscillators().relax(network, X)
    assert found.locked.all()
    assert distance(found.phases, rest.phases) < 2e-3
    tight = SpikingOscillators(tolerance=1e-5).relax(network, X)
    assert distance(tight.phases, rest.phases) < 1e-4


def test_a_grid_too_coarse_for_the_slowest_mode_says_how_fine_it_must_be() -> None:
    """Two oscillators that all but slip: the lowest eigenvalue is sqrt(1 - share^2) of both."""
    share = 0.9998
    network = PhaseNetwork([[0, 1.0], [1.0, 0]], [0, share], held=[0])
    start = [[0, np.arcsin(share)]]
    with pytest.warns(CoarseGridWarning, match=r"steps_per_cycle: 16 are too few .* give \d+"):
        SpikingOscillators(eps=0.05, steps_per_cycle=16, tolerance=0.5).relax(network, start=start)


# ------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"neuron": "izhikevich"}, "^neuron: 'izhikevich' is none; use 'lif', 'winfree', LIF"),
        ({"neuron": "winfree", "pairs": 3}, "^pairs: Winfree oscillators have no taps"),
        ({"neuron": "winfree", "jitter": 0.1}, "^jitter: .* or noise="),
        ({"neuron": Winfree(6)}, "^steps_per_cycle: 128 is no multiple of the 6 pulses"),
        ({"noise": -1.0}, "^noise: -1.0 is not a number >= 0; give rad per sqrt"),
        ({"tolerance": 0.0}, "^tolerance: .* give about 1e-3"),
    ],
)
def test_parameters_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpikingOscillators(**arguments)
    with pytest.raises(ValueError, match=r"^pulses: 0 is no number of pulses; give 1 or more"):
        Winfree(0)


def test_a_neuron_of_own_equations_is_a_substrate() -> None:
    """LIF in other words, to the last digits that its solver gives."""
    import brian2

    own = Neuron(
        "dv/dt = (I - v)/tau : 1",
        threshold="v > 1",
        reset="v = 0",
        drive="I",
        parameters={"tau": LIF().tau * brian2.second, "I": LIF().drive},
    )
    named = SpikingOscillators(eps=0.2, cycles=200)
    found = SpikingOscillators(own, eps=0.2, cycles=200).relax(layered(), X).raise_for_status()
    assert distance(found.phases, named.relax(layered(), X).phases) < 1e-3


def test_no_samples_have_no_phases() -> None:
    assert SpikingOscillators().relax(layered(), np.zeros((0, 3))).phases.shape == (0, 9)


def test_membranes_are_recorded_at_each_step() -> None:
    recording = SpikingOscillators().record(layered(), X[:2], cycles=20, voltages=True)
    assert recording.voltage is not None
    assert recording.voltage_time is not None
    assert recording.voltage.shape == (2, 9, 20 * 128)
    np.testing.assert_allclose(np.diff(recording.voltage_time), 1 / 128, atol=1e-9)
    assert np.isnan(recording.voltage[:, :3]).all()
    v = recording.voltage[1, 5]
    falls = recording.voltage_time[1:][np.diff(v) < -0.5]
    spikes = recording.of(1, 5)
    assert len(falls) == len(spikes) == 20
    assert np.abs(falls - spikes).max() < 2 / 128
    with pytest.raises(ValueError, match=r"^cycles: membranes .* record fewer cycles or samples"):
        SpikingOscillators().record(layered(), X, cycles=20_000, voltages=True)
    with pytest.raises(ValueError, match=r"^cycles: 0 records nothing; give 1 or more"):
        SpikingOscillators().record(layered(), X, cycles=0)
    wrong: Any = "a fifth"
    with pytest.raises(TypeError, match=r"^eps: expected a number, not 'a fifth'"):
        SpikingOscillators(eps=wrong)
