"""Spiking oscillators: speed against plain Brian2, phases and gradients against the ideal model.

    python tests/benchmarks/spiking.py [speed] [phases] [gradients] [noise]

prints the tables that are named, or all.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pandas as pd

from neurosc import (
    CosineCost,
    Ideal,
    Nudge,
    PhaseNetwork,
    implicit_gradient,
    topology,
    two_phase_gradient,
)
from neurosc.hw_models import SpikingOscillators
from neurosc.hw_models.spiking import LIF, Winfree, expected_cosine
from neurosc.learning.gradient import learnable, of_states
from neurosc.network import FloatArray, wrap

SAMPLES, CYCLES, PEER_SAMPLES = 200, 200, 5
KINDS = ("lif", Winfree(16))
"""Four pulses a cycle are off by more than what weak noise leaves, at eps = .2."""
WEAK = 0.02
"""The nudge of noisy gradients; at .3 the bias of beta alone leaves cosines of .5 to 1."""
TRIALS, SETTLE = 16, 400
"""Gradients of a task with noise of their own, and cycles before they are read."""


def layered(seed: int) -> tuple[PhaseNetwork, FloatArray]:
    """The 2-5-2 network of the vowels with random weights, and a sample."""
    return topology.layered([2, 5, 2], rng=seed), np.random.default_rng(seed).random((1, 2))


def sparse(n: int, seed: int, spread: float = 1.0) -> tuple[PhaseNetwork, None]:
    """Four neighbours each, and frequencies that spread the phases by `spread` radians."""
    network = topology.random_graph(n, 4, rng=seed)
    omega = np.random.default_rng(seed).standard_normal(n)
    low, high = 0.0, 20.0
    for _ in range(40):
        middle = (low + high) / 2
        found = Ideal().relax(network.replace(frequency=middle * omega))
        fits = found.locked[0] and np.ptp(found.phases) < spread
        low, high = (middle, high) if fits else (low, middle)
    return network.replace(frequency=low * omega), None


NETWORKS: dict[str, list[tuple[PhaseNetwork, FloatArray | None]]] = {
    "9 layered": [layered(k) for k in range(10)],
    "9 sparse": [sparse(9, k) for k in range(10)],
    "50 sparse": [sparse(50, k) for k in range(3)],
}


def errors(on: SpikingOscillators, case: str) -> pd.DataFrame:
    """Largest distances in radians from the ideal state, and from that of the taps' H."""
    rows = []
    for network, x in NETWORKS[case]:
        ideal = Ideal().relax(network, x).raise_for_status().phases
        found = on.relax(network, x, start=ideal).raise_for_status().phases
        taps = Ideal(interaction=on.interaction).relax(network, x, start=ideal).phases
        rows.append(
            {
                "ideal": np.abs(wrap(found - ideal)).max(),
                "predicted": np.abs(wrap(found - taps)).max(),
            }
        )
    return pd.DataFrame(rows)


def phases() -> None:
    """Medians and largest errors, by what the accuracy depends on."""
    rows = []
    for case in NETWORKS:
        changed: list[dict[str, Any]] = [
            {"eps": 0.05},
            {"eps": 0.05, "steps_per_cycle": 160, "pairs": 4},
            {"eps": 0.2},
            {"eps": 0.1},
            {"eps": 0.05, "steps_per_cycle": 64},
            {"eps": 0.05, "steps_per_cycle": 400},
        ]
        for changes in changed:
            on = SpikingOscillators(**changes)
            found = errors(on, case).agg(["median", "max"]).unstack()
            settings = {"eps": on.eps, "steps": on.steps_per_cycle, "pairs": on.pairs or 3}
            rows.append({"networks": case, **settings, **found})
    print(pd.DataFrame(rows).round(5).to_string(index=False))


def task(seed: int) -> tuple[PhaseNetwork, FloatArray, np.ndarray]:
    """A random 2-5-2 network with four samples of two classes."""
    network, _ = layered(100 + seed)
    return network, np.random.default_rng(seed).random((4, 2)), np.arange(4) % 2


