"""Run a prepared fit over a stack: in blocks of pixels, or frame by frame; results as maps.

The results are one ``(maps, N)`` float32 array per image, of which the maps are views: beside the
stack a fit takes four bytes per map and pixel.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.analysis.blocks import (
    BLOCK_PIXELS,
    LAZY_BYTES,
    Block,
    Progress,
    blocks_of,
    is_lazy,
    run_blocks,
)
from socwidgets.analysis.methods import BlockFit
from socwidgets.analysis.missing import MISSING, refit_missing
from socwidgets.analysis.streaming import comes_by_frame, gather, stream_fit
from socwidgets.model.mapset import MapSpec, status_variable
from socwidgets.model.names import X, Y, spectral_dim
from socwidgets.model.status import Status

#: Pixels with these codes keep their values.
_HAS_VALUE = (Status.OK, Status.AT_BOUND, Status.SATURATED, Status.OUT_OF_RANGE)


@dataclass(frozen=True, slots=True)
class Control:
    """How a fit runs: see `socwidgets.analysis.fit.fit_map`."""

    progress: Progress | None = None
    cancel: threading.Event | None = None
    workers: int | None = None
    block_pixels: int = BLOCK_PIXELS


def run_fit(
    fit: BlockFit,
    signal: xr.DataArray,
    noise: xr.DataArray | None,
    initial: dict[int, np.ndarray],
    excluded: xr.DataArray | None,
    control: Control,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit all pixels.

    Parameters
    ----------
    fit : BlockFit
        The fit, made ready for the energies of the signal.
    signal, noise : xarray.DataArray
        ``(..., spectral, y, x)``.
    initial : dict
        Starting values ``(lead, N)`` by row of the results.
    excluded : xarray.DataArray or None
        ``(..., y, x)``, nonzero for pixels that get no value whatever the fit says.
    control : Control
        Progress, cancel, threads, block size.

    Returns
    -------
    out, status : ndarray
        ``(lead, maps, N)`` float32 and ``(lead, N)`` uint8.
    """
    lead = int(np.prod(signal.shape[:-3], dtype=int))
    pixels = signal.shape[-2] * signal.shape[-1]
    shape = (lead, len(fit.specs), pixels)
    status = np.zeros((lead, pixels), dtype=np.uint8)
    lazy = is_lazy(signal) or (noise is not None and is_lazy(noise))
    if fit.stream is not None and lazy and comes_by_frame(signal, noise):
        # Not filled: memory that is not written to is not taken before the frames' is given back.
        out = np.empty(shape, dtype=np.float32)
        _run_frames(fit, signal, noise, excluded, control, out, status)
        return out, status
    out = np.full(shape, np.nan, dtype=np.float32)
    for row, values in initial.items():
        out[:, row] = values
    _run_blocks(fit, signal, noise, control, out, status)
    return out, status


def _run_blocks(
    fit: BlockFit,
    signal: xr.DataArray,
    noise: xr.DataArray | None,
    control: Control,
    out: np.ndarray,
    status: np.ndarray,
) -> None:
    pixels = out.shape[2]

    def work(block: Block) -> None:
        data, std, origin = block.load()
        lead, where = block.lead, slice(block.start, block.stop)
        whole = data.shape[1] == pixels
        results = out[lead] if whole else out[lead, :, where].copy()
        codes = status[lead] if whole else status[lead, where]
        offset = 0 if whole else origin
        # A block that was read at once may be large: look at the cancel button in between.
        for start in range(block.start, block.stop, control.block_pixels):
            if control.cancel is not None and control.cancel.is_set():
                return
            stop = min(start + control.block_pixels, block.stop)
            fit.fill(data, std, start - offset, stop - offset, results, codes)
            refit_missing(fit, data, std, start - offset, stop - offset, results, codes)
        if not whole:
            out[lead, :, where] = results

    run_blocks(
        list(blocks_of(signal, noise, control.block_pixels)),
        work,
        progress=control.progress,
        cancel=control.cancel,
        workers=control.workers,
    )


