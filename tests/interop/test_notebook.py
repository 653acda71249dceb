"""The notebook of NIR files, with snnTorch at hand."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "nir.ipynb"


def test_snntorch_repeats_the_reference(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    told = [o.text for c in notebook.cells for o in c.get("outputs", []) if "text" in o]
    assert any("snnTorch, cells that differ: 0\n" in text for text in told)
