"""The demonstration: one net, trained once, measured on four substrates and reported."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosc import datasets, plots, storage, topology, verify
from neurosc.costs import CosineCost, Cost
from neurosc.datasets import Dataset
from neurosc.learning import Bounds, Evaluation, Fit, evaluate, fit
from neurosc.network import FloatArray, PhaseNetwork
from neurosc.page import Page
from neurosc.substrate import Substrate

if TYPE_CHECKING:
    import pandas as pd

SIZES = (64, 20, 10)
STRENGTH = 3.2
"""Bound on an oscillator's couplings and field: what the spiking compile takes at eps = 1."""
LEARNING_RATE = 0.03
VALIDATION = 0.1
NIR_EPS, NIR_STEPS = 0.5, 64
"""Of the exported file; at a finer grid or eps .3 its phases are as close to the ideal ones."""
FILES = (
    "model.npz", "model.nir", "results.csv", "history.csv", "report.html", "training.npz",
    "learning.png", "phases.png", "chips.png", "raster.png",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class DemoSettings:
    """Sizes of the demonstration.

    Parameters
    ----------
    epochs
        Of training.
    images
        Test images that run on the slow substrates (spiking and NIR).
    chips
        Analog chips that are fabricated.
    rng
        Root of all random numbers.
    """

    epochs: int = 60
    images: int = 100
    chips: int = 20
    rng: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "chips", "images"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is too few; give 1 or more")
        if self.images > datasets.DIGITS_TEST:
            raise ValueError(
                f"images: {self.images} exceed the {datasets.DIGITS_TEST} test images; give fewer"
            )


def prepare_folder(out: storage.Path_, overwrite: bool) -> Path:
    """Make the folder, or raise FileExistsError if it holds anything and may not be written to."""
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"out: {folder} is a file; name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise FileExistsError(
            f"out: the folder {folder} exists and is not empty; name another or add --overwrite"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def train_digits(
    settings: DemoSettings, *, checkpoint: storage.Path_ | None = None, progress: bool = False
) -> tuple[Fit, Dataset, Cost]:
    """Train the digits net of the demonstration; returns it, the test data and the cost."""
    train, test = datasets.digits()
    cost = CosineCost()
    network = topology.layered(SIZES, rng=settings.rng)
    fitted = fit(
        network, train, cost=cost, epochs=settings.epochs, learning_rate=LEARNING_RATE,
        bounds=Bounds(strength=STRENGTH), validation=VALIDATION, checkpoint=checkpoint,
        progress=progress, rng=settings.rng,
    )  # fmt: skip
    return fitted, test, cost


def demo(
    out: storage.Path_,
    settings: DemoSettings | None = None,
    *,
    overwrite: bool = False,
    say: Callable[[str], object] = print,
    progress: bool = True,
) -> pd.DataFrame:
    """Train, measure on four substrates, write model, table, figures and report into `out`.

    An interrupted training goes on from its last complete epoch when the demo is run again.
    """
    settings = settings or DemoSettings()
    folder = prepare_folder(out, overwrite)
    say(f"1/5  training a {'-'.join(map(str, SIZES))} network, two relaxations per sample")
    fitted, test, cost = train_digits(
        settings, checkpoint=folder / "training.npz", progress=progress
    )
    network = fitted.network
    storage.save(network, folder / "model.npz", cost=cost, info=dataclasses.asdict(settings))
    study = _Study(network, cost, test, test.rows(np.arange(settings.images)), settings, progress)
    say(f"2/5  ideal model, {len(test.y)} test images")
    study.ideal()
    say(f"3/5  {settings.chips} noisy analog chips")
    study.analog()
    say(f"4/5  spiking oscillators in Brian2, {settings.images} images")
    study.spiking()
    say(f"5/5  model.nir in Brian2, {settings.images} images")
    study.nir(folder / "model.nir")
    table = study.table()
    table.to_csv(folder / "results.csv", index=False)
    fitted.history.to_csv(folder / "history.csv", index=False)
    _draw(folder, fitted, study)
    _write_page(folder, study)
    (folder / "training.npz").unlink(missing_ok=True)
    say("")
    say(readable(table).to_string(index=False))
    say(f"\nEverything is in {folder.resolve()}; open report.html there.")
    return table


class _Study:
    """The same net on one substrate after the other."""

    def __init__(
        self,
        network: PhaseNetwork,
        cost: Cost,
        test: Dataset,
        some: Dataset,
        settings: DemoSettings,
        progress: bool,
    ) -> None:
        self.network, self.cost, self.test, self.some = network, cost, test, some
        self.settings, self.progress = settings, progress
        self.rows: list[dict[str, Any]] = []
        self.states: dict[str, FloatArray] = {}
        self.errors: dict[str, FloatArray] = {}
        self.locking: tuple[Any, Any] | None = None

    def ideal(self) -> None:
        """The exact equilibrium; a perceptron of the same size is trained beside it."""
        started = time.perf_counter()
        self.reference = evaluate(self.network, self.test, cost=self.cost)
        self._add("ideal model", self.reference, started)
        started = time.perf_counter()
        correct = _perceptron(self.test, self.settings.rng)
        self.rows.append(
            {"substrate": "for comparison: tanh MLP 64-20-10", "images": correct.size, "chips": 0,
             "accuracy": correct.mean(), **_wilson(correct),
             "seconds": time.perf_counter() - started}
        )  # fmt: skip

    def analog(self) -> None:
        """Chips with 1 % mismatch, 8-bit weights and phase noise D/K = 1e-3."""
        from tqdm import tqdm

        from neurosc.hw_models import Device, FrequencyMismatch, PhaseNoise, WeightQuantization

        started = time.perf_counter()
        self.device = Device(WeightQuantization(8), FrequencyMismatch(0.01), PhaseNoise(1e-3))
        chips = self.device.fabricate(self.network, self.settings.chips, rng=self.settings.rng)
        bar = tqdm(chips, disable=not self.progress, desc="chips", unit="chip")
        each = [
            evaluate(self.network, self.test, cost=self.cost, on=chip, rng=self.settings.rng)
            for chip in bar
        ]
        together = Evaluation(
            accuracy=np.array([e.accuracy for e in each]),
            loss=np.array([e.loss for e in each]),
            predictions=np.stack([e.predictions for e in each]),
            correct=np.stack([e.correct for e in each]),
            locked=np.stack([e.locked for e in each]),
            relaxation=each[0].relaxation,
        )
        self.chips = together
        errors = [
            verify.phase_errors(self.network, self.reference.relaxation, e.relaxation) for e in each
        ]
        name = f"{self.settings.chips} analog chips"
        self._add(name, together, started, np.concatenate(errors))

    def spiking(self) -> None:
        """Spiking oscillators, and the spikes of the first image while it locks."""
        from neurosc.hw_models import SpikingOscillators

        substrate = SpikingOscillators(progress=self.progress)
        self._compare("spiking (Brian2)", substrate)
        recording = substrate.record(self.network, self.some.x[:1], cycles=400)
        self.locking = (recording.time, recording.neuron)

    def nir(self, path: Path) -> None:
        """The exported file, read back from disk and run as it stands."""
        from neurosc import export

        graph = export.to_nir(self.network, eps=NIR_EPS, steps_per_cycle=NIR_STEPS)
        export.write(graph, path)
        substrate = export.NIRSubstrate.from_graph(
            export.read(path), target="numpy", progress=self.progress
        )
        self._compare("NIR file (Brian2)", substrate)

    def _compare(self, name: str, substrate: Substrate) -> None:
        started = time.perf_counter()
        result = evaluate(self.network, self.some, cost=self.cost, on=substrate)
        ideal = evaluate(self.network, self.some, cost=self.cost)
        errors = verify.phase_errors(self.network, ideal.relaxation, result.relaxation)
        self.errors[name] = errors
        self.states[name] = self.network.relative(result.relaxation.phases)[:, self.network.free]
        self._add(name, result, started, errors)

    def _add(
        self, name: str, result: Evaluation, started: float, errors: FloatArray | None = None
    ) -> None:
        low, high = result.interval()
        ideal = self.reference.predictions[: result.predictions.shape[-1]]
        self.rows.append(
            {
                "substrate": name,
                "images": result.predictions.shape[-1],
                "chips": len(result.accuracy) if np.ndim(result.accuracy) else 0,
                "accuracy": float(np.mean(result.accuracy)),
                "ci_low": low,
                "ci_high": high,
                "same_as_ideal": float((result.predictions == ideal).mean()),
                "median_phase_error_rad": 0.0 if errors is None else float(np.median(errors)),
                "not_locked": int((~result.locked).sum()),
                "seconds": time.perf_counter() - started,
            }
        )

    def table(self) -> pd.DataFrame:
        """One row for each substrate."""
        import pandas as pd

        return pd.DataFrame(self.rows)


def _perceptron(test: Dataset, rng: int) -> Any:
    """Which test images a tanh perceptron 64-20-10 of scikit-learn reads right."""
    from sklearn.neural_network import MLPClassifier

    train, _ = datasets.digits()
    peer = MLPClassifier((SIZES[1],), activation="tanh", max_iter=2000, random_state=rng)
    return peer.fit(*train).predict(test.x) == test.y


def _wilson(correct: Any) -> dict[str, float]:
    from scipy import stats

    test = stats.binomtest(int(correct.sum()), correct.size)
    low, high = test.proportion_ci(method="wilson")
    return {"ci_low": float(low), "ci_high": float(high)}


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The table as people read it: percentages, few digits, units in the headings."""
    import pandas as pd

    def text(template: str, values: pd.Series[Any]) -> list[str]:
        return ["–" if pd.isna(v) else template.format(v) for v in values]

    return pd.DataFrame(
        {
            "substrate": table["substrate"],
            "images": table["images"],
            "accuracy %": text("{:.2f}", 100 * table["accuracy"]),
            "95 % interval": [
                f"{100 * low:.1f} to {100 * high:.1f}"
                for low, high in zip(table["ci_low"], table["ci_high"], strict=True)
            ],
            "same as ideal %": text("{:.2f}", 100 * table["same_as_ideal"]),
            "median phase error (rad)": text("{:.4f}", table["median_phase_error_rad"]),
            "not locked": text("{:.0f}", table["not_locked"]),
            "seconds": text("{:.1f}", table["seconds"]),
        }
    )


def _draw(folder: Path, fitted: Fit, study: _Study) -> None:
    network, settings = study.network, study.settings
    ideal = network.relative(study.reference.relaxation.phases)
    few = ideal[: settings.images][:, network.free]
    figures = {
        "learning": plots.learning_curve(fitted.rows),
        "phases": plots.phase_agreement(few, study.states, study.errors),
        "chips": plots.chip_accuracies(
            study.chips.accuracy, study.reference.accuracy, study.chips.interval(),
            f"{settings.chips} chips, {len(study.test.y)} test images each",
        ),
    }  # fmt: skip
    if study.locking is not None:
        title = f"Test image 0, a {study.test.y[0]}"
        figures["raster"] = plots.raster(network, *study.locking, ideal[0], title)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png")


def _write_page(folder: Path, study: _Study) -> None:
    from neurosc import __version__

    table = study.table().set_index("substrate")
    first, spiking, nir = (table.loc[k] for k in ("ideal model", *study.states))
    page = Page("One oscillator network on four substrates")
    page.paragraph(
        f"A {'-'.join(map(str, SIZES))} network of phase oscillators learned scikit-learn's 8x8 "
        f"digits with two relaxations per sample and no backpropagation. The ideal model reads "
        f"{first['accuracy']:.1%} of {first['images']:.0f} held-out images. On "
        f"{len(study.chips.accuracy)} noisy analog chips the mean is "
        f"{study.chips.accuracy.mean():.1%} (worst {study.chips.accuracy.min():.1%}). As spiking "
        f"neurons it reads {spiking['same_as_ideal']:.1%} of {spiking['images']:.0f} images as the "
        f"ideal model does, and as a NIR file run in Brian2 {nir['same_as_ideal']:.1%}."
    )
    page.table(readable(study.table()))
    page.paragraph(
        "Same as ideal: share of images with the prediction of the ideal model. Phase error: "
        "absolute difference from the ideal phases of the free oscillators. Intervals: Wilson over "
        "images; for chips a bootstrap of the mean over chips."
    )
    for name, heading, caption in _PICTURES:
        if (folder / f"{name}.png").exists():
            page.heading(heading)
            page.picture(folder / f"{name}.png", caption)
    rng = study.settings.rng
    page.footer(
        [
            f"neurosc {__version__}, Python {platform.python_version()}, rng = {rng}",
            f"chips: {study.device!r}",
        ]
    )
    page.write(folder / "report.html")


_PICTURES = (
    ("learning", "Learning", "Mean cost and validation accuracy after each epoch."),
    ("phases", "Phases", "Phases on spiking substrates against the ideal model, and their errors."),
    ("chips", "Chips", "Accuracy of each fabricated chip on the test images."),
    ("raster", "Locking", "One image from the first spikes to rest; each mark is a spike."),
)
