"""Sums over the frames of a band of rows, for `socwidgets.analysis.streaming`.

Where any part of a frame can be read for itself, each thread reads a tile of some frames and adds
it while it is still in the cache. Compressed frames are decoded whole, a step ahead of the sums.
Either way frames are taken in their order, which is how they lie in the file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from math import lcm
from typing import Protocol

import numpy as np

from socwidgets.analysis.blocks import Progress
from socwidgets.analysis.chunks import StackReader
from socwidgets.analysis.compile_watch import give_up_if
from socwidgets.model.errors import CancelledError

#: Frames of a tile: with more of them the sums, which are larger than a cache, are looked at less
#: often; with fewer, more of the file is read in one go.
TILE_FRAMES = 16

#: Bytes of a tile: it stays in the cache, and is read in runs that are worth a call.
TILE_BYTES = 4 * 1024**2

#: What frames and noise are filled up with beyond the last one.
_FILLS = (0.0, 1.0)


class FrameStream(Protocol):
    """A fit that takes frames one after the other; see `socwidgets.kernels.lcf_stream`."""

    @property
    def rows(self) -> int:
        """Number of float64 sums per pixel."""
        ...

    def room(self, pixels: int) -> np.ndarray:
        """Zeroed sums ``(groups, rows, lanes)``."""
        ...

    def add(
        self, frames: np.ndarray, std: np.ndarray | None, energy: int, group: int, sums: np.ndarray
    ) -> None:
        """Add frames ``(n, groups * lanes)``, ``n`` a multiple of four, to some of the groups."""
        ...

    def finish(self, sums: np.ndarray, first: int, out: np.ndarray, status: np.ndarray) -> None:
        """Results of some groups, from pixel `first` on."""
        ...


@dataclass(slots=True)
class Team:
    """Threads, progress and cancel of one streamed fit; `todo` and `done` count frames."""

    pool: ThreadPoolExecutor
    readers: ThreadPoolExecutor
    workers: int
    progress: Progress | None
    cancel: threading.Event | None
    pixels: int
    todo: int
    done: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def cancelled(self) -> bool:
        """Whether the user has had enough."""
        return self.cancel is not None and self.cancel.is_set()

    def share_out(self, cuts: list[int], work: Callable[[int, int], None], frames: int = 0) -> None:
        """Run ``work(first group, last group)`` between cuts; together they do some frames.

        Raises
        ------
        CancelledError
            If cancelled; jobs that have not begun do nothing then.
        """

        def unless_cancelled(a: int, b: int) -> None:
            if not (self.cancelled or self.ended.is_set()):
                with give_up_if(self.ended, self.cancel):
                    work(a, b)

        jobs = [self.pool.submit(unless_cancelled, a, b) for a, b in pairwise(cuts) if b > a]
        try:
            for count, job in enumerate(jobs, 1):
                job.result()
                if self.cancelled:
                    raise CancelledError
                if self.progress is not None and frames:
                    part = self.pixels * (self.done * len(jobs) + frames * count)
                    self.progress(part // (self.todo * len(jobs)), self.pixels)
        except BaseException:
            # Jobs that wait for the compiler must not go on waiting.
            self.ended.set()
            raise
        finally:
            for job in jobs:
                job.cancel()
        self.done += frames

    def even_cuts(self, groups: int) -> list[int]:
        """Cuts into a few parts per thread."""
        return np.linspace(0, groups, 4 * self.workers + 1).astype(int).tolist()


def frames_at_once(energies: int) -> int:
    """Energies of a step where chunks of so many are decoded whole: a multiple of four of them."""
    whole = lcm(4, energies)
    return max(8, whole if whole <= 32 else -(-energies // 4) * 4)


def sum_tiles(stream: FrameStream, reader: StackReader, band: slice, team: Team) -> np.ndarray:
    """Sums over all frames of a band of rows, of which any part can be read for itself."""
    energies, _, width = reader.shape
    pixels = (band.stop - band.start) * width
    sums = stream.room(pixels)
    lanes = sums.shape[2]
    # Tiles are whole rows and whole groups.
    rows = lcm(lanes, width) // width
    row_bytes = TILE_FRAMES * width * reader.dtype.itemsize * reader.count
    groups = rows * max(1, TILE_BYTES // (rows * row_bytes)) * width // lanes
    cuts = [*range(0, sums.shape[0], groups), sums.shape[0]]
    rooms = _ThreadRooms((reader.count, TILE_FRAMES, groups * lanes), reader.dtype)
    for first in range(0, energies, TILE_FRAMES):
        last = min(first + TILE_FRAMES, energies)

        def work(a: int, b: int, first: int = first, last: int = last) -> None:
            tile = rooms.of_size((b - a) * lanes)
            begin, end = a * lanes, min(b * lanes, pixels)
            part = slice(band.start + begin // width, band.start + end // width)
            _read(reader, part, slice(first, last), tile)
            used = slice(0, -(-(last - first) // 4) * 4)
            noise = tile[1, used] if len(tile) > 1 else None
            stream.add(tile[0, used], noise, first, 0, sums[a:b])

        team.share_out(cuts, work, last - first)
    return sums


class _ThreadRooms(threading.local):
    """Memory that each thread uses again for its next tile."""

    def __init__(self, shape: tuple[int, int, int], kind: np.dtype) -> None:
        self._shape = shape
        self._room = np.empty(shape, kind)

    def of_size(self, pixels: int) -> np.ndarray:
        """C-contiguous ``(images, frames, pixels)``."""
        images, frames, _ = self._shape
        return self._room.reshape(-1)[: images * frames * pixels].reshape(images, frames, pixels)


def sum_decoded(
    stream: FrameStream, reader: StackReader, step: int, band: slice, team: Team
) -> np.ndarray:
    """Sums over all frames of a band of rows; `step` frames are read while others are summed."""
    energies, _, width = reader.shape
    sums = stream.room((band.stop - band.start) * width)
    lanes = sums.shape[0] * sums.shape[2]
    rooms = [np.empty((reader.count, step, lanes), reader.dtype) for _ in range(2)]

    def read(first: int) -> list[Future[None]]:
        return _read_ahead(reader, band, first, rooms[first // step % 2], team)

    ahead = read(0)
    try:
        for first in range(0, energies, step):
            for job in ahead:
                job.result()
            last = min(first + step, energies)
            frames = rooms[first // step % 2][:, : -(-(last - first) // 4) * 4]
            ahead = read(last) if last < energies else []

            def add(a: int, b: int, frames=frames, first=first) -> None:
                noise = frames[1] if len(frames) > 1 else None
                stream.add(frames[0], noise, first, a, sums[a:b])

            team.share_out(team.even_cuts(sums.shape[0]), add, last - first)
    finally:
        for job in ahead:
            job.cancel()
    return sums


def _read_ahead(
    reader: StackReader, band: slice, first: int, rooms: np.ndarray, team: Team
) -> list[Future[None]]:
    """Start reading frames from `first` on, a chunk of energies per job."""
    last = min(first + rooms.shape[1], reader.shape[0])
    _fill(rooms[:, last - first :])

    def load(a: int, b: int) -> None:
        if not team.cancelled:
            _read(reader, band, slice(a, b), rooms[:, a - first : b - first])

    cuts = sorted({first, last, *(cut for cut in reader.frame_cuts if first < cut < last)})
    return [team.readers.submit(load, a, b) for a, b in pairwise(cuts)]


def _read(reader: StackReader, rows: slice, frames: slice, rooms: np.ndarray) -> None:
    """Read some rows of some frames to the beginning of `rooms`, and fill the rest of them."""
    count, width = frames.stop - frames.start, reader.shape[2]
    pixels = (rows.stop - rows.start) * width
    _fill(rooms[:, count:])
    _fill(rooms[:, :, pixels:])
    images = [room[:count, :pixels].reshape(count, -1, width) for room in rooms]
    reader.read((frames, rows, slice(0, width)), images)


def _fill(rooms: np.ndarray) -> None:
    for room, fill in zip(rooms, _FILLS, strict=False):
        room[...] = fill
