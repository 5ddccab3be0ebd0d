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
from socwidgets.model.errors import CancelledError
from socwidgets.model.names import X, Y, spectral_dim

#: Memory for the sums of a band of rows; a taller image is read once per band.
STREAM_BYTES = 384 * 1024**2


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
    per_row = width * (8 * stream.rows + 4 * step * signal.dtype.itemsize)
    rows = int(np.clip(STREAM_BYTES // per_row, 1, height))
    bands = [slice(top, min(top + rows, height)) for top in range(0, height, rows)]
    count = -(-energies // step) * len(bands)
    with ThreadPoolExecutor(workers) as pool, ThreadPoolExecutor(workers) as readers:
        control = _Control(pool, workers, progress, cancel, count, out.shape[1])
        for band in bands:
            if cancel is not None and cancel.is_set():
                raise CancelledError
            part = signal.isel({Y: band})
            noise = None if std is None else std.isel({Y: band})
            sums = _sum_frames(stream, part, noise, step, readers, control)

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
    signal: xr.DataArray,
    std: xr.DataArray | None,
    step: int,
    readers: ThreadPoolExecutor,
    control: _Control,
) -> np.ndarray:
    """Sums over all frames of a band of rows; reading runs one step ahead."""
    energies = signal.sizes[spectral_dim(signal)]
    sums = stream.room(signal.sizes[Y] * signal.sizes[X])
    lanes = sums.shape[0] * sums.shape[2]
    kind = np.float64 if signal.dtype == np.float64 else np.float32
    arrays = [(signal, 0.0)] if std is None else [(signal, 0.0), (std, 1.0)]
    rooms = [[np.empty((step, lanes), kind) for _ in arrays] for _ in range(2)]

    def read(first: int) -> list[Future[None]]:
        jobs: list[Future[None]] = []
        for (array, fill), room in zip(arrays, rooms[first // step % 2], strict=True):
            jobs += _read(array, first, room, fill, readers)
        return jobs

    ahead = read(0)
    for first in range(0, energies, step):
        for job in ahead:
            job.result()
        used = -(-(min(first + step, energies) - first) // 4) * 4
        frames = [room[:used] for room in rooms[first // step % 2]]
        ahead = read(first + step) if first + step < energies else []

        def add(a: int, b: int, frames=frames, first=first) -> None:
            noise = None if std is None else frames[1]
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
    array: xr.DataArray,
    first: int,
    room: np.ndarray,
    fill: float,
    readers: ThreadPoolExecutor,
) -> list[Future[None]]:
    """Start reading frames from `first` on into `room`, chunk by chunk."""
    dim = spectral_dim(array)
    last = min(first + room.shape[0], array.sizes[dim])
    _, thick = chunk_sizes(array)
    pixels = array.sizes[Y] * array.sizes[X]
    room[last - first :] = fill
    room[:, pixels:] = fill

    def load(a: int, b: int) -> None:
        frames = array.isel({dim: slice(a, b)}).compute(scheduler="synchronous").values
        room[a - first : b - first, :pixels] = frames.reshape(b - a, pixels)

    return [
        readers.submit(load, a, min(a + thick, last)) for a in range(first, last, max(1, thick))
    ]


def gather(array: xr.DataArray, pixels: np.ndarray) -> np.ndarray:
    """Spectra ``(E, n)`` of some pixels (flat, ascending) of a lazy stack, reading it by chunks."""
    dim = spectral_dim(array)
    width = array.sizes[X]
    top, bottom = int(pixels[0]) // width, int(pixels[-1]) // width + 1
    _, thick = chunk_sizes(array)
    kind = np.float64 if array.dtype == np.float64 else np.float32
    result = np.empty((array.sizes[dim], pixels.size), kind)
    for first in range(0, array.sizes[dim], thick):
        part = array.isel({dim: slice(first, first + thick), Y: slice(top, bottom)})
        frames = part.compute(scheduler="synchronous").values
        result[first : first + thick] = frames.reshape(frames.shape[0], -1)[:, pixels - top * width]
    return result
