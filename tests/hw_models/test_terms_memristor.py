"""Memristive arrays: golden numbers of the cells, and what chips make of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy

from neurosc import Ideal, PhaseNetwork
from neurosc.hw_models import (
    PCM,
    CellTable,
    ConductanceDrift,
    CouplingMismatch,
    Device,
    GlobalDriftCompensation,
    IRDrop,
    ProgrammingNoise,
    ReadNoise,
    ReRAMHfOx,
    ReRAMWan2022,
    WeightQuantization,
)
from neurosc.hw_models.terms.cells import Cell, Row
from neurosc.network import FloatArray

DAY = 86_400.0
G = np.array([1.0, 5.0, 12.5, 25.0])
TABLE = CellTable((Row(0, 0.3, 0.1, 0.02), Row(10, 0.5, 0.05, 0.1), Row(20, 0.9, 0.05, 0.2)))


def test_pcm_has_the_golden_numbers() -> None:
    """Values of aihwkit's PCMLikeNoiseModel, printed to four digits."""
    pcm = PCM()
    for found, golden in (
        (pcm.programming_sigma(G), [0.3402, 0.60956, 0.95271, 1.05538]),
        (pcm.drift_exponent(G)[0], [0.07429, 0.04935, 0.049, 0.049]),
        (pcm.drift_exponent(G)[1], [0.03434, 0.01422, 0.008, 0.008]),
        (pcm.read_quality(G), [0.07131, 0.02505, 0.01381, 0.0088]),
        (pcm.read_sigma(G, G, 0.0) / G, [0.2983, 0.1048, 0.0578, 0.0368]),
    ):
        np.testing.assert_allclose(found, golden, rtol=0, atol=1e-4)
    assert np.isfinite(pcm.drift_exponent(np.zeros(1))).all()


def test_reram_has_the_golden_numbers() -> None:
    """Sums of the published coefficients, by hand."""
    wan, full = ReRAMWan2022(), np.array([40.0])
    for time_s, sigma in ((1.0, 1.103), (DAY, 2.651), (2 * DAY, 2.677)):
        np.testing.assert_allclose(wan.sigma(full, time_s), sigma, atol=1e-9)
    middle = wan.sigma(full, np.sqrt(DAY))  # halfway in the logarithm
    np.testing.assert_allclose(middle, (1.103 + 2.651) / 2, atol=1e-9)
    with pytest.raises(ValueError, match=r"time_s: .* after the last measurement"):
        wan.sigma(full, 3 * DAY)
    hfox = np.array([9.0, 88.2])
    np.testing.assert_allclose(ReRAMHfOx().programming_sigma(hfox), [0.01043018, 0.09507835])
    np.testing.assert_allclose(ReRAMHfOx(2.0).programming_sigma(hfox), [0.11283097, 1.00702035])
    drifted = ReRAMHfOx().drifted(hfox, hfox, DAY, np.zeros(2))
    np.testing.assert_allclose(drifted - hfox, -0.089 * np.log(DAY), rtol=1e-12)
    up = ReRAMHfOx().drifted(hfox, hfox, DAY, np.ones(2)) - drifted
    np.testing.assert_allclose(up, 0.0420 * np.log(DAY) + 0.4118, rtol=1e-12)
    read = ReRAMHfOx().read_sigma(hfox, np.array([10.0, 100.0]), 1.0)
    np.testing.assert_allclose(read, 0.02773 * np.sqrt(np.log(500_000.5)) * np.array([1, 2]))


def ring(value: float, n: int = 4000) -> PhaseNetwork:
    """A ring of couplings `value`, and one of 1 that sets the full scale."""
    i = np.arange(n)
    values = np.full(n, value)
    values[0] = 1.0
    j = scipy.sparse.csr_array((values, (i, (i + 1) % n)), shape=(n, n))
    return PhaseNetwork(j + j.T, reference=0)


def held(chip_network: PhaseNetwork) -> FloatArray:
    """The couplings of a ring but the first."""
    n = chip_network.n
    return np.asarray(chip_network.coupling[np.arange(1, n), np.arange(2, n + 1) % n]).ravel()


