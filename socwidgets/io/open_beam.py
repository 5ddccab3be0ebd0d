"""Flat and dark frames from files of their own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import xarray as xr

from socwidgets.io.assemble import read_energies
from socwidgets.io.energy_list import find_energy_list
from socwidgets.io.frame_folder import is_frame_folder, read_frames
from socwidgets.io.registry import open_stack
from socwidgets.io.tiff import is_tiff
from socwidgets.io.tiff_source import TiffSource
from socwidgets.model.names import REPEAT, SIGNAL, X, Y


def read_open_beam(
    flat: str | os.PathLike[str] | None, dark: str | os.PathLike[str] | None
) -> tuple[xr.DataArray | None, xr.DataArray | None]:
    """Read the counts without sample and those without beam.

    Parameters
    ----------
    flat, dark : path-like, optional
        Any stack that `open_stack` reads, or a TIFF or a folder of frames without energies; None
        or empty for none.

    Returns
    -------
    flat : xarray.DataArray or None
        ``(spectral, y, x)`` or as the file has it, counts; ``(repeat, y, x)`` of images without
        energies.
    dark : xarray.DataArray or None
        ``(y, x)``, counts: dark frames know no energy, their mean is what is subtracted.

    Raises
    ------
    ReadError
        If a file cannot be read.
    """
    light, none = (_counts(Path(path).expanduser()) if path else None for path in (flat, dark))
    if none is not None:
        none = none.mean([d for d in none.dims if d not in (Y, X)])
    return light, none


def _counts(path: Path) -> xr.DataArray:
    """Images of a file: at energies where it has them, else repeats of one image."""
    images = None
    if path.is_file() and is_tiff(path):
        images = np.asarray(TiffSource(path)[:])
    elif is_frame_folder(path):
        images = read_frames(path)
    if images is not None:
        listed = find_energy_list(path)
        # A list that lies there for the scan itself counts other frames.
        if listed is None or read_energies(listed).size != len(images):
            return xr.DataArray(images, dims=(REPEAT, Y, X))
    # Unchecked: frames without beam are dark, and full flats are no mistake of the scan. Without
    # positions: what the detector saw lies where the scan does, whatever pixel size is stated.
    return open_stack(path, check=False)[SIGNAL].drop_vars([Y, X], errors="ignore")
