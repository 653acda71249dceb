"""Builds a model once for its shape, and runs it in a private directory with new numbers."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from neurosc.hw_models.spiking.model import AFFERENTS, RECURRENTS, VOLTAGES, Shape
from neurosc.hw_models.spiking.worker import DONE

Target = Literal["auto", "cpp_standalone", "cython", "numpy"]
Chosen = Literal["cpp_standalone", "cython", "numpy"]
Arrays = dict[str, np.ndarray]


class MissingCompilerWarning(UserWarning):
    """A simulation runs slowly for the want of a compiler."""


KEPT = ("main", "main.exe", "files.json", "shape.json")
"""Files of a build that a run needs."""
PREFIX = ".neurosc-"
"""Of directories in which something is being made."""
LEFT_FOR = 86400.0
"""Seconds after which one of them is taken to be left over."""
KEPT_FOR = 90 * 86400.0
"""Seconds since its last use after which a build is removed."""
SOURCES_OF_A_BUILD = (
    "model",
    "membrane",
    "lif",
    "custom",
    "equations",
    "formulas",
    "winfree",
    "counter_noise",
    "worker",
)


def find_compiler() -> str | None:
    """The C++ compiler: $CXX, or the first of c++, g++ and clang++ on the path."""
    named = os.environ.get("CXX", "").split()
    names = (named[0],) if named else ("c++", "g++", "clang++")
    return next((found for found in map(shutil.which, names) if found), None)


def choose_target(target: Target) -> Chosen:
    """What `"auto"` stands for here, or an error if a named target lacks its compiler.

    Warns
    -----
    MissingCompilerWarning
        Where `"auto"` has to do with NumPy.
    """
    if target == "numpy":
        return target
    if os.name == "nt":  # Cython finds Microsoft's compiler, which takes none of our flags
        return "cython"
    if find_compiler() is None:
        what = (
            "needs a C++ compiler, and neither $CXX, c++, g++ nor clang++ is on the path; install "
            "g++ (Debian: apt install g++, macOS: xcode-select --install)"
        )
        if target != "auto":
            raise ValueError(f'target: {target!r} {what}, or pass target="numpy" (slow)')
        warnings.warn(
            f"target: {target!r} {what}; until then NumPy runs it, many times slower",
            MissingCompilerWarning,
            stacklevel=2,
        )
        return "numpy"
    return "cython" if target == "cython" else "cpp_standalone"


def cache_directory() -> Path:
    """Where builds are kept: $XDG_CACHE_HOME/neurosc/spiking, by default under ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "neurosc" / "spiking"


def simulate(
    shape: Shape,
    target: Chosen,
    arrays: Arrays,
    progress: Callable[[int], object] = lambda blocks: None,
) -> Arrays:
    """Run a model.

    Parameters
    ----------
    shape
        Of the model.
    target
        What runs it.
    arrays
        Named part.variable as in `Shape.inputs`, and part.pre and part.post of the synapses.
    progress
        Is told how many blocks are done.

    Returns
    -------
    dict of arrays
        Named part.variable as in `Shape.outputs`.

    Raises
    ------
    RuntimeError
        If the build or the run fails, with the end of its messages.
    """
    with _workplace() as here:
        if target == "cpp_standalone":
            return _run_standalone(build_once(shape), here, shape, arrays, progress)
        (here / "shape.json").write_text(json.dumps(dataclasses.asdict(shape)))
        np.savez(here / "arrays.npz", **arrays)  # type: ignore[arg-type]
        _child(here, "run", target, progress=progress)
        with np.load(here / "results.npz") as results:
            return dict(results)


def build_once(shape: Shape) -> Path:
    """The directory with the executable of a shape, compiled now if it is not in the cache.

    A build is made elsewhere and moved into the cache whole, so another process sees all of it
    or nothing; if two build the same, the first to finish wins.
    """
    compiler = find_compiler()
    if compiler is None:
        raise RuntimeError("the C++ compiler has left the path; put it back")
    place = cache_directory() / _fingerprint(shape, compiler)
    if place.exists():
        os.utime(place)
        return place
    _forget(place.parent)
    place.parent.mkdir(parents=True, exist_ok=True)
    with _workplace() as here, _workplace(place.parent) as staged:
        (here / "shape.json").write_text(json.dumps(dataclasses.asdict(shape)))
        _child(here, "build", compiler)
        build = staged / "build"
        build.mkdir()
        for name in KEPT:
            if (here / name).exists():
                shutil.copy2(here / name, build)
        try:
            build.rename(place)
        except OSError:
            if not place.exists():  # else another process was faster
                raise
    return place