def _run_frames(
    fit: BlockFit,
    signal: xr.DataArray,
    noise: xr.DataArray | None,
    excluded: xr.DataArray | None,
    control: Control,
    out: np.ndarray,
    status: np.ndarray,
) -> None:
    """Read frame by frame; spectra with gaps are read once more and fitted on their own."""
    lead_dims = [d for d in signal.dims if d not in (spectral_dim(signal), Y, X)]
    shape = tuple(signal.sizes[d] for d in lead_dims)
    if fit.stream is None:
        raise TypeError("this fit cannot be streamed")
    for lead, place in enumerate(np.ndindex(*shape)):
        index = dict(zip(lead_dims, place, strict=True))
        images = signal.isel(index)
        std = None if noise is None else noise.isel(index)

        def progress(done: int, pixels: int, lead: int = lead) -> None:
            if control.progress is not None:
                control.progress(lead * pixels + done, out.shape[0] * pixels)

        stream_fit(
            fit.stream(std is not None),
            images,
            std,
            out[lead],
            status[lead],
            progress=progress,
            cancel=control.cancel,
            workers=control.workers,
        )
        here = {d: i for d, i in index.items() if excluded is not None and d in excluded.dims}
        wanted = None if excluded is None else excluded.isel(here).values.ravel() == 0
        _refit_gaps(fit, images, std, wanted, out[lead], status[lead])


def _refit_gaps(
    fit: BlockFit,
    signal: xr.DataArray,
    std: xr.DataArray | None,
    wanted: np.ndarray | None,
    out: np.ndarray,
    status: np.ndarray,
) -> None:
    """The slow path for streamed spectra with gaps; unwanted ones are masked anyway."""
    missing = status == MISSING
    if wanted is not None:
        status[missing & ~wanted] = Status.MASKED
        missing &= wanted
    waiting = np.flatnonzero(missing)
    size = signal.sizes[spectral_dim(signal)] * 4 * (1 if std is None else 2)
    step = max(1, LAZY_BYTES // size)
    for first in range(0, waiting.size, step):
        pixels = waiting[first : first + step]
        data = gather(signal, pixels)
        noise = None if std is None else gather(std, pixels)
        results, codes = np.full((out.shape[0], pixels.size), np.nan, out.dtype), status[pixels]
        refit_missing(fit, data, noise, 0, pixels.size, results, codes)
        out[:, pixels], status[pixels] = results, codes


def as_maps(
    signal: xr.DataArray,
    specs: tuple[MapSpec, ...],
    out: np.ndarray,
    status: np.ndarray,
    excluded: xr.DataArray | None,
) -> xr.Dataset:
    """Results as a map set.

    Parameters
    ----------
    signal : xarray.DataArray
        ``(..., spectral, y, x)``, for dimensions and coordinates.
    specs : tuple of MapSpec
        One per row of the results.
    out, status : ndarray
        From `run_fit`; the maps are views of `out`, in which pixels without a value become NaN.
    excluded : xarray.DataArray or None
        ``(..., y, x)``, codes that replace the fit's where nonzero.
    """
    template = signal.isel({spectral_dim(signal): 0}, drop=True)
    dims = tuple(str(d) for d in template.dims)
    codes = status.reshape(template.shape)
    if excluded is not None:
        codes = np.where(excluded.values > 0, excluded.values, codes)
    void = ~np.isin(codes, _HAS_VALUE)
    variables: dict[str, xr.Variable] = {}
    for row, spec in enumerate(specs):
        values = out[:, row].reshape(template.shape)
        np.copyto(values, np.nan, where=void)
        variables[spec.name] = xr.Variable(dims, values, spec.attrs())
    variables["status"] = status_variable(codes, dims)
    coords = {str(k): v for k, v in template.coords.items() if set(v.dims) <= set(dims)}
    return xr.Dataset(variables, coords)
