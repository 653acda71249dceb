from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _interpreted() -> Iterator[None]:
    """Brian2 without a compiler: for small graphs it starts much sooner."""
    import brian2

    before = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    yield
    brian2.prefs.codegen.target = before
