"""Multi-page TIFF stacks with a list of energies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from socwidgets.io.assemble import assemble, read_energies
from socwidgets.io.energy_list import require_energy_list
from socwidgets.io.incident import incident_variable
from socwidgets.io.lazy import as_array, content_name
from socwidgets.io.tiff_source import TiffSource

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_tiff(path: Path) -> bool:
    """Whether a file begins like a TIFF or BigTIFF."""
    try:
        with open(path, "rb") as file:
            return file.read(4) in _MAGIC
    except OSError:
        return False


def read_tiff(
    path: Path,
    *,
    energies: Any = None,
    units: str | None = None,
    dim: str = "energy",
    i0: Any = None,
    quantity: str | None = None,
    pixel_um: Any = None,
    lazy: bool | None = None,
) -> xr.Dataset:
    """Read a multi-page TIFF; one page for each energy, row 0 of a page is ``y[0]``.

    Parameters
    ----------
    path : Path
        The file.
    energies : path or array_like, optional
        ``(energy,)``, or a text file with them in its first column. By default a text file beside
        the TIFF, see `find_energy_list` for its name.
    units : str, optional
        Units of the energies, where the numbers do not tell (eV and keV are told apart).
    dim : str
        Name of the spectral axis.
    i0 : path or array_like, optional
        Incident intensity ``(energy,)``.
    quantity : str, optional
        What the pixels are; by default counts for whole numbers, else intensity.
    pixel_um : float or (float, float), optional
        Pixel size; by default what ImageJ wrote into the file, else coordinates count pixels.
    lazy : bool, optional
        Read page by page when needed; by default only for a stack larger than half of the free
        memory.

    Returns
    -------
    xarray.Dataset
        ``signal (energy, y, x)`` in the file's own type.

    Raises
    ------
    ReadError
        Unreadable or truncated file, no list of energies.
    DataError
        Pages of different shape or with colors; energies that do not fit the pages.
    """
    listed = require_energy_list(path, energies)
    values = read_energies(listed)
    source = TiffSource(path)
    what = f"the energy list {Path(listed).name}" if isinstance(listed, Path) else "energies"
    return assemble(
        as_array(source, content_name(path), lazy, (1, -1, -1)),
        values,
        dim=dim,
        units=units,
        quantity=quantity,
        pixel_um=source.pixel_um if pixel_um is None else pixel_um,
        what=what,
        extras=incident_variable(i0, values, dim=dim, units=units),
        attrs={"source_file": path.name},
    )
