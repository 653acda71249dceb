"""Any energy model trains: the laws of each model, and learning through one door."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from neurosc import (
    ContinuousHopfield,
    CosineCost,
    EnergyModel,
    Ideal,
    Nudge,
    PhaseModel,
    RelaxationError,
    Rest,
    SquaredCost,
    Status,
    evaluate,
    fit,
    topology,
    two_phase_gradient,
)
from neurosc.network import FloatArray
from neurosc.randomness import RNG
from tests.test_learning import BLOBS


@dataclasses.dataclass(frozen=True, eq=False)
class Springs:
    """E = 1/2 |s|^2 - s . (x w + b): a user's own model, whose minimum is s = x w + b."""

    w: FloatArray
    b: FloatArray

    @property
    def parameters(self) -> dict[str, Any]:
        return {"w": self.w, "b": self.b}

    @property
    def n_outputs(self) -> int:
        return int(self.b.size)

    def with_parameters(self, **changes: Any) -> Springs:
        return dataclasses.replace(self, **changes)

    def energy(self, state: Any, x: Any) -> Any:
        return (0.5 * state**2 - state * (x @ self.w + self.b)).sum(axis=1)

    def torque(self, state: Any, x: Any) -> Any:
        return x @ self.w + self.b - state

    def parameter_gradient(self, states: Any, weights: Any, x: Any) -> dict[str, Any]:
        mean = (np.reshape(weights, (-1, 1, 1)) * states).sum(axis=0) / states.shape[1]
        return {"w": -x.T @ mean, "b": -mean.sum(axis=0)}

    def seen(self, state: Any) -> Any:
        return state

    def relax(
        self,
        x: npt.ArrayLike | None,
        *,
        nudge: Nudge | None = None,
        start: Any = None,
        rng: RNG = None,
    ) -> Rest:
        rest: Any = np.asarray(x) @ self.w + self.b
        state = rest.copy()
        for _ in range(40 if nudge is not None else 0):
            assert nudge is not None
            state = rest - nudge.beta * nudge.cost.gradient(state, nudge.target)
        return Rest(state, np.zeros(len(state), np.int8), np.zeros(len(state)))


def hopfield(precision: Any = "float64", **settings: Any) -> ContinuousHopfield:
    return ContinuousHopfield.layered([4, 6, 5, 3], rng=2, precision=precision, **settings)


def models() -> dict[str, tuple[Any, Any]]:
    """Each model with random states (batch, ...)."""
    rng = np.random.default_rng(0)
    network = topology.layered([4, 5, 3], lags=True, field_scale=1.0, rng=1)
    network = network.replace(frequency=0.1 * rng.standard_normal(12), second_harmonic=0.1)
    phases = rng.uniform(-3, 3, (7, 12))
    phases[:, :4] = 0.5 * np.pi * samples()
    polar = ("coupling", "lag", "field")
    return {
        "hopfield": (hopfield(), rng.random((7, 14))),
        "springs": (Springs(rng.random((4, 3)), rng.random(3)), rng.random((7, 3))),
        "phases": (PhaseModel(network, Ideal()), phases),
        "polar": (PhaseModel(network, Ideal(), polar), phases),
    }


def samples() -> FloatArray:
    return np.random.default_rng(1).random((7, 4))


@pytest.mark.parametrize("name", models())
def test_torque_is_the_slope_of_the_energy(name: str) -> None:
    model, state = models()[name]
    x, h = samples(), 1e-5
    assert isinstance(model, EnergyModel)
    torque = model.torque(state, x)
    for i in range(state.shape[1] - 3, state.shape[1]):
        step = h * (np.arange(state.shape[1]) == i)
        slope = (model.energy(state + step, x) - model.energy(state - step, x)) / (2 * h)
        np.testing.assert_allclose(torque[:, i], -slope, atol=1e-8)


