"""What each term does, through the door of a chip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy
from scipy import stats

from neurosc import Ideal, PhaseNetwork, topology
from neurosc.hw_models import (
    ADC,
    DAC,
    TDC,
    Device,
    FrequencyMismatch,
    ImplausibleValueWarning,
    PhaseNoise,
    PhaseQuantization,
    ReadAveraging,
    StuckAt,
    StuckOscillator,
    SupplyNoise,
    Temperature,
    WeightQuantization,
)
from neurosc.hw_models.terms import KINDS, Term
from neurosc.network import FloatArray, wrap


def big(n: int = 200) -> PhaseNetwork:
    """All pairs, of both signs, none stronger than 1."""
    j = np.triu(np.random.default_rng(0).uniform(-1, 1, (n, n)), 1)
    j[0, 1] = 1.0
    return PhaseNetwork(j + j.T, field=1.0)


def realised(device: Device, network: PhaseNetwork, rng: int = 0) -> PhaseNetwork:
    return device.fabricate(network, rng=rng)[0].program(network)


@pytest.mark.parametrize("sparse", [False, True])
def test_scattered_cells_stick_at_their_shares(sparse: bool) -> None:
    network = big()
    if sparse:
        network = network.replace(coupling=scipy.sparse.csr_array(network.coupling))
    j = realised(Device(StuckAt(0.1, 0.05)), network).coupling
    dense: FloatArray = j.toarray() if sparse else j
    ideal = big().coupling
    above = np.triu_indices(200, 1)
    low = (dense == 0)[above].mean()
    high = ((np.abs(dense) == 1) & (np.abs(ideal) < 1))[above]
    bound = 4.5 * np.sqrt(0.1 * 0.9 / above[0].size)
    assert abs(low - 0.1) < bound
    assert abs(high.mean() - 0.05) < bound
    assert abs((dense[above][high] > 0).mean() - 0.5) < 4.5 * 0.5 / np.sqrt(high.sum())
    same = (dense == ideal)[above].mean()
    assert abs(same - 0.85) < 2 * bound
    assert (dense == dense.T).all()


def test_random_levels_are_uniform_up_to_full_scale_and_spare_the_other_faults() -> None:
    above = np.triu_indices(200, 1)
    ideal = big().coupling[above]
    before = realised(Device(StuckAt(0.1, 0.05)), big()).coupling[above]
    j = realised(Device(StuckAt(0.1, 0.05, share_random=0.2)), big()).coupling[above]
    stuck = before != ideal
    assert (j[stuck] == before[stuck]).all()
    random = (j != ideal) & ~stuck
    assert abs(random.mean() - 0.2) < 4.5 * np.sqrt(0.16 / j.size)
    assert stats.kstest(j[random], stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_faults_leave_phases_measured_from_the_mean() -> None:
    network = topology.all_to_all(12, 2.0).replace(reference="mean", outputs=[1])
    chips = Device(StuckAt(0.5), WeightQuantization(4)).fabricate(network, 4, rng=0)
    assert all(chip.program(network).centred for chip in chips)
    assert chips.relax(network).locked.all()


@pytest.mark.parametrize("pattern", ["rows", "columns"])
def test_lines_stick_as_a_whole(pattern: str) -> None:
    j = realised(Device(StuckAt(0.1, pattern=pattern)), big()).coupling  # type: ignore[arg-type]
    upper = np.where(np.triu(np.ones((200, 200)), 1) > 0, j == 0, np.nan)
    lines = upper if pattern == "rows" else upper.T
    shares = np.array([np.nanmean(line) for line in lines if not np.isnan(line).all()])
    assert set(shares) == {0.0, 1.0}
    assert abs(shares.mean() - 0.1) < 4.5 * np.sqrt(0.1 * 0.9 / 199)


def test_faults_are_where_quantisation_lost_an_edge_too() -> None:
    """Draws follow the couplings that were asked for, whatever became of them."""
    sparse = big().replace(coupling=scipy.sparse.csr_array(big().coupling))
    coarse = Device(StuckAt(0.1, 0.1)) | WeightQuantization(2)
    for network in (big(), sparse):
        found = (realised(d, network).coupling for d in (coarse.only(StuckAt), coarse))
        alone, both = (scipy.sparse.csr_array(j).toarray() for j in found)
        stuck = (alone == 0) | (abs(alone) == 1)
        assert (both[stuck] == alone[stuck]).all()


def test_a_network_in_pieces_still_relaxes() -> None:
    network = topology.all_to_all(12, 2.0)
    for term in (StuckAt(0.5), StuckAt(0.5, pattern="rows"), StuckOscillator(0.5)):
        chips = Device(term).fabricate(network, 5, rng=0)
        found = chips.relax(network)
        assert found.phases.shape == (5, 1, 12)
        assert found.locked.all()


def test_a_stuck_oscillator_is_out_of_the_network(small: PhaseNetwork, samples: FloatArray) -> None:
    device = Device(StuckOscillator(0.4), FrequencyMismatch(0.1))
    chips = device.fabricate(small, 20, rng=0)
    found = chips.relax(small, samples)
    networks = [chip.program(small) for chip in chips]
    dead = np.stack([(np.asarray(net.coupling) == 0).all(axis=1) for net in networks])
    dead[:, small.inputs] = False  # those whose neighbours are all dead
    driven = Ideal().relax(small, samples).phases[:, small.inputs]
    assert (found.phases[..., small.inputs] == driven).all()
    assert abs(dead[:, small.free].mean() - 0.4) < 4.5 * np.sqrt(0.24 / (20 * small.free.size))
    for phases, gone in zip(found.phases, dead, strict=True):
        assert np.ptp(phases[:, gone], axis=0).max(initial=0.0) < 1e-6
    assert found.phases.std(axis=0)[:, small.free].min() > 0.1  # each chip at a phase of its own


def test_runs_differ_in_temperature_and_chips_in_its_effect() -> None:
    network = topology.all_to_all(300)
    device = Device(Temperature(10.0, 2200, 1e9, 0.1), coupling_rad_per_s=1e8)
    chip = device.fabricate(network, rng=0)[0]
    shifts = np.stack([chip.at(run=k).program(network).frequency for k in range(200)])
    sigma = 2 * np.pi * 1e9 * 2200e-6 * 10 / 1e8
    common = shifts.mean(axis=1)
    assert common.std(ddof=1) == pytest.approx(sigma, rel=4.5 / np.sqrt(400))
    spread = shifts / common[:, None]
    np.testing.assert_allclose(spread, np.broadcast_to(spread[:1], spread.shape), rtol=1e-9)
    assert spread[0].std(ddof=1) == pytest.approx(0.1, rel=4.5 / np.sqrt(600))
    assert device.detuning == pytest.approx(sigma * np.sqrt(1.01))
    volts = Device(SupplyNoise(0.01, 2e8, 0.0), coupling_rad_per_s=1e8)
    assert volts.detuning == pytest.approx(2 * np.pi * 2e6 / 1e8)
    assert np.ptp(realised(volts, network).frequency) == 0


def test_relaxations_of_a_run_share_its_temperature(
    small: PhaseNetwork, samples: FloatArray
) -> None:
    chip = Device(Temperature(10.0, 2000, 10.0)).fabricate(small, rng=0)[0]
    one, two = (chip.relax(small, samples, rng=r).phases for r in (1, 2))
    assert (one == two).all()
    assert (chip.at(run=1).relax(small, samples).phases != one).any()


def test_a_dac_clips_and_rounds_the_samples(small: PhaseNetwork, samples: FloatArray) -> None:
    device = Device(DAC(2, -1.0, 1.0))
    x = 3 * samples - 1.5
    entered = np.clip(np.round((np.clip(x, -1, 1) + 1) * 1.5) / 1.5 - 1, -1, 1)
    chips = device.fabricate(small, 2)
    wanted = Ideal().relax(small, entered).phases
    np.testing.assert_allclose(chips[0].relax(small, x).phases, wanted, atol=1e-12)
    np.testing.assert_allclose(chips.relax(small, x).phases[1], wanted, atol=1e-12)
    with pytest.raises(ValueError, match="DAC: the network has no inputs"):
        device.fabricate(topology.all_to_all(3))[0].relax(topology.all_to_all(3))
    with pytest.raises(ValueError, match="x: shape"):
        chips[0].relax(small, x[:, :2])


HELD = PhaseNetwork(np.zeros((40, 40)), field=np.exp(1j * np.linspace(-3, 3, 40)))
"""Oscillators that stand at known phases."""


def read(device: Device, batch: int = 400, rng: int = 1) -> FloatArray:
    """Errors of the read-out, (batch, 40)."""
    chip = device.fabricate(HELD, rng=0)[0]
    found = chip.relax(HELD, start=np.zeros((batch, 40)), rng=rng)
    return wrap(found.phases - np.linspace(-3, 3, 40))


def test_tdc_jitter_has_its_size_and_is_new_in_each_read() -> None:
    errors = read(Device(TDC(3e9, jitter_s=1e-12)))
    assert errors.std() == pytest.approx(2 * np.pi * 3e9 * 1e-12, rel=4.5 / np.sqrt(32000))
    assert np.abs(np.corrcoef(errors.T) - np.eye(40)).max() < 5.5 / np.sqrt(400)
    assert (read(Device(TDC(3e9, jitter_s=1e-12)), rng=2) != errors).all()


def test_tdc_levels() -> None:
    tdc = TDC(1e9, lsb_s=1 / 1e9 / 64)
    assert tdc.bits == pytest.approx(6)
    theta = np.linspace(-np.pi, np.pi, 1001)
    np.testing.assert_allclose(
        np.exp(1j * tdc.on_phases(theta)), np.exp(1j * PhaseQuantization(6).on_phases(theta))
    )


def test_averaged_reads_are_less_noisy_by_the_square_root() -> None:
    device = Device(TDC(3e9, jitter_s=1e-12), ReadAveraging(25))
    one, many = read(device.without(ReadAveraging)), read(device)
    assert one.std() / many.std() == pytest.approx(5, rel=4.5 / np.sqrt(32000) * 1.5)
    assert (read(device)[:7] == read(device, batch=7)).all()


def test_adc_rounds_both_quadratures() -> None:
    theta = np.random.default_rng(0).uniform(-np.pi, np.pi, 50_000)
    for bits in (6, 10):
        errors = wrap(ADC(bits).on_phases(theta) - theta)
        step = 1 / (2 ** (bits - 1) - 1)
        assert errors.std() == pytest.approx(step / np.sqrt(12), rel=0.05)
    noisy = read(Device(ADC(16, 0.01)))
    assert noisy.std() == pytest.approx(0.01, rel=5 / np.sqrt(32000) + 0.01)


def test_read_out_noise_leaves_the_other_draws() -> None:
    device = Device(FrequencyMismatch(0.1), PhaseNoise(1e-3), TDC(1e9, jitter_s=1e-12))
    clean = device.without(TDC).fabricate(HELD, rng=0)[0].relax(HELD, rng=3).phases
    noisy = device.fabricate(HELD, rng=0)[0].relax(HELD, rng=3).phases
    alone = read(device.only(TDC), batch=1, rng=3)
    np.testing.assert_allclose(wrap(noisy - clean), alone, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StuckAt(1.5), "share_low: 1.5 exceeds 1; give it in share"),
        (lambda: StuckAt(0.1, pattern="dots"), "pattern: 'dots' is unknown"),  # type: ignore[arg-type]
        (lambda: StuckOscillator(-0.1), "share: -0.1 is not a number >= 0"),
        (lambda: DAC(4, 1.0, 0.0), "lowest, highest: 1 is not below 0"),
        (lambda: TDC(1e9, jitter_s=1.0), "jitter_s: 1 s exceeds half a period.*1e-12 for 1 ps"),
        (lambda: ReadAveraging(0), "reads: 0 is no whole number from 1"),
        (lambda: ADC(4, 0.1).on_phases(np.zeros(3)), "draw: this read-out is noisy"),
        (
            lambda: Device(ReadAveraging(4), PhaseQuantization(4)).fabricate(HELD),
            "reads: all 4 reads are alike",
        ),
        (
            lambda: Device(PhaseNoise(0.1)).fabricate(HELD)[0].at(run=1),
            "run: no term of the device acts per run",
        ),
        (
            lambda: Device(SupplyNoise(0.1, 1.0)).fabricate(HELD)[0].at(run=-1),
            "run: -1 is no whole number",
        ),
    ],
)
def test_bad_terms(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_stuck_shares_in_percent_warn() -> None:
    with pytest.warns(ImplausibleValueWarning, match=r"share_low: 0.9 is above 0.5"):
        StuckAt(0.9)
    with (
        pytest.warns(ImplausibleValueWarning),
        pytest.raises(
            ValueError, match=r"share_low, share_high, share_random: 0\.7, 0\.4, 0 exceed 1"
        ),
    ):
        StuckAt(0.7, 0.4)


EXAMPLES: dict[str, Any] = {
    "ADC": ADC(5, 0.1),
    "DAC": DAC(3, -1.0),
    "StuckAt": StuckAt(0.1, 0.2, "rows"),
    "TDC": TDC(1e9, 1e-12, 2e-12),
    "Temperature": Temperature(1, 2, 3),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_term_travels_as_json_and_explains_itself(name: str) -> None:
    term: Term = EXAMPLES[name]
    assert KINDS[name] is type(term)
    assert Device.from_json(Device(term).to_json()) == Device(term)
    assert name in Device(term).explain()
    if name == "StuckAt":
        assert "rows" in Device(term).explain()
