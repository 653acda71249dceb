"""A feed-forward phasor net, which is also a network of oscillators."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.costs import CrossEntropy
from neurosc.network import ComplexArray, Encoding, FloatArray, IntArray, PhaseNetwork
from neurosc.phasor.layers import PhasorActivation, PhasorLinear, PhasorReadout, real_to_phasor
from neurosc.randomness import RNG, substream

HALF_TURN = Encoding("phase", np.pi)
"""Samples x in [0, 1] as phases from 0 to half a turn."""
GAMMA = 0.1
"""Strength of a layer in units of the one before it: weak enough to follow, strong enough to be
felt."""


@dataclasses.dataclass(frozen=True, eq=False)
class PhasorMLP:
    """z_0 = e^{i scale x}, then z_l = u_l / |u_l| with u_l = W_l z_{l-1} + b_l; logits Re(V z_L).

    Parameters
    ----------
    hidden
        W_l and b_l for l = 1 to L.
    readout
        V.
    encoding
        How samples become phases.

    Raises
    ------
    ValueError
        For no hidden layer, sizes that do not fit, and encodings other than phases.

    Notes
    -----
    The same net is the limit gamma -> 0 of a network of oscillators with the Hermitian couplings
    J_{l,l-1} = gamma^{l-1} W_l, `to_network(gamma)`: each layer turns to the minimum of its energy,
    u / |u|, and hardly feels the next. Source: Noest, NIPS 1987, for the units.
    """

    hidden: tuple[PhasorLinear, ...]
    readout: PhasorReadout
    encoding: Encoding = HALF_TURN

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if not self.hidden:
            raise ValueError("hidden: holds no layer; give at least one PhasorLinear")
        if self.encoding.kind != "phase":
            raise ValueError(
                f"encoding: samples enter as phases, not as {self.encoding.kind}; give "
                'Encoding("phase", scale)'
            )
        matrices = [layer.weight for layer in self.hidden] + [self.readout.weight]
        for k, (one, other) in enumerate(itertools.pairwise(matrices)):
            if one.shape[0] != other.shape[1]:
                raise ValueError(
                    f"hidden: layer {k + 1} has {one.shape[0]} units and what follows takes "
                    f"{other.shape[1]}; give as many"
                )

    @classmethod
    def random(
        cls, sizes: Sequence[int], *, encoding: Encoding = HALF_TURN, rng: RNG = None
    ) -> PhasorMLP:
        """Random weights for sizes such as [64, 32, 10]: inputs, hidden layers, classes."""
        widths: list[Any] = list(sizes)
        if not all(isinstance(w, int | np.integer) and not isinstance(w, bool) for w in widths):
            raise TypeError(f"sizes: {widths} are no whole numbers; give such as [64, 32, 10]")
        if len(widths) < 3 or min(widths) < 1:
            raise ValueError(
                f"sizes: {widths} is too short or holds an empty layer; give inputs, at least "
                "one hidden layer, and classes"
            )
        hidden = tuple(
            PhasorLinear.random(a, b, rng=substream(rng, "layer", k))
            for k, (a, b) in enumerate(itertools.pairwise(widths[:-1]))
        )
        readout = PhasorReadout.random(*widths[-2:], rng=substream(rng, "layer", len(hidden)))
        return cls(hidden, readout, encoding)

    @property
    def sizes(self) -> list[int]:
        """Inputs, units of each hidden layer, classes."""
        hidden = [len(layer.weight) for layer in self.hidden]
        return [self.hidden[0].weight.shape[1], *hidden, len(self.readout.weight)]

    @property
    def cost(self) -> CrossEntropy:
        """The cross-entropy of the logits, as a cost on the phases of the last hidden layer."""
        return CrossEntropy(self.readout.weight)

    def states(self, x: npt.ArrayLike) -> list[ComplexArray]:
        """Phasors (..., units) of every layer, the inputs first, for samples x (..., inputs)."""
        activation = PhasorActivation()
        states = [real_to_phasor(x, self.encoding.scale)]
        for layer in self.hidden:
            states.append(activation(layer(states[-1])))
        return states

    def __call__(self, x: npt.ArrayLike) -> FloatArray:
        """Logits (..., classes) of samples x (..., inputs)."""
        return self.readout(self.states(x)[-1])

    def predict(self, x: npt.ArrayLike) -> IntArray:
        """The class of the largest logit, (...)."""
        return np.asarray(np.argmax(self(x), axis=-1), dtype=np.intp)

    def to_network(self, gamma: float = GAMMA) -> PhaseNetwork:
        """The oscillators: inputs, then layer by layer; outputs are those of the last hidden layer.

        Couplings and fields of layer l are gamma^{l-1} W_l and gamma^{l-1} b_l. Read them with
        `cost`.

        Raises
        ------
        ValueError
            For a gamma that is not positive, or so small that layers vanish beside the first.
        """
        self.check_gamma(gamma)
        edges = np.cumsum([0, *self.sizes[:-1]])
        coupling = np.zeros((edges[-1], edges[-1]), dtype=np.complex128)
        field = np.zeros(edges[-1], dtype=np.complex128)
        for into, of, strength, layer in self.places(gamma):
            coupling[into, of] = strength * layer.weight
            coupling[of, into] = coupling[into, of].conj().T
            field[into] = strength * layer.bias
        return PhaseNetwork(
            coupling,
            field=field,
            inputs=range(int(edges[1])),
            outputs=range(int(edges[-2]), int(edges[-1])),
            encoding=self.encoding,
        )

    def with_network(self, network: PhaseNetwork, *, gamma: float = GAMMA) -> PhasorMLP:
        """The net with this read-out whose `to_network(gamma)` is this network."""
        self.check_gamma(gamma)
        n = int(sum(self.sizes[:-1]))
        if network.n != n:
            raise ValueError(f"network: {network.n} oscillators, but this net has {n}")
        hidden = tuple(
            PhasorLinear(network.coupling[into, of] / strength, network.field[into] / strength)
            for into, of, strength, _ in self.places(gamma)
        )
        return dataclasses.replace(self, hidden=hidden)

    def places(self, gamma: float) -> Iterator[tuple[slice, slice, float, PhasorLinear]]:
        """Of each hidden layer: its oscillators, those before it, gamma^{l-1}, and itself."""
        edges = np.cumsum([0, *self.sizes[:-1]]).tolist()
        triples = zip(edges, edges[1:], edges[2:], strict=False)
        for k, (layer, (a, b, c)) in enumerate(zip(self.hidden, triples, strict=True)):
            yield slice(b, c), slice(a, b), gamma**k, layer

    def check_gamma(self, gamma: float) -> None:
        """Raise ValueError for a gamma that is not in (0, 1], or leaves nothing of a layer."""
        depth = len(self.hidden)
        if not 0 < gamma <= 1 or gamma ** (depth - 1) < np.finfo(float).eps:
            raise ValueError(
                f"gamma: {gamma} leaves nothing of layer {depth}; give one of (0, 1], such as 0.1"
            )

    def __repr__(self) -> str:
        return f"PhasorMLP({self.sizes})"
