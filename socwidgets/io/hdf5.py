"""HDF5 and NeXus files, read through a mapping of paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from socwidgets.io.assemble import assemble
from socwidgets.io.hdf5_layout import StackLayout
from socwidgets.io.hdf5_source import opened
from socwidgets.io.nexus import find_signal
from socwidgets.model.names import X, Y

_MAGIC = b"\x89HDF\r\n\x1a\n"


def is_hdf5(path: Path) -> bool:
    """Whether a file begins with the HDF5 signature (also after a user block)."""
    try:
        with open(path, "rb") as file:
            for offset in (0, 512, 1024, 2048):
                file.seek(offset)
                if file.read(8) == _MAGIC:
                    return True
    except OSError:
        pass
    return False


def read_hdf5(
    path: Path,
    *,
    signal: str | None = None,
    energy: Any = None,
    energies: Any = None,
    y: str | None = None,
    x: str | None = None,
    i0: Any = None,
    flat: str | None = None,
    dark: str | None = None,
    axis: int | None = None,
    units: str | None = None,
    dim: str | None = None,
    quantity: str | None = None,
    pixel_um: Any = None,
    lazy: bool | None = None,
) -> xr.Dataset:
    """Read a stack from an HDF5 or NeXus file.

    Parameters
    ----------
    path : Path
        The file.
    signal : str, optional
        Path inside the file of the counts, or of their NXdata group; found by itself where
        NeXus attributes lead to exactly one stack (see `nexus.find_signal`).
    energy, y, x : str, optional
        Paths inside the file of the axes; by default what the ``axes`` attribute names.
    energies : path or array_like, optional
        Energies from outside the file, instead of `energy`.
    i0 : str or array_like, optional
        Incident intensity, inside the file ``(energy,)`` or ``(energy, y, x)``, or values.
    flat, dark : str, optional
        Frames without sample and without beam, ``(y, x)``, ``(frame, y, x)`` or
        ``(energy, y, x)``. Flats at every energy become ``i0``; others ``flat``; dark frames are
        averaged to ``(y, x)``.
    axis : int, optional
        Which dimension of the signal is the spectral one, where lengths and names do not tell.
    units, dim, quantity, pixel_um
        As for `read_tiff`; by default from the file.
    lazy : bool, optional
        Read when needed, in pieces that are whole chunks of the file; by default only for a
        signal larger than half of the free memory.

    Returns
    -------
    xarray.Dataset
        ``signal (<spectral>, y, x)`` in the file's own type. The two spatial dimensions keep
        their order in the file, unless names say that x comes before y.

    Raises
    ------
    ReadError
        Damaged file, or no stack in it: lists the datasets with their shapes.
    DataError
        Axes that do not fit, or an ambiguous spectral dimension.
    UnitError
        Units that do not fit an axis.
    """
    with opened(path) as file:
        found = find_signal(file, path, signal)
        data = StackLayout(file, path, found, y, x)
        values, stated, what = data.energies(energy, energies)
        order = data.order(values.size, energy, axis)
        array = data.array(order, lazy)
        sizes = array.shape
        axes = {name: data.space(name, place, sizes) for name, place in ((Y, 1), (X, 2))}
        name = dim or data.dim(order[0])
        extras = {**data.incident(i0, name, sizes), **data.frames(flat, dark, name, sizes)}
        return assemble(
            array,
            values,
            dim=name,
            units=units or stated,
            quantity=quantity,
            y=None if pixel_um is not None else axes[Y],
            x=None if pixel_um is not None else axes[X],
            pixel_um=pixel_um,
            what=what,
            extras=extras,
            attrs={"source_file": path.name, "source_dataset": found.signal},
        )
