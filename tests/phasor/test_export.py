"""Layers of phasors as NIR graphs, in Brian2 and by forward Euler."""

from pathlib import Path

import numpy as np
import pytest

from neurosc import export
from neurosc.export.phasors import (
    PERIOD,
    cycles_to_settle,
    phasor_spikes,
    phasor_to_nir,
    resonator_phases,
)
from neurosc.network import FloatArray
from neurosc.phasor import PhasorLinear

LAYER = PhasorLinear.random(6, 5, bias_scale=0.5, rng=0)
PHASES = np.random.default_rng(0).uniform(-np.pi, np.pi, (4, 6))
W = 2 * np.pi / PERIOD


def errors(found: FloatArray) -> FloatArray:
    """Phase errors of a layer's resonators, radians."""
    return np.asarray(np.angle(np.exp(1j * found) / LAYER(np.exp(1j * PHASES))))


@pytest.mark.parametrize("method", ["exact", "euler"])
def test_runs_in_brian2(method: str) -> None:
    graph, given = phasor_to_nir(LAYER), phasor_spikes(PHASES, cycles_to_settle())
    found = export.run(graph, given, dt=1e-4, method=method, target="numpy")  # type: ignore[arg-type]
    assert np.abs(errors(resonator_phases(found.signal("output")))).max() <= 0.03


def test_the_grid_turns_all_phases_alike_by_a_third_of_a_step() -> None:
    on_grid = 2 * np.pi * np.random.default_rng(1).integers(0, 64, (4, 6)) / 64 - np.pi
    exact = LAYER(np.exp(1j * on_grid))
    for dt in (2e-4, 1e-4):
        graph = phasor_to_nir(LAYER, dt=dt)
        given = phasor_spikes(on_grid, cycles_to_settle(dt=dt), dt=dt)
        found = resonator_phases(export.simulate(graph, given, dt=dt).signal("output"), dt=dt)
        assert np.allclose(np.angle(np.exp(1j * found) / exact), -W * dt / 3, atol=0.02 * W * dt)


def test_survives_a_file(tmp_path: Path) -> None:
    export.write(phasor_to_nir(LAYER), tmp_path / "layer.nir")
    graph = export.read(tmp_path / "layer.nir")
    given = phasor_spikes(PHASES, 20)
    one = export.simulate(graph, given, dt=1e-4).signal("output")
    other = export.simulate(phasor_to_nir(LAYER), given, dt=1e-4).signal("output")
    assert np.allclose(one, other)


def test_the_edge_of_stability_is_that_of_forward_euler() -> None:
    edge = W * W * 1e-4 / 2
    with pytest.raises(ValueError, match=r"leak: .* forward Euler blows up .* give a dt below"):
        phasor_to_nir(LAYER, leak=0.99 * edge)
    phasor_to_nir(LAYER, leak=1.01 * edge)
    assert abs(1 - (0.98 * edge + 1j * W) * 1e-4) > 1 > abs(1 - (1.01 * edge + 1j * W) * 1e-4)


def test_the_dt_that_it_names_works() -> None:
    leak = 2.0
    with pytest.raises(ValueError, match="give a dt below") as caught:
        phasor_to_nir(LAYER, leak=leak)
    named = float(str(caught.value).split("below ")[1].split(" s")[0])
    steps = 4 * int(np.ceil(PERIOD / named / 4) + 1)
    phasor_to_nir(LAYER, leak=leak, dt=PERIOD / steps)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: phasor_to_nir(LAYER, period=25.5e-3), "period: 0.0255 s are 255 steps"),
        (lambda: phasor_to_nir(LAYER, leak=0.0), "leak: 0.0 is no rate"),
        (lambda: resonator_phases(np.zeros((1, 255, 4))), "signal: shape"),
        (lambda: resonator_phases(np.zeros((1, 256, 3))), "signal: shape"),
    ],
)
def test_bad_input(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
