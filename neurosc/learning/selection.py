"""Which parameters learn, which of their entries, and how fast each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost, CrossEntropy
from neurosc.ideal.layers import depths
from neurosc.learning.energy_model import EnergyModel
from neurosc.learning.gradient import Parameter, learnable
from neurosc.network import PhaseNetwork

Learnable = Parameter | Literal["lag", "readout"]
READOUT = "readout"
DECAYING = ("coupling", "weights", READOUT)
"""What a weight decay without names is for: neither biases nor what has a natural zero."""
Rate = float | Sequence[float] | npt.NDArray[Any]
Learn = Sequence[str] | Mapping[str, bool | npt.NDArray[np.bool_]]


@dataclasses.dataclass(frozen=True, eq=False)
class Selection:
    """What `learn`, `learning_rate` and `weight_decay` of `fit` ask for.

    Attributes
    ----------
    names
        The parameters that learn, `"readout"` among them.
    largest
        The largest learning rate.
    rates
        By name, what `largest` is multiplied with where that is not 1: numbers, or tables in the
        shape of the parameter, over oscillators (n,) or over pairs (n, n).
    masks
        By name, which entries learn where not all do; in the same shapes.
    decay
        By name, where it is not 0.
    """

    names: tuple[str, ...]
    largest: float
    rates: dict[str, Any]
    masks: dict[str, npt.NDArray[np.bool_]]
    decay: dict[str, float]

    @property
    def is_plain(self) -> bool:
        """Whether all entries of a network's own parameters learn at one rate."""
        return not (self.rates or self.masks or self.decay or set(self.names) - _OWN)

    @property
    def of_model(self) -> tuple[str, ...]:
        """The parameters that are the model's."""
        return tuple(name for name in self.names if name != READOUT)

    @classmethod
    def of(
        cls,
        network: PhaseNetwork | EnergyModel,
        cost: Cost,
        learn: Learn | None,
        learning_rate: Rate | Mapping[str, Rate],
        weight_decay: float | Mapping[str, float],
    ) -> Selection:
        """Check and spell out the arguments of `fit`.

        Raises
        ------
        ValueError
            For names that do not exist, shapes that do not fit, and rates that are not positive.
        """
        names, masks = _names(network, cost, learn)
        largest, rates = _rates(network, names, learning_rate)
        return cls(names, largest, rates, masks, _decay(names, weight_decay))

    def arranged(self, model: Any) -> Selection:
        """With tables in the shapes of the parameters of a model of the network."""
        place = getattr(model, "arranged", None)
        if place is None or not (self.rates or self.masks):
            return self

        def put(tables: dict[str, Any]) -> dict[str, Any]:
            return {
                name: place(name, table) if np.ndim(table) and name != READOUT else table
                for name, table in tables.items()
            }

        return dataclasses.replace(self, rates=put(self.rates), masks=put(self.masks))


_OWN = set(get_args(Parameter))


def group(name: str) -> str:
    """The name without its layer."""
    return name.partition(".")[0]


def _names(
    network: PhaseNetwork | EnergyModel, cost: Cost, learn: Learn | None
) -> tuple[tuple[str, ...], dict[str, npt.NDArray[np.bool_]]]:
    asked: dict[str, Any] = dict(learn) if isinstance(learn, Mapping) else {}
    if learn is not None and not isinstance(learn, Mapping):
        asked = dict.fromkeys(learn, True)
    chosen = tuple(name for name, which in asked.items() if np.any(which))
    if READOUT in chosen and not isinstance(cost, CrossEntropy):
        raise ValueError(
            f"learn: {type(cost).__name__} has no read-out to learn; use cost=CrossEntropy(weights)"
        )
    if not isinstance(network, PhaseNetwork):
        names = _of_model(network, None if learn is None else chosen)
    else:
        extra = tuple(name for name in chosen if name in ("lag", READOUT))
        plain: Any = tuple(name for name in chosen if name not in extra)
        if isinstance(learn, str):
            plain = learn
        own = learnable(network, None if learn is None else plain) if plain or not extra else ()
        names = tuple(name for name in chosen if name in {*own, *extra}) if learn else own
    every = {name: which for name, which in asked.items() if not isinstance(which, bool)}
    masks = {name: np.asarray(which) for name, which in every.items() if name in names}
    for name, mask in masks.items():
        _check_mask(network, cost, name, mask)
    return names, {name: mask for name, mask in masks.items() if not mask.all()}


def _of_model(model: EnergyModel, chosen: tuple[str, ...] | None) -> tuple[str, ...]:
    known = tuple(model.parameters)
    if chosen is None:
        return known
    names = [k for k in known if k in chosen or group(k) in chosen]
    names += [READOUT] if READOUT in chosen else []
    if not names or set(chosen) - {*names, *(group(k) for k in names)}:
        groups = tuple(dict.fromkeys(group(k) for k in known))
        raise ValueError(f"learn: expected some of {groups} or {known} in a tuple, not {chosen!r}")
    return tuple(names)


