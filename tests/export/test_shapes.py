"""Forms of one graph: what another reading of NIR changes in it, and that it changes nothing."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import neurosc
from neurosc import Encoding, PhaseNetwork
from neurosc.export import NIRSubstrate, encode_inputs, from_nir, read, simulate, to_nir, write
from neurosc.export.metadata import KEY, describe, unpack
from neurosc.export.portable.compiling import compile_portable

Raster = npt.NDArray[np.bool_]
N = 64
STEPS = 20 * N


def network() -> PhaseNetwork:
    """A net whose couplings all have one sign, so that it moves."""
    net = neurosc.topology.layered([3, 3, 2], encoding=Encoding("phase", 1.0), rng=0)
    return net.replace(coupling=3 * np.abs(net.coupling))


X = np.array([[0.3, -0.6, 0.9], [-0.2, 0.5, 0.1]])


def raster(graph: Any, **options: Any) -> Raster:
    recording = simulate(graph, encode_inputs(network(), X, N), steps=STEPS, **options)
    (node,) = recording.spikes
    return recording.raster(node)


FORMS: dict[str, dict[str, Any]] = {
    "default": {},
    "impulses": {"amplitude": "impulse"},
    "delays contain the step": {"latency": "absorbed"},
    "affine": {"affine": True},
    "all": {"amplitude": "impulse", "latency": "absorbed", "affine": True},
}


@pytest.mark.parametrize("name", FORMS)
def test_read_as_it_was_made_every_form_has_the_same_spikes(name: str) -> None:
    form = FORMS[name]
    reading = {key: value for key, value in form.items() if key != "affine"}
    expected = raster(to_nir(network(), steps_per_cycle=N))
    assert expected.sum() > 100
    np.testing.assert_array_equal(
        raster(to_nir(network(), steps_per_cycle=N, **form), **reading), expected
    )


@pytest.mark.parametrize("form", ["impulses", "delays contain the step"])
def test_read_otherwise_it_has_others(form: str) -> None:
    expected = raster(to_nir(network(), steps_per_cycle=N))
    other = raster(to_nir(network(), steps_per_cycle=N, **FORMS[form]))
    assert (other != expected).any()


def test_what_the_forms_change() -> None:
    plain, period = to_nir(network(), steps_per_cycle=N).nodes, 0.0256
    impulse = to_nir(network(), steps_per_cycle=N, amplitude="impulse").nodes
    late = to_nir(network(), steps_per_cycle=N, latency="absorbed").nodes
    for node in ("drive", "coupling"):
        np.testing.assert_allclose(impulse[node].weight, plain[node].weight * period / N)
        np.testing.assert_array_equal(late[node].weight, plain[node].weight)
    np.testing.assert_array_equal(impulse["osc"].v_leak, plain["osc"].v_leak)
    np.testing.assert_allclose(late["delay_0"].delay, plain["delay_0"].delay + period / N)
    np.testing.assert_array_equal(late["input_delay_0"].delay, plain["input_delay_0"].delay)


def test_the_weights_of_impulses_do_not_depend_on_the_step() -> None:
    weights = [
        to_nir(network(), steps_per_cycle=n, amplitude="impulse").nodes["coupling"].weight
        for n in (N, 2 * N)
    ]
    np.testing.assert_array_equal(*weights)


@pytest.mark.parametrize("shape", ["portable", "flat"])
def test_affine_populations_have_the_same_spikes(shape: Any) -> None:
    plain, affine = (
        to_nir(network(), steps_per_cycle=N, shape=shape, affine=flag) for flag in (False, True)
    )
    np.testing.assert_array_equal(raster(affine), raster(plain))


@pytest.mark.parametrize("shape", ["faithful", "portable", "flat"])
def test_affine_leaves_no_linear(shape: Any) -> None:
    def kinds(graph: Any) -> set[str]:
        found = set()
        for node in graph.nodes.values():
            nested = type(node).__name__ == "NIRGraph"
            found |= kinds(node) if nested else {type(node).__name__}
        return found

    assert "Linear" in kinds(to_nir(network(), steps_per_cycle=N, shape=shape))
    assert "Linear" not in kinds(to_nir(network(), steps_per_cycle=N, shape=shape, affine=True))


def exponential(graph: Any, due: npt.NDArray[np.int64]) -> Raster:
    """What Sinabs makes of its shape, with a reset to zero, in float64."""
    nodes = graph.nodes
    decay, leak = (np.exp(-1 / nodes[k].tau.astype(float)) for k in ("l1_syn", "l2_osc"))
    i = np.zeros((len(due), decay.size))
    v, spikes, rows = i.copy(), i.copy(), []
    for k in range(STEPS):
        x = (due == k % N) @ nodes["l0_in"].weight.T.astype(float) + nodes["l0_in"].bias
        i = decay * i + x + spikes @ nodes["l3_rec"].weight.T.astype(float)
        v = leak * v + i
        spikes = (v > 1).astype(float)
        v[v > 1] = 0.0
        rows.append(spikes == 1)
    return np.stack(rows, axis=1)


def test_the_sinabs_shape_is_the_portable_population_with_exponential_decays() -> None:
    graph = to_nir(network(), steps_per_cycle=N, shape="sinabs")
    assert {type(node).__name__ for node in graph.nodes.values()} == {
        "Input", "Affine", "LI", "LIF", "Output",
    }  # fmt: skip
    np.testing.assert_array_equal(graph.nodes["l1_syn"].r, 1)
    assert unpack(graph)[1].dt == 1
    due = encode_inputs(network(), X, N).due
    expected = raster(to_nir(network(), steps_per_cycle=N, shape="portable"))
    np.testing.assert_array_equal(exponential(graph, due), expected)


def test_the_sinabs_shape_says_nearly_the_same_in_the_equations_of_nir() -> None:
    """Forward Euler decays by 1 - 1/tau, so rhythms differ by part of a step in a cycle."""
    oscillators = compile_portable(network(), steps_per_cycle=N).oscillators
    counts, expected = (
        raster(to_nir(network(), steps_per_cycle=N, shape=shape)).sum(axis=1)[:, oscillators]
        for shape in ("sinabs", "portable")
    )
    assert expected.min() > 15
    assert np.abs(counts - expected).max() <= 1


@pytest.mark.parametrize(
    "form", [*FORMS.values(), {"shape": "portable", "affine": True}, {"shape": "sinabs"}]
)
def test_every_form_gives_the_network_back(form: dict[str, Any], tmp_path: Any) -> None:
    write(to_nir(network(), steps_per_cycle=N, **form), tmp_path / "net.nir")
    graph = read(tmp_path / "net.nir")
    assert describe(from_nir(graph)) == describe(network())
    settings = unpack(graph)[1]
    for name, value in form.items():
        assert getattr(settings, name) == value


def test_files_without_the_new_keys_are_read_as_before() -> None:
    graph = to_nir(network(), steps_per_cycle=N)
    values = json.loads(graph.metadata[KEY])
    for key in ("shape", "amplitude", "latency", "affine"):
        del values[key]
    old = to_nir(network(), steps_per_cycle=N)
    old.metadata[KEY] = json.dumps(values)
    assert unpack(old)[1] == unpack(graph)[1]
    np.testing.assert_array_equal(raster(old), raster(graph))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"amplitude": "two"}, "amplitude: 'two' is none; give one of 'one', 'impulse'"),
        ({"latency": "always"}, "latency: 'always' is none; give one of 'loops', 'absorbed'"),
        (
            {"shape": "portable", "amplitude": "impulse"},
            "amplitude: the portable shape .* leave it out",
        ),
        ({"shape": "flat", "latency": "absorbed"}, 'latency: the flat shape .* shape="faithful"'),
        ({"shape": "sinabs", "period": 0.02}, "period: the sinabs shape .* leave it out"),
        ({"shape": "sinabs", "poles": 2}, "poles: the sinabs shape has one"),
    ],
)
def test_what_does_not_fit_is_refused(form: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_nir(network(), steps_per_cycle=N, **form)


@pytest.mark.parametrize("form", [{"amplitude": "impulse"}, {"latency": "absorbed"}])
def test_brian2_is_not_asked_for_another_reading(form: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"graph: .* run it with simulate"):
        NIRSubstrate.from_graph(to_nir(network(), steps_per_cycle=N, **form))
