"""Read parts of a lazy stack chunk by chunk, straight to where they are wanted.

Asking xarray or dask for a slice costs milliseconds of Python each time and copies the data twice;
with hundreds of frames that is longer than the fit. Here the task graph is optimized once, and each
chunk is computed on its own and copied once, signal and noise together, which share most of what
is to be done. A chunk that is nothing but a part of an array on disk which can read into memory
that is there (see `storage.sources`) is not even copied: to take fresh memory from the system for
every chunk costs more than to read it.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.dask_trace import traced, within
from socwidgets.analysis.storage.sources import BoxSource, box_source
from socwidgets.analysis.storage.stored_array import Box, overlaps
from socwidgets.model.names import X, Y, spectral_dim


class StackReader:
    """Reads boxes of one image series, and of its noise.

    Parameters
    ----------
    *arrays : xarray.DataArray
        ``(spectral, y, x)``, lazy or in memory, of one shape.
    """

    def __init__(self, *arrays: xr.DataArray) -> None:
        self._series = [_Series(array) for array in arrays]
        self.shape: tuple[int, int, int] = self._series[0].array.shape  # type: ignore[assignment]
        #: Type of the rooms that are read into.
        double = arrays[0].dtype == np.float64
        self.dtype = np.dtype(np.float64 if double else np.float32)
        self._graph: Mapping[Any, Any] = {}
        lazy = [series for series in self._series if series.borders and not series.whole]
        if lazy:
            import dask

            fused = dask.optimize(*[series.array.data for series in lazy])
            for series, data in zip(lazy, fused, strict=True):
                series.name = data.name
                self._graph = {**self._graph, **dict(data.__dask_graph__())}

    @property
    def count(self) -> int:
        """Number of arrays."""
        return len(self._series)

    @property
    def frame_cuts(self) -> list[int]:
        """Energies at which chunks begin."""
        first = self._series[0]
        if first.borders:
            return first.borders[0].tolist()
        return list(range(0, self.shape[0], chunk_sizes(first.array)[1]))

    @property
    def plain(self) -> bool:
        """Whether any part of a chunk is read straight from a file, at the cost of that part."""
        return all(series.whole and series.whole[0].plain for series in self._series)

    def read(self, box: Box, rooms: Sequence[np.ndarray]) -> None:
        """Copy the samples of a box into one ``room (E, y, x)`` of its shape for each array."""
        waiting: dict[tuple, list[tuple[_Series, np.ndarray]]] = {}
        for series, room in zip(self._series, rooms, strict=True):
            if not series.read(box, room):
                waiting.setdefault(series.cuts, []).append((series, room))
        for together in waiting.values():
            for place, here, there in overlaps(together[0][0].borders, box):
                keys = [
                    (series.name, *place)
                    for series, room in together
                    if not series.read_chunk(place, here, room[there])
                ]
                made = iter(self._compute(keys) if keys else ())
                left = [room for series, room in together if (series.name, *place) in keys]
                for room, values in zip(left, made, strict=True):
                    room[there] = values[here]

    def _compute(self, keys: list[tuple]) -> list[np.ndarray]:
        """Chunks, in this thread."""
        from dask import get
        from dask.optimization import cull

        graph, _ = cull(self._graph, keys)
        return [np.asarray(values) for values in get(graph, keys)]


class _Series:
    """One array of a reader."""

    def __init__(self, array: xr.DataArray) -> None:
        self.array = array.transpose(spectral_dim(array), Y, X)
        chunks = self.array.chunks or ()
        self.borders = [np.concatenate([[0], np.cumsum(sizes)]) for sizes in chunks]
        self.cuts: tuple[tuple[int, ...], ...] = tuple(chunks)
        self.name: Hashable = None
        self._sources: dict[int, BoxSource | None] = {}
        self._lock = threading.Lock()

    def read(self, box: Box, room: np.ndarray) -> bool:
        """Read a box if that can be done at once."""
        if not self.borders:
            room[...] = self.array[box].values
            return True
        if self.whole is None:
            return False
        source, origin = self.whole
        shifted = (slice(b.start + o, b.stop + o) for b, o in zip(box, origin, strict=True))
        source.read_into(tuple(shifted), room)
        return True

    def read_chunk(self, place: tuple[int, ...], here: Box, room: np.ndarray) -> bool:
        """Read a part of a chunk if it lies on disk as it is."""
        source, part = self._on_disk(place)
        if source is None:
            return False
        wanted = (within(p, h) for p, h in zip(part, here, strict=True))
        source.read_into(tuple(wanted), room)
        return True

    @cached_property
    def whole(self) -> tuple[BoxSource, tuple[int, ...]] | None:
        """The one array on disk of which all chunks are cut side by side, and where they begin."""
        if not self.borders:
            return None
        source, part = self._on_disk((0, 0, 0))
        if source is None:
            return None
        origin = tuple(p.start for p in part)
        for place in np.ndindex(*[b.size - 1 for b in self.borders]):
            here, cut = self._on_disk(place)
            begins = [b[i] + o for b, i, o in zip(self.borders, place, origin, strict=True)]
            if here is not source or any(c.start != b for c, b in zip(cut, begins, strict=True)):
                return None
        return source, origin

    def _on_disk(self, place: tuple[int, ...]) -> tuple[BoxSource | None, tuple[slice, ...]]:
        """The array on disk that a chunk is cut from, and the cut; None if there is more to do."""
        found = traced(self._layers, (self.array.data.name, *place))
        if found is None:
            return None, ()
        array, part = found
        with self._lock:
            if id(array) not in self._sources:
                self._sources[id(array)] = box_source(array)
            return self._sources[id(array)], part

    @cached_property
    def _layers(self) -> Mapping[Any, Any]:
        """Layers of the graph as they were made; only those that are looked at become tasks."""
        return self.array.data.__dask_graph__().layers


def chunk_sizes(signal: xr.DataArray) -> tuple[int, int]:
    """Image rows and energies of a chunk of a lazy stack; one row where storage has no chunks."""
    dim = spectral_dim(signal)
    if signal.chunks is not None:
        sizes = dict(zip(signal.dims, signal.chunks, strict=True))
        return max(sizes[Y]), max(sizes[dim])
    stored = signal.encoding.get("preferred_chunks") or {}
    return int(stored.get(Y, 1)), int(stored.get(dim, signal.sizes[dim]))