@pytest.mark.parametrize("name", models())
def test_parameter_gradient_is_the_slope_of_the_mean_energy(name: str) -> None:
    model, state = models()[name]
    x, h = samples(), 1e-6
    other = state[::-1].copy()
    if name in ("phases", "polar"):  # what stands still stands where the sample says
        other = np.where(np.arange(12) < 4, state, other)
    found = model.parameter_gradient(np.stack([state, other]), [1.0, -1.0], x)
    assert set(found) == set(model.parameters)
    for key, value in model.parameters.items():
        assert found[key].shape == value.shape
        flat = [10 * 12 + 5] if value.shape == (12, 12) else [value.size - 1, value.size - 2]
        for at in flat:
            for unit in (1, 1j) if np.iscomplexobj(value) else (1,):
                step = np.zeros(value.size, dtype=value.dtype)
                step[at] = h * unit
                step = step.reshape(value.shape)
                if value.ndim == 2 and isinstance(model, PhaseModel):
                    step = step - step.T if key == "lag" else step + step.conj().T
                up, down = (
                    (changed.energy(state, x) - changed.energy(other, x)).mean()
                    for changed in (
                        model.with_parameters(**{key: value + sign * step}) for sign in (1, -1)
                    )
                )
                slope = found[key].ravel()[at]
                slope = slope.imag if unit == 1j else np.real(slope)
                assert slope == pytest.approx((up - down) / (2 * h), abs=1e-7)


@pytest.mark.parametrize("name", models())
def test_a_model_does_not_change(name: str) -> None:
    model, state = models()[name]
    x, before = samples(), model.energy(state, samples())
    same = model.with_parameters(**model.parameters)
    np.testing.assert_allclose(same.energy(state, x), before, atol=1e-12)
    key = next(iter(model.parameters))
    model.with_parameters(**{key: 2 * model.parameters[key]})
    assert (model.energy(state, x) == before).all()


@pytest.mark.parametrize("scheme", ["symmetric", "one-sided"])
def test_two_phase_gradient_of_the_hopfield_network(scheme: Any) -> None:
    """Against central differences of the loss at rest."""
    model = hopfield(free_steps=400, nudged_steps=400, tolerance=1e-9)
    bias = [np.full(b.shape, 0.4) for b in model.biases]
    model = model.with_parameters(**{f"bias.{k}": b for k, b in enumerate(bias)})
    x, y, cost = samples(), np.arange(7) % 3, SquaredCost()
    found = two_phase_gradient(model, x, y, cost=cost, beta=1e-3, scheme=scheme)
    assert found.unlocked == 0

    def loss(changed: Any) -> float:
        return evaluate(changed, (x, y), cost=cost).loss  # type: ignore[no-any-return]

    assert found.loss == pytest.approx(loss(model), abs=1e-3)
    for key, at in (("weights.0", (1, 2)), ("weights.1", (3, 1)), ("weights.2", (2, 0)),
                    ("bias.0", (2,)), ("bias.2", (1,))):  # fmt: skip
        step = np.zeros_like(model.parameters[key])
        step[at] = 1e-5
        up, down = (
            loss(model.with_parameters(**{key: model.parameters[key] + s * step})) for s in (1, -1)
        )
        tolerance = 1e-6 if scheme == "symmetric" else 2e-3
        assert found.parameters[key][at] == pytest.approx((up - down) / 2e-5, abs=tolerance)


HOPFIELD: dict[str, Any] = {
    "cost": SquaredCost(), "epochs": 20, "learning_rate": (0.3, 0.2, 0.2), "beta": 0.5,
    "scheme": "one-sided", "random_sign": True, "remember": True, "unsettled": "learn",
    "optimiser": "sgd", "schedule": "constant", "batch_size": 4, "rng": 0,
}  # fmt: skip


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_the_hopfield_network_learns(precision: Any) -> None:
    model = ContinuousHopfield.layered([4, 20, 3], rng=2, precision=precision)
    changes = {"learning_rate": (0.4, 0.2), "beta": 1.0, "epochs": 30}
    result = fit(model, BLOBS, validation=0.2, **(HOPFIELD | changes))
    assert evaluate(result.network, BLOBS, cost=SquaredCost()).accuracy > 0.95
    assert result.rows[-1]["loss"] < 0.5 * result.rows[0]["loss"]
    assert result.network.weights[0].dtype == precision
    assert "validation_accuracy" in result.rows[0]