def cosines(on: SpikingOscillators, *, frozen: bool) -> FloatArray:
    """Between the two-phase gradients in spikes and on the ideal model, of ten tasks."""
    found = []
    for seed in range(10):
        network, x, y = task(seed)
        settings = {"cost": CosineCost(), "beta": 0.3, "frozen": frozen}
        ideal = two_phase_gradient(network, x, y, **settings).vector()  # type: ignore[call-overload]
        ours = two_phase_gradient(network, x, y, on=on, **settings).vector()  # type: ignore[call-overload]
        found.append(ideal @ ours / np.linalg.norm(ideal) / np.linalg.norm(ours))
    return np.array(found)


def gradients() -> None:
    """Cosines without noise."""
    for name, on in {
        "LIF, eps .2": SpikingOscillators(eps=0.2, steps_per_cycle=400),
        "LIF, eps .05": SpikingOscillators(eps=0.05, steps_per_cycle=400),
        "LIF, eps .2, 96 steps": SpikingOscillators(eps=0.2, steps_per_cycle=96),
        "Winfree, eps .05": SpikingOscillators("winfree", eps=0.05, steps_per_cycle=400),
    }.items():
        for frozen in (False, True):
            found, nudge = cosines(on, frozen=frozen), "frozen" if frozen else "clock"
            print(
                f"{name:22s} {nudge:7s} median {np.median(found):.5f} least {found.min():.5f}",
                flush=True,
            )


def noisy_gradients(on: SpikingOscillators, seed: int) -> FloatArray:
    """Of a task, each with noise of its own, (trials, parameters): frozen nudges, symmetric."""
    network, x, y = task(seed)
    every, targets = np.tile(x, (TRIALS, 1)), np.tile(y, TRIALS)
    states = [Ideal().relax(network, every).phases]
    for k, beta in enumerate((0.0, WEAK, -WEAK)):
        nudge = Nudge(CosineCost(), targets, beta, at=states[1]) if beta else None
        rng = np.random.SeedSequence([seed, k])
        found = on.relax(network, every, nudge=nudge, start=states[-1], rng=rng)
        states.append(found.raise_for_status().phases)
    each = np.reshape(states[2:], (2, TRIALS, len(x), network.n)).swapaxes(0, 1)
    weights, amplitude = np.array([0.5, -0.5]) / WEAK, network.encode(x).amplitude
    names = learnable(network, None)
    return np.stack(
        [
            of_states(network, pair, weights, amplitude, loss=np.nan, unlocked=0).vector(*names)
            for pair in each
        ]
    )


def noisy_cosines(on: SpikingOscillators, seed: int) -> tuple[float, float, float]:
    """Between noisy gradients e and the exact g of a task: mean, g.<e>/(|g| rms |e|), its law."""
    network, x, y = task(seed)
    exact = implicit_gradient(network, x, y, cost=CosineCost()).vector(*learnable(network, None))
    each = noisy_gradients(on, seed)
    along = each @ exact / np.linalg.norm(exact)
    size = np.linalg.norm(each, axis=1)
    law = expected_cosine(
        network, x, y, cost=CosineCost(), beta=WEAK, frozen=True,
        eps=on.eps, noise=on.noise, jitter=on.jitter, cycles=on.read_cycles,
    )  # fmt: skip
    return float((along / size).mean()), float(along.mean() / np.sqrt((size**2).mean())), law


def noise() -> None:
    """Cosines with noise against the law: means over ten tasks, and errors of the difference."""
    head = f"{'noise':>6s} {'jitter':>6s} {'cycles':>6s} {'mean':>7s} {'of rms':>7s} {'law':>7s}"
    print(f"{'':18s} {head} of rms - law")
    levels: list[dict[str, Any]] = [
        *({"neuron": kind, "noise": sigma} for kind in KINDS for sigma in (0.001, 0.003, 0.01)),
        {"neuron": "lif", "jitter": 0.003},
    ]
    for level, read in itertools.product(levels, (16, 64)):
        on = SpikingOscillators(**level, read_cycles=read, cycles=SETTLE + 3 * read)
        found = np.array([noisy_cosines(on, seed) for seed in range(10)])
        mean, rms, law = found.mean(axis=0)
        apart = found[:, 1] - found[:, 2]
        error = apart.std(ddof=1) / np.sqrt(len(apart))
        print(
            f"{on.neuron!s:18s} {on.noise:6g} {on.jitter:6g} {read:6d} "
            f"{mean:7.4f} {rms:7.4f} {law:7.4f} {apart.mean():+.4f} +- {error:.4f}",
            flush=True,
        )


