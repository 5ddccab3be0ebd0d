"""Run a prepared fit over a stack: in blocks of pixels, or frame by frame; results as maps.

The results are one ``(maps, N)`` float32 array per image, of which the maps are views: beside the
stack a fit takes four bytes per map and pixel, and eight more for positions (`MapSpec.origin`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.analysis import result_memory
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
from socwidgets.model.errors import CancelledError
from socwidgets.model.mapset import MapSpec, status_variable
from socwidgets.model.names import X, Y, spectral_dim
from socwidgets.model.status import Status

#: By status code, what is added to the values: nothing, or NaN where they are none. To add is a
#: third of the time of a store where a condition holds; minus zero changes no number.
_SPOILS = np.full(256, np.nan, np.float32)
_SPOILS[[Status.OK, Status.AT_BOUND, Status.SATURATED, Status.OUT_OF_RANGE]] = -0.0

#: A fit that takes long for a pixel gets a block's wanted pixels only, if they are fewer than this.
_WORTH_GATHERING = 0.9


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
    excluded: np.ndarray,
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
    excluded : ndarray
        ``(lead, N)`` uint8, the status of pixels that get no value whatever the fit says, else 0.
    control : Control
        Progress, cancel, threads, block size.

    Returns
    -------
    out, status : ndarray
        ``(lead, maps, N)`` float32, NaN where the status allows no value, and ``(lead, N)`` uint8.
    """
    lead = int(np.prod(signal.shape[:-3], dtype=int))
    pixels = signal.shape[-2] * signal.shape[-1]
    shape = (lead, len(fit.specs), pixels)
    status = np.zeros((lead, pixels), dtype=np.uint8)
    lazy = is_lazy(signal) or (noise is not None and is_lazy(noise))
    # Filled by the threads, block by block; memory that is not written to is not taken before that
    # of the frames is given back.
    out = result_memory.empty(shape, np.float32)
    if fit.stream is not None and lazy and comes_by_frame(signal, noise):
        _run_frames(fit, signal, noise, excluded, control, out, status)
        return out, status
    _run_blocks(fit, signal, noise, initial, excluded, control, out, status)
    return out, status


def _run_blocks(
    fit: BlockFit,
    signal: xr.DataArray,
    noise: xr.DataArray | None,
    initial: dict[int, np.ndarray],
    excluded: np.ndarray,
    control: Control,
    out: np.ndarray,
    status: np.ndarray,
) -> None:
    pixels = out.shape[2]

    def work(block: Block) -> None:
        lead, where = block.lead, slice(block.start, block.stop)
        out[lead, :, where] = np.nan
        if excluded[lead, where].all():
            status[lead, where] = excluded[lead, where]
            return
        for row, values in initial.items():
            out[lead, row, where] = values[lead, where]
        data, std, origin = block.load()
        whole = data.shape[1] == pixels
        results = out[lead] if whole else out[lead, :, where].copy()
        codes = status[lead] if whole else status[lead, where]
        offset = 0 if whole else origin
        # A block that was read at once may be large: look at the cancel button in between.
        for start in range(block.start, block.stop, control.block_pixels):
            if control.cancel is not None and control.cancel.is_set():
                raise CancelledError
            stop = min(start + control.block_pixels, block.stop)
            barred = excluded[lead, start:stop]
            part = (data, std, start - offset, stop - offset, results, codes)
            _fill_wanted(fit, barred, *part) if fit.costly else _fill_all(fit, *part)
            _settle(results[:, part[2] : part[3]], codes[part[2] : part[3]], barred)
        if not whole:
            out[lead, :, where] = results

    run_blocks(
        list(blocks_of(signal, noise, control.block_pixels)),
        work,
        progress=control.progress,
        cancel=control.cancel,
        workers=control.workers,
    )


def _fill_all(
    fit: BlockFit,
    signal: np.ndarray,
    std: np.ndarray | None,
    start: int,
    stop: int,
    out: np.ndarray,
    status: np.ndarray,
) -> None:
    """Fit a range of pixels, those with gaps on their own."""
    fit.fill(signal, std, start, stop, out, status)
    refit_missing(fit, signal, std, start, stop, out, status)


def _fill_wanted(
    fit: BlockFit,
    barred: np.ndarray,
    signal: np.ndarray,
    std: np.ndarray | None,
    start: int,
    stop: int,
    out: np.ndarray,
    status: np.ndarray,
) -> None:
    """Fit the pixels of a range that get a value; the others are not worth their time."""
    wanted = start + np.flatnonzero(barred == 0)
    if wanted.size > _WORTH_GATHERING * barred.size:
        _fill_all(fit, signal, std, start, stop, out, status)
        return
    if not wanted.size:
        return
    part = np.ascontiguousarray(signal[:, wanted])
    noise = None if std is None else np.ascontiguousarray(std[:, wanted])
    results, codes = np.ascontiguousarray(out[:, wanted]), np.zeros(wanted.size, np.uint8)
    _fill_all(fit, part, noise, 0, wanted.size, results, codes)
    out[:, wanted], status[wanted] = results, codes


def _settle(out: np.ndarray, status: np.ndarray, barred: np.ndarray) -> None:
    """Give excluded pixels their status, and no value to those whose status allows none."""
    np.copyto(status, barred, where=barred > 0)
    if status.any():
        out += _SPOILS[status]


def _run_frames(
    fit: BlockFit,
    signal: xr.DataArray,
    noise: xr.DataArray | None,
    excluded: np.ndarray,
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
        _refit_gaps(fit, images, std, excluded[lead] == 0, out[lead], status[lead])
        _settle(out[lead], status[lead], excluded[lead])


def _refit_gaps(
    fit: BlockFit,
    signal: xr.DataArray,
    std: xr.DataArray | None,
    wanted: np.ndarray,
    out: np.ndarray,
    status: np.ndarray,
) -> None:
    """The slow path for streamed spectra with gaps; unwanted ones are masked anyway."""
    waiting = np.flatnonzero((status == MISSING) & wanted)
    size = signal.sizes[spectral_dim(signal)] * 4 * (1 if std is None else 2)
    step = max(1, LAZY_BYTES // size)
    for first in range(0, waiting.size, step):
        pixels = waiting[first : first + step]
        data, noise = gather(signal, std, pixels)
        results, codes = np.full((out.shape[0], pixels.size), np.nan, out.dtype), status[pixels]
        refit_missing(fit, data, noise, 0, pixels.size, results, codes)
        out[:, pixels], status[pixels] = results, codes


def as_maps(
    signal: xr.DataArray,
    specs: tuple[MapSpec, ...],
    out: np.ndarray,
    status: np.ndarray,
) -> xr.Dataset:
    """Results as a map set.

    Parameters
    ----------
    signal : xarray.DataArray
        ``(..., spectral, y, x)``, for dimensions and coordinates.
    specs : tuple of MapSpec
        One per row of the results.
    out, status : ndarray
        From `run_fit`; the maps are views of `out`, but for those with an origin (float64).
    """
    dim = spectral_dim(signal)
    dims = tuple(str(d) for d in signal.dims if d != dim)
    shape = tuple(signal.sizes[d] for d in dims)
    variables: dict[str, xr.Variable] = {}
    for row, spec in enumerate(specs):
        values = out[:, row].reshape(shape)
        if spec.origin:
            values = values + np.float64(spec.origin)
        variables[spec.name] = xr.Variable(dims, values, spec.attrs())
    variables["status"] = status_variable(status.reshape(shape), dims)
    coords = {name: c.variable for name, c in signal.coords.items() if dim not in c.dims}
    return xr.Dataset(variables, coords)