def _check_mask(
    network: PhaseNetwork | EnergyModel, cost: Cost, name: str, mask: npt.NDArray[np.bool_]
) -> None:
    shape = _shape(network, cost, name)
    if mask.dtype != bool or mask.shape != shape:
        raise ValueError(
            f"learn: the mask of {name} is {mask.dtype} of shape {mask.shape}; give booleans of "
            f"shape {shape}"
        )
    if name in ("coupling", "lag") and (mask != mask.T).any():
        i, j = np.argwhere(mask != mask.T)[0].tolist()
        raise ValueError(
            f"learn: the mask of {name} says other things of ({i}, {j}) and ({j}, {i}), which are "
            "one edge; give mask | mask.T"
        )


def _shape(network: PhaseNetwork | EnergyModel, cost: Cost, name: str) -> tuple[int, ...]:
    if name == READOUT and isinstance(cost, CrossEntropy):
        return cost.matrix(_outputs(network)).shape
    if isinstance(network, PhaseNetwork):
        return (network.n, network.n) if name in ("coupling", "lag") else (network.n,)
    return tuple(np.shape(network.parameters[name]))


def _outputs(network: PhaseNetwork | EnergyModel) -> int:
    return network.outputs.size if isinstance(network, PhaseNetwork) else network.n_outputs


def _rates(
    network: PhaseNetwork | EnergyModel,
    names: tuple[str, ...],
    given: Rate | Mapping[str, Rate],
) -> tuple[float, dict[str, Any]]:
    """The largest rate, and tables of shares of it."""
    tables: dict[str, Any] = {}
    for name in names:
        rate: Any = given
        if isinstance(given, Mapping):
            rate = given.get(name, given.get(group(name)))
            if rate is None:
                raise ValueError(f"learning_rate: names no rate for {name}; give it one")
        tables[name] = _table(network, name, rate)
    if isinstance(given, Mapping):
        unknown = set(given) - {*names, *(group(name) for name in names)}
        if unknown:
            raise ValueError(
                f"learning_rate: {min(unknown)} does not learn here; name some of {names}"
            )
    values = [np.asarray(table, dtype=float) for table in tables.values()]
    if not all(np.isfinite(v).all() and v.min(initial=0) >= 0 for v in values):
        raise ValueError(f"learning_rate: {given} is not a positive number")
    largest = max((float(v.max(initial=0)) for v in values), default=0.0)
    if largest <= 0:
        raise ValueError(f"learning_rate: {given} is not a positive number")
    shares = {
        name: (np.asarray(t) if np.ndim(t) else float(t)) / largest for name, t in tables.items()
    }
    return largest, {n: s for n, s in shares.items() if np.ndim(s) or s != 1}


def _table(network: PhaseNetwork | EnergyModel, name: str, rate: Any) -> Any:
    """A number, or numbers in the shape of the parameter."""
    if isinstance(rate, np.ndarray) and rate.ndim:
        if isinstance(network, PhaseNetwork) and name != READOUT:
            shape = (network.n, network.n) if name in ("coupling", "lag") else (network.n,)
            if rate.shape != shape:
                raise ValueError(
                    f"learning_rate: the table of {name} has shape {rate.shape}; give {shape}, or "
                    "a tuple of numbers, one for each layer"
                )
            if rate.ndim == 2 and (rate != rate.T).any():
                raise ValueError(
                    f"learning_rate: the table of {name} is not symmetric; an edge "
                    "has one rate, so give (table + table.T) / 2"
                )
        return rate
    if not isinstance(rate, Sequence) or isinstance(rate, str):
        if not np.isscalar(rate) or isinstance(rate, str):
            raise ValueError(f"learning_rate: {rate!r} is not a positive number")
        return rate
    each = [float(r) for r in rate]
    if name == READOUT:
        return each[-1]
    if not isinstance(network, PhaseNetwork):
        layer = name.rpartition(".")[2]
        if not layer.isdigit() or int(layer) >= len(each):
            raise ValueError(
                f"learning_rate: {len(each)} rates by layer do not fit {name}; give one for each"
            )
        return each[int(layer)]
    depth = depths(network)
    if depth.min() < 0 or max(depth.max(), 1) != len(each):
        raise ValueError(
            f"learning_rate: {len(each)} rates for {depth.max()} layers after the first; give one "
            "for each"
        )
    if name in ("coupling", "lag"):
        depth = np.maximum.outer(depth, depth)
    return np.array(each)[np.maximum(depth - 1, 0)]


def _decay(names: tuple[str, ...], given: float | Mapping[str, float]) -> dict[str, float]:
    if isinstance(given, Mapping):
        found = {n: float(given.get(n, given.get(group(n), 0.0))) for n in names}
        unknown = set(given) - {*names, *(group(name) for name in names)}
        if unknown:
            raise ValueError(
                f"weight_decay: {min(unknown)} does not learn here; name some of {names}"
            )
    else:
        found = {name: float(given) for name in names if group(name) in DECAYING}
    if not all(0 <= value < np.inf for value in found.values()):
        raise ValueError(f"weight_decay: {given} is not a number >= 0")
    return {name: value for name, value in found.items() if value}
