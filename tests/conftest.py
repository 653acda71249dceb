"""Networks that many tests share."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
import scipy.sparse

from neurosc import PhaseNetwork, topology
from neurosc.network import ComplexArray, FloatArray

hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=40)
hypothesis.settings.load_profile("fixed")


def random_coupling(n: int, rng: np.random.Generator, *, lags: bool = False) -> ComplexArray:
    """A random Hermitian coupling without a diagonal."""
    j = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if lags else 0)
    j = (j + j.conj().T) / np.sqrt(8 * n)
    np.fill_diagonal(j, 0)
    return np.asarray(j)


def few_edges(n: int, share: float, *, lags: bool, sparse: bool) -> PhaseNetwork:
    """Every parameter non-zero, a held oscillator, and that share of the edges."""
    rng = np.random.default_rng(5)
    mask = rng.random((n, n)) < share
    mask[[3, 4], [n - 1, n - 2]] = True
    j = random_coupling(n, rng, lags=lags) * 5 * (mask | mask.T)
    return PhaseNetwork(
        scipy.sparse.csr_array(j) if sparse else j,
        rng.normal(0, 0.3, n),
        rng.standard_normal(n) + 1j * rng.standard_normal(n),
        rng.normal(0, 0.3, n),
        inputs=[0, 1],
        outputs=[n - 2, n - 1],
        held=[2],
    )


def kuramoto(n: int, rng: np.random.Generator, spread: float = 0.3) -> PhaseNetwork:
    """Positive random couplings that sum to about 3, scattered frequencies, nothing held."""
    k: FloatArray = rng.uniform(0.5, 1.5, (n, n))
    k = 3 * (k + k.T) / 2 / n
    np.fill_diagonal(k, 0)
    return PhaseNetwork(k, rng.normal(0, spread, n), outputs=[n - 2, n - 1])


@pytest.fixture(params=["real", "lags"])
def general(request: pytest.FixtureRequest) -> PhaseNetwork:
    """Every parameter non-zero, amplitude-coded inputs, a held oscillator."""
    from neurosc import Encoding

    rng = np.random.default_rng(3)
    n = 9
    return PhaseNetwork(
        random_coupling(n, rng, lags=request.param == "lags"),
        rng.normal(0, 0.05, n),
        rng.standard_normal(n) + 1j * rng.standard_normal(n),
        rng.normal(0, 0.1, n),
        inputs=[0, 1],
        outputs=[7, 8],
        held=[2],
        encoding=Encoding("amplitude", 0.7),
    )


@pytest.fixture
def small() -> PhaseNetwork:
    """A 4-5-3 layered network."""
    return topology.layered([4, 5, 3], rng=1)


@pytest.fixture
def samples() -> FloatArray:
    """Samples for `small`."""
    return np.random.default_rng(2).random((12, 4))


@pytest.fixture
def labels() -> np.ndarray:
    """Their classes."""
    return np.arange(12) % 3
