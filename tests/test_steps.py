"""Stepping through time: numbers, agreement of all its forms, order of convergence, laws."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from neurosc import (
    CosineCost,
    CrossEntropy,
    Ideal,
    LogCosineCost,
    Nudge,
    PhaseNetwork,
    Status,
    topology,
)
from neurosc.ideal import tile_couplings, tiles
from neurosc.ideal.kernels import philox, trig
from neurosc.network import FloatArray
from tests.conftest import few_edges, kuramoto

SCHEMES: tuple[tiles.Scheme, ...] = ("heun", "euler-maruyama")
N = 30


# ------------------------------------------------------------------------------------- numbers


def test_sincos_is_exact_to_rounding() -> None:
    rng = np.random.default_rng(0)
    near = np.pi / 4 * np.arange(-40, 41)
    angles = np.concatenate([rng.uniform(-10, 10, 5001), rng.uniform(-1e6, 1e6, 5000), near])
    c, s = np.empty_like(angles), np.empty_like(angles)
    trig.sincos(angles, c, s)
    np.testing.assert_allclose(c, np.cos(angles), rtol=0, atol=2.3e-16)
    np.testing.assert_allclose(s, np.sin(angles), rtol=0, atol=2.3e-16)
    single = np.array([trig.cos_sin_single(a) for a in angles])
    np.testing.assert_allclose(single[:, 0], np.cos(angles), rtol=0, atol=1.5e-7)
    np.testing.assert_allclose(single[:, 1], np.sin(angles), rtol=0, atol=1.5e-7)


def test_philox_known_answers() -> None:
    """The vectors of Random123."""
    words = philox.philox(*(np.uint64(0),) * 6)
    assert [int(w) for w in words] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    ones = (np.uint64(0xFFFFFFFF),) * 6
    assert [int(w) for w in philox.philox(*ones)] == [
        0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD,
    ]  # fmt: skip
    pi = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0)
    assert [int(w) for w in philox.philox(*(np.uint64(w) for w in pi))] == [
        0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1,
    ]  # fmt: skip


def test_box_muller_is_what_it_says() -> None:
    rng = np.random.default_rng(0)
    edges = np.array([0, 1, 2**31, 2**32 - 1], dtype=np.uint32)
    length = np.concatenate([edges, rng.integers(0, 2**32, 4000, dtype=np.uint32)])
    turn = np.concatenate([edges[::-1], rng.integers(0, 2**32, 4000, dtype=np.uint32)])
    x, y = np.empty(length.size, np.float32), np.empty(length.size, np.float32)
    philox.box_muller(length, turn, x, y)
    radius = np.sqrt(-2 * np.log(((length >> 1) + 0.5) / 2**31))
    np.testing.assert_allclose(np.hypot(x, y), radius, rtol=2e-6, atol=3e-4)
    assert np.hypot(x, y).max() < 6.8
    angle = np.arctan2(y.astype(float), x.astype(float))
    assert stats.kstest(angle[4:], stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3


def noise(n: int, batch: int, count: int, rng: int) -> FloatArray:
    """The normal numbers (batch, count, n) of a run, seen through free oscillators."""
    free = PhaseNetwork(np.zeros((n, n)), reference=range(n))
    times = np.arange(count + 1.0)
    ideal = Ideal("steps", noise=0.5, dt=1.0, scheme="euler-maruyama")
    return np.diff(
        ideal.record(free, times=times, start=np.zeros((batch, n)), rng=rng).phases, axis=1
    )


def test_noise_is_normal_and_white() -> None:
    drawn = noise(101, 70, 20, rng=3)
    assert stats.kstest(drawn.ravel(), "norm").pvalue > 1e-3
    assert stats.kurtosis(drawn.ravel()) == pytest.approx(0, abs=4.5 * np.sqrt(24 / drawn.size))
    for axis in range(3):
        one, other = np.moveaxis(drawn, axis, 0)[:-1], np.moveaxis(drawn, axis, 0)[1:]
        far = np.moveaxis(drawn, axis, 0)
        for a, b in ((one, other), (far[: len(far) // 2], far[len(far) - len(far) // 2 :])):
            assert abs(np.mean(a * b)) < 4.5 / np.sqrt(a.size)


# ---------------------------------------------------------------------------------- agreement


NUDGES: dict[str, Callable[[int], Nudge | None]] = {
    "free": lambda _: None,
    "field": lambda batch: Nudge(CosineCost(), np.arange(batch) % 2, 2.0),
    "feedback": lambda batch: Nudge(CrossEntropy(), np.arange(batch) % 2, 2.0),
}


def in_numpy(
    network: PhaseNetwork,
    x: FloatArray,
    nudge: Nudge | None,
    kicks: FloatArray,
    dt: float,
    heun: bool,
) -> FloatArray:
    """The equation and the schemes as textbooks have them, from phase 0."""
    phases, free = network.encode(x).phases.copy(), network.free

    def torque(theta: FloatArray) -> FloatArray:
        out = network.torque(theta)
        if nudge is not None:
            slope = nudge.cost.gradient(theta[:, network.outputs], nudge.target)
            out[:, network.outputs] -= nudge.beta * slope
        return out[:, free]

    for k in range(kicks.shape[1]):
        first = torque(phases)
        trial = phases.copy()
        trial[:, free] += dt * first + kicks[:, k]
        second = torque(trial) if heun else first
        phases[:, free] += 0.5 * dt * (first + second) + kicks[:, k]
    return phases


@pytest.mark.parametrize("nudge", NUDGES)
@pytest.mark.parametrize("lags", [False, True])
def test_every_form_is_the_textbook_scheme(lags: bool, nudge: str) -> None:
    x = np.random.default_rng(1).random((5, 2))
    dt, count, d = 0.05, 40, 0.1
    given = NUDGES[nudge](len(x))
    networks = {sparse: few_edges(N, 0.04, lags=lags, sparse=sparse) for sparse in (False, True)}
    kicks = np.sqrt(2 * d * dt) * noise(networks[False].free.size, len(x), count, rng=7)
    ends = {}
    for sparse, scheme in itertools.product((False, True), SCHEMES):
        network = networks[sparse]
        textbook = in_numpy(networks[False], x, given, kicks, dt, scheme == "heun")
        for precision, close in (("float64", 1e-12), ("float32", 3e-5)):
            ideal = Ideal("steps", noise=d, dt=dt, scheme=scheme, precision=precision)  # type: ignore[arg-type]
            way = ideal.record(network, x, times=[0, count * dt], nudge=given, rng=7)
            np.testing.assert_allclose(way.phases[:, 1], textbook, rtol=0, atol=close)
            ends[sparse, scheme, precision] = way.phases[:, 1]
    assert (
        np.abs(ends[False, "heun", "float64"] - ends[False, "euler-maruyama", "float64"]).max()
        > 1e-3
    )
    assert (ends[False, "heun", "float64"] != ends[False, "heun", "float32"]).any()
    if given is not None:
        unmoved = Ideal("steps", noise=d, dt=dt).record(
            networks[True], x, times=[count * dt], rng=7
        )
        assert np.abs(unmoved.phases[:, 0] - ends[True, "heun", "float64"]).max() > 0.1


def test_sparse_form_is_in_use() -> None:
    """Otherwise the agreement above would compare dense with dense."""
    free = few_edges(N, 0.04, lags=True, sparse=True).coupling[2:, 2:]
    assert free.nnz * tile_couplings.EDGE_PRICE < free.shape[0] ** 2


@pytest.mark.parametrize("cost", [CosineCost(), CrossEntropy(), LogCosineCost()])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_steps_end_where_newton_does(
    small: PhaseNetwork, samples: FloatArray, labels: Any, cost: Any, scheme: tiles.Scheme
) -> None:
    nudge = Nudge(cost, labels, 0.3)
    exact = Ideal().relax(small, samples, nudge=nudge).raise_for_status()
    ideal = Ideal("steps", tolerance=1e-4, scheme=scheme)
    slow = ideal.relax(small, samples, nudge=nudge, start=exact.phases + 0.01)
    moved = Ideal().relax(small, samples).phases
    assert np.abs(exact.phases - moved).max() > 0.01
    np.testing.assert_allclose(slow.raise_for_status().phases, exact.phases, atol=1e-3)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_hundred_thousand_oscillators_step(precision: tiles.Precision) -> None:
    network = topology.random_graph(100_000, 6, rng=0)
    theta = np.random.default_rng(0).uniform(-np.pi, np.pi, (1, network.n))
    settings: Any = {"scheme": "euler-maruyama", "dt": 0.05, "precision": precision}
    way = Ideal("steps", **settings).record(network, times=[0.05, 0.1], start=theta)
    for reached in np.moveaxis(way.phases, 1, 0):
        theta = theta + 0.05 * network.torque(theta)
        np.testing.assert_allclose(reached, theta, atol=1e-12 if precision == "float64" else 1e-6)
    noisy = Ideal("steps", noise=0.3, **settings).record(
        network, times=[0.05, 0.1], start=theta, rng=0
    )
    quiet = Ideal("steps", **settings).record(network, times=[0.05, 0.1], start=theta)
    kicks = (noisy.phases - quiet.phases)[0, 0]
    assert kicks.var() == pytest.approx(2 * 0.3 * 0.05, rel=4.5 * np.sqrt(2 / network.n))


# ------------------------------------------------------------------------------------- orders


@pytest.mark.parametrize(("scheme", "order"), [("heun", 2), ("euler-maruyama", 1)])
@pytest.mark.parametrize("cost", [CosineCost(), CrossEntropy()])
def test_deterministic_order(scheme: Any, order: int, cost: Any) -> None:
    network = topology.layered([2, 4, 3], rng=0)
    nudge = Nudge(cost, [1], 0.5)

    def end(dt: float, of: Any = scheme) -> FloatArray:
        return Ideal("steps", dt=dt, scheme=of).record(
            network, [[1.0, 1.0]], times=[2.0], nudge=nudge
        ).phases  # fmt: skip

    exact = end(2e-3, "heun")
    sizes = [0.2, 0.1, 0.05]
    errors = [np.abs(end(dt) - exact).max() for dt in sizes]
    assert np.polyfit(np.log(sizes), np.log(errors), 1)[0] == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_strong_order_is_one(scheme: tiles.Scheme) -> None:
    """E|theta - exact| for phi' = .5 - sin phi + noise: exact follows the same Brownian path,
    refined between the steps by a bridge."""
    d, end, m, batch, fine = 0.2, 1.6, 16, 64, 64
    network = PhaseNetwork(np.zeros((m, m)), 0.5, field=1.0)
    sizes, errors = [0.4, 0.2, 0.1, 0.05], []
    for dt in sizes:
        count = round(end / dt)
        way = Ideal("steps", noise=d, dt=dt, scheme=scheme).record(
            network, times=[end], start=np.zeros((batch, m)), rng=1
        )
        steps = np.sqrt(2 * d * dt) * noise(m, batch, count, rng=1)
        bridge = np.random.default_rng(2).standard_normal((fine, batch, count, m))
        bridge *= np.sqrt(2 * d * dt / fine)
        bridge += (steps - bridge.sum(axis=0)) / fine
        exact = np.zeros((batch, m))
        for k, small_step in itertools.product(range(count), range(fine)):
            exact += dt / fine * (0.5 - np.sin(exact)) + bridge[small_step, :, k]
        errors.append(np.abs(way.phases[:, 0] - exact).mean())
    assert np.polyfit(np.log(sizes), np.log(errors), 1)[0] == pytest.approx(1, abs=0.12)


@pytest.mark.parametrize("h", [0.5, 0.25])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_weak_order_by_the_discrete_variance(scheme: tiles.Scheme, h: float) -> None:
    """Small phases against a field a = 2 are an Ornstein-Uhlenbeck process. Its stationary
    variance D/a becomes, at h = a dt, D/(a (1 - h/2)) under Euler-Maruyama (weak 1) and
    2 D dt (1 - h/2)^2 / (1 - (1 - h + h^2/2)^2) under Heun (weak 2)."""
    d, a, m, batch = 1e-6, 2.0, 64, 4096
    dt = h / a
    expected = {
        "euler-maruyama": d / (a * (1 - h / 2)),
        "heun": 2 * d * dt * (1 - h / 2) ** 2 / (1 - (1 - h + h**2 / 2) ** 2),
    }
    network = PhaseNetwork(np.zeros((m, m)), field=a)
    ideal = Ideal("steps", noise=d, dt=dt, scheme=scheme)
    end = ideal.record(network, times=[8 / a], start=np.zeros((batch, m)), rng=3).phases
    tight = 4.5 * np.sqrt(2 / end.size)
    assert tight < 0.02
    assert end.var() == pytest.approx(expected[scheme], rel=tight)


# --------------------------------------------------------------------------------------- laws


LAWS = {
    f"{scheme}, {precision}, {form}": (scheme, precision, form)
    for scheme in SCHEMES
    for precision in ("float64", "float32")
    for form in ("dense", "sparse", "feedback")
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_bits_know_neither_batch_nor_threads(law: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scheme, precision, form = law
    network = few_edges(N, 0.04, lags=True, sparse=form == "sparse")
    x = np.random.default_rng(0).random((150, 2))
    ideal = Ideal("steps", noise=1e-2, duration=1.0, scheme=scheme, precision=precision)

    def end(size: int) -> FloatArray:
        nudge = Nudge(CrossEntropy(), np.arange(size) % 2, 0.3) if form == "feedback" else None
        return ideal.relax(network, x[:size], nudge=nudge, rng=4).phases

    whole = end(150)
    for size in (1, 7, 64, 65, 149):
        assert (end(size) == whole[:size]).all()
    with threadpool_limits(2):
        assert (end(150) == whole).all()

    def backwards(run: Callable[[slice], None], total: int, size: int) -> None:
        for first in reversed(range(0, total, size)):
            run(slice(first, min(first + size, total)))

    monkeypatch.setattr(tiles, "TASK", 1)
    assert (end(150) == whole).all()
    monkeypatch.setattr(tiles, "over_chunks", backwards)
    assert (end(150) == whole).all()


@pytest.mark.parametrize("sparse", [False, True])
def test_bits_do_not_know_the_place_in_the_batch(sparse: bool) -> None:
    """In double: the BLAS of some processors multiplies single rows differently by place."""
    x = np.random.default_rng(0).random((100, 2))
    network = few_edges(N, 0.04, lags=False, sparse=sparse)
    ideal = Ideal("steps", duration=2.0)
    whole = ideal.relax(network, x).phases
    assert (ideal.relax(network, x[::-1]).phases[::-1] == whole).all()
    assert (ideal.relax(network, x[41:42]).phases == whole[41:42]).all()


def test_different_noise_for_a_different_rng(small: PhaseNetwork, samples: FloatArray) -> None:
    noisy = Ideal(noise=1e-3, duration=5.0)
    one, two, same = (noisy.relax(small, samples, rng=r).phases for r in (4, 5, 4))
    assert (one[:, small.free] != two[:, small.free]).all()
    assert (one == same).all()
    assert (
        np.unique(
            one[:, small.free]
            - Ideal("steps", duration=5.0).relax(small, samples).phases[:, small.free]
        ).size
        > 50
    )


# -------------------------------------------------------------------------------------- status


def test_status_counts_the_unwrapped_drift() -> None:
    """An oscillator that makes exactly one turn between the two looks has drifted."""
    network = PhaseNetwork(np.zeros((1, 1)), [5.0], field=[1.0])
    beat = np.sqrt(24.0)
    turning = Ideal("steps", duration=10 * 2 * np.pi / beat, dt=2 * np.pi / beat / 500)
    assert turning.relax(network).status.tolist() == [Status.NOT_LOCKED]


def test_a_rest_not_yet_reached_is_a_step_limit() -> None:
    network = kuramoto(8, np.random.default_rng(0))
    assert Ideal("steps", duration=0.5).relax(network).status.tolist() == [Status.STEP_LIMIT]
    assert Ideal("steps").relax(network).locked.all()


def test_single_precision_drifts_no_further(small: PhaseNetwork, samples: FloatArray) -> None:
    """The phases are kept in double, so a rest is as sharp as the torques are."""
    fine, single = (
        Ideal("steps", duration=800.0, precision=p).relax(small, samples)
        for p in ("float64", "float32")
    )
    np.testing.assert_allclose(single.phases, fine.phases, atol=2e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scheme": "milstein"}, "scheme: 'milstein' is unknown; use one of"),
        ({"precision": "float16"}, "precision: 'float16' is unknown; use one of"),
    ],
)
def test_bad_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Ideal("steps", **arguments)


@pytest.mark.parametrize(
    "arguments",
    [{"duration": 5.0}, {"dt": 0.1}, {"scheme": "euler-maruyama"}, {"precision": "float32"}],
)
def test_what_only_steps_honour_is_refused_elsewhere(arguments: dict[str, Any]) -> None:
    (name,) = arguments
    with pytest.raises(ValueError, match=f"{name}: newton takes no steps in time"):
        Ideal("newton", **arguments)


@pytest.mark.parametrize("noise", [1e-3, 0.03, 0.12])
def test_noise_inside_a_well_is_no_slip_but_turning_is(noise: float) -> None:
    """A field of 1 holds a detuning of 0.2 whatever of these noises shakes it, but not one of 2."""
    held = PhaseNetwork(np.zeros((1, 1)), [0.2], field=[1.0])
    start = np.full((400, 1), np.arcsin(0.2))
    shaken = Ideal(noise=noise, duration=30.0).relax(held, start=start, rng=1)
    assert shaken.locked.mean() > 0.97
    turning = Ideal(noise=noise, duration=30.0).relax(
        held.replace(frequency=[2.0]), start=start, rng=1
    )
    assert turning.locked.mean() < 0.1  # the record may end where it turns slowest
