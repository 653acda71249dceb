"""The phase-gradient identity on the published test networks, and its witnesses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy

from neurosc import (
    CosineCost,
    CrossEntropy,
    Encoding,
    Ideal,
    LogCosineCost,
    PhaseNetwork,
    SquaredCosineCost,
    SynchronyCost,
    autograd,
    implicit_gradient,
    plots,
    topology,
    verify,
)
from neurosc.costs import Cost
from neurosc.finite_differences import finite_differences
from neurosc.ideal.connectivity import algebraic_connectivity
from tests.conftest import kuramoto

BETAS = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 1e-2, 1e-3, 1e-4)


@pytest.mark.parametrize("n", [6, 25, 60, 100, 200])
def test_identity_reaches_the_published_figures(n: int) -> None:
    """Published: cosine 1.000000 at beta = 1e-4 for N = 6 to 200, residual at most 8.4e-14."""
    found = verify.identity(verify.random_kuramoto(n, rng=0), betas=BETAS, rng=0)
    assert found.residual < 8.4e-14
    assert found.finite_difference.cosine > 1 - 1e-12
    assert found.finite_difference.relative_error < 1e-9
    table: Any = verify.identity_table([found]).set_index(["scheme", "beta"])
    for scheme in ("one-sided", "symmetric", "holomorphic 4", "holomorphic 8"):
        assert table.loc[(scheme, 1e-4), "cosine"] > 1 - 5e-7
    assert table.loc[("symmetric", 1e-4), "relative_error"] < 1e-6
    assert table.loc[("holomorphic 8", 0.3), "relative_error"] < 1e-10
    orders = verify.slopes(found.agreements)
    assert orders["one-sided"] == pytest.approx(1, abs=0.05)
    assert orders["symmetric"] == pytest.approx(2, abs=0.05)
    assert orders["holomorphic 4"] == pytest.approx(4, abs=0.05)
    assert orders["holomorphic 8"] == pytest.approx(8, abs=0.05)


@pytest.mark.parametrize(
    "network",
    [
        verify.random_regular(10_000, rng=0),
        topology.grid((60, 60), frequency_spread=0.05, rng=0).replace(
            reference="mean", outputs=range(5, 3600, 40)
        ),
    ],
    ids=["6-regular", "grid"],
)
def test_identity_of_large_sparse_networks_with_many_outputs(network: PhaseNetwork) -> None:
    """A balanced nudge of 1e-3 of the algebraic connectivity is exact to 1e-4 at any size."""
    betas = verify.betas(network, (1e-2, 1e-3))
    found = verify.identity(network, betas=betas, schemes=("symmetric",))
    assert found.automatic is None
    assert found.edges == network.coupling.nnz // 2
    assert found.finite_difference.relative_error < 1e-6
    best = found.agreements[1]
    assert (best.scheme, best.beta) == ("symmetric", betas[1])
    assert 1 - best.cosine < 1e-10
    assert best.relative_error < 1e-6


@pytest.mark.slow
def test_identity_at_a_million() -> None:
    network = verify.random_regular(1_000_000, rng=0)
    found = verify.agreement(
        network, None, [0], cost=CosineCost(), betas=verify.betas(network, [1e-3]),
        schemes=("symmetric",),
    )  # fmt: skip
    assert 1 - found[0].cosine < 1e-8
    assert found[0].relative_error < 1e-4


def test_the_algebraic_connectivity_is_the_lowest_eigenvalue(small: PhaseNetwork) -> None:
    for network in (
        topology.random_graph(300, 6, frequency_spread=0.3, rng=0),
        topology.grid((12, 20), frequency_spread=0.05, rng=0),
        small.replace(coupling=scipy.sparse.csr_array(small.coupling)),
    ):
        x = np.full((2, network.inputs.size), 0.4) if network.inputs.size else None
        phases = Ideal().relax(network, x).raise_for_status().phases
        dense = network.replace(coupling=network.coupling.toarray())
        exact = algebraic_connectivity(dense, phases, x)
        free = np.ix_(network.free, network.free)
        values = np.linalg.eigvalsh(network.hessian(phases[0])[free])
        assert exact[0] == pytest.approx(values[network.parts.max() + 1], rel=1e-8)
        found = algebraic_connectivity(network, phases, x)
        np.testing.assert_allclose(found, exact, rtol=0.03)
        assert (found > exact * (1 - 1e-9)).all()


def test_a_nudge_past_the_stability_edge_has_no_numbers() -> None:
    network = PhaseNetwork([[0.0]], 0.3, 1.0, outputs=[0])
    lost, kept = verify.agreement(
        network, None, np.array([[0.0]]), cost=CosineCost(), betas=(0.8, 0.01),
        schemes=("symmetric",),
    )  # fmt: skip
    assert np.isnan([lost.cosine, lost.relative_error]).all()
    assert kept.relative_error < 1e-3


def test_finite_differences_are_of_fourth_order() -> None:
    network = kuramoto(6, np.random.default_rng(0))
    exact = implicit_gradient(network, None, cost=SynchronyCost(), on=verify.EXACT)
    direction = np.random.default_rng(1).standard_normal(6)
    errors = [
        finite_differences(
            network, None, cost=SynchronyCost(), directions=direction, learn=("frequency",), size=h
        )[0] - exact.frequency @ direction
        for h in (0.1, 0.05)
    ]  # fmt: skip
    assert np.log2(errors[0] / errors[1]) == pytest.approx(4, abs=0.2)
    with pytest.raises(ValueError, match="directions: 9 columns are 3 too many"):
        finite_differences(
            network, None, cost=SynchronyCost(), directions=np.ones(9), learn=("frequency",)
        )


def test_the_same_rng_makes_the_same_network() -> None:
    one, two = (verify.random_kuramoto(10, rng=3) for _ in range(2))
    assert (one.coupling == two.coupling).all()
    with pytest.raises(ValueError, match="n: 3 oscillators are too few"):
        verify.random_kuramoto(3)


def test_figure_has_a_panel_a_network_and_a_line_a_scheme(tmp_path: Path) -> None:
    found = [
        verify.identity(verify.random_kuramoto(n, rng=0), betas=(1.0, 0.1)) for n in (5, 6, 7, 8)
    ]
    rows: Any = verify.identity_table(found).to_dict("records")
    figure = plots.gradient_errors(rows)
    assert [ax.get_title() for ax in figure.axes] == ["N = 5", "N = 6", "N = 7", "N = 8"]
    assert all(len(ax.lines) == 4 for ax in figure.axes)
    figure.savefig(tmp_path / "errors.png")


needs_torch = pytest.mark.skipif(not autograd.is_installed(), reason=autograd.INSTALL)
WEIGHTS = np.random.default_rng(0).standard_normal((3, 2)) * (1 + 0.4j)
COSTS: list[Cost] = [
    CosineCost(), LogCosineCost(), SquaredCosineCost(), CrossEntropy(), CrossEntropy(WEIGHTS),
    SynchronyCost(),
]  # fmt: skip


@needs_torch
@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: type(cost).__name__)
def test_autograd_agrees_with_every_parameter(general: PhaseNetwork, cost: Cost) -> None:
    x = np.random.default_rng(1).random((4, 2))
    y = [0, 1, 1, 0] if cost.has_target else None
    one = implicit_gradient(general, x, y, cost=cost)
    two = autograd.autograd_gradient(general, x, y, cost=cost)
    assert two.loss == pytest.approx(one.loss, abs=1e-12)
    for name in ("frequency", "coupling", "field", "second_harmonic"):
        exact = two.vector(name)
        np.testing.assert_allclose(one.vector(name), exact, atol=1e-10 * np.abs(exact).max())


@needs_torch
def test_autograd_of_frequency_coded_and_sparse_floating_networks() -> None:
    network = topology.random_graph(30, 4, frequency_spread=0.2, rng=1)
    network = network.replace(outputs=[3, 20], inputs=[7], encoding=Encoding("frequency", 0.5))
    x = np.array([[0.3], [-0.4]])
    one = implicit_gradient(network, x, [0, 1], cost=CosineCost())
    two = autograd.autograd_gradient(network, x, [0, 1], cost=CosineCost())
    np.testing.assert_allclose(two.vector(), one.vector(), atol=1e-10)
    assert np.abs(one.frequency).max() > 0.01


def test_without_pytorch_the_message_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(autograd, "is_installed", lambda: False)
    network = verify.random_kuramoto(6, rng=0)
    with pytest.raises(ImportError, match=r"pip install 'neurosc\[verify\]'"):
        autograd.autograd_gradient(network, None, [0], cost=CosineCost())
    assert verify.identity(network).automatic is None
