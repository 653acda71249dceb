"""Large sparse networks: the same answers as the dense solver, certificates, gradients."""

from __future__ import annotations

import importlib.util

import numpy as np
import numpy.typing as npt
import pytest
import scipy

from neurosc import CosineCost, CrossEntropy, Ideal, Nudge, PhaseNetwork, Status, topology, verify
from neurosc.ideal.sparse import preconditioners
from neurosc.network import FloatArray
from tests.conftest import random_coupling

needs_pyamg = pytest.mark.skipif(
    importlib.util.find_spec("pyamg") is None, reason="needs the extra neurosc[grids]"
)

METHODS = ["sparse", "direct", pytest.param("amg", marks=needs_pyamg), "auto"]
SPARSE = Ideal("sparse")


@pytest.fixture(params=METHODS)
def ideal(request: pytest.FixtureRequest) -> Ideal:
    """Every method for sparse couplings."""
    return Ideal(request.param)


def sparse(network: PhaseNetwork) -> PhaseNetwork:
    """The same network with its coupling stored sparse."""
    return network.replace(coupling=scipy.sparse.csr_array(network.coupling))


def test_agrees_with_the_dense_solver(general: PhaseNetwork, ideal: Ideal) -> None:
    x = np.random.default_rng(0).random((10, 2))
    dense = Ideal("newton").relax(general, x).raise_for_status()
    found = ideal.relax(sparse(general), x, start=dense.phases + 0.05).raise_for_status()
    assert found.residual.max() < 1e-9
    np.testing.assert_allclose(found.phases, dense.phases, atol=1e-8)


@pytest.mark.parametrize("lags", [False, True])
def test_a_layered_network_starts_with_its_feed_forward_pass(ideal: Ideal, lags: bool) -> None:
    network = topology.layered([20, 400, 30], lags=lags, rng=0)
    x = np.random.default_rng(1).random((3, 20))
    dense = Ideal("newton").relax(network, x).raise_for_status()
    found = ideal.relax(sparse(network), x).raise_for_status()
    np.testing.assert_allclose(found.phases, dense.phases, atol=1e-8)


@pytest.mark.parametrize("cost", [CosineCost(), CrossEntropy()])
def test_nudges_act_on_outputs_and_reference(cost: CosineCost, ideal: Ideal) -> None:
    network = topology.random_graph(60, 4, frequency_spread=0.3, rng=2).replace(outputs=[7, 30])
    dense = network.replace(coupling=network.coupling.toarray())
    for beta in (0.1, -0.1):
        nudge = Nudge(cost, [1], beta)
        one, two = ideal.relax(network, nudge=nudge), Ideal("newton").relax(dense, nudge=nudge)
        np.testing.assert_allclose(one.raise_for_status().phases, two.phases, atol=1e-8)


def test_bits_do_not_depend_on_batch_or_history(ideal: Ideal) -> None:
    start = np.random.default_rng(0).uniform(-np.pi, np.pi, (6, 441))
    network = topology.grid((21, 21), frequency_spread=0.05, rng=0)
    together = ideal.relax(network, start=start)
    later = ideal.relax(network, start=start[4:])
    fresh = ideal.relax(network.replace(), start=start[4:])
    np.testing.assert_array_equal(together.phases[4:], later.phases)
    np.testing.assert_array_equal(together.phases[4:], fresh.phases)


@pytest.mark.parametrize(
    "network",
    [
        topology.random_graph(20_000, 6, frequency_spread=0.3, rng=0),
        topology.grid((60, 60), frequency_spread=0.05, rng=0),
        topology.grid((5, 6, 7), frequency_spread=0.1, rng=0),
        topology.grid((3, 1500), frequency_spread=0.001, rng=0),
    ],
    ids=["6-regular", "grid", "3-d grid", "ladder"],
)
def test_large_networks_lock(network: PhaseNetwork, ideal: Ideal) -> None:
    if ideal.method == "direct" and network.coupling.nnz > 1e5:
        pytest.skip("a factor of an expander is dense")
    relaxed = ideal.relax(network).raise_for_status()
    torque = network.torque(relaxed.phases) - network.frequency.mean()
    assert np.abs(torque).max() <= 1e-10 * network.strength.max()
    assert relaxed.phases[0, 0] == 0


