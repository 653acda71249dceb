"""NIRSubstrate: the phases of the ideal network, out of spikes."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy

import neurosc
from neurosc import CosineCost, Ideal, Nudge, PhaseNetwork, Substrate
from neurosc.export import NIRSubstrate, from_nir, read, to_nir, write
from neurosc.hw_models.spiking.taps import pair_design
from neurosc.network import wrap


def network(seed: int = 1) -> PhaseNetwork:
    """9 oscillators with a strong field, so that there is one equilibrium and it is near."""
    return neurosc.topology.layered([4, 3, 2], field_scale=0.5, rng=seed)


X = np.random.default_rng(0).random((3, 4))
QUICK = NIRSubstrate(0.3, 32, 80)


def error(found: npt.NDArray[np.float64], net: PhaseNetwork) -> npt.NDArray[np.float64]:
    """Largest error of each sample against the equilibrium in whose basin it ended."""
    ideal = Ideal().relax(net, X, start=found).raise_for_status()
    return np.asarray(np.abs(wrap(found - ideal.phases)).max(axis=1))


@pytest.mark.parametrize("seed", [1, 2])
def test_phases_agree_with_the_ideal_equilibrium(seed: int) -> None:
    net = network(seed)
    found = NIRSubstrate(0.15, 32, 260).relax(net, X).raise_for_status()
    assert found.phases.shape == (3, 9)
    assert np.median(error(found.phases, net)) < 0.025
    np.testing.assert_array_equal(found.phases[:, :4], net.encode(X).phases[:, :4])
    assert (found.residual < 0.02 * net.strength.max()).all()


def test_what_is_left_is_the_shape_of_the_interaction() -> None:
    """With H of the taps in place of the sine, the equilibrium is where the spikes are."""
    net, n = network(2), 48
    found = NIRSubstrate(0.1, n, 250).relax(net, X[:1]).raise_for_status()
    H, free = pair_design(3, 2, steps_per_cycle=n).interaction, net.free

    def torque(moving: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        theta = found.phases[0].copy()
        theta[free] = moving
        pull = (net.coupling[free] * H(theta[None, :] - moving[:, None])).sum(axis=1)
        b = net.field[free]
        return np.asarray(pull + b.real * H(-moving) + b.imag * H(np.pi / 2 - moving))

    solved = scipy.optimize.root(torque, found.phases[0, free], tol=1e-12)
    assert solved.success
    assert np.abs(wrap(solved.x - found.phases[0, free])).max() < 0.003
    ideal = Ideal().relax(net, X[:1], start=found.phases)
    assert np.abs(wrap(ideal.phases - found.phases)).max() > 0.006


def test_a_floating_network_is_read_in_its_gauge() -> None:
    rng = np.random.default_rng(5)
    net = neurosc.topology.all_to_all(5, 2.0, frequency=1 + rng.normal(0, 0.4, 5))
    found = NIRSubstrate(0.2, 32, 200).relax(net).raise_for_status()
    ideal = Ideal().relax(net).raise_for_status()
    assert found.phases[0, 0] == 0.0
    assert np.abs(wrap(found.phases - ideal.phases)).max() < 0.03
    assert found.residual[0] < 0.03


def test_oscillators_that_run_away_are_not_locked() -> None:
    net = neurosc.topology.all_to_all(3, 0.2, frequency=np.array([-1.0, 0.0, 1.0]))
    found = NIRSubstrate(0.2, 32, 60).relax(net)
    assert found.summary() == "1 NOT_LOCKED"


def test_laws_of_a_substrate() -> None:
    net = network()
    assert isinstance(QUICK, Substrate)
    batch = QUICK.relax(net, X, rng=0)
    np.testing.assert_array_equal(QUICK.relax(net, X, rng=0).phases, batch.phases)
    np.testing.assert_array_equal(QUICK.relax(net, X[:2], rng=0).phases, batch.phases[:2])


def test_the_file_is_what_runs(tmp_path: Path) -> None:
    net = network()
    write(to_nir(net, eps=0.3, steps_per_cycle=32), tmp_path / "net.nir")
    graph = read(tmp_path / "net.nir")
    substrate = NIRSubstrate.from_graph(graph, cycles=80)
    found = substrate.relax(from_nir(graph), X)
    np.testing.assert_array_equal(found.phases, QUICK.relax(net, X).phases)
    graph.nodes["drive"].weight[:] = 0  # nothing but the file decides
    silent = substrate.relax(net, X)
    assert np.abs(wrap(silent.phases - found.phases)).max() > 0.3
    with pytest.raises(ValueError, match="network: it is not the one in the graph"):
        substrate.relax(network(2), X)


def test_the_grid_costs_precision() -> None:
    net = network()
    found = NIRSubstrate(0.3, 32, 150, reset="grid").relax(net, X)
    assert 0.02 < np.median(error(found.phases, net)) < 1.0


def test_what_a_static_file_cannot_do() -> None:
    net = network()
    with pytest.raises(ValueError, match=r"nudge: .* learn on Ideal\(\)"):
        QUICK.relax(net, X, nudge=Nudge(CosineCost(), [0, 1, 1], 0.1))
    with pytest.raises(ValueError, match="start: NIR has no initial state"):
        QUICK.relax(net, X, start=np.zeros(9))
    with pytest.raises(ValueError, match="x: this network has 4 inputs"):
        QUICK.relax(net)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 0}, "window: 0 cycles"),
        ({"cycles": 31}, "cycles: 31 are fewer than two readings of 16; give 32 or more"),
        ({"reset": "soft"}, "reset: 'soft' is unknown"),
    ],
)
def test_numbers_out_of_range(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NIRSubstrate(**arguments)  # type: ignore[arg-type]


def test_the_graph_fixes_what_it_was_made_for() -> None:
    with pytest.raises(ValueError, match="eps: the graph fixes it"):
        NIRSubstrate.from_graph(to_nir(network()), eps=0.1)
