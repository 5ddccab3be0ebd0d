"""Counts in memory to optical density through the compiled kernel."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.analysis import result_memory
from socwidgets.analysis.blocks import Block, blocks_in_memory, run_blocks
from socwidgets.model.names import X, Y, spectral_dim
from socwidgets.model.watch import NOBODY, Watch

#: Pixels of a block; all energies of one take some milliseconds.
_BLOCK_PIXELS = 65536


def convert_in_memory(
    signal: xr.DataArray,
    flat: xr.DataArray,
    dark: xr.DataArray,
    limits: dict[str, float],
    per_flat: np.ndarray,
    with_noise: bool,
    watch: Watch = NOBODY,
) -> tuple[xr.DataArray, xr.DataArray | None, xr.DataArray] | None:
    """Optical density, its counting noise and the status of each pixel.

    Parameters
    ----------
    signal : xarray.DataArray
        ``(..., spectral, y, x)`` in any order, counts.
    flat, dark : xarray.DataArray
        Counts without sample and without beam: a scalar, ``(spectral,)``, ``(y, x)`` or
        ``(spectral, y, x)``.
    limits : dict
        Keywords of `socwidgets.kernels.optical_density.optical_density_block`.
    per_flat : ndarray
        ``(spectral,)``, one over the number of averaged flats, 0 for a flat without noise.
    with_noise : bool
        Whether the counting noise is wanted.
    watch : Watch
        Told at every block.

    Returns
    -------
    tuple or None
        Optical density and noise (or None) with the signal's dims, status ``(..., y, x)`` uint8.
        None if something is lazy, or the flat or the dark has other dims.
    """
    from socwidgets.kernels.optical_density import optical_density_block

    dim = spectral_dim(signal)
    beam, shade = _as_plane(flat, dim), _as_plane(dark, dim)
    if beam is None or shade is None or not _in_memory(signal):
        return None
    ordered = signal.transpose(..., dim, Y, X)
    lead = ordered.shape[:-3]
    counts = ordered.values.reshape(-1, ordered.sizes[dim], ordered.sizes[Y] * ordered.sizes[X])
    od = result_memory.empty(counts.shape, np.float32)
    std = result_memory.empty(counts.shape, np.float32) if with_noise else None
    status = np.empty((counts.shape[0], counts.shape[2]), np.uint8)
    images = [_countable(image) for image in counts]

    def work(block: Block) -> None:
        number = block.lead
        optical_density_block(
            images[number], beam, shade, block.start, block.stop, od[number],
            None if std is None else std[number], status[number], per_flat=per_flat, **limits,
        )  # fmt: skip

    pixels = counts.shape[2]
    run_blocks(
        blocks_in_memory(counts.shape[0], pixels, _BLOCK_PIXELS),
        work,
        progress=watch,
        cancel=watch.cancel,
    )
    codes = ordered.isel({dim: 0}, drop=True).copy(data=status.reshape(*lead, *ordered.shape[-2:]))
    density = _like(ordered, od).transpose(*signal.dims)
    noise = None if std is None else _like(ordered, std).transpose(*signal.dims)
    return density, noise, codes


def _like(template: xr.DataArray, values: np.ndarray) -> xr.DataArray:
    made = template.copy(data=values.reshape(template.shape))
    # Not drop_attrs, which copies the numbers.
    made.attrs = {}
    return made


def _in_memory(array: xr.DataArray) -> bool:
    return array.chunks is None and array.variable._in_memory


def _countable(image: np.ndarray) -> np.ndarray:
    """Counts as the kernel takes them: detectors' uint16 as it is, all else as float32."""
    kind = np.uint16 if image.dtype == np.uint16 else np.float32
    return np.ascontiguousarray(image, dtype=kind)


def _as_plane(array: xr.DataArray, dim: str) -> np.ndarray | None:
    """``(spectral or 1, pixels or 1)`` float32; None where it has other dims or is lazy."""
    dims = set(array.dims)
    if not dims <= {dim, Y, X} or (Y in dims) != (X in dims) or not _in_memory(array):
        return None
    wanted = [d for d in (dim, Y, X) if d in dims]
    values = np.asarray(array.transpose(*wanted).values, dtype=np.float32)
    energies = array.sizes[dim] if dim in dims else 1
    return np.ascontiguousarray(values.reshape(energies, -1))
