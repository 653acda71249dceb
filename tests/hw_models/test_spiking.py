"""Spiking oscillators against the ideal equilibrium, and against what their taps predict."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosc import (
    CosineCost,
    CrossEntropy,
    Encoding,
    Ideal,
    Nudge,
    PhaseNetwork,
    SquaredCosineCost,
    Status,
    Substrate,
    topology,
)
from neurosc.hw_models.spiking import (
    MissingCompilerWarning,
    SpikingOscillators,
    runtime,
)
from neurosc.network import FloatArray, wrap

CYCLES = 600
ON = SpikingOscillators(eps=0.2, cycles=CYCLES)
X = np.random.default_rng(0).random((5, 3))


def layered(**changes: Any) -> PhaseNetwork:
    """The network that most tests share, so that it is compiled once."""
    return topology.layered([3, 4, 2], rng=1).replace(**changes)


def distance(a: FloatArray, b: FloatArray) -> float:
    """Largest distance of two sets of phases on the circle."""
    return float(np.abs(wrap(a - b)).max())


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of builds that is empty at first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield runtime.cache_directory()


def predicted(on: SpikingOscillators, network: PhaseNetwork, x: FloatArray) -> FloatArray:
    """The equilibrium with the interaction of the taps in the place of the sine."""
    return Ideal(interaction=on.interaction).relax(network, x).raise_for_status().phases


def test_it_is_a_substrate_that_finds_the_equilibrium(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    relaxation = ON.relax(layered(), X)
    assert isinstance(ON, Substrate)
    assert relaxation.locked.all()
    assert relaxation.phases.shape == (5, 9)
    assert distance(relaxation.phases, Ideal().relax(layered(), X).phases) < 0.02
    assert relaxation.residual.max() < 0.03
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


def test_what_is_left_are_the_harmonics_of_the_taps() -> None:
    relaxation = ON.relax(layered(), X)
    assert distance(relaxation.phases, predicted(ON, layered(), X)) < 0.002


def test_samples_do_not_know_each_other() -> None:
    all_of_them = ON.relax(layered(), X)
    some = ON.relax(layered(), X[:2])
    np.testing.assert_array_equal(some.phases, all_of_them.phases[:2])
    many = ON.relax(layered(), np.tile(X, (40, 1)))  # more than one run holds
    np.testing.assert_array_equal(many.phases, np.tile(all_of_them.phases, (40, 1)))


def test_a_build_serves_other_numbers(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ON.relax(layered(), X)
    built = set(cache.iterdir())

    def no_child(*_: object) -> None:
        pytest.fail("compiled again")

    monkeypatch.setattr(runtime, "_child", no_child)
    network = layered()
    other = network.replace(
        coupling=0.8 * network.coupling,
        frequency=np.linspace(-0.05, 0.05, 9),
        encoding=Encoding("phase", 1.0),
    )
    ON.relax(other, X[:3], start=np.full((3, 9), 0.3), nudge=Nudge(CosineCost(), [0, 1, 0], 0.1))
    SpikingOscillators(eps=0.1, cycles=60).relax(network, X)
    assert set(cache.iterdir()) == built


def test_the_runtimes_agree() -> None:
    standalone = SpikingOscillators(cycles=60, target="cpp_standalone").relax(layered(), X)
    numpy = SpikingOscillators(cycles=60, target="numpy").relax(layered(), X)
    assert distance(standalone.phases, numpy.phases) < 1e-9
    np.testing.assert_array_equal(standalone.status, numpy.status)


@pytest.mark.slow
def test_cython_agrees() -> None:
    standalone = SpikingOscillators(cycles=60, target="cpp_standalone").relax(layered(), X)
    cython = SpikingOscillators(cycles=60, target="cython").relax(layered(), X)
    assert distance(standalone.phases, cython.phases) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(("pairs", "poles"), [(2, 3), (4, 1), (5, 2)])
def test_other_taps_do_what_they_predict(pairs: int, poles: int) -> None:
    on = SpikingOscillators(eps=0.2, steps_per_cycle=240, cycles=CYCLES, pairs=pairs, poles=poles)
    network = layered()
    assert distance(on.relax(network, X).phases, predicted(on, network, X)) < 0.005


def test_a_nudge_shifts_phases_as_in_the_ideal_network() -> None:
    network, labels = layered(), np.array([0, 1, 0, 1, 0])
    nudge = Nudge(CosineCost(), labels, 0.05)
    free = ON.relax(network, X)
    shift = wrap(ON.relax(network, X, start=free.phases, nudge=nudge).phases - free.phases)
    ideal = Ideal().relax(network, X).phases
    wanted = wrap(Ideal().relax(network, X, start=ideal, nudge=nudge).phases - ideal)
    assert np.linalg.norm(shift - wanted) < 0.05 * np.linalg.norm(wanted)


def test_it_starts_where_it_is_told() -> None:
    rest = ON.relax(layered(), X)
    again = SpikingOscillators(eps=0.02, cycles=40, read_cycles=12).relax(
        layered(), X, start=rest.phases
    )
    assert distance(again.phases, rest.phases) < 0.02
    elsewhere = SpikingOscillators(eps=0.02, cycles=40, read_cycles=12).relax(
        layered(), X, start=np.zeros((5, 9))
    )
    assert distance(elsewhere.phases, rest.phases) > 0.1


def test_what_does_not_lock_says_so() -> None:
    detuned = layered(frequency=np.array([0, 0, 0, 0, 0, 0, 0, 0, 6.0]))
    assert (ON.relax(detuned, X).status == Status.NOT_LOCKED).all()
    slow = SpikingOscillators(eps=0.01, cycles=60)
    assert (slow.relax(layered(), X, start=np.zeros((5, 9))).status != 0).any()


def test_frequency_coded_inputs_of_a_floating_network() -> None:
    network = topology.all_to_all(4, 2.0).replace(
        frequency=[5.0, 4.9, 5.1, 5.2], inputs=[1, 2], encoding=Encoding("frequency", 0.5)
    )
    x = np.random.default_rng(1).uniform(-1, 1, (3, 2))
    relaxation = ON.relax(network, x)
    assert relaxation.locked.all()
    assert (relaxation.phases[:, 0] == 0).all()
    assert distance(relaxation.phases, Ideal().relax(network, x).phases) < 0.02


def test_a_recording_shows_the_phases() -> None:
    recording = ON.record(layered(), X[:2], cycles=CYCLES)
    phases = ON.relax(layered(), X[:2]).phases
    assert (np.diff(recording.time) >= 0).all()
    assert recording.cycles == CYCLES
    for sample in range(2):
        for neuron in range(9):
            mine = (recording.sample == sample) & (recording.neuron == neuron)
            last = recording.time[mine][-1]
            assert abs(wrap(-2 * np.pi * last - phases[sample, neuron])) < 1e-3
            assert mine.sum() == pytest.approx(CYCLES, abs=2)


FLOATING = topology.all_to_all(3).replace(outputs=[1])
REFUSED: dict[str, tuple[PhaseNetwork, dict[str, Any], str]] = {
    "harmonic": (layered(second_harmonic=1.0), {}, r"^second_harmonic: .* or use neuron='winfree'"),
    "strength": (
        layered(coupling=20 * layered().coupling),
        {},
        r"^eps: 0\.2 times .* exceeds 3\.21, .* give eps <= 0\.0\d+",
    ),
    "stopped": (
        layered(frequency=np.array([0, 0, 0, 0, 0, 0, 0, 0, -40.0])),
        {},
        r"^eps: 0\.2 times the frequency -40 .* give eps < 0\.157",
    ),
    "feedback": (
        layered(),
        {"nudge": Nudge(CrossEntropy(), [0], 0.1)},
        r"^nudge: CrossEntropy .* freeze it: .* frozen=True, or use CosineCost",
    ),
    "nudged harmonic": (
        layered(),
        {"nudge": Nudge(SquaredCosineCost(), [0], 0.1)},
        r"^nudge: SquaredCosineCost .* freeze it: .* frozen=True",
    ),
    "relative nudge": (
        FLOATING,
        {"x": None, "nudge": Nudge(CosineCost(), np.zeros((1, 1)), 0.1)},
        r"^nudge: .* freeze it: .* or anchor them",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_spikes_cannot_do_is_refused(case: str) -> None:
    network, arguments, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        ON.relax(network, **{"x": X[:1], **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"eps": 0.0}, r"^eps: .* give about"),
        ({"read_cycles": 0}, r"^read_cycles: 0 is no whole number of 1 or more"),
        ({"read_cycles": 2.5}, r"^read_cycles: 2.5 is no whole number"),
        ({"cycles": 40}, r"^cycles: .* give 48 or more"),
        ({"target": "cuda"}, r"^target: 'cuda' is unknown; use one of"),
        ({"steps_per_cycle": 100}, r"^steps_per_cycle: .* choose a multiple"),
        ({"pairs": 0}, r"^pairs, poles: "),
    ],
)
def test_parameters_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpikingOscillators(**arguments)


def test_a_network_too_weak_to_settle_asks_for_cycles() -> None:
    weak = layered(coupling=1e-4 * layered().coupling, field=0.0)
    with pytest.raises(ValueError, match=r"^cycles: .* give cycles="):
        SpikingOscillators().relax(weak, X)


def test_without_a_compiler_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    named = SpikingOscillators(target="cython")
    with pytest.raises(ValueError, match=r'^target: .* install g\+\+ .* or pass target="numpy"'):
        named.relax(layered(), X)
    with pytest.warns(MissingCompilerWarning, match=r"install g\+\+ .* NumPy runs it"):
        assert runtime.choose_target("auto") == "numpy"
    assert runtime.choose_target("numpy") == "numpy"


def test_a_compiler_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no luck today >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(RuntimeError, match="no luck today"):
        ON.relax(layered(), X)
    assert not list(runtime.cache_directory().iterdir())


def test_importing_does_not_load_brian() -> None:
    code = "import sys, neurosc.hw_models.spiking; sys.exit('brian2' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
