"""The map from features of oscillators to their couplings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import scipy

from neurosc import storage
from neurosc.coupling_map import perceptron
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.normalisation import (
    Normalise,
    check_normalise,
    normalised,
    pulled_back,
)
from neurosc.coupling_map.pairs import Mask, Nearest, pairs_of
from neurosc.coupling_map.perceptron import Arrays, Pass
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.randomness import RNG, stream

Precision = Literal["float32", "float64"]
MOMENTUM = 0.1
"""Share of a new batch in the statistics that batch norms keep."""
PARAMETERS = ("own", "other", "gain_1", "bias_1", "inner", "gain_2", "bias_2", "outer")


@dataclasses.dataclass(frozen=True, eq=False, init=False, repr=False)
class CouplingMap:
    """K_ij out of the features of oscillators i and j.

        M_ij = w3 leaky(bn2(W2 leaky(bn1(W1 [f_i, f_j]))))
        K = normalised M, zero on the diagonal; if symmetric, (K + K^T) / 2

    Parameters
    ----------
    features
        d, how many each oscillator has.
    hidden
        Widths of the two hidden layers.
    normalise
        - `"node"`: K = degree n softmax(M) over all pairs of a network: positive, and the mean sum
          of the couplings on one oscillator is `degree`;
        - `"graph"`: K_ij = degree M_ij / |M_i|, rows of length `degree` and of any sign;
        - `"none"`: K = degree M / n.
    symmetric
        Whether K = K^T, as an energy asks for.
    mask
        Which pairs may couple: booleans (n, n), or a function that makes them from the features
        (n, d) of a network, such as `Nearest(8)`. None for all. The others cost nothing.
    rng
        Random weights.

    Other arguments
    ---------------
    degree
        See `normalise`.
    precision
        Of the sums over pairs: `"float32"`, or `"float64"`, which takes twice the time.

    Raises
    ------
    TypeError, ValueError
        For widths below 1, an unknown normalisation or precision, and a degree that is not
        positive.

    Notes
    -----
    Source: Ricci et al., KuraNet, arXiv 2105.02838 (2021). The map is immutable; learning gives a
    new one. Batch norms use the batch in training and, elsewhere, what they keep from it.
    """

    features: int
    hidden: tuple[int, int]
    normalise: Normalise
    symmetric: bool
    mask: Mask
    degree: float
    precision: Precision
    parameters: Arrays
    statistics: Arrays

    def __init__(
        self,
        features: int,
        hidden: Sequence[int] = (128, 128),
        normalise: Normalise = "node",
        symmetric: bool = True,
        mask: Mask = None,
        *,
        rng: RNG = None,
        degree: float = 1.0,
        precision: Precision = "float32",
    ) -> None:
        check_normalise(normalise)
        if features < 1 or features % 1:
            raise ValueError(f"features: {features} is no number of them; give 1 or more")
        widths = tuple(hidden)
        if len(widths) != 2 or min(widths) < 1 or any(width % 1 for width in widths):
            raise ValueError(f"hidden: {hidden} does not fit; give the widths of two layers")
        if not 0 < degree < float("inf"):
            raise ValueError(f"degree: {degree} is not a positive number")
        if precision not in get_args(Precision):
            raise ValueError(
                f"precision: {precision!r} is unknown; use one of {get_args(Precision)}"
            )
        layers = int(widths[0]), int(widths[1])
        for name, value in {
            "features": int(features),
            "hidden": layers,
            "normalise": normalise,
            "symmetric": bool(symmetric),
            "mask": mask,
            "degree": float(degree),
            "precision": precision,
            "parameters": perceptron.initial(features, layers, stream(rng, "coupling map")),
            "statistics": perceptron.initial_statistics(layers),
        }.items():
            object.__setattr__(self, name, value)
        self._freeze()

    def couplings(self, features: npt.ArrayLike) -> FloatArray:
        """K of networks with features (batch, n, d), shape (batch, n, n).

        Batch norms use what they keep, so a network's couplings know no other network.
        """
        return self._run(self._checked(features), training=False).coupling

    def sparse_couplings(self, features: npt.ArrayLike) -> Any:
        """K of one network with features (n, d) as a csr_array, in memory linear in its pairs."""
        run = self._run(self._checked(np.asarray(features)[None]), training=False)
        made, n = run.forward.pairs, run.forward.pairs.n
        return scipy.sparse.csr_array((run.values, (made.i, made.j)), shape=(n, n))

    def networks(self, instances: Instances) -> list[PhaseNetwork]:
        """A phase network for each of the instances, all of its oscillators outputs."""
        return networks(self.couplings(instances.features), instances)

    def training_run(self, features: npt.ArrayLike) -> Run:
        """A pass whose couplings are those of training and can be differentiated."""
        return self._run(self._checked(features), training=True)

    def replace(self, **changes: Any) -> CouplingMap:
        """A copy with a degree, a mask, parameters or statistics changed."""
        known = {"degree", "mask", "parameters", "statistics"}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise TypeError(f"{unknown[0]}: cannot be changed; make a new map, or change {known}")
        if not 0 < changes.get("degree", self.degree) < float("inf"):
            raise ValueError(f"degree: {changes['degree']} is not a positive number")
        other = object.__new__(CouplingMap)
        for name, value in (vars(self) | changes).items():
            object.__setattr__(other, name, value)
        other._freeze()
        return other

    def keeping(self, statistics: Arrays) -> CouplingMap:
        """A copy whose batch norms took in the statistics of another batch."""
        return self.replace(
            statistics={
                name: (1 - MOMENTUM) * old + MOMENTUM * statistics[name]
                for name, old in self.statistics.items()
            }
        )

    def save(self, path: storage.Path_) -> None:
        """Write one .npz with a JSON header, without pickle.

        Raises
        ------
        TypeError
            For a mask that is a function of the user's own; tables and `Nearest` can be written.
        """
        arrays = {f"parameters.{name}": value for name, value in self.parameters.items()}
        arrays |= {f"statistics.{name}": value for name, value in self.statistics.items()}
        nearest = None
        if isinstance(self.mask, Nearest):
            nearest = dataclasses.asdict(self.mask)
        elif callable(self.mask):
            raise TypeError(
                "mask: a function cannot be written; save map.replace(mask=None), and give the "
                "function again after loading"
            )
        elif self.mask is not None:
            arrays["mask"] = np.asarray(self.mask)
        header = {
            "kind": "coupling map",
            "map": {
                "features": self.features,
                "hidden": list(self.hidden),
                "normalise": self.normalise,
                "symmetric": self.symmetric,
                "degree": self.degree,
                "precision": self.precision,
            },
            "nearest": nearest,
        }
        storage.write(path, header, arrays)

    @classmethod
    def load(cls, path: storage.Path_) -> CouplingMap:
        """Read a map that `save` wrote, bit for bit.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such file, or it holds something else.
        """
        header, arrays = storage.read(path)
        if header["kind"] != "coupling map":
            raise ValueError(
                f"path: {path} holds a {header['kind']}, not a coupling map; give a file that "
                "CouplingMap.save wrote"
            )
        mask = arrays.get("mask")
        if header["nearest"] is not None:
            columns = header["nearest"]["columns"]
            chosen = None if columns is None else tuple(columns)
            mask = Nearest(header["nearest"]["count"], chosen)
        made = cls(**header["map"], mask=mask, rng=0)
        return made.replace(
            parameters={name: arrays[f"parameters.{name}"] for name in PARAMETERS},
            statistics={name: arrays[f"statistics.{name}"] for name in made.statistics},
        )

    def _run(self, features: FloatArray, training: bool) -> Run:
        forward = perceptron.forward(
            self.parameters,
            None if training else self.statistics,
            features,
            pairs_of(features, self.mask),
            np.dtype(self.precision),
        )
        return Run(self, forward)

    def _checked(self, given: npt.ArrayLike) -> FloatArray:
        features = np.asarray(given, dtype=np.float64)
        if features.ndim != 3 or features.shape[2] != self.features or features.shape[1] < 2:
            raise ValueError(
                f"features: shape {features.shape} does not fit; give (batch, n, {self.features}) "
                "with n of 2 or more"
            )
        if not np.isfinite(features).all():
            raise ValueError("features: has entries that are not finite; replace NaN and inf")
        return features

    def _freeze(self) -> None:
        for array in (*self.parameters.values(), *self.statistics.values()):
            array.flags.writeable = False

    def __repr__(self) -> str:
        kind = "symmetric" if self.symmetric else "directed"
        return (
            f"CouplingMap({self.features} features, hidden={self.hidden}, "
            f'normalise="{self.normalise}", {kind}, degree={self.degree:g})'
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A pass of features through a map."""

    map: CouplingMap
    forward: Pass

    @property
    def values(self) -> FloatArray:
        """K of each pair, (pairs,)."""
        made, pairs = self.forward.values, self.forward.pairs
        coupling = normalised(made, pairs, self.map.normalise, self.map.degree)
        return (coupling + coupling[pairs.mirror]) / 2 if self.map.symmetric else coupling

    @property
    def coupling(self) -> FloatArray:
        """K, (batch, n, n)."""
        return self.forward.pairs.dense(self.values)

    def gradient(self, slope: FloatArray) -> Arrays:
        """dC/dparameters from dC/dK (batch, n, n), entries K_ij and K_ji as independent."""
        pairs = self.forward.pairs
        own = pairs.of(slope)
        if self.map.symmetric:
            own = (own + own[pairs.mirror]) / 2
        values = self.forward.values
        back = pulled_back(own, values, pairs, self.map.normalise, self.map.degree)
        return self.forward.gradient(back)


def networks(coupling: npt.ArrayLike, instances: Instances) -> list[PhaseNetwork]:
    """A phase network for each coupling (batch, n, n), all of its oscillators outputs.

    Raises
    ------
    ValueError
        For couplings that are not symmetric, and for delays, which no phase network has.
    """
    if instances.delay_steps is not None and instances.delay_steps.any():
        raise ValueError(
            "delay_steps: a phase network has no delays, and with them no energy, so that two "
            'relaxations give no gradient; learn with gradient="adjoint", "implicit" or "spsa", '
            "and score with evaluate_runs"
        )
    given: Any = coupling
    return [
        PhaseNetwork(own, omega, -h, outputs=range(instances.n))
        for own, omega, h in zip(given, instances.frequency, instances.field, strict=True)
    ]
