"""Run a function over blocks of pixels in threads of ours, with progress and cancel."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr

from socwidgets.analysis.chunks import StackReader, chunk_sizes
from socwidgets.analysis.compile_watch import give_up_if, tell
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

    The calling thread works too: a small image is done before a pool of threads has begun.

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
    total, done = sum(block.stop - block.start for block in blocks), 0
    # Ends of a deque may be used from several threads at once.
    waiting, finished = deque(blocks), deque[int]()
    errors: list[BaseException] = []
    ended = threading.Event()

    def take() -> bool:
        """Whether there was another block to work on, and nobody had cancelled."""
        if cancel is not None and cancel.is_set():
            return False
        try:
            block = waiting.popleft()
        except IndexError:
            return False
        work(block)
        finished.append(block.stop - block.start)
        return True

    def help_out() -> None:
        try:
            with give_up_if(cancel, ended):
                while take():
                    pass
        except BaseException as error:  # for the calling thread to raise
            errors.append(error)
            waiting.clear()

    def report() -> None:
        """Tell of every block that is finished, one after the other, until somebody cancels."""
        nonlocal done
        while finished and not (cancel is not None and cancel.is_set()):
            done += finished.popleft()
            if progress is not None:
                progress(done, total)

    others = min(workers or processors(), len(blocks)) - 1
    helpers = [threading.Thread(target=help_out, name="socwidgets-blocks") for _ in range(others)]
    try:
        for helper in helpers:
            helper.start()
        with give_up_if(cancel, meanwhile=lambda: tell(done, total, progress)):
            while take():
                report()
        for helper in helpers:
            helper.join()
        report()
    finally:
        # Whatever ends the loop (cancel, Ctrl-C, an error): blocks that wait are not begun.
        waiting.clear()
        ended.set()
        for helper in helpers:
            if helper.is_alive():
                helper.join()
    if errors:
        raise errors[0]
    if cancel is not None and cancel.is_set() and done < total:
        raise CancelledError
