"""The portable compile: relays, periods, and phases against the ideal network."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import neurosc
from neurosc import Encoding, Ideal, PhaseNetwork
from neurosc.export import NIRSubstrate, from_nir, read, simulate, to_nir, write
from neurosc.export.compile import sources
from neurosc.export.metadata import describe
from neurosc.export.portable.compiling import Portable, compile_portable
from neurosc.export.portable.grid_taps import bias, decays_of, grid_taps
from neurosc.export.portable.relays import chain, relay, split
from neurosc.export.portable.signals import decode_outputs, encode_inputs
from neurosc.export.shapes import Shape, population_graph
from neurosc.export.substrate import clock_spikes
from neurosc.network import FloatArray, wrap


def network(seed: int) -> PhaseNetwork:
    """Couplings of one sign and inputs within a radian or so, which lock within 40 cycles."""
    net = neurosc.topology.layered([4, 3, 2], encoding=Encoding("phase", 1.0), rng=seed)
    return net.replace(coupling=3 * np.abs(net.coupling))


def euler(p: Portable, due: npt.NDArray[np.int64], steps: int) -> npt.NDArray[np.bool_]:
    """Spikes (steps, batch, n) of what importers do, in float64."""
    weight, feed = p.weight.T.astype(float), p.feed.T.astype(float)
    i = np.zeros((len(due), p.bias.size))
    v, spikes = i.copy(), i.copy()
    raster = np.zeros((steps, *i.shape), dtype=bool)
    for k in range(steps):
        x = p.bias + spikes @ weight + (due == k % p.steps) @ feed
        i = p.decays.synapse * i + x
        v = p.decays.membrane * v + i
        raster[k] = v > 1
        spikes = raster[k].astype(float)
        v[raster[k]] = 0.0
    return raster


def samples(seed: int, n: int) -> FloatArray:
    """Inputs on the time grid, so that rounding them is not counted as an error."""
    unit = 2 * np.pi / n
    return np.rint(np.random.default_rng(seed).uniform(-1, 1, (2, 4)) / unit) * unit


def worst_errors(
    net: PhaseNetwork, x: FloatArray | None, n: int, pairs: int, *, rest: int, given: bool
) -> FloatArray:
    """Largest error of each sample after some cycles of rest, read over one beat."""
    net = net.replace(outputs=())
    compiled = compile_portable(
        net, eps=0.1, steps_per_cycle=n, pairs=pairs, samples=x if given else None
    )
    graph = population_graph(compiled, 1e-4, nested=False, affine=False, metadata={})
    recording = simulate(
        graph,
        encode_inputs(net, x, n),
        1e-4,
        steps=(rest + compiled.beat) * n,
        record_from=rest * n,
    )
    found = net.encode(x).phases
    found[:, net.free] = decode_outputs(recording, compiled)[0]
    ideal = Ideal().relax(net, x).raise_for_status().phases
    return np.asarray(np.abs(wrap(net.gauge(found) - ideal)).max(axis=1))


@pytest.mark.parametrize("n", [128, 256])
@pytest.mark.parametrize("pairs", [3, 4])
def test_phases_of_well_conditioned_nets(n: int, pairs: int) -> None:
    """Not told their samples."""
    errors = [
        worst_errors(network(seed), samples(seed, n), n, pairs, rest=40, given=False)
        for seed in range(6)
    ]
    assert np.median(errors) <= 0.022, np.median(errors)


def weak(seed: int, n: int) -> tuple[PhaseNetwork, FloatArray]:
    """Couplings of both signs: a torque moves some phases by three to ten times as much."""
    x = np.random.default_rng(seed).random((1, 2))
    return neurosc.topology.layered([2, 5, 2], rng=seed), np.rint(x * n / 4) * (4 / n)


def floating(seed: int, n: int) -> tuple[PhaseNetwork, None]:
    """Twenty sparse oscillators whose frequencies spread the phases by a radian or so."""
    return neurosc.topology.random_graph(20, 4, frequency_spread=0.5, rng=seed), None


@pytest.mark.parametrize(
    ("make", "rest", "n", "pairs", "aim"),
    [
        (weak, 500, 128, 3, 0.03),
        (weak, 500, 256, 4, 0.02),
        (floating, 150, 128, 3, 0.03),
        (floating, 150, 256, 4, 0.02),
    ],
)
def test_phases_of_nets_that_served_no_tuning(
    make: Callable[[int, int], tuple[PhaseNetwork, FloatArray | None]],
    rest: int,
    n: int,
    pairs: int,
    aim: float,
) -> None:
    errors = [
        worst_errors(*make(seed, n), n, pairs, rest=rest, given=True) for seed in range(200, 207)
    ]
    assert np.median(errors) <= aim, np.median(errors)


def test_portable_shapes_have_no_poles() -> None:
    with pytest.raises(ValueError, match=r'^poles: the portable shape has one, .*"faithful"'):
        to_nir(network(0), shape="portable", poles=2)


@pytest.mark.parametrize("steps", [128, 256])
def test_every_latency_in_reach_is_kept_by_the_matrix(steps: int) -> None:
    decays = decays_of(steps)
    for latency in range(1, decays.longest + 1):
        made = relay(decays, latency)
        i = v = 0.0
        for k in range(1, latency + 1):
            i = decays.synapse * i + (made.kick if k == 1 else 0.0)
            v = decays.membrane * v + i
            assert (v > 1) == (k == latency)
        assert decays.synapse * i + made.cancel == pytest.approx(0, abs=1e-14)
    with pytest.raises(ValueError, match=r"latency: .* chain several"):
        relay(decays, decays.longest + 1)


def test_gaps_are_split_where_one_relay_is_too_short() -> None:
    decays = decays_of(256)
    assert split(decays, 0) == ()
    assert split(decays, 20) == (20,)
    assert split(decays, 230) == (76, 77, 77)
    links = chain(decays, (0, 10, 200))
    assert links.taps[:2] == (0, 1)
    assert sum(one.latency for one in links.relays) == 200


@pytest.mark.parametrize(("pairs", "deviation"), [(2, 0.09), (3, 0.06), (4, 0.04)])
def test_taps_make_a_sine(pairs: int, deviation: float) -> None:
    taps = grid_taps(decays_of(256), 256, pairs)
    assert taps.deviation <= deviation
    assert len(taps.delays) == 2 * pairs


def test_relays_keep_time_for_2000_steps() -> None:
    net = network(0)
    compiled = compile_portable(net, steps_per_cycle=128)
    raster = euler(compiled, clock_spikes(net, net.encode(samples(0, 128)).phases, 128).due, 2048)
    for before, after, latency in compiled.relays.tolist():
        np.testing.assert_array_equal(
            raster[latency:, :, after], raster[: 2048 - latency, :, before]
        )
        assert raster[:, :, after].any()
    assert compiled.rehearsal.relay_margin > 1e-3
    assert f"{len(compiled.relays)} relays" in compiled.report()


def test_free_periods() -> None:
    omega = np.array([0.0, 0.5, -0.5])
    net = PhaseNetwork(np.zeros((3, 3)), omega, field=[1e-9] * 3)
    compiled = compile_portable(net, steps_per_cycle=256)
    due = clock_spikes(net, net.encode(None).phases, 256).due
    raster = euler(compiled, due, 100 * 256)[:, 0, compiled.oscillators]
    for spikes, w in zip(raster.T, omega, strict=True):
        period = np.diff(np.flatnonzero(spikes)[5:]).mean()
        assert abs(period - 256 / (1 + 0.1 * w / (2 * np.pi))) < 1


def test_bias_gives_the_period_without_dither() -> None:
    decays = decays_of(128)
    drive, i, v, spikes = float(bias(decays, 128)), 0.0, 0.0, []
    for k in range(2000):
        i = decays.synapse * i + drive
        v = decays.membrane * v + i
        if v > 1:
            v = 0.0
            spikes.append(k)
    assert set(np.diff(spikes)[4:].tolist()) == {128}


def test_channels_are_those_of_the_faithful_shape() -> None:
    net = network(1)
    assert compile_portable(net, steps_per_cycle=64).feed.shape[1] == 2 + sources(net).size


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"encoding": Encoding("amplitude")}, {}, "encoding: amplitude .* use Encoding"),
        ({"second_harmonic": 0.1}, {}, "second_harmonic: .* set second_harmonic to zero"),
        ({}, {"eps": 2.0}, "eps: 2 times .* give eps <="),
        ({}, {"steps_per_cycle": 31}, "steps_per_cycle, pairs: 31 and 3 do not fit; give an even"),
        ({}, {"pairs": 0}, "steps_per_cycle, pairs: .* 1 pair or more"),
    ],
)
def test_what_is_refused(
    changes: dict[str, object], arguments: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compile_portable(network(0).replace(**changes), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", ["portable", "flat"])
def test_the_graph_runs_as_the_compiled_population(shape: Shape, tmp_path: Path) -> None:
    net = network(0)
    compiled = compile_portable(net, steps_per_cycle=128)
    graph = to_nir(net, steps_per_cycle=128, shape=shape)
    write(graph, tmp_path / "net.nir")
    spikes = clock_spikes(net, net.encode(samples(0, 128)).phases, 128)
    for one in (graph, read(tmp_path / "net.nir")):
        recording = simulate(one, spikes, 1e-4, steps=2000)
        (node,) = recording.spikes
        raster = recording.raster(node)
        np.testing.assert_array_equal(raster.swapaxes(0, 1), euler(compiled, spikes.due, 2000))
    assert describe(from_nir(read(tmp_path / "net.nir"))) == describe(net)


def test_the_portable_graph_has_the_form_that_importers_take() -> None:
    graph = to_nir(network(0), steps_per_cycle=128, shape="portable")
    assert list(graph.nodes) == sorted(graph.nodes) == ["input", "l0_in", "l1_osc", "output"]
    assert set(graph.nodes["l1_osc"].nodes) == {"input", "lif", "w_rec", "output"}
    neurons = graph.nodes["l1_osc"].nodes["lif"]
    for name in ("tau_mem", "tau_syn", "r", "w_in", "v_threshold", "v_leak", "v_reset"):
        assert np.ptp(getattr(neurons, name)) == 0
    np.testing.assert_allclose(neurons.r, neurons.tau_mem / 1e-4, rtol=1e-6)
    np.testing.assert_allclose(neurons.w_in, neurons.tau_syn / 1e-4, rtol=1e-6)
    assert graph.check_types()


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shape: 'round' is none; give one of 'faithful'"):
        to_nir(network(0), shape="round")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"graph: of shape 'flat'.* run it with simulate"):
        NIRSubstrate.from_graph(to_nir(network(0), steps_per_cycle=64, shape="flat"))
