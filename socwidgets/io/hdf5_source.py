"""A dataset of an HDF5 file as an array that is read piece by piece."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from socwidgets.analysis.storage.hdf5_index import stored_dataset
from socwidgets.analysis.storage.sources import read_by_library
from socwidgets.analysis.storage.stored_array import Box, NotDirectError, StoredArray


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
        box = _box(key, self.shape)
        if box is None:
            import h5py

            with h5py.File(self._path, "r") as file:
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
        import h5py

        with h5py.File(self._path, "r") as file:
            read_by_library(file[self._name], box, room)

    def _direct(self) -> StoredArray | None:
        """The direct way, looked for by the first who reads."""
        with self._lock:
            if not self._looked:
                import h5py

                with h5py.File(self._path, "r") as file:
                    self._stored = stored_dataset(file[self._name])
                self._looked = True
            return self._stored

    def __getstate__(self) -> dict[str, Any]:
        """Without the table of chunks, which another process makes for itself."""
        return {**self.__dict__, "_lock": None, "_looked": False, "_stored": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what `__getstate__` gave."""
        self.__dict__.update(state, _lock=threading.Lock())


def _box(key: Any, shape: tuple[int, ...]) -> Box | None:
    """The slices of a key with their bounds; None if it is not made of plain slices."""
    key = key if isinstance(key, tuple) else (key,)
    if not all(isinstance(part, slice) and part.step in (None, 1) for part in key):
        return None
    if len(key) > len(shape):
        return None
    full = (*key, *[slice(None)] * (len(shape) - len(key)))
    bounds = [part.indices(size) for part, size in zip(full, shape, strict=True)]
    return tuple(slice(start, max(start, stop)) for start, stop, _ in bounds)
