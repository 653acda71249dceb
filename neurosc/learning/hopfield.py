"""The continuous Hopfield network: an energy model without phases."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.costs import check_batch
from neurosc.ideal.tiles import Precision
from neurosc.learning.energy_model import Array, Arrays, Rest
from neurosc.randomness import RNG, stream
from neurosc.substrate import Nudge, Status


@dataclasses.dataclass(frozen=True, eq=False)
class ContinuousHopfield:
    """A layered network of units that take values, with an energy.

    With the activation rho(s) = min(max(s, 0), 1), s_0 = x and the layers s_1 ... s_L that move,

        E = 1/2 sum_l |s_l|^2 - sum_l rho(s_l) . W_l rho(s_l+1) - sum_l b_l . rho(s_l)
        s_l <- clip(s_l - step dE/ds_l, 0, 1), all layers at once

    Its state is (batch, units), layer by layer; `"weights.l"` and `"bias.l"` are its parameters, of
    the layer l + 1 and what leads to it.

    Parameters
    ----------
    weights
        W_l, (units of layer l, units of layer l + 1), from the inputs on.
    biases
        b_l+1, (units of layer l + 1,).
    free_steps, nudged_steps
        Steps of a relaxation without and with a nudge.
    step
        Its size.
    tolerance
        Largest |dE/ds| at rest, of forces that do not push against 0 or 1. Samples that are not at
        rest are STEP_LIMIT; to learn from them all the same, use `unsettled="learn"`.
    precision
        `"float64"`, or `"float32"`: twice as fast.
    in_turn
        A step without a nudge lets every second layer fall to its minimum, s_l = clip(b_l + what
        its neighbours give, 0, 1), and then the others. It comes to the same rest in about a
        third of the steps of .5. A nudge is followed by steps as ever: at beta = -1 outputs have
        no minimum but 0 and 1.

    Raises
    ------
    ValueError
        For shapes that do not fit, steps out of range and numbers that are not finite.

    Notes
    -----
    Source: Scellier, Bengio, Front. Comput. Neurosci. 11:24 (2017), arXiv 1602.05179. They train it
    with `fit(scheme="one-sided", beta=1.0, random_sign=True, remember=True, optimiser="sgd",
    schedule="constant")` and a learning rate for each layer.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    free_steps: int = 20
    nudged_steps: int = 4
    step: float = 0.5
    tolerance: float = 1e-2
    precision: Precision = "float64"
    in_turn: bool = False
    _shown: dict[str, Any] = dataclasses.field(default_factory=dict, init=False, repr=False)
    """Read-only samples and what they drive, which both relaxations share."""

    def __post_init__(self) -> None:
        for name in ("weights", "biases"):
            arrays = tuple(np.asarray(a, dtype=self.precision) for a in getattr(self, name))
            object.__setattr__(self, name, arrays)
            if not all(np.isfinite(a).all() for a in arrays):
                raise ValueError(f"{name}: has entries that are not finite; replace NaN and inf")
        shapes = [w.shape for w in self.weights]
        fits = all(len(s) == 2 for s in shapes) and len(shapes) == len(self.biases) > 0
        if not fits or any(a[1] != b[0] for a, b in itertools.pairwise(shapes)):
            raise ValueError(
                f"weights: shapes {shapes} do not follow each other, with a bias for each; give "
                "(inputs, units), (units, more units), ..."
            )
        if any(b.shape != (w.shape[1],) for w, b in zip(self.weights, self.biases, strict=True)):
            raise ValueError(
                f"biases: shapes {[b.shape for b in self.biases]} do not fit; give one number for "
                f"each of {[s[1] for s in shapes]} units"
            )
        if min(self.free_steps, self.nudged_steps) < 1:
            raise ValueError("free_steps, nudged_steps: no step, no relaxation; give 1 or more")
        for name in ("step", "tolerance"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name}: {getattr(self, name)} is not a positive number")

    @classmethod
    def layered(
        cls,
        sizes: Sequence[int],
        *,
        gain: float | Sequence[float] = 1.0,
        rng: RNG = None,
        **settings: Any,
    ) -> ContinuousHopfield:
        """Weights from U(-a, a), a = gain sqrt(6 / (fan in + fan out)), and no biases.

        Parameters
        ----------
        sizes
            Units of each layer, the inputs first.
        gain
            Of all weights, or of each layer's. An output that its layer holds below -beta for all
            samples rests at 0 under every nudge and never learns; with more than one hidden layer
            small gains keep outputs from it.
        rng
            Draws the weights.
        settings
            The other parameters.

        Raises
        ------
        ValueError
            For fewer than two layers, an empty one, and gains that do not fit or are not positive.

        Notes
        -----
        Source of a: Glorot, Bengio, AISTATS 2010.
        """
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"sizes: {list(sizes)} needs two layers or more of one unit or more")
        draw = stream(rng, "hopfield")
        pairs = list(itertools.pairwise(sizes))
        weights = [
            g * np.sqrt(6 / (a + b)) * draw.uniform(-1, 1, (a, b))
            for g, (a, b) in zip(_gains(gain, len(pairs)), pairs, strict=True)
        ]
        return cls(tuple(weights), tuple(np.zeros(b) for _, b in pairs), **settings)

    @property
    def n_outputs(self) -> int:
        """See `EnergyModel`."""
        return int(self.biases[-1].size)

    @property
    def parameters(self) -> Arrays:
        """See `EnergyModel`."""
        named = {f"weights.{k}": w for k, w in enumerate(self.weights)}
        return named | {f"bias.{k}": b for k, b in enumerate(self.biases)}

    def with_parameters(self, **changes: Any) -> ContinuousHopfield:
        """See `EnergyModel`."""
        new, count, other = self.parameters | changes, range(len(self.weights)), copy.copy(self)
        for name, key in (("weights", "weights"), ("biases", "bias")):  # known to be finite
            arrays = tuple(np.asarray(new[f"{key}.{k}"], self.precision) for k in count)
            object.__setattr__(other, name, arrays)
        object.__setattr__(other, "_shown", {})
        return other

    @cached_property
    def _columns(self) -> list[slice]:
        """Where each layer lies in a state."""
        ends = np.cumsum([0, *(b.size for b in self.biases)]).tolist()
        return [slice(a, b) for a, b in itertools.pairwise(ends)]

    def _split(self, state: Array) -> list[Array]:
        return [np.ascontiguousarray(state[..., own]) for own in self._columns]

    def _driven(self, x: npt.ArrayLike | None) -> tuple[Array, Array]:
        """rho(x), and b_1 + rho(x) W_0."""
        if self._shown.get("x") is not x or not isinstance(x, np.ndarray) or x.flags.writeable:
            rows = np.atleast_2d(np.asarray(x, dtype=self.precision))
            if rows.shape[1] != len(self.weights[0]):
                raise ValueError(
                    f"x: shape {rows.shape} does not fit {len(self.weights[0])} inputs; give "
                    f"(batch, {len(self.weights[0])})"
                )
            rows = np.clip(rows, 0, 1)
            self._shown.update(x=x, rows=rows, drive=rows @ self.weights[0] + self.biases[0])
        return self._shown["rows"], self._shown["drive"]

    def energy(self, state: Array, x: npt.ArrayLike | None) -> Array:
        """See `EnergyModel`."""
        layers = self._split(state)
        active = [np.clip(s, 0, 1) for s in layers]
        energy = 0.5 * (state**2).sum(axis=1) - (active[0] * self._driven(x)[1]).sum(axis=1)
        for below, s, w, b in zip(
            active[:-1], active[1:], self.weights[1:], self.biases[1:], strict=True
        ):
            energy -= ((below @ w + b) * s).sum(axis=1)
        return np.asarray(energy)

    def torque(self, state: Array, x: npt.ArrayLike | None) -> Array:
        """-dE/ds = -s + rho'(s) (b + what the neighbours give), (batch, units)."""
        layers = self._split(state)
        inside = (state >= 0) & (state <= 1)
        given = self._given([np.clip(s, 0, 1) for s in layers], self._driven(x)[1])
        return np.asarray(inside * np.concatenate(given, axis=1) - state)

    def _given(self, active: list[Array], drive: Array) -> list[Array]:
        """Of each layer b + what its neighbours give."""
        return [self._given_to(k, active, drive) for k in range(len(active))]

    def _given_to(self, k: int, active: list[Array], drive: Array) -> Array:
        if k + 1 < len(active):
            here = active[k + 1] @ self.weights[k + 1].T
            here += drive if k == 0 else self.biases[k]
        else:
            here = self.biases[k] if k else drive.copy()
        return here if k == 0 else active[k - 1] @ self.weights[k] + here

    def parameter_gradient(
        self, states: Array, weights: npt.ArrayLike, x: npt.ArrayLike | None
    ) -> Arrays:
        """See `EnergyModel`."""
        w = np.asarray(weights, dtype=self.precision) / states.shape[1]
        active = np.clip(states, 0, 1)
        weighted = active * w[:, None, None]
        total = weighted.sum(axis=0)
        found = {"weights.0": -(self._driven(x)[0].T @ total[:, self._columns[0]])}
        for k, (below, own) in enumerate(zip(self._columns[:-1], self._columns[1:], strict=True)):
            left = active[..., below].reshape(-1, below.stop - below.start)
            right = weighted[..., own].reshape(-1, own.stop - own.start)
            found[f"weights.{k + 1}"] = -(left.T @ right)
        for k, own in enumerate(self._columns):
            found[f"bias.{k}"] = -total[:, own].sum(axis=0)
        return found

    def seen(self, state: Array) -> Array:
        """See `EnergyModel`: the last layer."""
        return np.asarray(state[:, self._columns[-1]], dtype=np.float64)

    def relax(
        self,
        x: npt.ArrayLike | None,
        *,
        nudge: Nudge | None = None,
        start: Array | None = None,
        rng: RNG = None,
    ) -> Rest:
        """See `EnergyModel`; from zeros unless told otherwise. `rng` is not used."""
        drive = self._driven(x)[1]
        if nudge is not None:
            check_batch(nudge.cost, nudge.target, len(drive))
        if start is None:
            start = np.zeros((len(drive), self._columns[-1].stop), dtype=self.precision)
        elif np.shape(start) != (len(drive), self._columns[-1].stop):
            raise ValueError(
                f"start: shape {np.shape(start)} does not fit; give states "
                f"({len(drive)}, {self._columns[-1].stop})"
            )
        layers = [np.clip(s, 0, 1).astype(self.precision) for s in self._split(start)]
        for _ in range(self.free_steps if nudge is None else self.nudged_steps):
            if nudge is None and self.in_turn:
                self._turn(layers, drive)
            else:
                self._step(layers, drive, nudge)
        residual = np.zeros(len(drive))
        for s, force in zip(layers, self._forces(layers, drive, nudge), strict=True):
            held = ((s <= 0) & (force < 0)) | ((s >= 1) & (force > 0))
            np.maximum(residual, np.abs(np.where(held, 0, force)).max(axis=1), out=residual)
        moves = residual > self.tolerance
        status = np.where(moves, Status.STEP_LIMIT, Status.LOCKED).astype(np.int8)
        return Rest(np.concatenate(layers, axis=1), status, residual)

    def _step(self, layers: list[Array], drive: Array, nudge: Nudge | None) -> None:
        """All layers a step downhill."""
        for s, force in zip(layers, self._forces(layers, drive, nudge), strict=True):
            np.multiply(force, self.step, out=force)
            np.add(s, force, out=s)
            np.maximum(s, 0, out=s)
            np.minimum(s, 1, out=s)

    def _turn(self, layers: list[Array], drive: Array) -> None:
        """Every second layer to its minimum, which others do not see, then the others."""
        for k in (*range(0, len(layers), 2), *range(1, len(layers), 2)):
            s = self._given_to(k, layers, drive)
            np.maximum(s, 0, out=s)
            layers[k] = np.minimum(s, 1, out=s)

    def _forces(self, layers: list[Array], drive: Array, nudge: Nudge | None) -> list[Array]:
        """-d(E + beta C)/ds of layers within [0, 1]."""
        forces = self._given(layers, drive)
        for force, s in zip(forces, layers, strict=True):
            np.subtract(force, s, out=force)
        if nudge is not None:
            slope = nudge.cost.gradient(np.asarray(layers[-1], np.float64), nudge.target)
            forces[-1] -= (nudge.beta * slope).astype(self.precision)
        return forces


def _gains(gain: float | Sequence[float], layers: int) -> Array:
    """One for each layer of weights."""
    try:
        gains = np.broadcast_to(np.asarray(gain, dtype=float), layers)
    except (TypeError, ValueError):
        gains = np.full(layers, np.nan)
    if not ((gains > 0) & (gains < np.inf)).all():
        raise ValueError(
            f"gain: {gain!r} is neither a positive number nor {layers} of them; give one for all "
            "weights or one for each layer of weights"
        )
    return gains
