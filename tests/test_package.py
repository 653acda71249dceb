"""The package as a stranger gets it: import time, imports, wheel, notebooks."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def python(*arguments: str, cwd: Path | None = None, executable: str = sys.executable) -> str:
    """Run Python in a process of its own and return what it prints."""
    done = subprocess.run(
        [executable, *arguments], capture_output=True, text=True, cwd=cwd, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_is_light() -> None:
    heavy = ["brian2", "nir", "matplotlib", "pandas", "numba", "sklearn", "joblib", "h5py"]
    loaded = python(
        "-c",
        "import sys, neurosc, neurosc.hw_models, neurosc.export;"
        f"print([m for m in {heavy!r} if m in sys.modules])",
    )
    assert loaded == "[]"


def test_every_public_name_has_a_docstring() -> None:
    import neurosc
    from neurosc import coupling_map, export, hw_models, phasor, robustness

    for module in (neurosc, hw_models, export, phasor, coupling_map, robustness):
        for name in module.__all__:
            assert getattr(module, name).__doc__, f"{module.__name__}.{name}"


def test_wheel_works_beside_a_users_own_export(tmp_path: Path) -> None:
    """Built, unpacked far from the checkout, and imported where `export.py` means another thing."""
    python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist"), cwd=ROOT)
    (wheel,) = (tmp_path / "dist").glob("neurosc-*.whl")
    venv.create(tmp_path / "env", system_site_packages=False, with_pip=False)
    inside = str(tmp_path / "env" / "bin" / "python")
    site = python("-c", "import sysconfig; print(sysconfig.get_path('purelib'))", executable=inside)
    python("-m", "zipfile", "-e", str(wheel), site)
    libraries = python("-c", "import numpy; print(numpy.__path__[0])")
    (Path(site) / "libraries.pth").write_text(str(Path(libraries).parent))
    user = tmp_path / "user"
    user.mkdir()
    (user / "export.py").write_text("mine = True\n")
    (user / "hw_models.py").write_text("mine = True\n")
    program = (
        "import export, hw_models, neurosc, neurosc.export, neurosc.hw_models;"
        "from neurosc.hw_models.terms import PhaseNoise;"
        "print(export.mine, hw_models.mine, neurosc.__file__);"
        "print(neurosc.Ideal().relax(neurosc.topology.all_to_all(3)).summary());"
        "print(*neurosc.export.targets.names())"
    )
    first, second, third = python("-c", program, cwd=user, executable=inside).splitlines()
    assert first.startswith(f"True True {site}")
    assert second == "1 LOCKED"
    data = (ROOT / "export" / "targets" / "data").glob("*.toml")
    assert set(third.split()) == {file.stem for file in data} - {"common"}


def test_readme_example_runs(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    ideal, chips = python("-W", "error", "-c", program, cwd=tmp_path).splitlines()
    assert ideal.startswith("ideal accuracy 9")
    assert chips.startswith("chips accuracy 9")
    assert (tmp_path / "model.npz").exists()


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_notebook_runs(path: Path, tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
