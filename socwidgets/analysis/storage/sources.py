"""What a chunk reader asks for boxes: an array on disk with its direct way and the common one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from socwidgets.analysis.storage.stored_array import Box, NotDirectError, StoredArray


class BoxSource(Protocol):
    """An array on disk that reads into memory that is there."""

    @property
    def plain(self) -> bool:
        """Whether a part of a chunk costs what it is, not the whole chunk."""
        ...

    def read_into(self, box: Box, room: np.ndarray) -> None:
        """Read a box (slices with bounds, without steps) into `room` of its shape and any type."""
        ...


@dataclass(frozen=True, slots=True)
class LibrarySource:
    """An array of h5py or zarr."""

    array: Any
    stored: StoredArray | None

    @property
    def plain(self) -> bool:
        """Whether a part of a chunk costs what it is, not the whole chunk."""
        return self.stored is not None and self.stored.plain

    def read_into(self, box: Box, room: np.ndarray) -> None:
        """Read directly; what cannot be read so, the library reads (or says what is wrong)."""
        if self.stored is not None:
            try:
                self.stored.read_into(box, room)
                return
            except NotDirectError:
                pass
        read_by_library(self.array, box, room)


def read_by_library(array: Any, box: Box, room: np.ndarray) -> None:
    """Read a box with the array's own methods, without a copy where it can do so."""
    if hasattr(array, "read_direct") and array.dtype == room.dtype and room.flags.c_contiguous:
        array.read_direct(room, box)
    else:
        room[...] = array[box]


def box_source(array: Any) -> BoxSource | None:
    """The way to read boxes of an array, or None if there is none but to index it."""
    if hasattr(array, "read_into"):
        return array
    module = type(array).__module__.partition(".")[0]
    if module == "h5py" and hasattr(array, "read_direct"):
        from socwidgets.analysis.storage.hdf5_index import stored_dataset

        return LibrarySource(array, stored_dataset(array))
    if module == "zarr" and hasattr(array, "serializer"):
        from socwidgets.analysis.storage.zarr_index import stored_zarr

        stored = stored_zarr(array)
        return None if stored is None else LibrarySource(array, stored)
    return None