def test_a_users_own_model_learns() -> None:
    model = Springs(np.zeros((4, 3)), np.zeros(3))
    result = fit(model, BLOBS, cost=SquaredCost(), epochs=30, learning_rate={"w": 0.1, "b": 0.05})
    assert isinstance(result.network, Springs)
    assert evaluate(result.network, BLOBS, cost=SquaredCost()).accuracy == 1.0
    # to least squares, whose mean residual per output is zero
    state = result.network.relax(BLOBS[0]).state
    assert np.abs((state - np.eye(3)[BLOBS[1]]).mean(axis=0)).max() < 0.02


def test_the_rate_of_a_layer_is_its_own() -> None:
    model = hopfield()
    changes = {"epochs": 1, "learning_rate": (0.1, 0.0, 0.0)}
    found = fit(model, BLOBS, **(HOPFIELD | changes)).network
    assert (found.weights[0] != model.weights[0]).any()
    assert (found.weights[1] == model.weights[1]).all()
    some = fit(model, BLOBS, learn=("weights.1", "bias"), **(HOPFIELD | {"epochs": 1})).network
    assert [(a == b).all() for a, b in zip(some.weights, model.weights, strict=True)] == [
        True, False, True,
    ]  # fmt: skip
    assert (some.biases[0] != model.biases[0]).any()


