"""Read parts of a lazy stack chunk by chunk, straight to where they are wanted.

Asking xarray or dask for a slice costs milliseconds of Python each time and copies the data twice;
with hundreds of frames that is longer than the fit. Here the task graph is optimized once, and each
chunk is computed on its own and copied once. A chunk that is nothing but a part of an array on disk
which can read into memory that is there (``read_direct``, as HDF5 datasets have it) is not even
copied: to take fresh memory from the system for every chunk costs more than to read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

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
        if array.chunks is not None:
            import dask

            (data,) = dask.optimize(self.array.data)
            self._graph = dict(data.__dask_graph__())
            self._name = data.name
            self._borders = [np.concatenate([[0], np.cumsum(sizes)]) for sizes in data.chunks]

    def read(self, box: tuple[slice, slice, slice], room: np.ndarray) -> None:
        """Copy the samples of a box into ``room (E, y, x)`` of the box's shape."""
        if self._graph is None:
            room[...] = self.array[box].values
            return
        for key, here, there in self._overlaps(box):
            source, part = self._on_disk(key)
            if source is not None and source.dtype == room.dtype and room.flags.c_contiguous:
                wanted = (_within(p, h) for p, h in zip(part, here, strict=True))
                source.read_direct(room, tuple(wanted), there)
            else:
                room[there] = self._chunk(key)[here]

    def _on_disk(self, key: tuple) -> tuple[Any, tuple[slice, ...]]:
        """The array on disk that a chunk is cut from, and the cut; None if there is more to do."""
        from dask.array.core import getter

        graph: dict = self._graph or {}
        task = graph.get(key)
        places: tuple[Any, ...] = getattr(task, "args", ())
        if getattr(task, "func", None) is not getter or len(places) != 2:
            return None, ()
        source = getattr(graph.get(getattr(places[0], "key", None)), "value", None)
        part: Any = getattr(places[1], "value", None)
        plain = isinstance(part, tuple) and all(
            isinstance(p, slice) and p.start is not None and p.step in (None, 1) for p in part
        )
        return (source, part) if plain and hasattr(source, "read_direct") else (None, ())

    def _chunk(self, key: tuple) -> np.ndarray:
        """Compute one chunk, in this thread."""
        from dask import get
        from dask.optimization import cull

        graph, _ = cull(self._graph, [key])
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


def _within(part: slice, inside: slice) -> slice:
    """A part of a part."""
    return slice(part.start + inside.start, part.start + inside.stop)
