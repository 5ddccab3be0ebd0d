"""A folder of single frames (TIFF, or ALS text frames without their header) with energies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.io.als_frames import read_text_frame
from socwidgets.io.assemble import assemble, read_energies
from socwidgets.io.energy_list import require_energy_list
from socwidgets.io.incident import incident_variable
from socwidgets.io.lazy import FrameSource, as_array, content_name
from socwidgets.io.tiff_source import TiffSource
from socwidgets.model.errors import DataError, ReadError

_SUFFIXES = ((".tif", ".tiff"), (".xim",))


def is_frame_folder(path: Path) -> bool:
    """Whether a folder holds single frames in a format that is known."""
    return path.is_dir() and bool(_frames(path))


def read_folder(
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
    """Read a folder of single frames, sorted by the numbers in their names.

    Parameters
    ----------
    path : Path
        Folder with ``.tif`` frames, or with ``.xim`` frames whose header is lost.
    energies, units, dim, i0, quantity, pixel_um
        As for `read_tiff`.
    lazy : bool, optional
        Read frame by frame when needed; by default only for a stack larger than half of the free
        memory.

    Returns
    -------
    xarray.Dataset
        ``signal (energy, y, x)``.

    Raises
    ------
    ReadError
        A frame is unreadable or truncated, frames are missing, or there are no energies.
    DataError
        A frame of another shape or type; energies that do not fit.
    """
    files = _frames(path)
    listed = require_energy_list(path, energies)
    values = read_energies(listed)
    _check_count(path, files, values.size)
    first = _read_frame(files[0])

    def read(index: int) -> np.ndarray:
        return _same_kind(_read_frame(files[index]), first, files[index], files[0])

    source = FrameSource(read, len(files), first.shape, first.dtype)
    return assemble(
        as_array(source, content_name(*files), lazy, (1, -1, -1)),
        values,
        dim=dim,
        units=units,
        quantity=quantity or ("counts" if files[0].suffix.lower() == ".xim" else None),
        pixel_um=pixel_um,
        what=f"the energy list {Path(listed).name}" if isinstance(listed, Path) else "energies",
        extras=incident_variable(i0, values, dim=dim, units=units),
        attrs={"source_file": path.name},
    )


def read_frames(path: Path) -> np.ndarray:
    """All frames of a folder, ``(frame, y, x)`` in the type of the files.

    Raises
    ------
    ReadError, DataError
        As `read_folder`.
    """
    files = _frames(path)
    first = _read_frame(files[0])
    others = (_same_kind(_read_frame(file), first, file, files[0]) for file in files[1:])
    return np.stack([first, *others])


def _frames(path: Path) -> list[Path]:
    """Frames of the kind of which there are most, in natural order."""
    files = [file for file in path.iterdir() if not file.name.startswith(".")]
    tiffs, texts = ([f for f in files if f.suffix.lower() in kind] for kind in _SUFFIXES)
    return sorted(tiffs if len(tiffs) >= len(texts) else texts, key=_natural)


def _natural(file: Path) -> list[Any]:
    parts = re.split(r"(\d+)", file.name.lower())
    return [int(part) if part.isdecimal() else part for part in parts]


def _read_frame(file: Path) -> np.ndarray:
    if file.suffix.lower() == ".xim":
        return read_text_frame(file)
    source = TiffSource(file)
    if source.shape[0] != 1:
        raise DataError(
            f"the frame {file.name} holds several pages",
            expected="one page in each file of the folder",
            found=f"{source.shape[0]} pages",
            fix="open the file itself instead of the folder",
        )
    return source[0]


def _same_kind(frame: np.ndarray, first: np.ndarray, file: Path, like: Path) -> np.ndarray:
    if frame.shape != first.shape or not np.can_cast(frame.dtype, first.dtype, "safe"):
        raise DataError(
            f"the frame {file.name} has another shape or type",
            expected=f"{first.shape} {first.dtype} as in {like.name}",
            found=f"{frame.shape} {frame.dtype}",
            fix="the frame belongs to another scan, or was cropped: move it out of the folder",
        )
    return frame


def _check_count(path: Path, files: list[Path], count: int) -> None:
    if len(files) >= count:
        return
    # The last number in the name counts the frames.
    found = [re.findall(r"\d+", file.stem) for file in files]
    numbers = {int(texts[-1]) for texts in found if texts}
    gaps = sorted(set(range(min(numbers, default=0), max(numbers, default=0) + 1)) - numbers)
    note = f"; no frame with number {', '.join(map(str, gaps[:8]))}" if gaps else ""
    raise ReadError(
        f"frames are missing in {path.name}",
        expected=f"{count} frames, one for each energy of the list",
        found=f"{len(files)}{note}",
        fix="copy the missing frames, or remove their energies from the list",
    )
