"""What a relaxation says of samples that do not lock, and the way off a saddle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy

from neurosc import Ideal, PhaseNetwork, RelaxationError, Status, topology
from neurosc.network import FloatArray
from tests.conftest import kuramoto, random_coupling


@pytest.mark.parametrize("method", ["auto", "pcg", "steps"])
def test_the_oscillator_with_too_much_detuning_is_named(method: Any) -> None:
    network = kuramoto(9, np.random.default_rng(0), spread=0.1)
    fast = network.frequency.copy()
    fast[4] += 9.0
    relaxed = Ideal(method).relax(network.replace(frequency=fast))
    assert relaxed.status.tolist() == [Status.NOT_LOCKED]
    with pytest.raises(RelaxationError, match=r"oscillator 4: detuning 7\.88 exceeds the 2\.81"):
        relaxed.raise_for_status()


@pytest.mark.parametrize("sparse", [False, True])
def test_a_group_that_pulls_away_together_is_named(sparse: bool) -> None:
    """Two rings of strong couplings with one weak bridge: no single oscillator is to blame."""
    coupling = np.zeros((12, 12))
    for a in (0, 6):
        for i in range(6):
            j = a + (i + 1) % 6
            coupling[a + i, j] = coupling[j, a + i] = 5.0
    coupling[2, 8] = coupling[8, 2] = 0.5
    frequency = np.where(np.arange(12) < 6, -0.1, 0.1)
    network = PhaseNetwork(scipy.sparse.csr_array(coupling) if sparse else coupling, frequency)
    found = Ideal("sparse" if sparse else "newton").relax(network)
    assert found.status[0] != Status.LOCKED
    told = found.explain(0)
    assert "detunings, which sum to 0.6 exceeds the 0.5" in told
    numbers = {int(word) for word in told.split(":")[1].replace(",", "").split() if word.isdigit()}
    assert numbers in ({0, 1, 2, 3, 4, 5}, {6, 7, 8, 9, 10, 11})


def test_the_oscillators_of_a_saddle_are_named() -> None:
    network = PhaseNetwork(np.ones((4, 4)) - np.eye(4))
    relaxed = Ideal().relax(network, start=[[0.0, 0.0, np.pi, 0.0]])
    lowest = np.linalg.eigvalsh(network.hessian([0.0, 0.0, np.pi, 0.0]))[0]
    told = relaxed.explain(0)
    assert told.startswith(f"UNSTABLE: lowest eigenvalue of the Hessian {lowest:.3g}, along")
    assert "along oscillator 2;" in told
    assert "escape=True" in told


def test_a_locked_sample_has_nothing_to_explain() -> None:
    assert Ideal().relax(kuramoto(5, np.random.default_rng(0))).explain(0).startswith("LOCKED")


@pytest.mark.parametrize("method", ["lanes", "newton", "pcg", "sparse"])
def test_escape_ends_in_minima_below_the_saddles(method: str) -> None:
    rng = np.random.default_rng(2)
    coupling: FloatArray = random_coupling(9, rng).real
    network = PhaseNetwork(coupling)
    if method == "sparse":
        network = network.replace(coupling=scipy.sparse.csr_array(coupling))
    start = np.pi * rng.integers(0, 2, (20, 9))  # at 0 and pi every torque vanishes
    held = Ideal(method).relax(network, start=start)  # type: ignore[arg-type]
    assert (held.status == Status.UNSTABLE).sum() > 10
    freed = Ideal(method, escape=True).relax(network, start=start)  # type: ignore[arg-type]
    freed.raise_for_status()
    left = held.status == Status.UNSTABLE
    assert (network.energy(freed.phases)[left] < network.energy(held.phases)[left] - 1e-6).all()
    assert (freed.phases[~left] == held.phases[~left]).all()


def test_escape_from_a_saddle_of_a_large_sparse_network() -> None:
    ring = topology.random_graph(2000, 2)
    broken = np.where(np.arange(2000) == 5, np.pi, 0.0)
    assert Ideal().relax(ring, start=broken).status.tolist() == [Status.UNSTABLE]
    Ideal(escape=True).relax(ring, start=broken).raise_for_status()


def test_escape_means_nothing_to_steps() -> None:
    with pytest.raises(ValueError, match="escape: steps run through time"):
        Ideal("steps", escape=True)


@pytest.mark.parametrize("sparse", [False, True])
def test_steps_that_rest_on_a_saddle_say_so(sparse: bool) -> None:
    """Rounding alone pushes off an exact saddle, and takes its time."""
    pair = scipy.sparse.csr_array([[0.0, 1.0], [1.0, 0.0]])
    network = PhaseNetwork(pair if sparse else pair.toarray())
    found = Ideal("steps", duration=8.0).relax(network, start=[[0.0, np.pi], [0.0, 0.1]])
    assert found.status.tolist() == [Status.UNSTABLE, Status.LOCKED]
