"""Runs studies: every condition with every seed, in several processes, resumable."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from neurosc.randomness import RNG, key_from, key_text, seed_sequence, substream
from neurosc.robustness.lock import locked
from neurosc.robustness.study import counted
from neurosc.storage import Path_
from neurosc.studies.registry import get
from neurosc.studies.result import FIGURES, FILES, StudyResult
from neurosc.studies.study import Exhibit, Row, Settings, Study

CELLS = ".cells"
"""Rows of a study that is not complete."""


def run(
    name: str,
    *,
    seeds: int | None = None,
    jobs: int = 1,
    rng: RNG = 0,
    out: Path_ | None = None,
    overwrite: bool = False,
    progress: bool = False,
    **options: Any,
) -> StudyResult:
    """Measure a study: one row for each of its conditions and each seed.

    Parameters
    ----------
    name
        One of `names()`.
    seeds
        How many, numbered from 0; those of the study unless given.
    jobs
        Processes; -1 for one a core. The rows are the same whatever it is, but for their seconds.
    rng
        Random root.
    out
        Folder into which tables, figures and page are written. A run that was interrupted goes on
        from its finished rows when it is started again.

    Other arguments
    ---------------
    overwrite
        Start afresh in a folder that holds a study.
    progress
        Show a progress bar.
    **options
        Those of the study, `get(name).options`.

    Raises
    ------
    ValueError, TypeError
        For an unknown study, or an option that it does not have.
    FileExistsError
        If `out` holds files and may not be overwritten.
    """
    study = get(name)
    count = study.seeds if seeds is None else counted("seeds", seeds)
    conditions, root = study.settings(**options), seed_sequence(rng)
    folder = None if out is None else _prepared(Path(out), overwrite)
    guard: AbstractContextManager[Any] = nullcontext() if folder is None else locked(folder)
    started = time.perf_counter()
    with guard:
        cells = [(c, s) for c in conditions for s in range(count)]
        found = dict(_measure(study, conditions, cells, root, folder, jobs, progress))
        drawn = _exhibits(study, conditions, root, folder, jobs, progress)
        result = StudyResult.of(
            study,
            [found[number] for number in range(len(cells))],
            exhibits=drawn,
            made={
                "rng": key_text(root),
                "seeds": count,
                **options,
                "seconds": round(time.perf_counter() - started, 1),
            },
        )
        if folder is not None:
            result.write(folder)
            shutil.rmtree(folder / CELLS, ignore_errors=True)
    return result


def _measure(
    study: Study,
    conditions: dict[str, Settings],
    cells: list[tuple[str, int]],
    root: Any,
    folder: Path | None,
    jobs: int,
    progress: bool,
) -> Iterator[tuple[int, Row]]:
    """The rows of all cells by their numbers, as they are done."""
    key, version = key_text(root), _version(study)
    arguments = [
        (study.name, condition, conditions[condition], seed, key, version)
        for condition, seed in cells
    ]
    return _abreast(_cell, arguments, folder, jobs, progress and study.name)


def _exhibits(
    study: Study,
    conditions: dict[str, Settings],
    root: Any,
    folder: Path | None,
    jobs: int,
    progress: bool,
) -> list[Exhibit]:
    """Those of all conditions, in their order; none where no page is written."""
    if study.exhibits is None or folder is None:
        return []
    key, version = key_text(root), _version(study)
    arguments = [(study.name, settings, key, version) for settings in conditions.values()]
    title = progress and f"{study.name}, figures"
    found = dict(_abreast(_drawn, arguments, folder, jobs, title))
    return [exhibit for number in range(len(arguments)) for exhibit in found[number]]


def _abreast(
    work: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    folder: Path | None,
    jobs: int,
    title: str | bool,
) -> Iterator[tuple[int, Any]]:
    """What work makes of each of the arguments, by their numbers, as it is done and kept.

    A progress bar is shown if there is a title.
    """
    import joblib
    from tqdm import tqdm

    memory = joblib.Memory(None if folder is None else folder / CELLS, verbose=0)
    one = memory.cache(work)
    tasks = (joblib.delayed(_numbered)(number, one, *each) for number, each in enumerate(arguments))
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
        yield from tqdm(
            parallel(tasks), total=len(arguments), disable=not title, desc=str(title), unit="run"
        )


def _numbered(number: int, one: Any, *arguments: Any) -> tuple[int, Any]:
    return number, one(*arguments)


def _cell(name: str, condition: str, settings: Settings, seed: int, key: str, version: str) -> Row:
    """One row; `version` is there so that rows of other code are not taken for it."""
    started = time.perf_counter()
    row = get(name).measure(seed, substream(key_from(key), "seed", seed), **settings)
    return {
        "condition": condition, "seed": seed, **row, "seconds": time.perf_counter() - started,
    }  # fmt: skip


def _drawn(name: str, settings: Settings, key: str, version: str) -> list[Exhibit]:
    """The exhibits of one condition; `version` as in `_cell`."""
    draw = get(name).exhibits
    return [] if draw is None else draw(substream(key_from(key), "seed", 0), **settings)


def _version(study: Study) -> str:
    """Of neurosc and of the module of the study."""
    from neurosc import __version__

    source = inspect.getsource(importlib.import_module(study.measure.__module__))
    return f"{__version__} {hashlib.sha256(source.encode()).hexdigest()[:16]}"


def _prepared(folder: Path, overwrite: bool) -> Path:
    """The folder, fit for a new study or for one that was interrupted."""
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"out: {folder} is a file; name a folder")
    folder.mkdir(parents=True, exist_ok=True)
    if overwrite:
        for name in (CELLS, FIGURES):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
    elif any(not file.name.startswith(".") for file in folder.iterdir()):
        raise FileExistsError(
            f"out: the folder {folder} exists and is not empty; name another or add --overwrite"
        )
    return folder
