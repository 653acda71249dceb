"""Networks on many chips of ever stronger imperfections."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.datasets import as_dataset
from neurosc.network import PhaseNetwork
from neurosc.randomness import RNG, key_from, seed_sequence
from neurosc.robustness import store
from neurosc.robustness.backends import in_chunks
from neurosc.robustness.measures import Measure, ReadOut, checked_metrics
from neurosc.robustness.parameters import Case, Levels, Names, Parameter, cases
from neurosc.robustness.protocols import Device
from neurosc.robustness.result import Sweep
from neurosc.robustness.study import Bench, Study, counted
from neurosc.storage import Path_

if TYPE_CHECKING:
    import pandas as pd


def sweep(
    network: PhaseNetwork,
    data: tuple[npt.ArrayLike, npt.ArrayLike],
    device: Device,
    levels: Levels,
    *,
    cost: Cost,
    parameter: Names = None,
    chips: int = 20,
    trials: int = 1,
    metrics: str | Sequence[str] = ("accuracy",),
    rng: RNG = None,
    relative: bool = False,
    path: Path_ | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: bool = False,
) -> Sweep:
    """Measure `network` on `chips` chips of `device` at each level of a parameter.

    Chip k is the same chip at every level, its frozen draws scaled, and trial t has the same
    dynamic draws at every level, so levels compare in pairs.

    Parameters
    ----------
    network, data, cost
        The network, samples x (batch, inputs) with labels y (batch,), and the cost that reads it.
    device
        A `neurosc.hw_models.Device`, or anything that keeps `robustness.protocols.Device`.
    levels
        Increasing numbers in the unit of the parameter; or a mapping of parameters to theirs.
    parameter
        What is set to each level: a term with one strength ("PhaseNoise"), or a number of a term
        ("FrequencyMismatch.sigma_rad_per_s", "WeightQuantization.bits"). Several are swept one
        after another. None multiplies all strengths of the device, so that level 1 is the device.
    chips
        How many are fabricated.
    trials
        Relaxations of each sample on each chip, with dynamic draws of their own; where something
        varies per run, each is a run.
    metrics
        Some of "accuracy", "loss" and "locked", the share that locked.
    rng
        Root of all random numbers.

    Other arguments
    ---------------
    relative
        Levels are factors of the strengths that the named terms have.
    path
        A folder for the rows while they come. The same call again goes on where it was killed
        and ends with the same table, bit for bit in all columns but seconds.
    jobs
        Processes on this machine; -1 for one a core. The bits do not depend on it.
    scheduler
        Address of a dask.distributed scheduler, such as "tcp://host:8786", whose workers do the
        work; the extra `cluster`.
    progress
        Show a progress bar.

    Raises
    ------
    ValueError, TypeError
        For levels that do not increase, or are negative or not finite; unknown parameters and
        metrics; trials of a device without randomness; a path with another study.
    OSError
        BlockingIOError if another process writes to the path, ConnectionError if the scheduler
        does not answer; and if the disk is full, where finished rows stay readable.
    ImportError
        Without pyarrow for a path (extra `robustness`), or dask for a scheduler.

    Warns
    -----
    UserWarning
        Once a parameter, for levels that look like another unit, such as 5 for 5 %.
    """
    checked_device(device)
    found = cases(device, levels, parameter, relative)
    measure = ReadOut(cost, checked_metrics(metrics))
    study = plan(network, data, device, found, measure, chips, trials, rng, path)
    table = measured(study, path, jobs, scheduler, progress)
    return Sweep(table, study.identity)


def checked_device(device: object) -> None:
    """Raise TypeError for what is no device, such as its name."""
    if not isinstance(device, Device):
        raise TypeError(
            f"device: expected a Device, not {type(device).__name__}; make one of "
            "neurosc.hw_models, or get one with neurosc.hw_models.presets.get(name)"
        )


def plan(
    network: PhaseNetwork,
    data: tuple[npt.ArrayLike, npt.ArrayLike],
    device: Device,
    found: dict[Parameter, list[Case]],
    measure: Measure,
    chips: int,
    trials: int,
    rng: RNG,
    path: Path_ | None,
) -> Study:
    """The study of these cases, checked; without `rng` a path that was begun gives its own."""
    every = [case for of_parameter in found.values() for case in of_parameter]
    trials = counted("trials", trials)
    if trials > 1 and not any(t.scope != "frozen" for c in every for t in c.device.acting):
        raise ValueError(
            f"trials: all {trials} are alike, as nothing of the device is drawn in a relaxation; "
            "give trials=1, or a device with noise"
        )
    begun = rng is None and path is not None and (Path(path) / store.HEADER).exists()
    root = key_from(store.header(path)["rng"]) if begun and path else seed_sequence(rng)
    bench = Bench(
        network, as_dataset(data), measure, counted("chips", chips), root, device.name or "device"
    )
    return Study(bench, device, tuple(found), tuple(every), trials)


def measured(
    study: Study, path: Path_ | None, jobs: int, scheduler: str | None, progress: bool
) -> pd.DataFrame:
    """The table of a study; what its path holds already is not done again."""
    if jobs == 0 or jobs != int(jobs):
        raise ValueError(f"jobs: {jobs} is no number of processes; give 1 or more, or -1 for all")
    if scheduler is not None and jobs != 1:
        raise ValueError("jobs: the workers of the scheduler do the work; leave jobs out")
    if path is None:
        memory = store.Memory()
        _fill(memory, study, jobs, scheduler, progress)
        return memory.table()
    with store.opened(path, study.identity) as folder:
        if not folder.is_closed:
            _fill(folder, study, jobs, scheduler, progress)
            folder.close()
        return folder.table()


def _fill(
    rows: store.Store, study: Study, jobs: int, scheduler: str | None, progress: bool
) -> None:
    """Run the chunks that a store lacks."""
    from tqdm import tqdm

    done = rows.done()
    missing = [chunk for chunk in study.chunks if chunk.number not in done]
    bar = tqdm(
        total=len(study.chunks), initial=len(done), disable=not progress, desc="chips", unit="chunk"
    )
    with bar:
        for number, found in in_chunks(study.bench, missing, jobs, scheduler):
            rows.add(number, found)
            bar.update()
