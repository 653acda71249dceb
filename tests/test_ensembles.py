"""Several networks relax in one call: the same bits as one by one."""

from __future__ import annotations

import numpy as np
import pytest

from neurosc import (
    CosineCost,
    Encoding,
    Ideal,
    Nudge,
    PhaseNetwork,
    RelaxationError,
    Status,
    topology,
)
from neurosc.hw_models import CouplingMismatch, Device
from tests.conftest import kuramoto


def vowel_like(rng: np.random.Generator) -> PhaseNetwork:
    """2-5-2 oscillators that float; samples are frequencies of the first two."""
    coupling = np.zeros((9, 9))
    coupling[:2, 2:7] = rng.uniform(0.5, 1.5, (2, 5))
    coupling[2:7, 7:] = rng.uniform(0.5, 1.5, (5, 2))
    return PhaseNetwork(
        coupling + coupling.T, rng.normal(0, 0.1, 9),
        inputs=[0, 1], outputs=[7, 8], encoding=Encoding("frequency", 0.2),
    )  # fmt: skip


def without(network: PhaseNetwork, i: int, j: int) -> PhaseNetwork:
    """The network with one edge cut."""
    coupling = network.coupling.copy()
    assert coupling[i, j] != 0
    coupling[i, j] = coupling[j, i] = 0
    return network.replace(coupling=coupling)


ENSEMBLES = {
    "floating": [vowel_like(np.random.default_rng(k)) for k in range(5)],
    "layered": [topology.layered([2, 6, 3], rng=k) for k in range(5)],
    "lags": [
        topology.layered([2, 6, 3], rng=k).replace(
            coupling=1j * (a := np.triu(topology.layered([2, 6, 3], rng=k + 9).coupling)) - 1j * a.T
        )
        for k in range(5)
    ],
    "cut": [without(topology.layered([2, 6, 3], rng=k), 2 + k, 8) for k in range(5)],
    "large": [topology.layered([2, 30, 3], rng=k) for k in range(3)],
}


@pytest.mark.parametrize("beta", [0.0, 0.1])
@pytest.mark.parametrize("name", ENSEMBLES)
def test_all_at_once_is_one_by_one(name: str, beta: float) -> None:
    networks = ENSEMBLES[name]
    x = np.random.default_rng(0).random((40, 2))
    nudge = Nudge(CosineCost(), np.arange(40) % 2, beta)
    together = Ideal().relax_each(networks, x, nudge=nudge)
    assert together.phases.shape == (len(networks), 40, networks[0].n)
    for k, network in enumerate(networks):
        alone = Ideal().relax(network, x, nudge=nudge)
        assert (together.phases[k] == alone.phases).all()
        assert (together.status[k] == alone.status).all()


def test_networks_that_differ_in_topology_relax_one_by_one() -> None:
    one = PhaseNetwork([[0, 1], [1, 0]], [0.1, -0.1])
    anchored = one.replace(field=[0.5, 0.0])
    found = Ideal().relax_each([one, anchored], start=np.zeros((2, 3, 2)))
    assert (found.phases[1] == Ideal().relax(anchored, start=np.zeros((3, 2))).phases).all()


def test_noise_differs_between_networks_but_not_between_runs() -> None:
    noisy, networks = Ideal(noise=0.01, duration=2.0), ENSEMBLES["layered"][:1] * 2
    one, two = (noisy.relax_each(networks, np.zeros((3, 2)), rng=1).phases for _ in range(2))
    assert (one == two).all()
    assert (one[0] != one[1]).any()


def test_blame_is_found_in_the_right_network() -> None:
    good = kuramoto(5, np.random.default_rng(0))
    fast = good.replace(frequency=np.where(np.arange(5) == 3, 20.0, 0.0))
    found = Ideal().relax_each([good, fast])
    assert found.status.tolist() == [[Status.LOCKED], [Status.NOT_LOCKED]]
    assert "oscillator 3" in found.explain(1, 0)
    with pytest.raises(RelaxationError, match=r"1 of 2 .*sample \(1, 0\).*oscillator 3"):
        found.raise_for_status()


def test_chips_run_as_lanes_with_the_bits_of_single_chips() -> None:
    network = ENSEMBLES["layered"][0]
    chips = Device(CouplingMismatch(0.05)).fabricate(network, chips=4, rng=0)
    x = np.random.default_rng(0).random((7, 2))
    together = chips.relax(network, x)
    for k, chip in enumerate(chips):
        assert (together.phases[k] == chip.relax(network, x).phases).all()


def test_bad_ensembles() -> None:
    with pytest.raises(ValueError, match="networks: is empty"):
        Ideal().relax_each([])
    with pytest.raises(ValueError, match=r"networks: have \[4, 5\] oscillators"):
        Ideal().relax_each([kuramoto(n, np.random.default_rng(0)) for n in (4, 5)])
    with pytest.raises(ValueError, match="start: phases of 2 networks for 5"):
        Ideal().relax_each(ENSEMBLES["floating"], np.zeros((1, 2)), start=np.zeros((2, 1, 9)))
