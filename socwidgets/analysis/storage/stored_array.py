"""An array whose chunks lie in files: read boxes of it straight into memory that is there."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from socwidgets.analysis.storage.descriptors import Descriptors, Stamp, read_exactly

#: Undoes a compression: from bytes as they are in the file to ``(n,)`` uint8 that is filled.
#: Raises ``ValueError`` where the bytes do not give exactly that many.
Decoder = Callable[[np.ndarray, np.ndarray], None]

#: Bytes that are read at once where they cannot go straight to their place: they stay in the cache.
PIECE_BYTES = 512 * 1024

#: Memory for a chunk that a thread keeps for the next one.
KEPT_BYTES = 64 * 1024**2

#: Runs of at least this many bytes are read one by one; shorter ones with what lies between them.
RUN_BYTES = 16 * 1024

Box = tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """Where the bytes of a chunk are, and how they become its values (as they are if None)."""

    path: str
    offset: int
    size: int | None = None
    decode: Decoder | None = None
    stamp: Stamp | None = None


class NotDirectError(Exception):
    """A part of an array that only the library that wrote it can read."""


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array in files.

    Attributes
    ----------
    shape, chunks : tuple of int
        Of the array and of a chunk, of which each is stored whole, also beyond the edge.
    dtype : numpy dtype
        Numbers as they are in the file, of either byte order.
    find : callable
        From the place of a chunk in the grid to its `Piece`, or None where it is not stored.
    plain : bool
        Whether no chunk is compressed: then a part of a chunk costs what it is, not the whole.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype
    find: Callable[[tuple[int, ...]], Piece | None]
    plain: bool

    def read_into(self, box: Box, room: np.ndarray) -> None:
        """Read a box (slices with bounds, without steps) into `room` of its shape and any type.

        Raises
        ------
        NotDirectError
            If a chunk is not stored, or its bytes are not what they should be. Some of `room` may
            have been written to.
        """
        parts = []
        borders = [np.arange(0, n + c, c) for n, c in zip(self.shape, self.chunks, strict=True)]
        for place, inside, there in overlaps(borders, box):
            piece = self.find(place)
            if piece is None:
                raise NotDirectError(f"chunk {place} is not stored")
            parts.append((piece, inside, there))
        try:
            with Descriptors() as files:
                for piece, inside, there in parts:
                    file = files.open(piece.path, piece.stamp)
                    if piece.decode is None:
                        self._read_plain(file, piece.offset, self.chunks, inside, room[there])
                    else:
                        self._read_decoded(file, piece, piece.decode, inside, room[there])
        except (OSError, ValueError) as error:
            raise NotDirectError(str(error)) from error

    def _read_plain(
        self, file: int, offset: int, shape: tuple[int, ...], inside: Box, room: np.ndarray
    ) -> None:
        """Read a box of an array that lies from `offset` on in the order of C."""
        first, rest = inside[0], inside[1:]
        stride = prod(shape[1:]) * self.dtype.itemsize
        offset += first.start * stride
        count = first.stop - first.start
        whole = _is_whole(rest, shape[1:])
        if whole and room.dtype == self.dtype and room.flags.c_contiguous:
            read_exactly(file, room, offset)
            return
        inner = prod(s.stop - s.start for s in rest) * self.dtype.itemsize
        if rest and (stride > PIECE_BYTES or (inner >= RUN_BYTES and not whole)):
            for i in range(count):
                self._read_plain(file, offset + i * stride, shape[1:], rest, room[i])
            return
        step = max(1, PIECE_BYTES // stride)
        for i in range(0, count, step):
            n = min(step, count - i)
            raw = scratch(n * stride)
            read_exactly(file, raw, offset + i * stride)
            values = raw.view(self.dtype).reshape(n, *shape[1:])
            room[i : i + n] = values[(slice(None), *rest)]

    def _read_decoded(
        self, file: int, piece: Piece, decode: Decoder, inside: Box, room: np.ndarray
    ) -> None:
        size = os.fstat(file).st_size if piece.size is None else piece.size
        raw = scratch(size, "encoded")
        read_exactly(file, raw, piece.offset)
        whole = _is_whole(inside, self.chunks)
        if whole and room.dtype == self.dtype and room.flags.c_contiguous:
            decode(raw, room.reshape(-1).view(np.uint8))
            return
        decoded = scratch(prod(self.chunks) * self.dtype.itemsize)
        decode(raw, decoded)
        room[...] = decoded.view(self.dtype).reshape(self.chunks)[inside]


def overlaps(borders: Sequence[np.ndarray], box: Box) -> Iterator[tuple[tuple[int, ...], Box, Box]]:
    """Each cell of a grid that a box touches, the part of it, and its place in the box.

    ``borders`` holds the rising borders of the cells along each axis; the last may lie beyond it.
    """
    axes = []
    for edges, wanted in zip(borders, box, strict=True):
        first = int(np.searchsorted(edges, wanted.start, side="right")) - 1
        last = int(np.searchsorted(edges, wanted.stop, side="left"))
        parts = []
        for i in range(first, last):
            begin = int(edges[i])
            low, high = max(begin, wanted.start), min(int(edges[i + 1]), wanted.stop)
            inside = slice(low - begin, high - begin)
            parts.append((i, inside, slice(low - wanted.start, high - wanted.start)))
        axes.append(parts)
    for touched in product(*axes):
        place, inside, there = zip(*touched, strict=True)
        yield place, inside, there


def _is_whole(box: Box, shape: tuple[int, ...]) -> bool:
    return all(s.start == 0 and s.stop == n for s, n in zip(box, shape, strict=True))


_memory = threading.local()


def scratch(size: int, name: str = "decoded") -> np.ndarray:
    """Memory ``(size,)`` uint8 of this thread, used again by its next call with that name.

    Fresh memory for each chunk would cost more than to read it.
    """
    room: np.ndarray | None = getattr(_memory, name, None)
    if room is None or room.size < size:
        room = np.empty(size, np.uint8)
        if size <= KEPT_BYTES:
            setattr(_memory, name, room)
    return room[:size]
