"""Experiments as TOML files: those of this package by name, others by path.

A file has the keys about and, if there is one, published (the published loss), and the tables

- source: kind "frequencies" (fields, delays), "groups" (groups, radius), "shapes" (shape, noise),
  "picture" (picture, groups, labels, pixels; files are looked for beside the experiment as well);
- map: keyword arguments of `CouplingMap`;
- train: keyword arguments of `train`;
- run: dt, steps, average and start of `evaluate_runs`; without it networks are scored at rest.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from neurosc.costs import CircularMoments, Cost, SynchronyCost
from neurosc.coupling_map.evaluation import Scores, evaluate_couplings, evaluate_runs
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.map import CouplingMap
from neurosc.coupling_map.pictures import Picture
from neurosc.coupling_map.sources import Frequencies, GaussianGroups, Shapes, Source
from neurosc.coupling_map.training import Trained, train
from neurosc.network import FloatArray
from neurosc.randomness import RNG, substream

KINDS: dict[str, Any] = {
    "frequencies": Frequencies,
    "groups": GaussianGroups,
    "shapes": Shapes,
    "picture": Picture,
}
"""Sources by the name that files use."""
TABLES = ("source", "map", "train", "run")


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What is learned, from what, and how it is scored.

    Attributes
    ----------
    name, about
        Its name, and what it shows in one line.
    source
        Of the networks.
    map, train, run
        The tables of the file.
    published
        The published loss: 1 - R, or the circular moments of groups; NaN if there is none.
    text
        The file.
    """

    name: str
    about: str
    source: Source
    map: Mapping[str, Any]
    train: Mapping[str, Any]
    run: Mapping[str, Any]
    published: float
    text: str = dataclasses.field(repr=False)

    @property
    def cost(self) -> Cost:
        """Synchrony, or clusters where the source has groups."""
        if isinstance(self.source, Frequencies):
            return SynchronyCost()
        return CircularMoments(getattr(self.source, "groups", 2))

    def untrained(self, rng: RNG) -> CouplingMap:
        """The map as it begins."""
        drawn = self.source.draw(1, 16, np.random.default_rng(0))
        return CouplingMap(drawn.features.shape[2], rng=substream(rng, "map"), **self.map)

    def learn(self, rng: RNG, **changes: Any) -> Trained:
        """Train it; `changes` of the table train."""
        settings = dict(self.train) | changes
        return train(
            self.untrained(rng), self.source, cost=self.cost, rng=substream(rng, "train"),
            **settings,
        )  # fmt: skip

    def tests(self, count: int, n: int, rng: np.random.Generator) -> Instances:
        """Networks to test: the whole of a picture, else `count` of `n` oscillators."""
        if isinstance(self.source, Picture):
            return self.source.whole()
        return self.source.draw(count, n, rng)

    def larger_tests(self, count: int, n: int, rng: np.random.Generator) -> Instances:
        """`count` networks of `n` oscillators, or of all pixels of a picture that has fewer."""
        most = self.source.n if isinstance(self.source, Picture) else n
        return self.source.draw(count, min(n, most), rng)

    def score(self, coupling: FloatArray, instances: Instances, rng: RNG = None) -> Scores:
        """At rest or, where the file has the table run, in time."""
        if self.run:
            return evaluate_runs(coupling, instances, cost=self.cost, rng=rng, **self.run)
        return evaluate_couplings(coupling, instances, cost=self.cost, rng=rng)

    def loss(self, scores: Scores) -> float:
        """What is reported: 1 - R of synchrony, the cost of clusters."""
        synchrony = isinstance(self.cost, SynchronyCost)
        return float((scores.asynchrony if synchrony else scores.loss).mean())


def names() -> list[str]:
    """The experiments of this package."""
    files = resources.files(__package__).iterdir()
    return sorted(file.name[:-5] for file in files if file.name.endswith(".toml"))


def published() -> dict[str, float]:
    """The published losses by the experiments of this package that have one."""
    told = {name: tomllib.loads(_text(name)).get("published") for name in names()}
    return {name: float(loss) for name, loss in told.items() if loss is not None}


def load(name: str) -> Experiment:
    """The experiment of that name, or of a file .toml.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is none, or the file is not one.
    ImportError
        For a picture without the extra `neurosc[pictures]`.
    """
    if name in names():
        text = _text(name)
    elif not name.endswith(".toml"):
        raise ValueError(
            f"experiment: there is no {name!r}; use one of {names()}, or a file .toml of your own"
        )
    elif not Path(name).is_file():
        raise FileNotFoundError(f"experiment: {name} does not exist; give the path of a file .toml")
    else:
        text = Path(name).read_text("utf-8")
    try:
        return _made(Path(name).stem, text, Path(name).parent)
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise ValueError(f"experiment: {name} is not one: {error}; see {__name__}") from error


def _text(name: str) -> str:
    """The file of that experiment of this package."""
    return resources.files(__package__).joinpath(f"{name}.toml").read_text("utf-8")


def _made(name: str, text: str, folder: Path) -> Experiment:
    given = tomllib.loads(text)
    unknown = sorted(set(given) - {"about", "published", *TABLES})
    if unknown:
        raise ValueError(f"{unknown[0]} is no part of an experiment")
    missing = [part for part in ("about", "source", "train") if part not in given]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    source = dict(given["source"])
    kind = source.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"source.kind {kind!r} is none of {sorted(KINDS)}")
    for part in ("picture", "labels"):
        if part in source and (folder / source[part]).is_file():
            source[part] = folder / source[part]
    found = Experiment(
        name, str(given["about"]), KINDS[kind](**source), given.get("map", {}), given["train"],
        given.get("run", {}), float(given.get("published", np.nan)), text,
    )  # fmt: skip
    found.untrained(0)
    return found
