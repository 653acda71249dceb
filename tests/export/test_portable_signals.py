"""Samples as spikes and spikes as phases."""

import numpy as np
import pytest

import neurosc
from neurosc import Encoding, Ideal
from neurosc.costs import CosineCost
from neurosc.export import simulate, to_nir
from neurosc.export.portable.compiling import compile_portable
from neurosc.export.portable.signals import decode_outputs, encode_inputs


def test_phases_and_classes_of_a_graph_are_those_of_the_ideal_network() -> None:
    n, read = 128, 79
    net = neurosc.topology.layered([4, 3, 2], encoding=Encoding("phase", 1.0), rng=0)
    net = net.replace(coupling=3 * np.abs(net.coupling))
    x = np.random.default_rng(0).uniform(-1, 1, (3, 4))
    program = compile_portable(net, steps_per_cycle=n)
    graph = to_nir(net, steps_per_cycle=n, shape="portable")
    steps = (40 + read) * n
    recording = simulate(graph, encode_inputs(net, x, n), steps=steps, record_from=40 * n)
    (node,) = recording.spikes
    phases, classes = decode_outputs(recording.raster(node), program, CosineCost())
    ideal = Ideal().relax(net, x).phases[:, net.outputs]
    assert np.abs(neurosc.network.wrap(phases - ideal)).max() < 0.05
    assert classes is not None
    np.testing.assert_array_equal(classes, CosineCost().predict(ideal))


def test_rasters_that_do_not_fit() -> None:
    net = neurosc.topology.layered([4, 3, 2], rng=0)
    program = compile_portable(net, steps_per_cycle=64)
    with pytest.raises(ValueError, match=r"raster: shape .* give"):
        decode_outputs(np.zeros((1, 10, 3)), program)
    with pytest.raises(ValueError, match="raster: output 0 of sample 0 never spikes"):
        decode_outputs(np.zeros((1, 10, program.bias.size), dtype=bool), program)
