"""Multi-page TIFF stacks with a list of energies."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.io.assemble import assemble, read_energies
from socwidgets.io.columns import unreadable
from socwidgets.io.energy_list import require_energy_list
from socwidgets.io.incident import incident_variable
from socwidgets.io.lazy import as_array, content_name
from socwidgets.model.errors import DataError, ReadError, SocwidgetsError

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: What tifffile raises on damaged files, besides its own error (a ValueError).
_DAMAGE = (ValueError, IndexError, KeyError, TypeError, EOFError, struct.error, RuntimeError)


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


class TiffSource:
    """Pages of one TIFF as an array on disk, ``(page, y, x)``."""

    ndim = 3

    def __init__(self, path: Path) -> None:
        self._path = path
        with _opened(path) as tif:
            series: Any = tif.series[0] if len(tif.pages) == 1 and tif.series else None
            # ImageJ writes large stacks as one page followed by all the others' pixels.
            whole = series is not None and len(series.shape) == 3 and not _has_color(tif)
            self._whole = whole and series.dataoffset is not None
            if self._whole:
                self.shape, self.dtype = tuple(series.shape), np.dtype(series.dtype)
                if series.dataoffset + series.nbytes > path.stat().st_size:
                    raise _truncated(path, "the pixels end after the end of the file")
            else:
                self.shape, self.dtype = _check_pages(path, tif)
            self.pixel_um = _imagej_pixel_um(tif)

    def __getitem__(self, key: Any) -> np.ndarray:
        """Read the pages asked for; `key` is a tuple of slices or integers."""
        import tifffile

        key = key if isinstance(key, tuple) else (key,)
        if self._whole:
            return np.array(tifffile.memmap(self._path, mode="r")[key])
        one = isinstance(key[0], (int, np.integer))
        wanted = [int(key[0])] if one else range(*key[0].indices(self.shape[0]))
        with _opened(self._path) as tif:
            frames = [np.asarray(tif.pages[index].asarray())[key[1:]] for index in wanted]
        if one:
            return frames[0]
        return np.stack(frames) if frames else np.empty((0, *self.shape[1:]), self.dtype)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open TIFF whose damages become clear errors."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as tif:
            if not len(tif.pages):
                raise _truncated(path, "it has no pages")
            yield tif
    except SocwidgetsError:
        raise
    except OSError as error:
        raise unreadable(path, error) from error
    except _DAMAGE as error:
        raise _truncated(path, str(error)) from error


def _truncated(path: Path, found: str) -> ReadError:
    return ReadError(
        f"{path.name} is damaged or truncated",
        expected="a complete TIFF",
        found=found or "pages that cannot be read",
        fix="copy the file again",
    )


def _has_color(tif: Any) -> bool:
    return tif.pages[0].samplesperpixel != 1


def _check_pages(path: Path, tif: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of the stack, after a look at every page (without its pixels)."""
    first, size = tif.pages[0], path.stat().st_size
    if _has_color(tif) or len(first.shape) != 2:
        raise DataError(
            f"the pages of {path.name} are not single-channel images",
            expected="gray images of shape (y, x)",
            found=f"shape {first.shape}",
            fix="export the raw counts, not a colored picture",
        )
    for index, page in enumerate(tif.pages):
        if page.shape != first.shape or page.dtype != first.dtype:
            raise DataError(
                f"page {index} of {path.name} has another shape or type",
                expected=f"{first.shape} {first.dtype} as page 0",
                found=f"{page.shape} {page.dtype}",
                fix="remove thumbnails and summary images from the file",
            )
        ends = zip(page.dataoffsets, page.databytecounts, strict=True)
        if max((start + length for start, length in ends), default=0) > size:
            raise _truncated(path, f"page {index} ends after the end of the file")
    return (len(tif.pages), *first.shape), np.dtype(first.dtype)


def _imagej_pixel_um(tif: Any) -> float | None:
    """Pixel size where ImageJ stated one with its unit; plain resolution tags mean print size."""
    unit = str((tif.imagej_metadata or {}).get("unit", "")).lower()
    scale = {"micron": 1.0, "um": 1.0, "µm": 1.0, "nm": 1e-3, "mm": 1e3}.get(unit)
    tag = tif.pages[0].tags.get("XResolution")
    if scale is None or tag is None or not tag.value[0]:
        return None
    return scale * tag.value[1] / tag.value[0]
