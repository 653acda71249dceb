"""The child process that runs Brian2: `python -m ... build` or `... run`, in the working directory.

Brian2 keeps its device, clock and preferences in globals. In a process of its own it cannot
disturb, or be disturbed by, a simulation of the user's.

`build` turns shape.json into the executable `main` and files.json; `run` takes shape.json and
arrays.npz to results.npz, with Brian2's runtime.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from neurosc.hw_models.spiking.model import (
    AFFERENTS,
    OSCILLATORS,
    RECURRENTS,
    WARM_UP,
    Model,
    Shape,
    build,
    period,
)

FLAGS = ("-w", "-O3", "-ffp-contract=off")
"""No fast-math and no fused operations: a sample has the same bits at each place in a batch."""
DONE = "blocks done:"
"""What a run prints as it goes, with their number."""


def _quiet_brian() -> Any:
    import brian2

    brian2.prefs.logging.console_log_level = "ERROR"
    brian2.prefs.logging.file_log = False
    brian2.prefs.logging.save_script = False
    return brian2


def compile_standalone(shape: Shape, project: Path, compiler: str) -> None:
    """Generate C++ for a shape and compile it to project/main."""
    brian2 = _quiet_brian()
    brian2.set_device("cpp_standalone", build_on_run=False)
    model = build(shape)
    for name in (AFFERENTS, RECURRENTS):
        if name in model.parts:
            nowhere = np.zeros(getattr(shape, name), dtype=np.int32)
            model.parts[name].connect(i=nowhere, j=nowhere)
    device = brian2.get_device()
    device.apply_run_args()
    turn = period(shape) * brian2.second
    model.network.run(WARM_UP * turn)
    model.parts[OSCILLATORS].open = 1
    # so that the number of cycles is set by the run, not by the build; Brian2 sets the clock to
    # where it was as the code was made
    now = device.get_array_name(brian2.defaultclock.variables["t"])
    device.insert_code("before_network_run", f"{now}[0] = {model.network.name}.t;")
    blocks = device.get_array_name(model.parts[OSCILLATORS].variables["blocks"])
    device.insert_code("main", f"for (int block = 0; block < {blocks}[0]; block++) {{")
    model.network.run(shape.block * turn)
    device.insert_code("main", f'std::cout << "{DONE} " << block + 1 << std::endl; }}')
    device.build(str(project), compile=False, run=False)
    files = {
        f"{part}.{variable}": device.get_array_filename(model.parts[part].variables[variable])
        for part, variables in shape.outputs.items()
        for variable in variables
    }
    (project / "files.json").write_text(json.dumps(files))
    _write_unity(project)
    command = [compiler, *FLAGS, "-I.", "-Ibrianlib", "unity.cpp", "-o", "main"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")


def _write_unity(project: Path) -> None:
    """One translation unit of all generated files: 5 s to compile instead of a minute.

    Each code object brings the same helpers in an anonymous namespace, so it is wrapped in a
    namespace of its own; the headers come first, outside of all.
    """
    objects = sorted(project.glob("code_objects/*.cpp"))
    rest = sorted([*project.glob("*.cpp"), *project.glob("brianlib/*.cpp")])
    lines = [line.strip() for file in [*objects, *rest] for line in file.read_text().splitlines()]
    headers = [s for s in lines if s.startswith("#include") and "code_objects/" not in s]
    unity = list(dict.fromkeys(headers))
    for k, file in enumerate(objects):
        path = file.relative_to(project).as_posix()
        unity += [f"namespace unit{k} {{", f'#include "{path}"', "}", f"using namespace unit{k};"]
    unity += [f'#include "{file.relative_to(project).as_posix()}"' for file in rest]
    (project / "unity.cpp").write_text("\n".join(unity) + "\n")


def run(shape: Shape, target: str, arrays: dict[str, Any]) -> dict[str, Any]:
    """Simulate with Brian2's runtime; arrays are named part.variable."""
    brian2 = _quiet_brian()
    brian2.prefs.codegen.target = target
    brian2.prefs.codegen.cpp.extra_compile_args_gcc = list(FLAGS)
    model: Model = build(shape)
    for name in (AFFERENTS, RECURRENTS):
        if name in model.parts:
            model.parts[name].connect(i=arrays[f"{name}.pre"], j=arrays[f"{name}.post"])
    for part, variables in shape.inputs.items():
        for variable in variables:
            model.parts[part].variables[variable].set_value(arrays[f"{part}.{variable}"])
    turn, blocks = period(shape) * brian2.second, int(arrays[f"{OSCILLATORS}.blocks"][0])
    model.network.run(WARM_UP * turn)
    model.parts[OSCILLATORS].open = 1

    def report(elapsed: Any, completed: float, start: Any, duration: Any) -> None:
        print(DONE, int(completed * blocks), flush=True)

    model.network.run(blocks * shape.block * turn, report=report, report_period=1 * brian2.second)
    return {
        f"{part}.{variable}": np.asarray(getattr(model.parts[part], variable)).T.ravel()
        for part, variables in shape.outputs.items()
        for variable in variables
    }


def read_shape(text: str) -> Shape:
    """A shape out of JSON, which knows no tuples."""
    values: dict[str, Any] = json.loads(text)
    for name, value in values.items():
        values[name] = tuple(value) if isinstance(value, list) else value
    return Shape(**values)


def main(arguments: list[str]) -> None:
    """Entry of the child process."""
    here = Path.cwd()
    shape = read_shape((here / "shape.json").read_text())
    if arguments[0] == "build":
        compile_standalone(shape, here, arguments[1])
        return
    with np.load(here / "arrays.npz") as arrays:
        results = run(shape, arguments[1], dict(arrays))
    np.savez(here / "results.npz", **results)


if __name__ == "__main__":
    main(sys.argv[1:])
