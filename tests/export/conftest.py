from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Brian2 calls old names of pyparsing whenever it parses equations."""
    old_names = pytest.mark.filterwarnings(
        r"ignore:.* deprecated.* use '[a-z_]*':DeprecationWarning"
    )
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(old_names)


@pytest.fixture(autouse=True)
def _interpreted() -> Iterator[None]:
    """Brian2 without a compiler: for small graphs it starts much sooner."""
    import brian2

    before = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    yield
    brian2.prefs.codegen.target = before
