"""Where rows are kept while a study runs: a folder of Parquet files, or memory.

    path/_study.json             what was asked
    path/part-00042.parquet      the rows of chunk 42, complete or not there
    path/table.parquet           all rows in order, once there are no parts left to come

Names that begin with _ or . are passed over by readers of Parquet folders, so
`pandas.read_parquet(path)` reads the rows at any time.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from neurosc.robustness.lock import locked
from neurosc.robustness.measures import Row
from neurosc.robustness.study import FORMAT
from neurosc.storage import Path_, atomic

if TYPE_CHECKING:
    import pandas as pd

HEADER, WHOLE = "_study.json", "table.parquet"
TYPES = {
    "preset": "str", "parameter": "str", "level": "float64", "unit": "str", "chip": "int64",
    "trial": "int64", "metric": "str", "value": "float64", "n_test": "int64", "rng_key": "str",
    "locked_share": "float64", "seconds": "float64", "version": "str",
}  # fmt: skip
"""The columns of every table; a study may add numbers of its own at the end."""


class Store(Protocol):
    """What holds the rows of a study."""

    def done(self) -> set[int]:
        """The chunks that it has."""
        ...

    def add(self, number: int, rows: list[Row]) -> None:
        """Keep the rows of a chunk."""
        ...

    def table(self) -> pd.DataFrame:
        """All rows so far, in order."""
        ...


class Memory:
    """Rows that nobody asked to keep."""

    def __init__(self) -> None:
        self._rows: dict[int, list[Row]] = {}

    def done(self) -> set[int]:
        return set(self._rows)

    def add(self, number: int, rows: list[Row]) -> None:
        self._rows[number] = rows

    def table(self) -> pd.DataFrame:
        return ordered([frame(self._rows[number]) for number in sorted(self._rows)])


class Folder:
    """Rows on disk; `opened` makes one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def done(self) -> set[int]:
        return {int(part.stem.removeprefix("part-")) for part in self._parts()}

    def add(self, number: int, rows: list[Row]) -> None:
        try:
            _write(self._part(number), frame(rows))
        except OSError as error:
            raise OSError(
                f"path: {self.path} takes no more rows ({error}); those of {len(self.done())} "
                "finished chunks stay readable: free space and run the same study again"
            ) from error

    def table(self) -> pd.DataFrame:
        if (self.path / WHOLE).exists():
            return _read(self.path / WHOLE)
        return ordered([_read(part) for part in self._parts()])

    def close(self) -> None:
        """Put all rows into one file."""
        if not (self.path / WHOLE).exists():
            _write(self.path / WHOLE, self.table())
        for part in self._parts():
            part.unlink()

    @property
    def is_closed(self) -> bool:
        """Whether all rows are in one file."""
        return (self.path / WHOLE).exists()

    def _part(self, number: int) -> Path:
        return self.path / f"part-{number:06d}.parquet"

    def _parts(self) -> list[Path]:
        return sorted(self.path.glob("part-*.parquet"))


@contextlib.contextmanager
def opened(path: Path_, identity: dict[str, Any]) -> Iterator[Folder]:
    """The folder of a study, new or begun before, to which nobody else writes.

    Raises
    ------
    ValueError, FileExistsError, BlockingIOError
        If it holds another study, or other files, or another process writes to it.
    """
    parquet()
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"path: {folder} is a file; name a folder")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / HEADER).exists() and any(not _hidden(f) for f in folder.iterdir()):
        raise FileExistsError(f"path: {folder} holds other files; name a new or empty folder")
    with locked(folder):
        for left_over in folder.glob(".*.parquet.*"):
            left_over.unlink()
        if (folder / HEADER).exists():
            _check_same(folder, identity)
        else:
            with atomic(folder / HEADER) as file:
                file.write(json.dumps(identity, indent=1).encode())
        yield Folder(folder)


def header(path: Path_) -> dict[str, Any]:
    """What the study in a folder was asked.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is none.
    """
    file = Path(path) / HEADER
    if not file.is_file():
        raise FileNotFoundError(f"path: {path} holds no study; give a folder that sweep wrote")
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f"path: {file} is damaged ({error}); write the study again") from None
    if found.get("format") != FORMAT:
        raise ValueError(f"path: {file} is of another program; give a folder that sweep wrote")
    return found


def read(path: Path_, kind: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The rows of a study of this kind so far, and what was asked."""
    parquet()
    study = header(path)
    if study["measure"]["kind"] != kind:
        raise ValueError(
            f"path: {path} holds a study of {study['measure']['kind']}, not of {kind}; read it "
            "with the class that wrote it"
        )
    return Folder(Path(path)).table(), study


def frame(rows: list[Row]) -> pd.DataFrame:
    """Rows with the columns and types of every table."""
    import pandas as pd

    return pd.DataFrame(rows, columns=[*TYPES, *(k for k in rows[0] if k not in TYPES)]).astype(
        TYPES
    )


def ordered(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of chunks in the order of the table: by case, chip and trial."""
    import pandas as pd

    if not frames:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in TYPES.items()})
    rows = pd.concat(frames, ignore_index=True)
    case = rows.groupby(["parameter", "level"], sort=False).ngroup()
    return (
        rows.assign(_case=case)
        .sort_values(["_case", "chip", "trial"], kind="stable", ignore_index=True)
        .drop(columns="_case")
    )


def parquet() -> Any:
    """The library that writes Parquet."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise ImportError(
            "path: Parquet needs pyarrow; pip install 'neurosc[robustness]', or leave path out"
        ) from None
    return pyarrow.parquet


def _check_same(folder: Path, identity: dict[str, Any]) -> None:
    found, asked = header(folder), json.loads(json.dumps(identity))
    differing = [k for k in asked if found.get(k) != asked[k]]
    if differing:
        told = ", ".join(
            f"{k} is {found.get(k)}, not {asked[k]}"
            if isinstance(asked[k], int | str) and len(str(asked[k])) < 64
            else f"{k} differs"
            for k in differing
        )
        raise ValueError(f"path: {folder} holds another study ({told}); name another folder")


def _write(path: Path, rows: pd.DataFrame) -> None:
    import pyarrow

    with atomic(path) as file:
        parquet().write_table(pyarrow.Table.from_pandas(rows, preserve_index=False), file)


def _read(path: Path) -> pd.DataFrame:
    try:
        rows: pd.DataFrame = parquet().read_table(path).to_pandas()
    except (OSError, ValueError) as error:
        raise ValueError(
            f"path: {path} is damaged ({error}); delete it and run the same study again"
        ) from error
    return rows.astype(TYPES)


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")
