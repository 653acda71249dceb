"""How large a graph may be, and the error for one that is not in order."""

from __future__ import annotations

import dataclasses

DEEPEST = 64
"""Nesting that may be allowed at most: reading and running recurse once per level."""


class InvalidGraphError(ValueError):
    """What is wrong and the remedy; `read` and `validate` say of which argument."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a graph may ask of the machine that reads it.

    The defaults hold every graph of `to_nir` up to thousands of oscillators. They bound time and
    memory for files of unknown origin; raise them for a large file that you trust:
    `read(path, limits=Limits(bytes=2**32))`.

    Attributes
    ----------
    nodes
        Of the graph and all those nested in it.
    edges
        Likewise; those of a nested graph count once for every edge into it, as nir checks them
        that often, in a time that grows with the square of their number.
    depth
        Of nesting; 1 is a graph without nested ones. At most 64.
    name_length
        Characters in the name of a node.
    bytes
        Of all arrays and texts together, unpacked.
    """

    nodes: int = 1_000
    edges: int = 2_000
    depth: int = 8
    name_length: int = 200
    bytes: int = 2**29

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"{field.name}: {getattr(self, field.name)} is below 1; give more")
        if self.depth > DEEPEST:
            raise ValueError(f"depth: {self.depth} is more than can be run; give {DEEPEST} or less")
