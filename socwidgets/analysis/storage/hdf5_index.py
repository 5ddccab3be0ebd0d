"""Where the chunks of an HDF5 dataset lie in its file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from socwidgets.analysis.storage.decoders import Inflate, InflateUnshuffle, Unshuffle
from socwidgets.analysis.storage.descriptors import CAN_READ, Stamp, stamp_of
from socwidgets.analysis.storage.stored_array import Decoder, Piece, StoredArray


@dataclass(frozen=True, slots=True)
class ChunkTable:
    """Chunks of a dataset; called with the place of one in the grid.

    Attributes
    ----------
    path : str
        The file.
    stamp : Stamp
        What the file was when the table was made.
    offsets, sizes, skipped : ndarray
        ``(grid)`` int64, int64 and uint32: first byte in the file (negative: not stored), bytes,
        and a bit for each filter that was not applied.
    filters : tuple of str
        ``"shuffle"`` and ``"deflate"``, in the order of writing.
    chunk_bytes, width : int
        Bytes of a decoded chunk and of a number.
    """

    path: str
    stamp: Stamp
    offsets: np.ndarray = field(repr=False)
    sizes: np.ndarray = field(repr=False)
    skipped: np.ndarray = field(repr=False)
    filters: tuple[str, ...]
    chunk_bytes: int
    width: int

    def __call__(self, place: tuple[int, ...]) -> Piece | None:
        """Where a chunk is."""
        offset, size = int(self.offsets[place]), int(self.sizes[place])
        decode = self._decoder(int(self.skipped[place]))
        if offset < 0 or (decode is None and size != self.chunk_bytes):
            return None
        return Piece(self.path, offset, size, decode, self.stamp)

    def _decoder(self, skipped: int) -> Decoder | None:
        applied = [f for i, f in enumerate(self.filters) if not skipped >> i & 1]
        if applied == ["shuffle"]:
            return Unshuffle(self.width)
        if applied == ["deflate"]:
            return Inflate()
        return InflateUnshuffle(self.width) if applied else None


def stored_dataset(dataset: Any) -> StoredArray | None:
    """Direct way to the values of a dataset, or None where h5py has to read them.

    Parameters
    ----------
    dataset : h5py.Dataset
        Open. A file that is being written to, one that is no plain local file, data that are
        virtual, external or compact, filters other than gzip and shuffle, and numbers that HDF5
        has to convert are left to h5py.
    """
    import h5py

    file = dataset.file
    plain_file = CAN_READ and file.driver == "sec2" and file.mode == "r" and not file.swmr_mode
    if not plain_file or file.userblock_size or dataset.is_virtual or dataset.external:
        return None
    exact = h5py.h5t.py_create(dataset.dtype) == dataset.id.get_type()
    if dataset.dtype.kind not in "iuf" or not exact or not dataset.size or not dataset.ndim:
        return None
    path = os.path.abspath(file.filename)
    # The name may lead elsewhere by now; the open file is what counts.
    opened = file.id.get_vfd_handle()
    try:
        if not os.path.samestat(os.stat(path), os.fstat(opened)):
            return None
    except OSError:
        return None
    chunks = dataset.chunks or dataset.shape
    table = _table(dataset, path, stamp_of(opened), chunks)
    if table is None:
        return None
    return StoredArray(dataset.shape, chunks, dataset.dtype, table, plain=not table.filters)


def _table(dataset: Any, path: str, stamp: Stamp, chunks: tuple[int, ...]) -> ChunkTable | None:
    grid = tuple(-(-n // c) for n, c in zip(dataset.shape, chunks, strict=True))
    chunk_bytes = prod(chunks) * dataset.dtype.itemsize
    offsets, sizes = np.full(grid, -1, np.int64), np.full(grid, chunk_bytes, np.int64)
    skipped = np.zeros(grid, np.uint32)
    filters = _filters(dataset.id.get_create_plist())
    if filters is None:
        return None
    if dataset.chunks is None:
        offset = dataset.id.get_offset()
        if offset is None:
            return None
        offsets[...] = offset
    else:

        def note(chunk: Any) -> None:
            place = tuple(o // c for o, c in zip(chunk.chunk_offset, chunks, strict=True))
            offsets[place], sizes[place] = chunk.byte_offset, chunk.size
            skipped[place] = chunk.filter_mask

        try:
            dataset.id.chunk_iter(note)
        except (RuntimeError, OSError):
            return None  # damaged: h5py shall say so when it reads
    width = dataset.dtype.itemsize
    return ChunkTable(path, stamp, offsets, sizes, skipped, filters, chunk_bytes, width)


def _filters(plist: Any) -> tuple[str, ...] | None:
    """Filters of a dataset in the order of writing, or None if there are others than ours."""
    import h5py

    known = {h5py.h5z.FILTER_SHUFFLE: "shuffle", h5py.h5z.FILTER_DEFLATE: "deflate"}
    codes = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    names = tuple(known.get(code, "") for code in codes)
    return names if names in ((), ("shuffle",), ("deflate",), ("shuffle", "deflate")) else None