SMALL = {
    "ring and chords": topology.random_graph(12, 4, frequency_spread=0.2, rng=1),
    "grid": topology.grid((4, 5), frequency_spread=0.05, rng=1),
    "signs": sparse(PhaseNetwork(random_coupling(10, np.random.default_rng(5)))),
    "lags": sparse(PhaseNetwork(random_coupling(10, np.random.default_rng(6), lags=True))),
    "second harmonic": topology.grid((3, 4)).replace(second_harmonic=np.linspace(-0.5, 1, 12)),
    "alone": PhaseNetwork(
        scipy.sparse.csr_array(np.pad(np.eye(9)[::-1] * (np.arange(9) != 4), 1)),
        second_harmonic=np.linspace(-1, 1, 12)[1:],
    ),
    "fields": topology.random_graph(12, 4, rng=1).replace(field=np.exp(1j * np.arange(12.0))),
}


@pytest.mark.parametrize("name", SMALL)
def test_nothing_unstable_is_called_locked(name: str, ideal: Ideal) -> None:
    """From random phases, with a nudge that is feedback, against dense eigenvalues."""
    _check_stability(SMALL[name], ideal, 80 if ideal.method == "sparse" else 15)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_nothing_unstable_is_called_locked_in_thousands(name: str, ideal: Ideal) -> None:
    _check_stability(SMALL[name], ideal, 3000)


def _check_stability(network: PhaseNetwork, ideal: Ideal, count: int) -> None:
    network = network.replace(outputs=[3, 8])
    starts = np.random.default_rng(3).uniform(-np.pi, np.pi, (count, network.n))
    for nudge in (None, Nudge(CrossEntropy(), np.arange(count) % 2, -0.2)):
        relaxed = ideal.relax(network, start=starts, nudge=nudge)
        assert relaxed.locked.mean() > 0.9
        phases = relaxed.phases[relaxed.locked]
        lowest = np.linalg.eigvalsh(_hessians(network, phases, nudge, relaxed.locked))
        floats = network.parts.max() + 1
        assert np.abs(lowest[:, :floats]).max(initial=0) < 1e-9
        assert lowest[:, floats].min() > 0


def _hessians(
    network: PhaseNetwork,
    phases: FloatArray,
    nudge: Nudge | None,
    locked: npt.NDArray[np.bool_],
) -> FloatArray:
    """d2(E + beta C), dense."""
    hessian = np.array(network.hessian(phases))
    if nudge is not None:
        seen = network.relative(phases)[:, network.outputs]
        frame = np.eye(network.n)[network.outputs]
        rows = np.arange(len(network.outputs))
        held = network.frame[network.outputs]
        frame[rows[held >= 0], held[held >= 0]] -= 1
        own = nudge.cost.hessian(seen, np.asarray(nudge.target)[locked])
        hessian += nudge.beta * frame.T @ own @ frame
    return hessian


def test_rest_on_a_saddle_is_unstable(ideal: Ideal) -> None:
    """Every way to turn a grid's row by pi is at rest, and none is stable."""
    network = topology.grid((10, 12))
    broken = np.zeros((9, 10, 12))
    for k in range(9):
        broken[k, : k + 1] = np.pi
    relaxed = ideal.relax(network, start=broken.reshape(9, -1))
    assert (relaxed.status == Status.UNSTABLE).all()


def test_the_certificate_of_a_large_frustrated_network() -> None:
    """One edge of opposite sign: stable up to a known strength, whatever the size."""
    network = topology.random_graph(10_000, 6, rng=0).replace(reference=0)
    j = network.coupling.tolil()
    first = network.coupling.indices[0]
    laplacian = scipy.sparse.diags_array(np.asarray(j.sum(axis=1)).ravel()) - j.tocsr()
    pull = np.zeros(10_000)
    pull[[0, first]] = 1, -1
    potential = scipy.sparse.linalg.cg(laplacian, pull, rtol=1e-12)[0]
    resistance = potential[0] - potential[first]  # the network is stable up to w = 1 - 1/R
    for margin, expected in ((1e-3, Status.LOCKED), (-1e-3, Status.UNSTABLE)):
        j[0, first] = j[first, 0] = 1 - 1 / resistance + margin
        edited = network.replace(coupling=j.tocsr())
        relaxed = Ideal().relax(edited, start=np.zeros(10_000))
        assert relaxed.status.tolist() == [expected]


@needs_pyamg
def test_multigrid_leaves_the_global_generator_alone() -> None:
    np.random.seed(3)  # noqa: NPY002
    before = np.random.random(3)  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    Ideal("amg").relax(topology.grid((40, 40), frequency_spread=0.05, rng=0))
    np.testing.assert_array_equal(np.random.random(3), before)  # noqa: NPY002


