"""Run a function over blocks of pixels in threads of ours, with progress and cancel."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue

import numpy as np
import xarray as xr

from socwidgets.analysis.chunks import StackReader, chunk_sizes
from socwidgets.analysis.compile_watch import give_up_if, next_of
from socwidgets.model.errors import CancelledError
from socwidgets.model.names import X, Y, spectral_dim
from socwidgets.model.watch import Progress as Progress

#: Pixels of a block: a compiled fit of 100 energies stays well under 100 ms, which bounds the time
#: a cancel takes, and threads still have enough blocks to share.
BLOCK_PIXELS = 16384

#: Memory for the part of a lazy stack that a worker reads at once.
LAZY_BYTES = 96 * 1024**2


#: Signal and noise ``(E, M)``, C-contiguous, and the position of the block's first pixel in them.
Loaded = tuple[np.ndarray, np.ndarray | None, int]


@dataclass(frozen=True, slots=True)
class Block:
    """Pixels ``start:stop`` of image `lead`, in flat order, and how to load them."""

    lead: int
    start: int
    stop: int
    load: Callable[[], Loaded]


def blocks_of(signal: xr.DataArray, std: xr.DataArray | None, pixels: int) -> Iterator[Block]:
    """Cut a stack into blocks without copying an in-memory one.

    Parameters
    ----------
    signal, std : xarray.DataArray
        ``(..., spectral, y, x)``, numpy or dask; leading dims are flattened to `Block.lead`.
    pixels : int
        Pixels of a block. Lazy stacks are cut along whole rows, at the borders of their chunks
        where those fit into `LAZY_BYTES`, so that each chunk is read once.
    """
    dim = spectral_dim(signal)
    ny, nx = signal.sizes[Y], signal.sizes[X]
    lead_dims = [d for d in signal.dims if d not in (dim, Y, X)]
    lead_shape = tuple(signal.sizes[d] for d in lead_dims)
    lazy = is_lazy(signal) or (std is not None and is_lazy(std))
    step = _rows_at_once(signal, std, pixels) * nx if lazy else pixels
    for lead, index in enumerate(np.ndindex(*lead_shape)):
        images = signal.isel(dict(zip(lead_dims, index, strict=True)))
        noise = None if std is None else std.isel(dict(zip(lead_dims, index, strict=True)))
        arrays = [images] if noise is None else [images, noise]
        load = _Rooms(StackReader(*arrays)).load if lazy else _in_memory(*arrays)
        for start in range(0, ny * nx, step):
            stop = min(start + step, ny * nx)
            rows = slice(start // nx, -(-stop // nx))
            yield Block(lead, start, stop, partial(load, rows))


def blocks_in_memory(images: int, pixels: int, size: int) -> list[Block]:
    """Blocks of `size` pixels of so many images that are in memory: there is nothing to load."""
    return [
        Block(lead, start, min(start + size, pixels), _nothing)
        for lead in range(images)
        for start in range(0, pixels, size)
    ]


def _nothing() -> Loaded:
    """Load nothing: the block's data are in memory already."""
    return np.empty((0, 0)), None, 0


def _rows_at_once(signal: xr.DataArray, std: xr.DataArray | None, pixels: int) -> int:
    """Image rows of a block of a lazy stack."""
    wanted = -(-pixels // signal.sizes[X])
    room = max(1, LAZY_BYTES // row_bytes(signal, std))
    rows, _ = chunk_sizes(signal)
    if rows > room:
        # Chunks too tall: they are read again and again, the fewer times the larger the blocks.
        return room
    return rows * max(1, min(room, wanted) // rows)


def row_bytes(signal: xr.DataArray, std: xr.DataArray | None) -> int:
    """Memory of one image row at all energies, with its noise."""
    size = signal.sizes[X] * signal.sizes[spectral_dim(signal)]
    return size * (signal.dtype.itemsize + (0 if std is None else std.dtype.itemsize))


def is_lazy(array: xr.DataArray) -> bool:
    """Whether the values are still in a file or a task graph."""
    return array.chunks is not None or not array.variable._in_memory


def _flat(array: np.ndarray) -> np.ndarray:
    """``(E, y, x)`` as C-contiguous floating ``(E, N)``; a view where it can be one."""
    kind = array.dtype if array.dtype in (np.float32, np.float64) else np.float32
    return np.ascontiguousarray(array, dtype=kind).reshape(array.shape[0], -1)


def _in_memory(images: xr.DataArray, noise: xr.DataArray | None = None) -> Callable[..., Loaded]:
    """The whole image for every block."""
    signal = _flat(images.values)
    std = None if noise is None else _flat(noise.values).astype(signal.dtype, copy=False)
    return lambda _: (signal, std, 0)


class _Rooms(threading.local):
    """Reads rows of a lazy stack into memory that each thread keeps for its next block.

    Fresh memory for every block would cost half as much as to read it.
    """

    def __init__(self, reader: StackReader) -> None:
        self._reader = reader
        self._rooms = np.empty((reader.count, 0), reader.dtype)

    def load(self, rows: slice) -> Loaded:
        """Signal and noise of some rows, ``(E, M)`` each, valid until this thread's next call."""
        energies, _, width = self._reader.shape
        size = energies * (rows.stop - rows.start) * width
        if self._rooms.shape[1] < size:
            self._rooms = np.empty((self._reader.count, size), self._reader.dtype)
        parts = [room[:size].reshape(energies, -1, width) for room in self._rooms]
        self._reader.read((slice(0, energies), rows, slice(0, width)), parts)
        read = [part.reshape(energies, -1) for part in parts]
        return read[0], read[1] if len(read) > 1 else None, rows.start * width


def processors() -> int:
    """Number of processors this process may use (a container or a batch system may allow fewer)."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def run_blocks(
    blocks: list[Block],
    work: Callable[[Block], None],
    *,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    workers: int | None = None,
) -> None:
    """Run `work` on every block.

    Parameters
    ----------
    blocks : list of Block
        What there is to do; each writes its own part of the result, so order does not matter.
    work : callable
        Releases the GIL.
    progress : callable, optional
        ``progress(done, total)`` in pixels, from this thread.
    cancel : threading.Event, optional
        Looked at before every block.
    workers : int, optional
        Threads; the number of processors this process may use if left out.

    Raises
    ------
    CancelledError
        If `cancel` was set. ``KeyboardInterrupt`` passes through after the running blocks end.
    """
    stop = threading.Event()
    total = sum(block.stop - block.start for block in blocks)
    done = 0

    def guarded(block: Block) -> int:
        if stop.is_set() or (cancel is not None and cancel.is_set()):
            return 0
        with give_up_if(stop, cancel):
            work(block)
        return block.stop - block.start

    ended: SimpleQueue[Future[int]] = SimpleQueue()
    with ThreadPoolExecutor(workers or processors()) as pool:
        try:
            for block in blocks:
                pool.submit(guarded, block).add_done_callback(ended.put)
            for _ in blocks:
                done += next_of(ended, done, total, progress).result()
                if cancel is not None and cancel.is_set():
                    break
                if progress is not None:
                    progress(done, total)
        finally:
            # Whatever ends the loop (cancel, Ctrl-C, an error): blocks that wait do nothing.
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    if cancel is not None and cancel.is_set() and done < total:
        raise CancelledError
