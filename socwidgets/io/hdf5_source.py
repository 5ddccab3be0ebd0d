"""A dataset of an HDF5 file as an array that is read piece by piece."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from socwidgets.analysis.storage.hdf5_index import stored_dataset
from socwidgets.analysis.storage.sources import read_by_library
from socwidgets.analysis.storage.stored_array import Box, NotDirectError, StoredArray
from socwidgets.io.columns import unreadable
from socwidgets.io.lazy import box_of
from socwidgets.model.errors import ReadError, SocwidgetsError

#: Bytes of a piece of a lazy array, unless there would be more than so many of them.
PIECE_BYTES, LARGEST_PIECE, MOST_PIECES = 8 * 1024**2, 64 * 1024**2, 20_000

#: Frames of a piece that is cut from frames: fits take four energies at a time.
FRAMES = 4


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open HDF5 file whose damages become clear errors."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except SocwidgetsError:
        raise
    except FileNotFoundError as error:
        raise unreadable(path, error) from error
    except OSError as error:
        # A compression that needs a plug-in (bitshuffle, LZ4) is reported as a missing filter.
        plugin = "filter" in str(error) and "not registered" in str(error)
        raise ReadError(
            f"{path.name} is compressed with a method that is not installed"
            if plugin
            else f"{path.name} is damaged or truncated",
            expected="a complete HDF5 file",
            found=str(error),
            fix="install the package hdf5plugin and import it first"
            if plugin
            else "copy the file again; if it is still being written, wait until it is closed",
        ) from error


class DatasetSource:
    """A dataset that is opened for each piece read, so that no file stays open or locked.

    Pieces are read directly from the file where that is possible, else by h5py.

    Parameters
    ----------
    path : Path
        The file.
    dataset : h5py.Dataset
        Open; only its name, shape and type are kept.
    """

    def __init__(self, path: Path, dataset: Any) -> None:
        self._path, self._name = path, dataset.name
        self.shape: tuple[int, ...] = tuple(dataset.shape)
        self.dtype: np.dtype[Any] = dataset.dtype
        self.ndim = len(self.shape)
        self._lock = threading.Lock()
        self._looked = False
        self._stored: StoredArray | None = None

    def __getitem__(self, key: Any) -> np.ndarray:
        """Read a part."""
        box = box_of(key, self.shape)
        if box is None:
            with opened(self._path) as file:
                return np.asarray(file[self._name][key])
        values = np.empty([part.stop - part.start for part in box], self.dtype)
        self.read_into(box, values)
        return values

    @property
    def plain(self) -> bool:
        """Whether a part of a chunk costs what it is, not the whole chunk."""
        stored = self._direct()
        return stored is not None and stored.plain

    def read_into(self, box: Box, room: np.ndarray) -> None:
        """Read a box (slices with bounds, without steps) into `room` of its shape and any type."""
        stored = self._direct()
        if stored is not None:
            try:
                stored.read_into(box, room)
                return
            except NotDirectError:
                pass
        with opened(self._path) as file:
            read_by_library(file[self._name], box, room)

    def pieces(self, stored: tuple[int, ...] | None, spectral: int) -> Any:
        """Chunks for dask: whole ones of the file, unless parts of them can be read as well.

        They are kept small, as a calculation holds some pieces at a time in each thread, and those
        that are cut hold few rows of few frames, so that nothing is calculated more than once
        where a fit goes through a stack in bands of rows.

        Parameters
        ----------
        stored : tuple of int or None
            Shape of a chunk in the file; None where there are none.
        spectral : int
            The spectral dimension.
        """
        from dask.array.core import normalize_chunks

        total = prod(self.shape) * self.dtype.itemsize
        wanted = int(np.clip(total // MOST_PIECES, PIECE_BYTES, LARGEST_PIECE))
        piece = list(stored or self.shape)
        if stored is None or self.plain:
            thin = stored is not None and piece[spectral] < FRAMES
            if thin or (stored is None and spectral == 0):
                piece[spectral] = min(FRAMES, self.shape[spectral])
            rows = next((d for d, n in enumerate(piece) if d != spectral and n > 1), 0)
            size = prod(piece) * self.dtype.itemsize // piece[rows]
            piece[rows] = int(np.clip(wanted // size, 1, piece[rows]))
        if prod(piece) * self.dtype.itemsize * 2 > wanted:
            return tuple(piece)
        return normalize_chunks(
            "auto", self.shape, limit=wanted, dtype=self.dtype, previous_chunks=tuple(piece)
        )

    def _direct(self) -> StoredArray | None:
        """The direct way, looked for by the first who reads."""
        with self._lock:
            if not self._looked:
                with opened(self._path) as file:
                    self._stored = stored_dataset(file[self._name])
                self._looked = True
            return self._stored

    def __getstate__(self) -> dict[str, Any]:
        """Without the table of chunks, which another process makes for itself."""
        return {**self.__dict__, "_lock": None, "_looked": False, "_stored": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what `__getstate__` gave."""
        self.__dict__.update(state, _lock=threading.Lock())
