"""A phasor net as an energy model: it relaxes layer by layer in compiled code, and learns."""

from __future__ import annotations

import dataclasses
import itertools
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosc.costs import CrossEntropy, check_batch, take
from neurosc.learning.energy_model import Array, Arrays, Rest
from neurosc.network import ComplexArray, FloatArray, IntArray
from neurosc.phasor.curvature import hessian, is_minimum
from neurosc.phasor.layers import PhasorLinear, real_to_phasor
from neurosc.phasor.mlp import GAMMA, PhasorMLP
from neurosc.phasor.quantization import Quantization
from neurosc.randomness import RNG
from neurosc.substrate import Nudge, Status

if TYPE_CHECKING:
    from neurosc.ideal.kernels.phasors import Weights

NOBODY = np.zeros(0, dtype=np.intp)
"""Labels of a free relaxation."""


@dataclasses.dataclass(frozen=True, eq=False)
class PhasorModel:
    """The oscillators of `net.to_network(gamma)`, in W and b and without a matrix (n, n).

    In units of the last layer's strength gamma^{L-1} the energy is

        E = -sum_l gamma^{l-L} Re(z_l^H (W_l z_{l-1} + b_l)),

    and a sweep turns each layer to where it is least, from the first to the last:

        z_l <- u_l / |u_l|,   u_l = W_l z_{l-1} + b_l + gamma W_{l+1}^H z_{l+1},
        and of the last layer u_L = W_L z_{L-1} + b_L - beta V^H (p - y),

    where p - y is taken at the state of the sweep before. Sweeps begin with a pass forwards. The
    state is (batch, 2, units), cosines and sines of all hidden layers; `"weights.l"` and `"bias.l"`
    are the parameters, of layer l + 1.

    Parameters
    ----------
    net, gamma
        The net, and the strength of a layer in units of the one before it.
    sweeps
        Of one relaxation, at most: each sample stops where it rests.
    tolerance
        Largest torque |dE/dtheta| of a sample at rest. Others are STEP_LIMIT.
    quantize
        What the hardware makes of the weights. States are those of the quantised net; a slope of
        the energy needs the states alone, so it moves the weights themselves.
    certify
        Whether samples at rest are LOCKED only where the Hessian is positive definite, and UNSTABLE
        otherwise. Without it, LOCKED says that a sample rests. `train` does without, and saves
        a Cholesky factorisation of each sample.

    Raises
    ------
    ValueError
        For a gamma out of (0, 1], no sweeps and a tolerance that is not positive; in `relax`, for a
        nudge that is no cross-entropy.

    Notes
    -----
    Without a nudge and with a negative one no sweep raises E + beta C, with a positive one only a
    beta |V|^2 above |u| can. Sweeps end on a saddle only where symmetry keeps them from leaving.
    """

    net: PhasorMLP
    gamma: float = GAMMA
    sweeps: int = 12
    tolerance: float = 1e-3
    quantize: Quantization | None = None
    certify: bool = True
    _shown: dict[str, Any] = dataclasses.field(default_factory=dict, init=False, repr=False)
    """Read-only samples and what they drive, which both relaxations share."""

    def __post_init__(self) -> None:
        self.net.check_gamma(self.gamma)
        if self.sweeps < 1 or int(self.sweeps) != self.sweeps:
            raise ValueError(f"sweeps: {self.sweeps} is no number of sweeps; give 1 or more")
        if not 0 < self.tolerance < np.inf:
            raise ValueError(f"tolerance: {self.tolerance} is not a positive number")

    @property
    def n_outputs(self) -> int:
        """See `EnergyModel`."""
        return self.net.sizes[-2]

    @property
    def parameters(self) -> Arrays:
        """See `EnergyModel`."""
        layers = self.net.hidden
        named: Arrays = {f"weights.{k}": layer.weight for k, layer in enumerate(layers)}
        return named | {f"bias.{k}": layer.bias for k, layer in enumerate(layers)}

    def with_parameters(self, **changes: Any) -> PhasorModel:
        """See `EnergyModel`."""
        new = self.parameters | changes
        hidden = tuple(
            PhasorLinear(new[f"weights.{k}"], new[f"bias.{k}"]) for k in range(len(self.net.hidden))
        )
        return dataclasses.replace(self, net=dataclasses.replace(self.net, hidden=hidden))

    @cached_property
    def _used(self) -> PhasorMLP:
        """The net that relaxes."""
        return self.net if self.quantize is None else self.quantize(self.net)

    @cached_property
    def _ends(self) -> IntArray:
        """Where layers begin and end in a state."""
        return np.cumsum([0, *self.net.sizes[1:-1]])

    @cached_property
    def _columns(self) -> list[slice]:
        """Where each layer lies in a state."""
        return [slice(a, b) for a, b in itertools.pairwise(self._ends.tolist())]

    def _layers(self, state: Array, x: npt.ArrayLike | None) -> list[ComplexArray]:
        """Phasors of each layer, the inputs first."""
        z = state[:, 0] + 1j * state[:, 1]
        return [self._driven(x)[0], *(z[:, own] for own in self._columns)]

    def energy(self, state: Array, x: npt.ArrayLike | None) -> Array:
        """See `EnergyModel`."""
        z, total = self._layers(state, x), np.zeros(len(state))
        for k, layer in enumerate(self._used.hidden):
            total -= self._scale(k) * (z[k + 1].conj() * layer(z[k])).real.sum(axis=1)
        return total

    def torque(self, state: Array, x: npt.ArrayLike | None) -> Array:
        """-dE/dtheta of the units, (batch, units)."""
        z, parts = self._layers(state, x), []
        for k, layer in enumerate(self._used.hidden):
            u = self._scale(k) * layer(z[k])
            if k + 1 < len(self._used.hidden):
                u += self._scale(k + 1) * (z[k + 2] @ self._used.hidden[k + 1].weight.conj())
            parts.append((z[k + 1].conj() * u).imag)
        return np.concatenate(parts, axis=1)

    def _scale(self, k: int) -> float:
        """gamma^{l-L} of layer l = k + 1."""
        return float(self.gamma ** (k + 1 - len(self.net.hidden)))

    def seen(self, state: Array) -> Array:
        """See `EnergyModel`: phases of the last layer."""
        own = self._columns[-1]
        return np.arctan2(state[:, 1, own], state[:, 0, own])

    def parameter_gradient(
        self, states: Array, weights: npt.ArrayLike, x: npt.ArrayLike | None
    ) -> Arrays:
        """See `EnergyModel`: dE/dRe p + i dE/dIm p."""
        batch = states.shape[1]
        w = np.asarray(weights, dtype=np.float64)[:, None, None] / batch
        z = states[:, :, 0] + 1j * states[:, :, 1]
        weighted = -w * z
        inputs = self._driven(x)[0]
        total = weighted.sum(axis=0)
        found: Arrays = {}
        for k, own in enumerate(self._columns):
            if k == 0:
                slope = total[:, own].T @ inputs.conj()
            else:
                below = z[..., self._columns[k - 1]].conj()
                mine = weighted[..., own].reshape(-1, own.stop - own.start)
                slope = mine.T @ below.reshape(-1, below.shape[-1])
            found[f"weights.{k}"] = self._scale(k) * slope
            found[f"bias.{k}"] = self._scale(k) * total[:, own].sum(axis=0)
        return found

    def relax(
        self,
        x: npt.ArrayLike | None,
        *,
        nudge: Nudge | None = None,
        start: Array | None = None,
        rng: RNG = None,
    ) -> Rest:
        """See `EnergyModel`. `rng` is not used."""
        from neurosc.ideal.kernels.phasors import descend

        drive = self._driven(x)[1]
        shape = (len(drive), 2, self._columns[-1].stop)
        weights, labels, beta = self._pushed(nudge, len(drive))
        if start is not None and np.shape(start) != shape:
            raise ValueError(f"start: shape {np.shape(start)} does not fit; give states {shape}")
        cold = start is None
        state = np.ones(shape) if start is None else np.array(start, np.float64, order="C")
        if cold:
            state[:, 1] = 0
        residual = np.empty(len(drive))
        limits = (float(self.gamma), beta, cold, int(self.sweeps), float(self.tolerance))
        descend(weights, drive, labels, *limits, state, residual)
        moves = residual > self.tolerance
        status = np.where(moves, Status.STEP_LIMIT, Status.LOCKED).astype(np.int8)
        if self.certify:
            status[self._on_saddle(state, x, nudge, status == Status.LOCKED)] = Status.UNSTABLE
        return Rest(state, status, residual)

    def _on_saddle(
        self,
        state: Array,
        x: npt.ArrayLike | None,
        nudge: Nudge | None,
        rests: npt.NDArray[np.bool_],
    ) -> IntArray:
        """Which of the samples that rest do so on a saddle or a maximum."""
        chosen = np.flatnonzero(rests)
        bent = nudge is not None and nudge.beta < 0
        if chosen.size == 0 or (len(self._columns) == 1 and not bent):
            return chosen[:0]  # |u| of each unit, and beta times the covariance of logits
        layers = [z[chosen] for z in self._layers(state, x)]
        found = hessian(self._used.hidden, self.gamma, layers)
        if nudge is not None and nudge.beta != 0 and isinstance(nudge.cost, CrossEntropy):
            own = self._columns[-1]
            cost = CrossEntropy(self._readout(nudge.cost))
            seen, target = self.seen(state)[chosen], take(nudge.target, chosen)
            found[:, own, own] += nudge.beta * cost.hessian(seen, target)
        return chosen[~is_minimum(found)]

    def _pushed(self, nudge: Nudge | None, batch: int) -> tuple[Weights, Array, float]:
        """What layers feel with the read-out of a nudge, its labels and its strength."""
        if nudge is None or nudge.beta == 0:
            return self._weights._replace(readout=np.zeros((2, 0))), NOBODY, 0.0
        cost = nudge.cost
        if not isinstance(cost, CrossEntropy) or nudge.at is not None:
            raise ValueError(
                f"cost: {type(cost).__name__} does not nudge a phasor net; use net.cost, or relax "
                "net.to_network() on a substrate"
            )
        check_batch(cost, nudge.target, batch)
        known = self._shown.get("cost")
        if known is not cost:
            readout = _parts(self._readout(cost).ravel())
            self._shown.update(cost=cost, pushed=self._weights._replace(readout=readout))
        labels = np.asarray(nudge.target).astype(np.intp)
        return self._shown["pushed"], labels, float(nudge.beta)

    def _readout(self, cost: CrossEntropy) -> ComplexArray:
        """V as a nudge has it."""
        v = cost.matrix(self.n_outputs)
        return v if self.quantize is None else self.quantize.levels(v)

    @cached_property
    def _weights(self) -> Weights:
        """What layers feel, without a read-out."""
        from neurosc.ideal.kernels.phasors import Weights

        hidden = self._used.hidden
        later = [layer.weight for layer in hidden[1:]]
        return Weights(
            ends=self._ends,
            places=np.cumsum([0, 0, *(w.size for w in later)])[: len(hidden)],
            up=_parts(np.concatenate([NOTHING, *(w.T.ravel() for w in later)])),
            down=_parts(np.concatenate([NOTHING, *(w.ravel() for w in later)])),
            bias=_parts(np.concatenate([layer.bias for layer in hidden])),
            readout=np.zeros((2, 0)),
        )

    def _driven(self, x: npt.ArrayLike | None) -> tuple[ComplexArray, FloatArray]:
        """Phasors of the inputs, and W_1 z_0 + b_1 as (batch, 2, units)."""
        if self._shown.get("x") is not x or not isinstance(x, np.ndarray) or x.flags.writeable:
            z = np.atleast_2d(real_to_phasor(np.asarray(x), self.net.encoding.scale))
            u = self._used.hidden[0](z)
            self._shown.update(x=x, inputs=z, drive=np.stack([u.real, u.imag], axis=1))
        return self._shown["inputs"], self._shown["drive"]


NOTHING = np.zeros(0, dtype=np.complex128)


def _parts(values: ComplexArray) -> FloatArray:
    return np.stack([values.real, values.imag])
