"""Graphs on the grids of chips: what is kept, what is lost, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

import neurosc
from neurosc import Encoding, Ideal, Nudge, PhaseNetwork
from neurosc.costs import CosineCost
from neurosc.export import (
    PortableSubstrate,
    Quantized,
    check,
    encode_inputs,
    fidelity,
    from_nir,
    quantize,
    read,
    simulate,
    targets,
    to_nir,
    write,
)
from neurosc.export.metadata import describe, unpack
from neurosc.export.portable.grid_taps import decays_of, grid_taps, phase_advance
from neurosc.export.portable.population import Population, placed
from neurosc.export.quantization.couplings import interaction, whole_taps
from neurosc.export.quantization.quantizing import predicted_shift
from neurosc.export.quantization.relay_levels import relay_levels
from neurosc.export.shapes import Shape
from neurosc.network import FloatArray, wrap

N = 128
"""Steps in a cycle."""
BITS_ENOUGH = 1.2
"""Phase error at 8 bits, as a multiple of that in float32."""


def layered(seed: int) -> tuple[PhaseNetwork, FloatArray | None]:
    """9 oscillators with inputs, couplings of one sign, which lock soon; two samples."""
    net = neurosc.topology.layered([4, 3, 2], encoding=Encoding("phase", 1.0), rng=seed)
    unit = 2 * np.pi / N  # on the time grid, so that rounding them is not counted as an error
    x = np.rint(np.random.default_rng(seed).uniform(-1, 1, (2, 4)) / unit) * unit
    return net.replace(coupling=3 * np.abs(net.coupling)), x


def sparse(seed: int) -> tuple[PhaseNetwork, FloatArray | None]:
    """20 oscillators with four neighbours each, of different frequencies."""
    net = neurosc.topology.random_graph(20, 4, rng=seed)
    omega = 0.4 * np.random.default_rng(seed).standard_normal(20)
    return net.replace(frequency=omega - omega.mean()), None


def late_relays(graph: Any, x: FloatArray | None) -> int:
    """Spikes of relays that are not where their predecessor puts them, in 60 cycles."""
    p = Population.of(graph)
    n = p.settings.steps_per_cycle
    recording = simulate(graph, encode_inputs(p.network, x, n), steps=60 * n)
    (node,) = recording.spikes
    raster = recording.raster(node)
    late = 0
    for k in p.relays:
        lag = p.latency[k]
        late += int((raster[:, lag:, k] != raster[:, :-lag, p.before[k]]).sum())
        assert raster[:, :, k].any()
    return late


@pytest.mark.parametrize(("make", "cycles"), [(layered, 60), (sparse, 300)])
def test_eight_bits_cost_nothing(make: Any, cycles: int) -> None:
    """Medians over 16 nets of the largest phase error; the time grid throws dice in each."""
    floats, wholes = [], []
    for seed in range(16):
        net, x = make(seed)
        found = quantize(to_nir(net, steps_per_cycle=N, target="loihi2"), "loihi2", x=x)
        before, after = found.measure(x, cycles=cycles)
        assert after.locked.all()
        floats.append(before.error)
        wholes.append(after.error)
    ratio = np.median(np.concatenate(wholes)) / np.median(np.concatenate(floats))
    assert ratio <= BITS_ENOUGH, ratio


@pytest.mark.parametrize("target", ["loihi2", "spinnaker2"])
@pytest.mark.parametrize("make", [layered, sparse])
def test_the_target_takes_the_graph_and_relays_keep_time(
    target: str, make: Any, tmp_path: Path
) -> None:
    net, x = make(0)
    graph = to_nir(net, steps_per_cycle=N, target=target)
    assert not check(graph, target).ok
    found = quantize(graph, target, x=x)
    write(found.graph, tmp_path / "net.nir")
    again = read(tmp_path / "net.nir")
    report = check(again, target)
    assert report.ok, report
    assert describe(from_nir(again)) == describe(net)
    assert late_relays(again, x) == 0


@pytest.mark.parametrize("bits", [5, 6, 7, 8])
@pytest.mark.parametrize("steps", [64, 128, 256])
def test_relays_of_few_bits_keep_their_latency(bits: int, steps: int) -> None:
    decays, most = decays_of(steps), 2 ** (bits - 1) - 1
    for latency in {1, steps // 8, steps // 5, steps // 4, int(0.3 * steps)}:
        made = relay_levels(decays, latency, most, steps)
        assert 0 < -made.cancel <= made.kick <= most
        assert made.margin > 0
        kick, cancel = made.kick * made.unit, made.cancel * made.unit
        i = v = 0.0
        for k in range(6 * steps):
            i = (
                decays.synapse * i
                + kick * (k % steps == 0)
                + cancel * (k % steps == latency and k > latency - 1)
            )
            v = decays.membrane * v + i
            assert (v > 1) == (k % steps == latency - 1)
            v = 0.0 if v > 1 else v


def test_one_bit_less_for_each_tap_is_made_up_by_the_others() -> None:
    """Taps that are rounded together are nearer to the sine than taps rounded one by one."""
    gain = phase_advance(decays_of(N), N)
    taps = grid_taps(decays_of(N), N, 3)
    basis = interaction(gain, np.array(taps.delays))
    strength = np.random.default_rng(0).uniform(-1, 1, 200)
    weights = strength[:, None] * np.array(taps.weights)
    unit = np.abs(weights).max() / 31
    wanted = weights @ basis.T
    together = whole_taps(basis, wanted, unit, 31) * unit @ basis.T - wanted
    alone = np.rint(weights / unit) * unit @ basis.T - wanted
    assert np.linalg.norm(together) < 0.7 * np.linalg.norm(alone)
    assert (np.linalg.norm(together, axis=1) <= np.linalg.norm(alone, axis=1) + 1e-12).all()
    assert np.abs(whole_taps(basis, 2 * wanted, unit, 31)).max() <= 31


def test_fewer_bits_shift_the_phases_further() -> None:
    net, x = layered(3)
    graph = to_nir(net, steps_per_cycle=N, shape="flat")
    shift = {bits: np.median(shift_of(quantize(graph, "norse", bits=bits, x=x))) for bits in BITS}
    assert 0 < shift[16] < 1e-4 < shift[8] < 0.01 < shift[5] < 0.2


BITS = (5, 8, 16)


def shift_of(found: Quantized) -> FloatArray:
    assert found.shift is not None
    return found.shift


@pytest.mark.parametrize("what", ["bias", "taps", "pushes"])
def test_the_predicted_shift_is_the_measured_one(what: str) -> None:
    """To first order, for a change that moves the phases by more than the time grid does."""
    net, _ = sparse(1)
    net = net.replace(frequency=3 * net.frequency)
    graph = to_nir(net, steps_per_cycle=256, pairs=4, shape="flat")
    old = Population.of(graph)
    bias, weight = old.bias.copy(), old.weight.copy()
    one = old.oscillators[0]
    if what == "bias":
        bias[one] *= 1.003
    elif what == "taps":
        weight[one, np.isin(old.head, old.oscillators)] *= 1.2
    else:
        weight[one, old.pacemakers[0]] *= 1.2
    new = dataclasses.replace(old, bias=bias, weight=weight)
    shift = predicted_shift(old, new)
    relaxed = [PortableSubstrate(g, 300).relax(net).phases for g in (graph, placed(graph, new))]
    assert shift[0] > 0.02
    assert np.abs(wrap(relaxed[1] - relaxed[0])).max() == pytest.approx(shift[0], rel=0.25)


@pytest.mark.parametrize("name", targets.names())
def test_shapes_that_targets_take(name: str) -> None:
    """Each target takes the graph, and quantised it keeps every limit; or it is told why not."""
    net, _ = layered(0)
    shapes: dict[str, Shape] = {
        "loihi2": "flat",
        "norse": "portable",
        "rockpool": "flat",
        "sinabs": "sinabs",
        "snntorch": "portable",
        "spikingjelly": "portable",
        "spinnaker2": "flat",
        "spyx": "portable",
    }
    if name not in shapes:
        with pytest.raises(ValueError, match=f"target: {name} cannot hold .* choose another"):
            to_nir(net, steps_per_cycle=64, target=name)
        return
    graph = to_nir(net, steps_per_cycle=64, target=name)
    assert unpack(graph)[1].shape == shapes[name]
    assert check(quantize(graph, name).graph, name).ok


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "speck"}, r"target: speck .*type is CubaLIF.*loop is .*none recurrence"),
        ({"target": "xylo-a2"}, r"graph: outputs is 79, allowed is at most 8"),
        ({"target": "lohi2"}, r"target: there is no 'lohi2'; did you mean 'loihi2'"),
        ({"target": "loihi2", "shape": "portable"}, r"shape: loihi2 .*; leave .* 'flat'$"),
        ({"target": "snntorch", "shape": "flat"}, r"shape: snntorch .*; leave .* 'portable'$"),
        ({"target": "snntorch", "period": 1.0}, r"target: snntorch .*graph: dt is 0.0078125 s"),
        ({"target": "loihi2", "poles": 2}, r"poles: the flat shape has one"),
    ],
)
def test_targets_that_do_not_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_nir(layered(0)[0], steps_per_cycle=128, **arguments)


def test_a_network_that_is_too_large_is_told_by_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = targets.find("spinnaker2").limits
    monkeypatch.setitem(limits, "neurons", targets.Limit("neurons", 50, "a small board"))
    with pytest.raises(ValueError, match="graph: neurons is 79, allowed is at most 50; change"):
        to_nir(layered(0)[0], steps_per_cycle=128, target="spinnaker2")


def test_targets_without_grids_leave_the_graph_alone() -> None:
    graph = to_nir(layered(0)[0], steps_per_cycle=64, target="norse")
    found = quantize(graph, "norse")
    assert found.graph is graph
    assert str(found) == "norse takes float32: nothing to quantise"


def test_the_given_graph_is_left_as_it_was() -> None:
    graph = to_nir(layered(0)[0], steps_per_cycle=64, target="loihi2")
    before = graph.nodes["l2_rec"].weight.copy()
    found = quantize(graph, "loihi2")
    np.testing.assert_array_equal(graph.nodes["l2_rec"].weight, before)
    assert found.original is graph
    assert not np.array_equal(found.graph.nodes["l2_rec"].weight, before)


def test_the_report_tells_levels_and_losses() -> None:
    net, x = layered(0)
    weak = np.array(net.coupling)
    weak[4, 0] = weak[0, 4] = 1e-5
    graph = to_nir(net.replace(coupling=weak), steps_per_cycle=64, target="loihi2")
    found = quantize(graph, "loihi2", x=x)
    assert found.lost >= 1
    assert f"{found.lost} of {found.couplings} couplings are 0" in str(found)
    table = found.table().set_index("name")
    assert (table.used <= table.most).all()
    assert table.most["oscillators"] == 127
    assert table.most["biases"] == 4095
    assert table.unit["decays"] == 2**-12


def test_bit_shifts_as_decays() -> None:
    """At 84 steps per cycle membrane and synapse are on either side of 2^-5.5."""
    net, x = layered(0)
    found = quantize(to_nir(net, steps_per_cycle=84, shape="flat"), "xylo-a2", x=x)
    broken = {v.rule for v in check(found.graph, "xylo-a2").violations}
    assert not broken & {"decay_shift", "weight_levels"}
    assert late_relays(found.graph, x) == 0
    with pytest.raises(ValueError, match=r"graph: .* decay alike, .* steps per cycle"):
        quantize(to_nir(net, steps_per_cycle=128, shape="flat"), "xylo-a2")


def foreign(tau: float = 20e-3) -> nir.NIRGraph:
    """A layer of three neurons as another tool would write it."""
    rng, every = np.random.default_rng(0), np.ones(3)
    return nir.NIRGraph.from_list(
        nir.Input(input_type=np.array([4])),
        nir.Affine(weight=rng.standard_normal((3, 4)), bias=rng.standard_normal(3)),
        nir.LIF(
            tau=tau * every, r=2 * every, v_leak=0 * every, v_threshold=every, v_reset=0 * every
        ),
        nir.Output(output_type=np.array([3])),
    )


def test_any_graph_is_rounded_node_by_node() -> None:
    graph = foreign()
    found = quantize(graph, "loihi2", dt=1e-4)
    assert check(found.graph, "loihi2", dt=1e-4).ok
    assert found.shift is None
    affine, lif = (found.graph.nodes[k] for k in ("affine", "lif"))
    unit = np.abs(graph.nodes["affine"].weight).max() / 127
    assert np.abs(affine.weight - graph.nodes["affine"].weight).max() <= 0.51 * unit
    assert np.abs(affine.weight).max() == pytest.approx(127 * unit)
    np.testing.assert_allclose(1e-4 / lif.tau * 4096, 20, rtol=1e-6)
    np.testing.assert_allclose(lif.r / lif.tau, 2 / 20e-3, rtol=1e-6)
    with pytest.raises(ValueError, match=r"graph: .* only graphs of to_nir"):
        found.measure()


def test_faithful_graphs_are_rounded_node_by_node() -> None:
    found = quantize(to_nir(layered(0)[0], steps_per_cycle=64), "loihi2")
    broken = {v.rule for v in check(found.graph, "loihi2").violations}
    assert not broken & {"weight_levels", "bias_levels", "decay_bits"}
    assert "coupling.weight" in str(found)


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("lohi2", {}, "target: there is no 'lohi2'; .* use one of brainscales2, loihi2"),
        ("loihi2", {"bits": 9}, "bits: 9 is out of range; weights of loihi2 take 2 to 8"),
        ("loihi2", {"bits": 1}, "bits: 1 is out of range"),
        ("loihi2", {"bits": 7.5}, "bits: 7.5 is out of range"),
        ("norse", {"bits": 17}, "bits: 17 is out of range; weights of float32 files take 2 to 16"),
        ("loihi2", {"bits": 3}, "bits: with 3 levels .* relays of .* give more bits"),
    ],
)
def test_bits_and_targets_that_are_none(target: str, options: dict[str, Any], message: str) -> None:
    graph = to_nir(layered(0)[0], steps_per_cycle=64, shape="flat")
    with pytest.raises(ValueError, match=message):
        quantize(graph, target, **options)


def test_graphs_that_are_none() -> None:
    with pytest.raises(TypeError, match="graph: expected a NIRGraph, not int; make one"):
        quantize(3, "loihi2")
    with pytest.raises(ValueError, match="dt: NIR files hold no time step"):
        quantize(foreign(), "loihi2")
    with pytest.raises(ValueError, match="dt: 1 s is more than tau of 'lif'"):
        quantize(foreign(), "loihi2", dt=1.0)


def test_neurons_of_other_roles_are_refused() -> None:
    graph = to_nir(layered(0)[0], steps_per_cycle=64, shape="flat")
    recurrent = graph.nodes["l2_rec"]
    relay = Population.of(graph).relays[0]
    for row, column, message in (
        (relay, relay + 3, "2 predecessors"),
        (Population.of(graph).sources[0], 1, "listens to neuron 1"),
        (relay, relay - 1, "never spikes"),
    ):
        weight = recurrent.weight.copy()
        recurrent.weight[row, column] = 1e-3
        with pytest.raises(ValueError, match=f"graph: .*{message}.*export"):
            quantize(graph, "loihi2")
        recurrent.weight = weight


def test_fidelity_reads_classes() -> None:
    net, x = layered(0)
    graph = to_nir(net, steps_per_cycle=N, shape="portable")
    found = fidelity(graph, x, [0, 1], cost=CosineCost(), cycles=60)
    ideal = CosineCost().predict(Ideal().relax(net, x).phases[:, net.outputs])
    assert found.ideal_accuracy == np.mean(ideal == [0, 1])
    assert found.agreement == 1.0
    assert found.accuracy == found.ideal_accuracy
    assert "phase error        median 0.0" in str(found)
    with pytest.raises(ValueError, match="y, cost: one without the other"):
        fidelity(graph, x, [0, 1])


def test_a_portable_graph_is_a_substrate() -> None:
    net, x = layered(0)
    substrate = PortableSubstrate(to_nir(net, steps_per_cycle=N, shape="portable"), 60)
    relaxation = substrate.relax(net, x).raise_for_status()
    ideal = Ideal().relax(net, x, start=np.zeros((2, net.n))).phases
    assert np.abs(wrap(relaxation.phases - ideal)).max() < 0.03
    fast = net.replace(frequency=[0.0] * 8 + [20.0])
    lost = PortableSubstrate(to_nir(fast, steps_per_cycle=N, shape="flat"), 60).relax(fast, x)
    assert not lost.locked.any()
    with pytest.raises(ValueError, match="network: it is not the one in the graph"):
        substrate.relax(fast, x)
    with pytest.raises(ValueError, match="nudge: a NIR graph is static"):
        substrate.relax(net, x, nudge=Nudge(CosineCost(), [0, 1], 0.1))
    with pytest.raises(ValueError, match="start: NIR has no initial state"):
        substrate.relax(net, x, start=np.zeros((2, net.n)))
    with pytest.raises(ValueError, match="cycles: 0 leave no time"):
        PortableSubstrate(substrate.graph, 0)
    with pytest.raises(ValueError, match=r"graph: of shape 'faithful', .* \"flat\"$"):
        PortableSubstrate(to_nir(net, steps_per_cycle=64))
