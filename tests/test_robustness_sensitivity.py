"""Sensitivities of a made-up device whose loss is known in closed form: 0.2 + 0.4 a + 0.2 b."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from neurosc import CosineCost, PhaseNetwork, Relaxation, robustness, topology
from neurosc.hw_models import Device, FrequencyMismatch, PhaseQuantization, WeightQuantization
from neurosc.robustness import figures
from neurosc.robustness.protocols import Device as AnyDevice

COST = CosineCost()


@dataclasses.dataclass(frozen=True)
class Term:
    """What a study asks of a term."""

    level: float
    scope = "frozen"
    units = {"level": "volts"}  # noqa: RUF012

    @property
    def strengths(self) -> dict[str, float]:
        return {"level": self.level}


class A(Term): ...


class B(Term): ...


@dataclasses.dataclass(frozen=True)
class Chips:
    """The right output is off by the phase that gives the loss; others are at their target."""

    loss: float
    count: int

    def __getitem__(self, index: slice) -> Chips:
        return Chips(self.loss, len(range(self.count)[index]))

    def relax(self, network: PhaseNetwork, x: Any = None, **_: Any) -> Relaxation:
        phases = np.zeros((self.count, len(x), network.n))
        phases[..., network.outputs[1:]] = np.pi / 2
        phases[..., network.outputs[0]] = np.arccos(1 - self.loss)
        shape = phases.shape[:2]
        return Relaxation(phases, np.zeros(shape, np.int8), np.zeros(shape))


@dataclasses.dataclass(frozen=True)
class Linear:
    """A device of a stranger, which knows nothing of neurosc.hw_models."""

    terms: tuple[Term, ...]
    name: str = "linear"

    @property
    def acting(self) -> tuple[Term, ...]:
        return self.terms

    def replace(self, *terms: Term) -> Linear:
        new = {type(t): t for t in terms}
        return Linear(tuple(new.get(type(t), t) for t in self.terms))

    def scale(self, factor: float, *kinds: str) -> Linear:
        return Linear(
            tuple(type(t)(factor * t.level) if type(t).__name__ in kinds else t for t in self.terms)
        )

    def fabricate(self, network: PhaseNetwork, chips: int = 1, rng: Any = None) -> Chips:
        a, b = (term.level for term in self.terms)
        return Chips(0.2 + 0.4 * a + 0.2 * b, chips)

    def to_json(self) -> str:
        return json.dumps({"terms": [[type(t).__name__, t.level] for t in self.terms]})


DEVICE = Linear((A(0.5), B(0.5)))
RANGES = {"A": (0.0, 1.0), "B": (0.0, 1.0)}
NETWORK = topology.layered([2, 3, 2], rng=0)
DATA = (np.zeros((3, 2)), np.zeros(3, dtype=np.intp))


def found(method: Any, **others: Any) -> robustness.Sensitivity:
    settings: dict[str, Any] = {"metric": "loss", "chips": 2, "ranges": RANGES, "rng": 0} | others
    return robustness.sensitivity(NETWORK, DATA, DEVICE, method, cost=COST, **settings)


def test_a_strangers_device_will_do() -> None:
    assert isinstance(DEVICE, AnyDevice)
    swept = robustness.sweep(
        NETWORK, DATA, DEVICE, [0, 1], parameter="A", cost=COST, metrics="loss", chips=2
    )
    assert swept.summary()["mean"].to_numpy() == pytest.approx([0.3, 0.7])
    assert swept.table["unit"].unique() == "volts"


def test_one_at_a_time() -> None:
    table = found("one-at-a-time").table
    assert table["parameter"].tolist() == ["A.level", "B.level"]
    assert table["nominal"].to_numpy() == pytest.approx([0.5, 0.5])
    assert table["at_lowest"].to_numpy() == pytest.approx([0.3, 0.4])
    assert table["at_highest"].to_numpy() == pytest.approx([0.7, 0.6])
    assert table["swing"].to_numpy() == pytest.approx([0.2, 0.1])


def test_ranges_are_factors_of_all_terms_unless_given() -> None:
    table = found("one-at-a-time", ranges=None).table
    assert table["unit"].tolist() == ["x", "x"]
    assert table["at_highest"].to_numpy() == pytest.approx([0.7, 0.6])


def test_morris_gives_the_slopes() -> None:
    table = found("morris", samples=4).table
    assert table["mu"].to_numpy() == pytest.approx([0.4, 0.2])
    assert table["mu_star"].to_numpy() == pytest.approx([0.4, 0.2])
    assert table["sigma"].to_numpy() == pytest.approx([0, 0], abs=1e-9)


def test_sobol_gives_the_shares_of_variance() -> None:
    table = found("sobol", samples=64).table
    for index in ("S1", "ST"):
        assert table[index].to_numpy() == pytest.approx([0.8, 0.2], abs=0.08)


def test_the_same_rng_gives_the_same_indices() -> None:
    one, two, other = (found("sobol", samples=8, rng=k).table for k in (1, 1, 2))
    assert one.equals(two)
    assert not one.equals(other)


@pytest.mark.parametrize("method", ["one-at-a-time", "morris", "sobol"])
def test_tornado_names_every_parameter(method: Any) -> None:
    samples = None if method == "one-at-a-time" else 8
    ax = figures.tornado(found(method, samples=samples)).axes[0]
    names = [label.get_text().split("\n")[0] for label in ax.get_yticklabels()]
    assert names == ["B.level", "A.level"]
    assert ax.get_xlabel()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "guess"}, "method: 'guess' is unknown"),
        ({"samples": 3}, "samples: one-at-a-time takes none"),
        ({"method": "sobol", "samples": 10}, "samples: 10 is no power of 2"),
        ({"ranges": {}}, "ranges: nothing to vary"),
        ({"ranges": {"A": (0, 1, 2)}}, "ranges: A has 3 ends"),
        ({"ranges": {"A": (1, 0)}}, "levels: 0 follows 1"),
        ({"ranges": {"C": (0, 1)}}, "parameter: the device has no C"),
        ({"metric": "speed"}, "metrics: there is no 'speed'"),
    ],
)
def test_bad_input(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        found(**{"method": "one-at-a-time", **change})


def test_bits_have_no_levels_in_between() -> None:
    device = Device(FrequencyMismatch(0.1), WeightQuantization(4), PhaseQuantization(4))
    ranges = {"WeightQuantization": (2.0, 8.0)}
    network = topology.layered([2, 3, 2], rng=0)
    data = (np.full((3, 2), 0.5), np.zeros(3, dtype=np.intp))
    with pytest.raises(ValueError, match=r"ranges: WeightQuantization.bits has no levels in"):
        robustness.sensitivity(network, data, device, "morris", cost=COST, ranges=ranges)
    table = robustness.sensitivity(network, data, device, cost=COST, ranges=ranges, chips=2).table
    assert table["highest"].tolist() == [8.0]


def test_no_variance_to_share() -> None:
    with pytest.raises(ValueError, match="no variance to share; widen"):
        found("sobol", samples=4, metric="locked")
