"""Read parts of a lazy stack chunk by chunk, straight to where they are wanted.

Asking xarray or dask for a slice costs milliseconds of Python each time and copies the data twice;
with hundreds of frames that is longer than the fit. Here the task graph is optimized once, and each
chunk is computed on its own and copied once.
"""

from __future__ import annotations

from collections.abc import Iterator

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
            room[there] = self._chunk(key)[here]

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