@pytest.mark.parametrize("cell", [PCM(), ReRAMWan2022(), ReRAMHfOx(2.0), TABLE])
def test_programming_scatters_each_cell_of_a_pair(cell: Cell) -> None:
    low, high = cell.range_us
    network = ring(0.5)
    chip = Device(ProgrammingNoise(cell)).fabricate(network, rng=0)[0]
    found = held(chip.program(network)) * (high - low)
    plus = low + 0.5 * (high - low)
    draws = np.random.default_rng(1).standard_normal((2, 400_000))
    expected = np.maximum(
        plus + cell.programming_sigma(np.array([plus])) * draws[0], 0
    ) - np.maximum(low + cell.programming_sigma(np.array([low])) * draws[1], 0)
    assert abs(found.mean() - expected.mean()) < 4.5 * expected.std() / np.sqrt(found.size)
    assert found.std() == pytest.approx(expected.std(), rel=4.5 / np.sqrt(2 * found.size))


def test_an_array_without_noise_holds_what_was_written(small: PhaseNetwork) -> None:
    turned = np.triu(small.coupling * np.exp(0.3j))
    lags = small.replace(coupling=turned + turned.conj().T)
    for network in (small, lags, ring(0.3, 50)):
        device = Device(ConductanceDrift(PCM()))
        found = device.fabricate(network)[0].program(network)
        difference = abs(found.coupling - network.coupling).max()
        assert difference < 1e-14
        np.testing.assert_allclose(found.field, network.field, atol=1e-14)


def test_couplings_that_nobody_asked_for_have_no_cell(small: PhaseNetwork) -> None:
    device = Device(ProgrammingNoise(PCM()), WeightQuantization(2))
    found = device.fabricate(small, rng=0)[0].program(small)
    coarse = Device(WeightQuantization(2)).fabricate(small)[0].program(small).coupling
    assert (found.coupling[small.coupling == 0] == 0).all()
    assert found.coupling[(small.coupling != 0) & (coarse == 0)].any()


def test_writing_again_draws_again_and_the_same_weights_do_not() -> None:
    network = ring(0.5, 100)
    chip = Device(ProgrammingNoise(PCM()), CouplingMismatch(0.01)).fabricate(network, rng=0)[0]
    first = held(chip.program(network))
    assert (held(chip.program(network)) == first).all()
    assert (held(chip.at(writing=1).program(network)) != first).all()
    nearly = network.replace(coupling=network.coupling * (1 + 1e-12))
    assert (np.abs(held(chip.program(nearly)) - first) > 1e-9).all()
    mismatch = Device(CouplingMismatch(0.01)).fabricate(network, rng=0)[0]
    one, two = (held(mismatch.program(net)) for net in (network, nearly))
    np.testing.assert_allclose(one, two, rtol=1e-11)


def test_pcm_drifts_as_a_power_of_time() -> None:
    network = ring(1.0)
    chip = Device(ConductanceDrift(PCM())).fabricate(network, rng=0)[0]
    for time_s in (20.0, DAY):
        found = held(chip.at(time_s=time_s).program(network))
        nu = -np.log(found) / np.log((time_s + 20) / 20)
        assert nu.mean() == pytest.approx(0.049, abs=4.5 * 0.008 / np.sqrt(nu.size))
        assert nu.std() == pytest.approx(0.008, rel=4.5 / np.sqrt(2 * nu.size))
    half = Device(ConductanceDrift(PCM(), 0.5)).fabricate(network, rng=0)[0].at(time_s=DAY)
    np.testing.assert_allclose(1 - held(half.program(network)), (1 - found) / 2)


