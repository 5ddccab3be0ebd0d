"""Fit a lazy stack that is stored frame by frame: each frame is read once, memory is bounded.

Cutting such a stack into blocks of pixels would read every frame once per block. Methods that are
linear in the spectrum only need sums over energies (`FrameStream`), so frames can come one after
the other; the next ones are read while the last ones are summed.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import xarray as xr

from socwidgets.analysis.blocks import LAZY_BYTES, Progress, processors, row_bytes
from socwidgets.analysis.chunks import StackReader, chunk_sizes
from socwidgets.analysis.frame_sums import FrameStream, Team, frames_at_once, sum_decoded, sum_tiles
from socwidgets.model.names import spectral_dim

#: Memory for the sums of a band of rows; a taller image is read once per band.
STREAM_BYTES = 480 * 1024**2


def comes_by_frame(signal: xr.DataArray, std: xr.DataArray | None) -> bool:
    """Whether chunks are so tall and thin that frames should be read one after the other."""
    rows, energies = chunk_sizes(signal)
    return energies < signal.sizes[spectral_dim(signal)] and (
        rows * row_bytes(signal, std) > LAZY_BYTES
    )


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
    energies, height, width = signal.shape
    reader = StackReader(*([signal] if std is None else [signal, std]))
    chunk_rows, thick = chunk_sizes(signal)
    step = frames_at_once(thick)
    # Two rooms for decoded frames, one being read while the other is summed.
    frames = 0 if reader.plain else 2 * reader.count * step
    per_row = width * (8 * stream.rows + frames * reader.dtype.itemsize)
    rows = int(np.clip(STREAM_BYTES // per_row, 1, height))
    if rows > chunk_rows:
        rows -= rows % chunk_rows  # no chunk belongs to two bands
    bands = [slice(top, min(top + rows, height)) for top in range(0, height, rows)]
    with ThreadPoolExecutor(workers) as pool, ThreadPoolExecutor(workers) as readers:
        todo = energies * len(bands)
        team = Team(pool, readers, workers, progress, cancel, out.shape[1], todo)
        for band in bands:
            if reader.plain:
                sums = sum_tiles(stream, reader, band, team)
            else:
                sums = sum_decoded(stream, reader, step, band, team)

            def finish(a: int, b: int, sums=sums, first=band.start * width) -> None:
                # A group that reaches beyond the band is written again with the next one.
                stream.finish(sums[a:b], first + a * sums.shape[2], out, status)

            team.share_out(team.even_cuts(sums.shape[0]), finish)


def gather(
    signal: xr.DataArray, std: xr.DataArray | None, pixels: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Spectra ``(E, n)`` of some pixels (flat, ascending), and their noise, read by chunks."""
    reader = StackReader(*([signal] if std is None else [signal, std]))
    energies, _, width = reader.shape
    rows = slice(int(pixels[0]) // width, int(pixels[-1]) // width + 1)
    _, thick = chunk_sizes(signal)
    results = np.empty((reader.count, energies, pixels.size), reader.dtype)
    rooms = np.empty((reader.count, thick, rows.stop - rows.start, width), reader.dtype)
    for first in range(0, energies, thick):
        last = min(first + thick, energies)
        images = [room[: last - first] for room in rooms]
        reader.read((slice(first, last), rows, slice(0, width)), images)
        for result, image in zip(results, images, strict=True):
            result[first:last] = image.reshape(last - first, -1)[:, pixels - rows.start * width]
    return results[0], None if std is None else results[1]
