"""Read parts of a lazy stack chunk by chunk, straight to where they are wanted.

Asking xarray or dask for a slice costs milliseconds of Python each time and copies the data twice;
with hundreds of frames that is longer than the fit. Here the task graph is optimized once, and each
chunk is computed on its own and copied once. A chunk that is nothing but a part of an array on disk
which can read into memory that is there (see `storage.sources`) is not even copied: to take fresh
memory from the system for every chunk costs more than to read it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import xarray as xr

from socwidgets.analysis.dask_trace import traced, within
from socwidgets.analysis.storage.sources import BoxSource, box_source
from socwidgets.model.names import X, Y, spectral_dim


class ChunkReader:
    """Reads boxes of one image series.

    Parameters
    ----------
    array : xarray.DataArray
        ``(spectral, y, x)``, lazy or in memory.
    """

    def __init__(self, array: xr.DataArray) -> None:
        self.array = array.transpose(spectral_dim(array), Y, X)
        self.dtype = np.dtype(np.float64 if array.dtype == np.float64 else np.float32)
        self._graph: dict | None = None
        self._sources: dict[int, BoxSource | None] = {}
        self._lock = threading.Lock()
        if array.chunks is not None:
            import dask

            data = self.array.data
            self._graph, self._name = dict(data.__dask_graph__()), data.name
            (fused,) = dask.optimize(data)
            self._fused, self._fused_name = dict(fused.__dask_graph__()), fused.name
            self._borders = [np.concatenate([[0], np.cumsum(sizes)]) for sizes in data.chunks]

    def read(self, box: tuple[slice, slice, slice], room: np.ndarray) -> None:
        """Copy the samples of a box into ``room (E, y, x)`` of the box's shape."""
        if self._graph is None:
            room[...] = self.array[box].values
            return
        if self._whole is not None:
            whole, origin = self._whole
            shifted = (slice(b.start + o, b.stop + o) for b, o in zip(box, origin, strict=True))
            whole.read_into(tuple(shifted), room)
            return
        for key, here, there in self._overlaps(box):
            source, part = self._on_disk(key)
            if source is not None:
                wanted = (within(p, h) for p, h in zip(part, here, strict=True))
                source.read_into(tuple(wanted), room[there])
            else:
                room[there] = self._chunk(key)[here]

    @property
    def plain(self) -> bool:
        """Whether any part of a chunk is read straight from a file, at the cost of that part."""
        return self._whole is not None and self._whole[0].plain

    @cached_property
    def _whole(self) -> tuple[BoxSource, tuple[int, ...]] | None:
        """The one array on disk of which all chunks are cut side by side, and where they begin."""
        if self._graph is None:
            return None
        first = (self._name, 0, 0, 0)
        source, part = self._on_disk(first)
        if source is None:
            return None
        origin = tuple(p.start for p in part)
        for place in np.ndindex(*[b.size - 1 for b in self._borders]):
            here, cut = self._on_disk((self._name, *place))
            begins = [b[i] + o for b, i, o in zip(self._borders, place, origin, strict=True)]
            if here is not source or any(c.start != b for c, b in zip(cut, begins, strict=True)):
                return None
        return source, origin

    def _on_disk(self, key: tuple) -> tuple[BoxSource | None, tuple[slice, ...]]:
        """The array on disk that a chunk is cut from, and the cut; None if there is more to do."""
        found = traced(self._graph or {}, key)
        if found is None:
            return None, ()
        array, part = found
        with self._lock:
            if id(array) not in self._sources:
                self._sources[id(array)] = box_source(array)
            return self._sources[id(array)], part

    def _chunk(self, key: tuple) -> np.ndarray:
        """Compute one chunk, in this thread."""
        from dask import get
        from dask.optimization import cull

        key = (self._fused_name, *key[1:])
        graph, _ = cull(self._fused, [key])
        return np.asarray(get(graph, key))

    def _overlaps(self, box: tuple[slice, slice, slice]) -> Iterator[tuple[tuple, tuple, tuple]]:
        """Key of each chunk that a box touches, the part of it, and where that goes in the box."""
        axes = []
        for borders, wanted in zip(self._borders, box, strict=True):
            first = int(np.searchsorted(borders, wanted.start, side="right")) - 1
            last = int(np.searchsorted(borders, wanted.stop, side="left"))
            parts = []
            for i in range(first, last):
                low, high = max(borders[i], wanted.start), min(borders[i + 1], wanted.stop)
                inside = slice(int(low - borders[i]), int(high - borders[i]))
                parts.append((i, inside, slice(int(low - wanted.start), int(high - wanted.start))))
            axes.append(parts)
        for e, e_in, e_out in axes[0]:
            for y, y_in, y_out in axes[1]:
                for x, x_in, x_out in axes[2]:
                    key = (self._name, e, y, x)
                    yield key, (e_in, y_in, x_in), (e_out, y_out, x_out)
