"""Averages of noisy phases: closed forms against simulated noise."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosc import (
    CosineCost,
    CrossEntropy,
    Ideal,
    Nudge,
    PhaseNetwork,
    Relaxation,
    RelaxationError,
    SynchronyCost,
    implicit_gradient,
    topology,
    two_phase_gradient,
)
from neurosc.costs import Cost
from neurosc.hw_models.spiking import (
    SpikingOscillators,
    expected_cosine,
    phase_errors,
    suggest_cycles,
)
from neurosc.hw_models.spiking.averaging import LONGEST, SHORT, averaged_variance
from neurosc.learning.gradient import Parameter, of_states
from neurosc.learning.two_phase import Scheme
from neurosc.network import FloatArray, wrap
from neurosc.randomness import RNG
from tests.conftest import kuramoto

EPS, SIGMA, CYCLES = 0.2, 0.02, 40
X = np.random.default_rng(0).random((4, 3))
Y = np.array([0, 1, 1, 0])
GIVEN: dict[str, Any] = {
    "cost": CosineCost(),
    "beta": 0.2,
    "eps": EPS,
    "noise": SIGMA,
}


def layered() -> PhaseNetwork:
    """Anchored by its inputs."""
    return topology.layered([3, 4, 2], rng=1)


def floating(reference: Any = None) -> PhaseNetwork:
    """Turns as a whole."""
    return kuramoto(8, np.random.default_rng(3)).replace(reference=reference)


@dataclasses.dataclass(frozen=True)
class Averaging:
    """Steps d theta = torque dt + sqrt(2 D) dW, D = sigma^2 / 2 eps, and averages the phases."""

    noise: float = SIGMA
    cycles: float = CYCLES
    settle: float = 20.0
    """Units of time before the average."""
    dt: float = 0.05

    def relax(
        self,
        network: PhaseNetwork,
        x: Any = None,
        *,
        nudge: Nudge | None = None,
        start: Any = None,
        rng: RNG = None,
    ) -> Relaxation:
        """From the equilibrium on, so that no way to it is in the average."""
        rest = Ideal().relax(network, x, nudge=nudge, start=start)
        noisy = Ideal("steps", noise=self.noise**2 / (2 * EPS), dt=self.dt)
        times = self.settle + np.arange(0, self.cycles * EPS + self.dt / 2, self.dt)
        run = noisy.record(network, x, times=times, nudge=nudge, start=rest.phases, rng=rng)
        phases = run.relative() if (network.parts >= 0).any() else run.phases
        mean = np.trapezoid(phases, times, axis=1) / (times[-1] - times[0])
        return Relaxation(network.gauge(mean), rest.status, rest.residual)


@pytest.mark.parametrize(("decay", "cycles"), [(0.005, 10), (0.3, 10), (2.0, 10), (0.3, 1)])
def test_variance_of_an_averaged_ornstein_uhlenbeck_process(decay: float, cycles: int) -> None:
    draw, trials, steps = np.random.default_rng(0), 20_000, 20
    keep = np.exp(-decay / steps)
    stationary = SIGMA / np.sqrt(2 * decay)
    x = stationary * draw.standard_normal(trials)
    total = x / 2
    for _ in range(cycles * steps):
        x = keep * x + stationary * np.sqrt(1 - keep**2) * draw.standard_normal(trials)
        total += x
    average = (total - x / 2) / (cycles * steps)
    spread = np.sqrt(2 / trials)
    assert averaged_variance(decay, SIGMA, cycles) == pytest.approx(
        average.var(), rel=4 * spread + (decay / steps) ** 2 / 12
    )


def test_limits_of_the_variance() -> None:
    assert averaged_variance(0.3, SIGMA, 1e-9) == pytest.approx(SIGMA**2 / 0.6, rel=1e-8)
    assert averaged_variance(0.3, SIGMA, 1e9) == pytest.approx(SIGMA**2 / 0.09e9, rel=1e-8)
    below, above = averaged_variance(SHORT * np.array([1 - 1e-9, 1 + 1e-9]), SIGMA, 1.0)
    assert below == pytest.approx(above, rel=1e-8)
    assert averaged_variance(np.ones((2, 3)), SIGMA, 5).shape == (2, 3)


def test_one_reading_a_cycle_is_nearly_an_average() -> None:
    """It adds a^2/12 of the variance."""
    a, n = 0.3, 1000
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    read = SIGMA**2 / (2 * a) * np.exp(-a * apart).mean()
    assert read / averaged_variance(a, SIGMA, n) - 1 == pytest.approx(a**2 / 12, rel=0.02)


@pytest.mark.parametrize(
    "network",
    [layered(), floating(), floating((5,)), floating("mean")],
    ids=["anchored", "floating", "another reference", "mean"],
)
def test_errors_of_phases_against_a_simulation(network: PhaseNetwork) -> None:
    trials = 1000
    inputs = len(network.inputs)
    x = np.tile(X[:1], (trials, 1)) if inputs else np.empty((trials, 0))
    phases = Averaging().relax(network, x, rng=1).phases
    measured = wrap(phases - Ideal().relax(network, x[:1]).phases).std(axis=0)
    expected = phase_errors(network, x[:1], eps=EPS, noise=SIGMA, cycles=CYCLES)
    assert expected.shape == (1, network.n)
    np.testing.assert_allclose(expected[0], measured, rtol=4.5 / np.sqrt(2 * trials), atol=1e-12)
    assert (expected[0, network.fixed] == 0).all()


def test_short_averages_are_single_readings() -> None:
    """Then the covariance is D H^-1."""
    network = layered()
    phases, amplitude = Ideal().relax(network, X).phases, network.encode(X).amplitude
    found = phase_errors(network, X, eps=EPS, noise=SIGMA, cycles=1e-9)
    free = network.free
    for error, state, size in zip(found, phases, amplitude, strict=True):
        hessian = network.hessian(state, size)[np.ix_(free, free)]
        variance = SIGMA**2 / (2 * EPS) * np.linalg.inv(hessian).diagonal()
        np.testing.assert_allclose(error[free], np.sqrt(variance), rtol=1e-8)


def test_disconnected_floating_parts_do_not_mix() -> None:
    one = floating("mean")
    both = np.zeros((16, 16))
    both[:8, :8] = both[8:, 8:] = one.coupling
    two = PhaseNetwork(both, np.tile(one.frequency, 2), outputs=[6, 7], reference="mean")
    alone = phase_errors(one, None, eps=EPS, noise=SIGMA, cycles=CYCLES)
    together = phase_errors(two, None, eps=EPS, noise=SIGMA, cycles=CYCLES)
    np.testing.assert_allclose(together[0], np.tile(alone[0], 2), rtol=1e-8)


class Trials:
    """A substrate whose relaxations are those of one trial after another, stepped all at once."""

    def __init__(self, on: Averaging, trials: int) -> None:
        self.on, self.trials, self.now = on, trials, 0
        self.pool: dict[float, Relaxation] = {}

    def relax(
        self,
        network: PhaseNetwork,
        x: Any = None,
        *,
        nudge: Nudge | None = None,
        start: Any = None,
        rng: RNG = None,
    ) -> Relaxation:
        """The samples of the trial that it is now."""
        beta = 0.0 if nudge is None else nudge.beta
        given = np.empty((1, 0)) if x is None else x
        if beta not in self.pool:
            if nudge is not None and nudge.target is not None:
                target = np.tile(nudge.target, self.trials)
                nudge = dataclasses.replace(nudge, target=target)
            every = np.tile(given, (self.trials, 1))
            self.pool[beta] = self.on.relax(network, every, nudge=nudge, rng=len(self.pool))
        all_of_them = self.pool[beta]
        mine = slice(self.now * len(given), (self.now + 1) * len(given))
        return Relaxation(
            all_of_them.phases[mine], all_of_them.status[mine], all_of_them.residual[mine]
        )


def measured_cosine(each: FloatArray, exact: FloatArray) -> tuple[float, float]:
    """g.<e> / (|g| sqrt(<|e|^2>)) over noisy gradients e (trials, :), and its standard error."""
    along, square = each @ exact / np.linalg.norm(exact), (each**2).sum(axis=1)
    cosine = along.mean() / np.sqrt(square.mean())
    influence = along / along.mean() - square / (2 * square.mean())
    return float(cosine), float(cosine * influence.std() / np.sqrt(len(each)))


CASES: dict[str, tuple[PhaseNetwork, Any, Any, Cost, float, float]] = {
    "layered": (layered(), X, Y, CosineCost(), 0.2, 0.03),
    "curved": (layered(), X, Y, CrossEntropy(), 0.4, 0.05),
    "floating": (floating("mean"), None, None, SynchronyCost(), 1.5, 0.05),
    "reference": (floating((5,)), None, [1], CosineCost(), 0.15, 0.05),
}


@pytest.mark.parametrize("scheme", ["symmetric", "one-sided"])
@pytest.mark.parametrize("case", CASES)
def test_expected_cosine_against_noisy_gradients(case: str, scheme: Scheme) -> None:
    network, x, y, cost, beta, noise = CASES[case]
    names: tuple[Parameter, ...] = ("coupling", "frequency")
    exact = implicit_gradient(network, x, y, cost=cost).vector(*names)
    trials = 200 if case == "curved" else 400  # whose cost takes longer
    on, each = Trials(Averaging(noise, settle=8.0, dt=0.1), trials), []
    for trial in range(on.trials):
        on.now = trial
        gradient = two_phase_gradient(network, x, y, cost=cost, beta=beta, scheme=scheme, on=on)
        each.append(gradient.vector(*names))
    cosine, error = measured_cosine(np.stack(each), exact)
    expected = expected_cosine(
        network, x, y, cost=cost, beta=beta, eps=EPS, noise=noise, cycles=CYCLES, scheme=scheme,
        learn=names,
    )  # fmt: skip
    assert 0.3 < expected < 0.99  # noise is seen
    assert error < 0.03
    assert expected == pytest.approx(cosine, abs=4 * error)


def jittered(
    network: PhaseNetwork, phases: FloatArray, jitter: float, draw: np.random.Generator
) -> FloatArray:
    """Averages around rest of phases (trials, batch, n) that others see, and we read, with jitter.

    d theta_i/dt = eps (sum_j W_ij (theta_j + xi_j) - H_ii theta_i), W = diag H - H, and theta + xi
    is read.
    """
    settle, steps = 200, 8
    amplitude = network.encode(X).amplitude
    free = network.free
    hessian = network.hessian(phases[0], amplitude)[:, free[:, None], free]
    own = np.einsum("bii->bi", hessian)
    away, read = np.zeros((2, *phases.shape[:2], free.size))
    for step in range((settle + CYCLES) * steps):
        seen = away + draw.normal(0, 2 * np.pi * jitter * np.sqrt(steps), away.shape)
        if step >= settle * steps:
            read += seen / (CYCLES * steps)
        pull = own * (seen - away) - np.einsum("bij,tbj->tbi", hessian, seen)
        away = away + EPS / steps * pull
    found = phases.copy()
    found[..., free] += read
    return found


@pytest.mark.parametrize("scheme", ["symmetric", "one-sided"])
@pytest.mark.parametrize(("names", "slack"), [(("frequency",), 0.0), (("coupling", "field"), 0.01)])
def test_expected_cosine_against_jittered_spikes(
    names: tuple[Parameter, ...], slack: float, scheme: Scheme
) -> None:
    """Neighbours follow the pulses; only of frequencies correlations of the modes do not matter.

    Nudges are frozen, and so not in the Hessian.
    """
    network, beta, jitter, draw = layered(), 0.1, 0.02, np.random.default_rng(5)
    exact = implicit_gradient(network, X, Y, cost=CosineCost()).vector(*names)
    free, trials = Ideal().relax(network, X).phases, 300
    states = []
    for sign in (1, -1) if scheme == "symmetric" else (0, 1):
        nudge = Nudge(CosineCost(), Y, sign * beta, at=free) if sign else None
        rest = Ideal().relax(network, X, nudge=nudge).phases
        states.append(jittered(network, np.tile(rest, (trials, 1, 1)), jitter, draw))
    weights = np.array([0.5, -0.5] if scheme == "symmetric" else [-1.0, 1.0]) / beta
    amplitude = network.encode(X).amplitude
    each = [
        of_states(network, pair, weights, amplitude, loss=0.0, unlocked=0).vector(*names)
        for pair in np.stack(states, axis=1)
    ]
    cosine, error = measured_cosine(np.stack(each), exact)
    expected = expected_cosine(
        network, X, Y, cost=CosineCost(), beta=beta, eps=EPS, noise=0.0, jitter=jitter,
        cycles=CYCLES, scheme=scheme, frozen=True, learn=names,
    )  # fmt: skip
    assert 0.3 < expected < 0.99
    assert error < 0.03
    assert expected == pytest.approx(cosine, abs=4 * error + slack)


@pytest.mark.parametrize("scheme", ["symmetric", "one-sided"])
@pytest.mark.parametrize("frozen", [False, True])
def test_without_noise_the_bias_of_beta_is_left(frozen: bool, scheme: Scheme) -> None:
    network, names = layered(), ("coupling", "field")
    given: dict[str, Any] = {"cost": CosineCost(), "beta": 0.8, "scheme": scheme, "frozen": frozen}
    exact = implicit_gradient(network, X, Y, cost=CosineCost()).vector(*names)
    found = two_phase_gradient(network, X, Y, **given).vector(*names)
    cosine = found @ exact / np.linalg.norm(found) / np.linalg.norm(exact)
    assert cosine < 0.999
    quiet = expected_cosine(network, X, Y, eps=EPS, noise=0.0, cycles=CYCLES, **given)
    assert quiet == pytest.approx(cosine, rel=1e-7)
    given["frozen"] = not frozen
    other = expected_cosine(network, X, Y, eps=EPS, noise=0.0, cycles=CYCLES, **given)
    assert abs(other - cosine) > 1e-4


@pytest.mark.parametrize(("scheme", "factor"), [("symmetric", 2.1), ("one-sided", 4.3)])
def test_rule_of_beta(scheme: Scheme, factor: float) -> None:
    """For a cosine of .95, beta |g| >= factor sqrt(sum_k v_k)."""
    network, x, beta = layered(), X[:1], 1e-3
    gradient = implicit_gradient(network, x, Y[:1], cost=CosineCost()).frequency
    free = network.free
    phases, amplitude = Ideal().relax(network, x).phases, network.encode(x).amplitude
    decay = EPS * np.linalg.eigvalsh(network.hessian(phases, amplitude)[0][np.ix_(free, free)])
    unit = np.sqrt(averaged_variance(decay, 1.0, CYCLES).sum())
    found = expected_cosine(
        network, x, Y[:1], cost=CosineCost(), beta=beta, eps=EPS, cycles=CYCLES, scheme=scheme,
        noise=float(beta * np.linalg.norm(gradient) / (factor * unit)), learn=("frequency",),
    )  # fmt: skip
    assert found == pytest.approx(0.95, abs=0.003)


@pytest.mark.parametrize("scheme", ["symmetric", "one-sided"])
@pytest.mark.parametrize(
    ("aim", "noise", "jitter"), [(0.7, 0.1, 0), (0.95, 0.1, 0), (0.95, 0, 0.1)]
)
def test_suggested_cycles_are_the_fewest(
    scheme: Scheme, aim: float, noise: float, jitter: float
) -> None:
    given: dict[str, Any] = {
        **GIVEN, "noise": noise, "jitter": jitter, "beta": 0.1, "scheme": scheme
    }  # fmt: skip
    cycles = suggest_cycles(layered(), X, Y, cosine=aim, **given)
    assert cycles > 1
    reached = [expected_cosine(layered(), X, Y, cycles=n, **given) for n in (cycles - 1, cycles)]
    assert reached[0] < aim <= reached[1]


def test_without_noise_one_cycle_does() -> None:
    assert suggest_cycles(layered(), X, Y, **{**GIVEN, "noise": 0.0}) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eps": 0.0}, "^eps: 0.0 is not a positive number; give network time per cycle"),
        ({"noise": -0.1}, r"^noise: -0.1 is no noise; give radians per sqrt\(cycle\)"),
        ({"noise": np.nan}, "^noise: nan is no noise"),
        ({"jitter": -0.1}, "^jitter: -0.1 is no jitter; give periods, 0 or more"),
        ({"beta": 0.0}, "^beta: 0 makes no nudge; give a finite number other than 0"),
        ({"beta": np.nan}, "^beta: nan is not finite"),
        ({"scheme": "holomorphic"}, "^scheme: 'holomorphic' is none that a device reads; use"),
        ({"cosine": 1.0}, "^cosine: 1.0 is no aim; give a number between 0 and 1"),
        ({"beta": 3.0, "cosine": 0.999}, r"^cosine: beta = 3 reaches 0.\d+ even without .* lower"),
        ({"noise": 50.0}, r"^cosine: 0.95 takes more than 1,000,000 cycles .* raise beta"),
        ({"learn": ("mass",)}, "^learn: "),
    ],
)
def test_what_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        suggest_cycles(layered(), X, Y, **{**GIVEN, **changes})


def test_what_averages_nothing_or_has_no_slope_is_refused() -> None:
    for cycles in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"^cycles: .* average nothing; give a positive"):
            phase_errors(layered(), X, eps=EPS, noise=SIGMA, cycles=cycles)
        with pytest.raises(ValueError, match=r"^cycles: "):
            expected_cosine(layered(), X, Y, cycles=cycles, **GIVEN)
    pair = PhaseNetwork([[0.0, 1.0], [1.0, 0.0]], outputs=[0, 1])
    with pytest.raises(ValueError, match=r"^cost: exerts no torque .* give samples"):
        suggest_cycles(pair, None, **{**GIVEN, "cost": SynchronyCost()})


def test_what_does_not_lock_is_an_error() -> None:
    drifting = PhaseNetwork([[0.0, 0.1], [0.1, 0.0]], [0.0, 1.0], outputs=[1])
    with pytest.raises(RelaxationError):
        phase_errors(drifting, None, eps=EPS, noise=SIGMA, cycles=CYCLES)


def test_long_averages_are_worth_the_root_of_their_length() -> None:
    given = {**GIVEN, "beta": 0.1}
    cycles = suggest_cycles(layered(), X, Y, **{**given, "noise": 1.0})
    assert 1000 < cycles < LONGEST / 4
    louder = suggest_cycles(layered(), X, Y, **{**given, "noise": 2.0})
    assert louder / cycles == pytest.approx(4, rel=0.01)


@pytest.mark.slow
def test_errors_of_spiking_oscillators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spikes of LIF neurons, read over 32 cycles."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    trials, read, noise = 400, 32, 0.03
    on = SpikingOscillators(eps=EPS, noise=noise, cycles=200, read_cycles=read)
    x = np.tile(X[:1], (trials, 1))
    phases = on.relax(layered(), x, rng=2).phases
    measured = wrap(phases - phases[0]).std(axis=0)
    expected = phase_errors(layered(), x[:1], eps=EPS, noise=noise, cycles=read)
    np.testing.assert_allclose(expected[0], measured, rtol=4 / np.sqrt(2 * trials) + 0.03)
