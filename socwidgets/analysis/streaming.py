"""Fit a lazy stack that is stored frame by frame: each frame is read once, memory is bounded.

Cutting such a stack into blocks of pixels would read every frame once per block. Methods that are
linear in the spectrum only need sums over energies (`FrameStream`), so frames can come one after
the other; the next ones are read while the last ones are summed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from math import lcm
from typing import Protocol

import numpy as np
import xarray as xr

from socwidgets.analysis.blocks import LAZY_BYTES, Progress, chunk_sizes, processors, row_bytes
from socwidgets.analysis.chunks import ChunkReader
from socwidgets.model.errors import CancelledError
from socwidgets.model.names import X, Y, spectral_dim

#: Memory for the sums of a band of rows; a taller image is read once per band.
STREAM_BYTES = 480 * 1024**2


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


def comes_by_frame(signal: xr.DataArray, std: xr.DataArray | None) -> bool:
    """Whether chunks are so tall and thin that frames should be read one after the other."""
    rows, energies = chunk_sizes(signal)
    return energies < signal.sizes[spectral_dim(signal)] and (
        rows * row_bytes(signal, std) > LAZY_BYTES
    )


@dataclass(slots=True)
class _Control:
    """Threads, progress and cancel of one streamed fit."""

    pool: ThreadPoolExecutor
    workers: int
    progress: Progress | None
    cancel: threading.Event | None
    steps: int
    pixels: int
    done: int = 0

    def share_out(self, groups: int, work: Callable[[int, int], None]) -> None:
        """Run ``work(first group, last group)`` over all groups in the threads."""
        cuts = np.linspace(0, groups, 4 * self.workers + 1).astype(int)
        for job in [self.pool.submit(work, a, b) for a, b in pairwise(cuts) if b > a]:
            job.result()

    def step(self) -> None:
        """Report a step; raise if cancelled."""
        self.done += 1
        if self.cancel is not None and self.cancel.is_set():
            raise CancelledError
        if self.progress is not None:
            self.progress(self.pixels * self.done // self.steps, self.pixels)


def stream_fit(
    stream: FrameStream,
    signal: xr.DataArray,
    std: xr.DataArray | None,
    out: np.ndarray,
    status: np.ndarray,
    *,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    workers: int | None = None,
) -> None:
    """Fit the pixels of one image series.

    Parameters
    ----------
    stream : FrameStream
        The fit.
    signal, std : xarray.DataArray
        ``(spectral, y, x)``, lazy.
    out, status : ndarray
        ``(maps, N)`` float32 and ``(N,)`` uint8, filled.
    progress, cancel, workers
        As for `socwidgets.analysis.blocks.run_blocks`.

    Raises
    ------
    CancelledError
        If `cancel` was set; it is looked at after every few frames.
    """
    workers = workers or processors()
    energies = signal.sizes[spectral_dim(signal)]
    step = _frames_at_once(signal)
    width, height = signal.sizes[X], signal.sizes[Y]
    images = 1 if std is None else 2
    # Two rooms for frames, one being read while the other is summed.
    per_row = width * (8 * stream.rows + 2 * images * step * signal.dtype.itemsize)
    rows = int(np.clip(STREAM_BYTES // per_row, 1, height))
    bands = [slice(top, min(top + rows, height)) for top in range(0, height, rows)]
    count = -(-energies // step) * len(bands)
    with ThreadPoolExecutor(workers) as pool, ThreadPoolExecutor(workers) as readers:
        control = _Control(pool, workers, progress, cancel, count, out.shape[1])
        sources = [ChunkReader(array) for array in ((signal,) if std is None else (signal, std))]
        for band in bands:
            if cancel is not None and cancel.is_set():
                raise CancelledError
            sums = _sum_frames(stream, sources, band, step, readers, control)

            def finish(a: int, b: int, sums=sums, first=band.start * width) -> None:
                # A group that reaches beyond the band is written again with the next one.
                stream.finish(sums[a:b], first + a * sums.shape[2], out, status)

            control.share_out(sums.shape[0], finish)


def _frames_at_once(signal: xr.DataArray) -> int:
    """Energies of a step: whole chunks, a multiple of four."""
    _, energies = chunk_sizes(signal)
    whole = lcm(4, energies)
    return max(8, whole if whole <= 32 else -(-energies // 4) * 4)


def _sum_frames(
    stream: FrameStream,
    sources: list[ChunkReader],
    band: slice,
    step: int,
    readers: ThreadPoolExecutor,
    control: _Control,
) -> np.ndarray:
    """Sums over all frames of a band of rows; reading runs one step ahead."""
    energies, _, width = sources[0].array.shape
    sums = stream.room((band.stop - band.start) * width)
    lanes = sums.shape[0] * sums.shape[2]
    kind = sources[0].dtype
    rooms = [[np.empty((step, lanes), kind) for _ in sources] for _ in range(2)]

    def read(first: int) -> list[Future[None]]:
        jobs: list[Future[None]] = []
        for source, room, fill in zip(sources, rooms[first // step % 2], (0.0, 1.0), strict=False):
            jobs += _read(source, band, first, room, fill, readers)
        return jobs

    ahead = read(0)
    for first in range(0, energies, step):
        for job in ahead:
            job.result()
        used = -(-(min(first + step, energies) - first) // 4) * 4
        frames = [room[:used] for room in rooms[first // step % 2]]
        ahead = read(first + step) if first + step < energies else []

        def add(a: int, b: int, frames=frames, first=first) -> None:
            noise = frames[1] if len(frames) > 1 else None
            stream.add(frames[0], noise, first, a, sums[a:b])

        try:
            control.share_out(sums.shape[0], add)
            control.step()
        except BaseException:
            for job in ahead:
                job.cancel()
            raise
    return sums


def _read(
    source: ChunkReader,
    band: slice,
    first: int,
    room: np.ndarray,
    fill: float,
    readers: ThreadPoolExecutor,
) -> list[Future[None]]:
    """Start reading frames from `first` on into `room`, a chunk of energies per job."""
    energies, _, width = source.array.shape
    last = min(first + room.shape[0], energies)
    _, thick = chunk_sizes(source.array)
    height = band.stop - band.start
    room[last - first :] = fill
    room[:, height * width :] = fill

    def load(a: int, b: int) -> None:
        images = room[a - first : b - first, : height * width].reshape(b - a, height, width)
        source.read((slice(a, b), band, slice(0, width)), images)

    return [readers.submit(load, a, min(a + thick, last)) for a in range(first, last, thick)]


def gather(array: xr.DataArray, pixels: np.ndarray) -> np.ndarray:
    """Spectra ``(E, n)`` of some pixels (flat, ascending) of a lazy stack, reading it by chunks."""
    source = ChunkReader(array)
    energies, _, width = source.array.shape
    rows = slice(int(pixels[0]) // width, int(pixels[-1]) // width + 1)
    _, thick = chunk_sizes(source.array)
    result = np.empty((energies, pixels.size), source.dtype)
    room = np.empty((thick, rows.stop - rows.start, width), source.dtype)
    for first in range(0, energies, thick):
        last = min(first + thick, energies)
        images = room[: last - first]
        source.read((slice(first, last), rows, slice(0, width)), images)
        result[first:last] = images.reshape(last - first, -1)[:, pixels - rows.start * width]
    return result