def _forget(cache: Path) -> None:
    """Remove builds that nothing has used for long, and what a killed process left of one."""
    for build in cache.glob("*") if cache.exists() else ():
        with contextlib.suppress(OSError):  # another process may do the same
            kept = LEFT_FOR if build.name.startswith(PREFIX) else KEPT_FOR
            if time.time() - build.stat().st_mtime > kept:
                shutil.rmtree(build)


def _fingerprint(shape: Shape, compiler: str) -> str:
    """A hash of all that enters the executable."""
    code = [(Path(__file__).parent / f"{m}.py").read_bytes() for m in SOURCES_OF_A_BUILD]
    facts = [
        json.dumps(dataclasses.asdict(shape)),
        importlib.metadata.version("brian2"),
        importlib.metadata.version("numpy"),
        compiler,
        platform.platform(),
    ]
    return hashlib.sha256(b"\0".join([*code, *(f.encode() for f in facts)])).hexdigest()[:24]


@contextlib.contextmanager
def _workplace(inside: Path | None = None) -> Any:
    """A private directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=inside) as name:
        yield Path(name)


def _child(here: Path, *arguments: str, progress: Callable[[int], object] | None = None) -> None:
    """Run the worker in a directory; Brian2's own temporary files stay in it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    environment |= {"TMPDIR": str(here), "TEMP": str(here), "TMP": str(here)}
    command = [sys.executable, "-P", "-m", "neurosc.hw_models.spiking.worker", *arguments]
    _call(command, here, environment, progress)


def _run_standalone(
    build: Path,
    here: Path,
    shape: Shape,
    arrays: Arrays,
    progress: Callable[[int], object],
) -> Arrays:
    """Call the executable with files that it reads in `here`."""
    (here / "results").mkdir()
    static = here / "static_arrays"
    static.mkdir()
    settings = []
    if shape.voltages:
        every = np.arange(shape.oscillators, dtype=np.int32)
        every.tofile(static / f"_static_array__array_{VOLTAGES}__indices")
    for part, variables in shape.inputs.items():
        if part in (AFFERENTS, RECURRENTS):
            for end, ours in (("sources", "pre"), ("targets", "post")):
                edges = arrays[f"{part}.{ours}"].astype(np.int32)
                edges.tofile(static / f"_static_array__array_{part}_{end}")
        for variable in variables:
            name = f"{part}.{variable}"
            values = arrays[name]
            values.astype(np.int32 if values.dtype.kind in "iu" else np.float64).tofile(here / name)
            settings.append(f"{name}={name}")
    executable = build / ("main.exe" if os.name == "nt" else "main")
    _call([str(executable), "--results_dir", "results/", *settings], here, None, progress)
    files = json.loads((build / "files.json").read_text())
    return {
        name: np.fromfile(here / "results" / file, dtype=_kind(name))
        for name, file in files.items()
    }


def _kind(name: str) -> type:
    return np.int32 if name.endswith(".i") else np.float64


def _call(
    command: list[str],
    here: Path,
    environment: dict[str, str] | None,
    progress: Callable[[int], object] | None,
) -> None:
    """Run a command to its end; what it says of blocks goes to `progress`, the rest is kept."""
    said = []
    with subprocess.Popen(
        command,
        cwd=here,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as running:
        try:
            for line in running.stdout or ():
                if not line.startswith(DONE):
                    said.append(line)
                elif progress is not None:
                    progress(int(line.removeprefix(DONE)))
        except BaseException:
            running.kill()
            raise
    # Brian2's executable goes on after an array that it cannot read
    if running.returncode or any(line.startswith("Error") for line in said):
        raise RuntimeError(
            f"{Path(command[0]).name} failed with code {running.returncode}; its last words: "
            f"{''.join(said)[-2000:]}"
        )
