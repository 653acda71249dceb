"""The phase-gradient identity on the published test networks."""

from __future__ import annotations

from typing import Any

import pytest

from neurosc import topology, verify


@pytest.mark.parametrize("n", [6, 25, 60])
def test_identity_of_dense_networks(n: int) -> None:
    found = verify.identity(verify.random_kuramoto(n, rng=1))
    table: Any = verify.identity_table([found]).set_index(["scheme", "beta"])
    assert found.residual < 1e-9
    assert found.finite_difference_error < 1e-7
    assert table.loc[("symmetric", 0.01), "relative_error"] < 1e-4
    assert table.loc[("symmetric", 0.001), "cosine"] > 1 - 1e-12
    assert verify.slope(found.agreements, "symmetric") == pytest.approx(2, abs=0.1)
    assert verify.slope(found.agreements, "one-sided") == pytest.approx(1, abs=0.1)


def test_identity_of_a_large_sparse_network() -> None:
    network = topology.random_graph(10_000, 6, frequency_spread=0.3, rng=0)
    found = verify.identity(network.replace(outputs=[3000, 7000]), betas=(1e-2, 1e-3))
    best = found.agreements[1]
    assert (best.scheme, best.beta) == ("symmetric", 1e-3)
    assert 1 - best.cosine < 1e-10
    assert best.relative_error < 1e-5


def test_the_same_rng_makes_the_same_network() -> None:
    one, two = (verify.random_kuramoto(10, rng=3) for _ in range(2))
    assert (one.coupling == two.coupling).all()
    with pytest.raises(ValueError, match="n: 3 oscillators are too few"):
        verify.random_kuramoto(3)
