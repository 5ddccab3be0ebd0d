"""Memory for large results, taken over from earlier results that nobody holds any more.

A system hands out memory page by page and cleared, which costs a fit of an image a tenth of its
time, and on virtual machines whose host takes back what is free as much as the fit itself
(1 to 2 ms per MB were measured, 0.05 ms for memory that the process still has). Who looks at maps
while turning a parameter replaces them all the time, so what a released result leaves is kept for
the next one. The system is told that it may take the pages whenever it is short of memory
(``MADV_FREE``); where it cannot be told so, nothing is kept.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import threading
import weakref

import numpy as np
from numpy.typing import DTypeLike

#: Bytes from which on memory is kept. The C library keeps pieces up to 32 MB, but gives the end of
#: its heap back every now and then, and has pages of 4 kB.
LEAST = 1024**2
#: Part of the machine's memory that is kept at most.
_SHARE = 1 / 8
#: How much larger than wanted a piece may be.
_SPARE = 1.25

_kept: list[mmap.mmap] = []
_lock = threading.Lock()


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """Array of any values, as ``np.empty``; it may lie where a result lay that is gone.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : dtype
        Its type, without objects.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = _memory(size) if size >= LEAST and hasattr(mmap, "MADV_FREE") else None
    if memory is None:
        return np.empty(shape, dtype)
    lease = _Lease(memory, shape, dtype)
    weakref.finalize(lease, _keep, memory).atexit = False
    return np.asarray(lease)


def forget() -> None:
    """Give all memory that is kept back to the system."""
    with _lock:
        _kept.clear()


class _Lease:
    """What all views of an array hold on to: when it goes, its memory is nobody's."""

    def __init__(self, memory: mmap.mmap, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        flat = np.frombuffer(memory, dtype, math.prod(shape))
        self.__array_interface__ = flat.reshape(shape).__array_interface__


def _memory(size: int) -> mmap.mmap | None:
    """The smallest piece that is kept and fits, or a new one; None where the system gives none."""
    # Never wait for the lock: its holder may be what was interrupted, or a process's parent.
    if _lock.acquire(blocking=False):
        try:
            fitting = [m for m in _kept if size <= len(m) <= _SPARE * size]
            if fitting:
                found = min(fitting, key=len)
                _kept.remove(found)
                return found
        finally:
            _lock.release()
    try:
        # Private: a forked process must not write into its parent's maps.
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError:
        return None
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _keep(memory: mmap.mmap) -> None:
    """Keep a piece, rather than older ones; called wherever the last view of a result goes."""
    if not _lock.acquire(blocking=False):
        return
    try:
        room = _SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        memory.madvise(mmap.MADV_FREE)
        _kept.append(memory)
        while sum(map(len, _kept)) > room:
            del _kept[0]
    except (OSError, ValueError):
        # A system that knows no MADV_FREE, or not how much memory it has: the piece goes back with
        # its last reference.
        pass
    finally:
        _lock.release()
