"""Texts of variable length, read past HDF5.

HDF5 keeps such texts in global heaps, and stores for each a reference: length, address of the
heap, number in it. Its own reader (HDF5 2.0.0) goes into an endless loop on some damaged heaps, and
fetches a text before its length can be looked at. The heaps are simple, so they are read here.

Source: HDF5 file format specification, version 3, III.E (global heap) and IV.B (references).
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

from neurosc.export.validation.limits import InvalidGraphError

REFERENCE = struct.Struct("<IQI")
"""Length of a text, address of its heap, its number there."""
HEAP = struct.Struct("<4sB3xQ")
"""Signature, version and size of a heap, its head included."""
OBJECT = struct.Struct("<H6xQ")
"""Number and size of an object, before its data; number 0 is the free space at the end."""
ALIGNMENT = 8

Place = tuple[int, int]
"""Offset in the file and number of bytes."""


class TextReader:
    """Finds the texts of a file.

    Parameters
    ----------
    raw
        The file, opened for reading bytes.
    size
        Its length.
    """

    def __init__(self, raw: BinaryIO, size: int) -> None:
        self.raw, self.size = raw, size
        self.heaps: dict[int, dict[int, Place]] = {}

    def places(self, offset: int, count: int) -> list[Place]:
        """Where the texts are to which the references from `offset` on point.

        Raises
        ------
        InvalidGraphError
            For a reference to what is not in the file.
        """
        found = []
        for length, address, number in REFERENCE.iter_unpack(
            self._bytes(offset, count * REFERENCE.size)
        ):
            if length == 0:
                found.append((0, 0))
                continue
            start, stored = self._heap(address).get(number, (0, 0))
            if length > stored:
                raise damaged(f"a text of {length:,} bytes")
            found.append((start, length))
        return found

    def text(self, place: Place) -> str:
        """The text at a place, up to its first zero byte as in C."""
        try:
            return self._bytes(*place).split(b"\0")[0].decode("utf8")
        except UnicodeDecodeError:
            raise damaged("a text in UTF-8") from None

    def _bytes(self, offset: int, count: int) -> bytes:
        if offset + count > self.size:
            raise damaged(f"{count:,} bytes of text")
        self.raw.seek(offset)
        return self.raw.read(count)

    def _heap(self, address: int) -> dict[int, Place]:
        """The objects of a heap, by number."""
        if address not in self.heaps:
            signature, version, size = HEAP.unpack(self._bytes(address, HEAP.size))
            if signature != b"GCOL" or version != 1 or address + size > self.size:
                raise damaged("a heap of texts")
            self.heaps[address] = self._objects(address, address + size)
        return self.heaps[address]

    def _objects(self, address: int, end: int) -> dict[int, Place]:
        objects: dict[int, Place] = {}
        at = address + HEAP.size
        while at + OBJECT.size <= end:
            number, size = OBJECT.unpack(self._bytes(at, OBJECT.size))
            if number == 0:
                break
            at += OBJECT.size
            if number in objects or at + size > end:
                raise damaged("an intact heap of texts")
            objects[number] = (at, size)
            at += -(-size // ALIGNMENT) * ALIGNMENT
        return objects


def damaged(missing: str) -> InvalidGraphError:
    """The error for a part of the file that is not where it should be."""
    return InvalidGraphError(f"{missing} is missing; the file is damaged: copy or write it again")


def reference_offset(dataset: Any) -> int | None:
    """Where the references of a dataset of texts start, or None if they are not stored plainly."""
    from h5py import h5d

    stored = dataset.id.get_create_plist()
    if stored.get_external_count() or stored.get_layout() != h5d.CONTIGUOUS:
        return None
    offset: int | None = dataset.id.get_offset()
    return offset