def test_read_noise_is_new_in_each_relaxation_and_drift_is_not() -> None:
    network = ring(0.5, 60).replace(frequency=np.linspace(-0.05, 0.05, 60))
    terms = ProgrammingNoise(PCM()), ConductanceDrift(PCM()), ReadNoise(PCM())
    chips = Device(*terms).fabricate(network, 2, rng=0).at(time_s=DAY)
    chip, ideal = chips[0], Ideal().relax(network)
    one, two, same = (chip.relax(network, rng=r).phases for r in (1, 2, 1))
    assert (one == same).all()
    assert not np.allclose(one, two)
    assert np.abs(chips.relax(network, rng=1).phases[0] - one).max() == 0
    still = Device(*terms[:2]).fabricate(network, rng=0)[0].at(time_s=DAY)
    assert (still.relax(network, rng=1).phases == still.relax(network, rng=2).phases).all()
    assert (chip.program(network).coupling != still.program(network).coupling).nnz == 0
    assert (
        Device(*terms).scale(0).fabricate(network)[0].relax(network).phases == ideal.phases
    ).all()


def test_read_noise_has_its_size() -> None:
    """Seen through an oscillator that a field of known size turns against a frequency."""
    n = 4000
    network = PhaseNetwork(scipy.sparse.csr_array((n, n)), frequency=0.5, field=1.0)
    chip = Device(ReadNoise(PCM(), 0.2)).fabricate(network, rng=0)[0]
    phases = chip.relax(network, rng=0).phases[0]
    field = 0.5 / np.sin(phases)
    plus = 0.2 * PCM().read_sigma(np.array([25.0]), np.array([25.0]), 0.0)[0] / 25
    assert field.std() == pytest.approx(plus, rel=5 / np.sqrt(2 * n))


def test_wires_lose_voltage_as_in_the_formula() -> None:
    rng = np.random.default_rng(0)
    n = 30
    j = np.triu(rng.uniform(-1, 1, (n, n)), 1)
    j = 3 * (j + j.T)
    w = j / np.abs(j).max()
    drop = IRDrop(2.0, wire_ohm=200.0)
    factor = np.ones((n, n))
    for i in range(n):
        a = np.abs(w[i]).sum() * n / (1 / (200.0 * 5e-6))
        c = a * (a * (0.05 * a - 0.2) + 0.5)
        for k in range(n):
            factor[i, k] = 1 - 2.0 * c * (1 - (1 - k / n) ** 2)
    wanted = j * (factor + factor.T) / 2
    assert np.abs(wanted - j).max() > 0.05
    for coupling in (j, scipy.sparse.csr_array(j)):
        network = PhaseNetwork(coupling)
        found = Device(drop).fabricate(network)[0].program(network).coupling
        dense = found if isinstance(found, np.ndarray) else found.toarray()
        np.testing.assert_allclose(dense, wanted, atol=1e-13)
    # golden: load 10, n = 100, .35 Ohm, 5 uS: a = 1.75e-3, c = 8.7438778e-4
    assert IRDrop().loss(10.0, 100, 100) == pytest.approx(8.7438777e-4, abs=1e-10)


def test_arrays_travel_as_json() -> None:
    for cell in (PCM(), ReRAMWan2022(), ReRAMHfOx(2.0), TABLE):
        device = Device(ProgrammingNoise(cell, 0.5), ConductanceDrift(cell), IRDrop())
        if cell.has_read_noise:
            device |= ReadNoise(cell)
        assert Device.from_json(device.to_json()) == device
        assert type(cell).__name__ in device.explain()


def test_a_table_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    head = "read_sigma_us,conductance_us,programming_sigma_us,drift_exponent"
    path.write_text(f"{head}\n.02,0,.3,.1\n.1,10,.5,.05\n.2,20,.9,.05\n")
    assert CellTable.read_csv(path) == TABLE
    path.write_text(f"{head}\n.02,0,.3,.1\n.1,10,,.05\n.2,20,.9,.05\n")
    with pytest.raises(ValueError, match="row 1 has programming_sigma_us = nan; fill the gap"):
        CellTable.read_csv(path)
    path.write_text("conductance_us\n1\n2\n")
    with pytest.raises(ValueError, match=r"path: .* has no column programming_sigma_us"):
        CellTable.read_csv(path)


