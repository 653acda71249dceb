"""Chips and samples as one batch in time: the bits of each chip alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy
from threadpoolctl import threadpool_limits

from neurosc import CrossEntropy, Encoding, Ideal, Nudge, PhaseNetwork, topology
from neurosc.hw_models import (
    TDC,
    CouplingAsymmetry,
    CouplingHarmonics,
    CouplingMismatch,
    Device,
    FlickerFrequencyNoise,
    FrequencyMismatch,
    PhaseLag,
    PhaseNoise,
    StuckAt,
)
from neurosc.ideal import ensemble, packing, tile_couplings, tiles
from neurosc.ideal.packing import LANES, pack
from neurosc.network import FloatArray, IntArray

MISMATCH = Device(FrequencyMismatch(0.05), CouplingMismatch(0.05), PhaseNoise(1e-3))
DEVICES = {
    "noise": MISMATCH,
    "no energy": MISMATCH.without(PhaseNoise)
    | Device(PhaseLag(0.1, 0.01), CouplingAsymmetry(0.1), CouplingHarmonics(0.2, 0.1)),
    "all": MISMATCH
    | Device(PhaseLag(0.1), CouplingHarmonics(0.2), FlickerFrequencyNoise(0.05, 1e-3, 0.1, 1))
    | TDC(1e9, 0.0, 1e-12)
    | StuckAt(0.05),
}


def same(one: Any, other: Any) -> None:
    assert (one.phases == other.phases).all()
    assert (one.status == other.status).all()
    assert (one.residual == other.residual).all()


@pytest.mark.parametrize("batch", [1, 6])
@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
def test_a_chip_among_many_is_the_chip_alone(
    device: Device, batch: int, small: PhaseNetwork, samples: FloatArray
) -> None:
    chips = device.fabricate(small, 70, rng=1)
    x = samples[:batch]
    together = chips.relax(small, x, rng=2)
    assert together.phases.shape == (70, batch, small.n)
    for k in (0, 37, 69):
        alone = chips[k].relax(small, x, rng=2)
        assert (alone.phases == together.phases[k]).all()
        assert (alone.residual == together.residual[k]).all()
        assert alone.explain(0) == together.explain(k, 0)
    few = batch // 2 + 1
    same(chips.relax(small, x[:few], rng=2), first(together, few))
    part = chips[20:50].relax(small, x, rng=2)
    assert (part.phases == together.phases[20:50]).all()
    assert len(np.unique(together.phases[:, 0, -1])) > 45


def first(found: Any, samples: int) -> Any:
    """The first samples of all chips."""
    return type(found)(
        found.phases[:, :samples], found.status[:, :samples], found.residual[:, :samples]
    )


def test_bits_know_neither_threads_nor_tasks_nor_chunks(
    small: PhaseNetwork, samples: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    chips = DEVICES["all"].fabricate(small, 40, rng=1)
    whole = chips.relax(small, samples[:3], rng=2)
    with threadpool_limits(2):
        same(chips.relax(small, samples[:3], rng=2), whole)

    def backwards(run: Callable[[slice], None], total: int, size: int) -> None:
        for begin in reversed(range(0, total, size)):
            run(slice(begin, min(begin + size, total)))

    monkeypatch.setattr(tiles, "TASK", 1)
    monkeypatch.setattr(tiles, "over_chunks", backwards)
    same(chips.relax(small, samples[:3], rng=2), whole)
    monkeypatch.setattr(ensemble, "ROWS", 10)
    same(chips.relax(small, samples[:3], rng=2), whole)


def test_a_processor_whose_blas_adds_otherwise_gets_tiles_of_one_chip(
    small: PhaseNetwork, samples: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    chips = MISMATCH.fabricate(small, 20, rng=1)
    whole = chips.relax(small, samples[:3], rng=2)
    monkeypatch.setattr(tiles, "is_shared_order", lambda *_: False)
    apart = chips.relax(small, samples[:3], rng=2)
    np.testing.assert_allclose(apart.phases, whole.phases, atol=1e-9)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("m", [5, 30, 65])
def test_lanes_with_matrices_of_their_own(m: int, precision: Any) -> None:
    """The sum that each of them gets is the product, whatever BLAS does to the last bit."""
    from neurosc.ideal.kernels.steps import each_product

    draw = np.random.default_rng(0)
    a = draw.standard_normal((LANES, m, m)).astype(precision)
    x = draw.standard_normal((m, 2, LANES)).astype(precision)
    found = np.empty((m, 2 * LANES), precision)
    side = tile_couplings._side_by_side(list(a))
    each_product(side, x.reshape(m, -1), found, LANES)
    expected = np.einsum("bij,jkb->ikb", a.astype(float), x.astype(float))
    close = 1e-12 if precision == "float64" else 3e-5
    np.testing.assert_allclose(found.reshape(m, 2, LANES), expected, atol=close * np.sqrt(m))


@pytest.mark.parametrize("form", ["dense", "sparse", "feedback", "large", "frequency", "faults"])
def test_several_networks_step_as_each_alone(form: str) -> None:
    rng = np.random.default_rng(0)
    sizes = [2, 40, 3] if form in ("sparse", "large") else [2, 6, 3]
    networks = [topology.layered(sizes, rng=k) for k in range(12)]
    if form == "sparse":
        networks = [scipy_network(k) for k in range(6)]
    if form == "frequency":  # each sample has a step and an end of its own
        networks = [n.replace(encoding=Encoding("frequency", 9.0), reference=0) for n in networks]
    if form == "faults":  # several topologies
        cut = networks[3].coupling.copy()
        cut[-1], cut[:, -1] = 0, 0
        networks[3] = networks[3].replace(coupling=cut, field=0.0, reference=[2, 10])
    x = rng.random((5, 2))
    nudge = Nudge(CrossEntropy(), np.arange(5) % 3, 0.3) if form == "feedback" else None
    ideal = Ideal("steps", noise=1e-3)
    if form != "frequency":
        ideal = Ideal("steps", noise=1e-3, duration=6.0)
    found = ideal.relax_each(networks, x, nudge=nudge, rng=3)
    for k in range(len(networks)):
        pair = [networks[k], networks[(k + 1) % len(networks)]]
        again = ideal.relax_each([*networks[:k], *pair], x[:2], nudge=cut_nudge(nudge), rng=3)
        assert (again.phases[k] == found.phases[k, :2]).all()
    quiet = Ideal("steps", duration=6.0).relax_each(networks, x)
    for k, network in enumerate(networks):
        alone = Ideal("steps", duration=6.0).relax(network, x)
        assert (alone.phases == quiet.phases[k]).all()
        assert (alone.status == quiet.status[k]).all()


def cut_nudge(nudge: Nudge | None) -> Nudge | None:
    """For the first two samples."""
    return None if nudge is None else Nudge(nudge.cost, np.asarray(nudge.target)[:2], nudge.beta)


def scipy_network(seed: int) -> PhaseNetwork:
    """Few edges."""
    dense = topology.layered([2, 40, 3], rng=seed)
    keep = np.triu(np.random.default_rng(seed).random(dense.coupling.shape) < 0.2)
    return dense.replace(coupling=scipy.sparse.csr_array(dense.coupling * (keep | keep.T)))


def test_the_step_of_a_sample_is_its_own() -> None:
    """A sample with a fast oscillator does not shorten the steps of the others."""
    network = topology.layered([2, 6, 3], rng=0).replace(
        encoding=Encoding("frequency", 1.0), reference=0
    )
    x = np.array([[0.1, 0.2], [90.0, -90.0]])
    ideal = Ideal(noise=1e-3)
    both, one = (ideal.relax(network, rows, rng=0).phases for rows in (x, x[:1]))
    assert (both[:1] == one).all()


def lanes_of(member: IntArray, shares: bool = True) -> list[set[int]]:
    found = pack(member, np.zeros(len(member), dtype=np.intp), LANES, shares)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(member)))
    assert max(map(len, found)) <= LANES
    return [set(member[rows].tolist()) for rows in found]


def test_what_chips_have_left_over_shares_tiles() -> None:
    thousand = np.arange(1000)
    assert len(lanes_of(thousand)) == -(-1000 // LANES)
    assert len(lanes_of(thousand, shares=False)) == 1000
    full = np.repeat(np.arange(3), 2 * LANES + 5)
    assert sorted(map(len, lanes_of(full))) == [1] * 6 + [3]
    nearly = np.repeat(np.arange(3), LANES - 5)  # too much to gain by it
    assert len(nearly) * packing.SHARED_PRICE > LANES
    assert lanes_of(nearly) == [{0}, {1}, {2}]


def test_those_with_about_as_many_steps_share_a_tile() -> None:
    member, steps = np.arange(128), np.tile([10, 1000], 64)
    for rows in pack(member, steps, LANES, True):
        assert len(set(steps[rows].tolist())) == 1
