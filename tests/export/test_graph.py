"""to_nir and from_nir: what is in the graph, that nothing is lost, and what is refused."""

import json
import subprocess
import sys
from typing import Any

import nir
import numpy as np
import pytest
import scipy

import neurosc
from neurosc import Encoding, PhaseNetwork
from neurosc.export import from_nir, to_nir
from neurosc.export.metadata import KEY, describe
from neurosc.hw_models.spiking import LIF, pair_design


def small(**changes: object) -> PhaseNetwork:
    return neurosc.topology.layered([4, 3, 2], rng=0).replace(**changes)


def networks() -> dict[str, PhaseNetwork]:
    rng = np.random.default_rng(0)
    K = np.tril(rng.standard_normal((7, 7)), -1)
    rounded = (K + K.T) * (1 + 1e-13 * np.triu(rng.standard_normal((7, 7)), 1))
    signed = small().coupling.copy()
    signed[signed == 0] = -0.0
    return {
        "layered": small(),
        "roles": small(held=[5], frequency=rng.standard_normal(9)),
        "inputs in another order": small(inputs=[2, 0, 3, 1], encoding=Encoding("phase", 1 / 3)),
        "floating": PhaseNetwork(K + K.T, rng.standard_normal(7), reference=3),
        "not quite symmetric": PhaseNetwork(rounded),
        "sparse": PhaseNetwork(scipy.sparse.csr_array(K + K.T)),
        "minus zeros": small(coupling=signed),
    }


@pytest.mark.parametrize("name", networks())
def test_the_network_comes_back_to_the_bit(name: str) -> None:
    network = networks()[name]
    back = from_nir(to_nir(network, eps=0.05))
    for field in ("coupling", "frequency", "field", "second_harmonic", "inputs", "outputs", "held"):
        one: Any = getattr(network, field)
        other: Any = getattr(back, field)
        assert scipy.sparse.issparse(one) == scipy.sparse.issparse(other)
        if name == "sparse" and field == "coupling":
            one, other = one.toarray(), other.toarray()
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()
    assert (back.encoding, back.reference) == (network.encoding, network.reference)
    assert describe(back) == describe(network)


def test_one_bit_makes_another_network() -> None:
    network = small()
    field = network.field.copy()
    field[-1] = np.nextafter(field[-1].real, 9) + 1j * field[-1].imag
    assert describe(network.replace(field=field)) != describe(network)


def test_weights_delays_and_drives_are_those_of_the_equations() -> None:
    network = small(frequency=np.linspace(0, 0.4, 9))
    eps, period, n = 0.07, 0.02, 128
    graph = to_nir(network, eps=eps, period=period, steps_per_cycle=n)
    taps, free = pair_design(3, 2, steps_per_cycle=n), network.free
    K, b = network.coupling, network.field[free]
    drive = np.column_stack([b.real, b.imag, K[free][:, network.inputs]])
    dt = period / n
    nodes = graph.nodes
    np.testing.assert_allclose(nodes["coupling"].weight, eps * K[np.ix_(free, free)] / dt)
    np.testing.assert_allclose(nodes["drive"].weight, eps * drive / dt)
    np.testing.assert_allclose(nodes["osc"].v_leak, LIF().current(network.frequency[free], eps))
    np.testing.assert_allclose(nodes["osc"].tau, LIF().tau * period)
    np.testing.assert_array_equal(nodes["osc"].tau, nodes["osc"].r)
    np.testing.assert_allclose(nodes["pole1"].tau, taps.pole * period)
    for m in range(6):
        np.testing.assert_allclose(nodes[f"delay_{m}"].delay, taps.delays[m] * period)
        np.testing.assert_allclose(nodes[f"input_tap_{m}"].scale, taps.weights[m])
        assert taps.delays[m] * n % 1 == pytest.approx(0.5)
    outputs = nodes["readout"].weight @ free
    np.testing.assert_array_equal(outputs, network.outputs)


def test_a_floating_network_turns_with_the_clock() -> None:
    network = neurosc.topology.all_to_all(4, frequency=np.array([1.0, 2.0, 3.0, 4.0]))
    drive = to_nir(network, eps=0.1).nodes["osc"].v_leak
    np.testing.assert_allclose(drive, LIF().current([-1.5, -0.5, 0.5, 1.5], 0.1))


def test_names_and_arrays_are_legal() -> None:
    graph = to_nir(small())
    assert not any("/" in name for name in graph.nodes)
    assert list(graph.metadata) == [KEY]
    assert isinstance(graph.metadata[KEY], str)
    for node in graph.nodes.values():
        for value in vars(node).values():
            assert not isinstance(value, np.ndarray) or value.ndim >= 1
    assert graph.check_types()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoding": Encoding("amplitude")}, "encoding: amplitude .* use Encoding"),
        ({"encoding": Encoding("frequency")}, "encoding: frequency .* use Encoding"),
        ({"second_harmonic": 0.1}, r"second_harmonic: s\[4\] = 0.1.* set second_harmonic to zero"),
        ({"held": range(4, 7), "outputs": ()}, None),
        ({"held": range(4, 9), "outputs": ()}, "network: every oscillator is held.* free some"),
    ],
)
def test_what_pulses_cannot_express(changes: dict[str, object], message: str | None) -> None:
    if message is None:
        to_nir(small(**changes))
        return
    with pytest.raises(ValueError, match=message):
        to_nir(small(**changes))


def test_lags_are_refused() -> None:
    with pytest.raises(ValueError, match=r"coupling: lags .* make the coupling real"):
        to_nir(neurosc.topology.layered([4, 3, 2], lags=True, rng=0))


def test_the_largest_eps_is_stated_and_works() -> None:
    with pytest.raises(ValueError, match=r"eps: 2 times .* give eps <= [\d.]+ or") as caught:
        to_nir(small(), eps=2.0)
    largest = float(str(caught.value).split("give eps <= ")[1].split(" ")[0])
    to_nir(small(), eps=largest)
    with pytest.raises(ValueError, match="eps: "):
        to_nir(small(), eps=1.01 * largest)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"eps": 0.0}, "eps: 0.0 is not a positive"),
        ({"period": -1.0}, "period: -1.0 is not a positive"),
        ({"steps_per_cycle": 100}, "steps_per_cycle: 100 is no multiple of 8"),
        ({"pairs": 0}, "pairs, poles"),
    ],
)
def test_numbers_out_of_range(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_nir(small(), **arguments)  # type: ignore[arg-type]


def test_too_fast_an_oscillator() -> None:
    with pytest.raises(ValueError, match=r"eps: .* detuning .* lower frequency"):
        to_nir(small(frequency=[0] * 8 + [40.0]))


def test_a_foreign_graph_is_described() -> None:
    graph = nir.NIRGraph.from_list(nir.Linear(weight=np.eye(2)), nir.Linear(weight=np.eye(2)))
    with pytest.raises(ValueError, match=r"1 Input, 2 Linear, 1 Output.* only graphs of to_nir"):
        from_nir(graph)
    with pytest.raises(ValueError, match="graph: a str"):
        from_nir("net.nir")


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", json.dumps({"version": 99}), json.dumps({"version": 1})]
)
def test_damaged_metadata(text: str) -> None:
    graph = to_nir(small())
    graph.metadata[KEY] = text
    with pytest.raises(ValueError, match="graph: its metadata 'neurosc' cannot be read"):
        from_nir(graph)


def test_importing_the_package_imports_neither_brian2_nor_nir() -> None:
    code = "import sys, neurosc.export; print({'brian2', 'nir', 'h5py'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
