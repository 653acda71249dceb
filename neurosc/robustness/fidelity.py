"""How true the two-phase gradient of a chip is: robust inference is not a robust gradient."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from neurosc import costs
from neurosc.costs import Cost
from neurosc.datasets import Dataset, as_dataset
from neurosc.ideal import Ideal
from neurosc.learning import implicit_gradient, two_phase_gradient
from neurosc.learning.gradient import Parameter as Learned
from neurosc.learning.gradient import learnable
from neurosc.learning.two_phase import Scheme
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.randomness import RNG, substream
from neurosc.robustness import statistics, store
from neurosc.robustness.measures import Row
from neurosc.robustness.parameters import FACTOR, WHOLE, Case, Levels, Names, Parameter, cases
from neurosc.robustness.protocols import Chips, Device
from neurosc.robustness.study import counted
from neurosc.robustness.sweeps import checked_device, measured, plan
from neurosc.storage import Path_
from neurosc.substrate import RelaxationError

if TYPE_CHECKING:
    import pandas as pd

Reference = Literal["implicit", "two-phase"]
KIND = "gradients"
METRICS = ("cosine", "systematic_cosine", "relative_error", "signal_to_noise", "averages")


def gradient_fidelity(
    network: PhaseNetwork,
    data: tuple[npt.ArrayLike, npt.ArrayLike],
    device: Device,
    levels: Levels | None = None,
    *,
    cost: Cost,
    beta: float | Sequence[float] = 0.1,
    scheme: Scheme = "symmetric",
    parameter: Names = None,
    chips: int = 10,
    repeats: int = 8,
    target: float = 0.95,
    learn: Sequence[Learned] | None = None,
    reference: Reference = "implicit",
    rng: RNG = None,
    relative: bool = False,
    path: Path_ | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: bool = False,
) -> GradientFidelity:
    """Hold two-phase gradients measured on chips against that of the ideal model.

    A chip measures g_k = m + e_k in repeat k, with a systematic part m and noise e_k of mean
    square V = <|e_k|^2>; g is the gradient of the ideal model:

        cosine = <g_k.g / (|g_k| |g|)>,  relative_error = <|g_k - g|> / |g|
        systematic_cosine = m.g / (|m| |g|),  signal_to_noise = |m| / sqrt(V)
        averages = V / (a^2 / target^2 - |m|^2),  a = m.g / |g|

    The last is how many gradients must be averaged for an expected cosine of `target`: 1 where
    one will do, inf where mismatch keeps even the systematic cosine below it.

    Parameters
    ----------
    network, data, device, cost, parameter, chips, rng
        As in `robustness.sweep`; `data` is a training batch, and its size averages too.
    levels
        As in `robustness.sweep`; None for the device as it is.
    beta
        One or several strengths of the nudge.
    scheme
        "symmetric" or "one-sided".
    repeats
        Gradients that each chip measures with dynamic draws of their own, 2 or more. The
        systematic part is known to about 1 / (signal_to_noise sqrt(repeats)).

    Other arguments
    ---------------
    target
        The cosine that averaging shall reach.
    learn
        The parameters whose gradient counts; as in `fit` unless given.
    reference
        "implicit": the exact gradient; "two-phase": that of the same nudge in the ideal model.
    relative, path, jobs, scheduler, progress
        As in `robustness.sweep`.

    Raises
    ------
    ValueError, TypeError, OSError, ImportError
        As `robustness.sweep`, and for repeats < 2, a target or beta that is none, and unknown
        schemes and references.
    RelaxationError
        If no sample locks in the ideal model.

    Notes
    -----
    A chip on which no sample locks has gradients of nan. Source: propagation of errors.
    """
    checked_device(device)
    betas = _checked_betas(beta)
    if repeats < 2:
        raise ValueError(f"repeats: {repeats} tell no noise; give 2 or more")
    if not 0 < target < 1:
        raise ValueError(f"target: {target} is no cosine between 0 and 1; give such as 0.95")
    if scheme not in ("symmetric", "one-sided"):
        raise ValueError(f"scheme: {scheme!r} is none of a chip; use 'symmetric' or 'one-sided'")
    if reference not in get_args(Reference):
        raise ValueError(f"reference: {reference!r} is unknown; use one of {get_args(Reference)}")
    x, y = as_dataset(data)
    names = learnable(network, learn)
    measure = Gradients(
        cost, betas, scheme, counted("repeats", repeats), target, names,
        tuple(_ideal(network, x, y, cost, b, scheme, reference).vector(*names) for b in betas),
    )  # fmt: skip
    if levels is None:
        whole = Parameter(WHOLE, FACTOR, True, ())
        found = {whole: [Case(WHOLE, 1.0, FACTOR, device)]}
    else:
        found = cases(device, levels, parameter, relative)
    study = plan(network, data, device, found, measure, chips, 1, rng, path)
    return GradientFidelity(measured(study, path, jobs, scheduler, progress), study.identity)


@dataclasses.dataclass(frozen=True, eq=False)
class GradientFidelity:
    """Gradients of chips against that of the ideal model.

    Attributes
    ----------
    table
        As that of a `Sweep`, with a column `beta`; metrics are those of `gradient_fidelity`.
    study
        JSON values: what was asked.
    """

    table: pd.DataFrame
    study: dict[str, Any]

    @classmethod
    def read(cls, path: Path_) -> GradientFidelity:
        """Read what `gradient_fidelity` wrote, also while it runs.

        Raises
        ------
        FileNotFoundError, ValueError
            If the folder holds none, or a damaged one.
        """
        return cls(*store.read(path, KIND))

    def summary(self, confidence: float = 0.95) -> pd.DataFrame:
        """A row for each level and beta.

        `without` counts the chips on which no sample locked, so that they have no gradient. Over
        the others: the mean cosine with its bootstrap interval `low` to `high`, and medians of the
        other metrics, of which some are infinite.
        """
        import pandas as pd

        rows = []
        keys = [*statistics.KEYS, "beta"]
        for key, mine in self.table.groupby(keys, sort=False):
            each = {
                str(metric): values["value"].to_numpy(dtype=np.float64)
                for metric, values in mine.groupby("metric", sort=False)
            }
            cosine = each["cosine"]
            found = cosine[np.isfinite(cosine)]
            low, high = statistics.mean_interval(found, confidence)
            rows.append(
                dict(zip(keys, key, strict=True))
                | {"chips": cosine.size, "without": cosine.size - found.size}
                | {"cosine": found.mean() if found.size else np.nan, "low": low, "high": high}
                | {name: _median(each[name]) for name in METRICS[1:]}
                | {"locked_share": mine["locked_share"].mean()}
            )
        return pd.DataFrame(rows)


@dataclasses.dataclass(frozen=True, eq=False)
class Gradients:
    """The measure of `gradient_fidelity`; `references` belong to `betas`."""

    cost: Cost
    betas: tuple[float, ...]
    scheme: Scheme
    repeats: int
    target: float
    learn: tuple[Learned, ...]
    references: tuple[FloatArray, ...]

    @property
    def relaxations(self) -> int:
        return 2 * self.repeats * len(self.betas)

    def __call__(
        self, network: PhaseNetwork, data: Dataset, chips: Chips, count: int, rng: RNG
    ) -> list[Row]:
        rows = []
        for chip in range(count):
            for beta, reference in zip(self.betas, self.references, strict=True):
                measured_, locked = self._repeated(network, data, chips[chip], beta, rng)
                values = compared(measured_, reference, self.target)
                rows += [
                    {"chip": chip, "beta": beta, "metric": name, "value": value}
                    | {"locked_share": locked}
                    for name, value in zip(METRICS, values, strict=True)
                ]
        return rows

    def describe(self) -> dict[str, Any]:
        return {
            "kind": KIND,
            "cost": costs.to_dict(self.cost),
            "metrics": [*METRICS],
            "betas": [*self.betas],
            "scheme": self.scheme,
            "repeats": self.repeats,
            "target": self.target,
            "learn": [*self.learn],
            "references": [float(np.linalg.norm(g)) for g in self.references],
        }

    def _repeated(
        self, network: PhaseNetwork, data: Dataset, chip: Any, beta: float, rng: RNG
    ) -> tuple[FloatArray, float]:
        """Gradients (repeats, parameters), or two where nothing is drawn; the share locked."""
        found, unlocked = [], 0
        for repeat in range(self.repeats):
            try:
                gradient = two_phase_gradient(
                    network, data.x, data.y, cost=self.cost, beta=beta, scheme=self.scheme,
                    on=chip, rng=substream(rng, "repeat", repeat),
                )  # fmt: skip
            except RelaxationError:
                return np.full((2, self.references[0].size), np.nan), 0.0
            found.append(gradient.vector(*self.learn))
            unlocked += gradient.unlocked
            if repeat == 1 and np.array_equal(found[0], found[1]):
                break
        return np.array(found), 1 - unlocked / (len(found) * len(data.y))


def compared(measured_: FloatArray, g: FloatArray, target: float) -> tuple[float, ...]:
    """The values of `METRICS` of gradients (repeats, parameters) against `g`.

    |m|^2 = |mean|^2 - V / repeats without bias, but at least (m.g / |g|)^2.
    """
    if not np.isfinite(measured_).all():
        return (float("nan"),) * len(METRICS)
    size, repeats = float(np.linalg.norm(g)), len(measured_)
    lengths = np.linalg.norm(measured_, axis=1)
    cosine = float(np.mean(measured_ @ g / np.maximum(lengths, 1e-300)) / size)
    error = float(np.mean(np.linalg.norm(measured_ - g, axis=1)) / size)
    mean = measured_.mean(axis=0)
    noise = float(((measured_ - mean) ** 2).sum() / (repeats - 1))
    along = float(mean @ g) / size
    square = max(float(mean @ mean) - noise / repeats, along**2)
    room = (along / target) ** 2 - square
    averages = max(1.0, float(np.ceil(noise / room))) if along > 0 and room > 0 else np.inf
    signal = np.sqrt(square / noise) if noise > 0 else np.inf
    return cosine, along / max(float(np.sqrt(square)), 1e-300), error, float(signal), averages


def _median(values: FloatArray) -> float:
    found = values[~np.isnan(values)]
    return float(np.median(found)) if found.size else float("nan")


def _ideal(
    network: PhaseNetwork,
    x: FloatArray,
    y: Any,
    cost: Cost,
    beta: float,
    scheme: Scheme,
    reference: Reference,
) -> Any:
    if reference == "implicit":
        return implicit_gradient(network, x, y, cost=cost)
    exact = Ideal(tolerance=1e-12)
    return two_phase_gradient(network, x, y, cost=cost, beta=beta, scheme=scheme, on=exact)


def _checked_betas(beta: float | Sequence[float]) -> tuple[float, ...]:
    betas = tuple(float(b) for b in np.atleast_1d(np.asarray(beta, dtype=np.float64)))
    if not betas or not all(np.isfinite(b) and b != 0 for b in betas):
        raise ValueError(f"beta: {beta} makes no nudge; give finite numbers other than 0")
    return betas