def test_without_pyamg_a_message_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(preconditioners, "_has_pyamg", lambda: False)
    monkeypatch.setattr(preconditioners, "DIRECT_WORK", {False: 0.0})
    network = topology.grid((150, 150), frequency_spread=0.05, rng=0)
    with pytest.raises(ImportError, match=r"pip install 'neurosc\[grids\]'"):
        Ideal("amg").relax(network)
    for _ in range(2):
        Ideal().relax(network).raise_for_status()
    assert [r.message for r in caplog.records if "neurosc[grids]" in r.message] != []
    assert len(caplog.records) == 1


def test_a_ring_may_lock_twisted_and_a_saddle_is_unstable() -> None:
    ring = topology.random_graph(12, 2)
    twisted = 2 * np.pi * np.arange(12) / 12
    broken = np.where(np.arange(12) == 5, np.pi, 0.0)
    relaxed = SPARSE.relax(ring, start=np.stack([twisted, broken, np.zeros(12)]))
    assert relaxed.status.tolist() == [Status.LOCKED, Status.UNSTABLE, Status.LOCKED]


def test_too_much_detuning_is_not_locked() -> None:
    network = topology.random_graph(500, 4, rng=0)
    fast = np.where(np.arange(500) == 9, 20.0, 0.0)
    assert SPARSE.relax(network.replace(frequency=fast)).status.tolist() == [Status.NOT_LOCKED]


def test_a_certificate_without_positive_weights_takes_the_eigenvalue() -> None:
    """Frustrated couplings, small (dense) and large (Lanczos)."""
    for n in (100, 2500):
        rng = np.random.default_rng(n)
        network = topology.random_graph(n, 4, rng=n)
        sign = rng.choice([-1.0, 1.0], n)
        flipped = scipy.sparse.diags_array(sign) @ network.coupling @ scipy.sparse.diags_array(sign)
        other = topology.random_graph(n, 4, strength=0.02, rng=n + 1).coupling
        frustrated = PhaseNetwork(scipy.sparse.csr_array(flipped - other), reference=0)
        start: FloatArray = np.where(sign * sign[0] > 0, 0.0, np.pi)
        assert SPARSE.relax(frustrated, start=start).status.tolist() == [Status.LOCKED]
        assert SPARSE.relax(frustrated, start=np.zeros(n)).status.tolist() != [Status.LOCKED] or (
            np.abs(SPARSE.relax(frustrated, start=np.zeros(n)).phases).max() > 0.1
        )


def test_two_phase_gradient_of_a_large_network() -> None:
    network = topology.random_graph(5000, 6, frequency_spread=0.3, rng=0)
    network = network.replace(outputs=[10, 2000])
    found = verify.agreement(
        network, None, [0], cost=CosineCost(), betas=(1e-1, 1e-2), schemes=("symmetric",)
    )
    assert found[1].relative_error < 1e-4
    assert verify.slope(found, "symmetric") == pytest.approx(2, abs=0.1)


def test_dense_kernels_refuse_what_they_cannot_hold() -> None:
    with pytest.raises(ValueError, match='use method="sparse"'):
        Ideal("newton").relax(topology.random_graph(5000, 4))


@pytest.mark.parametrize("degree", [0, 3, 10])
def test_bad_degrees(degree: int) -> None:
    with pytest.raises(ValueError, match="degree"):
        topology.random_graph(10, degree)


@pytest.mark.parametrize("shape", [(), (1, 1), (0, 4)])
def test_bad_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        topology.grid(shape)


def test_an_unreachable_tolerance_ends_at_rounding(ideal: Ideal) -> None:
    """Nothing but the rotation is left in the torque then, and it has no curvature."""
    network = topology.grid((12, 13), frequency_spread=0.05, rng=0)
    rest = ideal.relax(network).raise_for_status()
    last = Ideal(ideal.method, tolerance=1e-18, max_steps=5).relax(network, start=rest.phases)
    assert last.residual[0] < 1e-14
    np.testing.assert_allclose(last.phases, rest.phases, atol=1e-8)


def test_large_grids_lock_from_random_phases_with_their_vortices() -> None:
    network = topology.grid((45, 45), frequency_spread=0.05, rng=0)
    start = np.random.default_rng(0).uniform(-np.pi, np.pi, (3, network.n))
    relaxed = Ideal().relax(network, start=start).raise_for_status()
    for hessian in network.hessian(relaxed.phases):
        np.linalg.cholesky(hessian[1:, 1:])  # raises unless positive with the first pinned