def plain_brian(network: PhaseNetwork, x: FloatArray, on: SpikingOscillators) -> float:
    """One Brian2 network per sample with the Cython target; seconds a sample."""
    import brian2 as b2

    b2.prefs.codegen.target = "cython"
    b2.defaultclock.dt = 1 / on.steps_per_cycle * b2.second
    taps, neuron, free, held = on.taps, LIF(), network.free, network.fixed
    tau, pole = neuron.tau * b2.second, taps.pole * b2.second  # noqa: F841 - namespace
    started = 0.0
    for number, sample in enumerate(x):
        if number == 1:  # the first compiles
            started = time.process_time()
        b2.start_scope()
        chain = "\n".join(
            f"ds{k}/dt = ({f's{k - 1}' if k > 1 else '0*Hz'} - s{k})/pole : Hz"
            for k in range(1, taps.poles + 1)
        )
        group = b2.NeuronGroup(
            free.size,
            f"dv/dt = (I - v)/tau + s{taps.poles} : 1\nI : 1\n{chain}",
            threshold="v >= 1", reset="v -= 1", method="exact",
        )  # fmt: skip
        group.I = neuron.current(network.frequency[free], on.eps)
        phases = network.encode(sample[None]).phases[0, held]
        clock = [*phases, 0.0, np.pi / 2]
        times = [(k - p / (2 * np.pi)) for p in clock for k in range(1, CYCLES)]
        owner = np.repeat(np.arange(len(clock)), CYCLES - 1)
        source = b2.SpikeGeneratorGroup(len(clock), owner, times * b2.second)
        parts = [group, source]
        weights = {
            source: np.concatenate(
                [network.coupling[np.ix_(held, free)],
                 [network.field[free].real, network.field[free].imag]]
            ),
            group: network.coupling[np.ix_(free, free)],
        }  # fmt: skip
        for before, matrix in weights.items():
            i, j = np.nonzero(matrix)
            synapses = b2.Synapses(
                before, group, "w : 1",
                on_pre={f"p{k}": f"s1_post += {a!r}*w/pole" for k, a in enumerate(taps.weights)},
                delay={f"p{k}": d * b2.second for k, d in enumerate(taps.delays)},
            )  # fmt: skip
            synapses.connect(i=i, j=j)
            synapses.w = on.eps * matrix[i, j]
            parts.append(synapses)
        monitor = b2.SpikeMonitor(group)
        b2.Network(*parts, monitor).run(CYCLES * b2.second)
    return (time.process_time() - started) / (len(x) - 1)


def the_same() -> tuple[PhaseNetwork, FloatArray, SpikingOscillators]:
    """What both run."""
    x = np.random.default_rng(0).random((SAMPLES, 2))
    return layered(0)[0], x, SpikingOscillators(eps=0.2, cycles=CYCLES)


def once() -> float:
    """CPU seconds of one relaxation of all samples, child processes included."""
    network, x, on = the_same()
    before = os.times()
    on.relax(network, x)
    return float(sum(os.times()[:4]) - sum(before[:4]))


def speed() -> None:
    """Seconds of CPU for 200 samples, both in this process, after the builds."""
    times = {"first call, with the build": once(), "next calls": min(once() for _ in range(5))}
    command = [sys.executable, __file__, "again"]
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    times["first call of a second process"] = float(again.stdout)
    network, x, on = the_same()
    peer = SAMPLES * plain_brian(network, x[: PEER_SAMPLES + 1], on)
    times["plain Brian2, Cython, a network per sample"] = peer
    for name, value in times.items():
        print(f"{name:45s} {value:8.2f} s of CPU, plain Brian2 / this: {peer / value:.1f}")


TABLES = {"speed": speed, "phases": phases, "gradients": gradients, "noise": noise}


def main(names: list[str]) -> None:
    """Print the tables."""
    if names == ["again"]:  # a second process
        print(once())
        return
    for name in names or list(TABLES):
        print(f"\n{name}")
        TABLES[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
