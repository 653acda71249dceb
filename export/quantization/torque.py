"""The torques that the spikes of a population make, and the phases that they lead to."""

from __future__ import annotations

import numpy as np

from neurosc.export.compile import CLOCKS, sources
from neurosc.export.portable.grid_taps import phase_advance
from neurosc.export.portable.population import Population, crossing
from neurosc.export.quantization.couplings import interaction
from neurosc.network import FloatArray, PhaseNetwork, wrap


def torque(population: Population, phases: FloatArray) -> FloatArray:
    """What each oscillator gains at phases (batch, n_oscillators), (batch, m), but for a constant.

        tau_i = 2 pi / (n eps) [sum_j H_ij(theta_j - theta_i) - T_i + drift_i],

    per unit of the network's time, where H_ij is made of all taps between neurons i and j, T_i in
    steps follows from the bias, and drift_i from unequal pushes of the dither.
    """
    network, n = population.network, population.settings.steps_per_cycle
    gain = phase_advance(population.decays, n)
    rows = population.oscillators
    steps = drift(population, gain) - crossing(population.decays, population.bias[rows])
    won = np.broadcast_to(steps, (len(phases), rows.size)).copy()
    own = phases[:, network.free]
    for head, theta in _senders(population, phases):
        columns = np.flatnonzero(population.head == head)
        taps = population.weight[np.ix_(rows, columns)]
        columns, taps = columns[taps.any(axis=0)], taps[:, taps.any(axis=0)]
        if columns.size:
            shape = taps @ interaction(gain, population.delay[columns]).T
            won += _periodic(shape, (theta[:, None] - own) / (2 * np.pi) * n)
    return won * 2 * np.pi / (n * population.settings.eps)


def drift(population: Population, gain: FloatArray) -> FloatArray:
    """Steps won in a cycle by pushes at random phases, (m,): n / q times their sum times mean G."""
    won = np.zeros(population.oscillators.size)
    for pacemaker in population.pacemakers:
        columns = np.flatnonzero(population.head == pacemaker)
        pushes = population.weight[np.ix_(population.oscillators, columns)].sum(axis=1)
        won += pushes * gain.mean() * gain.size / population.period(pacemaker)
    return won


def won(population: Population, gain: FloatArray) -> FloatArray:
    """Steps won in a cycle by all taps and pushes, on average over the phases, (m,)."""
    taps = ~np.isin(population.head, population.pacemakers)
    sums = population.weight[population.oscillators][:, taps].sum(axis=1)
    return np.asarray(sums * gain.mean() + drift(population, gain))


def moved(network: PhaseNetwork, phases: FloatArray, push: FloatArray) -> FloatArray:
    """How far torques (batch, m) move an equilibrium (batch, n_oscillators): Hessian^-1 push.

    A floating part does not resist a turn as a whole; it is measured from its reference.
    """
    free = network.free
    hessian = network.hessian(phases)[:, free[:, None], free]
    after = phases.copy()
    after[:, free] += np.einsum("bij,bj->bi", np.linalg.pinv(hessian, hermitian=True), push)
    return np.asarray(wrap(network.gauge(after) - network.gauge(phases))[:, free])


def _senders(population: Population, phases: FloatArray) -> list[tuple[int, FloatArray]]:
    """The neurons of period n that oscillators listen to, and their phases (batch,)."""
    network, batch = population.network, len(phases)
    channels = [np.full(batch, clock) for clock in CLOCKS]
    channels += list(phases[:, sources(network)].T)
    found = list(zip(population.oscillators.tolist(), phases[:, network.free].T, strict=True))
    for source in population.sources.tolist():
        found.append((source, channels[int(population.feed[source].argmax())]))
    return found


def _periodic(table: FloatArray, at: FloatArray) -> FloatArray:
    """Rows of a table (m, n) of a period, each at its own places (batch, m), linear between."""
    n = table.shape[1]
    whole = np.floor(at)
    k, rest = whole.astype(np.intp) % n, at - whole
    rows = np.arange(len(table))
    return np.asarray((1 - rest) * table[rows, k] + rest * table[rows, (k + 1) % n])
