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

from socwidgets.analysis.blocks import LAZY_BYTES, Progress, chunk_sizes, processors, row_bytes
from socwidgets.analysis.chunks import ChunkReader
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
    sources = [ChunkReader(array) for array in ((signal,) if std is None else (signal, std))]
    tiled = all(source.plain for source in sources)
    # Two rooms for decoded frames, one being read while the other is summed.
    frames = 0 if tiled else 2 * len(sources) * frames_at_once(signal)
    per_row = width * (8 * stream.rows + frames * sources[0].dtype.itemsize)
    rows = int(np.clip(STREAM_BYTES // per_row, 1, height))
    bands = [slice(top, min(top + rows, height)) for top in range(0, height, rows)]
    with ThreadPoolExecutor(workers) as pool, ThreadPoolExecutor(workers) as readers:
        todo = energies * len(bands)
        team = Team(pool, readers, workers, progress, cancel, out.shape[1], todo)
        for band in bands:
            sums = (sum_tiles if tiled else sum_decoded)(stream, sources, band, team)

            def finish(a: int, b: int, sums=sums, first=band.start * width) -> None:
                # A group that reaches beyond the band is written again with the next one.
                stream.finish(sums[a:b], first + a * sums.shape[2], out, status)

            team.share_out(team.even_cuts(sums.shape[0]), finish)


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
