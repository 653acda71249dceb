"""Whether the stored bytes of an HDF5 array are all there, and unpack to no more than it says."""

from __future__ import annotations

import itertools
import math
import zlib
from typing import Any

from neurosc.export.validation.limits import InvalidGraphError

DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3
"""Numbers of the HDF5 filters that are read: they are those of `nir.write` and keep to sizes."""
CHECKSUM = 4
"""Bytes that fletcher32 appends."""
MOST_CHUNKS, SMALLEST_CHUNK = 1_000, 4_096
"""Chunks beyond the first thousand must hold so many bytes on average; h5py makes them larger."""
REWRITE = "write the file again with nir.write"


def check_stored(dataset: Any, where: str, file_bytes: int) -> int:
    """Raise unless a dataset of fixed item size is stored in this file, whole.

    HDF5 makes up what is not stored from a fill value, can fetch it from other files, and unpacks
    a chunk to whatever size comes out: a small file may fill the memory. So every chunk is
    unpacked here first, and no further than it may.

    Returns
    -------
    int
        Bytes that reading it unpacks.
    """
    from h5py import h5d

    stored = dataset.id.get_create_plist()
    item = dataset.id.get_type().get_size()
    size: int = math.prod(dataset.shape) * item
    layout = stored.get_layout()
    if stored.get_external_count() or layout == h5d.VIRTUAL:
        raise InvalidGraphError(
            f"{where} is kept in other files, which are not read; {REWRITE}, into one file"
        )
    if size == 0:
        return 0
    if layout == h5d.CHUNKED:
        return _check_chunks(dataset, stored, item, where, file_bytes)
    if dataset.id.get_storage_size() != size or (
        layout == h5d.CONTIGUOUS and dataset.id.get_offset() + size > file_bytes
    ):
        raise InvalidGraphError(f"{where} says {size:,} bytes, which are not stored; {REWRITE}")
    return size


def _check_chunks(dataset: Any, stored: Any, item: int, where: str, file_bytes: int) -> int:
    filters = [stored.get_filter(k)[0] for k in range(stored.get_nfilters())]
    if filters != [code for code in (SHUFFLE, DEFLATE, FLETCHER32) if code in filters]:
        raise InvalidGraphError(
            f"{where} is packed by the HDF5 filters {filters}; only gzip with shuffle and "
            f"fletcher32 is read, so {REWRITE}"
        )
    counts = [math.ceil(n / m) for n, m in zip(dataset.shape, dataset.chunks, strict=True)]
    count: int = math.prod(counts)
    size: int = math.prod(dataset.chunks) * item
    if count > MOST_CHUNKS + size * count // SMALLEST_CHUNK:
        raise InvalidGraphError(f"{where} is cut into {count:,} small pieces; {REWRITE}")
    if count > file_bytes or dataset.id.get_num_chunks() != count:
        raise InvalidGraphError(f"{where} has parts that were never written; {REWRITE}")
    for index in itertools.product(*(range(n) for n in counts)):
        offset = tuple(k * m for k, m in zip(index, dataset.chunks, strict=True))
        _check_chunk(dataset, offset, filters, size, where, file_bytes)
    return size * count


def _check_chunk(
    dataset: Any, offset: tuple[int, ...], filters: list[int], size: int, where: str, most: int
) -> None:
    info = dataset.id.get_chunk_info_by_coord(offset)
    if info.byte_offset is None or info.byte_offset + info.size > most:
        raise InvalidGraphError(f"{where} has parts that are not in the file; {REWRITE}")
    skipped, raw = dataset.id.read_direct_chunk(offset)
    used = [code for k, code in enumerate(filters) if not skipped >> k & 1]
    if FLETCHER32 in used:
        raw = raw[:-CHECKSUM]
    if (_unpacked(raw, size) if DEFLATE in used else len(raw)) != size:
        raise InvalidGraphError(
            f"{where} unpacks to another size than the {size:,} bytes of a chunk; {REWRITE}"
        )


def _unpacked(raw: bytes, size: int) -> int | None:
    """How many bytes come out, `size` + 1 for more than `size`; None if the end is missing."""
    unpacker = zlib.decompressobj()
    try:
        found = len(unpacker.decompress(raw, size + 1))
    except zlib.error:
        return None
    return found if unpacker.eof or found > size else None
