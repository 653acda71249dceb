"""Large sparse networks: the same answers as the dense solver, certificates, gradients."""

from __future__ import annotations

import numpy as np
import pytest
import scipy

from neurosc import CosineCost, CrossEntropy, Ideal, Nudge, PhaseNetwork, Status, topology, verify
from neurosc.network import FloatArray

SPARSE = Ideal("sparse")


def test_agrees_with_the_dense_solver(general: PhaseNetwork) -> None:
    x = np.random.default_rng(0).random((10, 2))
    dense = Ideal("newton").relax(general, x).raise_for_status()
    network = general.replace(coupling=scipy.sparse.csr_array(general.coupling))
    for start in (None, dense.phases + 0.05):
        found = SPARSE.relax(network, x, start=start).raise_for_status()
        assert found.residual.max() < 1e-9
    np.testing.assert_allclose(found.phases, dense.phases, atol=1e-8)


@pytest.mark.parametrize("cost", [CosineCost(), CrossEntropy()])
def test_nudges_act_on_outputs_and_reference(cost: CosineCost) -> None:
    network = topology.random_graph(60, 4, frequency_spread=0.3, rng=2).replace(outputs=[7, 30])
    dense = network.replace(coupling=network.coupling.toarray())
    nudge = Nudge(cost, [1], 0.1)
    one, two = SPARSE.relax(network, nudge=nudge), Ideal("newton").relax(dense, nudge=nudge)
    np.testing.assert_allclose(one.raise_for_status().phases, two.phases, atol=1e-8)


@pytest.mark.parametrize(
    "network",
    [
        topology.random_graph(20_000, 6, frequency_spread=0.3, rng=0),
        topology.grid((60, 60), frequency_spread=0.05, rng=0),
        topology.grid((5, 6, 7), frequency_spread=0.1, rng=0),
    ],
    ids=["6-regular", "grid", "3-d grid"],
)
def test_large_networks_lock(network: PhaseNetwork) -> None:
    relaxed = SPARSE.relax(network).raise_for_status()
    torque = network.torque(relaxed.phases) - network.frequency.mean()
    assert np.abs(torque).max() <= 1e-10 * network.strength.max()
    assert relaxed.phases[0, 0] == 0


def test_nothing_unstable_is_called_locked() -> None:
    rng = np.random.default_rng(3)
    network = topology.random_graph(12, 4, frequency_spread=0.2, rng=1)
    relaxed = SPARSE.relax(network, start=rng.uniform(-np.pi, np.pi, (300, 12)))
    assert relaxed.locked.mean() > 0.9
    lowest = np.linalg.eigvalsh(network.hessian(relaxed.phases[relaxed.locked]))
    assert lowest[:, 1].min() > 0


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