def test_an_interrupted_hopfield_run_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, relax, calls = tmp_path / "run.npz", ContinuousHopfield.relax, [0]

    def killed(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == 100:
            raise KeyboardInterrupt
        return relax(*args, **kwargs)

    settings = HOPFIELD | {"epochs": 6}
    monkeypatch.setattr(ContinuousHopfield, "relax", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(hopfield(), BLOBS, checkpoint=path, **settings)
    resumed = fit(hopfield(), BLOBS, checkpoint=path, **settings).network
    whole = fit(hopfield(), BLOBS, **settings).network
    assert all((a == b).all() for a, b in zip(resumed.weights, whole.weights, strict=True))


def test_more_steps_come_to_rest_and_the_status_says_so() -> None:
    x = samples()
    short, long = (hopfield(free_steps=k, tolerance=1e-6).relax(x) for k in (3, 300))
    assert set(short.status.tolist()) == {Status.STEP_LIMIT}
    assert long.locked.all()
    model = hopfield(free_steps=300)
    assert (model.torque(long.state, x) * (long.state > 0) * (long.state < 1)).max() < 1e-6
    again = model.relax(x, start=long.state)
    np.testing.assert_allclose(again.state, long.state, atol=1e-9)
    with pytest.raises(RelaxationError, match='unsettled="learn"'):
        two_phase_gradient(
            hopfield(free_steps=1, tolerance=1e-9), x, np.zeros(7, int), cost=SquaredCost()
        )


def test_samples_that_change_are_seen() -> None:
    model, x = hopfield(), np.zeros((1, 4))
    first = model.relax(x).state
    x[:] = 1.0
    assert (model.relax(x).state != first).any()


def test_what_is_no_model_and_what_models_do_not_take() -> None:
    model, data = hopfield(), BLOBS
    with pytest.raises(TypeError, match="network: list has no energy"):
        fit([], data, cost=SquaredCost(), epochs=1, learning_rate=0.1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="network: int has no energy"):
        evaluate(3, data, cost=SquaredCost())  # type: ignore[arg-type]
    for changes, message in (
        ({"on": Ideal()}, "on: an energy model relaxes by itself"),
        ({"frozen": True}, "frozen: ContinuousHopfield takes no constant torques"),
        ({"learning_rate": (0.1, 0.1)}, "learning_rate: 2 rates by layer do not fit weights.2"),
        ({"learning_rate": {"weights": 0.1}}, "learning_rate: names no rate for bias.0"),
        ({"learn": ("coupling",)}, "learn: expected some of"),
        ({"scheme": "symmetric"}, "random_sign: the symmetric scheme"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(model, data, **(HOPFIELD | changes))
    with pytest.raises(ValueError, match="target: class 3 is outside the 3 classes"):
        fit(model, (data[0], data[1] + 1), **HOPFIELD)
    with pytest.raises(ValueError, match=r"x: shape \(4, 3\) does not fit 4 inputs"):
        fit(model, (data[0][:, :3], data[1]), **HOPFIELD)
    with pytest.raises(ValueError, match="start: shape"):
        model.relax(samples(), start=np.zeros((7, 3)))


def test_a_cost_on_a_line_is_not_for_phases() -> None:
    network = topology.layered([4, 5, 3], rng=1)
    with pytest.raises(ValueError, match="cost: SquaredCost changes when a phase turns once"):
        two_phase_gradient(network, BLOBS[0], BLOBS[1], cost=SquaredCost())
    with pytest.raises(ValueError, match="cost: SquaredCost changes when a phase turns once"):
        fit(network, BLOBS, cost=SquaredCost(), epochs=1, learning_rate=0.1)
    assert CosineCost.is_periodic


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"weights": (np.zeros((2, 3)), np.zeros((2, 2)))}, "weights: shapes"),
        ({"biases": (np.zeros(3), np.zeros(3))}, "biases: shapes"),
        ({"biases": (np.zeros(3),)}, "weights: shapes"),
        ({"weights": (np.full((2, 3), np.nan), np.zeros((3, 2)))}, "weights: .*not finite"),
        ({"free_steps": 0}, "free_steps"),
        ({"step": 0.0}, "step"),
        ({"tolerance": -1.0}, "tolerance"),
    ],
)
def test_bad_hopfield_networks(bad: dict[str, Any], message: str) -> None:
    good = ContinuousHopfield.layered([2, 3, 2], rng=0)
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(good, **bad)
    with pytest.raises(ValueError, match="sizes"):
        ContinuousHopfield.layered([2])


@pytest.mark.parametrize("gain", [0.0, np.nan, [1.0, 1.0, 1.0], [[1.0], [1.0]], "big", None])
def test_bad_gains(gain: Any) -> None:
    with pytest.raises(ValueError, match=r"gain: .* nor 2 of them; give one for all"):
        ContinuousHopfield.layered([2, 3, 2], gain=gain)


def test_gains_of_layers() -> None:
    plain = ContinuousHopfield.layered([2, 3, 2], rng=0)
    scaled = ContinuousHopfield.layered([2, 3, 2], gain=(0.5, 2.0), rng=0)
    for gain, w, drawn in zip((0.5, 2.0), scaled.weights, plain.weights, strict=True):
        np.testing.assert_allclose(w, gain * drawn, rtol=1e-15)


@pytest.mark.parametrize("beta", [1.0, -1.0])
def test_an_output_held_below_beta_never_learns(beta: float) -> None:
    held = hopfield().with_parameters(**{"bias.2": np.array([-9.0, 0.0, 0.0])})
    found = two_phase_gradient(
        held, *BLOBS, cost=SquaredCost(), beta=beta, scheme="one-sided", unsettled="learn"
    )
    slopes = [found.parameters["weights.2"].T, found.parameters["bias.2"]]
    assert all((slope[0] == 0).all() and (slope[1] != 0).any() for slope in slopes)


def test_cost_survives_a_file() -> None:
    from neurosc.costs import from_dict, to_dict

    assert from_dict(to_dict(SquaredCost(0.8, 0.1))) == SquaredCost(0.8, 0.1)
