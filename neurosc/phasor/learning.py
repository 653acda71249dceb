"""Phasor nets that learn by two relaxations of their oscillators, and what verifies it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.costs import CrossEntropy
from neurosc.ideal import Ideal
from neurosc.learning import Fit, fit, two_phase_gradient
from neurosc.network import ComplexArray
from neurosc.phasor.layers import PhasorReadout, phase_of
from neurosc.phasor.mlp import GAMMA, PhasorMLP
from neurosc.phasor.model import PhasorModel
from neurosc.phasor.quantization import Quantization, QuantizedPhasors
from neurosc.randomness import RNG
from neurosc.substrate import Substrate


@dataclasses.dataclass(frozen=True, eq=False)
class PhasorFit:
    """A trained phasor net.

    Attributes
    ----------
    net
        The net.
    fit
        The run, with the history; `fit.network` is a `PhasorModel`, or what relaxed on a substrate.
    """

    net: PhasorMLP
    fit: Fit


@dataclasses.dataclass(frozen=True, eq=False)
class PhasorGradient:
    """dL/dRe p + i dL/dIm p of the mean cross-entropy L.

    Attributes
    ----------
    weights, biases
        Of each hidden layer.
    readout
        Of V.
    """

    weights: tuple[ComplexArray, ...]
    biases: tuple[ComplexArray, ...]
    readout: ComplexArray

    def vector(self) -> npt.NDArray[np.float64]:
        """All of it as one real vector."""
        flat = np.concatenate([p.ravel() for p in (*self.weights, *self.biases, self.readout)])
        return np.concatenate([flat.real, flat.imag])


def train(
    net: PhasorMLP,
    data: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    epochs: int,
    learning_rate: float,
    gamma: float = GAMMA,
    beta: float = 0.1,
    on: Substrate | None = None,
    quantize: Quantization | None = None,
    rng: RNG = None,
    **settings: Any,
) -> PhasorFit:
    """Train a phasor net with two relaxations per sample, no pass backwards.

    The oscillators of `net.to_network(gamma)` relax with the nudges +beta and -beta of the
    cross-entropy, and couplings, fields and read-out learn from the difference.

    Parameters
    ----------
    net, data
        The net to start from; samples x (m, inputs) and labels y (m,).
    epochs, learning_rate
        See `fit`. The rate is that of W, b and V: the couplings gamma^{l-1} W of layer l learn at
        gamma^{l-1} times the rate, which for Adam is the same.
    gamma
        Strength of a layer in units of the one before it.
    beta
        Of the nudge, in units of the last layer's strength gamma^{L-1}.
    on
        The substrate on which the network relaxes. Unless given, a `PhasorModel` relaxes in
        compiled code and learns from what it reached.
    quantize
        What the hardware makes of the weights, such as `Polar(3)`. Both relaxations use those, and
        the updates move the weights themselves, which `PhasorFit.net` has: quantise it to use it.
    rng
        Random numbers.
    settings
        Further arguments of `fit`; `bounds` and `frozen` are for substrates alone.
    """
    if on is None:
        model = PhasorModel(net, gamma, quantize=quantize, certify=False)
        result = fit(
            model,
            data,
            cost=net.cost,
            epochs=epochs,
            learning_rate=learning_rate,
            learn=("weights", "bias", "readout"),
            beta=beta,
            rng=rng,
            **{"unsettled": "learn", **settings},
        )
        net = result.network.net
    else:
        result = _fit_on(
            net,
            data,
            epochs,
            learning_rate,
            gamma=gamma,
            beta=beta * gamma ** (len(net.hidden) - 1),
            on=on if quantize is None else QuantizedPhasors(net, quantize, gamma, on),
            rng=rng,
            **settings,
        )
        net = net.with_network(result.network, gamma=gamma)
    if isinstance(result.cost, CrossEntropy):
        net = dataclasses.replace(net, readout=PhasorReadout(result.cost.matrix(net.sizes[-2])))
    return PhasorFit(net, result)


def _fit_on(
    net: PhasorMLP,
    data: tuple[npt.ArrayLike, npt.ArrayLike],
    epochs: int,
    learning_rate: float,
    *,
    gamma: float,
    **settings: Any,
) -> Fit:
    """Train the oscillators of a net."""
    rates = tuple(learning_rate * gamma**k for k in range(len(net.hidden)))
    return fit(
        net.to_network(gamma),
        data,
        cost=net.cost,
        epochs=epochs,
        learning_rate={"coupling": rates, "field": rates, "readout": learning_rate},
        learn=("coupling", "field", "readout"),
        **settings,
    )


def relaxed_gradient(
    net: PhasorMLP,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    gamma: float = GAMMA,
    beta: float = 1e-3,
    on: Substrate | None = None,
    rng: RNG = None,
) -> PhasorGradient:
    """The gradient by two relaxations of `net.to_network(gamma)`.

    As gamma -> 0, it goes to `reference_gradient` with an error O(gamma) + O(beta^2).
    """
    network, cost = net.to_network(gamma), net.cost
    strength = beta * gamma ** (len(net.hidden) - 1)
    free = (Ideal() if on is None else on).relax(network, x, rng=rng)
    found = two_phase_gradient(
        network, x, y, cost=cost, beta=strength, on=on, rng=rng, start=free.phases
    )
    weights, biases = [], []
    for into, of, scale, _ in net.places(gamma):
        weights.append(scale * found.coupling[into, of])
        biases.append(scale * found.field[into])
    seen = free.phases[:, network.outputs]
    return PhasorGradient(tuple(weights), tuple(biases), cost.weights_gradient(seen, y))


def reference_gradient(net: PhasorMLP, x: npt.ArrayLike, y: npt.ArrayLike) -> PhasorGradient:
    """The gradient by a pass backwards: to verify the other one with, learning does not use it.

    With g = dL/dRe z + i dL/dIm z, a layer z = u / |u|, u = W z' + b hands on

        g_u = i z Im(conj(z) g) / |u|,  dL/dW = g_u z'^H,  dL/db = g_u,  g' = W^H g_u.
    """
    cost, states = net.cost, net.states(x)
    labels = np.asarray(y)
    logits = net.readout(states[-1])
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(labels)), labels] -= 1
    back = (p / len(labels)) @ net.readout.weight.conj()
    weights: list[ComplexArray] = []
    biases: list[ComplexArray] = []
    for layer, z, before in zip(net.hidden[::-1], states[:0:-1], states[-2::-1], strict=True):
        slope = 1j * z * (z.conj() * back).imag / np.abs(layer(before))
        weights.insert(0, slope.T @ before.conj())
        biases.insert(0, slope.sum(axis=0))
        back = slope @ layer.weight.conj()
    readout = cost.weights_gradient(phase_of(states[-1]), labels)
    return PhasorGradient(tuple(weights), tuple(biases), readout)
