"""What Brian2 generates for a run: compiled or interpreted code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal, get_args

Target = Literal["auto", "cython", "numpy"]


def check_target(target: str) -> None:
    """Raise for a target that Brian2 would not know."""
    if target not in get_args(Target):
        raise ValueError(f"target: {target!r} is unknown; use one of {get_args(Target)}")


@contextlib.contextmanager
def code_generation(target: Target) -> Iterator[None]:
    """Brian2's preferred target for a while; the user's own comes back."""
    import brian2

    before = brian2.prefs.codegen.target
    if target != "auto":
        brian2.prefs.codegen.target = target
    try:
        yield
    finally:
        brian2.prefs.codegen.target = before