NETWORK = ring(0.5, 10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CellTable((Row(0, 1, 1, 1),)), "rows: shape .* two or more rows"),
        (lambda: CellTable((Row(1, 1, 1, 1), Row(1, 1, 1, 1))), "does not increase at row 1"),
        (lambda: CellTable(TABLE.rows, t0_s=0.0), "t0_s: 0"),
        (lambda: ReRAMHfOx(1.0), "acceptance_percent: 1.0 was not measured"),
        (
            lambda: ReadNoise(ReRAMWan2022()),
            "cell: .* was not measured",
        ),
        (lambda: ProgrammingNoise(PCM(), -1.0), "scale: -1 is not a number >= 0"),
        (
            lambda: Device(ProgrammingNoise(PCM()), ReadNoise(ReRAMHfOx())),
            "terms: are on different cells",
        ),
        (
            lambda: Device(ProgrammingNoise(PCM())).fabricate(NETWORK)[0].at(time_s=1.0),
            "time_s: no term of the device acts with time",
        ),
        (
            lambda: Device(ReadNoise(PCM())).fabricate(NETWORK)[0].at(time_s=-1.0),
            "time_s: -1.0 is no time",
        ),
        (
            lambda: Device(CouplingMismatch(0.1)).fabricate(NETWORK)[0].at(writing=1),
            "writing: no term of the device acts on what is written",
        ),
        (Device().fabricate(NETWORK)[0].at, "at: nothing is given"),
    ],
)
def test_bad_arrays(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_what_is_no_cell_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"cell: 'PCM' is no kind of cell; give such as PCM\(\)"):
        ReadNoise("PCM")  # type: ignore[arg-type]


def test_one_factor_makes_up_for_drift_on_average() -> None:
    network = ring(1.0)
    terms = ProgrammingNoise(PCM()), ConductanceDrift(PCM()), GlobalDriftCompensation(PCM())
    chip = Device(*terms).fabricate(network, rng=0)[0]
    fresh = held(chip.program(network))
    assert (fresh == held(Device(*terms[:2]).fabricate(network, rng=0)[0].program(network))).all()
    later = chip.at(time_s=DAY)
    assert np.abs(held(later.program(network))).mean() == pytest.approx(
        np.abs(fresh).mean(), rel=1e-3
    )
    drifted = Device(*terms[:2]).fabricate(network, rng=0)[0].at(time_s=DAY).program(network)
    lost = held(drifted).mean()
    assert lost < 0.72 * fresh.mean()
    ratio = held(later.program(network)) / held(drifted)
    np.testing.assert_allclose(ratio, ratio[0])  # one factor for all
    spread = (held(later.program(network)) / fresh).std()
    nu = 0.008 * np.log((DAY + 20) / 20)
    assert spread == pytest.approx(nu, rel=0.1)  # what it cannot mend
    half = Device(*terms[:2], GlobalDriftCompensation(PCM(), 0.5)).fabricate(network, rng=0)[0]
    between = held(half.at(time_s=DAY).program(network)).mean()
    assert between == pytest.approx((lost + fresh.mean()) / 2, rel=0.02)


def test_compensation_multiplies_read_noise_and_needs_drift() -> None:
    network = ring(0.5, 60).replace(frequency=np.linspace(-0.05, 0.05, 60))
    terms = ConductanceDrift(PCM()), ReadNoise(PCM()), GlobalDriftCompensation(PCM())
    chip = Device(*terms).fabricate(network, rng=0)[0].at(time_s=DAY)
    one, two = (chip.relax(network, rng=r).raise_for_status().phases for r in (1, 2))
    assert (one[:, 1:] != two[:, 1:]).all()
    assert Device.from_json(Device(*terms).to_json()) == Device(*terms)
    gone = Device(*terms).scale(0, GlobalDriftCompensation).fabricate(network, rng=0)[0]
    plain = Device(*terms[:2]).fabricate(network, rng=0)[0]
    assert (gone.relax(network, rng=1).phases == plain.relax(network, rng=1).phases).all()
    with pytest.raises(ValueError, match=r"GlobalDriftCompensation: .* add ConductanceDrift"):
        Device(terms[2]).fabricate(network)
