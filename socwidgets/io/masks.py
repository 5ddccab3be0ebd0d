"""Masks: which pixels may be used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.io.columns import read_text, unreadable
from socwidgets.io.tiff import is_tiff
from socwidgets.io.tiff_source import TiffSource
from socwidgets.model.errors import DataError, ReadError
from socwidgets.model.names import VALID, X, Y

_KEPT = "O"


def open_mask(path: Any, like: xr.Dataset | xr.DataArray) -> xr.DataArray:
    """Read a mask that says which pixels may be used.

    An ALS ``.msk`` file has one row of characters for each row of a frame, in the same order;
    ``O`` is a kept pixel and a blank a removed one (checked on a real file made to remove the
    thick part of a sample: the blanks are where the optical density is highest).

    Parameters
    ----------
    path : path or array_like
        ``.msk`` text, a single-page TIFF or ``.npy`` (zero: removed), or ``(y, x)`` values.
    like : xarray.Dataset or DataArray
        A stack or map, for shape and coordinates.

    Returns
    -------
    xarray.DataArray
        ``(y, x)``, bool; True where the pixel is kept. The stack is not changed; pass
        ``mask=`` to `open_stack` to have it in the stack's ``valid``.

    Raises
    ------
    ReadError
        The file is missing, or no mask.
    DataError
        The mask has another shape than `like`.
    """
    named = isinstance(path, (str, os.PathLike))
    values = _read(Path(path).expanduser()) if named else np.asarray(path).astype(bool)
    name = Path(path).name if named else "mask"
    shape = (like.sizes[Y], like.sizes[X])
    if values.shape != shape:
        raise DataError(
            f"the mask {name} does not fit",
            expected=f"{shape[0]} rows of {shape[1]} pixels",
            found=" x ".join(map(str, values.shape)),
            fix="use the mask that was drawn on this stack",
        )
    return xr.DataArray(
        values,
        coords={Y: like[Y], X: like[X]},
        dims=(Y, X),
        name=VALID,
        attrs={"long_name": "Pixel may be used", "mask_file": name},
    )


def _read(path: Path) -> np.ndarray:
    if path.suffix.lower() == ".npy":
        try:
            return np.load(path, allow_pickle=False).astype(bool)
        except OSError as error:
            raise unreadable(path, error) from error
        except ValueError as error:
            raise ReadError(f"{path.name} is no mask", found=str(error)) from error
    if is_tiff(path):
        source = TiffSource(path)
        return np.any(np.asarray(source[(slice(None),) * 3]), axis=0)
    # The blanks of a row are pixels: only the line ends may be stripped.
    lines = [line for line in read_text(path).split("\n") if line.strip("\r")]
    lines = [line.rstrip("\r") for line in lines]
    letters = set("".join(lines))
    widths = {len(line) for line in lines}
    if not lines or not letters <= {_KEPT, " "} or len(widths) != 1:
        raise ReadError(
            f"{path.name} is no mask",
            expected="rows of the characters 'O' (kept) and blank (removed), all of one length",
            found=f"{len(lines)} rows, lengths {sorted(widths)[:3]}, "
            f"characters {' '.join(map(repr, sorted(letters)[:6]))}",
            fix="choose a .msk file, a TIFF or a .npy array",
        )
    return np.array([[letter == _KEPT for letter in line] for line in lines])
