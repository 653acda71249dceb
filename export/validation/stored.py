"""A NIR file as plain dictionaries and arrays: the one place that trusts nothing in HDF5."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from neurosc.export.validation.chunks import REWRITE, check_stored
from neurosc.export.validation.limits import InvalidGraphError, Limits
from neurosc.export.validation.texts import REFERENCE, TextReader, reference_offset

Tree = dict[str, Any]
"""A node as `nir` writes it: "type", its parameters; a graph has "nodes" and "edges"."""

PARTS_PER_NODE = 16
"""HDF5 objects that a node may have on average; nir needs at most ten."""


def load(source: Path, limits: Limits) -> Tree:
    """The graph in an HDF5 file, its links, types and sizes checked before each thing is read.

    Returns
    -------
    Tree
        What `nir` would make of the file; texts are str.

    Raises
    ------
    InvalidGraphError
        For links, storage or types that a NIR file does not have, and sizes beyond the limits.
    Exception
        Of almost any type, from h5py, for a damaged file.
    """
    import h5py

    with h5py.File(source, "r") as file, source.open("rb") as raw:
        if file.id.get_create_plist().get_sizes() != (8, 8):
            raise InvalidGraphError(f"its addresses are not of 64 bits; {REWRITE}")
        reader = _Reader(limits, os.path.getsize(source), raw)
        root = reader.links(file, "")
        if "node" not in root:
            raise InvalidGraphError("it holds no 'node'; give a file that nir wrote")
        return reader.group(root["node"], "node", 1)


class _Reader:
    """Counts what has been read of a file, so that nothing is read twice or beyond the limits."""

    def __init__(self, limits: Limits, file_bytes: int, raw: BinaryIO) -> None:
        self.limits, self.file_bytes = limits, file_bytes
        self.texts = TextReader(raw, file_bytes)
        self.seen: set[int] = set()
        self.nodes = self.bytes = 0

    def links(self, group: Any, path: str) -> dict[str, Any]:
        """What is in a group, each object opened for the first and only time."""
        from h5py import Dataset, Group, h5d, h5g, h5l, h5o

        most = self.limits.nodes * PARTS_PER_NODE
        if group.id.get_num_objs() + len(self.seen) > most:
            raise InvalidGraphError(
                f"it holds more than {most:,} HDF5 objects; if you trust it, raise limits.nodes"
            )
        found: dict[str, Any] = {}
        table = group.id.links
        for raw in group.id:
            name = self._name(raw, path)
            where = f"{path}/{name}".lstrip("/")
            if table.get_info(raw).type != h5l.TYPE_HARD:
                raise InvalidGraphError(
                    f"{where!r} is a link to elsewhere, which is not followed; {REWRITE}"
                )
            opened = h5o.open(group.id, raw)
            address = h5o.get_info(opened).addr
            if address in self.seen:
                raise InvalidGraphError(f"{where!r} is in the file under two names; {REWRITE}")
            self.seen.add(address)
            if isinstance(opened, h5g.GroupID):
                found[name] = Group(opened)
            elif isinstance(opened, h5d.DatasetID):
                found[name] = Dataset(opened)
            else:
                raise InvalidGraphError(f"{where!r} is neither data nor a group; {REWRITE}")
        return found

    def _name(self, raw: bytes, path: str) -> str:
        try:
            name = raw.decode("utf8")
        except UnicodeDecodeError:
            raise InvalidGraphError(f"a name in {path!r} is no text; {REWRITE}") from None
        if len(name) > self.limits.name_length:
            raise InvalidGraphError(
                f"a name in {path!r} has {len(name):,} characters; shorten it, or raise "
                "limits.name_length"
            )
        return name

    def group(self, group: Any, path: str, level: int) -> Tree:
        """A node, the table of nodes or metadata; each nested graph takes two levels."""
        from h5py import Group

        if not isinstance(group, Group):
            raise InvalidGraphError(f"{path!r} is data, not a group; give a file that nir wrote")
        if level > 2 * self.limits.depth + 1:
            raise InvalidGraphError(
                f"{path!r} is nested too deep; flatten the graph, or raise limits.depth "
                f"above {self.limits.depth}"
            )
        if path.endswith("/nodes") and level % 2 == 0:  # else they are of a node named "nodes"
            self.nodes += group.id.get_num_objs()
            if self.nodes > self.limits.nodes:
                raise InvalidGraphError(
                    f"it has more than {self.limits.nodes:,} nodes; raise limits.nodes if you "
                    "trust it"
                )
        tree: Tree = {}
        for name, item in self.links(group, path).items():
            inner = f"{path}/{name}"
            if isinstance(item, Group):
                tree[name] = self.group(item, inner, level + 1)
            else:
                tree[name] = self.data(item, inner)
        return tree

    def data(self, dataset: Any, path: str) -> Any:
        """A number, an array, a text, or an array of texts."""
        from h5py import h5t

        where = repr(path)
        if dataset.shape is None:
            raise InvalidGraphError(f"{where} is empty; {REWRITE}")
        stored = dataset.id.get_type()
        if isinstance(stored, h5t.TypeStringID):
            if math.prod(dataset.shape) > 2 * self.limits.edges:
                raise InvalidGraphError(
                    f"{where} is a list of {math.prod(dataset.shape):,} texts, two for an edge; "
                    f"raise limits.edges above {self.limits.edges:,} if you trust the file"
                )
            if stored.is_variable_str():
                return self._texts(dataset, where)
        number = (h5t.TypeIntegerID, h5t.TypeFloatID, h5t.TypeEnumID, h5t.TypeStringID)
        if not isinstance(stored, number) or dataset.dtype.kind not in "fiubS":
            raise InvalidGraphError(
                f"{where} holds neither real numbers nor a text; {REWRITE} from such numbers"
            )
        if dataset.dtype.kind != "S" and (
            dataset.dtype.itemsize > 8 or not stored.equal(h5t.py_create(dataset.dtype))
        ):
            raise InvalidGraphError(
                f"{where} holds numbers of {stored.get_size()} bytes in a form that is not common "
                f"to all machines; {REWRITE} from float64"
            )
        self._take(math.prod(dataset.shape) * stored.get_size(), where)
        unpacked = check_stored(dataset, where, self.file_bytes)
        self._take(unpacked - math.prod(dataset.shape) * stored.get_size(), where)
        value = dataset[()]
        if dataset.dtype.kind != "S":
            return value
        texts = np.empty(dataset.shape, dtype=object)
        for index in np.ndindex(dataset.shape):
            texts[index] = _decode(bytes(value[index]), where)
        return texts[()]

    def _take(self, size: int, where: str) -> None:
        """Count bytes against the limit."""
        self.bytes += size
        if self.bytes > self.limits.bytes:
            raise InvalidGraphError(
                f"at {where} the data exceed {self.limits.bytes:,} bytes; if you trust the file, "
                "raise limits.bytes"
            )

    def _texts(self, dataset: Any, where: str) -> Any:
        """Lengths come first, for many references may point to the same long text."""
        count = math.prod(dataset.shape)
        self._take(REFERENCE.size * count, where)
        offset = reference_offset(dataset) if count else 0
        if offset is None:
            raise InvalidGraphError(f"{where} holds texts that are not stored plainly; {REWRITE}")
        places = self.texts.places(offset, count)
        longest = max((length for _, length in places), default=0)
        if dataset.shape and longest > 4 * self.limits.name_length:
            raise InvalidGraphError(
                f"{where} has a text of {longest:,} bytes in a list; shorten it, or raise "
                "limits.name_length"
            )
        self._take(sum(length for _, length in places), where)
        texts = np.empty(count, dtype=object)
        texts[:] = [self.texts.text(place) for place in places]
        return texts.reshape(dataset.shape)[()]


def _decode(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf8")
    except UnicodeDecodeError:
        raise InvalidGraphError(f"{where} is no text in UTF-8; {REWRITE}") from None
