"""Stacks larger than memory: when to read lazily, and how frames become a dask array."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from socwidgets.analysis import result_memory
from socwidgets.analysis.storage.stored_array import Box
from socwidgets.model.errors import ParameterError, ReadError
from socwidgets.model.watch import ambient

#: A signal larger than this share of the available memory is read lazily unless told otherwise:
#: a fit needs the optical density beside the counts.
MEMORY_SHARE = 0.5

#: Bytes read at once where all is read: a cancel is heeded between two such pieces.
PIECE_BYTES = 32 * 1024**2


class ArraySource(Protocol):
    """What a reader gives for its signal: an array on disk that reads the part asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        ...

    def __getitem__(self, key: Any) -> np.ndarray:
        """Read a part."""
        ...


def available_memory() -> int | None:
    """Bytes of memory that are free for use, or None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as text:
            for line in text:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def wants_lazy(nbytes: int, lazy: bool | None) -> bool:
    """Decide whether an array of `nbytes` is read lazily.

    Parameters
    ----------
    nbytes : int
        Size of the signal in bytes once in memory.
    lazy : bool or None
        The user's wish; None decides by `MEMORY_SHARE` of the available memory.

    Raises
    ------
    ParameterError
        If `lazy` is neither a truth value nor None.
    """
    if lazy is None:
        memory = available_memory()
        return memory is not None and nbytes > MEMORY_SHARE * memory
    if isinstance(lazy, (bool, np.bool_)):
        return bool(lazy)
    raise ParameterError("lazy has the wrong type", expected="true, false or None", found=str(lazy))


def require_dask(nbytes: int) -> Any:
    """Return the module ``dask.array``, or say which extra brings it.

    Raises
    ------
    ReadError
        If dask is not installed.
    """
    try:
        import dask.array
    except ImportError:
        memory = available_memory()
        raise ReadError(
            "reading a stack lazily needs dask, which is not installed",
            expected="dask, for a stack that is read piece by piece",
            found=f"a stack of {nbytes / 1e9:.3g} GB"
            + (f" and {memory / 1e9:.3g} GB of free memory" if memory else ""),
            fix="install the extra with: pip install 'socwidgets[big]', or pass lazy=False "
            "to read all of it into memory",
        ) from None
    return dask.array


def as_array(source: ArraySource, name: str, lazy: bool | None, chunks: Any) -> Any:
    """Whole array in memory, or a dask array that reads pieces of it.

    Parameters
    ----------
    source : ArraySource
        Shape, dtype and a way to read a part.
    name : str
        Identifies the content (path and time of change): equal names mean equal data.
    lazy : bool or None
        See `wants_lazy`.
    chunks : object
        Chunks of the dask array.
    """
    nbytes = int(np.prod(source.shape, dtype=np.int64)) * np.dtype(source.dtype).itemsize
    if not wants_lazy(nbytes, lazy):
        return read_whole(lambda part: source[part], source.shape, source.dtype)
    array = require_dask(nbytes)
    return array.from_array(source, chunks=chunks, name=f"stack-{name}", asarray=True)


def read_whole(
    read: Callable[[tuple[slice, ...]], np.ndarray], shape: tuple[int, ...], dtype: Any,
    rows: int = 1,
) -> np.ndarray:  # fmt: skip
    """All of an array on disk, in pieces; tells the watch of the reader how far it is.

    Parameters
    ----------
    read : callable
        Reads the part that a tuple of slices, one for each dimension, names.
    shape : tuple of int
        Shape of the whole.
    dtype : numpy dtype
        Type of the values.
    rows : int
        Pieces are a multiple of so many along the first dimension: the height of a chunk, which
        is unpacked as a whole.

    Raises
    ------
    CancelledError
        If the watch was told to stop.
    """
    whole = tuple(slice(0, size) for size in shape)
    row = int(np.prod(shape[1:], dtype=np.int64)) * np.dtype(dtype).itemsize
    step = max(rows, PIECE_BYTES // max(row, 1) // rows * rows)
    if not shape or step >= shape[0]:
        return read(whole)
    result = result_memory.empty(shape, dtype)
    starts = range(0, shape[0], step)
    for start in ambient().over(starts, len(starts)):
        part = slice(start, min(start + step, shape[0]))
        result[part] = read((part, *whole[1:]))
    return result


class FrameSource:
    """Frames that lie one by one in files or pages, as one array ``(frame, y, x)``.

    Parameters
    ----------
    read : callable
        ``read(index) -> ndarray`` of shape ``(y, x)``; raises a clear error for a bad frame.
    count : int
        Number of frames.
    frame_shape : tuple of int
        ``(y, x)``.
    dtype : numpy dtype
        Type of the values.
    """

    ndim = 3

    def __init__(
        self,
        read: Callable[[int], np.ndarray],
        count: int,
        frame_shape: tuple[int, int],
        dtype: Any,
    ) -> None:
        self._read = read
        self.shape: tuple[int, ...] = (count, *frame_shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)

    def __getitem__(self, key: Any) -> np.ndarray:
        """Read the frames asked for; `key` is a tuple of slices or integers."""
        key = key if isinstance(key, tuple) else (key,)
        frames, inside = key[0], key[1:]
        if isinstance(frames, (int, np.integer)):
            return np.asarray(self._read(int(frames)), self.dtype)[inside]
        wanted = range(*frames.indices(self.shape[0]))
        blank = np.empty(self.shape[1:], self.dtype)[inside]
        result = np.empty((len(wanted), *blank.shape), self.dtype)
        for place, index in enumerate(wanted):
            result[place] = self._read(index)[inside]
        return result


def content_name(*parts: Any) -> str:
    """Name that changes when one of the files in `parts` does (path, size, time of change)."""
    import hashlib
    from pathlib import Path

    digest = hashlib.sha256()
    for part in parts:
        digest.update(str(part).encode())
        if isinstance(part, Path):
            state = part.stat()
            digest.update(f"{state.st_size} {state.st_mtime_ns}".encode())
    return digest.hexdigest()[:24]


def box_of(key: Any, shape: tuple[int, ...]) -> Box | None:
    """The slices of a key with their bounds; None if it is not made of plain slices."""
    key = key if isinstance(key, tuple) else (key,)
    if not all(isinstance(part, slice) and part.step in (None, 1) for part in key):
        return None
    if len(key) > len(shape):
        return None
    full = (*key, *[slice(None)] * (len(shape) - len(key)))
    bounds = [part.indices(size) for part, size in zip(full, shape, strict=True)]
    return tuple(slice(start, max(start, stop)) for start, stop, _ in bounds)
