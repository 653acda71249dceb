"""One table of methods, one suite: each finds the same equilibria and certifies them."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import scipy

from neurosc import (
    CosineCost,
    CrossEntropy,
    Encoding,
    Ideal,
    Nudge,
    PhaseNetwork,
    Relaxation,
    Status,
    topology,
)
from neurosc.costs import SquaredCosineCost
from neurosc.ideal.blocks import independent_sets
from neurosc.ideal.methods import SOLVERS
from neurosc.network import FloatArray
from tests.conftest import kuramoto, random_coupling

METHODS = tuple(SOLVERS)
ALL_ROUND = tuple(m for m in METHODS if m != "blocks")
"""Methods that take second harmonics and nudges that follow the phases."""
SPARSE = ("sparse", "amg", "direct")
ENTRIES = {
    "gemm": ("multiply",),
    "lanes": ("batch_descend",),
    "newton": ("batch_hessian", "directions", "positive"),
    "pcg": ("rotors", "assess", "begin", "advance"),
    "sparse": ("phasors", "evaluate", "sweep", "largest_lag", "product", "jacobi_cg"),
    "torque": ("batch_torque",),
}
"""Kernels that Python calls."""


def relax(method: str, network: PhaseNetwork, *args: Any, **kwargs: Any) -> Relaxation:
    """By a method, which gets its couplings in the form that suits it."""
    if method in SPARSE:
        network = network.replace(coupling=scipy.sparse.csr_array(network.coupling))
    return Ideal(method).relax(network, *args, **kwargs)  # type: ignore[arg-type]


def plain(*, lags: bool) -> PhaseNetwork:
    """Anchored, without second harmonic: what every method takes."""
    rng = np.random.default_rng(5)
    field = rng.standard_normal(20) + 1j * rng.standard_normal(20)
    return PhaseNetwork(
        random_coupling(20, rng, lags=lags), rng.normal(0, 0.01, 20), field,
        inputs=[0, 1], outputs=[7, 8, 19], encoding=Encoding("phase", 2.0),
    )  # fmt: skip


def in_parts() -> PhaseNetwork:
    """Two floating parts and an anchored one."""
    coupling = scipy.linalg.block_diag(*[kuramoto(n, np.random.default_rng(n)).coupling
                                         for n in (4, 6, 5)])  # fmt: skip
    frequency = np.random.default_rng(0).normal(0, 0.2, 15)
    field = np.where(np.arange(15) == 12, 2.0, 0.0)
    return PhaseNetwork(coupling, frequency, field, reference=[1, 5])


NETWORKS = {
    "real": (plain(lags=False), True),
    "lags": (plain(lags=True), True),
    "layered": (topology.layered([2, 7, 5, 3], rng=1), True),
    "floating": (kuramoto(13, np.random.default_rng(2)), False),
    "parts": (in_parts(), False),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("method", METHODS)
def test_rests_at_the_minimum_that_every_method_finds(method: str, name: str) -> None:
    network, has_inputs = NETWORKS[name]
    x = np.random.default_rng(0).random((40, network.inputs.size)) if has_inputs else None
    near = Ideal("newton").relax(network, x).raise_for_status()
    start = near.phases + np.random.default_rng(1).normal(0, 0.05, near.phases.shape)
    found = relax(method, network, x, start=start).raise_for_status()
    np.testing.assert_allclose(found.phases, near.phases, atol=1e-7)
    assert found.residual.max() <= 1e-10 * max(1.0, network.strength.max())


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-10])
@pytest.mark.parametrize("name", NETWORKS)
def test_lanes_know_what_torque_is_left(name: str, tolerance: float) -> None:
    """Their last step is taken on trust: a bound must hold at the phases that are returned."""
    network, has_inputs = NETWORKS[name]
    x = np.random.default_rng(0).random((200, network.inputs.size)) if has_inputs else None
    start = np.random.default_rng(1).uniform(-1, 1, (200, network.n))
    found = Ideal("lanes", tolerance).relax(network, x, start=start)
    assert found.locked.mean() > 0.95
    amplitude, drift = network.encode(x, len(start)).amplitude, network.frequency
    drift = drift - network.co_rotating(drift[None])[0]
    left = np.abs(network.torque(found.phases, amplitude) - drift)[:, network.free].max(axis=1)
    assert (left <= found.residual + 1e-13).all()
    assert found.residual[found.locked].max() <= tolerance * max(1.0, network.strength.max())


@pytest.mark.parametrize("method", ALL_ROUND)
def test_everything_at_once(method: str, general: PhaseNetwork) -> None:
    x = np.random.default_rng(0).random((40, 2))
    found = relax(method, general, x).raise_for_status()
    torque = general.torque(found.phases, general.encode(x).amplitude)[:, general.free]
    hessian = general.hessian(found.phases, general.encode(x).amplitude)
    assert np.abs(torque).max() < 1e-9
    assert np.linalg.eigvalsh(hessian[:, general.free][:, :, general.free]).min() > 0


@pytest.mark.parametrize("cost", [CosineCost(), SquaredCosineCost(), CrossEntropy()])
@pytest.mark.parametrize("name", ["real", "floating"])
@pytest.mark.parametrize("method", METHODS)
def test_nudges(method: str, name: str, cost: Any) -> None:
    network, has_inputs = NETWORKS[name]
    static = isinstance(cost, CosineCost) and name == "real"
    x = np.random.default_rng(0).random((6, 2)) if has_inputs else None
    labels = np.arange(6) % 2 if has_inputs else [1]
    nudge = Nudge(cost, labels, 0.1)
    if method == "blocks" and not static:
        with pytest.raises(ValueError, match='method: "blocks" takes no second harmonic'):
            relax(method, network, x, nudge=nudge)
        return
    free = Ideal("newton").relax(network, x).raise_for_status()
    exact = Ideal("newton").relax(network, x, nudge=nudge, start=free.phases).raise_for_status()
    found = relax(method, network, x, nudge=nudge, start=free.phases).raise_for_status()
    np.testing.assert_allclose(found.phases, exact.phases, atol=1e-7)
    assert np.abs(exact.phases - free.phases).max() > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_saddles_are_unstable(method: str) -> None:
    """Sweeps over blocks do not stay on one: each oscillator turns to its own minimum."""
    found = relax(method, PhaseNetwork([[0, 1], [1, 0]]), start=[[0.0, np.pi]])
    assert found.status.tolist() == [Status.LOCKED if method == "blocks" else Status.UNSTABLE]


@pytest.mark.parametrize("method", METHODS)
def test_too_much_detuning_does_not_lock(method: str) -> None:
    pair = PhaseNetwork([[0, 1.0], [1.0, 0]], [0, 2.5])
    assert relax(method, pair).status.tolist() == [Status.NOT_LOCKED]


@pytest.mark.parametrize("method", METHODS)
def test_no_unstable_state_is_called_locked(method: str) -> None:
    """From thousands of random phases; frustrated couplings have many saddles."""
    count = 3000 if method not in SPARSE else 300
    rng = np.random.default_rng(7)
    network = PhaseNetwork(random_coupling(10, rng), rng.normal(0, 0.02, 10))
    start = rng.uniform(-np.pi, np.pi, (count, 10))
    found = relax(method, network, start=start)
    assert found.locked.mean() > 0.9
    lowest = np.linalg.eigvalsh(network.hessian(found.phases[found.locked]))
    np.testing.assert_allclose(lowest.min(axis=1), 0, atol=1e-8)
    assert lowest[:, 1].min() > 0
    twice = Ideal("newton").relax(network, start=found.phases[found.locked])
    np.testing.assert_allclose(twice.phases, found.phases[found.locked], atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_left_when_the_steps_run_out(method: str) -> None:
    network = kuramoto(12, np.random.default_rng(0), spread=0.8)
    short = Ideal(method, max_steps=1, tolerance=1e-18)  # type: ignore[arg-type]
    coupling = network.coupling
    if method in SPARSE:
        coupling = scipy.sparse.csr_array(coupling)
    found = short.relax(network.replace(coupling=coupling))
    assert found.status.tolist() == [Status.STEP_LIMIT]
    assert 0 < found.residual[0] < np.inf


@pytest.mark.parametrize("name", ["real", "lags", "layered"])
@pytest.mark.parametrize("method", METHODS)
def test_bits_know_no_batch(method: str, name: str) -> None:
    network, _ = NETWORKS[name]
    x = np.random.default_rng(3).random((70, 2))
    whole = relax(method, network, x).phases
    order = np.random.default_rng(4).permutation(70)
    assert (relax(method, network, x[order]).phases == whole[order]).all()
    for size in (1, 2, 7, 33):
        assert (relax(method, network, x[:size]).phases == whole[:size]).all()


@pytest.mark.parametrize("lags", [False, True])
@pytest.mark.parametrize("n", [33, 40, 50, 300])
def test_products_know_no_batch_at_any_size(n: int, lags: bool) -> None:
    """Rows of products must not depend on their neighbours, nor on where they stand."""
    rng = np.random.default_rng(n)
    network = kuramoto(n, rng).replace(inputs=range(n), outputs=(), encoding=Encoding("frequency"))
    if lags:
        turn = np.exp(1j * rng.normal(0, 0.3, n))
        network = network.replace(coupling=network.coupling * turn[:, None] * turn.conj())
    x = rng.normal(0, 0.3, (200, n))
    whole = Ideal("pcg").relax(network, x).raise_for_status().phases
    order = rng.permutation(200)
    assert (Ideal("pcg").relax(network, x[order]).phases == whole[order]).all()
    for rows in (slice(1), slice(5), slice(64), slice(37, 38), slice(198, 200)):
        assert (Ideal("pcg").relax(network, x[rows]).phases == whole[rows]).all()


@pytest.mark.parametrize("method", METHODS)
def test_kernels_see_arrays_of_one_layout(method: str) -> None:
    """For others numba compiles anew, and code that sums in another order gives other bits."""
    network, _ = NETWORKS["layered"]
    for size in (1, 7, 70):
        x = np.random.default_rng(3).random((size, 2))
        relax(method, network, x, nudge=Nudge(CosineCost(), np.zeros(size, dtype=int), 0.1))
    compiled = [
        signature
        for module, names in ENTRIES.items()
        for name in names
        for signature in getattr(
            importlib.import_module(f"neurosc.ideal.kernels.{module}"), name
        ).signatures
    ]
    assert compiled
    for signature in compiled:
        arrays = [str(a) for argument in signature for a in getattr(argument, "types", [argument])]
        arrays = [array for array in arrays if array.startswith("array")]
        assert arrays == [a for a in arrays if a.endswith(" C)") and "readonly" not in a]


def test_lanes_refuse_what_leaves_the_cache() -> None:
    with pytest.raises(ValueError, match='40 free oscillators exceed the 32 of method="lanes"'):
        Ideal("lanes").relax(kuramoto(40, np.random.default_rng(0)))


def test_blocks_of_a_layered_network_are_its_layers() -> None:
    adjacent = topology.layered([2, 4, 3], rng=0).blocks[0] != 0
    found = independent_sets(adjacent)
    assert [part.tolist() for part in found] == [[0, 1, 2, 3], [4, 5, 6]]


def test_block_sweeps_never_raise_the_energy() -> None:
    network = topology.layered([2, 6, 4], rng=3)
    x = np.random.default_rng(0).random((5, 2))
    rng = np.random.default_rng(1)
    theta: FloatArray = rng.uniform(-3, 3, (5, 12))
    energies = []
    for _ in range(30):
        theta = Ideal("blocks", max_steps=1, tolerance=1e-15).relax(network, x, start=theta).phases
        energies.append(network.energy(theta, network.encode(x).amplitude))
    assert (np.diff(energies, axis=0) <= 1e-12).all()
